"""Octets of single mobility messages, options and tokens."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import IPv6Address

import pytest

from xfrmspec.mipv6.tokens import (
    TokenKind,
    authenticator,
    authorised,
    binding_management_key,
    is_authentic,
    keygen_token,
)
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of, message_of, option_of
from xfrmspec.wire.options import home_address_header
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet, Type2RoutingHeader
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingErrorStatus,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityFault,
    MobilityMessage,
    MobilityRefusal,
    NonceIndices,
    UnknownMessage,
    UnknownOption,
)
from xfrmspec_terms.options import Pad1, PadN

HOME, CARE_OF, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("1", "c", "2"))
COOKIE, TOKEN = bytes.fromhex("c00c1ec00c1e0001"), bytes.fromhex("7ce6a1b2c3d4e5f6")
AUTHORIZATION = BindingAuthorizationData(bytes(range(12)))
ADDRESS = "20010db80000000000000000000000"
LAYOUTS: dict[str, tuple[MobilityMessage, str]] = {
    "refresh request": (BindingRefreshRequest(), "3b000000 0000 0000"),
    "home test init": (HomeTestInit(COOKIE), "3b010100 0000 0000 c00c1ec00c1e0001"),
    "care-of test init": (CareOfTestInit(COOKIE), "3b010200 0000 0000 c00c1ec00c1e0001"),
    "home test": (HomeTest(0x0102, COOKIE, TOKEN), "3b020300 0000 0102 c00c1ec00c1e0001 7ce6a1b2c3d4e5f6"),
    "care-of test": (
        CareOfTest(0x0102, COOKIE, TOKEN), "3b020400 0000 0102 c00c1ec00c1e0001 7ce6a1b2c3d4e5f6",
    ),
    "update": (
        BindingUpdate(0x1234, True, False, True, False, 0x0708), "3b010500 0000 1234 a000 0708 01020000",
    ),
    "registration": (
        BindingUpdate(1, False, True, False, True, 2, (AlternateCareOfAddress(CARE_OF),)),
        f"3b030500 0000 0001 5000 0002 0100 0310 {ADDRESS}0c",
    ),
    "authorised update": (
        BindingUpdate(1, lifetime=2, options=(NonceIndices(3, 4), AUTHORIZATION)),
        "3b030500 0000 0001 0000 0002 0404 0003 0004 050c 000102030405060708090a0b",
    ),
    "acknowledgement": (
        BindingAcknowledgement(BindingStatus.NOT_HOME_SUBNET, True, 7, 9, (BindingRefreshAdvice(5),)),
        "3b010600 0000 84 80 0007 0009 02020005",
    ),
    "error": (BindingError(BindingErrorStatus.UNKNOWN_BINDING, HOME), f"3b020700 0000 01 00 {ADDRESS}01"),
    "unknown option": (
        BindingRefreshRequest((UnknownOption(200, b"abc"),)), "3b010000 0000 0000 c803616263 010100",
    ),
    "unknown message": (UnknownMessage(99, b"\1\2"), "3b006300 0000 0102"),
}  # fmt: skip


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-003", "XFRM-MH-004")
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_octets_of_a_message(name: str) -> None:
    message, octets = LAYOUTS[name]
    header = header_of(message)
    written = encode(Packet((IPv6Header(HOME, PEER), header)))[40:]
    assert written[:4] + bytes(2) + written[6:] == bytes.fromhex(octets)


@pytest.mark.clause("XFRM-MH-001")
def test_reserved_bits_are_passed_over() -> None:
    octets = bytes.fromhex("0001 afff 0002 01020000")
    assert message_of(MobilityHeader(5, octets)) == BindingUpdate(
        1, True, False, True, False, 2, (PadN(bytes(2)),)
    )
    assert message_of(MobilityHeader(0, b"\xff\xff")) == BindingRefreshRequest()


@pytest.mark.clause("XFRM-MH-001")
def test_a_status_that_has_no_name_is_kept_as_a_number() -> None:
    found = message_of(MobilityHeader(6, bytes.fromhex("c800 0001 0002 01020000")))
    assert isinstance(found, BindingAcknowledgement)
    assert (found.status, type(found.status)) == (200, int)
    named = message_of(MobilityHeader(6, bytes.fromhex("8700 0001 0002 01020000")))
    assert isinstance(named, BindingAcknowledgement)
    assert named.status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW


@pytest.mark.clause("XFRM-MH-003", "XFRM-MH-004")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("04 04 0001", MobilityRefusal(MobilityFault.OPTION_PAST_END, 12)),
        ("00 00 00 04", MobilityRefusal(MobilityFault.OPTION_PAST_END, 15)),
        ("00 02 01 00", MobilityRefusal(MobilityFault.OPTION_LENGTH, 13)),
        ("050c" + "00" * 12 + "0100", MobilityRefusal(MobilityFault.AUTHORIZATION_NOT_LAST, 26)),
        ("0102 050c 0102", MobilityRefusal(MobilityFault.OPTION_PAST_END, 16)),
        ("00 02 02 0005 00 0100", (Pad1(), BindingRefreshAdvice(5), Pad1(), PadN())),
    ],
)
def test_options_as_a_receiver_takes_them(options: str, found: object) -> None:
    message = message_of(MobilityHeader(5, bytes(6) + bytes.fromhex(options)))
    assert (message.options if isinstance(message, BindingUpdate) else message) == found


@pytest.mark.clause("XFRM-MH-001", "XFRM-MH-003")
@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (HomeTestInit(bytes(7)), "a cookie has 8 octets, not 7"),
        (HomeTest(0, COOKIE, TOKEN + b"\1"), "a keygen token has 8 octets, not 9"),
        (BindingUpdate(0x10000), "does not fit"),
        (BindingUpdate(0, options=(BindingAuthorizationData(bytes(10)),)), "has 12 octets of data, not 10"),
        (BindingUpdate(0, options=(BindingRefreshAdvice(0x10000),)), "does not fit"),
        (BindingUpdate(0, options=(UnknownOption(9, bytes(256)),)), "255 is the most"),
    ],
)
def test_a_value_of_the_wrong_size_is_refused(message: MobilityMessage, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        header_of(message)
    assert TOKEN.hex() not in str(raised.value)


@pytest.mark.clause("XFRM-PKT-003", "XFRM-MH-001")
def test_the_checksum_is_over_home_addresses() -> None:
    header = header_of(BindingUpdate(1, lifetime=2))
    direct = encode(Packet((IPv6Header(HOME, PEER), header)))[40:]
    optimised = (IPv6Header(CARE_OF, CARE_OF), Type2RoutingHeader(PEER), home_address_header(HOME), header)
    octets = encode(Packet(optimised))
    assert octets.endswith(direct)
    packet = decode(octets)
    assert isinstance(packet, Packet)
    assert packet.headers[-1] == header


@pytest.mark.clause("XFRM-TOKEN-003")
def test_tokens_are_in_no_text_of_a_message() -> None:
    for message in (HomeTest(1, COOKIE, TOKEN), CareOfTest(1, COOKIE, TOKEN)):
        for text in (repr(message), str(message), f"{(message,)}"):
            assert "token" not in text
            assert repr(TOKEN)[2:-1] not in text


def by_hand(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA1 as RFC 2104 builds it of two hashes, for keys of at most 64 octets."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha1(bytes(octet ^ 0x36 for octet in padded) + data).digest()
    return hashlib.sha1(bytes(octet ^ 0x5C for octet in padded) + inner).digest()


NODE_KEY, NONCE = Secret(bytes(range(20))), Secret(bytes(range(8)))


@pytest.mark.clause("XFRM-TOKEN-001")
@pytest.mark.parametrize(
    ("kind", "address", "last"), [(TokenKind.HOME, HOME, 0), (TokenKind.CARE_OF, CARE_OF, 1)]
)
def test_a_token_is_a_hash_of_address_nonce_and_kind(
    kind: TokenKind, address: IPv6Address, last: int
) -> None:
    covered = address.packed + bytes(range(8)) + bytes((last,))
    assert keygen_token(NODE_KEY, address, NONCE, kind) == by_hand(bytes(range(20)), covered)[:8]


@pytest.mark.clause("XFRM-TOKEN-002")
def test_the_key_of_a_binding_needs_both_tokens_and_its_deletion_one() -> None:
    home, care_of = bytes(range(8)), bytes(range(8, 16))
    assert binding_management_key(home, care_of).reveal() == hashlib.sha1(home + care_of).digest()
    assert binding_management_key(home).reveal() == hashlib.sha1(home).digest()
    with pytest.raises(ValueError, match="8 octets"):
        binding_management_key(home, care_of[:7])


@pytest.mark.clause("XFRM-TOKEN-003", "XFRM-MH-005")
def test_the_authenticator_of_an_update_written_out() -> None:
    key = binding_management_key(bytes(8), bytes(8))
    message = authorised(BindingUpdate(1, lifetime=2, options=(NonceIndices(3, 4),)), key, CARE_OF, PEER)
    covered = CARE_OF.packed + PEER.packed
    covered += bytes.fromhex("3b030500 0000 0001 0000 0002 0404 0003 0004 050c")
    expected = by_hand(key.reveal(), covered)[:12]
    assert option_of(message, BindingAuthorizationData) == BindingAuthorizationData(expected)
    assert authenticator(key, covered) == expected == hmac.digest(key.reveal(), covered, "sha1")[:12]
    assert is_authentic(header_of(message), key, CARE_OF, PEER)
