"""What a real Linux 6.1 makes of mobility headers: which it delivers, and what it answers to the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import count

import pytest

from kernel.conftest import absent, output_of_script, own_core
from xfrmspec.findings.ledger import finding_named
from xfrmspec.findings.pieces import ANYWHERE, HERE, HOME_ADDRESS_OF_PEER, THERE, policy
from xfrmspec.findings.reproduction import reproduce
from xfrmspec.findings.script import as_script
from xfrmspec.findings.terms import Finding, Needs, ShellExhibit
from xfrmspec.kernel.backends import uml_subject
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.kernel.uml import KernelMissingError, find_kernel
from xfrmspec.mipv6.acceptance import Accepted, Refused, accept, answer_without_listener
from xfrmspec.scenario.observation import Observation, PacketResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import LABORATORY, AddPolicy, AddState, Arrive, Scenario, Step
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec.wire.options import home_address_header
from xfrmspec_terms.answers import ParameterProblem
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.headers import (
    DestinationOptionsHeader,
    IcmpV6Header,
    IPv6Header,
    MobilityHeader,
    Packet,
    Type2RoutingHeader,
    WireHeader,
)
from xfrmspec_terms.mobility import BindingUpdate, HomeTestInit, MobilityFault, MobilityMessageType
from xfrmspec_terms.options import HomeAddressOption, PadN
from xfrmspec_terms.policy import NO_LIMITS, Action, Direction, Mode, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol

IP = IPv6Header(THERE, HERE)
CARE_OF = HOME_ADDRESS_OF_PEER.care_of
PARAMETER_PROBLEM, TIME_EXCEEDED = 4, 3
GIVEN_UP = TIME_EXCEEDED, 1
"""What a guest, which tests share, says of another test's fragments a minute later."""
BLOCKED = replace(policy(ANYWHERE, ANYWHERE, Direction.IN), action=Action.BLOCK)
OPTIMISED = replace(
    policy(ANYWHERE, ANYWHERE, Direction.IN),
    templates=(Template(Protocol.DESTINATION_OPTIONS, Mode.RO),),
)


SOURCES = count(int(IPv6Address("2001:db8:b:1::")))


def stranger() -> IPv6Header:
    """From an address that no packet came from yet: answers to one address are limited in number."""
    return IPv6Header(IPv6Address(next(SOURCES)), HERE)


def arrival(uml: KernelSubject, headers: tuple[WireHeader, ...], *before: Step) -> PacketResult:
    octets = encode(Packet(headers))
    scenario = Scenario((*before, Arrive(octets, Protocol.MOBILITY, depth=1)), octets=True)
    outcome = uml.run(scenario)
    assert isinstance(outcome, Observation), outcome
    result = outcome.results[-1]
    assert isinstance(result, PacketResult)
    return result


def problems(result: PacketResult) -> list[tuple[IPv6Address, ParameterProblem]]:
    """To whom which parameter problems went."""
    told = []
    for octets in result.octets:
        packet = decode(octets)
        assert isinstance(packet, Packet)
        outer, error = packet.headers[0], packet.headers[-1]
        assert isinstance(outer, IPv6Header)
        assert isinstance(error, IcmpV6Header)
        if (error.type, error.code) == GIVEN_UP:
            continue
        assert error.type == PARAMETER_PROBLEM
        told.append((outer.destination, ParameterProblem(error.code, int.from_bytes(error.body, "big"))))
    return told


def judged(headers: tuple[WireHeader, ...]) -> Accepted | Refused:
    packet = decode(encode(Packet(headers)))
    assert isinstance(packet, Packet)
    return accept(packet, LINUX_6_1)


