"""Acceptance of mobility headers: the order of the tests, and what is answered where."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from random import Random

import pytest

from xfrmspec.mipv6.acceptance import Accepted, Refused, accept, answer_without_listener
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec.wire.options import home_address_header
from xfrmspec.wire.route_optimisation import exchange_home_address
from xfrmspec_terms.answers import Answer, ParameterProblem, SendBindingError
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet, Type2RoutingHeader
from xfrmspec_terms.mobility import (
    UNSPECIFIED,
    BindingErrorStatus,
    BindingRefreshRequest,
    BindingUpdate,
    MobilityFault,
    UnknownMessage,
)
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile

HOME, CARE_OF, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("1", "c", "2"))
IP = IPv6Header(HOME, PEER)
SHORT_UPDATE = MobilityHeader(5, bytes(2))
UNKNOWN = BindingErrorStatus.UNRECOGNIZED_MESSAGE_TYPE


def arrived(header: MobilityHeader) -> Packet:
    packet = decode(encode(Packet((IP, header))))
    assert isinstance(packet, Packet)
    return packet


def fault_of(header: MobilityHeader, profile: Profile) -> MobilityFault | None:
    found = accept(arrived(header), profile)
    return found.refusal.fault if isinstance(found, Refused) else None


@pytest.mark.clause("XFRM-MH-006")
def test_a_whole_message_is_accepted_with_every_test_it_passed() -> None:
    for profile in (CLEAN, LINUX_6_1):
        found = accept(arrived(header_of(BindingUpdate(1, lifetime=2))), profile)
        assert isinstance(found, Accepted)
        assert isinstance(found.message, BindingUpdate)
        assert len(found.reasons) == 4
        assert all(reason.held for reason in found.reasons)


@pytest.mark.clause("XFRM-MH-006")
@pytest.mark.parametrize(
    ("header", "fault", "answer"),
    [
        (replace(header_of(BindingRefreshRequest()), checksum=1), MobilityFault.CHECKSUM, None),
        (header_of(UnknownMessage(8)), MobilityFault.UNKNOWN_TYPE, SendBindingError(UNKNOWN, UNSPECIFIED)),
        (
            replace(header_of(BindingRefreshRequest()), payload_protocol=17),
            MobilityFault.PAYLOAD_PROTOCOL,
            40,
        ),
        (SHORT_UPDATE, MobilityFault.TOO_SHORT, 41),
        (MobilityHeader(4, bytes(10)), MobilityFault.TOO_SHORT, 41),
        (MobilityHeader(5, bytes(6) + bytes.fromhex("02030000")), MobilityFault.OPTION_PAST_END, None),
    ],
)
def test_every_fault_has_its_answer(
    header: MobilityHeader, fault: MobilityFault, answer: Answer | int | None
) -> None:
    found = accept(arrived(header), CLEAN)
    assert isinstance(found, Refused)
    expected = ParameterProblem(0, answer) if isinstance(answer, int) else answer
    assert (found.refusal.fault, found.answer, found.early) == (fault, expected, False)
    assert not found.reasons[-1].held


@pytest.mark.clause("XFRM-MH-006", "XFRM-MH-007")
def test_the_order_of_the_tests_and_that_of_linux() -> None:
    """Everything is wrong at first; what is mended shows the next test."""
    everything = replace(MobilityHeader(5, bytes(2), 17), checksum=1)
    mended = replace(everything, checksum=None)
    told = [fault_of(header, CLEAN) for header in (everything, mended, replace(mended, payload_protocol=59))]
    assert told == [MobilityFault.CHECKSUM, MobilityFault.PAYLOAD_PROTOCOL, MobilityFault.TOO_SHORT]
    longer = replace(everything, data=bytes(10))
    whole = replace(longer, payload_protocol=59)
    told = [fault_of(header, LINUX_6_1) for header in (everything, longer, whole)]
    assert told == [MobilityFault.TOO_SHORT, MobilityFault.PAYLOAD_PROTOCOL, MobilityFault.CHECKSUM]
    unknown = MobilityHeader(99, bytes(2), 17)
    assert fault_of(unknown, CLEAN) is MobilityFault.UNKNOWN_TYPE
    assert fault_of(unknown, LINUX_6_1) is MobilityFault.PAYLOAD_PROTOCOL


@pytest.mark.clause("XFRM-MH-007")
def test_only_linux_refuses_a_header_before_its_policies() -> None:
    for profile, early in ((CLEAN, False), (LINUX_6_1, True)):
        found = accept(arrived(SHORT_UPDATE), profile)
        assert isinstance(found, Refused)
        assert found.early is early
        late = accept(arrived(replace(header_of(BindingUpdate(1)), checksum=1)), profile)
        assert isinstance(late, Refused)
        assert not late.early


@pytest.mark.clause("XFRM-MH-006")
def test_pointers_count_every_header_and_a_binding_error_names_the_home_address() -> None:
    option = home_address_header(HOME)
    outer = IPv6Header(CARE_OF, PEER)
    for seen in (False, True):
        sent = Packet((outer, option, SHORT_UPDATE))
        packet = exchange_home_address(sent) if seen else sent
        assert isinstance(packet, Packet)
        found = accept(packet, CLEAN)
        assert isinstance(found, Refused)
        assert found.answer == ParameterProblem(0, 40 + 24 + 1)
        unknown = accept(replace(packet, headers=(*packet.headers[:-1], MobilityHeader(8, bytes(2)))), CLEAN)
        assert isinstance(unknown, Refused)
        assert unknown.answer == SendBindingError(UNKNOWN, HOME)


@pytest.mark.clause("XFRM-MH-008")
def test_without_a_listener_the_pointer_is_where_the_header_is_named() -> None:
    routed = Packet((IP, Type2RoutingHeader(HOME), home_address_header(HOME), SHORT_UPDATE))
    assert answer_without_listener(arrived(SHORT_UPDATE)) == ParameterProblem(1, 6)
    assert answer_without_listener(routed) == ParameterProblem(1, 64)


@pytest.mark.clause("XFRM-MH-006")
def test_random_headers_are_judged_without_an_exception() -> None:
    random = Random(9)
    faults = set()
    for _ in range(5_000):
        data = bytes(
            random.choice((0, 1, 4, random.randrange(256))) for _ in range(2 + 8 * random.randrange(5))
        )
        protocol = random.choice((59, 59, 59, 17))
        header = MobilityHeader(random.randrange(9), data, protocol, checksum=random.choice((None, None, 7)))
        for profile in (CLEAN, LINUX_6_1):
            found = accept(Packet((IP, header)), profile)
            faults.add(found.refusal.fault if isinstance(found, Refused) else None)
    assert {*MobilityFault, None} - faults <= {MobilityFault.TRUNCATED, MobilityFault.AUTHORIZATION_NOT_LAST}
    with pytest.raises(ValueError, match="no mobility header"):
        accept(Packet((IP, UpperLayer(59))), CLEAN)
