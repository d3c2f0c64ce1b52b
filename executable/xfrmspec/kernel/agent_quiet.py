"""Inside the guest: how the agent knows that the kernel has nothing left to do for it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from typing import Any

from xfrmspec.kernel.agent_node import Node

_RUNNABLE = b" 1/"
_SMALL_FILE = 64
_UNCERTAIN_SECONDS = 0.005
_SENTINEL_PORT = 64999
_IPV6_XFRM_POLICY = 35
_PATIENCE = struct.pack("=qq", 2, 0)
"""Two seconds as a struct timeval: a timeout of Python's own asks the kernel twice for each packet."""


class GuestQuiet:
    """The kernel of a guest, where the agent is the only process and there is one processor.

    Whatever the kernel still has to do then waits for that processor as a runnable thread. The agent takes
    the class of idle processes, so that every such thread goes first.
    """

    def __init__(self) -> None:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        self._load = os.open("/proc/loadavg", os.O_RDONLY)

    def wait(self) -> None:
        """Return as soon as nobody but the agent wants to run."""
        while _RUNNABLE not in os.pread(self._load, _SMALL_FILE, 0):
            os.sched_yield()


class HostQuiet:
    """The running kernel, which has much else to do: its workers take work in order.

    Reading vm.stat_refresh queues work on every processor behind what is queued there already, and waits for
    it. Where that is not permitted there is nothing but a nap.
    """

    def __init__(self) -> None:
        self._refresh = -1
        with contextlib.suppress(OSError):
            self._refresh = os.open("/proc/sys/vm/stat_refresh", os.O_RDONLY)

    def wait(self) -> None:
        """Return when the work that was queued before has been done."""
        if self._refresh < 0:
            time.sleep(_UNCERTAIN_SECONDS)
        else:
            os.pread(self._refresh, 1, 0)


class Sentinel:
    """A datagram behind a packet, whose arrival tells that the packet was worked off where there is no rest.

    Only received packets stand in line there, as the running kernel transforms none. The socket is open on
    every node, so that listings and counts hold the policy of a socket.
    """

    def __init__(self, config: dict[str, Any], node: Node) -> None:
        self._node = node
        self._packet = bytes.fromhex(config["sentinel"])
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.bind(("::", _SENTINEL_PORT))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
        allow = bytes.fromhex(config["sentinel_policy"])
        self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_XFRM_POLICY, allow)

    def follow(self) -> None:
        """Send the datagram after whatever was received before, and wait for it."""
        self._node.inject(self._packet)
        self._socket.recv(_SMALL_FILE)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