@pytest.mark.clause("XFRM-MH-002", "XFRM-MH-006")
@pytest.mark.parametrize("kind", [*MobilityMessageType, 99])
def test_the_kernel_delivers_exactly_headers_that_are_long_enough(uml: KernelSubject, kind: int) -> None:
    for units in range(1, 4):
        outer, header = stranger(), MobilityHeader(kind, bytes(8 * units - 6))
        result, verdict = arrival(uml, (outer, header)), judged((outer, header))
        early = verdict if isinstance(verdict, Refused) and verdict.early else None
        assert result.delivered == (None if early else outer.source)
        assert result.counters == ()
        assert problems(result) == ([(outer.source, early.answer)] if early else [])


@pytest.mark.clause("XFRM-MH-006", "XFRM-MH-007")
@pytest.mark.parametrize(
    "header",
    [
        MobilityHeader(5, bytes(2)),
        replace(MobilityHeader(5, bytes(2)), checksum=0x1234),
        MobilityHeader(1, bytes(10), 17),
        MobilityHeader(5, bytes(2), 17),
    ],
)
def test_early_answers_of_the_kernel(uml: KernelSubject, header: MobilityHeader) -> None:
    """Neither a policy that blocks nor a wrong checksum keeps the answer back, and nothing is counted."""
    for before in ((), (AddPolicy(BLOCKED),)):
        outer = stranger()
        expected = judged((outer, header))
        assert isinstance(expected, Refused)
        result = arrival(uml, (outer, header), *before)
        assert problems(result) == [(outer.source, expected.answer)]
        assert (result.delivered, result.counters, result.used) == (None, (), ())


@pytest.mark.clause("XFRM-MH-007", "XFRM-MH-009")
def test_a_wrong_checksum_is_dropped_behind_the_policies(uml: KernelSubject) -> None:
    spoilt = replace(header_of(HomeTestInit(bytes(8))), checksum=0x1234)
    verdict = judged((IP, spoilt))
    assert isinstance(verdict, Refused)
    assert (verdict.refusal.fault, verdict.early) == (MobilityFault.CHECKSUM, False)
    result = arrival(uml, (IP, spoilt))
    assert (result.delivered, result.counters, result.octets) == (None, (), ())
    blocked = arrival(uml, (IP, spoilt), AddPolicy(BLOCKED))
    assert blocked.counters == (("XfrmInPolBlock", 1),)


@pytest.mark.clause("XFRM-MH-006", "XFRM-PKT-003")
def test_behind_a_home_address_the_pointer_and_the_address_are_those_of_the_wire(uml: KernelSubject) -> None:
    assert isinstance(CARE_OF, IPv6Address)
    before = (AddPolicy(OPTIMISED), AddState(HOME_ADDRESS_OF_PEER))
    outer, option = IPv6Header(CARE_OF, HERE), home_address_header(IPv6Address(str(THERE)))
    whole = arrival(uml, (outer, option, header_of(BindingUpdate(1, lifetime=2))), *before)
    assert whole.delivered == THERE
    short = (outer, option, MobilityHeader(5, bytes(2)))
    verdict = judged(short)
    assert isinstance(verdict, Refused)
    assert verdict.answer == ParameterProblem(0, 65)
    assert problems(arrival(uml, short, *before)) == [(CARE_OF, verdict.answer)]


@pytest.mark.clause("XFRM-HAO-001", "XFRM-HAO-002", "XFRM-HAO-007")
def test_two_home_addresses_and_odd_ones(uml: KernelSubject) -> None:
    """A second option in one header is seen only behind the search for a state."""
    assert isinstance(CARE_OF, IPv6Address)
    outer, message = IPv6Header(CARE_OF, HERE), header_of(BindingUpdate(1, lifetime=2))
    home = HomeAddressOption(IPv6Address(str(THERE)))
    twice = DestinationOptionsHeader((PadN(bytes(2)), home, PadN(bytes(4)), home))
    single = home_address_header(home.address)
    known = (AddPolicy(OPTIMISED), AddState(HOME_ADDRESS_OF_PEER))
    nothing_found = (("XfrmInNoStates", 1),)
    for headers, without, with_state in (
        ((twice,), nothing_found, ()),
        ((single, single), nothing_found, ()),
        ((home_address_header(IPv6Address("::")),), (), ()),
        ((home_address_header(IPv6Address("ff02::1")),), (), ()),
        ((home_address_header(IPv6Address("::ffff:192.0.2.1")),), (), ()),
        ((home_address_header(IPv6Address("fe80::1")),), nothing_found, nothing_found),
        ((home_address_header(IPv6Address("::1")),), nothing_found, nothing_found),
    ):
        for before, counters in (((), without), (known, with_state)):
            result = arrival(uml, (outer, *headers, message), *before)
            assert (result.delivered, result.counters, result.octets) == (None, counters, ()), headers


