"""The state database: keys, marks, operations, limits and acquires, by example."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from state_builders import ASKED, ESP, EVERYWHERE, HAO, A, B, C, D, added, holding, updated, used

from xfrmspec.xfrm.state_acquire import ManagerAnswer, raise_acquire
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_hash import bucket
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet, run_state_timers
from xfrmspec.xfrm.state_operations import add, delete, flush, key_of, update
from xfrmspec.xfrm.state_validity import refusal_of
from xfrmspec_terms.association import Encapsulation, Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Limits, Mark, Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Family, Protocol, Selector
from xfrmspec_terms.state import (
    Algorithm,
    StateEventKind,
    StateRefusal,
    StateRequest,
)


@pytest.mark.clause("XFRM-SAD-001", "XFRM-SAD-005")
def test_a_new_state_is_valid_unused_and_has_its_mark_cut_to_the_mask() -> None:
    given = replace(ESP, mark=Mark(0x1F, 0xF0), dying=True, lifecycle=Lifecycle.VOID)
    (entry,) = add(StateDatabase(), StateRequest(given, 9), 60).database
    assert entry.association == replace(ESP, mark=Mark(0x10, 0xF0), added=60)
    assert (entry.used, entry.octets, entry.packets, entry.generation) == (None, 0, 0, 0)
    assert (entry.next_check, entry.sequence) == (61, 9)


@pytest.mark.clause("XFRM-SAD-005")
def test_the_key_of_an_ipsec_state_is_destination_spi_and_protocol() -> None:
    database = holding(ESP)
    for same in ({}, {"source": C}, {"mode": Mode.TUNNEL}, {"reqid": 8}, {"if_id": 4}):
        assert added(database, replace(ESP, **same)) is Errno.EEXIST, same
    for other in ({"spi": 0x101}, {"destination": C}, {"protocol": Protocol.AH}):
        assert added(database, replace(ESP, **other)) is Errno.OK, other
    without_spi = replace(ESP, spi=0)
    assert len(holding(without_spi, without_spi)) == 2


@pytest.mark.clause("XFRM-SAD-002")
def test_a_lookup_by_spi_takes_the_youngest_whose_mark_fits_and_never_spi_zero() -> None:
    marked = replace(ESP, mark=Mark(1, 0xFF))
    database = holding(marked, ESP, profile=LINUX_6_1)
    found = database.by_spi(B, 0x100, Protocol.ESP, mark=1)
    assert found is not None
    assert found.association.mark == Mark()
    (only,) = holding(marked)
    assert holding(marked).by_spi(B, 0x100, Protocol.ESP, mark=0x101) == only
    assert holding(marked).by_spi(B, 0x100, Protocol.ESP, mark=2) is None
    assert holding(replace(ESP, spi=0)).by_spi(B, 0, Protocol.ESP) is None
    assert holding(ESP).by_spi(B, 0x100, Protocol.ESP, family=Family.INET) is None


@pytest.mark.clause("XFRM-SAD-003", "XFRM-SAD-006")
def test_route_optimisation_states_are_found_by_both_addresses() -> None:
    routing = replace(HAO, protocol=Protocol.ROUTING)
    database = holding(HAO, routing)
    found = database.by_addresses(A, B, Protocol.ROUTING)
    assert found is not None
    assert found.association.protocol is Protocol.ROUTING
    assert database.by_addresses(C, B, Protocol.ROUTING) is None
    assert added(database, replace(HAO, care_of=D)) is Errno.EEXIST


@pytest.mark.clause("XFRM-SAD-003", "XFRM-SAD-004", "XFRM-SAD-012")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1])
def test_a_larval_state_that_is_filed_elsewhere_is_not_met_by_its_own_addresses(profile: Profile) -> None:
    binding = replace(HAO, care_of=None, filed_under=(A, C))
    waiting = raise_acquire(StateDatabase(profile), binding, ASKED).database
    assert waiting.by_addresses(A, B, Protocol.DESTINATION_OPTIONS) is None
    assert added(waiting, HAO) is Errno.OK
    asked = raise_acquire(StateDatabase(profile), replace(ESP, spi=0, filed_under=(A, C)), ASKED).database
    answered = add(asked, StateRequest(ESP)).database
    assert [entry.association.lifecycle for entry in answered] == [Lifecycle.VALID, Lifecycle.ACQ]


@pytest.mark.clause("XFRM-SAD-003")
def test_a_kernel_meets_what_is_filed_elsewhere_in_the_same_bucket() -> None:
    here, there = bucket(B, A, 0, 8), C
    while bucket(there, A, 0, 8) != here:
        there = IPv6Address(int(there) + 1)
    binding = replace(HAO, care_of=None, filed_under=(A, there))
    for profile, errno in ((LINUX_6_1, Errno.EEXIST), (CLEAN, Errno.OK)):
        waiting = raise_acquire(StateDatabase(profile), binding, ASKED).database
        assert added(waiting, HAO) is errno


@pytest.mark.clause("XFRM-SAD-004")
@pytest.mark.parametrize(
    ("stored", "new", "clean", "linux"),
    [
        (Mark(), Mark(1, 0xFF), True, True),
        (Mark(1, 0xFF), Mark(), True, False),
        (Mark(1, 0xFF), Mark(2, 0xFF), False, False),
        (Mark(1, 0xFF), Mark(1, 0x0F), True, True),
        (Mark(1, 0x0F), Mark(0x11, 0xFF), True, True),
        (Mark(0x11, 0xFF), Mark(1, 0x0F), True, False),
    ],
)
def test_marks_decide_whether_two_states_collide(stored: Mark, new: Mark, clean: bool, linux: bool) -> None:
    for profile, collides in ((CLEAN, clean), (LINUX_6_1, linux), (LINUX_6_18, linux)):
        for state in (ESP, HAO):
            database = holding(replace(state, mark=stored), profile=profile)
            assert (added(database, replace(state, mark=new)) is Errno.EEXIST) == collides, profile.name


@pytest.mark.clause("XFRM-SAD-006", "XFRM-SAD-007")
def test_a_larval_route_optimisation_state_yields_to_an_update_only() -> None:
    larval = raise_acquire(StateDatabase(), replace(HAO, care_of=None), ASKED).database
    assert added(larval, HAO) is Errno.EEXIST
    entry = updated(larval, HAO, now=4)
    assert (entry.association.lifecycle, entry.association.care_of) == (Lifecycle.VALID, C)
    assert entry.association.added == 4


@pytest.mark.clause("XFRM-SAD-007")
def test_an_update_takes_limits_and_ignores_what_makes_the_state() -> None:
    silent = {"reqid": 8, "mode": Mode.TUNNEL, "source": C, "flags": StateFlag.NOECN, "replay_window": 64}
    limits = Limits(hard_packets=9, soft_use_seconds=3)
    given = replace(ESP, limits=limits, selector=EVERYWHERE, **silent)  # type: ignore[arg-type]
    entry = updated(used(holding(ESP), 2), given, 50)
    assert entry.association == replace(ESP, limits=limits)
    assert (entry.packets, entry.octets, entry.used, entry.next_check) == (2, 200, 1, 51)


@pytest.mark.clause("XFRM-SAD-007", "XFRM-SAD-008")
def test_an_update_changes_care_of_address_and_selector_of_route_optimisation_at_once() -> None:
    before = holding(HAO)
    entry = updated(before, replace(HAO, care_of=D, selector=EVERYWHERE))
    assert (entry.association.care_of, entry.association.selector) == (D, EVERYWHERE)
    assert entry.age == before.entries[0].age
    assert entry.generation == 0


@pytest.mark.clause("XFRM-SAD-007")
def test_an_if_id_or_output_mark_in_an_update_raises_the_generation() -> None:
    assert updated(holding(ESP), replace(ESP, if_id=3)).generation == 1
    assert updated(holding(ESP), replace(ESP, output_mark=Mark(1, 1))).generation == 1
    assert updated(holding(replace(ESP, if_id=3)), ESP).association.if_id == 3


@pytest.mark.clause("XFRM-SAD-007")
def test_updates_are_refused_with_the_reason() -> None:
    def refusal(database: StateDatabase, state: SecurityAssociation) -> StateRefusal | None:
        return update(database, StateRequest(state)).refusal

    assert refusal(StateDatabase(), ESP) is StateRefusal.NOT_FOUND
    assert refusal(holding(replace(ESP, internal=True)), ESP) is StateRefusal.INTERNAL_UPDATE
    wrapped = replace(ESP, encapsulation=Encapsulation.UDP)
    assert refusal(holding(ESP), wrapped) is StateRefusal.OTHER_ENCAPSULATION
    assert refusal(holding(wrapped), ESP) is StateRefusal.OTHER_ENCAPSULATION
    assert refusal(holding(wrapped), wrapped) is None
    assert refusal(StateDatabase(), replace(HAO, care_of=None)) is StateRefusal.NO_CARE_OF


@pytest.mark.clause("XFRM-SAD-009")
def test_deletions_name_a_state_by_its_key() -> None:
    assert len(delete(holding(ESP, HAO), key_of(ESP)).database) == 1
    assert delete(holding(HAO), replace(key_of(HAO), source=None)).errno is Errno.EINVAL
    assert delete(holding(ESP), replace(key_of(ESP), spi=1)).errno is Errno.ESRCH
    assert delete(holding(replace(ESP, internal=True)), key_of(ESP)).errno is Errno.EPERM
    larval = raise_acquire(StateDatabase(), replace(ESP, spi=0), ASKED).database
    assert delete(larval, replace(key_of(ESP), spi=0)).errno is Errno.ESRCH


@pytest.mark.clause("XFRM-SAD-010", "XFRM-EVENT-001", "XFRM-EVENT-002")
@pytest.mark.parametrize(("protocol", "left"), [(0, 1), (255, 2), (50, 3), (60, 3), (43, 4)])
def test_a_flush_takes_its_protocol_and_spares_internal_states(protocol: int, left: int) -> None:
    internal = replace(ESP, spi=0x999, internal=True)
    database = holding(ESP, replace(ESP, protocol=Protocol.AH), HAO, internal)
    outcome = flush(database, protocol)
    assert len(outcome.database) == left
    assert [(e.kind, e.protocol) for e in outcome.events] == (
        [] if left == 4 else [(StateEventKind.FLUSH, protocol)]
    )


@pytest.mark.clause("XFRM-SAD-011")
@pytest.mark.parametrize(
    ("state", "algorithms", "errno"),
    [
        (ESP, Algorithm.ENCRYPTION, Errno.OK),
        (ESP, Algorithm.COMBINED, Errno.OK),
        (ESP, Algorithm.ENCRYPTION | Algorithm.AUTHENTICATION, Errno.OK),
        (ESP, Algorithm.AUTHENTICATION, Errno.EINVAL),
        (ESP, Algorithm.COMBINED | Algorithm.ENCRYPTION, Errno.EINVAL),
        (ESP, Algorithm.NONE, Errno.EINVAL),
        (ESP, Algorithm.COMBINED | Algorithm.AUTHENTICATION, Errno.EINVAL),
        (ESP, Algorithm.ENCRYPTION | Algorithm.COMPRESSION, Errno.EINVAL),
        (replace(ESP, protocol=Protocol.AH), Algorithm.AUTHENTICATION, Errno.OK),
        (replace(ESP, protocol=Protocol.AH), Algorithm.ENCRYPTION, Errno.EINVAL),
        (replace(ESP, protocol=Protocol.IPCOMP), Algorithm.COMPRESSION, Errno.OK),
        (replace(ESP, protocol=Protocol.IPCOMP, spi=1 << 16), None, Errno.EINVAL),
        (replace(ESP, protocol=Protocol.TCP), None, Errno.EINVAL),
        (replace(ESP, family=Family.UNSPEC), None, Errno.EINVAL),
        (replace(ESP, mode=Mode.IN_TRIGGER), None, Errno.EINVAL),
        (HAO, None, Errno.OK),
        (HAO, Algorithm.AUTHENTICATION, Errno.EINVAL),
        (replace(HAO, spi=1), None, Errno.EINVAL),
        (replace(HAO, care_of=None), None, Errno.EINVAL),
        (replace(HAO, mode=Mode.TRANSPORT), None, Errno.EINVAL),
        (replace(HAO, encapsulation=Encapsulation.UDP), None, Errno.EINVAL),
        (replace(ESP, selector=Selector.between("0.0.0.0/0", "0.0.0.0/0")), None, Errno.EPROTONOSUPPORT),
    ],
)
def test_states_are_accepted_or_refused(
    state: SecurityAssociation, algorithms: Algorithm | None, errno: Errno
) -> None:
    reason = refusal_of(StateRequest(state, algorithms=algorithms))
    assert (Errno.OK if reason is None else reason.errno) is errno


@pytest.mark.clause("XFRM-SAD-011")
def test_tunnel_and_beet_may_change_the_family_and_an_open_one_is_filled() -> None:
    ipv4 = Selector.between("0.0.0.0/0", "0.0.0.0/0")
    for mode in (Mode.TUNNEL, Mode.BEET):
        assert refusal_of(StateRequest(replace(ESP, mode=mode, selector=ipv4))) is None
    open_family = replace(EVERYWHERE, family=Family.UNSPEC)
    for flags, family in ((StateFlag.NONE, Family.INET6), (StateFlag.AF_UNSPEC, Family.UNSPEC)):
        (entry,) = holding(replace(ESP, selector=open_family, flags=flags))
        assert entry.association.selector == replace(EVERYWHERE, family=family)


@pytest.mark.clause("XFRM-SAD-012", "XFRM-ACQ-002")
def test_a_new_ipsec_state_takes_the_place_of_the_larval_one_it_answers() -> None:
    question = replace(ESP, spi=0)
    answers = (ManagerAnswer(5), ManagerAnswer(8, taken=False))
    larval = raise_acquire(StateDatabase(), question, answers)
    assert larval.database.entries[0].sequence == 8
    assert [event.sequence for event in larval.events] == [5]
    by_number = StateRequest(replace(ESP, source=C, reqid=9), 8)
    assert len(add(larval.database, by_number).database) == 1
    assert len(add(larval.database, replace(by_number, sequence=5)).database) == 2
    by_key = StateRequest(replace(ESP, if_id=77))
    assert len(add(larval.database, by_key).database) == 1
    assert len(add(larval.database, StateRequest(replace(ESP, mode=Mode.TUNNEL))).database) == 2


@pytest.mark.clause("XFRM-SAD-012")
def test_a_new_state_raises_the_generation_of_those_it_could_replace() -> None:
    database = holding(ESP, replace(ESP, spi=1, reqid=8), replace(HAO, reqid=7))
    after = add(database, StateRequest(replace(ESP, spi=2))).database
    generations = {e.association.spi: e.generation for e in after if e.association.spi}
    assert generations == {0x100: 2, 1: 0, 2: 0}


@pytest.mark.clause("XFRM-LIFE-004", "XFRM-LIFE-005")
def test_three_packets_pass_a_hard_limit_of_three_and_the_second_warns() -> None:
    database = holding(replace(ESP, limits=Limits(soft_packets=1, hard_packets=3)))
    told: list[list[StateEventKind]] = []
    for _ in range(3):
        asked = ask_to_use(database, database.entries[0], 5)
        assert asked.refusal is None
        told.append([event.kind for event in asked.events])
        database = count_packet(asked.database, database.entries[0], 10)
    assert told == [[], [StateEventKind.EXPIRE_SOFT], []]
    refused = ask_to_use(database, database.entries[0], 5)
    assert refused.refusal is StateRefusal.LIMIT_REACHED
    assert refused.database.entries[0].association.lifecycle is Lifecycle.EXPIRED
    gone, events = run_state_timers(refused.database, 5)
    assert not gone.entries
    assert [(second, event.kind) for second, event in events] == [(5, StateEventKind.EXPIRE_HARD)]


@pytest.mark.clause("XFRM-LIFE-006", "XFRM-LIFE-007", "XFRM-EVENT-002")
@pytest.mark.parametrize("state", [ESP, HAO], ids=["esp", "hao"])
def test_seconds_since_addition_warn_once_and_end_the_state(state: SecurityAssociation) -> None:
    timed = replace(state, limits=Limits(soft_add_seconds=4, hard_add_seconds=9), added=100)
    database, events = run_state_timers(holding(timed), 200)
    assert not database.entries
    assert [(second, event.kind) for second, event in events] == [
        (104, StateEventKind.EXPIRE_SOFT),
        (109, StateEventKind.EXPIRE_HARD),
    ]


@pytest.mark.clause("XFRM-LIFE-006")
def test_an_unused_state_reaches_no_limit_of_use() -> None:
    timed = replace(ESP, limits=Limits(soft_use_seconds=2, hard_use_seconds=5))
    idle, events = run_state_timers(holding(timed), 100)
    assert (len(idle), events) == (1, ())
    busy, _ = run_state_timers(used(idle, 1, now=100), 120)
    assert not busy.entries


@pytest.mark.clause("XFRM-ACQ-001", "XFRM-ACQ-003", "XFRM-ARCH-005")
def test_a_larval_state_lives_thirty_seconds_and_exists_only_if_a_manager_takes_the_question() -> None:
    nobody = raise_acquire(StateDatabase(), replace(ESP, spi=0), (ManagerAnswer(1, taken=False),))
    assert (nobody.errno, len(nobody.database)) == (Errno.ESRCH, 0)
    larval = raise_acquire(StateDatabase(), replace(ESP, spi=0), ASKED, 10).database
    assert len(run_state_timers(larval, 39)[0]) == 1
    database, events = run_state_timers(larval, 40)
    assert not database.entries
    assert events[0][1].state is not None
    assert (events[0][1].kind, events[0][1].state.spi) == (StateEventKind.EXPIRE_HARD, 0)


@pytest.mark.clause("XFRM-FIND-004")
def test_a_table_that_grows_turns_the_order_of_equals_around_where_the_profile_says_so() -> None:
    equals = [replace(ESP, spi=spi) for spi in range(1, 9)]
    orders = {
        profile.name: [e.association.spi for e in holding(*equals, profile=profile)]
        for profile in (CLEAN, LINUX_6_1)
    }
    assert orders["clean"] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert orders["linux-6.1"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert holding(*equals[:7], profile=LINUX_6_1).entries[0].association.spi == 7
