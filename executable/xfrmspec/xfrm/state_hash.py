"""The kernel's unkeyed bucket number of a state, where a profile makes selection depend on it."""

from __future__ import annotations

from functools import lru_cache

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.selector import Address, Family, family_of

_WORD = 0xFFFFFFFF
_JENKINS_START = 0xDEADBEEF
INITIAL_BUCKETS = 8
_REMEMBERED = 4096
"""How many addresses are hashed once only; hosts talk with the same few again and again."""


@clause("XFRM-FIND-002")
def bucket(destination: Address, source: Address, reqid: int, buckets: int) -> int:
    """Return the bucket (0..buckets-1) of a state or a search; `buckets` is a power of two.

    Little-endian machines only: the octets of an IPv6 address are read as four native 32-bit words.
    Source: XFRM-FIND-002; kernel __xfrm_dst_hash.
    """
    family = family_of(destination)
    mixed = family ^ reqid ^ _pair_hash(family, destination, source)
    return (mixed ^ (mixed >> 16)) & (buckets - 1)


def table_size(states: int) -> int:
    """Return the buckets of a table that grew to hold this many states, doubling from eight."""
    buckets = INITIAL_BUCKETS
    while states > buckets - 1:
        buckets *= 2
    return buckets


def _pair_hash(family: Family, destination: Address, source: Address) -> int:
    if family is Family.INET6:
        return _jenkins(destination.packed) ^ _jenkins(source.packed)
    words = (int.from_bytes(address.packed, "little") for address in (destination, source))
    return int.from_bytes((sum(words) & _WORD).to_bytes(4, "little"), "big")


def _rotate(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _WORD


@lru_cache(_REMEMBERED)
def _jenkins(octets: bytes) -> int:
    """Bob Jenkins' lookup3 hash of exactly four 32-bit words, start value zero."""
    first, second, third, fourth = (
        int.from_bytes(octets[index : index + 4], "little") for index in range(0, 16, 4)
    )
    start = (_JENKINS_START + 16) & _WORD
    a, b, c = _mix((start + first) & _WORD, (start + second) & _WORD, (start + third) & _WORD)
    return _finish((a + fourth) & _WORD, b, c)


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _WORD) ^ _rotate(c, bits)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotate(b, bits)) & _WORD
        a, b, c = b, c, a
    return b
