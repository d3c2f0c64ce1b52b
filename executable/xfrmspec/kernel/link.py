"""The host's end of an agent: a private directory for bulk data and a line for the doorbell."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

_AGENT_MODULES = (
    "__init__",
    "agent",
    "agent_cables",
    "agent_ear",
    "agent_key",
    "agent_link",
    "agent_neighbours",
    "agent_node",
    "agent_quiet",
    "agent_reserve",
    "agent_space",
    "agent_spaces",
    "agent_steps",
    "agent_watch",
    "agent_world",
)
_START = """import sys
sys.path.insert(0, {code!r})
from xfrmspec.kernel.{program} import main
main({config!r})
"""
_BLOCK = 4096
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_ABANDONED_SECONDS = 30.0


class AgentLostError(RuntimeError):
    """The agent ended or went silent; `at` is the scenario of the batch it was working on."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


class ExchangeFullError(RuntimeError):
    """There is no room for what the host and an agent exchange; the text says where and what to do."""


@contextlib.contextmanager
def _room_in(directory: Path) -> Iterator[None]:
    """Turn the error of a full disk, or of a used up quota, into one that people understand."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise _full(directory) from error


def _full(directory: Path) -> ExchangeFullError:
    return ExchangeFullError(
        f"no room left in {directory}, where scenarios and answers are exchanged with the guest: "
        "free some there, or let TMPDIR name a directory with more"
    )


class Exchange:
    """A private directory that an agent shares with the host; removed when closed."""

    def __init__(self) -> None:
        with _room_in(Path(tempfile.gettempdir())):
            self.path = Path(tempfile.mkdtemp(prefix="xfrmspec-"))

    @property
    def start_file(self) -> Path:
        """The Python file that starts the agent."""
        return self.path / "start.py"

    def install_agent(self, config: dict[str, Any], program: str = "agent") -> None:
        """Copy the agents' modules and a configuration into the directory; ExchangeFullError.

        `program` is the module whose `main` is started.
        """
        with _room_in(self.path):
            self._install(config, program)

    def _install(self, config: dict[str, Any], program: str) -> None:
        package = self.path / "code" / "xfrmspec" / "kernel"
        package.mkdir(parents=True)
        (package.parent / "__init__.py").write_text("", encoding="ascii")
        for name in _AGENT_MODULES:
            source = files("xfrmspec.kernel").joinpath(f"{name}.py").read_text(encoding="utf-8")
            (package / f"{name}.py").write_text(source, encoding="utf-8")
        config_file = self.path / "config.json"
        config_file.write_text(json.dumps(config), encoding="utf-8")
        start = _START.format(code=str(self.path / "code"), config=str(config_file), program=program)
        self.start_file.write_text(start, encoding="utf-8")

    def give_to(self, user: int, group: int) -> None:
        """Hand the directory and everything in it to an unprivileged user."""
        for path in (self.path, *self.path.rglob("*")):
            shutil.chown(path, user, group)

    def close(self) -> None:
        """Remove the directory; nothing is left even when the agent still writes."""
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Exchange:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def worded(batch: Sequence[dict[str, Any]]) -> str:
    """Return compiled scenarios as an agent reads them."""
    return json.dumps(list(batch), separators=(",", ":"))


class AgentLink:
    """Batches to an agent and its answers; the agent is lost when the process ends, whatever else remains."""

    def __init__(self, channel: socket.socket, exchange: Exchange, process: int) -> None:
        self._channel = channel
        self._process = os.pidfd_open(process)
        self._exchange = exchange
        self._pending = b""
        self._batches = 0
        self._running = ""
        self._owner: tuple[int, int] | None = None

    def close(self) -> None:
        """Stop watching the process, and hang up."""
        if self._process >= 0:
            os.close(self._process)
            self._process = -1
        self._channel.close()

    def written_for(self, user: int, group: int) -> None:
        """Let the batch files belong to an unprivileged user."""
        self._owner = (user, group)

    def wait_ready(self, seconds: float) -> str:
        """Wait for the agent's first word; return the kernel release. AgentLostError when it fails."""
        line = self._line(time.monotonic() + seconds, 0)
        word, _, rest = line.partition(" ")
        if word != "ready":
            raise AgentLostError(f"the agent did not start: {rest or line}", 0)
        return rest

    def run(self, batch: Sequence[Any], seconds: float) -> list[Any]:
        """Run compiled scenarios; return the answers to each. AgentLostError with the culprit's number."""
        self.begin(worded(batch))
        return self.finish(seconds)

    def begin(self, words: str) -> None:
        """Hand a batch over and return at once; what an earlier one was still to answer is dropped."""
        if self._running:
            self.finish(_ABANDONED_SECONDS)
        self._batches += 1
        self._running = f"batch{self._batches}"
        question = self._file("in")
        with _room_in(self._exchange.path):
            question.write_text(words, encoding="ascii")
        if self._owner is not None:
            shutil.chown(question, *self._owner)
        self._say(self._running)

    def finish(self, seconds: float) -> list[Any]:
        """Wait for the batch that was begun; return the answers to each of its scenarios."""
        self._await_done(self._running, time.monotonic() + seconds)
        question, answer = self._file("in"), self._file("out")
        results: list[Any] = json.loads(answer.read_text(encoding="ascii"))
        for used in (question, answer):
            used.unlink(missing_ok=True)
        self._running = ""
        return results

    def _file(self, end: str) -> Path:
        return self._exchange.path / f"{self._running}.{end}"

    def _say(self, name: str) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.sendall(name.encode("ascii") + b"\n")

    def _await_done(self, name: str, deadline: float) -> None:
        at = 0
        while True:
            word, _, rest = self._line(deadline, at).partition(" ")
            if word == "at":
                at = int(rest)
            elif word == "done" and rest == name:
                return
            elif word == "failed" and any(f"[Errno {number}]" in rest for number in _NO_ROOM):
                raise _full(self._exchange.path)
            elif word == "failed":
                raise AgentLostError(f"the agent failed: {rest}", at)

    def _line(self, deadline: float, at: int) -> str:
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            watched: list[socket.socket | int] = [self._channel, self._process]
            ready, _, _ = select.select(watched, [], [], max(left, 0))
            if not ready:
                raise AgentLostError("no answer within the time limit", at)
            if self._channel not in ready:
                raise AgentLostError("the agent's kernel ended", at)
            try:
                more = self._channel.recv(_BLOCK)
            except ConnectionResetError:
                more = b""
            if not more:
                raise AgentLostError("the agent's kernel ended", at)
            self._pending += more
        first, _, self._pending = self._pending.partition(b"\n")
        return first.decode("ascii", "replace").strip("\r")
