"""Inside the guest: netlink requests by hand, standard library only.

The agent's modules are copied next to each other into the guest and import nothing else of this project.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterator, Sequence

NETLINK_ROUTE = 0
NETLINK_XFRM = 6
SOL_NETLINK = 270
ADD_MEMBERSHIP = 1
DROP_MEMBERSHIP = 2
GROUP_ACQUIRE = 1
GROUP_REPORT = 6

_HEADER = struct.Struct("=IHHII")
_SEQUENCE = struct.Struct("=I")
_ERROR = struct.Struct("=i")
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_BUFFER = 1 << 20
_RECEIVE_SIZE = 1 << 16
_FLAGS_CREATE = 0x405
_NEWADDR = 20
_NEWROUTE = 24
_NODAD = 0x02
_HOME = 0x10


def messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """Iterate over (type, payload) of a datagram's messages."""
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind = struct.unpack_from("=IH", datagram, offset)
        yield kind, datagram[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


class Requests:
    """A netlink socket that requests are sent through, one batch at a time."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, 0))

    def acknowledged(self, frames: Sequence[bytes]) -> list[int]:
        """Send complete messages; return their error numbers in order.

        Their sequence numbers must count from zero, and only the last may ask for an acknowledgement: the
        kernel answers every failure anyway.
        """
        errors = [0] * len(frames)
        self._socket.send(b"".join(frame.ljust((len(frame) + 3) & ~3, b"\0") for frame in frames))
        last = len(frames) - 1
        while True:
            datagram = self._socket.recv(_RECEIVE_SIZE)
            sequence = _SEQUENCE.unpack_from(datagram, 8)[0]
            errors[sequence] = -_ERROR.unpack_from(datagram, _HEADER.size)[0]
            if sequence == last:
                return errors

    def exchanged(self, frame: bytes) -> tuple[int, list[bytes]]:
        """Send one message that asks for an acknowledgement; return its error number and what came first."""
        self._socket.send(frame)
        told: list[bytes] = []
        while True:
            for kind, payload in messages(self._socket.recv(_RECEIVE_SIZE)):
                if kind == _NLMSG_ERROR:
                    return -_ERROR.unpack_from(payload)[0], told
                told.append(payload)

    def answer(self, frame: bytes) -> list[bytes]:
        """Send one request that is answered by one datagram; return the payloads of the answer."""
        self._socket.send(frame)
        return [payload for _, payload in messages(self._socket.recv(_RECEIVE_SIZE))]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def dump(self, frame: bytes) -> list[bytes]:
        """Send one dump request; return the payloads of the answer."""
        self._socket.send(frame)
        found: list[bytes] = []
        while True:
            for kind, payload in messages(self._socket.recv(_RECEIVE_SIZE)):
                if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                    return found
                found.append(payload)


class Events:
    """The key manager's ear: counts of the notifications of the groups it joined."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, GROUP_REPORT)
        self._listening = False

    def listen(self, wanted: bool) -> None:
        """Join or leave the group of acquires."""
        if wanted != self._listening:
            change = ADD_MEMBERSHIP if wanted else DROP_MEMBERSHIP
            self._socket.setsockopt(SOL_NETLINK, change, GROUP_ACQUIRE)
            self._listening = wanted

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def drain(self) -> dict[int, int]:
        """Return how many messages of each type arrived since the last time."""
        counts: dict[int, int] = {}
        while True:
            try:
                datagram = self._socket.recv(_RECEIVE_SIZE)
            except BlockingIOError:
                return counts
            for kind, _ in messages(datagram):
                counts[kind] = counts.get(kind, 0) + 1


def _attribute(kind: int, value: bytes) -> bytes:
    padded = value.ljust((len(value) + 3) & ~3, b"\0")
    return struct.pack("=HH", 4 + len(value), kind) + padded


def _request(kind: int, payload: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(payload), kind, _FLAGS_CREATE, 0, 0) + payload


def add_address(routes: Requests, ifindex: int, address: str, home: bool) -> int:
    """Give an interface an IPv6 host address, without duplicate detection; return the error number."""
    flags = _NODAD | (_HOME if home else 0)
    octets = socket.inet_pton(socket.AF_INET6, address)
    head = struct.pack("=BBBBI", socket.AF_INET6, 128, flags, 0, ifindex)
    payload = head + _attribute(2, octets) + _attribute(1, octets) + _attribute(8, struct.pack("=I", flags))
    return routes.acknowledged([_request(_NEWADDR, payload)])[0]


def add_route(routes: Requests, ifindex: int, prefix: str, length: int, metric: int) -> int:
    """Route an IPv6 prefix to an interface; return the error number."""
    head = struct.pack("=BBBBBBBBI", socket.AF_INET6, length, 0, 0, 254, 3, 0, 1, 0)
    destination = socket.inet_pton(socket.AF_INET6, prefix)
    payload = head + (_attribute(1, destination) if length else b"")
    payload += _attribute(4, struct.pack("=I", ifindex)) + _attribute(6, struct.pack("=I", metric))
    return routes.acknowledged([_request(_NEWROUTE, payload)])[0]


def load_module(path: str) -> None:
    """Load one kernel module; OSError when the kernel refuses, but not when it is there already."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syscall(ctypes.c_long(313), ctypes.c_int(descriptor), b"", ctypes.c_int(0)) == 0:
            return
    finally:
        os.close(descriptor)
    error = ctypes.get_errno()
    if error != 17:
        raise OSError(error, f"module {path}: {os.strerror(error)}")


def mount(source: str, target: str, kind: str, options: str = "") -> None:
    """Mount a file system; OSError when the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(0), options.encode()):
        error = ctypes.get_errno()
        raise OSError(error, f"mount {kind} on {target}: {os.strerror(error)}")
