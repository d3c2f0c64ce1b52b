"""What one end of a binding of clean puts on a packet, and what the other end asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from xfrmspec_model.check import Check, Judgement, PolicyTerm, judged, sec_path_up_to_6
from xfrmspec_model.folding import Number
from xfrmspec_model.rules import Rules
from xfrmspec_model.templates import StateTerm, TemplateTerm, state_class
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import UINT32_MAX, Protocol

ANYBODY = 0
"""The source of receive-only states, and of templates that such states satisfy."""


class Traffic(Enum):
    """What passes between the ends of a binding."""

    UPDATE = "a binding update from abroad"
    DELETION = "a binding update from home"
    ANSWER = "a binding acknowledgement with a routing header"
    DATA_TO_PEER = "data with a home address option"
    DATA_TO_MOBILE_NODE = "data with a routing header"
    BETWEEN_MOBILE_NODES = "data with both"
    TUNNEL_TO_AGENT = "payload in the tunnel to the home agent"
    TUNNEL_TO_MOBILE_NODE = "payload in the tunnel to the mobile node"


SIGNALLING = (Traffic.UPDATE, Traffic.DELETION, Traffic.ANSWER)


@dataclass(frozen=True, slots=True)
class AddressesTerm:
    """Sender's home address, both ends of the tunnel, and the reqids of signalling and tunnel."""

    home: Number
    care_of: Number
    agent: Number
    signalling: Number
    tunnel: Number


def _template(
    protocol: Protocol, mode: Mode, source: Number, reqid: Number, *, optional: bool
) -> TemplateTerm:
    return TemplateTerm(int(protocol), int(mode), source, 0, reqid, optional, True, UINT32_MAX)


def _state(protocol: Protocol, mode: Mode, source: Number, reqid: Number = 0) -> StateTerm:
    return StateTerm(int(protocol), int(mode), source, 0, reqid, 0, 0, False, None)


def _option(source: Number) -> StateTerm:
    return _state(Protocol.DESTINATION_OPTIONS, Mode.RO, source)


def _asks_option(source: Number) -> TemplateTerm:
    return _template(Protocol.DESTINATION_OPTIONS, Mode.RO, source, 0, optional=True)


_HEADER = _state(Protocol.ROUTING, Mode.RO, ANYBODY)
_ASKS_HEADER = _template(Protocol.ROUTING, Mode.RO, ANYBODY, 0, optional=True)


def states_received(traffic: Traffic, at: AddressesTerm, *, protected: bool) -> tuple[StateTerm, ...]:
    """Return the receiver's states for what the sender puts on, in the sender's order of application."""
    esp = (_state(Protocol.ESP, Mode.TRANSPORT, at.home, at.signalling),) if protected else ()
    match traffic:
        case Traffic.UPDATE:
            return _applied((_option(ANYBODY), *esp))
        case Traffic.DELETION:
            return esp
        case Traffic.ANSWER:
            return _applied((_HEADER, *esp))
        case Traffic.DATA_TO_PEER:
            return (_option(at.home),)
        case Traffic.DATA_TO_MOBILE_NODE:
            return (_HEADER,)
        case Traffic.BETWEEN_MOBILE_NODES:
            return _applied((_option(at.home), _HEADER))
        case Traffic.TUNNEL_TO_AGENT:
            return (_state(Protocol.ESP, Mode.TUNNEL, at.care_of, at.tunnel),)
        case Traffic.TUNNEL_TO_MOBILE_NODE:
            return (_state(Protocol.ESP, Mode.TUNNEL, at.agent, at.tunnel),)


@clause("XFRM-SORT-002", "XFRM-SORT-004")
def _applied(states: Sequence[StateTerm]) -> tuple[StateTerm, ...]:
    """Return states in the order of application: by class, in each class as the policies list them."""
    return tuple(sorted(states, key=lambda state: state_class(state.protocol, state.mode)))


@clause("XFRM-DAEMON-021", "XFRM-DAEMON-022", "XFRM-DAEMON-034", "XFRM-DAEMON-035", "XFRM-DAEMON-037")
def asked_by_sub(traffic: Traffic, at: AddressesTerm, rules: Rules) -> tuple[TemplateTerm, ...] | None:
    """Return the templates of the receiver's SUB policy, None where there is none.

    Source: XFRM-DAEMON-021, XFRM-DAEMON-022, XFRM-DAEMON-034, XFRM-DAEMON-035, XFRM-DAEMON-037.
    """
    match traffic:
        case Traffic.UPDATE | Traffic.DELETION:
            return (_asks_option(ANYBODY),)
        case Traffic.DATA_TO_PEER:
            return (_asks_option(at.home),)
        case Traffic.BETWEEN_MOBILE_NODES:
            both = (_asks_option(at.home), _ASKS_HEADER)
            return both if rules.recipes.option_stands_first else both[::-1]
        case Traffic.TUNNEL_TO_AGENT:
            return None
        case _:
            return (_ASKS_HEADER,)


@clause("XFRM-DAEMON-023", "XFRM-DAEMON-026")
def asked_by_main(
    traffic: Traffic, at: AddressesTerm, rules: Rules, *, protected: bool
) -> tuple[TemplateTerm, ...] | None:
    """Return the templates of the receiver's MAIN policy, None where there is none.

    Source: XFRM-DAEMON-023, XFRM-DAEMON-026.
    """
    if traffic in SIGNALLING:
        optional = not rules.recipes.signalling_is_required
        asked = _template(Protocol.ESP, Mode.TRANSPORT, ANYBODY, at.signalling, optional=optional)
        return (asked,) if protected else None
    if traffic is Traffic.TUNNEL_TO_AGENT:
        return (_template(Protocol.ESP, Mode.TUNNEL, at.care_of, at.tunnel, optional=False),)
    if traffic is Traffic.TUNNEL_TO_MOBILE_NODE:
        return (_template(Protocol.ESP, Mode.TUNNEL, at.agent, at.tunnel, optional=False),)
    return None


def judged_at_receiver(
    traffic: Traffic,
    at: AddressesTerm,
    path: Sequence[StateTerm],
    profile: Profile,
    rules: Rules,
    *,
    protected: bool,
) -> Judgement:
    """Judge a packet at the receiver, whose states for it are `path`, outermost first."""
    sub, main = asked_by_sub(traffic, at, rules), asked_by_main(traffic, at, rules, protected=protected)
    there = [None if asked is None else PolicyTerm(True, asked) for asked in (sub, main)]
    taken = sec_path_up_to_6(path)
    return judged(Check(there[0], there[1], taken, verified=0, if_id=0, profile=profile, rules=rules))