@pytest.mark.clause("XFRM-HAO-004", "XFRM-HAO-005")
def test_three_identical_rejects_are_three_reports(uml: KernelSubject) -> None:
    assert isinstance(CARE_OF, IPv6Address)
    headers = (IPv6Header(CARE_OF, HERE), home_address_header(IPv6Address(str(THERE))))
    octets = encode(Packet((*headers, MobilityHeader(99, bytes(2)))))
    arrive = Arrive(octets, Protocol.MOBILITY, depth=1)
    refusing = (AddPolicy(policy(ANYWHERE, ANYWHERE, Direction.IN)), AddState(HOME_ADDRESS_OF_PEER))
    outcome = uml.run(Scenario((*refusing, arrive, arrive, arrive), octets=True))
    assert isinstance(outcome, Observation), outcome
    reports = [result.reports for result in outcome.results if isinstance(result, PacketResult)]
    assert reports == [1, 1, 1]


@pytest.mark.clause("XFRM-HAO-007")
def test_a_link_local_home_address_is_delivered(uml: KernelSubject) -> None:
    assert reproduce(finding_named("F-032"), uml).shown


@pytest.mark.clause("XFRM-HAO-003")
def test_a_spent_binding_gives_way_to_a_wildcard(uml: KernelSubject) -> None:
    """The exact binding takes one packet; the second ends it, and only a wildcard lets it through."""
    assert isinstance(CARE_OF, IPv6Address)
    headers = (IPv6Header(CARE_OF, HERE), home_address_header(IPv6Address(str(THERE))))
    octets = encode(Packet((*headers, header_of(BindingUpdate(1, lifetime=2)))))
    arrive = Arrive(octets, Protocol.MOBILITY, depth=1)
    once = replace(HOME_ADDRESS_OF_PEER, limits=replace(NO_LIMITS, hard_packets=1))
    nowhere = IPv6Address(0)
    anybody = replace(
        HOME_ADDRESS_OF_PEER,
        source=nowhere,
        destination=nowhere,
        care_of=nowhere,
        flags=StateFlag.WILDRECV,
    )
    for states, last in (((once,), None), ((once, anybody), THERE)):
        steps: tuple[Step, ...] = (AddPolicy(OPTIMISED), *map(AddState, states), arrive, arrive)
        outcome = uml.run(Scenario(steps, octets=True))
        assert isinstance(outcome, Observation), outcome
        results = [result for result in outcome.results if isinstance(result, PacketResult)]
        assert [result.delivered for result in results] == [THERE, last]
        assert results[-1].counters == (() if last else (("XfrmInNoStates", 1),))
        assert not differences(outcome, ReferenceSubject(LINUX_6_1).run(Scenario(steps, octets=True)))


@pytest.mark.clause("XFRM-ROUTE-001")
def test_the_order_of_the_tests_at_a_routing_header(uml: KernelSubject) -> None:
    care_of, home, plain = (own.address for own in (LABORATORY.addresses[0], *LABORATORY.addresses[-1:-3:-1]))
    for address, hop_limit, known, seen in (
        (home, 1, False, ((("XfrmInNoStates", 1),), 0)),
        (home, 1, True, ((), 1)),
        (plain, 1, True, ((), 0)),
        (plain, 64, True, ((), 0)),
    ):
        outer = replace(stranger(), destination=care_of, hop_limit=hop_limit)
        state = SecurityAssociation(outer.source, address, Protocol.ROUTING, Mode.RO, care_of=care_of)
        headers = (outer, Type2RoutingHeader(address), header_of(BindingUpdate(1, lifetime=2)))
        result = arrival(uml, headers, *([AddState(state)] if known else []))
        assert (result.counters, len(result.octets)) == seen, (address, hop_limit, known)
        for octets in result.octets:
            packet = decode(octets)
            assert isinstance(packet, Packet)
            error = packet.headers[-1]
            assert isinstance(error, IcmpV6Header)
            assert (error.type, error.code) == (TIME_EXCEEDED, 0)


