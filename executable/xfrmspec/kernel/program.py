"""Scenarios as programs for the agent in a guest, and the agent's answers as observations."""

from __future__ import annotations

from functools import cache, lru_cache, singledispatch
from ipaddress import ip_address
from typing import Any

from xfrmspec.kernel.netlink import Message, MessageKind, RequestFlag, decode, encode, frame
from xfrmspec.kernel.netlink_bodies import PolicyBody
from xfrmspec.kernel.netlink_requests import (
    defaults_message,
    flush_policies_message,
    flush_states_message,
    policy_key_message,
    policy_message,
    state_key_message,
    state_message,
    stored_policy,
    thresholds_message,
)
from xfrmspec.kernel.netlink_values import pack_template
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    PacketResult,
    StepResult,
    StoredEntry,
)
from xfrmspec.scenario.packets import read_chain, received_packet, upper_octets
from xfrmspec.scenario.reference import sorted_identities
from xfrmspec.scenario.terms import (
    INNER_INDEX,
    OUTER_INDEX,
    PAYLOAD_OCTETS,
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    FlushPolicies,
    FlushStates,
    Node,
    Operation,
    Receive,
    Scenario,
    Send,
    SetDefaults,
    SetThresholds,
    UpdatePolicy,
)
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import DefaultAction, Direction, Policy, PolicyType, identity_of
from xfrmspec_terms.selector import Flow, Protocol, Selector

INTERFACES = {OUTER_INDEX: "outer", INNER_INDEX: "inner"}
SENTINEL_PORT = 64999
_UDP_HEADER = 8
_XFRM_POLICY_OPTION = 35
_HEADER_OPTIONS = {Header.HOP_BY_HOP: 54, Header.DESTINATION_OPTIONS: 59}
_EMPTY_OPTIONS = bytes((0, 0, 1, 4, 0, 0, 0, 0))
_UDP = (Protocol.UDP, Protocol.UDPLITE)


def compile_scenario(scenario: Scenario) -> dict[str, Any]:
    """Return the JSON value that the agent runs; ValueError for a packet that cannot be built."""
    steps: list[list[Any]] = []
    for step in scenario.steps:
        if isinstance(step, Send | Receive):
            steps.append(_stimulus(step))
        else:
            _append_operation(steps, step)
    steps.append(["dump"])
    altered = any(isinstance(step, SetThresholds) for step in scenario.steps)
    defaults = any(isinstance(step, SetDefaults) for step in scenario.steps)
    return {
        "listen": scenario.listeners,
        "steps": steps,
        "reset": _reset_frames(altered, defaults),
        "rebuild": altered,
    }


def observation_of(scenario: Scenario, answers: list[Any]) -> Observation:
    """Return the observation that the agent's answers to a scenario amount to."""
    flat: list[Any] = []
    for answer in answers[:-1]:
        flat.extend(answer if isinstance(answer, list) else [] if answer is None else [answer])
    results = tuple(_result(answer) for answer in flat)
    if len(results) != len(scenario.steps):
        raise ValueError(f"{len(results)} answers to {len(scenario.steps)} steps")
    return Observation(results, tuple(_entry(payload) for payload in answers[-1]))


def node_configuration(node: Node) -> dict[str, Any]:
    """Return what the agent needs to know of a node."""
    return {
        "addresses": [[str(own.address), own.home] for own in node.addresses],
        "inner": [str(node.inner.address), node.inner.length],
        "interfaces": [[name, index] for index, name in INTERFACES.items()],
        "dump": frame(MessageKind.GETPOLICY, RequestFlag.REQUEST | RequestFlag.DUMP, 1, b"").hex(),
        "sentinel": _sentinel_packet(node).hex(),
        "sentinel_policy": socket_policy(_allow_everything()).hex(),
    }


def socket_policy(policy: Policy) -> bytes:
    """Return the value of the socket option that sets a socket's own policy."""
    return PolicyBody(policy).pack() + b"".join(pack_template(template) for template in policy.templates)


def _allow_everything() -> Policy:
    return Policy(Selector.between("::/0", "::/0"), Direction.IN)


def _sentinel_packet(node: Node) -> bytes:
    flow = Flow(
        ip_address("2001:db8:ffff::1"), node.addresses[0].address, Protocol.UDP, SENTINEL_PORT, SENTINEL_PORT
    )
    return received_packet(Receive(flow))


