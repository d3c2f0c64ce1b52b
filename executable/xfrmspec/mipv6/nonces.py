"""The nonces of a correspondent node."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME, NONCE_CURRENT

NONCE_OCTETS = 8
NONCE_INDICES = 1 << 16


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce of 8 octets, its index (16 bits), and when it was drawn (ms)."""

    index: int
    drawn_at: int
    octets: Secret

    def is_current(self, now: int, endless: bool) -> bool:
        """Tell whether a token may still be made from the nonce."""
        return endless or now - self.drawn_at < NONCE_CURRENT

    def is_valid(self, now: int, endless: bool) -> bool:
        """Tell whether a token made from the nonce is still believed."""
        return endless or now - self.drawn_at < MAX_NONCE_LIFETIME


@dataclass(frozen=True, slots=True)
class Nonces:
    """The nonces held, oldest first, and the index of the next; `endless` ones are never replaced."""

    endless: bool = False
    held: tuple[Nonce, ...] = ()
    next_index: int = 0

    @clause("XFRM-CN-002")
    def current(self, now: int) -> Nonce | None:
        """Return the nonce to make tokens from."""
        newest = self.held[-1] if self.held else None
        return newest if newest is not None and newest.is_current(now, self.endless) else None

    @clause("XFRM-CN-003")
    def named(self, index: int, now: int) -> Nonce | None:
        """Return the valid nonce of an index."""
        found = (nonce for nonce in self.held if nonce.index == index and nonce.is_valid(now, self.endless))
        return next(found, None)


@clause("XFRM-CN-002", "XFRM-CN-003")
def with_current(nonces: Nonces, entropy: Entropy, now: int) -> tuple[Nonces, Nonce, Entropy]:
    """Return the nonces with a current one, that one, and the entropy left. Source: RFC 6275 5.2.3."""
    current = nonces.current(now)
    if current is not None:
        return nonces, current, entropy
    octets, left = entropy.take(NONCE_OCTETS)
    drawn = Nonce(nonces.next_index, now, Secret(octets))
    valid = tuple(nonce for nonce in nonces.held if nonce.is_valid(now, nonces.endless))
    following = replace(nonces, held=(*valid, drawn), next_index=(drawn.index + 1) % NONCE_INDICES)
    return following, drawn, left
