"""Scenarios as programs for the agent in a guest, and the agent's answers as observations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Any

from xfrmspec.kernel.netlink import Message, MessageKind, RequestFlag, decode, encode, frame
from xfrmspec.kernel.netlink_bodies import PolicyBody
from xfrmspec.kernel.netlink_requests import (
    defaults_message,
    flush_policies_message,
    flush_states_message,
    state_message,
    stored_policy,
    thresholds_message,
)
from xfrmspec.kernel.netlink_values import pack_template
from xfrmspec.kernel.operations import operation_message
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    PacketResult,
    StepResult,
    StoredEntry,
)
from xfrmspec.scenario.packets import read_chain, received_packet, upper_octets
from xfrmspec.scenario.steps import (
    sorted_identities,
)
from xfrmspec.scenario.suites import Suite
from xfrmspec.scenario.terms import (
    INNER_INDEX,
    OUTER_INDEX,
    PAYLOAD_OCTETS,
    AddPolicy,
    AddState,
    AllocateSpi,
    Arrive,
    Migrate,
    Node,
    Open,
    Operation,
    Receive,
    Scenario,
    Send,
    SendOn,
    SetDefaults,
    SetThresholds,
    UpdatePolicy,
    UpdateState,
    Wait,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import DefaultAction, Direction, Mode, Policy, PolicyType, identity_of
from xfrmspec_terms.selector import Address, Flow, Protocol, Selector

INTERFACES = {OUTER_INDEX: "outer", INNER_INDEX: "inner"}
SENTINEL_PORT = 64999
_MOST_REQUESTS = 100
_UDP_HEADER = 8
DATAGRAM = bytes(PAYLOAD_OCTETS - _UDP_HEADER)
"""What a datagram socket sends: every packet has as many octets behind its IP header."""

_ACKNOWLEDGED = RequestFlag.REQUEST | RequestFlag.ACK
_GETSADINFO = 35
_ROOM_FOR_STATES = 7
_XFRM_POLICY_OPTION = 35
_HEADER_OPTIONS = {Header.HOP_BY_HOP: 54, Header.DESTINATION_OPTIONS: 59}
_EMPTY_OPTIONS = bytes((0, 0, 1, 4, 0, 0, 0, 0))
_UDP = (Protocol.UDP, Protocol.UDPLITE)


def compile_scenario(scenario: Scenario) -> dict[str, Any]:
    """Return the JSON value that the agent runs; ValueError for a packet that cannot be built."""
    steps: list[list[Any]] = []
    for number, step in enumerate(scenario.steps, 1):
        if isinstance(step, AddState) and step.suite is not Suite.READABLE and not scenario.octets:
            raise ValueError("states with keys are for scenarios that say `octets`")
        if isinstance(step, Send | Receive | Arrive):
            steps.append(stimulus(step, last=number == len(scenario.steps)))
        elif isinstance(step, Open | SendOn | Wait):
            raise ValueError(f"{type(step).__name__} is for scenarios that are run step by step")
        else:
            _append_operation(steps, step)
    if not steps or steps[-1][0] not in ("send", "receive"):
        steps.append(["dump"])
    return {
        "listen": scenario.listeners,
        "steps": [
            [kind, frames_of(rest[0])] if kind == "request" else [kind, *rest] for kind, *rest in steps
        ],
        "watched": False,
    } | ending(scenario)


def ending(scenario: Scenario) -> dict[str, Any]:
    """Return what the agent needs to know to leave empty tables behind."""
    altered = any(isinstance(step, SetThresholds) for step in scenario.steps)
    defaults = any(isinstance(step, SetDefaults) for step in scenario.steps)
    return {
        "reset": _reset_frames(altered, defaults),
        "rebuild": altered,
        "crowded": _most_states(scenario) > _ROOM_FOR_STATES,
    }


def observation_of(scenario: Scenario, answers: list[Any]) -> Observation:
    """Return the observation that the agent's answers to a scenario amount to."""
    flat: list[Any] = []
    final = answers[-1]
    if isinstance(final, dict):
        final, body = final["policies"], answers
    else:
        body = answers[:-1]
    for answer in body:
        flat.extend(answer if isinstance(answer, list) else [] if answer is None else [answer])
    octets_only = scenario.octets
    results = tuple(result_of(answer, octets_only=octets_only) for answer in flat)
    if len(results) != len(scenario.steps):
        raise ValueError(f"{len(results)} answers to {len(scenario.steps)} steps")
    return Observation(results, tuple(stored_entry(payload) for payload in final))


