"""Inside the guest: run batches of scenarios that the host compiled, and write down what was seen."""

from __future__ import annotations

import contextlib
import gc
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
from xfrmspec.kernel.agent_node import Node, enter_guest, enter_namespace
from xfrmspec.kernel.agent_quiet import GuestQuiet, HostQuiet

_UDP = (17, 136)
_TIME = struct.Struct("=Q")
_WORD = struct.Struct("=I")
_SENTINEL_PORT = 64999
_POLICY_USE_TIME = 144
_POLICY_DIRECTION = 160
_SOCKET_DIRECTIONS = 3
_SO_MARK = 36
_IPV6_XFRM_POLICY = 35
_BUCKETS_AT = 16
_BUCKETS_OF_A_NEW_TABLE = 8
_PATIENCE_SECONDS = 2.0
_BLOCK = 4096


class Agent:
    """One node, its sockets, and the steps that scenarios are made of."""

    def __init__(self, config: dict[str, Any], quiet: GuestQuiet | HostQuiet) -> None:
        self._quiet = quiet
        self._node = Node(config)
        self._requests = Requests(NETLINK_XFRM)
        self._events = Events()
        self._dump_request = bytes.fromhex(config["dump"])
        self._size_request = bytes.fromhex(config["table_size"])
        self._listeners: dict[int, socket.socket] = {}
        self._sentinel = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._sentinel.bind(("::", _SENTINEL_PORT))
        self._sentinel.settimeout(_PATIENCE_SECONDS)
        allow = bytes.fromhex(config["sentinel_policy"])
        self._sentinel.setsockopt(socket.IPPROTO_IPV6, _IPV6_XFRM_POLICY, allow)

    def run(self, scenario: dict[str, Any]) -> list[Any]:
        """Run one scenario from empty tables; return one result per step."""
        self._events.listen(scenario["listen"])
        if scenario["prepare"]:
            self._requests.acknowledged([bytes.fromhex(frame) for frame in scenario["prepare"]])
        results = [self._step(step) for step in scenario["steps"]]
        self._requests.acknowledged([bytes.fromhex(frame) for frame in scenario["reset"]])
        if scenario["rebuild"] or scenario["crowded"]:
            self._quiet.wait()
        return results

    def has_grown(self) -> bool:
        """Tell whether the table of states is larger than a new one; it never shrinks again."""
        (answer,) = self._requests.answer(self._size_request)
        buckets: int = _WORD.unpack_from(answer, _BUCKETS_AT)[0]
        return buckets > _BUCKETS_OF_A_NEW_TABLE

    def close(self) -> None:
        """Close every socket and device."""
        for listener in (self._sentinel, *self._listeners.values()):
            listener.close()
        for part in (self._node, self._requests, self._events):
            part.close()

    def _step(self, step: list[Any]) -> Any:
        kind, *arguments = step
        if kind == "request":
            return self._requests.acknowledged([bytes.fromhex(frame) for frame in arguments[0]])
        if kind == "rebuild":
            self._quiet.wait()
            return None
        if kind == "dump":
            return [payload.hex() for payload in self._policies()]
        if kind == "send":
            return self._seen({"errno": _send(arguments[0])}, arguments[0]["last"])
        return self._receive(arguments[0])

    def _policies(self) -> list[bytes]:
        stored = self._requests.dump(self._dump_request)
        return [payload for payload in stored if payload[_POLICY_DIRECTION] < _SOCKET_DIRECTIONS]

    def _seen(self, result: dict[str, Any], last: bool) -> dict[str, Any]:
        result["wire"] = [packet.hex() for packet in self._node.captured()]
        result["counters"] = self._node.counters()
        result["events"] = self._events.drain()
        policies = self._policies()
        result["used"] = [p.hex() for p in policies if _TIME.unpack_from(p, _POLICY_USE_TIME)[0]]
        if last:
            result["policies"] = [payload.hex() for payload in policies]
        return result

    def _receive(self, stimulus: dict[str, Any]) -> dict[str, Any]:
        listener = self._listener(stimulus["protocol"], stimulus["port"])
        try:
            _drain(listener)
            self._node.inject(bytes.fromhex(stimulus["packet"]))
            for _ in range(stimulus["rounds"]):
                self._node.inject(bytes.fromhex(stimulus["sentinel"]))
                self._sentinel.recv(64)
            result = {"errno": 0, "delivered": _first_source(listener)}
        finally:
            if stimulus["protocol"] in _UDP:
                listener.close()
        return self._seen(result, stimulus["last"])

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


def _renewed(agent: Agent, config: dict[str, Any], quiet: GuestQuiet | HostQuiet) -> Agent:
    """Move on to a new network namespace, whose tables are as they were at the start."""
    agent.close()
    enter_namespace()
    return Agent(config, quiet)


def _serve(config: dict[str, Any], channel: Channel, exchange: Path) -> None:
    quiet = GuestQuiet() if config["guest"] else HostQuiet()
    agent = Agent(config, quiet)
    channel.say(f"ready {os.uname().release}")
    while name := channel.line():
        batch = json.loads((exchange / f"{name}.in").read_text(encoding="ascii"))
        results = []
        for number, scenario in enumerate(batch):
            channel.say(f"at {number}")
            results.append(agent.run(scenario))
            if scenario["crowded"] and agent.has_grown():
                agent = _renewed(agent, config, quiet)
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
    gc.disable()
    channel = Channel(descriptor)
    exchange = Path("/mnt/exchange" if config["guest"] else config["exchange"])
    try:
        _serve(config, channel, exchange)
    except Exception as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = where.tb_lineno if where is not None else 0
        channel.say(f"failed {type(error).__name__}: {error} (line {line})")
        if not config["guest"]:
            sys.exit(1)
        time.sleep(_PATIENCE_SECONDS)
