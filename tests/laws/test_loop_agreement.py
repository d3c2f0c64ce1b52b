"""The two loops of the reference and of the model, written apart, stop a packet at the same step."""

from __future__ import annotations

from collections import Counter as Tally

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.host.one_state import EMIT_FAILURES, INPUT_COUNTERS
from xfrmspec.host.route_input import is_full
from xfrmspec.xfrm.bundle import Room, reserved_room
from xfrmspec_model import loops
from xfrmspec_model.loops import ArrivingTerm, InputStep, OutputStep, SendingTerm
from xfrmspec_proofs.nodes import packets_counted
from xfrmspec_proofs.passages import Arriving, Sending, received, sent
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.profile import PROFILES, Profile
from xfrmspec_terms.selector import Protocol

EVERY_PROFILE = sorted(PROFILES.values(), key=lambda profile: profile.name)
living = st.one_of(
    st.just(Lifecycle.VALID),
    st.sampled_from([Lifecycle.ACQ, Lifecycle.VALID, Lifecycle.ERROR, Lifecycle.EXPIRED]),
)
seldom = st.integers(0, 5).map(lambda drawn: drawn == 0)
usually = seldom.map(lambda drawn: not drawn)
sendings = st.builds(Sending, lifecycle=living, spent=seldom, numbered=usually)
arrivals = st.builds(
    Arriving,
    depth=st.one_of(st.just(0), st.integers(0, 6)),
    found=usually,
    lifecycle=living,
    same_encapsulation=usually,
    in_window=usually,
    spent=seldom,
    transforms=usually,
    mode_fits=usually,
)


def told_counter(run: loops.Run) -> Counter | None:
    """Return the counter that the model raises, None for none."""
    raised = [counter for place, counter in enumerate(loops.COUNTERS) if run.times(place)]
    assert len(raised) == run.raised() <= 1
    return raised[0] if raised else None


def sending_term(sending: Sending) -> SendingTerm:
    return SendingTerm(True, int(sending.lifecycle), sending.spent, sending.numbered, True)


def arriving_term(arriving: Arriving) -> ArrivingTerm:
    return ArrivingTerm(
        spi_readable=True,
        depth=arriving.depth,
        state_found=arriving.found,
        lifecycle=int(arriving.lifecycle),
        same_encapsulation=arriving.same_encapsulation,
        in_window=arriving.in_window,
        limit_reached=arriving.spent,
        transforms=arriving.transforms,
        in_window_still=True,
        mode_fits=arriving.mode_fits,
    )


@pytest.mark.clause("XFRM-EMIT-001")
def test_the_steps_of_output_and_their_counters_agree() -> None:
    whole = SendingTerm(True, int(Lifecycle.VALID), False, True, True)
    table = {
        step.name: loops.COUNTERS[counter]
        for step in OutputStep
        if isinstance(counter := loops.output_counter(step, whole), int) and counter != loops.NO_COUNTER
    }
    assert list(table.items()) == [(step.name, EMIT_FAILURES[step][0]) for step in sorted(EMIT_FAILURES)]


@pytest.mark.clause("XFRM-RECV-001")
def test_the_steps_of_input_and_their_counters_agree() -> None:
    whole = arriving_term(Arriving(0, True, Lifecycle.VALID, True, True, False, True, True))
    names = {InputStep.STATE: "LOOKUP"}
    table = {
        names.get(step, step.name): loops.COUNTERS[counter]
        for step in InputStep
        if isinstance(counter := loops.input_counter(step, whole), int) and counter != loops.NO_COUNTER
    }
    assert table.pop("SPI") is Counter.IN_HEADER_ERROR
    assert list(table.items()) == [(step.name, INPUT_COUNTERS[step]) for step in sorted(INPUT_COUNTERS)]


@pytest.mark.clause("XFRM-EMIT-001")
@pytest.mark.parametrize("profile", EVERY_PROFILE, ids=lambda profile: profile.name)
def test_what_is_sent_agrees(profile: Profile) -> None:
    seen: Tally[Counter | None] = Tally()

    @given(st.lists(sendings, min_size=1, max_size=4))
    @settings(max_examples=150, deadline=None)
    def law(chain: list[Sending]) -> None:
        run = loops.sent_through([sending_term(each) for each in chain])
        emitted = sent(chain, profile)
        assert told_counter(run) is emitted.counter
        assert run.survives is (emitted.packet is not None)
        for place in range(len(chain)):
            assert run.done(OutputStep.COUNT, place) is (packets_counted(emitted.node, place + 1) == 1)
        seen[emitted.counter] += 1

    law()
    assert seen.keys() >= {
        None,
        Counter.OUT_STATE_INVALID,
        Counter.OUT_STATE_EXPIRED,
        Counter.OUT_STATE_SEQUENCE_ERROR,
    }


@pytest.mark.clause("XFRM-RECV-001", "XFRM-RECV-003")
@pytest.mark.parametrize("profile", EVERY_PROFILE, ids=lambda profile: profile.name)
def test_what_is_received_agrees(profile: Profile) -> None:
    seen: Tally[Counter | None] = Tally()

    @given(arrivals)
    @settings(max_examples=250, deadline=None)
    def law(arriving: Arriving) -> None:
        run = loops.undone(arriving_term(arriving))
        reception = received(arriving, profile)
        assert told_counter(run) is reception.arrived.counter
        assert run.done(InputStep.ADVANCE) is reception.advanced
        assert run.done(InputStep.COUNT) is reception.counted
        seen[reception.arrived.counter] += 1

    law()
    assert len(seen) >= 8


@pytest.mark.clause("XFRM-RECV-003")
@pytest.mark.parametrize("depth", range(8))
@pytest.mark.parametrize("profile", EVERY_PROFILE, ids=lambda profile: profile.name)
def test_the_room_for_route_optimisation_agrees(profile: Profile, depth: int) -> None:
    for protocol in (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING):
        assert loops.has_room(int(protocol), depth, profile) is not is_full(depth, profile)
    for protocol in sorted(IPSEC_PROTOCOLS):
        assert loops.has_room(int(protocol), depth, profile) is (depth < 6)


@pytest.mark.clause("XFRM-BUNDLE-003")
@given(st.lists(st.integers(0, 200), max_size=6))
def test_reserved_room_agrees(sizes: list[int]) -> None:
    told = [room.header for room in reserved_room([Room(size) for size in sizes])]
    assert told == [loops.reserved(sizes, place) for place in range(len(sizes))]
