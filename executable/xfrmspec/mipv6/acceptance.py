"""Which mobility messages a node accepts, and what it answers about the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.wire.chain import header_sizes
from xfrmspec.wire.mobility import least_length, message_of
from xfrmspec.wire.options import home_address_options
from xfrmspec_terms.answers import Answer, ParameterProblem, SendBindingError
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import (
    UNSPECIFIED,
    BindingErrorStatus,
    MobilityFault,
    MobilityMessage,
    MobilityMessageType,
    MobilityRefusal,
)
from xfrmspec_terms.outcome import Reason
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

_PROTOCOL_AT, _LENGTH_AT, _TYPE_AT, _CHECKSUM_AT = 0, 1, 2, 4
_ERRONEOUS_FIELD, _UNKNOWN_NEXT_HEADER = 0, 1
_NEXT_HEADER_OF_IPV6 = 6


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that its receiver may act upon, and the tests that it passed."""

    message: MobilityMessage
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that is dropped: the fault, what is sent back (None for nothing), and the tests.

    `early` says that the header is dropped where it arrives, before checksum and policies are looked at.
    """

    refusal: MobilityRefusal
    answer: Answer | None = None
    early: bool = False
    reasons: tuple[Reason, ...] = ()


_Test = Callable[[MobilityHeader], MobilityFault | None]


def _payload_protocol(header: MobilityHeader) -> MobilityFault | None:
    wrong = header.payload_protocol != Protocol.NO_NEXT_HEADER
    return MobilityFault.PAYLOAD_PROTOCOL if wrong else None


def _length(header: MobilityHeader) -> MobilityFault | None:
    short = length_field(header) < least_length(header.type)
    return MobilityFault.TOO_SHORT if short else None


def _checksum(header: MobilityHeader) -> MobilityFault | None:
    return None if header.checksum is None else MobilityFault.CHECKSUM


def _known_type(header: MobilityHeader) -> MobilityFault | None:
    return None if header.type in set(MobilityMessageType) else MobilityFault.UNKNOWN_TYPE


_OFFSETS = {
    MobilityFault.PAYLOAD_PROTOCOL: _PROTOCOL_AT,
    MobilityFault.TOO_SHORT: _LENGTH_AT,
    MobilityFault.CHECKSUM: _CHECKSUM_AT,
    MobilityFault.UNKNOWN_TYPE: _TYPE_AT,
}
_CLEAN: tuple[_Test, ...] = (_checksum, _known_type, _payload_protocol, _length)
_EARLY: tuple[_Test, ...] = (_length, _payload_protocol)
_LATE: tuple[_Test, ...] = (_checksum, _known_type)


def length_field(header: MobilityHeader) -> int:
    """Return the length field of a header that was read, in units of 8 octets without the first."""
    return (6 + len(header.data)) // 8 - 1 if header.length is None else header.length


@clause("XFRM-MH-006", "XFRM-MH-007")
def accept(packet: Packet, profile: Profile) -> Accepted | Refused:
    """Judge the mobility header at the end of a packet whose other headers were worked through.

    The checksum is the one that was read with the final addresses (XFRM-PKT-003). ValueError for a packet
    that ends in another header. Source: RFC 6275 9.2; kernel mip6_mh_filter, rawv6_rcv_skb.
    """
    header = packet.headers[-1]
    if not isinstance(header, MobilityHeader):
        raise ValueError("the packet has no mobility header")
    early = _EARLY if profile.mobility_header_judged_early else ()
    late = _LATE if profile.mobility_header_judged_early else _CLEAN
    reasons: list[Reason] = []
    for test in (*early, *late):
        fault = test(header)
        reasons.append(_reason(test, fault))
        if fault is not None:
            refused = Refused(MobilityRefusal(fault, _OFFSETS[fault]), early=test in early)
            return replace(refused, answer=_answer(packet, fault), reasons=tuple(reasons))
    message = message_of(header)
    if isinstance(message, MobilityRefusal):
        reason = Reason("XFRM-MH-003", "options", False, message.fault.value)
        return Refused(message, reasons=(*reasons, reason))
    return Accepted(message, tuple(reasons))


def _reason(test: _Test, fault: MobilityFault | None) -> Reason:
    subject = test.__name__.strip("_").replace("_", " ")
    return Reason("XFRM-MH-006", subject, fault is None, fault.value if fault else "as it must be")


@clause("XFRM-MH-006")
def _answer(packet: Packet, fault: MobilityFault) -> Answer | None:
    """A wrong field is told to the source on the wire; an unknown type by a binding error."""
    if fault in (MobilityFault.PAYLOAD_PROTOCOL, MobilityFault.TOO_SHORT):
        start = sum(header_sizes(packet.headers, packet.payload)[:-1])
        return ParameterProblem(_ERRONEOUS_FIELD, start + _OFFSETS[fault])
    if fault is MobilityFault.UNKNOWN_TYPE:
        status = BindingErrorStatus.UNRECOGNIZED_MESSAGE_TYPE
        return SendBindingError(status, home_address_of(packet))
    return None


def home_address_of(packet: Packet) -> IPv6Address:
    """Return the home address that a packet had in its option on the wire, or the unspecified address.

    Once exchanged, it is the source of the IPv6 header.
    """
    outer = packet.headers[0]
    option = next(home_address_options(packet.headers), None)
    if option is None or not isinstance(outer, IPv6Header):
        return UNSPECIFIED
    return outer.source if option.exchanged else option.address


@clause("XFRM-MH-008")
def answer_without_listener(packet: Packet) -> ParameterProblem:
    """Return what is sent back about a mobility header for which nobody has a socket.

    The pointer is that of the field which names the header. The policies must have let the packet through.
    Source: RFC 4443 3.4; kernel ip6_protocol_deliver_rcu.
    """
    names_it = sum(header_sizes(packet.headers, packet.payload)[:-2])
    return ParameterProblem(_UNKNOWN_NEXT_HEADER, names_it or _NEXT_HEADER_OF_IPV6)
