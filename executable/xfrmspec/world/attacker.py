"""An attacker: where it is, what it has seen, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xfrmspec.host.node import Node
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.world.sent import Sent
from xfrmspec.world.station import Frame
from xfrmspec_terms.clauses import clause


class OffPositionError(ValueError):
    """A strategy puts a frame on a link where its attacker is not; the text names both."""


@dataclass(frozen=True, slots=True)
class Move:
    """An attacker afterwards, and the frames that it puts on its links now."""

    attacker: Attacker
    frames: tuple[Frame, ...] = ()


Strategy = Callable[["Attacker", tuple[Sent, ...], int], Move]
"""What an attacker does about frames that it sees at a time (ms); without any it acts of its own accord."""


@dataclass(frozen=True, slots=True)
class Attacker:
    """Somebody on these links; `seen` is every frame that was sent on them while it was there, oldest first.

    `own` is a kernel with keys of its own, None for an attacker without any. Source: XFRM-WORLD-009.
    """

    name: str
    links: frozenset[str]
    strategy: Strategy = field(compare=False)
    seen: tuple[Sent, ...] = ()
    entropy: Entropy = field(default_factory=lambda: Entropy(b"attacker"))
    own: Node | None = None


@clause("XFRM-WORLD-009")
def react(attacker: Attacker, sent: tuple[Sent, ...], now: int) -> Move:
    """Let an attacker see what was sent, as far as it was on its links and not its own.

    OffPositionError for a frame on another link.
    """
    visible = tuple(one for one in sent if one.frame.link in attacker.links and one.sender != attacker.name)
    if not visible:
        return Move(attacker)
    return _moved(replace(attacker, seen=(*attacker.seen, *visible)), visible, now)


def prompt(attacker: Attacker, now: int) -> Move:
    """Let an attacker act of its own accord; OffPositionError for a frame on another link."""
    return _moved(attacker, (), now)


@clause("XFRM-WORLD-009")
def _moved(attacker: Attacker, visible: tuple[Sent, ...], now: int) -> Move:
    move = attacker.strategy(attacker, visible, now)
    for frame in move.frames:
        if frame.link not in attacker.links:
            where = ", ".join(sorted(attacker.links)) or "no link"
            raise OffPositionError(f"{attacker.name} is on {where} and puts a frame on {frame.link}")
    return move
