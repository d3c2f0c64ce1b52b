"""Findings about Mobile IPv6 headers; for the mobility header a raw socket has to listen meanwhile."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.findings.pieces import (
    ANYWHERE,
    HERE,
    HOME_ADDRESS_OF_PEER,
    HOME_ADDRESS_OPTION,
    RECEIVED,
    THERE,
    policy,
)
from xfrmspec.findings.tables import BOTH
from xfrmspec.findings.terms import Exhibit, Finding, Needs, ShellExhibit, Sight
from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario
from xfrmspec.wire.encode import encode
from xfrmspec.wire.mobility import header_of
from xfrmspec_terms.headers import IPv6Header, MobilityHeader, Packet
from xfrmspec_terms.mobility import BindingUpdate, MobilityMessageType
from xfrmspec_terms.policy import Direction


def _in_a_packet(header: MobilityHeader) -> str:
    return encode(Packet((IPv6Header(THERE, HERE), header))).hex()


_WHOLE = _in_a_packet(header_of(BindingUpdate(1, lifetime=2)))
_SHORT = _in_a_packet(MobilityHeader(MobilityMessageType.BINDING_UPDATE, bytes(2)))

_SHORT_AND_BLOCKED = f"""\
ip netns exec "$NODE" python3 -c '
import socket, time
listener = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 135)
time.sleep(60)
' &
helpers="$helpers $!"
sleep 1
policy src ::/0 dst ::/0 dir in action block
observe inject {_WHOLE}
[ "$seen" = XfrmInPolBlock ] || skip "a whole binding update is not blocked: $seen"
observe inject {_SHORT}
check "a binding update of 8 octets, under a policy that blocks everything" XfrmInPolBlock "$seen"
"""


def _from_the_link() -> Scenario:
    state = replace(HOME_ADDRESS_OF_PEER, source=IPv6Address("fe80::1"))
    wanted = policy(ANYWHERE, ANYWHERE, Direction.IN, templates=(HOME_ADDRESS_OPTION,))
    packet = Receive(replace(RECEIVED, source=state.source), (state,))
    return Scenario((AddPolicy(wanted), AddState(state), packet))


F_031 = Finding(
    "F-031",
    "A mobility header that is too short is answered before the policies and the checksum are looked at.",
    "mobility_header_judged_early",
    BOTH,
    (ShellExhibit(_SHORT_AND_BLOCKED, Needs.STATES),),
)
F_032 = Finding(
    "F-032",
    "A home address may be any unicast address, one of the link or of the loopback device too.",
    "home_address_any_unicast",
    BOTH,
    (Exhibit(_from_the_link(), 2, Sight(), Sight(delivered=True), modelled=False),),
)
