"""Inside the guest: the cables of a world, whose frames wait until the host lets them arrive."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from dataclasses import dataclass, field

from xfrmspec.kernel.agent_neighbours import (
    ADVERTISEMENT,
    SOLICITATION,
    STRANGER,
    answer_to,
    asker_of,
    target_of,
)

_TUNSETIFF = 0x400454CA
_TUNSETIFINDEX = 0x400454DA
_TAP_WITHOUT_HEADER = 0x1002
_SIOCSIFFLAGS = 0x8914
_SIOCGIFFLAGS = 0x8913
_SIOCSIFHWADDR = 0x8924
_ETHERNET = 1
_UP = 1
_FRAME_SIZE = 4096
_ETHERNET_OCTETS = 14
_IPV6 = b"\x86\xdd"
_HOP_BY_HOP = 0
_ICMPV6 = 58
_SOLICITATIONS = (SOLICITATION, ADVERTISEMENT)
_ANNOUNCEMENTS = (130, 131, 132, 133, 137, 143)


@dataclass(slots=True)
class Port:
    """The far end of a station's interface, and the link that it is plugged into."""

    station: str
    interface: str
    descriptor: int
    hardware: bytes
    link: str | None = None


@dataclass(slots=True)
class _Held:
    sender: Port
    link: str
    frame: bytes


@dataclass(slots=True)
class Cables:
    """Ports on links. Neighbour discovery passes at once, every other frame waits for `release`.

    `passed` counts the frames that passed, `asked` holds the solicitations that nobody has answered so far.
    """

    ports: list[Port] = field(default_factory=list)
    held: list[_Held] = field(default_factory=list)
    passed: int = 0
    asked: dict[bytes, tuple[Port, bytes]] = field(default_factory=dict)

    def plug(self, station: str, interface: str, link: str | None) -> None:
        """Put an interface's cable into a link, or pull it out."""
        for port in self.ports:
            if (port.station, port.interface) == (station, interface):
                port.link = link

    def release(self, number: int) -> None:
        """Let a frame arrive at everything that is on its link now, but not at its sender."""
        held = self.held[number]
        self._flood(held.sender, held.link, held.frame)

    def inject(self, link: str, packet: bytes, stations: list[str]) -> None:
        """Let a packet of somebody who is no station arrive at these stations on a link."""
        for port in self.ports:
            if port.link == link and port.station in stations:
                os.write(port.descriptor, port.hardware + STRANGER + _IPV6 + packet)

    def gathered(self) -> list[tuple[int, str, str, str, bytes]]:
        """Take what stations have sent; return number, station, interface, link and IP packet of each frame.

        What an unplugged interface sends is gone, and so are reports of multicast groups.
        """
        found = []
        for port in self.ports:
            for frame in _pending(port.descriptor):
                link, kind = port.link, _kind(frame)
                if link is None or kind in _ANNOUNCEMENTS:
                    continue
                if kind in _SOLICITATIONS:
                    self._discover(port, link, frame, kind)
                    continue
                found.append((len(self.held), port.station, port.interface, link, frame[_ETHERNET_OCTETS:]))
                self.held.append(_Held(port, link, frame))
        return found

    def _discover(self, port: Port, link: str, frame: bytes, kind: int) -> None:
        self.passed += 1
        self._flood(port, link, frame)
        if kind == SOLICITATION and any(asker_of(frame)):
            self.asked[target_of(frame)] = (port, frame)
        else:
            self.asked.pop(target_of(frame), None)

    def answer_for_strangers(self) -> bool:
        """Answer every solicitation that nobody has answered; tell whether there was one."""
        waiting, self.asked = self.asked, {}
        for port, frame in waiting.values():
            os.write(port.descriptor, answer_to(frame))
        return bool(waiting)

    def close(self) -> None:
        """Remove every interface; what was held is gone."""
        for port in self.ports:
            os.close(port.descriptor)
        self.ports, self.held = [], []

    def _flood(self, sender: Port, link: str, frame: bytes) -> None:
        for port in self.ports:
            if port.link == link and port is not sender:
                os.write(port.descriptor, frame)


def _pending(descriptor: int) -> list[bytes]:
    frames: list[bytes] = []
    while True:
        try:
            frames.append(os.read(descriptor, _FRAME_SIZE))
        except BlockingIOError:
            return frames


def _kind(frame: bytes) -> int:
    """Return the ICMPv6 type of a frame of neighbour or listener discovery, 0 for everything else."""
    if frame[12:14] != _IPV6:
        return _ANNOUNCEMENTS[0]
    packet = frame[_ETHERNET_OCTETS:]
    if packet[6] == _HOP_BY_HOP and packet[40] == _ICMPV6:
        return packet[48]
    if packet[6] != _ICMPV6:
        return 0
    return packet[40] if packet[40] in (*_SOLICITATIONS, *_ANNOUNCEMENTS) else 0


def open_port(station: str, name: str, index: int, hardware: bytes) -> Port:
    """Make an interface in the namespace that the process is in, and return its far end."""
    descriptor = os.open("/mnt/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFINDEX, struct.pack("=I", index))
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_WITHOUT_HEADER))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        set_hardware(control, name, hardware)
    bring_up(name)
    return Port(station, name, descriptor, hardware)


def set_hardware(control: socket.socket, name: str, hardware: bytes) -> None:
    """Give an interface its hardware address, through any socket of its namespace.

    The kernel forgets every neighbour there, also when the address is the one it has.
    """
    address = struct.pack("16sH6s16x", name.encode(), _ETHERNET, hardware)
    fcntl.ioctl(control, _SIOCSIFHWADDR, address)


def bring_up(name: str) -> None:
    """Bring an interface of this namespace up."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sH22x", name.encode(), 0))
        flags = struct.unpack_from("=H", request, 16)[0] | _UP
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name.encode(), flags))
