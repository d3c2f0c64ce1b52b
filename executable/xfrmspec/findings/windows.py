"""Findings about sequence numbers. A scenario numbers no packets, so these are written for the shell."""

from __future__ import annotations

import struct

from xfrmspec.findings.pieces import HERE, THERE
from xfrmspec.findings.tables import BOTH
from xfrmspec.findings.terms import Finding, Needs, ShellExhibit

_UDP = 17
_SPI = 0x1001


def _numbered(number: int) -> str:
    """An ESP packet whose payload, a datagram with a wrong checksum, nothing answers, in hexadecimal."""
    body = struct.pack(">II", _SPI, number) + bytes(8) + bytes((1, 2, 2, _UDP))
    header = struct.pack(">IHBB", 6 << 28, len(body), 50, 64) + THERE.packed + HERE.packed
    return (header + body).hex()


_FIRST_PACKET_TWICE = f"""\
policy src ::/0 dst ::/0 dir in
for window in 64 33; do
	state src {THERE} dst {HERE} proto esp spi {_SPI:#x} mode transport replay-window $window \\
		enc "ecb(cipher_null)" "" auth digest_null ""
	observe inject {_numbered(1)}
	[ "$seen" = "nothing counted" ] || skip "the first packet is refused"
	observe inject {_numbered(1)}
	[ "$window $seen" != "64 nothing counted" ] || skip "the window is not used"
	ip -n "$NODE" xfrm state flush
done
check "the first packet once more, in a window of 33" XfrmInStateSeqError "$seen"
"""

F_020 = Finding(
    "F-020",
    "The position of a number in the ring is taken from its low half, so it jumps where that half wraps.",
    "replay_ring_by_low_half",
    BOTH,
    (ShellExhibit(_FIRST_PACKET_TWICE, Needs.STATES),),
)
