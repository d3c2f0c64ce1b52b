"""Whole lives on a user-mode kernel; one that dies on the way is started again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from xfrmspec.kernel.link import AgentLostError
from xfrmspec.kernel.uml import UmlGuest
from xfrmspec.kernel.world_run import BothWorlds, Compared
from xfrmspec.world.world import World

ATTEMPTS = 4
PATIENCE = 15.0
"""Seconds for the commands of one event."""


class WorldSubject:
    """A kernel that lives are played on; `opener` starts a guest whose agent plays worlds.

    A guest that ends on the way, as was seen on a busy machine, is no disagreement: the life is played again
    from its start.
    """

    def __init__(self, opener: Callable[[], UmlGuest]) -> None:
        self._opener = opener
        self._guest: UmlGuest | None = None

    def play(self, world: World, until: int) -> tuple[Compared, ...]:
        """Play a world that has not been started up to a moment (ms), or to the first disagreement.

        AgentLostError if no guest lives long enough.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._played(world, until)
            except AgentLostError:
                self.close()
        return self._played(world, until)

    def _played(self, world: World, until: int) -> tuple[Compared, ...]:
        if self._guest is None:
            self._guest = self._opener()
        events: list[Compared] = []
        for event in BothWorlds(self._run, world).play(until):
            events.append(event)
            if event.unlike:
                break
        return tuple(events)

    def _run(self, commands: Sequence[Any]) -> list[Any]:
        assert self._guest is not None
        return self._guest.link.run(commands, PATIENCE)

    def close(self) -> None:
        """End the guest, if one runs."""
        if self._guest is not None:
            self._guest.close()
        self._guest = None

    def __enter__(self) -> WorldSubject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
