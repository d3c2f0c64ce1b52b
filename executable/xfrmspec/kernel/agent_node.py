"""Inside the guest: make the node that scenarios run on, and read what it shows of itself."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import stat
import struct
import time
from pathlib import Path
from typing import Any

from xfrmspec.kernel.agent_link import (
    NETLINK_ROUTE,
    NETLINK_XFRM,
    Requests,
    add_address,
    add_route,
    load_module,
    mount,
)

_TUNSETIFF = 0x400454CA
_TUNSETIFINDEX = 0x400454DA
_TUN_WITHOUT_HEADER = 0x1001
_SIOCSIFFLAGS = 0x8914
_SIOCGIFFLAGS = 0x8913
_CLONE_NEWNET = 0x40000000
_UP = 1
_MULTICAST = 0x1000
_PACKET_SIZE = 4096
_SO_MARK = 36
_TUN_NUMBER = os.makedev(10, 200)
_TTY_NUMBER = os.makedev(4, 1)


def enter_guest(config: dict[str, Any]) -> None:
    """Mount what a guest needs and load its modules; only for the first process of a guest.

    From then on the kernel starts no programs of its own, neither for missing modules nor for new interfaces.
    """
    for kind, target in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/mnt")):
        mount("none", target, kind)
    Path("/mnt/exchange").mkdir()
    mount("none", "/mnt/exchange", "hostfs", config["exchange"])
    os.mknod("/mnt/tun", 0o600 | stat.S_IFCHR, _TUN_NUMBER)
    os.mknod("/mnt/tty", 0o600 | stat.S_IFCHR, _TTY_NUMBER)
    for path in config["modules"]:
        load_module(path)
    for helper in ("modprobe", "hotplug"):
        set_sysctl(f"kernel/{helper}", "\n")


def keep_working_memory(frame: bytes) -> None:
    """Make a state of IPComp where no scenario sees it, in a namespace that stays as long as the process.

    The kernel has one working memory for all states of IPComp, which it maps for the first and unmaps with
    the last.
    """
    home = this_namespace()
    enter_namespace()
    this_namespace()
    requests = Requests(NETLINK_XFRM)
    _expect(requests.acknowledged([frame])[0], "state of IPComp")
    requests.close()
    move_to(home)
    os.close(home)


def enter_namespace() -> None:
    """Leave the network namespace for a new one."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(ctypes.c_int(_CLONE_NEWNET)):
        error = ctypes.get_errno()
        raise OSError(error, f"unshare: {os.strerror(error)}")


