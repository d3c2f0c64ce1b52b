"""A home agent with one mobile node, as a configuration to draw: Mobile IPv6 in SUB, IPsec in MAIN."""

from __future__ import annotations

from ipaddress import ip_address

from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.selector import PortMatch, Protocol, Selector

_AGENT = "2001:db8:100::1"
_NODE = "2001:db8:100::a1"
_CARE_OF = "2001:db8:a0::5"
_ANY = "::/0"
_BINDING_UPDATE = PortMatch.exactly(5)

_HAO = Template(Protocol.DESTINATION_OPTIONS, Mode.RO, optional=True)
_RT2 = Template(Protocol.ROUTING, Mode.RO, optional=True)
_SIGNALLING = Template(Protocol.ESP, Mode.TRANSPORT, reqid=100)


def _tunnel(source: str, destination: str) -> Template:
    return Template(Protocol.ESP, Mode.TUNNEL, ip_address(source), ip_address(destination), reqid=101)


def _sub(direction: Direction, selector: Selector, priority: int, *templates: Template) -> Policy:
    return Policy(selector, direction, PolicyType.SUB, Action.ALLOW, priority, templates)


def _main(direction: Direction, selector: Selector, priority: int, *templates: Template) -> Policy:
    return Policy(selector, direction, PolicyType.MAIN, Action.ALLOW, priority, templates)


_BINDING_UPDATES = Selector.between(_ANY, _ANY, Protocol.MOBILITY, source_port=_BINDING_UPDATE)
_TO_NODE = Selector.between(_AGENT, _NODE, Protocol.MOBILITY)
_FROM_NODE = Selector.between(_NODE, _AGENT, Protocol.MOBILITY)

HOME_AGENT: tuple[tuple[Policy, str], ...] = (
    (_sub(Direction.OUT, Selector.between(_ANY, _ANY, Protocol.MOBILITY), 12), "signalling passes"),
    (_sub(Direction.OUT, Selector.between(_AGENT, _NODE), 16, _RT2), "route optimisation"),
    (_main(Direction.OUT, _TO_NODE, 4, _SIGNALLING), "signalling"),
    (_main(Direction.OUT, Selector.between(_ANY, _NODE), 13, _tunnel(_AGENT, _CARE_OF)), "payload"),
    (_sub(Direction.IN, _BINDING_UPDATES, 9, _HAO), "binding updates"),
    (_sub(Direction.IN, Selector.between(_NODE, _AGENT), 16, _HAO), "route optimisation"),
    (_main(Direction.IN, _FROM_NODE, 4, _SIGNALLING), "signalling"),
    (_main(Direction.IN, Selector.between(_NODE, _ANY), 13, _tunnel(_CARE_OF, _AGENT)), "payload"),
    (_main(Direction.FWD, Selector.between(_NODE, _ANY), 13, _tunnel(_CARE_OF, _AGENT)), "payload"),
)
"""Nine policies with a word on each: bindings and route optimisation beside transport and tunnel ESP."""
