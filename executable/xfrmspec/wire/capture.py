"""Packets in capture files: classic pcap, one packet after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import dpkt

RAW_IP = 101
_ETHERNET = 1
_RAW_OF_BSD = 12
_COOKED = 113
_IPV4_ONLY = 228
_IPV6_ONLY = 229
_BARE = frozenset({RAW_IP, _RAW_OF_BSD, _IPV4_ONLY, _IPV6_ONLY})
_TYPES_AT = {_ETHERNET: 12, _COOKED: 14}
_IP_TYPES = frozenset({0x0800, 0x86DD})
_IPV6_TYPE = 0x86DD
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_MOST_OCTETS = 1 << 18


class CaptureError(ValueError):
    """A capture file that cannot be read; the text says at which octet and what was expected there."""


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """The `number`-th record of a file (from 1), its time in seconds since 1970, and its IP octets."""

    number: int
    time: float
    octets: bytes


class _WholeReads:
    """A file for dpkt whose reads are whole or at the end of a record; anything else is an error.

    dpkt itself takes a record that the file cuts short for a shorter packet. `head` was read before.
    """

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream, self._offset, self._in_record = head, stream, 0, False

    def read(self, size: int) -> bytes:
        """Read as a file does; CaptureError when the file ends inside a header or a packet."""
        part = "packet" if self._in_record else "header"
        if size > _MOST_OCTETS:
            raise CaptureError(f"at octet {self._offset} stands a packet of {size} octets, which cannot be")
        head, self._head = self._head[:size], self._head[size:]
        octets = head + self._stream.read(size - len(head))
        missing = size - len(octets)
        if missing and (octets or self._in_record):
            end = self._offset + len(octets)
            raise CaptureError(f"the file ends at octet {end}, {missing} octets before the end of a {part}")
        self._in_record = not self._in_record and self._offset > 0
        self._offset += len(octets)
        return octets


def read_capture(stream: BinaryIO) -> Iterator[CapturedPacket]:
    """Yield the IP packets of a capture in file order; frames of other protocols are passed over.

    Link types: raw IP, Ethernet, and Linux cooked. Octets that Ethernet adds behind a short packet are cut
    off. CaptureError for a file of another kind or one that is damaged.
    """
    head = stream.read(len(_PCAPNG))
    if head == _PCAPNG:
        raise CaptureError("this is pcapng; write classic pcap instead (tcpdump does, or: editcap -F pcap)")
    try:
        reader = dpkt.pcap.Reader(_WholeReads(head, stream))
    except CaptureError:
        raise
    except (ValueError, dpkt.UnpackError) as error:
        raise CaptureError(
            f"this is no pcap file: its first octets are {head.hex(' ') or 'missing'}"
        ) from error
    link = reader.datalink()
    if link not in _BARE and link not in _TYPES_AT:
        raise CaptureError(f"link type {link} is not understood; raw IP, Ethernet and Linux cooked are")
    for number, (time, frame) in enumerate(reader, 1):
        octets = _ip_octets(link, frame)
        if octets is not None:
            yield CapturedPacket(number, float(time), octets)


def _ip_octets(link: int, frame: bytes) -> bytes | None:
    if link in _BARE:
        return frame
    place = _TYPES_AT[link]
    if len(frame) < place + 2:
        return None
    (kind,) = struct.unpack_from(">H", frame, place)
    if kind not in _IP_TYPES:
        return None
    packet = frame[place + 2 :]
    return packet[: _ip_length(kind, packet)]


def _ip_length(kind: int, packet: bytes) -> int:
    """Where the packet ends by its own length; what Ethernet adds to short frames comes behind."""
    if kind == _IPV6_TYPE:
        return 40 + int.from_bytes(packet[4:6], "big")
    return int.from_bytes(packet[2:4], "big")


def write_capture(stream: BinaryIO, packets: Iterable[tuple[float, bytes]]) -> int:
    """Write packets with their times in seconds as a raw IP capture; return how many there were."""
    writer = dpkt.pcap.Writer(stream, linktype=RAW_IP)
    count = 0
    for time, octets in packets:
        writer.writepkt(octets, ts=time)
        count += 1
    return count
