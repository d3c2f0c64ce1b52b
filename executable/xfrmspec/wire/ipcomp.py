"""IPComp on octets: when a payload is compressed, and how it is expanded or refused."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import Enum

from xfrmspec.wire.esp import Opened, Refused
from xfrmspec_terms.clauses import clause

DEFLATE_THRESHOLD = 90
LARGEST_PAYLOAD = 65400
_HEADER = struct.Struct(">BBH")
_SENDER_WINDOW_BITS = -11
_LARGEST_WINDOW_BITS = -15
_MEMORY_LEVEL = 8
_CPI = 0xFFFF


class Unchanged(Enum):
    """Why a payload is sent as it is."""

    SHORT = "shorter than the threshold"
    GROWS = "no shorter with the header"


@dataclass(frozen=True, slots=True)
class Compressed:
    """A compressed payload behind its header."""

    octets: bytes


@clause("XFRM-COMP-001", "XFRM-COMP-002")
def compress(
    spi: int, next_header: int, payload: bytes, threshold: int = DEFLATE_THRESHOLD
) -> Compressed | Unchanged:
    """Compress a payload with deflate unless that is not worth it; of the SPI the low 16 bits are sent.

    Source: XFRM-COMP-001, -002; kernel ipcomp_output.
    """
    if len(payload) < threshold:
        return Unchanged.SHORT
    work = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _SENDER_WINDOW_BITS, _MEMORY_LEVEL)
    octets = _HEADER.pack(next_header, 0, spi & _CPI) + work.compress(payload) + work.flush()
    return Compressed(octets) if len(octets) < len(payload) else Unchanged.GROWS


@clause("XFRM-COMP-003")
def expand(octets: bytes) -> Opened | Refused:
    """Expand the octets from the IPComp header on, to LARGEST_PAYLOAD octets at most.

    Source: XFRM-COMP-003; kernel ipcomp_input.
    """
    if len(octets) <= _HEADER.size:
        return Refused.TRUNCATED
    work = zlib.decompressobj(_LARGEST_WINDOW_BITS)
    try:
        payload = work.decompress(octets[_HEADER.size :], LARGEST_PAYLOAD + 1)
    except zlib.error:
        return Refused.COMPRESSION
    if not work.eof or not len(octets) <= len(payload) <= LARGEST_PAYLOAD:
        return Refused.COMPRESSION
    return Opened(octets[0], payload)