def _most_states(scenario: Scenario) -> int:
    """How many states there can be at once, those that acquires add among them."""
    steps = scenario.steps
    policies = [s.policy for s in steps if isinstance(s, AddPolicy | UpdatePolicy)]
    policies += [s.outbound for s in steps if isinstance(s, Send | Open) and s.outbound is not None]
    templates = sum(len(policy.templates) for policy in policies)
    packets = sum(isinstance(step, Send | Receive | Arrive | Open | SendOn) for step in steps)
    added = sum(isinstance(step, AddState | UpdateState | AllocateSpi) for step in steps)
    added += sum(len(step.entries) for step in steps if isinstance(step, Migrate))
    return added + packets * templates


def node_configuration(node: Node) -> dict[str, Any]:
    """Return what the agent needs to know of a node."""
    return {
        "addresses": [[str(own.address), own.home] for own in node.addresses],
        "inner": [str(node.inner.address), node.inner.length],
        "outside": [str(node.outside.address), node.outside.length],
        "interfaces": [[name, index] for index, name in INTERFACES.items()],
        "dump": frame(MessageKind.GETPOLICY, RequestFlag.REQUEST | RequestFlag.DUMP, 1, b"").hex(),
        "state_dump": frame(MessageKind.GETSA, RequestFlag.REQUEST | RequestFlag.DUMP, 1, b"").hex(),
        "table_size": frame(_GETSADINFO, RequestFlag.REQUEST, 0, bytes(4)).hex(),
        "sentinel_policy": socket_policy(_sentinel_policy()).hex(),
        "sentinel": _sentinel_packet(node).hex(),
        "kept_state": frames_of([state_message(_kept_state(node))])[0],
    }


def socket_policy(policy: Policy) -> bytes:
    """Return the value of the socket option that sets a socket's own policy."""
    return PolicyBody(policy).pack() + b"".join(pack_template(template) for template in policy.templates)


def _sentinel_policy() -> Policy:
    """Accepts the sentinel, whatever the databases say."""
    return Policy(Selector.between("::/0", "::/0"), Direction.IN)


def _sentinel_packet(node: Node) -> bytes:
    """A packet whose arrival tells that the one before it was worked off."""
    ends = ip_address("2001:db8:ffff::1"), node.addresses[0].address
    return received_packet(Receive(Flow(*ends, Protocol.UDP, SENTINEL_PORT, SENTINEL_PORT)))


def _kept_state(node: Node) -> SecurityAssociation:
    """A state of IPComp that stays, beside the nodes of scenarios."""
    here = node.addresses[0].address
    return SecurityAssociation(here, here, Protocol.IPCOMP, Mode.TRANSPORT, 1)


def frames_of(messages: Sequence[Message]) -> list[str]:
    """Number the messages from zero; only the last asks for an acknowledgement."""
    last = len(messages) - 1
    return [
        frame(
            message.kind,
            _ACKNOWLEDGED if number == last else RequestFlag.REQUEST,
            number,
            encode(message),
        ).hex()
        for number, message in enumerate(messages)
    ]


@cache
def _reset_frames(thresholds: bool, defaults: bool) -> list[str]:
    messages = [flush_policies_message(type_) for type_ in PolicyType] + [flush_states_message()]
    if thresholds:
        messages.append(thresholds_message(32, 32, 128, 128))
    if defaults:
        messages.append(defaults_message(*(DefaultAction.ACCEPT,) * 3))
    return frames_of(messages)


