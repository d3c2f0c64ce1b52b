"""Findings about integrity values, written for the shell, with an empty key."""

from __future__ import annotations

from xfrmspec.findings.pieces import HERE, THERE
from xfrmspec.findings.tables import BOTH
from xfrmspec.findings.terms import Finding, Needs, ShellExhibit
from xfrmspec.wire.ah import AhKeys, protect
from xfrmspec.wire.algorithms import Integrity
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys, seal
from xfrmspec.wire.placing import open_at
from xfrmspec.wire.secret import NO_KEY
from xfrmspec_terms.headers import IPv6Header, Packet
from xfrmspec_terms.packet import UpperLayer
from xfrmspec_terms.selector import Protocol

_ESP_SPI, _AH_SPI = 0x1001, 0x1002
_DATAGRAM = bytes.fromhex("0fa10fa2001000010000000000000000")
_EMPTY_KEY = AhKeys(Integrity("hmac(md5)", NO_KEY, 12, 16))


def _with_ah() -> bytes:
    """A datagram with a wrong checksum, which nothing answers, behind AH."""
    plain = encode(Packet((IPv6Header(THERE, HERE), UpperLayer(Protocol.UDP)), _DATAGRAM))
    return protect(_EMPTY_KEY, plain, len(plain) - len(_DATAGRAM), _AH_SPI, 1)


def _with_ah_in_esp() -> bytes:
    """The same in ESP that hides nothing."""
    packet = decode(_with_ah())
    assert isinstance(packet, Packet)
    inside = open_at(packet, 1)
    sealed = seal(EspKeys(), _ESP_SPI, 1, inside.protocol, inside.octets, b"")
    return encode(Packet((packet.headers[0], UpperLayer(Protocol.ESP)), sealed))


_AH_ALONE_AND_IN_ESP = f"""\
policy src ::/0 dst ::/0 dir in
state src {THERE} dst {HERE} proto esp spi {_ESP_SPI:#x} mode transport \\
	enc "ecb(cipher_null)" "" auth digest_null ""
state src {THERE} dst {HERE} proto ah spi {_AH_SPI:#x} mode transport auth "hmac(md5)" ""
observe inject {_with_ah().hex()}
[ "$seen" = "nothing counted" ] || skip "AH alone is refused: $seen"
observe inject {_with_ah_in_esp().hex()}
check "AH inside ESP of transport mode" "nothing counted" "$seen"
"""

F_027 = Finding(
    "F-027",
    "AH behind ESP or IPComp of transport mode is verified while the header before names that one.",
    "ah_covers_old_next_header",
    BOTH,
    (ShellExhibit(_AH_ALONE_AND_IN_ESP, Needs.STATES),),
)
