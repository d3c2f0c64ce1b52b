"""What chapter 4 says of states, part by part, on a real Linux 6.1: the reference agrees with all of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from itertools import combinations

import pytest

from xfrmspec.kernel.key_laboratory import listing_step, request_step, run_steps, unprivileged_step
from xfrmspec.kernel.netlink import Message, MessageKind
from xfrmspec.kernel.netlink_attributes import Algorithm, AttributeKind
from xfrmspec.kernel.netlink_requests import state_key_message, state_message
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.events import EventKind, StoredState
from xfrmspec.scenario.observation import Observation, PacketResult, StepResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    AllocateSpi,
    DeleteState,
    FlushStates,
    Migrate,
    Open,
    Scenario,
    Send,
    SendOn,
    Step,
    UpdateState,
)
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.association import Encapsulation, SecurityAssociation, StateFlag
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import ANY_MARK, NO_LIMITS, Direction, Mark, Mode, Policy, Template, identity_of
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol, Selector

HERE, HERE_TOO, THERE, THERE_TOO = map(
    IPv6Address, ("2001:db8::1", "2001:db8::2", "2001:db8:b::1", "2001:db8:b::2")
)
REFERENCE = ReferenceSubject(LINUX_6_1)
OPEN = Selector.between("::/0", "::/0")
FLOW = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
ESP = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
LARVAL = replace(ESP, spi=0)
TUNNEL = replace(ESP, mode=Mode.TUNNEL)
HOME = SecurityAssociation(HERE, THERE, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=HERE_TOO)
POLICY = Policy(OPEN, Direction.OUT, templates=(Template(Protocol.ESP, Mode.TRANSPORT, reqid=1),))
TUNNEL_POLICY = replace(POLICY, templates=(Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE, reqid=1),))
SENT = Send(FLOW)


def agreed(uml: KernelSubject, *steps: Step) -> Observation:
    """What the kernel shows of a watched scenario; the reference shows the same."""
    scenario = Scenario(steps, watched=True)
    outcome = uml.run(scenario)
    assert isinstance(outcome, Observation), outcome
    assert not differences(REFERENCE.run(scenario), outcome)
    return outcome


def errors(outcome: Observation) -> list[int]:
    return [int(result.errno) for result in outcome.results]


def told(result: StepResult) -> list[tuple[EventKind, bool]]:
    return [(event.kind, event.hard) for event in result.events]


def wire(result: StepResult) -> tuple[tuple[str, ...], ...]:
    assert isinstance(result, PacketResult)
    return result.wire


def only_state(outcome: Observation) -> StoredState:
    (state,) = outcome.states
    return state


SOFT, HARD = (EventKind.EXPIRE, False), (EventKind.EXPIRE, True)
UPDATED, MIGRATED = (EventKind.UPDATE_STATE, False), (EventKind.MIGRATE, False)


@pytest.mark.clause("XFRM-SAD-007")
def test_an_update_with_another_encapsulation_is_refused(uml: KernelSubject) -> None:
    wrapped = replace(ESP, encapsulation=Encapsulation.UDP)
    assert errors(agreed(uml, AddState(ESP), UpdateState(wrapped))) == [0, Errno.EINVAL]
    outcome = agreed(uml, AddState(wrapped), UpdateState(ESP), UpdateState(wrapped))
    assert errors(outcome) == [0, Errno.EINVAL, 0]


@pytest.mark.clause("XFRM-SAD-007", "XFRM-LIFE-004", "XFRM-LIFE-005")
def test_limits_are_applied_at_once_to_a_used_state_only(uml: KernelSubject) -> None:
    """The soft limit is told before the update itself; at the hard one the state is gone with the update."""
    soft = replace(ESP, limits=replace(NO_LIMITS, soft_packets=1))
    hard = replace(ESP, limits=replace(NO_LIMITS, hard_packets=2))
    used = (AddPolicy(POLICY), AddState(ESP), SENT, SENT)
    outcome = agreed(uml, *used, UpdateState(soft), UpdateState(hard), SENT)
    assert told(outcome.results[4]) == [SOFT, UPDATED]
    assert told(outcome.results[5]) == [UPDATED, HARD]
    none_left = replace(ESP, limits=replace(NO_LIMITS, hard_packets=0))
    unused = agreed(uml, AddPolicy(POLICY), AddState(ESP), UpdateState(none_left), SENT)
    assert told(unused.results[2]) == [UPDATED]
    assert errors(unused)[3] == Errno.EINVAL
    assert told(unused.results[3]) == [HARD]


@pytest.mark.clause("XFRM-SAD-007", "XFRM-SAD-012")
def test_an_if_id_of_an_update_makes_a_cached_bundle_invalid(uml: KernelSubject) -> None:
    """A plain update leaves the bundle of a connected socket alone; both packets are carried by it."""
    opened = (AddPolicy(POLICY), AddState(ESP), Open(1, FLOW), SendOn(1))
    plain = agreed(uml, *opened, UpdateState(ESP), SendOn(1))
    assert wire(plain.results[5]) == (("ESP", "UDP"),)
    outcome = agreed(uml, *opened, UpdateState(replace(ESP, if_id=7)), SendOn(1))
    assert wire(outcome.results[3]) == (("ESP", "UDP"),)
    assert wire(outcome.results[5]) == ()


@pytest.mark.clause("XFRM-SAD-007", "XFRM-SAD-012")
@pytest.mark.parametrize(("output_mark", "carried"), [(ANY_MARK, (2, 0)), (Mark(1, 1), (1, 1))])
def test_an_output_mark_of_an_update_makes_a_cached_bundle_invalid(
    uml: KernelSubject, output_mark: Mark, carried: tuple[int, int]
) -> None:
    """A younger state without a mark would be preferred, but only a bundle that is made anew finds it."""
    marked, younger = replace(ESP, mark=Mark(1, 1)), replace(ESP, spi=0x1002)
    policy = replace(POLICY, mark=Mark(1, 1))
    opened = (AddPolicy(policy), AddState(marked), Open(1, replace(FLOW, mark=1)), SendOn(1))
    update = UpdateState(replace(marked, output_mark=output_mark))
    outcome = agreed(uml, *opened, AddState(younger), update, SendOn(1))
    packets = {state.name.spi: state.packets for state in outcome.states}
    assert (packets[marked.spi], packets[younger.spi]) == carried


@pytest.mark.clause("XFRM-SAD-007")
def test_an_update_is_silent_about_what_it_does_not_change(uml: KernelSubject) -> None:
    other = replace(ESP, reqid=2, mode=Mode.TUNNEL, flags=StateFlag.NOECN, source=HERE_TOO)
    outcome = agreed(uml, AddPolicy(POLICY), AddState(ESP), UpdateState(other), SENT)
    assert wire(outcome.results[3]) == (("ESP", "UDP"),)
    name = only_state(outcome).name
    assert (name.reqid, name.mode, name.source) == (1, Mode.TRANSPORT, HERE)
    assert only_state(outcome).flags == 0
    assert errors(agreed(uml, UpdateState(ESP))) == [Errno.ESRCH]


@pytest.mark.clause("XFRM-SAD-011")
def test_which_states_are_refused(uml: KernelSubject) -> None:
    other_family = Selector.between("10.0.0.0/8", "10.0.0.0/8")
    small = replace(ESP, protocol=Protocol.IPCOMP, spi=0xFFFF)
    expected = {
        replace(ESP, selector=other_family): Errno.EPROTONOSUPPORT,
        replace(HOME, selector=other_family): Errno.EPROTONOSUPPORT,
        replace(TUNNEL, selector=other_family): Errno.OK,
        replace(ESP, spi=0x1002, mode=Mode.BEET, selector=other_family): Errno.OK,
        replace(ESP, mode=Mode.IN_TRIGGER): Errno.EINVAL,
        replace(HOME, spi=1): Errno.EINVAL,
        replace(HOME, care_of=None): Errno.EINVAL,
        replace(HOME, mode=Mode.TRANSPORT): Errno.EINVAL,
        replace(HOME, encapsulation=Encapsulation.UDP): Errno.EINVAL,
        replace(small, spi=0x10000): Errno.EINVAL,
        small: Errno.OK,
    }
    outcome = agreed(uml, *map(AddState, expected))
    assert errors(outcome) == list(expected.values())


AUTHENTICATION = Algorithm(AttributeKind.ALG_AUTH, "digest_null")
TRUNCATED = Algorithm(AttributeKind.ALG_AUTH_TRUNC, "hmac(md5)", Secret(bytes(16)), 96)
ENCRYPTION = Algorithm(AttributeKind.ALG_CRYPT, "ecb(cipher_null)")
COMBINED = Algorithm(AttributeKind.ALG_AEAD, "rfc4106(gcm(aes))", Secret(bytes(20)), 128)
COMPRESSION = Algorithm(AttributeKind.ALG_COMP, "deflate")
ACCEPTED = {
    Protocol.AH: ({AUTHENTICATION}, {TRUNCATED}),
    Protocol.ESP: (
        {ENCRYPTION},
        {COMBINED},
        {AUTHENTICATION, ENCRYPTION},
        {TRUNCATED, ENCRYPTION},
    ),
    Protocol.IPCOMP: ({COMPRESSION},),
    Protocol.DESTINATION_OPTIONS: (set(),),
    Protocol.ROUTING: (set(),),
}
"""The sets of algorithms with which a state of each protocol is accepted."""

SETS = [
    {*chosen, *digest}
    for digest in (set(), {AUTHENTICATION}, {TRUNCATED})
    for size in range(4)
    for chosen in combinations((ENCRYPTION, COMBINED, COMPRESSION), size)
]


@pytest.mark.clause("XFRM-SAD-011")
@pytest.mark.parametrize("protocol", list(ACCEPTED))
def test_which_algorithms_a_state_may_have(uml: KernelSubject, protocol: Protocol) -> None:
    optimised = protocol in (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING)
    state = replace(HOME, protocol=protocol) if optimised else replace(ESP, protocol=protocol)
    requests = [state_message(state, sorted(chosen, key=lambda one: one.kind)) for chosen in SETS]
    accepted = [chosen in ACCEPTED[protocol] for chosen in SETS]
    removal = request_step(state_key_message(state))
    steps = [step for request in requests for step in (request_step(request), removal)]
    errors_seen = [errno for (errno,) in run_steps(uml, steps)[::2]]
    assert [errno == 0 for errno in errors_seen] == accepted
    assert set(errors_seen) <= {0, Errno.EINVAL}


@pytest.mark.clause("XFRM-SAD-009", "XFRM-SAD-002", "XFRM-SAD-003")
def test_a_deletion_looks_at_the_source_of_route_optimisation_states_only(uml: KernelSubject) -> None:
    outcome = agreed(
        uml,
        AddState(ESP),
        DeleteState(replace(ESP, source=HERE_TOO)),
        AddState(HOME),
        DeleteState(replace(HOME, source=HERE_TOO)),
        DeleteState(HOME),
        AllocateSpi(LARVAL, 0x300, 0x300),
        DeleteState(replace(ESP, spi=0x300)),
    )
    assert errors(outcome) == [0, 0, 0, Errno.ESRCH, 0, 0, 0]
    assert outcome.states == ()


@pytest.mark.clause("XFRM-SAD-010", "XFRM-EVENT-002")
def test_what_a_flush_removes_and_when_it_is_silent(uml: KernelSubject) -> None:
    flushes = map(FlushStates, (Protocol.AH, Protocol.AH, 255, 255, Protocol.DESTINATION_OPTIONS, 0))
    stored = (AddState(ESP), AddState(HOME), AllocateSpi(LARVAL, 0x300, 0x300))
    outcome = agreed(uml, *stored, AddState(replace(ESP, protocol=Protocol.AH)), *flushes)
    assert [len(result.events) for result in outcome.results[4:]] == [1, 0, 1, 0, 1, 0]


@pytest.mark.clause("XFRM-SAD-012", "XFRM-SPI-001")
def test_an_if_id_is_not_compared_with_that_of_a_larval_state(uml: KernelSubject) -> None:
    """The larval state of another if_id is superseded, and receives the SPI of another if_id's request."""
    asked = AllocateSpi(replace(LARVAL, if_id=5), 0, 0)
    superseded = agreed(uml, asked, AddState(replace(ESP, if_id=9)))
    assert (only_state(superseded).name.spi, only_state(superseded).if_id) == (0x1001, 9)
    given = agreed(uml, asked, AllocateSpi(replace(LARVAL, if_id=6), 0x300, 0x300))
    assert (only_state(given).name.spi, only_state(given).if_id) == (0x300, 5)