def _append_operation(steps: list[list[Any]], operation: Operation) -> None:
    """Requests in a row share steps of bounded size; a rebuild must be waited for before anything else."""
    if not steps or steps[-1][0] != "request" or len(steps[-1][1]) == _MOST_REQUESTS:
        steps.append(["request", []])
    steps[-1][1].append(operation_message(operation))
    if isinstance(operation, SetThresholds):
        steps.append(["rebuild"])


def stimulus(step: Send | Receive | Arrive, *, last: bool = False) -> list[Any]:
    """Return the agent's step for a packet; `last` asks for the dump of the policies as well."""
    if isinstance(step, Arrive):
        value = {
            "packet": step.octets.hex(),
            "protocol": step.protocol,
            "port": step.port,
            "payload": True,
            "last": last,
        }
        return ["receive", value]
    if isinstance(step, Receive):
        value = {
            "packet": received_packet(step).hex(),
            "protocol": step.flow.protocol,
            "port": step.flow.destination_slot,
            "last": last,
        }
        return ["receive", value]
    return ["send", sender(step) | {"last": last}]


def sender(step: Send | Open) -> dict[str, Any]:
    """Return what a socket of the agent is made from, and the octets that it sends."""
    flow, datagram = step.flow, step.flow.protocol in _UDP
    size = step.size if isinstance(step, Send) else PAYLOAD_OCTETS
    payload = bytes(size - _UDP_HEADER) if datagram else upper_octets(flow, size)
    return {
        "source": _text(flow.source),
        "bind": flow.source_slot if datagram else 0,
        "destination": _text(flow.destination),
        "port": flow.destination_slot if datagram else 0,
        "protocol": flow.protocol,
        "mark": flow.mark,
        "device": INTERFACES.get(flow.oif, ""),
        "options": _options(step),
        "payload": payload.hex(),
    }


@lru_cache(maxsize=4096)
def _text(address: Address) -> str:
    return str(address)


def _options(step: Send | Open) -> list[list[Any]]:
    policies = [policy for policy in (step.inbound, step.outbound) if policy is not None]
    options = [[_XFRM_POLICY_OPTION, socket_policy(policy).hex()] for policy in policies]
    headers = step.headers if isinstance(step, Send) else ()
    return options + [[_HEADER_OPTIONS[header], _EMPTY_OPTIONS.hex()] for header in headers]


def result_of(answer: Any, *, octets_only: bool = False) -> StepResult:
    """Return the result that one answer amounts to; a bare number is that of an operation.

    `octets_only` leaves the header chains out: encrypted ones cannot be told.
    """
    if isinstance(answer, int):
        return OperationResult(answer)
    wire = tuple(bytes.fromhex(packet) for packet in answer["wire"])
    source = answer.get("delivered")
    events = answer["events"]
    return PacketResult(
        errno=answer["errno"],
        used=sorted_identities(stored_entry(payload).identity for payload in answer["used"]),
        counters=tuple(sorted(answer["counters"].items())),
        wire=() if octets_only else tuple(read_chain(packet) for packet in wire),
        delivered=None if source is None else ip_address(source),
        acquires=events.get(str(int(MessageKind.ACQUIRE)), 0),
        reports=events.get(str(int(MessageKind.REPORT)), 0),
        payload=bytes.fromhex(answer["payload"]) if answer.get("payload") is not None else None,
        octets=wire,
    )


@lru_cache(maxsize=4096)
def stored_entry(payload: str) -> StoredEntry:
    """Return what observations hold of a NEWPOLICY payload in hexadecimal digits."""
    policy = stored_policy(decode(MessageKind.NEWPOLICY, bytes.fromhex(payload))).policy
    return StoredEntry(identity_of(policy), policy.priority, policy.action, len(policy.templates))
