"""Names that dumps use for numbers: protocols, modes, flags; and how addresses are written."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.policy import Direction, Mode, PolicyFlag, PolicyType, Share
from xfrmspec_terms.selector import Address, Protocol

_PROTOCOLS = (
    "icmp=1 igmp=2 ggp=3 ipencap=4 st=5 tcp=6 egp=8 igp=9 pup=12 udp=17 hmp=20 xns-idp=22 rdp=27 "
    "iso-tp4=29 dccp=33 xtp=36 ddp=37 idpr-cmtp=38 ipv6=41 ipv6-route=43 ipv6-frag=44 idrp=45 rsvp=46 "
    "gre=47 esp=50 ah=51 skip=57 ipv6-icmp=58 ipv6-nonxt=59 ipv6-opts=60 rspf=73 vmtp=81 eigrp=88 "
    "ospf=89 ax.25=93 ipip=94 etherip=97 encap=98 pim=103 ipcomp=108 vrrp=112 l2tp=115 isis=124 "
    "sctp=132 fc=133 mobility-header=135 udplite=136 mpls-in-ip=137 manet=138 hip=139 shim6=140 "
    "wesp=141 rohc=142 ethernet=143"
)
_ALIASES = "any=0 ip=0 hopopt=0 ipv4=4 ip4=4 icmp6=58 icmpv6=58 mobility=135 mh=135 dstopts=60 ospfigp=89"


def _table(text: str) -> dict[str, int]:
    return {name: int(number) for name, _, number in (entry.partition("=") for entry in text.split())}


PROTOCOL_NUMBERS: Mapping[str, int] = {**_table(_ALIASES), **_table(_PROTOCOLS)}
"""Upper-layer protocol numbers by the names of the usual protocols files."""

_PROTOCOL_NAMES = {number: name for name, number in _table(_PROTOCOLS).items()}

TRANSFORM_PROTOCOLS: Mapping[str, Protocol] = {
    "esp": Protocol.ESP,
    "ah": Protocol.AH,
    "comp": Protocol.IPCOMP,
    "route2": Protocol.ROUTING,
    "hao": Protocol.DESTINATION_OPTIONS,
}
"""Protocols of templates and states by the names of `ip xfrm`."""

MODES: Mapping[str, Mode] = {mode.name.lower(): mode for mode in Mode}
DIRECTIONS: Mapping[str, Direction] = {direction.name.lower(): direction for direction in Direction}
POLICY_TYPES: Mapping[str, PolicyType] = {kind.name.lower(): kind for kind in PolicyType}
SHARES: Mapping[str, Share] = {share.name.lower(): share for share in Share}
POLICY_FLAGS: Mapping[str, int] = {"localok": PolicyFlag.LOCALOK, "icmp": PolicyFlag.ICMP}
STATE_FLAGS: Mapping[str, int] = {
    "noecn": StateFlag.NOECN,
    "decap-dscp": StateFlag.DECAP_DSCP,
    "nopmtudisc": StateFlag.NOPMTUDISC,
    "wildrecv": StateFlag.WILDRECV,
    "icmp": StateFlag.ICMP,
    "af-unspec": StateFlag.AF_UNSPEC,
    "align4": StateFlag.ALIGN4,
    "esn": StateFlag.ESN,
}
AUTHENTICATION_BITS: Mapping[str, int] = {
    "hmac(md5)": 2,
    "hmac(sha1)": 3,
    "hmac(sha256)": 5,
    "hmac(sha384)": 6,
    "hmac(sha512)": 7,
    "hmac(rmd160)": 8,
    "xcbc(aes)": 9,
}
"""Bit numbers that templates' authentication masks use for an algorithm (RFC 2367 and later numbers)."""


def protocol_name(number: int) -> str:
    """Return the name of an upper-layer protocol, or its number as text."""
    return _PROTOCOL_NAMES.get(number, str(number))


def transform_name(protocol: Protocol) -> str:
    """Return the name that `ip xfrm` uses for a template's protocol, or its number as text."""
    names = {number: name for name, number in TRANSFORM_PROTOCOLS.items()}
    return names.get(protocol, str(int(protocol)))


def address_text(address: Address) -> str:
    """Write an address as the C library does: IPv4-mapped and -compatible IPv6 end in a dotted quad."""
    if isinstance(address, IPv4Address):
        return str(address)
    number = int(address)
    low = number & 0xFFFFFFFF
    if number >> 32 == 0xFFFF:
        return f"::ffff:{IPv4Address(low)}"
    if number >> 32 == 0 and low >> 16:
        return f"::{IPv4Address(low)}"
    return str(address)
