"""Inside the guest: scenarios whose every event is written down, and those in which time goes by."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Iterator
from typing import Any

from xfrmspec.kernel.agent_node import prepare_sender, set_sysctl
from xfrmspec.kernel.agent_steps import Agent

_SETTLE_SECONDS = 0.0004
"""A sleep leaves the processor to the timers that are due at once, such as those of used up states."""
_LARVAL_SECONDS = 3600
_ACQUIRE_SYSCTL = "net/core/xfrm_acq_expires"


class WatchedRun:
    """One scenario on one node, step by step; `parts` runs it from one wait to the next."""

    def __init__(self, agent: Agent, scenario: dict[str, Any]) -> None:
        self.agent = agent
        self.scenario = scenario
        self.answers: list[Any] = []
        self._sockets: dict[int, socket.socket] = {}
        self._started = 0

    def parts(self) -> Iterator[int]:
        """Run the scenario; yield the seconds of every wait, and be gone on with when they are over."""
        self._begin()
        for kind, value in self.scenario["steps"]:
            if kind == "wait":
                yield value
            self.answers.append(self._step(kind, value))

    def result(self) -> dict[str, Any]:
        """Return the answers and the final dumps."""
        return {
            "steps": self.answers,
            "policies": [payload.hex() for payload in self.agent.policies()],
            "states": [payload.hex() for payload in self.agent.states()],
            "started": self._started,
        }

    def close(self) -> None:
        """Empty the node, and stop listening; a socket may look policies up once more when it is closed."""
        for opened in self._sockets.values():
            opened.close()
        if self._sockets:
            self._seen(0)
        self.agent.reset(self.scenario)
        if self.scenario["acquire_seconds"] != _LARVAL_SECONDS:
            set_sysctl(_ACQUIRE_SYSCTL, str(_LARVAL_SECONDS))

    def _begin(self) -> None:
        self._started = int(time.time())
        if self.scenario["acquire_seconds"] != _LARVAL_SECONDS:
            set_sysctl(_ACQUIRE_SYSCTL, str(self.scenario["acquire_seconds"]))
        self.agent.events.listen(False)
        self.agent.watcher.listen(self.scenario["listen"])

    def _step(self, kind: str, value: Any) -> dict[str, Any]:
        answer = self._carried_out(kind, value)
        if self.scenario["settle"]:
            time.sleep(_SETTLE_SECONDS)
        answer["heard"] = self.agent.watcher.heard()
        return answer

    def _carried_out(self, kind: str, value: Any) -> dict[str, Any]:
        agent = self.agent
        if kind in ("request", "thresholds"):
            error, told = agent.requests.exchanged(bytes.fromhex(value))
            if kind == "thresholds":
                agent.rest()
            return {"errno": error, "told": [payload.hex() for payload in told]}
        if kind == "send":
            return self._seen(agent.sent(value))
        if kind == "receive":
            return agent.received(value)
        if kind == "open":
            return self._seen(self._open(value))
        if kind == "send-on":
            return self._seen(self._send_on(value))
        return {}

    def _seen(self, error: int) -> dict[str, Any]:
        return self.agent.seen({"errno": error})

    def _open(self, value: dict[str, Any]) -> int:
        old = self._sockets.pop(value["socket"], None)
        if old is not None:
            old.close()
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, value["protocol"])
        self._sockets[value["socket"]] = opened
        try:
            prepare_sender(opened, value)
            opened.connect((value["destination"], value["port"]))
        except OSError as error:
            return error.errno or -1
        return 0

    def _send_on(self, value: dict[str, Any]) -> int:
        opened = self._sockets.get(value["socket"])
        if opened is None:
            return errno.ENOTCONN
        try:
            opened.send(bytes.fromhex(value["payload"]))
        except OSError as error:
            return error.errno or -1
        return 0


def run_watched(agent: Agent, scenario: dict[str, Any]) -> dict[str, Any]:
    """Run a scenario in which no time goes by."""
    run = WatchedRun(agent, scenario)
    with contextlib.closing(run):
        for _ in run.parts():
            pass
        return run.result()
