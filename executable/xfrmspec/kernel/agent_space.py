"""Inside the guest: one station of a world, a namespace with its sockets."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import Any

from xfrmspec.kernel.agent_cables import Port, bring_up, open_port, set_hardware
from xfrmspec.kernel.agent_link import (
    ADD_MEMBERSHIP,
    GROUP_ACQUIRE,
    GROUP_REPORT,
    NETLINK_ROUTE,
    NETLINK_XFRM,
    SOL_NETLINK,
    Requests,
    messages,
)
from xfrmspec.kernel.agent_node import enter_namespace, set_sysctl, this_namespace

_PACKET_SIZE = 1 << 16
_ANCILLARY_SIZE = 4096
_STATISTICS_SIZE = 4096
_MOBILITY = 135
_ICMPV6 = 58
_PING = -1
_PING_IDENTIFIER = 1
_PACKET_INFORMATION = 50
_HOP_LIMIT = 52
_RECEIVED = {"packet information": 49, "routing header": 56, "destination options": 58}
_ICMP_FILTER = 1
_NOTHING_PASSES = b"\xff" * 32
_READ_TYPES = (1, 2, 3, 4, 134)
"""A raw socket checks policies once more for itself, so that echoes are read otherwise."""
_SETTINGS = (
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_redirects", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    ("net/ipv6/icmp/ratelimit", "0"),
    ("net/ipv4/ping_group_range", "0 65535"),
    ("net/ipv6/auto_flowlabels", "0"),
    ("net/core/xfrm_larval_drop", "1"),
    ("net/core/xfrm_acq_expires", "3600"),
)
_NEIGHBOUR_SETTINGS = (
    ("base_reachable_time_ms", "3600000"),
    ("delay_first_probe_time", "3600"),
    ("proxy_delay", "0"),
)
"""Nothing of neighbour discovery depends on the clock; a namespace has these for single interfaces alone."""


class Space:
    """A station: its interfaces, the sockets of its daemon, and an ear for what the kernel tells it."""

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        enter_namespace()
        self.namespace = this_namespace()
        for setting, value in _SETTINGS:
            set_sysctl(setting, value)
        bring_up("lo")
        self.ports: list[Port] = [
            open_port(name, interface, index, bytes.fromhex(hardware))
            for interface, index, hardware in config["interfaces"]
        ]
        for port in self.ports:
            for setting, value in _NEIGHBOUR_SETTINGS:
                set_sysctl(f"net/ipv6/neigh/{port.interface}/{setting}", value)
        set_sysctl("net/ipv6/conf/default/addr_gen_mode", "1")
        for setting in ("forwarding", "proxy_ndp"):
            set_sysctl(f"net/ipv6/conf/all/{setting}", "1" if config["router"] else "0")
        self._requests = {"xfrm": Requests(NETLINK_XFRM), "route": Requests(NETLINK_ROUTE)}
        self._sockets = {_ICMPV6: _icmp_socket(), _PING: _ping_socket()}
        if config["daemon"]:
            self._sockets[_MOBILITY] = _raw_socket(_MOBILITY)
        self._ear = _ear()
        self._statistics = os.open("/proc/net/xfrm_stat", os.O_RDONLY)

    def forget_neighbours(self, interface: str) -> None:
        """Forget who was met on an interface, as a kernel does when it has lost the carrier."""
        for port in self.ports:
            if port.interface == interface:
                set_hardware(self._sockets[_ICMPV6], interface, port.hardware)

    def request(self, family: str, frame: bytes) -> int:
        """Send one netlink request; return its error number."""
        return self._requests[family].exchanged(frame)[0]

    def dump(self, frame: bytes) -> list[str]:
        """Return the payloads that an XFRM dump request is answered by, in hexadecimal."""
        return [payload.hex() for payload in self._requests["xfrm"].dump(frame)]

    def send(self, packet: dict[str, Any]) -> int:
        """Send a message of a raw socket; return the error number of the call."""
        information = socket.inet_pton(socket.AF_INET6, packet["source"]) + struct.pack("=i", packet["index"])
        ancillary = [(socket.IPPROTO_IPV6, _PACKET_INFORMATION, information)]
        ancillary += [(socket.IPPROTO_IPV6, kind, bytes.fromhex(value)) for kind, value in packet["with"]]
        sender = self._sockets[packet["protocol"]]
        destination = (packet["destination"], 0, 0, packet["index"])
        try:
            sender.sendmsg([bytes.fromhex(packet["payload"])], ancillary, 0, destination)
        except OSError as error:
            return error.errno or -1
        return 0

    def close(self) -> None:
        """Close every socket; the namespace goes with the last descriptor of it."""
        for requests in self._requests.values():
            requests.close()
        for opened in (*self._sockets.values(), self._ear):
            opened.close()
        os.close(self._statistics)
        os.close(self.namespace)

    def seen(self) -> dict[str, Any]:
        """Return what sockets read, what the kernel told, and its counters."""
        read = [
            [protocol, *message]
            for protocol, reader in sorted(self._sockets.items())
            for message in _pending(reader)
        ]
        words = os.pread(self._statistics, _STATISTICS_SIZE, 0).decode("ascii").split()
        counters = {
            name: int(value) for name, value in zip(words[::2], words[1::2], strict=True) if value != "0"
        }
        return {"read": read, "told": _told(self._ear), "counters": counters}


def _raw_socket(protocol: int) -> socket.socket:
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol)
    raw.setblocking(False)
    for option in _RECEIVED.values():
        raw.setsockopt(socket.IPPROTO_IPV6, option, 1)
    return raw


def _ping_socket() -> socket.socket:
    """Return a socket that reads the replies to echo requests with one identifier."""
    ping = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, _ICMPV6)
    ping.setblocking(False)
    ping.setsockopt(socket.IPPROTO_IPV6, _RECEIVED["packet information"], 1)
    ping.bind(("::", _PING_IDENTIFIER))
    return ping


def _icmp_socket() -> socket.socket:
    raw = _raw_socket(_ICMPV6)
    words = list(struct.unpack("=8I", _NOTHING_PASSES))
    for kind in _READ_TYPES:
        words[kind >> 5] &= ~(1 << (kind & 31)) & 0xFFFFFFFF
    raw.setsockopt(_ICMPV6, _ICMP_FILTER, struct.pack("=8I", *words))
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    return raw


def _ear() -> socket.socket:
    ear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
    ear.bind((0, 0))
    ear.setblocking(False)
    for group in (GROUP_ACQUIRE, GROUP_REPORT):
        ear.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
    return ear


def _pending(reader: socket.socket) -> list[list[Any]]:
    """Return [source, payload, [[type, value], ...]] of every message that waits."""
    found: list[list[Any]] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            payload, ancillary, _, source = reader.recvmsg(_PACKET_SIZE, _ANCILLARY_SIZE)
            found.append([source[0], payload.hex(), [[kind, value.hex()] for _, kind, value in ancillary]])
    return found


def _told(ear: socket.socket) -> list[list[Any]]:
    found: list[list[Any]] = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found += [[kind, payload.hex()] for kind, payload in messages(ear.recv(_PACKET_SIZE))]
    return found
