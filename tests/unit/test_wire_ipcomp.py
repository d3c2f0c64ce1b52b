"""When IPComp compresses, and what it refuses to expand."""

from __future__ import annotations

import random
import zlib

import pytest

from xfrmspec.wire.esp import Opened, Refused
from xfrmspec.wire.ipcomp import LARGEST_PAYLOAD, Compressed, Unchanged, compress, expand

HEADER = bytes((17, 0, 0x56, 0x78))


def deflated(payload: bytes) -> bytes:
    work = zlib.compressobj(wbits=-15)
    return work.compress(payload) + work.flush()


@pytest.mark.clause("XFRM-COMP-001")
def test_short_payloads_and_those_that_would_not_shrink_stay_as_they_are() -> None:
    assert compress(1, 17, bytes(89)) is Unchanged.SHORT
    assert isinstance(compress(1, 17, bytes(90)), Compressed)
    assert compress(1, 17, random.Random(1).randbytes(500)) is Unchanged.GROWS


@pytest.mark.clause("XFRM-COMP-002")
def test_the_header_has_the_low_half_of_the_spi() -> None:
    packed = compress(0x12345678, 17, bytes(500))
    assert isinstance(packed, Compressed)
    assert packed.octets[:4] == HEADER
    assert zlib.decompress(packed.octets[4:], -11) == bytes(500)


@pytest.mark.clause("XFRM-COMP-003")
def test_what_was_compressed_expands() -> None:
    payload = b"all work and no play " * 400
    packed = compress(9, 6, payload)
    assert isinstance(packed, Compressed)
    assert expand(packed.octets) == Opened(6, payload)
    for size in range(len(packed.octets)):
        assert expand(packed.octets[:size]) in (Refused.TRUNCATED, Refused.COMPRESSION)


@pytest.mark.clause("XFRM-COMP-003")
def test_expansion_is_bounded_and_must_be_worth_it() -> None:
    assert expand(HEADER + deflated(bytes(LARGEST_PAYLOAD))) == Opened(17, bytes(LARGEST_PAYLOAD))
    assert expand(HEADER + deflated(bytes(LARGEST_PAYLOAD + 1))) is Refused.COMPRESSION
    assert expand(HEADER + deflated(bytes(1 << 24))) is Refused.COMPRESSION
    noise = random.Random(1).randbytes(100)
    assert expand(HEADER + deflated(noise)) is Refused.COMPRESSION
    assert expand(HEADER + b"\xff" * 50) is Refused.COMPRESSION
