"""What really happens to a flow: every claim of the checks is read off the reference here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec.assumption import assumed_states, expected_path
from xfrmspec.flow_text import flow_line
from xfrmspec.wire.insertion import insertion_point
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.pairing import secondary_direction, select_policies
from xfrmspec.xfrm.session import ReceivedHeaders, decode_session
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, XfrmTables
from xfrmspec.xfrm.templates import merge_templates
from xfrmspec_proofs.checks.configuration import Configuration
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter, Decision
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, Header, header_name, upper_header
from xfrmspec_terms.policy import Action, Direction, Mode, Policy
from xfrmspec_terms.selector import Flow, Protocol, SlotMeaning, slot_meaning

_ENCRYPTION = frozenset({Protocol.ESP, Protocol.AH})
_NAMED = 4
_PADDING_OPTION = bytes((0, 1, 4, 0, 0, 0, 0))


class Scenario(Enum):
    """Under which circumstances a witness flow is replayed."""

    PLAIN = "as configured"
    FORWARDED = "decapsulated as its in policy asks, then forwarded"
    NO_STATES = "while no state exists"
    MIRRORED_PEER = "with all states there, received by a peer with the mirrored policies"
    BARE = "received without extension headers, as the profile's kernel decodes it"
    BEHIND_OPTIONS = "received behind one destination options header, as the profile's kernel decodes it"


@dataclass(frozen=True, slots=True)
class Replay:
    """The fate of one flow.

    `reached` says that a packet passes in the clear (PLAIN inbound, NO_STATES), is not dropped (outbound),
    or is accepted by the peer. `protected` says that ESP or AH is on the packet that passes. `certain` is
    False when the outcome hangs on something that the text hides. `seen` is the flow as it was looked up.
    """

    flow: Flow
    direction: Direction
    scenario: Scenario
    outcome: str
    deciders: tuple[Policy, ...]
    reached: bool
    protected: bool
    certain: bool
    seen: Flow
    counter: Counter | None = None
    output: OutputDecision | None = None
    cleartext: InputDecision | None = None
    expected: InputDecision | None = None

    @property
    def leaks(self) -> bool:
        """True when the packet passes without ESP and AH."""
        return self.reached and not self.protected


def replay(
    configuration: Configuration,
    flow: Flow,
    direction: Direction,
    scenario: Scenario = Scenario.PLAIN,
) -> Replay:
    """Decide one flow by the reference and say in words what happens to it.

    Where states are unknown or masked, every negotiation is taken to have succeeded. Nothing is claimed
    of a flow whose fate hangs on something that the text hides.
    """
    if not is_certain(configuration, flow, direction):
        return _unknown(configuration, flow, direction, scenario)
    if scenario is Scenario.MIRRORED_PEER:
        return _replay_peer(configuration, flow)
    if scenario in (Scenario.BARE, Scenario.BEHIND_OPTIONS):
        return _replay_decoded(configuration, flow, direction, scenario)
    if scenario is Scenario.FORWARDED:
        return _replay_forwarded(configuration, flow)
    if direction is Direction.OUT:
        return _replay_output(configuration, flow, scenario)
    return _replay_input(configuration, flow, direction, scenario)


def is_certain(configuration: Configuration, flow: Flow, direction: Direction) -> bool:
    """Tell whether nothing that decides the flow is hidden in the text."""
    directions = {direction, secondary_direction(direction, configuration.profile)}
    matching = [p for d in sorted(directions) for p in configuration.matching(flow, d)]
    if not all(p.matching_known and p.shape_known for p in matching):
        return False
    keys = [(p.policy.direction, p.policy.type) for p in matching]
    hidden = [(p.policy.direction, p.policy.type) for p in matching if not p.priority_known]
    return all(keys.count(key) == 1 for key in hidden)


def sender_path(flow: Flow, applied: Sequence[SecurityAssociation]) -> tuple[SecurityAssociation, ...]:
    """Return the sec_path (outermost first) that a receiver of the transformed packet gets."""
    chain: tuple[ChainElement, ...] = (upper_header(flow.protocol),)
    owners: list[SecurityAssociation | None] = [None]
    for state in applied:
        header = TRANSFORM_HEADERS[state.protocol]
        if state.mode is Mode.TUNNEL:
            chain, owners = (header, Header.IP, *chain), [state, None, *owners]
            continue
        place = 0 if state.mode is Mode.BEET else insertion_point(chain, header)
        chain = (*chain[:place], header, *chain[place:])
        owners.insert(place, state)
    return tuple(state for state in owners if state is not None)


def _unknown(configuration: Configuration, flow: Flow, direction: Direction, scenario: Scenario) -> Replay:
    hidden = [p for p in configuration.matching(flow, direction) if p.masked]
    places = " and ".join(sorted(p.place for p in hidden)[:_NAMED]) or "another direction"
    names = ", ".join(sorted({_field_name(name) for p in hidden for name in p.masked})) or "a field"
    text = f"is not known, because the text hides {names} of the policies at {places}"
    return Replay(flow, direction, scenario, text, (), False, False, False, flow)


def _field_name(dotted: str) -> str:
    return f"a template's {dotted.rpartition('.')[2]}" if dotted.startswith("templates") else dotted


def _trusted_states(
    configuration: Configuration, policies: Sequence[Policy]
) -> tuple[SecurityAssociation, ...] | None:
    """Return the known states, or None when they are unknown or masks make a comparison idle."""
    if not configuration.states_known or configuration.states_masked:
        return None
    if not all(configuration.checked(policy).templates_known for policy in policies):
        return None
    return tuple(placed.state for placed in configuration.states)


def _replay_output(configuration: Configuration, flow: Flow, scenario: Scenario) -> Replay:
    tables = configuration.tables_for(flow, Direction.OUT)
    selection = select_policies(tables, flow, Direction.OUT, NO_SOCKET_POLICIES)
    assumed = False
    if scenario is Scenario.NO_STATES:
        tables = replace(tables, states=())
    elif scenario is Scenario.MIRRORED_PEER or _trusted_states(configuration, selection.policies) is None:
        assumed = True
        tables = replace(tables, states=assumed_states(selection.policies, flow))
    decided = decide_output(tables, flow)
    text = _sent(decided)
    if decided.decision is Decision.TRANSFORM and assumed:
        text += ", given that its states can be negotiated"
    return Replay(
        flow,
        Direction.OUT,
        scenario,
        text + _by(configuration, decided.selection.policies),
        decided.selection.policies,
        decided.decision in (Decision.PASS, Decision.TRANSFORM),
        any(state.protocol in _ENCRYPTION for state in decided.applied),
        True,
        flow,
        decided.counter,
        output=decided,
    )


def _sent(decided: OutputDecision) -> str:
    headers = ", ".join(header_name(element) for element in decided.chain)
    counter = f" ({decided.counter.value})" if decided.counter else ""
    if decided.decision is Decision.PASS:
        asked = " after an acquire" if decided.acquires else ""
        return f"leaves untransformed as {headers}{asked}"
    if decided.decision is Decision.TRANSFORM:
        return f"leaves as {headers}"
    return f"is {'blocked' if decided.decision is Decision.BLOCK else 'dropped'}{counter}"


def _replay_input(
    configuration: Configuration, flow: Flow, direction: Direction, scenario: Scenario
) -> Replay:
    path: tuple[SecurityAssociation, ...] = ()
    if scenario is Scenario.PLAIN:
        path = _asked_path(configuration, flow, direction)
    return _received_with(configuration, flow, direction, path, scenario)


def _received_with(
    configuration: Configuration,
    flow: Flow,
    direction: Direction,
    path: tuple[SecurityAssociation, ...],
    scenario: Scenario,
) -> Replay:
    """Judge a flow in the clear and, when the path is not empty, with that sec_path."""
    tables = configuration.tables_for(flow, direction)
    cleartext = decide_input(tables, flow, (), direction)
    expected = decide_input(tables, flow, path, direction) if path else None
    text = f"cleartext is {_received(cleartext)}"
    if expected is not None:
        text += f", {_path_text(path)} is {_received(expected)}"
    return Replay(
        flow,
        direction,
        scenario,
        text + _by(configuration, cleartext.selection.policies),
        cleartext.selection.policies,
        cleartext.accepted,
        False,
        True,
        flow,
        cleartext.counter,
        cleartext=cleartext,
        expected=expected,
    )


def _replay_forwarded(configuration: Configuration, flow: Flow) -> Replay:
    path = _asked_path(configuration, flow, Direction.IN)
    return _received_with(configuration, flow, Direction.FWD, path, Scenario.FORWARDED)


def _asked_path(
    configuration: Configuration, flow: Flow, direction: Direction
) -> tuple[SecurityAssociation, ...]:
    tables = configuration.tables_for(flow, direction)
    selection = select_policies(tables, flow, direction, NO_SOCKET_POLICIES)
    asked = [policy.templates for policy in selection.policies if policy.action is Action.ALLOW]
    templates = merge_templates(asked, flow.family, tables.profile)
    states = _trusted_states(configuration, selection.policies)
    return expected_path(templates, flow, states, tables.profile)


def _path_text(path: Sequence[SecurityAssociation]) -> str:
    """Return a sec_path as header names, outermost first."""
    return ", ".join(f"{TRANSFORM_HEADERS[s.protocol].value} {s.mode.name.lower()}" for s in path)


def _received(decided: InputDecision) -> str:
    if decided.accepted:
        return "accepted"
    return f"dropped ({decided.counter.value})" if decided.counter else "dropped"


def _replay_peer(configuration: Configuration, flow: Flow) -> Replay:
    sent = _replay_output(configuration, flow, Scenario.MIRRORED_PEER)
    if sent.output is None or sent.output.decision is not Decision.TRANSFORM:
        return replace(sent, reached=True)
    path = sender_path(flow, sent.output.applied)
    decided = decide_input(_mirrored(configuration, flow), flow, path)
    text = f"{_sent(sent.output)}; a peer with the mirrored policies has it {_received(decided)}"
    return replace(
        sent,
        outcome=text + _by(configuration, sent.deciders),
        reached=decided.accepted,
        counter=decided.counter,
        expected=decided,
    )


def _mirrored(configuration: Configuration, flow: Flow) -> XfrmTables:
    """Return the inbound policies of a peer that mirrors the outbound ones; packets keep their ends."""
    tables = configuration.tables_for(flow, Direction.OUT)
    inbound = tuple(
        replace(entry, policy=replace(entry.policy, direction=Direction.IN))
        for entry in tables.policies.orders[Direction.OUT]
    )
    return XfrmTables(replace(tables.policies, orders=(inbound, (), ())), (), configuration.defaults)


def _replay_decoded(
    configuration: Configuration, flow: Flow, direction: Direction, scenario: Scenario
) -> Replay:
    seen = decoded_flow(configuration, flow, scenario)
    if not is_certain(configuration, seen, direction):
        return replace(_unknown(configuration, seen, direction, scenario), flow=flow)
    path = _asked_path(configuration, flow, direction)
    found = _received_with(configuration, seen, direction, path, scenario)
    text = f"the kernel looks up {flow_line(seen, direction)}: {found.outcome}"
    return replace(found, flow=flow, outcome=text)


def decoded_flow(configuration: Configuration, flow: Flow, scenario: Scenario) -> Flow:
    """Return the flow that the profile's kernel reads off a received packet of a flow."""
    upper = _upper_octets(flow)
    if scenario is Scenario.BEHIND_OPTIONS:
        options = bytes((flow.protocol,)) + _PADDING_OPTION
        headers = ReceivedHeaders(Protocol.DESTINATION_OPTIONS, options + upper, 1)
    else:
        headers = ReceivedHeaders(flow.protocol, upper, 0)
    key = decode_session(headers, configuration.profile)
    return replace(
        flow,
        protocol=key.protocol,
        source_slot=key.source_slot,
        destination_slot=key.destination_slot,
    )


def _upper_octets(flow: Flow) -> bytes:
    meaning = slot_meaning(flow.protocol)
    if meaning is SlotMeaning.MOBILITY_TYPE:
        return bytes((Protocol.NO_NEXT_HEADER, 0, flow.source_slot, 0, 0, 0, 0, 0))
    if meaning is SlotMeaning.TYPE_AND_CODE:
        return bytes((flow.source_slot, flow.destination_slot, 0, 0, 0, 0, 0, 0))
    if meaning is SlotMeaning.GRE_KEY:
        key = flow.source_slot.to_bytes(2, "big") + flow.destination_slot.to_bytes(2, "big")
        return bytes((0x20, 0, 0, 0)) + key + bytes(8)
    return flow.source_slot.to_bytes(2, "big") + flow.destination_slot.to_bytes(2, "big") + bytes(4)


def _by(configuration: Configuration, policies: Sequence[Policy]) -> str:
    if not policies:
        return "; no policy matches"
    names = [
        f"the {policy.direction.name.lower()} {policy.type.name.lower()} policy at "
        f"{configuration.checked(policy).place}"
        for policy in policies
    ]
    return f", by {' and '.join(names)}"
