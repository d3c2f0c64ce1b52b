"""The kernel as judge of octets: it takes what we seal and refuses what we refuse, and we open what it sends.

Its initialisation vectors are its own, so what it sends is compared decrypted (XFRM-ESP-006).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from xfrmspec.findings.pieces import ANYWHERE, HERE, RECEIVED, SENT, THERE, allow
from xfrmspec.kernel.netlink import Message, RequestFlag, encode, frame
from xfrmspec.kernel.netlink_attributes import Algorithm, AttributeKind, ReplayEsn, replay_esn_attribute
from xfrmspec.kernel.netlink_requests import DEFLATE, state_message
from xfrmspec.kernel.program import compile_scenario
from xfrmspec.kernel.uml import KernelMissingError, UmlGuest, find_kernel
from xfrmspec.scenario.packets import received_packet
from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario, Send
from xfrmspec.wire.ah import AhKeys, Verified, protect, verify
from xfrmspec.wire.algorithms import Integrity, encryption, integrity
from xfrmspec.wire.esp import EspKeys, Opened, open_sealed, seal
from xfrmspec.wire.ipcomp import Compressed, compress, expand
from xfrmspec.wire.secret import NO_KEY, Secret
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import Mode, Template
from xfrmspec_terms.selector import Protocol

from .conftest import absent, own_core

SPI = 0x1001
SECONDS = 30.0
DATAGRAM = received_packet(Receive(RECEIVED))[40:]
INTEGRITIES = [
    *(("hmac(md5)", 16, 96), ("hmac(sha1)", 20, 96), ("hmac(sha256)", 32, 96), ("hmac(sha256)", 32, 128)),
    *(("hmac(sha384)", 48, 192), ("hmac(sha512)", 64, 256)),
]
SEPARATE = [("ecb(cipher_null)", 0), *(("cbc(aes)", n) for n in (16, 24, 32)), ("rfc3686(ctr(aes))", 20)]
COMBINED = [
    *(("rfc4106(gcm(aes))", 20, bits) for bits in (64, 96, 128)),
    *(("rfc4106(gcm(aes))", 36, 128), ("rfc7539esp(chacha20,poly1305)", 36, 128)),
]


@pytest.fixture(scope="module")
def guest() -> Iterator[UmlGuest]:
    try:
        kernel = find_kernel()
    except KernelMissingError as missing:
        absent(str(missing))
    with UmlGuest(kernel, core=own_core()) as running:
        yield running


def secret(size: int) -> Secret:
    return Secret(bytes(range(1, size + 1))) if size else NO_KEY


def mac(name: str, size: int, bits: int) -> tuple[Integrity, Algorithm]:
    chosen = integrity(name, secret(size), bits)
    return chosen, Algorithm(AttributeKind.ALG_AUTH_TRUNC, name, chosen.key, bits)


def separate(name: str, size: int) -> tuple[EspKeys, list[Algorithm]]:
    chosen, authentic = mac("hmac(sha256)", 32, 128)
    key = secret(size)
    cipher = Algorithm(AttributeKind.ALG_CRYPT, name, key)
    return EspKeys(encryption(name, key), chosen), [authentic, cipher]


def combined(name: str, size: int, bits: int) -> tuple[EspKeys, list[Algorithm]]:
    key = secret(size)
    return EspKeys(encryption(name, key, bits)), [Algorithm(AttributeKind.ALG_AEAD, name, key, bits)]


WAYS = [
    *(pytest.param(separate(*way), id=f"{way[0]}-{way[1]}") for way in SEPARATE),
    *(pytest.param(combined(*way), id=f"{way[0]}-{way[1]}-{way[2]}") for way in COMBINED),
]


def numbered(message: Message) -> Message:
    """The message with an ESN record whose sender continues with number 2^32 + 8 and receiver with 7."""
    record = ReplayEsn(
        out_sequence=7, sequence=6, out_sequence_high=1, sequence_high=1, window=64, bitmap=(0, 0)
    )
    return replace(message, attributes=(*message.attributes, replay_esn_attribute(record)))


def run(guest: UmlGuest, scenario: Scenario, algorithms: Sequence[Algorithm], packet: bytes = b"") -> Any:
    """Run a scenario whose one state has these algorithms; return what its last step, a packet, showed."""
    program = compile_scenario(scenario)
    (state,) = (step.state for step in scenario.steps if isinstance(step, AddState))
    message = state_message(state, algorithms)
    if state.flags & StateFlag.ESN:
        message = numbered(message)
    requests = program["steps"][0][1]
    flags = RequestFlag.REQUEST | RequestFlag.ACK
    requests[-1] = frame(message.kind, flags, len(requests) - 1, encode(message)).hex()
    kind, stimulus = program["steps"][1]
    if kind == "receive":
        stimulus["packet"] = packet.hex()
    added, *_, seen = guest.link.run([program], SECONDS)[0]
    assert not any(added), f"the kernel refuses the state: {added}"
    return seen


def inbound(protocol: Protocol) -> SecurityAssociation:
    return SecurityAssociation(THERE, HERE, protocol, Mode.TRANSPORT, SPI, 1)


def received(
    guest: UmlGuest, state: SecurityAssociation, algorithms: Sequence[Algorithm], packet: bytes
) -> str | None:
    """What became of a packet: None for delivered, otherwise the one counter that grew."""
    seen = run(guest, Scenario((AddState(state), Receive(RECEIVED, (state,)))), algorithms, packet)
    if seen["delivered"]:
        assert (seen["delivered"], seen["counters"]) == (str(THERE), {})
        return None
    ((counter, times),) = seen["counters"].items()
    assert times == 1
    return str(counter)


def sent(guest: UmlGuest, protocol: Protocol, algorithms: Sequence[Algorithm], flags: StateFlag) -> bytes:
    """The one packet that left."""
    state = replace(inbound(protocol), source=HERE, destination=THERE, flags=flags)
    wanted = Template(protocol, Mode.TRANSPORT, reqid=1)
    scenario = Scenario((AddPolicy(allow(ANYWHERE, ANYWHERE, wanted)), AddState(state), Send(SENT)))
    seen = run(guest, scenario, algorithms)
    assert seen["counters"] == {}
    (packet,) = seen["wire"]
    return bytes.fromhex(packet)


def ipv6(first: int, body: bytes) -> bytes:
    head = bytes((0x60, 0, 0, 0)) + len(body).to_bytes(2, "big") + bytes((first, 64))
    return head + THERE.packed + HERE.packed + body


def damaged(octets: bytes) -> bytes:
    return octets[:-1] + bytes((octets[-1] ^ 1,))


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-002", "XFRM-ESP-003", "XFRM-ESP-004", "XFRM-ESP-005")
@pytest.mark.parametrize("way", WAYS)
def test_the_kernel_takes_our_esp_and_refuses_what_we_refuse(
    guest: UmlGuest, way: tuple[EspKeys, list[Algorithm]]
) -> None:
    keys, algorithms = way
    iv = bytes(range(keys.encryption.iv_octets))
    whole = seal(keys, SPI, 9, 17, DATAGRAM, iv)
    bodies = {
        "whole": whole,
        "damaged": damaged(whole),
        "dummy": seal(keys, SPI, 9, 59, DATAGRAM, iv),
        "empty": seal(keys, SPI, 9, 17, b"", iv),
        "short": whole[: 8 + len(iv)],
    }
    state = inbound(Protocol.ESP)
    answers = {name: received(guest, state, algorithms, ipv6(50, body)) for name, body in bodies.items()}
    assert answers.pop("whole") is None
    assert set(answers.values()) == {"XfrmInStateProtoError"}
    for name, body in bodies.items():
        assert isinstance(open_sealed(keys, body), Opened) is (name == "whole")


@pytest.mark.clause("XFRM-ESP-001", "XFRM-ESP-002", "XFRM-ESP-006", "XFRM-ESP-007")
@pytest.mark.parametrize("way", WAYS)
def test_we_open_what_the_kernel_seals_and_its_padding_is_ours(
    guest: UmlGuest, way: tuple[EspKeys, list[Algorithm]]
) -> None:
    keys, algorithms = way
    body = sent(guest, Protocol.ESP, algorithms, StateFlag.NONE)[40:]
    opened = open_sealed(keys, body)
    assert isinstance(opened, Opened)
    assert (opened.next_header, len(opened.payload)) == (17, len(DATAGRAM))
    iv = body[8 : 8 + keys.encryption.iv_octets]
    assert seal(keys, SPI, 1, 17, opened.payload, iv) == body


@pytest.mark.clause("XFRM-ESP-003", "XFRM-REPLAY-005", "XFRM-REPLAY-008")
@pytest.mark.parametrize("way", WAYS)
def test_extended_numbers_go_both_ways(guest: UmlGuest, way: tuple[EspKeys, list[Algorithm]]) -> None:
    keys, algorithms = replace(way[0], extended=True), way[1]
    iv = bytes(range(keys.encryption.iv_octets))
    state = replace(inbound(Protocol.ESP), flags=StateFlag.ESN)
    for number, answer in (
        (1 << 32 | 9, None),
        (2**32 - 5, None),
        (2 << 32 | 9, "XfrmInStateProtoError"),
        (9, "XfrmInStateProtoError"),
    ):
        packet = ipv6(50, seal(keys, SPI, number, 17, DATAGRAM, iv))
        assert received(guest, state, algorithms, packet) == answer, number
    body = sent(guest, Protocol.ESP, algorithms, StateFlag.ESN)[40:]
    assert body[4:8] == (8).to_bytes(4, "big")
    assert isinstance(open_sealed(keys, body, 1), Opened)


CHANGING = bytes((0, 0x3E, 2, 7, 7, 1, 0))
FIXED = bytes((0, 0x1E, 2, 7, 7, 1, 0))
PLACES = {
    "bare": (17, b""),
    "destination": (60, b"\x11" + CHANGING),
    "hop-by-hop": (0, b"\x3c" + FIXED + b"\x11" + CHANGING),
}


@pytest.mark.clause("XFRM-AH-001", "XFRM-AH-002", "XFRM-AH-003", "XFRM-AH-006", "XFRM-AH-007")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("way", INTEGRITIES)
def test_the_kernel_takes_our_ah_and_refuses_what_we_refuse(
    guest: UmlGuest, way: tuple[str, int, int], extended: bool, place: str
) -> None:
    chosen, algorithm = mac(*way)
    keys = AhKeys(chosen, extended)
    first, options = PLACES[place]
    at = 40 + len(options)
    packet = protect(keys, ipv6(first, options + DATAGRAM), at, SPI, 1 << 32 | 9)
    state = replace(inbound(Protocol.AH), flags=StateFlag.ESN if extended else StateFlag.NONE)
    changed = bytes((0x6F,)) + packet[1:7] + b"\x05" + packet[8:]
    others = [packet, changed, damaged(packet), packet[: at + 1] + b"\xf0" + packet[at + 2 :]]
    if options:
        others.append(packet[: at - 4] + b"\x55" + packet[at - 3 :])
        others.append(packet[: at - 6] + b"\x1e" + packet[at - 5 :])
    for other in others:
        accepted = received(guest, state, [algorithm], other) is None
        assert accepted is isinstance(verify(keys, other, at, 1), Verified)


@pytest.mark.clause("XFRM-AH-001", "XFRM-AH-002", "XFRM-AH-006")
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("way", INTEGRITIES)
def test_we_verify_the_ah_of_the_kernel_and_its_octets_are_ours_but_for_the_padding(
    guest: UmlGuest, way: tuple[str, int, int], extended: bool
) -> None:
    chosen, algorithm = mac(*way)
    keys = AhKeys(chosen, extended)
    packet = sent(guest, Protocol.AH, [algorithm], StateFlag.ESN if extended else StateFlag.NONE)
    answer = verify(keys, packet, 40, 1)
    assert isinstance(answer, Verified)
    number = 1 << 32 | 8 if extended else 1
    ours = protect(keys, answer.packet, 40, SPI, number)
    assert len(ours) == len(packet)
    padded = (12 + chosen.icv_octets) % 8 != 0
    assert ours[:52] == packet[:52]
    assert ours == packet or padded


def deflated(payload: bytes) -> bytes:
    work = zlib.compressobj(wbits=-15)
    return work.compress(payload) + work.flush()


@pytest.mark.clause("XFRM-COMP-002", "XFRM-COMP-003")
def test_the_kernel_takes_our_ipcomp_and_refuses_what_we_refuse(guest: UmlGuest) -> None:
    ours = compress(SPI, 17, DATAGRAM)
    assert isinstance(ours, Compressed)
    header, noise = ours.octets[:4], Random(1).randbytes(100)
    bodies = {
        "ours": ours.octets,
        "larger window": header + deflated(DATAGRAM),
        "cut": ours.octets[:10],
        "garbage": header + b"\xff" * 50,
        "grown": header + deflated(noise),
    }
    for name, body in bodies.items():
        counter = received(guest, inbound(Protocol.IPCOMP), [DEFLATE], ipv6(108, body))
        assert counter == (None if isinstance(expand(body), Opened) else "XfrmInStateProtoError"), name
    assert isinstance(expand(bodies["larger window"]), Opened)


@pytest.mark.clause("XFRM-COMP-002")
def test_the_kernel_compresses_to_the_octets_that_we_make(guest: UmlGuest) -> None:
    body = sent(guest, Protocol.IPCOMP, [DEFLATE], StateFlag.NONE)[40:]
    opened = expand(body)
    assert isinstance(opened, Opened)
    assert compress(SPI, 17, opened.payload) == Compressed(body)


@pytest.mark.clause("XFRM-REPLAY-009")
def test_an_ipcomp_state_with_a_window_drops_everything(guest: UmlGuest) -> None:
    ours = compress(SPI, 17, DATAGRAM)
    assert isinstance(ours, Compressed)
    state = replace(inbound(Protocol.IPCOMP), replay_window=32)
    assert received(guest, state, [DEFLATE], ipv6(108, ours.octets)) == "XfrmInStateSeqError"
