"""An unreliable network: what becomes of one frame on one link, by chance that a seed decides."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.mipv6.entropy import Entropy
from xfrmspec_terms.clauses import clause

_SCALE = 1 << 32


@dataclass(frozen=True, slots=True)
class Weather:
    """How a link treats frames: chances in percent, delays in milliseconds.

    A frame that is not lost takes `least_delay` to `most_delay`, each whole number with the same chance, so
    that frames overtake one another; a copy takes a delay of its own.
    """

    loss: int = 0
    copies: int = 0
    least_delay: int = 1
    most_delay: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.loss <= 100 or not 0 <= self.copies <= 100:
            raise ValueError("loss and copies are chances in percent, 0 to 100")
        if not 1 <= self.least_delay <= self.most_delay:
            raise ValueError("delays are at least 1 ms, the least not above the most")


FAIR = Weather()
"""Nothing is lost, copied or reordered."""


@dataclass(frozen=True, slots=True)
class Carried:
    """After how many milliseconds each copy of a frame arrives; none for a frame that is lost."""

    delays: tuple[int, ...]
    entropy: Entropy


@clause("XFRM-WORLD-003")
def carry(weather: Weather, entropy: Entropy) -> Carried:
    """Decide what becomes of one frame; the same entropy gives the same answer."""
    if weather == FAIR:
        return Carried((1,), entropy)
    lost, entropy = below(100, entropy)
    if lost < weather.loss:
        return Carried((), entropy)
    copied, entropy = below(100, entropy)
    delays: list[int] = []
    for _ in range(2 if copied < weather.copies else 1):
        extra, entropy = below(weather.most_delay - weather.least_delay + 1, entropy)
        delays.append(weather.least_delay + extra)
    return Carried(tuple(sorted(delays)), entropy)


def below(limit: int, entropy: Entropy) -> tuple[int, Entropy]:
    """Return a number from 0 to `limit` - 1, all but equally likely."""
    octets, entropy = entropy.take(4)
    return int.from_bytes(octets, "big") * limit // _SCALE, entropy