def this_namespace() -> int:
    """Return a descriptor of the network namespace that the process is in."""
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def move_to(namespace: int) -> None:
    """Enter the network namespace of a descriptor; sockets stay where they were opened."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(ctypes.c_int(namespace), ctypes.c_int(_CLONE_NEWNET)):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


def set_sysctl(name: str, value: str) -> None:
    """Write one sysctl under /proc/sys; one that does not exist is passed over."""
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/sys", name).write_text(value, encoding="ascii")


def prepare_sender(sender: socket.socket, stimulus: dict[str, Any]) -> None:
    """Give a socket its mark, interface, options and address."""
    if stimulus["mark"]:
        sender.setsockopt(socket.SOL_SOCKET, _SO_MARK, struct.pack("=I", stimulus["mark"]))
    if stimulus["device"]:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, stimulus["device"].encode())
    for option, value in stimulus["options"]:
        sender.setsockopt(socket.IPPROTO_IPV6, option, bytes.fromhex(value))
    sender.bind((stimulus["source"], stimulus["bind"]))


SETTLE_SECONDS = 0.1
"""How long a new namespace loses a packet now and then."""


class Node:
    """The interfaces of the node, and everything observable that is no packet of a socket."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._routes = Requests(NETLINK_ROUTE)
        self._control = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        _set_defaults()
        self._bring_up("lo")
        self.tunnels = [self._tunnel(config["tun"], name, index) for name, index in config["interfaces"]]
        # A router joins multicast groups, and reports them to the network, on interfaces that have multicast.
        set_sysctl("net/ipv6/conf/all/forwarding", "1")
        outer, inner = (index for _, index in config["interfaces"])
        for address, home in config["addresses"]:
            _expect(add_address(self._routes, outer, address, home), f"address {address}")
        outside, bits = config["outside"]
        _expect(add_route(self._routes, outer, outside, bits, 100), "outer route")
        _expect(add_route(self._routes, inner, outside, bits, 200), "second outer route")
        prefix, length = config["inner"]
        _expect(add_route(self._routes, inner, prefix, length, 50), "inner route")
        self._statistics = os.open("/proc/net/xfrm_stat", os.O_RDONLY)
        self._last = os.pread(self._statistics, _PACKET_SIZE, 0)
        self._addresses = [address for address, _ in config["addresses"]]

    def await_addresses(self) -> None:
        """Wait until every address can be used."""
        _await_addresses(self._addresses)

    def close(self) -> None:
        """Remove the interfaces and close everything else."""
        for descriptor in (*self.tunnels, self._statistics):
            os.close(descriptor)
        self._control.close()
        self._routes.close()

    def _bring_up(self, name: str) -> None:
        request = fcntl.ioctl(self._control, _SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
        flags = struct.unpack_from("=H", request, 16)[0]
        wanted = (flags | _UP) & ~_MULTICAST
        fcntl.ioctl(self._control, _SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), wanted))

    def _tunnel(self, device: str, name: str, index: int) -> int:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(descriptor, _TUNSETIFINDEX, struct.pack("=I", index))
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
        for setting, value in (("addr_gen_mode", "1"), ("accept_ra", "0"), ("router_solicitations", "0")):
            set_sysctl(f"net/ipv6/conf/{name}/{setting}", value)
        set_sysctl(f"net/ipv6/conf/{name}/accept_source_route", "1")
        self._bring_up(name)
        return descriptor

    def inject(self, packet: bytes) -> None:
        """Receive a packet on the outer interface."""
        os.write(self.tunnels[0], packet)

    def captured(self) -> list[bytes]:
        """Return the unicast packets that left since the last time, outer interface first."""
        return [packet for tunnel in self.tunnels for packet in _pending(tunnel) if packet[24] != 0xFF]

    def counters(self) -> dict[str, int]:
        """Return the counters that grew since the last time, and by how much."""
        now = os.pread(self._statistics, _PACKET_SIZE, 0)
        before, self._last = self._last, now
        if now == before:
            return {}
        old, new = _parsed(before), _parsed(now)
        return {name: value - old[name] for name, value in new.items() if value != old[name]}


def _set_defaults() -> None:
    for name, value in (
        ("net/ipv6/conf/all/disable_ipv6", "0"),
        ("net/ipv6/conf/all/accept_source_route", "1"),
        ("net/ipv6/conf/default/accept_dad", "0"),
        ("net/ipv6/conf/default/router_solicitations", "0"),
        ("net/ipv6/auto_flowlabels", "0"),
        ("net/core/xfrm_larval_drop", "1"),
        ("net/core/xfrm_acq_expires", "3600"),
    ):
        set_sysctl(name, value)


def _pending(tunnel: int) -> list[bytes]:
    packets: list[bytes] = []
    while True:
        try:
            packets.append(os.read(tunnel, _PACKET_SIZE))
        except BlockingIOError:
            return packets


def _parsed(statistics: bytes) -> dict[str, int]:
    words = statistics.decode("ascii").split()
    return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def _expect(error: int, what: str) -> None:
    if error:
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _await_addresses(addresses: list[str]) -> None:
    """A new address cannot be used at once, even without duplicate detection."""
    deadline = time.monotonic() + 5
    for address in addresses:
        while True:
            try:
                with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
                    probe.bind((address, 0))
                    probe.sendto(b"", ("2001:db8:ffff::1", 9))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
