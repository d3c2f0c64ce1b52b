"""What the paper's correspondent node keeps of tests: their contents, until they are old."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.nonces import NONCE_INDICES
from xfrmspec.mipv6.tokens import TokenKind
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.mobility import KEYGEN_TOKEN_OCTETS
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME

MOST_KEPT_TESTS = 64


@dataclass(frozen=True, slots=True)
class KeptTest:
    """One test: its kind, source, cookie, index (16 bits), the token given out, and when it came (ms)."""

    kind: TokenKind
    source: IPv6Address
    cookie: bytes = field(repr=False)
    index: int
    token: bytes = field(repr=False)
    kept_at: int


@dataclass(frozen=True, slots=True)
class KeptTests:
    """The tests that are kept, oldest first, and the index of the next; `endless` ones never grow too old."""

    endless: bool = False
    tests: tuple[KeptTest, ...] = ()
    next_index: int = 0

    def young(self, now: int) -> tuple[KeptTest, ...]:
        """Return the tests that are not yet 240 s old."""
        return tuple(test for test in self.tests if self.endless or now - test.kept_at < MAX_NONCE_LIFETIME)

    def named(self, kind: TokenKind, source: IPv6Address, index: int, now: int) -> KeptTest | None:
        """Return the young test of an index, if it is of this kind and for this address."""
        wanted = (kind, source, index)
        found = (test for test in self.young(now) if (test.kind, test.source, test.index) == wanted)
        return next(found, None)

    def has_room(self, now: int) -> bool:
        """Tell whether one more test can be kept."""
        return len(self.young(now)) < MOST_KEPT_TESTS


@clause("XFRM-CN-007")
def with_test(
    kept: KeptTests, kind: TokenKind, source: IPv6Address, cookie: bytes, entropy: Entropy, now: int
) -> tuple[KeptTests, KeptTest, Entropy]:
    """Return the tests with one more, that one, and the entropy that is left. Source: paper 4.1."""
    token, left = entropy.take(KEYGEN_TOKEN_OCTETS)
    test = KeptTest(kind, source, cookie, kept.next_index, token, now)
    following = replace(kept, tests=(*kept.young(now), test), next_index=(test.index + 1) % NONCE_INDICES)
    return following, test, left
