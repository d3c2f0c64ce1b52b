"""Inside the guest: run batches of scenarios that the host compiled, and write down what was seen."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import termios
import time
import tty
from pathlib import Path
from typing import Any

from xfrmspec.kernel.agent_link import NETLINK_XFRM, Events, Requests
from xfrmspec.kernel.agent_node import Node, enter_guest

_UDP = (17, 136)
_SENTINEL_PORT = 64999
_POLICY_USE_TIME = 144
_POLICY_DIRECTION = 160
_SOCKET_DIRECTIONS = 3
_SO_MARK = 36
_IPV6_XFRM_POLICY = 35
_REBUILD_SECONDS = 0.03
_PATIENCE_SECONDS = 2.0
_BLOCK = 4096


class Agent:
    """One node, its sockets, and the steps that scenarios are made of."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._node = Node(config)
        self._requests = Requests(NETLINK_XFRM)
        self._events = Events()
        self._dump_request = bytes.fromhex(config["dump"])
        self._sentinel_packet = bytes.fromhex(config["sentinel"])
        self._listeners: dict[int, socket.socket] = {}
        self._sentinel = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._sentinel.bind(("::", _SENTINEL_PORT))
        self._sentinel.settimeout(_PATIENCE_SECONDS)
        allow = bytes.fromhex(config["sentinel_policy"])
        self._sentinel.setsockopt(socket.IPPROTO_IPV6, _IPV6_XFRM_POLICY, allow)

    def run(self, scenario: dict[str, Any]) -> list[Any]:
        """Run one scenario from empty tables; return one result per step."""
        self._events.listen(scenario["listen"])
        self._events.drain()
        self._node.captured()
        self._node.counters()
        results = [self._step(step) for step in scenario["steps"]]
        self._requests.acknowledged([bytes.fromhex(frame) for frame in scenario["reset"]])
        if scenario["rebuild"]:
            time.sleep(_REBUILD_SECONDS)
        return results

    def _step(self, step: list[Any]) -> Any:
        kind, *arguments = step
        if kind == "request":
            return self._requests.acknowledged([bytes.fromhex(frame) for frame in arguments[0]])
        if kind == "rebuild":
            time.sleep(_REBUILD_SECONDS)
            return None
        if kind == "dump":
            return [payload.hex() for payload in self._policies()]
        if kind == "send":
            return self._seen({"errno": _send(arguments[0])})
        return self._receive(arguments[0])

    def _policies(self) -> list[bytes]:
        stored = self._requests.dump(self._dump_request)
        return [payload for payload in stored if payload[_POLICY_DIRECTION] < _SOCKET_DIRECTIONS]

    def _seen(self, result: dict[str, Any]) -> dict[str, Any]:
        used = struct.Struct("=Q")
        result["wire"] = [packet.hex() for packet in self._node.captured()]
        result["counters"] = self._node.counters()
        result["events"] = self._events.drain()
        result["used"] = [p.hex() for p in self._policies() if used.unpack_from(p, _POLICY_USE_TIME)[0]]
        return result

    def _receive(self, stimulus: dict[str, Any]) -> dict[str, Any]:
        listener = self._listener(stimulus["protocol"], stimulus["port"])
        try:
            _drain(listener)
            self._node.inject(bytes.fromhex(stimulus["packet"]))
            self._node.inject(self._sentinel_packet)
            self._sentinel.recv(64)
            os.sched_yield()
            result = {"errno": 0, "delivered": _first_source(listener)}
        finally:
            if stimulus["protocol"] in _UDP:
                listener.close()
        return self._seen(result)

    def _listener(self, protocol: int, port: int) -> socket.socket:
        """A fresh datagram socket for UDP, one raw socket that stays for any other protocol."""
        if protocol in _UDP:
            fresh = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, protocol)
            fresh.setblocking(False)
            fresh.bind(("::", port))
            return fresh
        if protocol not in self._listeners:
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol)
            raw.setblocking(False)
            self._listeners[protocol] = raw
        return self._listeners[protocol]


def _drain(listener: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.recv(64)


def _first_source(listener: socket.socket) -> str | None:
    try:
        return str(listener.recvfrom(64)[1][0])
    except BlockingIOError:
        return None


def _send(stimulus: dict[str, Any]) -> int:
    """Send one packet from a fresh socket; return the error number of the call that failed, or 0."""
    protocol = stimulus["protocol"]
    kind = socket.SOCK_DGRAM if protocol in _UDP else socket.SOCK_RAW
    with socket.socket(socket.AF_INET6, kind, protocol) as sender:
        try:
            _prepare(sender, stimulus)
            sender.sendto(bytes.fromhex(stimulus["payload"]), (stimulus["destination"], stimulus["port"]))
        except OSError as error:
            return error.errno or -1
    return 0


def _prepare(sender: socket.socket, stimulus: dict[str, Any]) -> None:
    if stimulus["mark"]:
        sender.setsockopt(socket.SOL_SOCKET, _SO_MARK, struct.pack("=I", stimulus["mark"]))
    if stimulus["device"]:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, stimulus["device"].encode())
    for option, value in stimulus["options"]:
        sender.setsockopt(socket.IPPROTO_IPV6, option, bytes.fromhex(value))
    sender.bind((stimulus["source"], stimulus["bind"]))


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


def _serve(agent: Agent, channel: Channel, exchange: Path) -> None:
    while name := channel.line():
        batch = json.loads((exchange / f"{name}.in").read_text(encoding="ascii"))
        results = []
        for number, scenario in enumerate(batch):
            channel.say(f"at {number}")
            results.append(agent.run(scenario))
        descriptor = os.open(exchange / f"{name}.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as answer:
            json.dump(results, answer, separators=(",", ":"))
            answer.flush()
            os.fsync(answer.fileno())
        channel.say(f"done {name}")


def main(config_path: str) -> None:
    """Set the node up as the configuration says, then serve batches until the host goes away."""
    config = json.loads(Path(config_path).read_text(encoding="utf-8"))
    if config["guest"]:
        enter_guest(config)
        descriptor = os.open("/mnt/tty", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(descriptor, termios.TCSANOW)
    else:
        descriptor = config["channel"]
    channel = Channel(descriptor)
    exchange = Path("/mnt/exchange" if config["guest"] else config["exchange"])
    try:
        agent = Agent(config)
        channel.say(f"ready {os.uname().release}")
        _serve(agent, channel, exchange)
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = where.tb_lineno if where is not None else 0
        channel.say(f"failed {type(error).__name__}: {error} (line {line})")
        if not config["guest"]:
            sys.exit(1)
        time.sleep(_PATIENCE_SECONDS)