@pytest.mark.clause("XFRM-EVENT-003")
@pytest.mark.parametrize("message", [state_message(ESP), state_key_message(ESP, MessageKind.GETSA)])
def test_neither_writing_nor_reading_is_possible_without_privileges(
    uml: KernelSubject, message: Message
) -> None:
    """The first of the three refusals is that of netlink."""
    tried, listed = run_steps(uml, [unprivileged_step(message, 35, b""), listing_step(MessageKind.GETSA)])
    assert tried[0] == Errno.EPERM
    assert listed == []


def moving(*entries: Migration, selector: Selector = OPEN) -> Migrate:
    return Migrate(replace(identity_of(POLICY), selector=selector), entries)


MOVED = Migration(HERE, THERE, HERE, THERE_TOO, Protocol.ESP, Mode.TRANSPORT, 1)
TUNNEL_MOVED = Migration(HERE, THERE, HERE_TOO, THERE_TOO, Protocol.ESP, Mode.TUNNEL, 1)


@pytest.mark.clause("XFRM-MIGR-003")
def test_protocol_255_is_the_only_wildcard_of_a_migration(uml: KernelSubject) -> None:
    udp = Selector.between("::/0", "::/0", Protocol.UDP)
    every = replace(OPEN, protocol=255)
    steps = (moving(MOVED), moving(MOVED, selector=every), moving(MOVED, selector=udp))
    outcome = agreed(uml, AddPolicy(replace(POLICY, selector=udp)), *steps)
    assert errors(outcome) == [0, Errno.ENOENT, 0, 0]


