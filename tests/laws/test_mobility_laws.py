"""Laws of mobility messages: two spellings of one thing, refusals and no exceptions, authenticators."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mobility_strategies import (
    binding_acknowledgements,
    binding_updates,
    cookies,
    messages,
    optioned_messages,
)
from packet_strategies import addresses6

from xfrmspec.mipv6.tokens import authorised, binding_management_key, is_authentic
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import (
    header_of,
    least_length,
    message_of,
    octets_to_authenticate,
    option_of,
    type_of,
    with_padding,
    without_padding,
)
from xfrmspec.wire.mobility_options import aligned, mobility_option_octets
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingRefreshAdvice,
    BindingUpdate,
    MobilityFault,
    MobilityMessage,
    MobilityMessageType,
    MobilityRefusal,
    NonceIndices,
    OptionedMessage,
    UnknownMessage,
)

CARE_OF, PEER = IPv6Address("2001:db8::c"), IPv6Address("2001:db8::2")
IP = IPv6Header(CARE_OF, PEER)
STARTS = {
    BindingRefreshAdvice: (2, 0),
    NonceIndices: (2, 0),
    AlternateCareOfAddress: (8, 6),
    BindingAuthorizationData: (8, 2),
}
KINDS = tuple(MobilityMessageType)


def octets_of(message: MobilityMessage) -> bytes:
    return encode(Packet((IP, header_of(message))))


def read(octets: bytes) -> MobilityMessage | MobilityRefusal:
    packet = decode(octets)
    assert isinstance(packet, Packet)
    header = packet.headers[-1]
    assert isinstance(header, MobilityHeader)
    assert header.checksum is None
    return message_of(header)


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-003", "XFRM-MH-004")
@settings(max_examples=400, deadline=None)
@given(messages)
def test_a_message_comes_back_from_its_octets_with_its_padding(message: MobilityMessage) -> None:
    octets = octets_of(message)
    found = read(octets)
    assert (len(octets) - 40) % 8 == 0
    assert octets[41] == (len(octets) - 48) // 8
    if isinstance(message, UnknownMessage):
        assert found == message
        return
    assert found == with_padding(message)
    assert without_padding(found) == message
    assert octets_of(found) == octets


@pytest.mark.clause("XFRM-MH-004")
@settings(max_examples=400, deadline=None)
@given(optioned_messages)
def test_every_option_starts_where_its_type_may_start(message: OptionedMessage) -> None:
    data = header_of(message).data
    options = with_padding(message).options
    place = 6 + len(data) - len(b"".join(map(mobility_option_octets, options)))
    for option in options:
        unit, rest = STARTS.get(type(option), (1, 0))
        assert place % unit == rest
        place += len(mobility_option_octets(option))
    assert place % 8 == 0
    assert aligned(options, place - len(b"".join(map(mobility_option_octets, options)))) == options


@pytest.mark.clause("XFRM-MH-002", "XFRM-MH-003")
@settings(max_examples=150, deadline=None)
@given(optioned_messages)
def test_every_truncation_of_a_message_is_another_message_or_a_refusal(message: OptionedMessage) -> None:
    """Cut behind its fixed data, and not inside an option, a message is whole."""
    header = header_of(message)
    ends = {len(header.data)}
    for option in reversed(with_padding(message).options):
        ends.add(min(ends) - len(mobility_option_octets(option)))
    for end in range(len(header.data)):
        found = message_of(replace(header, data=header.data[:end]))
        assert isinstance(found, MobilityRefusal) == (end not in ends)


@pytest.mark.clause("XFRM-MH-003")
@settings(max_examples=200, deadline=None)
@given(optioned_messages, st.integers(0, 255))
def test_every_wrong_length_of_a_known_option_is_refused(message: OptionedMessage, length: int) -> None:
    header = header_of(message)
    place = 6 + len(header.data)
    for option in reversed(with_padding(message).options):
        octets = mobility_option_octets(option)
        place -= len(octets)
        if type(option) not in STARTS or octets[1] == length:
            continue
        data = bytearray(header.data)
        data[place - 5] = length
        found = message_of(replace(header, data=bytes(data)))
        past = place + 2 + length > 6 + len(data)
        fault = MobilityFault.OPTION_PAST_END if past else MobilityFault.OPTION_LENGTH
        assert found == MobilityRefusal(fault, place)


@pytest.mark.clause("XFRM-MH-002")
@pytest.mark.parametrize("kind", KINDS)
def test_a_header_is_long_enough_exactly_from_its_least_length_on(kind: MobilityMessageType) -> None:
    for length in range(4):
        found = message_of(MobilityHeader(kind, bytes(2 + 8 * length)))
        short = length < least_length(kind)
        assert (found == MobilityRefusal(MobilityFault.TOO_SHORT, 1)) == short
        assert isinstance(found, MobilityRefusal) == short


def test_a_hundred_thousand_random_headers_give_a_message_or_a_refusal_and_never_an_exception() -> None:
    random = Random(6275)
    faults = set()
    for _ in range(100_000):
        kind = random.choice((*KINDS, *KINDS, random.randrange(256)))
        data = bytearray(
            random.choice((0, 0, 1, 2, 255, random.randrange(256))) for _ in range(random.randrange(48))
        )
        if len(data) > 18:
            at = random.choice((2, 6, 10, 18))
            data[at : at + 2] = random.randrange(6), random.choice((2, 4, 12, 16, random.randrange(20)))
        found = message_of(MobilityHeader(kind, bytes(data)))
        assert isinstance(found, (MobilityRefusal, *get_args(MobilityMessage)))
        if isinstance(found, MobilityRefusal):
            faults.add(found.fault)
            assert 0 < found.offset < 6 + max(1, len(data))
        elif not isinstance(found, UnknownMessage):
            again = message_of(header_of(found))
            assert isinstance(again, type(found))
            assert without_padding(again) == without_padding(found)
    assert faults == {
        MobilityFault.TOO_SHORT,
        MobilityFault.OPTION_PAST_END,
        MobilityFault.OPTION_LENGTH,
        MobilityFault.AUTHORIZATION_NOT_LAST,
    }


authorisable = st.one_of(binding_updates, binding_acknowledgements)


@pytest.mark.clause("XFRM-MH-005", "XFRM-TOKEN-003")
@settings(max_examples=200, deadline=None)
@given(authorisable, cookies, addresses6, addresses6, st.data())
def test_an_authenticator_holds_for_its_message_and_for_no_other(
    message: BindingUpdate | BindingAcknowledgement,
    token: bytes,
    care_of: IPv6Address,
    correspondent: IPv6Address,
    data: st.DataObject,
) -> None:
    key = binding_management_key(token)
    header = header_of(authorised(message, key, care_of, correspondent))
    assert is_authentic(header, key, care_of, correspondent)
    assert is_authentic(
        replace(header, checksum=data.draw(st.integers(0, 0xFFFF))), key, care_of, correspondent
    )
    place = data.draw(st.integers(0, len(header.data) - 1))
    changed = bytearray(header.data)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert not is_authentic(replace(header, data=bytes(changed)), key, care_of, correspondent)
    assert not is_authentic(header, binding_management_key(token, token), care_of, correspondent)
    assert not is_authentic(replace(header, type=header.type ^ 1), key, care_of, correspondent)
    if care_of != correspondent:
        assert not is_authentic(header, key, correspondent, care_of)


@pytest.mark.clause("XFRM-MH-005")
@settings(max_examples=200, deadline=None)
@given(binding_updates)
def test_the_octets_to_authenticate_are_the_same_before_and_after(message: BindingUpdate) -> None:
    covered = octets_to_authenticate(CARE_OF, PEER, message)
    signed = authorised(message, binding_management_key(bytes(8)), CARE_OF, PEER)
    assert octets_to_authenticate(CARE_OF, PEER, signed) == covered
    octets = octets_of(signed)[40:]
    assert covered == CARE_OF.packed + PEER.packed + octets[:4] + bytes(2) + octets[6:-12]
    data = option_of(signed, BindingAuthorizationData)
    assert data is not None
    assert octets.endswith(data.authenticator)
    assert type_of(signed) == octets[2]
