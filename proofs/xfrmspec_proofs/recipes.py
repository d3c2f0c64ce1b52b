"""Running histories of stages through the recipes of the reference, and reading flows off a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.host.ipsec_input import At, Passed
from xfrmspec.host.node import AddressKind, RoutingHeaders
from xfrmspec.host.route_input import exchange_one, sent_on
from xfrmspec.mipv6.recipes import figure
from xfrmspec.mipv6.recipes.recipe import Recipe, after, operations
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory, Settings
from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec.xfrm.match import policy_mismatch
from xfrmspec_model.folding import Truth, among, any_of, both, integer, same
from xfrmspec_model.mobility_clean import CleanTerm, Places, Protection, route_stage
from xfrmspec_model.mobility_rows import ADVERTISEMENT, DISCOVERY, MOBILITY, SOLICITATION, RowFlow
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.nodes import datagram, node_with
from xfrmspec_proofs.replay import checked, installed, owner
from xfrmspec_proofs.theorem import Scene
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.headers import IPv6Header, Packet, Type2RoutingHeader
from xfrmspec_terms.mobility import UNSPECIFIED
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyType
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.selector import ANY_PORT, ANY_PROTOCOL, Flow, Protocol, Selector
from xfrmspec_terms.state import InstalledState

HOME_ADDRESS, HOME_AGENT, PEER_ADDRESS = figure.HOME, figure.AGENT, figure.PEER
FIRST_PLACE = figure.CARE_OF
SECOND_PLACE = IPv6Address("2001:db8:b::505")
ELSEWHERE = IPv6Address("2001:db8:f::9")
SMALL_PLACES = Places(int(HOME_ADDRESS), int(HOME_AGENT), int(PEER_ADDRESS))
_DESTINATIONS = (HOME_AGENT, PEER_ADDRESS, ELSEWHERE)
_UDP = int(Protocol.UDP)


@dataclass(frozen=True, slots=True)
class Moment:
    """A stage of a history, and the care-of address it is about; `of_peer` for one of the route."""

    kind: StageKind
    place: IPv6Address = FIRST_PLACE
    of_peer: bool = False

    def stage(self) -> Stage:
        """Return the stage that the recipe is told."""
        peer = PEER_ADDRESS if self.of_peer else HOME_AGENT
        away = self.kind not in (StageKind.STARTED, StageKind.RETURNING, StageKind.RETURNED)
        return Stage(self.kind, Role.MOBILE_NODE, HOME_ADDRESS, peer, self.place if away else None)


def mobile_memory(history: Iterable[Moment], protection: Protected, recipe: Recipe = Recipe.CLEAN) -> Memory:
    """Return what a recipe has installed on a mobile node after a history of stages."""
    settings = Settings(HOME_ADDRESS, frozenset({Role.MOBILE_NODE}), HOME_AGENT, protection=protection)
    return _memory_after(recipe, settings, (moment.stage() for moment in history))


def agent_memory(protection: Protected, recipe: Recipe) -> Memory:
    """Return what a recipe has installed on a home agent that has registered the home address."""
    settings = Settings(HOME_AGENT, frozenset({Role.HOME_AGENT}), None, (HOME_ADDRESS,), protection)
    bound = Stage(StageKind.BOUND, Role.HOME_AGENT, HOME_ADDRESS, HOME_ADDRESS, FIRST_PLACE)
    return _memory_after(recipe, settings, (Stage(StageKind.STARTED, Role.HOME_AGENT), bound))


def _memory_after(recipe: Recipe, settings: Settings, stages: Iterable[Stage]) -> Memory:
    memory = NOTHING
    for stage in stages:
        memory = after(memory, operations(recipe, settings, stage, memory))
    return memory


def clean_table(history: Iterable[Moment], protection: Protection, rules: MobilityRules) -> CleanTerm:
    """Return what the model of `clean` has installed after a history of stages."""
    table = CleanTerm()
    for moment in history:
        if moment.of_peer:
            table = route_stage(table, moment.kind, int(moment.place), protection)[-1]
        else:
            table = rules.home_stage(table, moment.kind, int(moment.place), protection)[-1]
    return table


def unknown_row_flow(scene: Scene) -> RowFlow:
    """Return a flow of which nothing is known."""
    return RowFlow(*(integer(scene.context, f"flow.{part}") for part in _FLOW_PARTS))


_FLOW_PARTS = ("source", "destination", "protocol", "type")


def printable_row_flow(flow: RowFlow) -> list[Truth]:
    """Assume a flow between few addresses, of UDP, ICMPv6 or mobility headers with a type of its protocol."""
    kinds = {_UDP: (4000,), DISCOVERY: (1, 128, SOLICITATION, ADVERTISEMENT), MOBILITY: tuple(range(8))}
    ends = sorted(int(address) for address in (HOME_ADDRESS, *_DESTINATIONS))
    return [
        among(flow.source, ends),
        among(flow.destination, ends),
        any_of(both(same(flow.protocol, name), among(flow.type, types)) for name, types in kinds.items()),
    ]


def read_row_flow(model: Model, flow: RowFlow) -> Flow:
    """Return the flow that a model assigns to a term."""
    source, destination, protocol, kind = (number(model, getattr(flow, part)) for part in _FLOW_PARTS)
    return Flow(IPv6Address(source), IPv6Address(destination), protocol, kind)


def owner_of(
    memory: Memory, flow: Flow, database: PolicyType, direction: Direction = Direction.OUT
) -> Policy | None:
    """Return the policy that owns a flow in a kernel with what a recipe has installed."""
    policies = [policy for policy in memory.policies if policy.type is database]
    return owner(installed(policies, CLEAN), flow, direction, database)


def has(policy: Policy | None, protocol: Protocol, mode: Mode) -> bool:
    """Tell whether a policy has a template of a protocol and mode."""
    templates = () if policy is None else policy.templates
    return any((template.protocol, template.mode) == (protocol, mode) for template in templates)


def clash(memory: Memory, flow: Flow) -> bool:
    """Tell whether two policies of one database and direction match a flow with one priority."""
    matching = [policy for policy in memory.policies if policy_mismatch(policy, flow, CLEAN) is None]
    places = [(policy.type, policy.direction, policy.priority) for policy in matching]
    return len(places) != len(set(places))


def peer_memory(care_of: IPv6Address | None) -> Memory:
    """Return what clean has installed on a correspondent node, bound to a care-of address or not."""
    settings = Settings(PEER_ADDRESS, frozenset({Role.CORRESPONDENT_NODE}))
    bound = Stage(StageKind.BOUND, Role.CORRESPONDENT_NODE, HOME_ADDRESS, HOME_ADDRESS, care_of)
    stages = [Stage(StageKind.STARTED, Role.CORRESPONDENT_NODE), *([] if care_of is None else [bound])]
    return _memory_after(Recipe.CLEAN, settings, stages)


def reads_option(memory: Memory, flow: Flow, wire: IPv6Address) -> bool:
    """Tell whether the check of direction IN lets a packet pass whose only sec_path entry is its option."""
    fits = [state for state in memory.states if state.care_of in (wire, UNSPECIFIED)]
    options = [state for state in fits if state.protocol is Protocol.DESTINATION_OPTIONS]
    state = min(options, key=lambda one: one.source != flow.source)
    found = owner_of(memory, flow, PolicyType.SUB, Direction.IN)
    return checked([() if found is None else found.templates], (state,), CLEAN).accepted


def taking_any_option(memory: Memory) -> Memory:
    """Return what clean has installed without the defence HOME_ADDRESS_OPTION (XFRM-WORLD-010)."""
    return _changed(
        memory,
        lambda policy: policy.direction is Direction.IN and policy.selector.protocol is Protocol.MOBILITY,
        lambda policy: replace(policy, selector=_of_every_protocol(policy.selector)),
    )


def _of_every_protocol(selector: Selector) -> Selector:
    return replace(selector, protocol=ANY_PROTOCOL, source_port=ANY_PORT)


def behind_every_other(memory: Memory) -> Memory:
    """Return what clean has installed without the defence POLICY_ORDER (XFRM-WORLD-010)."""
    return _changed(
        memory,
        lambda policy: policy.type is PolicyType.MAIN and has(policy, Protocol.ESP, Mode.TRANSPORT),
        lambda policy: replace(policy, priority=90),
    )


def _changed(
    memory: Memory, concerns: Callable[[Policy], bool], change: Callable[[Policy], Policy]
) -> Memory:
    policies = tuple(change(policy) if concerns(policy) else policy for policy in memory.policies)
    return replace(memory, policies=policies)


def leads_to(
    address: IPv6Address, own: IPv6Address, segments: int, routing: RoutingHeaders
) -> IPv6Address | None:
    """Return where a type 2 routing header takes a packet at a node with a home address; None for nowhere."""
    node = node_with([], CLEAN)
    state = SecurityAssociation(
        UNSPECIFIED, UNSPECIFIED, Protocol.ROUTING, Mode.RO, flags=StateFlag.WILDRECV, care_of=UNSPECIFIED
    )
    stored = node.states.linked(InstalledState(state, 0)).database
    homes = {**node.addresses, own: AddressKind.HOME}
    node = replace(node, states=stored, addresses=homes, routing_headers=routing)
    outer, *rest = datagram().headers
    assert isinstance(outer, IPv6Header)
    packet = Packet((outer, Type2RoutingHeader(address, segments), *rest), datagram().payload)
    passed = exchange_one(node, At(packet, 1, 0, outer.destination), 0)
    sent = passed.packet if isinstance(passed, Passed) else sent_on(node, packet, 1)
    if sent is None:
        return None
    first = sent.headers[0]
    assert isinstance(first, IPv6Header)
    return first.destination


def tunnel_ends(memory: Memory) -> set[IPv6Address]:
    """Return the care-of addresses from which a mobile node's tunnel leads, as device or by policies."""
    devices = {tunnel.local for tunnel in memory.tunnels}
    templates = [
        template
        for policy in memory.policies
        for template in policy.templates
        if (policy.direction, template.mode) == (Direction.OUT, Mode.TUNNEL)
    ]
    sources = {template.source for template in templates}
    return devices | {source for source in sources if isinstance(source, IPv6Address)}