def _framed(message: Message) -> str:
    return frame(message.kind, RequestFlag.REQUEST | RequestFlag.ACK, 1, encode(message)).hex()


@cache
def _reset_frames(thresholds: bool, defaults: bool) -> list[str]:
    messages = [flush_policies_message(type_) for type_ in PolicyType] + [flush_states_message()]
    if thresholds:
        messages.append(thresholds_message(32, 32, 128, 128))
    if defaults:
        messages.append(defaults_message(*(DefaultAction.ACCEPT,) * 3))
    return [_framed(message) for message in messages]


def _append_operation(steps: list[list[Any]], operation: Operation) -> None:
    """Requests in a row share one step, but a rebuild must be waited for before anything else."""
    if not steps or steps[-1][0] != "request":
        steps.append(["request", []])
    steps[-1][1].append(_framed(_message(operation)))
    if isinstance(operation, SetThresholds):
        steps.append(["rebuild"])


@singledispatch
def _message(operation: Operation) -> Message:
    raise TypeError(f"{type(operation).__name__} is no operation")


@_message.register
def _(operation: AddPolicy) -> Message:
    return policy_message(operation.policy)


@_message.register
def _(operation: UpdatePolicy) -> Message:
    return policy_message(operation.policy, MessageKind.UPDPOLICY)


@_message.register
def _(operation: DeletePolicy) -> Message:
    return policy_key_message(operation.identity, operation.index)


@_message.register
def _(operation: FlushPolicies) -> Message:
    return flush_policies_message(operation.type)


@_message.register
def _(operation: AddState) -> Message:
    return state_message(operation.state)


@_message.register
def _(operation: DeleteState) -> Message:
    return state_key_message(operation.state)


@_message.register
def _(operation: FlushStates) -> Message:
    return flush_states_message(operation.protocol)


@_message.register
def _(operation: SetDefaults) -> Message:
    actions = operation.actions
    return defaults_message(actions.inbound, actions.forward, actions.outbound)


@_message.register
def _(operation: SetThresholds) -> Message:
    bits = operation.thresholds
    return thresholds_message(bits.local4, bits.remote4, bits.local6, bits.remote6)


def _stimulus(step: Send | Receive) -> list[Any]:
    if isinstance(step, Receive):
        value = {
            "packet": received_packet(step).hex(),
            "protocol": step.flow.protocol,
            "port": step.flow.destination_slot,
        }
        return ["receive", value]
    flow, datagram = step.flow, step.flow.protocol in _UDP
    payload = b"\0" * (PAYLOAD_OCTETS - _UDP_HEADER) if datagram else upper_octets(flow)
    return [
        "send",
        {
            "source": str(flow.source),
            "bind": flow.source_slot if datagram else 0,
            "destination": str(flow.destination),
            "port": flow.destination_slot if datagram else 0,
            "protocol": flow.protocol,
            "mark": flow.mark,
            "device": INTERFACES.get(flow.oif, ""),
            "options": _options(step),
            "payload": payload.hex(),
        },
    ]


def _options(step: Send) -> list[list[Any]]:
    policies = [policy for policy in (step.inbound, step.outbound) if policy is not None]
    options = [[_XFRM_POLICY_OPTION, socket_policy(policy).hex()] for policy in policies]
    return options + [[_HEADER_OPTIONS[header], _EMPTY_OPTIONS.hex()] for header in step.headers]


def _result(answer: Any) -> StepResult:
    if isinstance(answer, int):
        return OperationResult(answer)
    wire = tuple(bytes.fromhex(packet) for packet in answer["wire"])
    source = answer.get("delivered")
    events = answer["events"]
    return PacketResult(
        errno=answer["errno"],
        used=sorted_identities(_entry(payload).identity for payload in answer["used"]),
        counters=tuple(sorted(answer["counters"].items())),
        wire=tuple(read_chain(packet) for packet in wire),
        delivered=None if source is None else ip_address(source),
        acquires=events.get(str(int(MessageKind.ACQUIRE)), 0),
        reports=events.get(str(int(MessageKind.REPORT)), 0),
        octets=wire,
    )


@lru_cache(maxsize=4096)
def _entry(payload: str) -> StoredEntry:
    policy = stored_policy(decode(MessageKind.NEWPOLICY, bytes.fromhex(payload))).policy
    return StoredEntry(identity_of(policy), policy.priority, policy.action, len(policy.templates))
