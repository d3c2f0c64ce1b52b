"""Inside the guest: scenarios whose every event is written down, and those in which time goes by."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from xfrmspec.kernel.agent_link import (
    ADD_MEMBERSHIP,
    DROP_MEMBERSHIP,
    GROUP_ACQUIRE,
    NETLINK_XFRM,
    SOL_NETLINK,
    messages,
)
from xfrmspec.kernel.agent_node import prepare_sender, set_sysctl

if TYPE_CHECKING:
    from xfrmspec.kernel.agent import Agent

_WATCHED_GROUPS = (2, 3, 4, 5, 6, 7)
_BUFFER = 1 << 20
_RECEIVE_SIZE = 1 << 16
_SETTLE_SECONDS = 0.0004
"""A sleep leaves the processor to the timers that are due at once, such as those of used up states."""
_LARVAL_SECONDS = 3600
_ACQUIRE_SYSCTL = "net/core/xfrm_acq_expires"


class Watcher:
    """A key manager's ear that keeps every message."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, 0))
        self._socket.setblocking(False)
        for group in _WATCHED_GROUPS:
            self._socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
        self._acquires = False

    def listen(self, acquires: bool) -> None:
        """Forget what was heard, and from now on hear acquires or not."""
        self.heard()
        if acquires != self._acquires:
            change = ADD_MEMBERSHIP if acquires else DROP_MEMBERSHIP
            self._socket.setsockopt(SOL_NETLINK, change, GROUP_ACQUIRE)
            self._acquires = acquires

    def heard(self) -> list[list[Any]]:
        """Return [type, payload in hexadecimal] of every message since the last time."""
        told: list[list[Any]] = []
        while True:
            try:
                datagram = self._socket.recv(_RECEIVE_SIZE)
            except BlockingIOError:
                return told
            told += [[kind, payload.hex()] for kind, payload in messages(datagram)]

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


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
        for frame in self.scenario["prepare"]:
            self.agent.requests.exchanged(bytes.fromhex(frame))
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
            return self._received(value)
        if kind == "open":
            return self._seen(self._open(value))
        if kind == "send-on":
            return self._seen(self._send_on(value))
        return {}

    def _seen(self, error: int) -> dict[str, Any]:
        return self.agent.seen({"errno": error})

    def _received(self, value: dict[str, Any]) -> dict[str, Any]:
        """The states that sentinels go through are there only while a packet is received."""
        requests = self.agent.requests
        for frame in value["before"]:
            requests.exchanged(bytes.fromhex(frame))
        answer = self.agent.received(value)
        for frame in value["after"]:
            requests.exchanged(bytes.fromhex(frame))
        return answer

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
