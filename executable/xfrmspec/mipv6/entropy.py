"""Randomness as a value: the same seed gives the same octets."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Entropy:
    """A stream of octets made from a seed, which is never shown; `drawn` counts the takes so far."""

    seed: bytes = field(repr=False)
    drawn: int = 0

    def take(self, octets: int) -> tuple[bytes, Entropy]:
        """Return that many octets, and the stream behind them."""
        blocks = -(-octets // hashlib.sha256().digest_size)
        made = b"".join(
            hmac.digest(self.seed, self.drawn.to_bytes(8) + block.to_bytes(4), hashlib.sha256)
            for block in range(blocks)
        )
        return made[:octets], replace(self, drawn=self.drawn + 1)
