"""Inside the guest: take batches of scenarios that the host compiled, and hand back what was seen."""

from __future__ import annotations

import gc
import json
import os
import sys
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xfrmspec.kernel.agent_node import enter_guest, keep_working_memory
from xfrmspec.kernel.agent_quiet import GuestQuiet, HostQuiet
from xfrmspec.kernel.agent_reserve import Reserve
from xfrmspec.kernel.agent_spaces import Spaces
from xfrmspec.kernel.agent_steps import Agent
from xfrmspec.kernel.agent_watch import run_watched

_LAST_WORDS_SECONDS = 2
_BLOCK = 4096


class Channel:
    """Lines to and from the host."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending = b""

    def line(self) -> str:
        """Wait for the next line; empty at the end."""
        while b"\n" not in self._pending:
            more = os.read(self._descriptor, _BLOCK)
            if not more:
                return ""
            self._pending += more
        first, _, self._pending = self._pending.partition(b"\n")
        return first.decode("ascii")

    def say(self, text: str) -> None:
        """Send one line."""
        os.write(self._descriptor, text.encode("ascii", "replace") + b"\n")


def read_batch(exchange: Path, name: str) -> list[Any]:
    """Return what the host wrote for a batch."""
    batch: list[Any] = json.loads((exchange / f"{name}.in").read_text(encoding="ascii"))
    return batch


def write_answers(exchange: Path, name: str, results: list[Any]) -> None:
    """Write the answers to a batch where the host reads them."""
    descriptor = os.open(exchange / f"{name}.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as answer:
        json.dump(results, answer, separators=(",", ":"))
        answer.flush()
        os.fsync(answer.fileno())


def _serve(config: dict[str, Any], channel: Channel, exchange: Path) -> None:
    quiet = GuestQuiet() if config["guest"] else HostQuiet()
    reserve = Reserve(lambda: Agent(config, quiet))
    spaces = Spaces(lambda: Agent(config, quiet))
    channel.say(f"ready {os.uname().release}")
    while name := channel.line():
        batch = read_batch(exchange, name)
        results: list[Any] = []
        if batch and batch[0].get("timed"):
            channel.say("at 0")
            results, batch = spaces.run(batch), []
        for number, scenario in enumerate(batch):
            channel.say(f"at {number}")
            agent = reserve.agent
            results.append(run_watched(agent, scenario) if scenario["watched"] else agent.run(scenario))
            if scenario["crowded"] and agent.has_grown():
                reserve.renew()
        write_answers(exchange, name, results)
        channel.say(f"done {name}")


def main(config_path: str) -> None:
    """Set the node up as the configuration says, then serve batches until the host goes away."""
    config = json.loads(Path(config_path).read_text(encoding="utf-8"))
    if config["guest"]:
        enter_guest(config)
        keep_working_memory(bytes.fromhex(config["kept_state"]))
        descriptor = open_line()
    else:
        descriptor = config["channel"]
    gc.disable()
    exchange = Path("/mnt/exchange" if config["guest"] else config["exchange"])
    channel = Channel(descriptor)
    serve_to_the_end(channel, lambda: _serve(config, channel, exchange), config["guest"])


def open_line() -> int:
    """Return a descriptor of the guest's line to the host, raw."""
    descriptor = os.open("/mnt/tty", os.O_RDWR | os.O_NOCTTY)
    tty.setraw(descriptor, termios.TCSANOW)
    return descriptor


def serve_to_the_end(channel: Channel, serve: Callable[[], None], guest: bool) -> None:
    """Serve, and tell the host what went wrong if anything did; a guest then lives on to be read."""
    try:
        serve()
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = where.tb_lineno if where is not None else 0
        channel.say(f"failed {type(error).__name__}: {error} (line {line})")
        if not guest:
            sys.exit(1)
        time.sleep(_LAST_WORDS_SECONDS)
