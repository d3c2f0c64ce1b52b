"""The recorded life cycle of a mobile node under mip6d: tables at each stage, requests, captures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from xfrmspec.formats import read_file
from xfrmspec.kernel.netlink import Message, MessageKind, decode
from xfrmspec.kernel.netlink_attributes import AttributeKind, policy_type_in, value_of
from xfrmspec.kernel.netlink_bodies import AcquireBody, PolicyKeyBody, StateKeyBody
from xfrmspec.kernel.netlink_requests import stored_policy, stored_state
from xfrmspec.mipv6.recipes.terms import RecipeOperation, Settings, XfrmOperation
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.xfrm.state_operations import key_of
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.policy import (
    ANY_MARK,
    Action,
    Direction,
    Mode,
    Policy,
    PolicyIdentity,
    PolicyType,
    Template,
)
from xfrmspec_terms.selector import PORT_MASK_FULL, UINT32_MAX, Flow, PortMatch, Protocol, Selector

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "samples" / "mip6d" / "noipsec"
HOME, AGENT, PEER = (IPv6Address(f"2001:db8:{end}") for end in ("1::1234", "1::1", "c::2"))
ON_A, ON_B = (IPv6Address(f"2001:db8:{link}::ff:fe00:505") for link in "ab")
NODES = ("MN", "HA", "CN")
STAGES = (
    "00-before-mip6d",
    "01-ha-cn-started",
    "02-mn-at-home",
    "03-foreignA-home-registered",
    "04-foreignA-after-first-data",
    "05-foreignA-data",
    "06-foreignB-moved",
    "07-foreignB-data",
    "08-returned-home",
    "09-back-home-data",
)
SETTINGS = {
    "MN": Settings(HOME, frozenset({Role.MOBILE_NODE, Role.CORRESPONDENT_NODE}), AGENT),
    "HA": Settings(AGENT, frozenset({Role.HOME_AGENT, Role.CORRESPONDENT_NODE}), None, (HOME,)),
    "CN": Settings(PEER, frozenset({Role.CORRESPONDENT_NODE})),
}


def need_sample() -> None:
    """Skip the test when the shared folder is missing."""
    if not SAMPLE.exists():
        pytest.skip("the recorded life cycle of mip6d is not there")


def _mobile(
    kind: StageKind, peer: IPv6Address, care_of: IPv6Address | None, previous: IPv6Address | None = None
) -> Stage:
    return Stage(kind, Role.MOBILE_NODE, HOME, peer, care_of, previous)


def _kept(kind: StageKind, role: Role, care_of: IPv6Address | None) -> Stage:
    return Stage(kind, role, HOME, HOME, care_of)


def _start(*roles: Role) -> tuple[Stage, ...]:
    return tuple(Stage(StageKind.STARTED, role) for role in roles)


_K, _M, _H, _C = StageKind, Role.MOBILE_NODE, Role.HOME_AGENT, Role.CORRESPONDENT_NODE
HISTORY: dict[str, dict[str, tuple[Stage, ...]]] = {
    "MN": {
        STAGES[2]: _start(_M, _C),
        STAGES[3]: (_mobile(_K.REGISTERING, AGENT, ON_A), _mobile(_K.REGISTERED, AGENT, ON_A)),
        STAGES[4]: (_mobile(_K.TESTING, PEER, ON_A), _mobile(_K.OPTIMISED, PEER, ON_A)),
        STAGES[6]: (
            _mobile(_K.REGISTERING, AGENT, ON_B, ON_A),
            _mobile(_K.REGISTERED, AGENT, ON_B, ON_A),
            _mobile(_K.OPTIMISED, PEER, ON_B, ON_A),
        ),
        STAGES[8]: (_mobile(_K.RETURNING, AGENT, None, ON_B), _mobile(_K.RETURNED, AGENT, None)),
    },
    "HA": {
        STAGES[1]: _start(_H, _C),
        STAGES[3]: (_kept(_K.BOUND, _H, ON_A), _kept(_K.BOUND, _H, ON_A)),
        STAGES[6]: (_kept(_K.REBOUND, _H, ON_B), _kept(_K.BOUND, _H, ON_B)),
        STAGES[8]: (_kept(_K.RELEASED, _H, None),),
    },
    "CN": {
        STAGES[1]: _start(_C),
        STAGES[4]: (_kept(_K.BOUND, _C, ON_A),),
        STAGES[6]: (_kept(_K.REBOUND, _C, ON_B),),
        STAGES[8]: (_kept(_K.RELEASED, _C, None),),
    },
}
"""What each node's machines said until the tables of a stage were dumped.

mip6d repeats its BU after a second: the home agent is told of the same binding twice. On the way home it
looks after its routes at the very end, so it has no stage of its own for them.
"""


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What a dump shows of a policy and a recipe decides."""

    selector: Selector
    direction: Direction
    type: PolicyType
    priority: int
    action: Action
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class StateView:
    """What a dump shows of a HAO or RT2 state and a recipe decides."""

    source: str
    destination: str
    protocol: int
    mode: Mode
    care_of: str
    flags: int
    selector: Selector | None