@pytest.fixture(scope="module")
def silent() -> Iterator[KernelSubject]:
    """A guest in which nobody ever listened to mobility headers."""
    try:
        find_kernel()
    except KernelMissingError as missing:
        absent(str(missing))
    with uml_subject(core=own_core()) as subject:
        yield subject


@pytest.mark.clause("XFRM-MH-008")
def test_without_a_listener_the_kernel_does_not_know_the_header(silent: KernelSubject) -> None:
    for header in (header_of(BindingUpdate(1, lifetime=2)), MobilityHeader(5, bytes(2), 17)):
        for before in ((), (AddPolicy(BLOCKED),)):
            outer = stranger()
            octets = encode(Packet((outer, header)))
            arrive = Arrive(octets, Protocol.UDP, port=9, depth=1)
            outcome = silent.run(Scenario((*before, arrive), octets=True))
            assert isinstance(outcome, Observation), outcome
            result = outcome.results[-1]
            assert isinstance(result, PacketResult)
            answer = answer_without_listener(Packet((outer, header)))
            assert problems(result) == ([] if before else [(outer.source, answer)])
            assert result.counters == ((("XfrmInPolBlock", 1),) if before else ())


@pytest.mark.clause("XFRM-MH-007")
def test_the_script_about_early_answers_shows_the_deviation() -> None:
    finding = finding_named("F-031")
    lines = output_of_failing(as_script(finding))
    assert [line.partition(": ")[0] for line in lines] == ["FAIL"]


def output_of_failing(script: str) -> list[str]:
    """A script that shows a deviation ends with code 1; here it has to end well."""
    return output_of_script(script.replace('exit "$result"', "exit 0")).splitlines()


ASKS_AND_LISTENS = """\
need python3
asked() {
	ip netns exec "$OUTSIDE" python3 -c '
import socket, sys
packet = bytes.fromhex(sys.argv[1])
ear = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
ear.settimeout(1)
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
sender.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))
try:
    answer = ear.recv(2048)
    print(answer[0], answer[1], int.from_bytes(answer[4:8], "big"))
except socket.timeout:
    print("silence")
' "$1"
}
set_source_routes() {
	ip netns exec "$NODE" sh -c "echo $1 >/proc/sys/net/ipv6/conf/$2/accept_source_route"
}
"""


@pytest.mark.clause("XFRM-ROUTE-002")
def test_a_kernel_without_source_routes_complains_about_the_type() -> None:
    message = header_of(BindingUpdate(1, lifetime=2))
    whole, done = (encode(Packet((IP, Type2RoutingHeader(THERE, left), message))).hex() for left in (1, 0))
    tries = (
        ("1", "1", whole, "silence"),
        ("0", "0", whole, "silence"),
        ("-1", "1", whole, "4 0 42"),
        ("1", "-1", whole, "4 0 42"),
        ("1", "-1", done, "silence"),
    )
    lines = "".join(
        f"set_source_routes {everywhere} all\nset_source_routes {here} outer\n"
        f'check "{everywhere} {here}" "{told}" "$(asked {packet})"\n'
        for everywhere, here, packet, told in tries
    )
    exhibit = ShellExhibit(ASKS_AND_LISTENS + lines, Needs.STATES)
    script = as_script(Finding("-", "-", "", (), (exhibit,)))
    verdicts = [line.partition(":")[0] for line in output_of_script(script).splitlines()]
    assert verdicts == ["PASS"] * len(tries)