@pytest.mark.clause("XFRM-MIGR-003")
@pytest.mark.parametrize("length", [128, 64])
@pytest.mark.parametrize(("any_protocol", "only_udp"), [(10, 5), (5, 10)])
def test_of_several_policies_the_one_of_smallest_priority_migrates(
    uml: KernelSubject, length: int, any_protocol: int, only_udp: int
) -> None:
    """An ICMPv6 packet shows whether the policy for any protocol got the new ends, where the state now is."""
    ends = (
        f"2001:db8::{1 if length == 128 else 0}/{length}",
        f"2001:db8:b::{1 if length == 128 else 0}/{length}",
    )
    selector, udp = Selector.between(*ends), Selector.between(*ends, Protocol.UDP)
    first = AddPolicy(replace(TUNNEL_POLICY, selector=selector, priority=any_protocol))
    second = AddPolicy(replace(TUNNEL_POLICY, selector=udp, priority=only_udp))
    migration = moving(TUNNEL_MOVED, selector=replace(selector, protocol=255))
    ping = Send(Flow(HERE, THERE, Protocol.ICMPV6, 128, 0))
    outcome = agreed(uml, first, second, AddState(TUNNEL), migration, SENT, ping)
    assert wire(outcome.results[4]) == (("ESP", "IP", "UDP"),)
    assert bool(wire(outcome.results[5])) is (any_protocol < only_udp)


