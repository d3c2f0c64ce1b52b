"""What AH covers, how addresses count in it, and what it refuses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from ipsec_keys import INTEGRITIES

from xfrmspec.wire.ah import AhKeys, Verified, ah_icv, protect, verify
from xfrmspec.wire.coverage import Arrangement, OverrunError, covered
from xfrmspec.wire.esp import Refused

HOME, CARE_OF, PEER, HOP = (IPv6Address(f"2001:db8::{n}").packed for n in (1, 2, 3, 4))
KEYS = AhKeys(INTEGRITIES["sha256-128"])
UDP = bytes(12)
HOP_OPTIONS = bytes((60, 0, 0x3E, 2, 7, 7, 1, 0))
HOME_ADDRESS = bytes((60, 2, 1, 2, 0, 0, 0xC9, 16))


def ipv6(first: int, rest: bytes, source: bytes = HOME, destination: bytes = PEER) -> bytes:
    head = bytes((0x6A, 0xBC, 0xDE, 0xF0)) + len(rest).to_bytes(2, "big") + bytes((first, 33))
    return head + source + destination + rest


def flipped(packet: bytes, at: int, bit: int = 1) -> bytes:
    return packet[:at] + bytes((packet[at] ^ bit,)) + packet[at + 1 :]


@pytest.mark.clause("XFRM-AH-001")
@pytest.mark.parametrize(
    ("name", "alignment", "octets"),
    [
        ("sha1-96", 8, 24),
        ("sha256-128", 8, 32),
        ("sha256-128", 4, 28),
        ("sha384-192", 8, 40),
        ("sha512-256", 8, 48),
    ],
)
def test_the_octets_of_the_header(name: str, alignment: int, octets: int) -> None:
    keys = AhKeys(INTEGRITIES[name], alignment=alignment)
    packet = protect(keys, ipv6(17, UDP), 40, 0x01020304, 0xAA00000009)
    header = packet[40 : 40 + octets]
    assert packet[6] == 51
    assert header[:12] == bytes((17, octets // 4 - 2, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9))
    assert header[12 + keys.integrity.icv_octets :] == bytes(octets - 12 - keys.integrity.icv_octets)
    assert packet[40 + octets :] == UDP
    assert int.from_bytes(packet[4:6], "big") == len(packet) - 40


@pytest.mark.clause("XFRM-AH-002")
def test_every_octet_counts_but_what_routers_change() -> None:
    packet = protect(KEYS, ipv6(17, UDP), 40, 5, 9)
    mutable = {0: 0x0F, 1: 0xFF, 2: 0xFF, 3: 0xFF, 7: 0xFF}
    for at in range(1, len(packet)):
        answer = verify(KEYS, flipped(packet, at), 40)
        if at in mutable:
            assert isinstance(answer, Verified), at
        else:
            assert isinstance(answer, Refused), at
    assert isinstance(verify(KEYS, flipped(packet, 0), 40), Verified)


@pytest.mark.clause("XFRM-AH-003")
def test_of_a_mutable_option_only_type_and_length_count() -> None:
    packet = protect(KEYS, ipv6(0, HOP_OPTIONS + bytes((17, 0, 1, 4, 0, 0, 0, 0)) + UDP), 56, 5, 9)
    answers = {at: verify(KEYS, flipped(packet, at), 56) for at in range(40, 56)}
    passed = [at for at, answer in answers.items() if isinstance(answer, Verified)]
    assert passed == [44, 45]


@pytest.mark.clause("XFRM-AH-003")
@pytest.mark.parametrize("options", ["3c003e067777010", "3c003e020000c910", "3c013e020000c910"])
def test_options_that_overrun_are_refused(options: str) -> None:
    broken = bytes.fromhex(options.ljust(16, "0"))
    whole = ipv6(0, broken + bytes(32))
    assert verify(KEYS, flipped(whole, 49, 6), 48) is Refused.OPTIONS
    with pytest.raises(OverrunError):
        covered(whole, 48, Arrangement.ON_THE_WIRE)


def home_address(address: bytes, behind: int) -> bytes:
    return bytes((behind,)) + HOME_ADDRESS[1:] + address


@pytest.mark.clause("XFRM-AH-004")
def test_a_home_address_counts_as_the_source_before_and_after_it_was_processed() -> None:
    wire = protect(KEYS, ipv6(60, home_address(HOME, 17) + UDP, source=CARE_OF), 64, 5, 9)
    processed = wire[:8] + HOME + wire[24:48] + CARE_OF + wire[64:]
    assert covered(wire, 64, Arrangement.ON_THE_WIRE)[8:24] == HOME
    assert covered(wire, 64, Arrangement.ON_THE_WIRE) == covered(processed, 64, Arrangement.PROCESSED)
    assert isinstance(verify(KEYS, wire, 64), Verified)
    assert isinstance(verify(KEYS, processed, 64, arrangement=Arrangement.PROCESSED), Verified)
    assert verify(KEYS, processed, 64) is Refused.INTEGRITY


@pytest.mark.clause("XFRM-SORT-006", "XFRM-AH-004")
def test_ah_before_route_optimisation_covers_a_packet_that_nobody_receives() -> None:
    """[ah, ro]: the option goes in front of AH afterwards. [ro, ah]: AH covers it."""
    early = protect(KEYS, ipv6(17, UDP), 40, 5, 9)
    inserted = ipv6(60, home_address(HOME, 51) + early[40:], source=CARE_OF)
    assert verify(KEYS, inserted, 64) is Refused.INTEGRITY
    late = protect(KEYS, ipv6(60, home_address(HOME, 17) + UDP, source=CARE_OF), 64, 5, 9)
    assert isinstance(verify(KEYS, late, 64), Verified)
    assert len(inserted) == len(late)


@pytest.mark.clause("XFRM-AH-004")
@pytest.mark.parametrize("kind", [0, 2])
def test_a_routing_header_counts_as_it_arrives(kind: int) -> None:
    """The packet is on its way to the care-of address or the first hop; in the end it is at the last one."""
    between = b"" if kind == 2 else HOP
    left = len(between) // 16 + 1
    routing = bytes((17, 2 * left, kind, left)) + bytes(4) + between + PEER
    end = 40 + len(routing)
    sent = protect(KEYS, ipv6(43, routing + UDP, destination=CARE_OF), end, 5, 9)
    passed = CARE_OF + between
    arrived = sent[:24] + PEER + sent[40:43] + b"\0" + sent[44:48] + passed + sent[end:]
    assert isinstance(verify(KEYS, sent, end), Verified)
    assert isinstance(verify(KEYS, arrived, end, arrangement=Arrangement.PROCESSED), Verified)
    assert verify(KEYS, flipped(arrived, 24), end, arrangement=Arrangement.PROCESSED) is Refused.INTEGRITY


@pytest.mark.clause("XFRM-AH-004")
def test_more_segments_than_addresses_are_refused() -> None:
    routing = bytes((17, 2, 2, 2)) + bytes(4) + PEER
    with pytest.raises(OverrunError, match="more segments left than addresses"):
        covered(ipv6(43, routing + UDP), 64, Arrangement.ON_THE_WIRE)


def ipv4(options: bytes = b"") -> bytes:
    size = 20 + len(options)
    head = bytes((0x40 | size // 4, 0xB8)) + (size + len(UDP)).to_bytes(2, "big") + bytes((1, 2, 0x40, 0))
    ends = IPv4Address("192.0.2.1").packed + IPv4Address("192.0.2.2").packed
    return head + bytes((64, 17, 0, 0)) + ends + options + UDP


@pytest.mark.clause("XFRM-AH-005")
def test_what_may_change_in_an_ipv4_header() -> None:
    packet = protect(AhKeys(INTEGRITIES["sha1-96"], alignment=4), ipv4(), 20, 5, 9)
    keys = AhKeys(INTEGRITIES["sha1-96"], alignment=4)
    passed = [at for at in range(1, 20) if isinstance(verify(keys, flipped(packet, at), 20), Verified)]
    assert passed == [1, 6, 7, 8, 10, 11]


@pytest.mark.clause("XFRM-AH-005")
def test_ipv4_options_count_only_if_they_cannot_change() -> None:
    alert, timestamp = bytes((0x94, 4, 0, 0)), bytes((0x44, 8, 5, 0, 9, 9, 9, 9))
    route = bytes((1, 0x83, 7, 4)) + IPv4Address("192.0.2.9").packed
    cleared = covered(ipv4(alert + timestamp + route), 40, Arrangement.ON_THE_WIRE)
    assert cleared[16:20] == IPv4Address("192.0.2.9").packed
    assert cleared[20:40] == alert + bytes(8) + b"\1" + bytes(7)
    for broken in (bytes((0x83, 3, 4, 0)), bytes((0x44, 9, 0, 0)), bytes((0x44, 1, 0, 0)), b"\1\1\1\x44"):
        with pytest.raises(OverrunError):
            covered(ipv4(broken), 24, Arrangement.ON_THE_WIRE)


@pytest.mark.clause("XFRM-AH-006")
def test_the_high_half_is_covered_and_not_sent() -> None:
    keys = AhKeys(INTEGRITIES["sha256-128"], extended=True)
    packet = protect(keys, ipv6(17, UDP), 40, 5, 7 << 32 | 9)
    assert isinstance(verify(keys, packet, 40, 7), Verified)
    assert verify(keys, packet, 40, 8) is Refused.INTEGRITY
    assert packet[48:52] == (9).to_bytes(4, "big")
    assert ah_icv(KEYS, packet, 40, 7) != packet[52:68]


@pytest.mark.clause("XFRM-AH-007")
def test_the_length_must_be_that_of_a_cut_or_whole_value() -> None:
    cut = protect(KEYS, ipv6(17, UDP), 40, 5, 9)
    assert verify(KEYS, cut, 40) == Verified(17, ipv6(17, UDP))
    for words in (0, 1, 5, 7, 8, 10, 255):
        assert verify(KEYS, cut[:41] + bytes((words,)) + cut[42:], 40) is Refused.TRUNCATED
    header = bytes((17, 10, 0, 0, 0, 0, 0, 5, 0, 0, 0, 9)) + bytes(36)
    blank = ipv6(51, header + UDP)
    whole = blank[:52] + ah_icv(KEYS, blank, 40, 0) + blank[68:]
    assert verify(KEYS, whole, 40) == Verified(17, ipv6(17, UDP))


@pytest.mark.clause("XFRM-AH-007")
def test_truncated_packets_are_refused() -> None:
    packet = protect(KEYS, ipv6(0, HOP_OPTIONS + bytes((17, 0, 1, 4, 0, 0, 0, 0)) + UDP), 56, 5, 9)
    assert all(isinstance(verify(KEYS, packet[:size], 56), Refused) for size in range(len(packet)))