def view_of_policy(policy: Policy) -> PolicyView:
    """Return what counts of a policy; the algorithm sets of HAO and RT2 templates are of no interest."""
    templates = tuple(
        replace(
            template,
            encryption_mask=UINT32_MAX,
            authentication_mask=UINT32_MAX,
            compression_mask=UINT32_MAX,
        )
        for template in policy.templates
    )
    return PolicyView(
        policy.selector, policy.direction, policy.type, policy.priority, policy.action, templates
    )


def view_of_state(state: SecurityAssociation) -> StateView:
    """Return what counts of a state."""
    return StateView(
        str(state.source),
        str(state.destination),
        state.protocol,
        state.mode,
        str(state.care_of),
        state.flags,
        state.selector,
    )


@dataclass(frozen=True, slots=True)
class Tables:
    """The policies and states of one node at one moment."""

    policies: frozenset[PolicyView]
    states: frozenset[StateView]


def shown(policy: PolicyView) -> PolicyView:
    """Return a policy as `ip xfrm` shows it: a masked port looks like a port, since masks are not printed."""
    port = policy.selector.source_port
    if port.mask in (0, PORT_MASK_FULL):
        return policy
    return replace(policy, selector=replace(policy.selector, source_port=PortMatch.exactly(port.value)))


def dumped(stage: str, node: str) -> Tables:
    """Read the tables that `ip xfrm` showed."""
    need_sample()
    policies = read_file(SAMPLE / stage / f"{node}.xfrm-policy.txt").policies
    states = read_file(SAMPLE / stage / f"{node}.xfrm-state.txt").states
    return Tables(
        frozenset(view_of_policy(record.policy) for record in policies),
        frozenset(view_of_state(record.state) for record in states),
    )


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the daemon: when it was sent, and what it asks."""

    at: float
    operation: XfrmOperation


@dataclass(frozen=True, slots=True)
class Reply:
    """The kernel's answer to the request before it: 0, or an error number."""

    error: int


@dataclass(frozen=True, slots=True)
class Acquire:
    """The kernel asks for a state: when, and for which flow."""

    at: float
    flow: Flow


def logged(node: str) -> Iterator[Request | Reply | Acquire]:
    """Read the netlink log of a node with our own codec: requests, replies and acquires, in order."""
    need_sample()
    for line in (SAMPLE / "netlink" / f"{node}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["role"] == "reply":
            yield Reply(abs(row["error"]))
        elif row["role"] == "request":
            yield Request(row["t"], _operation(MessageKind[row["msg"]], bytes.fromhex(row["hex"])))
        elif row["msg"] == MessageKind.ACQUIRE.name:
            yield Acquire(row["t"], _wanted(bytes.fromhex(row["hex"])))


def requests(node: str) -> Iterator[Request]:
    """Read the daemon's netlink requests with our own codec."""
    return (entry for entry in logged(node) if isinstance(entry, Request))


def _wanted(payload: bytes) -> Flow:
    body = decode(MessageKind.ACQUIRE, payload).body
    assert isinstance(body, AcquireBody)
    asked = body.selector
    return Flow(
        asked.source.address,
        asked.destination.address,
        asked.protocol,
        asked.source_port.value,
        asked.destination_port.value,
        asked.ifindex,
    )


def _operation(kind: MessageKind, payload: bytes) -> XfrmOperation:
    message = decode(kind, payload)
    match kind:
        case MessageKind.NEWPOLICY:
            return AddPolicy(stored_policy(message).policy)
        case MessageKind.UPDPOLICY:
            return UpdatePolicy(stored_policy(message).policy)
        case MessageKind.NEWSA:
            return AddState(stored_state(message))
        case MessageKind.UPDSA:
            return UpdateState(stored_state(message))
        case _:
            return _deletion(message)


def _deletion(message: Message) -> XfrmOperation:
    body = message.body
    if isinstance(body, PolicyKeyBody):
        identity = PolicyIdentity(
            Direction(body.direction), policy_type_in(message.attributes), body.selector, ANY_MARK, 0, ""
        )
        return DeletePolicy(identity)
    assert isinstance(body, StateKeyBody)
    source = value_of(message.attributes, AttributeKind.SRCADDR)
    assert source is not None
    named = SecurityAssociation(
        IPv6Address(source), body.destination, Protocol(body.protocol), Mode.RO, body.spi
    )
    return DeleteState(named)


def view_of_operation(operation: RecipeOperation) -> tuple[str, object]:
    """Return what counts of an operation: its kind and its object, of deletions the key alone."""
    name = type(operation).__name__
    match operation:
        case AddPolicy(policy) | UpdatePolicy(policy):
            return name, view_of_policy(policy)
        case AddState(state) | UpdateState(state):
            return name, view_of_state(state)
        case DeletePolicy(identity):
            return name, identity
        case DeleteState(state):
            return name, key_of(state)
        case _:
            return name, operation