@pytest.mark.clause("XFRM-MIGR-004")
def test_a_copy_keeps_everything_but_addresses(uml: KernelSubject) -> None:
    limits = replace(NO_LIMITS, soft_packets=50, hard_add_seconds=500)
    kept = replace(ESP, limits=limits, flags=StateFlag.NOECN, selector=Selector.between("::/0", "::/0"))
    outcome = agreed(uml, AddPolicy(POLICY), AddState(kept), SENT, SENT, moving(MOVED))
    copy = only_state(outcome)
    assert (copy.name.destination, copy.name.spi) == (THERE_TOO, ESP.spi)
    assert (copy.limits, copy.flags) == (limits, StateFlag.NOECN)
    assert (copy.packets, copy.replay.out_sequence, copy.used) == (2, 2, True)
    marked = replace(ESP, mark=Mark(3, 0xFF), if_id=4)
    policy = replace(POLICY, mark=Mark(3, 0xFF))
    moved = only_state(agreed(uml, AddPolicy(policy), AddState(marked), moving(MOVED)))
    assert (moved.name.mark, moved.if_id) == (Mark(3, 0xFF), 4)


@pytest.mark.clause("XFRM-MIGR-004", "XFRM-LIFE-004")
def test_a_copy_is_not_dying_and_tells_its_soft_limit_again(uml: KernelSubject) -> None:
    soft = replace(ESP, limits=replace(NO_LIMITS, soft_packets=1))
    away = Migration(HERE, THERE, HERE_TOO, THERE, Protocol.ESP, Mode.TRANSPORT, 1)
    back = Migration(HERE_TOO, THERE, HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 1)
    steps = (AddPolicy(POLICY), AddState(soft), SENT, SENT, SENT, moving(away), moving(back), SENT, SENT)
    outcome = agreed(uml, *steps)
    assert [SOFT in told(result) for result in outcome.results[2:]] == [
        *(False, True, False),
        *(False, False),
        *(True, False),
    ]


