"""Inside the guest: a key manager's ear that keeps every message."""

from __future__ import annotations

import socket
from typing import Any

from xfrmspec.kernel.agent_link import (
    ADD_MEMBERSHIP,
    DROP_MEMBERSHIP,
    GROUP_ACQUIRE,
    NETLINK_XFRM,
    SOL_NETLINK,
    messages,
)

_WATCHED_GROUPS = (2, 3, 4, 5, 6, 7)
_BUFFER = 1 << 20
_RECEIVE_SIZE = 1 << 16


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
