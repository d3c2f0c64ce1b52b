"""Capture files: what is written can be read, and damage is named with its place."""

from __future__ import annotations

import io
import struct

import pytest

from xfrmspec.wire.capture import CaptureError, read_capture, write_capture

PACKETS = [(1.5, b"\x60" + bytes(39)), (2.25, b"\x45" + bytes(15)), (3.0, b"\x60" * 16)]


def written() -> bytes:
    stream = io.BytesIO()
    assert write_capture(stream, PACKETS) == len(PACKETS)
    return stream.getvalue()


def read(octets: bytes) -> list[tuple[float, bytes]]:
    return [(packet.time, packet.octets) for packet in read_capture(io.BytesIO(octets))]


def frames(link: int, *contents: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    records = (struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in contents)
    return head + b"".join(records)


def test_packets_come_back_with_their_times() -> None:
    assert read(written()) == PACKETS
    assert [packet.number for packet in read_capture(io.BytesIO(written()))] == [1, 2, 3]
    assert read(frames(101)) == []


def test_every_truncation_of_a_file_is_named() -> None:
    octets = written()
    ends, at = {24}, 24
    for _, packet in PACKETS:
        at += 16 + len(packet)
        ends.add(at)
    for end in range(len(octets)):
        if end in ends:
            assert len(read(octets[:end])) == sorted(ends).index(end)
            continue
        with pytest.raises(CaptureError, match=r"the file ends at octet|no pcap file"):
            read(octets[:end])


def test_packets_before_the_damage_are_yielded() -> None:
    stream = read_capture(io.BytesIO(written()[:-1]))
    assert [next(stream).octets, next(stream).octets] == [PACKETS[0][1], PACKETS[1][1]]
    with pytest.raises(CaptureError, match="1 octets before the end of a packet"):
        next(stream)


def test_frames_of_other_links_lose_their_envelope_and_padding() -> None:
    packet = b"\x60" + bytes(3) + b"\0\x02" + bytes(34) + b"ab"
    ipv4 = b"\x45\0\0\x16" + bytes(16) + b"ab"
    ethernet = frames(
        1,
        bytes(12) + b"\x86\xdd" + packet + b"pad",
        bytes(12) + b"\x08\x06arp",
        bytes(12) + b"\x08\0" + ipv4,
        b"x",
    )
    assert [octets for _, octets in read(ethernet)] == [packet, ipv4]
    assert [packet.number for packet in read_capture(io.BytesIO(ethernet))] == [1, 3]
    assert read(frames(113, bytes(14) + b"\x86\xdd" + packet)) == [(1.0, packet)]


@pytest.mark.parametrize(
    ("octets", "complaint"),
    [
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "pcapng"),
        (b"GIF89a" + bytes(40), "no pcap file: its first octets are 47 49 46 38"),
        (b"", "its first octets are missing"),
        (frames(253, b"x"), "link type 253 is not understood"),
        (frames(101, b"")[:-8] + b"\xff\xff\xff\x0f" * 2, "cannot be"),
    ],
)
def test_files_of_another_kind_are_refused(octets: bytes, complaint: str) -> None:
    with pytest.raises(CaptureError, match=complaint):
        read(octets)
