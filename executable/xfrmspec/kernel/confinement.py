"""How child processes of the kernel backends are held: unprivileged, own session, pinned, bounded."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from xfrmspec.kernel.link import AgentLink, Exchange

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Confinement:
    """The user and group a child runs as (None: the caller's), and the processor core it is pinned to."""

    user: int | None
    group: int | None
    core: int

    @classmethod
    def for_child(cls, core: int | None = None) -> Confinement:
        """Return the confinement for a child: user nobody when the caller is root, one core only."""
        chosen = max(os.sched_getaffinity(0)) if core is None else core
        if os.getuid() != 0:
            return cls(None, None, chosen)
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid, chosen)

    def own(self, exchange: Exchange) -> None:
        """Let the child own the exchange directory."""
        if self.user is not None and self.group is not None:
            exchange.give_to(self.user, self.group)

    def own_batches(self, link: AgentLink) -> None:
        """Let the child own the batch files."""
        if self.user is not None and self.group is not None:
            link.written_for(self.user, self.group)

    def spawn(
        self, command: Sequence[str], channel: int, output: IO[bytes], directory: Path
    ) -> subprocess.Popen[bytes]:
        """Start a child in a session of its own that keeps one descriptor and ends with its parent."""
        parent = os.getpid()

        def hold() -> None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)
            os.sched_setaffinity(0, {self.core})
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "HOME": str(directory)},
            pass_fds=(channel,),
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
            preexec_fn=hold,
        )
