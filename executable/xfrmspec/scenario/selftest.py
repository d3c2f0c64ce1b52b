"""Scenarios that every fit kernel runs alike under every profile: a guest proves itself with them."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario, Send
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, Template
from xfrmspec_terms.selector import Flow, Protocol, Selector

_HERE = IPv6Address("2001:db8::1")
_THERE = IPv6Address("2001:db8:b::1")


def self_test(states: bool) -> tuple[Scenario, ...]:
    """Return the scenarios; `states` adds one that sends and receives with ESP."""
    basics = (_clear_text(), _blocked())
    return (*basics, _protected()) if states else basics


def _out() -> Flow:
    return Flow(_HERE, _THERE, Protocol.UDP, 4001, 4002)


def _in() -> Flow:
    return Flow(_THERE, _HERE, Protocol.UDP, 4001, 4002)


def _clear_text() -> Scenario:
    return Scenario((Send(_out()), Receive(_in())))


def _blocked() -> Scenario:
    selector = Selector.between("::/0", "::/0", Protocol.UDP)
    steps = [AddPolicy(Policy(selector, d, action=Action.BLOCK)) for d in (Direction.OUT, Direction.IN)]
    return Scenario((*steps, Send(_out()), Receive(_in())))


def _protected() -> Scenario:
    template = Template(Protocol.ESP, Mode.TRANSPORT, reqid=1)
    selector = Selector.between("::/0", "::/0", Protocol.UDP)
    policies = [AddPolicy(Policy(selector, d, templates=(template,))) for d in (Direction.OUT, Direction.IN)]
    outbound = SecurityAssociation(_HERE, _THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
    inbound = SecurityAssociation(_THERE, _HERE, Protocol.ESP, Mode.TRANSPORT, 0x1002, 1)
    states = (AddState(outbound), AddState(inbound))
    return Scenario((*policies, *states, Send(_out()), Receive(_in(), (inbound,))))
