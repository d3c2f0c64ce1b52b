"""Inside the guest: the steps of a scenario on one node, and everything that can be seen after each."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Any

from xfrmspec.kernel.agent_ear import Watcher
from xfrmspec.kernel.agent_key import KEY_STEPS, Configuration
from xfrmspec.kernel.agent_link import NETLINK_XFRM, Events, Requests
from xfrmspec.kernel.agent_node import Node, prepare_sender
from xfrmspec.kernel.agent_quiet import GuestQuiet, HostQuiet, Sentinel

_UDP = (17, 136)
_TIME = struct.Struct("=Q")
_WORD = struct.Struct("=I")
_POLICY_USE_TIME = 144
_POLICY_DIRECTION = 160
_SOCKET_DIRECTIONS = 3
_BUCKETS_AT = 16
_BUCKETS_OF_A_NEW_TABLE = 8
_PACKET_SIZE = 1 << 16


class Agent:
    """One node, its sockets, and the steps that scenarios are made of."""

    def __init__(self, config: dict[str, Any], quiet: GuestQuiet | HostQuiet) -> None:
        self._quiet = quiet
        self._watcher: Watcher | None = None
        self._node = Node(config)
        self.requests = Requests(NETLINK_XFRM)
        self.events = Events()
        self._configuration = Configuration(self.requests, config)
        self._dump_request = bytes.fromhex(config["dump"])
        self._state_dump_request = bytes.fromhex(config["state_dump"])
        self._size_request = bytes.fromhex(config["table_size"])
        self._listeners: dict[int, socket.socket] = {}
        self._sentinel = Sentinel(config, self._node)
        self._rests = bool(config["guest"])

    @property
    def watcher(self) -> Watcher:
        """The ear that hears everything, there from the first watched scenario to the next plain one."""
        if self._watcher is None:
            self._watcher = Watcher()
        return self._watcher

    def await_addresses(self) -> None:
        """Wait until every address of the node can be used."""
        self._node.await_addresses()

    def forget(self) -> None:
        """Drop the packets that the node has sent until now."""
        self._node.captured()

    def run(self, scenario: dict[str, Any]) -> list[Any]:
        """Run one scenario from empty tables; return one result per step."""
        self._stop_watching()
        self.events.listen(scenario["listen"])
        results = [self._step(step) for step in scenario["steps"]]
        self.reset(scenario)
        return results

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def reset(self, scenario: dict[str, Any]) -> None:
        """Empty every table and undo every setting."""
        self._configuration.close()
        self.requests.acknowledged([bytes.fromhex(frame) for frame in scenario["reset"]])
        if scenario["rebuild"] or scenario["crowded"]:
            self.rest()

    def rest(self) -> None:
        """Let the kernel finish the tables it is building anew, and everything else it still has to do."""
        self._quiet.wait()

    def states(self) -> list[bytes]:
        """Return the dump of the states."""
        return self.requests.dump(self._state_dump_request)

    def has_grown(self) -> bool:
        """Tell whether the table of states is larger than a new one; it never shrinks again."""
        (answer,) = self.requests.answer(self._size_request)
        buckets: int = _WORD.unpack_from(answer, _BUCKETS_AT)[0]
        return buckets > _BUCKETS_OF_A_NEW_TABLE

    def close(self) -> None:
        """Close every socket and device."""
        self._stop_watching()
        self._sentinel.close()
        for listener in self._listeners.values():
            listener.close()
        for part in (self._node, self.requests, self.events, self._configuration):
            part.close()

    def _step(self, step: list[Any]) -> Any:
        kind, *arguments = step
        if kind == "request":
            return self.requests.acknowledged([bytes.fromhex(frame) for frame in arguments[0]])
        if kind == "rebuild":
            self.rest()
            return None
        if kind == "dump":
            return [payload.hex() for payload in self.policies()]
        if kind in KEY_STEPS:
            return self._configuration.step(kind, arguments)
        if kind == "send":
            return self.seen({"errno": self.sent(arguments[0])}, arguments[0]["last"])
        return self.received(arguments[0])

    def sent(self, stimulus: dict[str, Any]) -> int:
        """Send one packet from a fresh socket; return the error number of the call that failed, or 0."""
        return _send(stimulus)

    def policies(self) -> list[bytes]:
        """Return the dump of the policies, those of sockets left out."""
        stored = self.requests.dump(self._dump_request)
        return [payload for payload in stored if payload[_POLICY_DIRECTION] < _SOCKET_DIRECTIONS]

    def seen(self, result: dict[str, Any], last: bool = False) -> dict[str, Any]:
        """Return the result with everything added that can be seen after a packet."""
        result["wire"] = [packet.hex() for packet in self._node.captured()]
        result["counters"] = self._node.counters()
        result["events"] = self.events.drain()
        policies = self.policies()
        result["used"] = [p.hex() for p in policies if _TIME.unpack_from(p, _POLICY_USE_TIME)[0]]
        if last:
            result["policies"] = [payload.hex() for payload in policies]
        return result

    def received(self, stimulus: dict[str, Any]) -> dict[str, Any]:
        """Receive one packet, wait until it is worked off, and return what was seen."""
        listener = self._listener(stimulus["protocol"], stimulus["port"], stimulus.get("options", ()))
        try:
            self._node.inject(bytes.fromhex(stimulus["packet"]))
            self._await_worked_off()
            source, payload = _first(listener)
            result = {"errno": 0, "delivered": source}
            if stimulus.get("payload"):
                result["payload"] = payload
        finally:
            if stimulus["protocol"] in _UDP:
                listener.close()
        return self.seen(result, stimulus["last"])

    def _await_worked_off(self) -> None:
        if self._rests:
            self._quiet.wait()
        else:
            self._sentinel.follow()

    def _listener(self, protocol: int, port: int, options: Sequence[tuple[int, str]] = ()) -> socket.socket:
        """A fresh datagram socket for UDP, one raw socket that stays, emptied, for any other protocol.

        `options` are socket options of level IPv6 with their octets, for a fresh socket alone.
        """
        if protocol in _UDP:
            fresh = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, protocol)
            fresh.setblocking(False)
            fresh.bind(("::", port))
            for option, value in options:
                fresh.setsockopt(socket.IPPROTO_IPV6, option, bytes.fromhex(value))
            return fresh
        if protocol not in self._listeners:
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol)
            raw.setblocking(False)
            self._listeners[protocol] = raw
        kept = self._listeners[protocol]
        _drain(kept)
        return kept


def _drain(listener: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.recv(64)


def _first(listener: socket.socket) -> tuple[str | None, str | None]:
    """Return source address and payload of the first packet that waits, or nothing."""
    try:
        payload, source = listener.recvfrom(_PACKET_SIZE)
    except BlockingIOError:
        return None, None
    return str(source[0]), payload.hex()


def _send(stimulus: dict[str, Any]) -> int:
    """Send one packet from a fresh socket; return the error number of the call that failed, or 0."""
    protocol = stimulus["protocol"]
    kind = socket.SOCK_DGRAM if protocol in _UDP else socket.SOCK_RAW
    with socket.socket(socket.AF_INET6, kind, protocol) as sender:
        try:
            prepare_sender(sender, stimulus)
            sender.sendto(bytes.fromhex(stimulus["payload"]), (stimulus["destination"], stimulus["port"]))
        except OSError as error:
            return error.errno or -1
    return 0