@pytest.mark.clause("XFRM-MIGR-004", "XFRM-MIGR-005", "XFRM-MIGR-006")
def test_a_route_optimisation_state_moves_along_and_keeps_its_care_of_address(uml: KernelSubject) -> None:
    templates = (*POLICY.templates, Template(Protocol.DESTINATION_OPTIONS, Mode.RO))
    home = Migration(HERE, THERE, HERE, THERE_TOO, Protocol.DESTINATION_OPTIONS, Mode.RO)
    stored = (AddPolicy(replace(POLICY, templates=templates)), AddState(HOME), AddState(ESP))
    outcome = agreed(uml, *stored, moving(MOVED, home))
    assert {(state.name.destination, state.care_of) for state in outcome.states} == {
        (THERE_TOO, HERE_TOO),
        (THERE_TOO, None),
    }
    alone = agreed(uml, *stored, moving(home))
    assert errors(alone)[-1] == Errno.ENODATA
    assert {state.name.destination for state in alone.states} == {THERE}


@pytest.mark.clause("XFRM-MIGR-006", "XFRM-EVENT-002")
def test_only_the_migration_itself_is_told(uml: KernelSubject) -> None:
    """A tunnel's bundle is built anew with the new ends; a transport template stays, and asks for a state."""
    opened = (AddPolicy(TUNNEL_POLICY), AddState(TUNNEL), Open(1, FLOW), SendOn(1))
    outcome = agreed(uml, *opened, moving(TUNNEL_MOVED), SendOn(1))
    assert told(outcome.results[4]) == [MIGRATED]
    assert wire(outcome.results[5]) == (("ESP", "IP", "UDP"),)
    assert only_state(outcome).packets == 2
    opened = (AddPolicy(POLICY), AddState(ESP), Open(1, FLOW), SendOn(1))
    outcome = agreed(uml, *opened, moving(MOVED), SendOn(1))
    assert told(outcome.results[4]) == [MIGRATED]
    assert [kind for kind, _ in told(outcome.results[5])] == [EventKind.ACQUIRE]


@pytest.mark.clause("XFRM-SAD-006", "XFRM-SAD-007", "XFRM-SAD-008")
def test_one_route_optimisation_state_for_each_pair_whatever_its_care_of_address(uml: KernelSubject) -> None:
    moved = replace(HOME, care_of=THERE_TOO)
    outcome = agreed(uml, AddState(HOME), UpdateState(moved), AddState(moved))
    assert errors(outcome) == [0, 0, Errno.EEXIST]
    assert only_state(outcome).care_of == THERE_TOO
