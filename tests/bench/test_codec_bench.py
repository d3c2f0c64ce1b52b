"""How fast packets are read, compared with scapy in the same run; prints its figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv6Address

import pytest
from scapy.layers.inet6 import IPv6

from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.options import home_address_header
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet, Type2RoutingHeader

COUNT = 4000
CARE_OF, HOME, PEER = (IPv6Address(f"2001:db8::{host}") for host in ("c", "1", "2"))
UPDATE = Packet(
    (
        IPv6Header(CARE_OF, PEER),
        Type2RoutingHeader(PEER),
        home_address_header(HOME),
        MobilityHeader(5, bytes.fromhex("00078000000a01020000")),
    )
)


def rate(read: Callable[[bytes], object], octets: bytes, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        read(octets)
    return count / (time.perf_counter() - start)


@pytest.mark.bench
def test_mobility_messages_are_read_four_times_as_fast_as_by_scapy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    octets = encode(UPDATE)
    assert decode(octets) == UPDATE
    ours, theirs = rate(decode, octets, COUNT), rate(IPv6, octets, COUNT // 10)
    with capsys.disabled():
        print(f"\ndecode: {ours:.0f} packets/s, scapy {theirs:.0f} packets/s, ratio {ours / theirs:.1f}")
    assert ours >= 4 * theirs
