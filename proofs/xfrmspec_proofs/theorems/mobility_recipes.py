"""Theorems about the recipes: who owns which flow, and what stands when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from xfrmspec.mipv6.recipes.counting import policies_of_registration
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec_model.folding import (
    Truth,
    all_of,
    among,
    any_of,
    at_most,
    both,
    either,
    implies,
    integer,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.mobility_clean import (
    CLEAN_PARTS,
    ROUTE_STAGES,
    CleanTerm,
    Kept,
    Places,
    Protection,
    Shield,
    any_protection,
    inbound_rows,
    main_rows,
    route_stage,
    sub_rows,
)
from xfrmspec_model.mobility_paper import (
    CORRECTED,
    PRINTED,
    counted,
    figure_on_home_agent,
    figure_on_mobile_node,
)
from xfrmspec_model.mobility_rows import (
    ACKNOWLEDGEMENT,
    MOBILITY,
    UPDATE,
    Part,
    Row,
    RowFlow,
    is_discovery,
    is_update_to,
    owns,
    row_matches,
)
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.facts import flow_facts
from xfrmspec_proofs.mobility import with_mobility
from xfrmspec_proofs.recipes import (
    HOME_ADDRESS,
    HOME_AGENT,
    SECOND_PLACE,
    SMALL_PLACES,
    Moment,
    agent_memory,
    behind_every_other,
    clash,
    clean_table,
    has,
    mobile_memory,
    owner_of,
    printable_row_flow,
    read_row_flow,
    unknown_row_flow,
)
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, theorem
from xfrmspec_terms.daemon import StageKind
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Action, Direction, Mode, PolicyType
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Flow, Protocol

_STARTED = Moment(StageKind.STARTED)
_SETTLED = (_STARTED, Moment(StageKind.REGISTERING), Moment(StageKind.REGISTERED))
_OPTIMISED = (
    *_SETTLED,
    Moment(StageKind.TESTING, of_peer=True),
    Moment(StageKind.OPTIMISED, of_peer=True),
)
_PENDING = (*_OPTIMISED, Moment(StageKind.REGISTERING, SECOND_PLACE))
_TESTS = Protection(signalling=False, tests=True, payload=False)


def _reordered(**changes: int) -> Mutation:
    return with_mobility(clean_order=lambda rules: replace(rules.clean_order, **changes))


@theorem(
    name="six_policies_stand_when_a_registration_has_ended",
    statement="With IPsec, Figure 6 as printed and as corrected has six policies for a home registration on "
    "the mobile node and on the home agent when it has ended, whatever the addresses.",
    clauses=("XFRM-DAEMON-009", "XFRM-DAEMON-005", "XFRM-DAEMON-006", "XFRM-DAEMON-008"),
    mutants={"forwarding_counts_apart": with_mobility(counted_as=lambda _: lambda direction: direction)},
    tried_in=(CLEAN,),
)
def _six(scene: Scene) -> Sequence[Claim]:
    places = Places(*(integer(scene.context, name) for name in ("home", "agent", "peer")))
    six: list[Truth] = []
    for order in (PRINTED, CORRECTED):
        for rows in (figure_on_mobile_node(places, order), figure_on_home_agent(places, order)):
            six.append(counted(rows, places, scene.rules.mobility.counted_as) == _SIX)

    def holds(_: Profile) -> bool:
        return all(
            policies_of_registration(memory.policies, HOME_ADDRESS, HOME_AGENT) == _SIX
            for recipe in (Recipe.PAPER, Recipe.PAPER_CORRECTED)
            for memory in (
                mobile_memory(_SETTLED, Protected.PAYLOAD, recipe),
                agent_memory(Protected.PAYLOAD, recipe),
            )
        )

    facts = {"home": str(HOME_ADDRESS), "agent": str(HOME_AGENT)}
    return [
        Claim([negate(same(places.home, places.agent))], all_of(six), [], lambda _: Witness(facts, holds))
    ]


_SIX = 6


@theorem(
    name="signalling_of_the_figure_is_owned_by_policies_with_esp",
    statement="When a registration of Figure 6 has ended, binding updates and acknowledgements between "
    "mobile node and home agent are owned at both ends, in both directions, by policies that demand "
    "transport ESP.",
    clauses=("XFRM-ATTACK-015", "XFRM-DAEMON-010", "XFRM-DAEMON-007"),
    mutants={"data_is_stronger": with_mobility(figure_order=lambda _: lambda on: replace(CORRECTED, data=5))},
    tried_in=(CLEAN,),
    needs=(Defence.POLICY_ORDER,),
)
def _figure_order(scene: Scene) -> Sequence[Claim]:
    rules, flow = scene.rules.mobility, unknown_row_flow(scene)
    names = [integer(scene.context, name) for name in ("home", "agent", "peer")]
    places = SMALL_PLACES if scene.small else Places(*names)
    order = rules.figure_order(rules.defences)
    there = is_update_to(flow, places.home, places.agent)
    answers = all_of((same(flow.protocol, MOBILITY), same(flow.type, ACKNOWLEDGEMENT)))
    back = all_of((same(flow.source, places.agent), same(flow.destination, places.home), answers))
    sides = (figure_on_mobile_node(places, order), figure_on_home_agent(places, order))
    ways = (
        (there, sides[0], Direction.OUT),
        (there, sides[1], Direction.IN),
        (back, sides[1], Direction.OUT),
        (back, sides[0], Direction.IN),
    )
    owned = [implies(way, _owned_with(rows, Part.ESP, flow, direction)) for way, rows, direction in ways]
    printable = [*printable_row_flow(flow), either(there, back)]

    def read(model: Model) -> Witness:
        sent = read_row_flow(model, flow)
        recipe = Recipe.PAPER_CORRECTED if Defence.POLICY_ORDER in rules.defences else Recipe.PAPER

        def holds(_: Profile) -> bool:
            mobile = mobile_memory(_SETTLED, Protected.PAYLOAD, recipe)
            agent = agent_memory(Protected.PAYLOAD, recipe)
            first, second = (mobile, agent) if sent.source == HOME_ADDRESS else (agent, mobile)
            told = (
                owner_of(first, sent, PolicyType.MAIN),
                owner_of(second, sent, PolicyType.MAIN, Direction.IN),
            )
            return all(has(policy, Protocol.ESP, Mode.TRANSPORT) for policy in told)

        return Witness({"recipe": recipe.value, "flow": flow_facts(sent)}, holds)

    return [Claim([negate(same(places.home, places.agent))], all_of(owned), printable, read)]


def _owned_with(rows: Sequence[Row], part: Part, flow: RowFlow, direction: Direction) -> Truth:
    return any_of(
        owns(rows, row, flow) for row in rows if part in row.templates and row.direction is direction
    )


def _owned_by(rows: Sequence[Row], names: Sequence[str], flow: RowFlow) -> Truth:
    return any_of(owns(rows, row, flow) for row in rows if row.name in names)


def _table(scene: Scene, history: Sequence[Moment]) -> tuple[CleanTerm, Places, Protection]:
    """Return any table, or in a small scene what a history leaves, with any protection."""
    context = scene.context
    if scene.small:
        return clean_table(history, _TESTS, scene.rules.mobility), SMALL_PLACES, _TESTS
    parts = {part: integer(context, f"table.{part}") for part in CLEAN_PARTS}
    places = Places(*(integer(context, name) for name in ("home", "agent", "peer")))
    kinds = (unknown_truth(context, name) for name in ("signalling", "tests", "payload", "optimises"))
    return CleanTerm(**parts), places, Protection(*kinds)


def _apart(places: Places) -> list[Truth]:
    pairs = ((places.home, places.agent), (places.home, places.peer), (places.agent, places.peer))
    return [negate(same(*pair)) for pair in pairs]


@theorem(
    name="overlapping_policies_of_clean_have_different_priorities",
    statement="Two policies of clean on a mobile node that match one flow in one database and direction have "
    "different priorities, whatever stands.",
    clauses=("XFRM-DAEMON-019",),
    mutants={"messages_have_the_priority_of_data": _reordered(messages=60)},
    tried_in=(CLEAN,),
)
def _different(scene: Scene) -> Sequence[Claim]:
    order, flow = scene.rules.mobility.clean_order, unknown_row_flow(scene)
    table, places, protection = _table(scene, _OPTIMISED)
    tables = (
        sub_rows(table, places, order),
        main_rows(table, places, protection, order),
        inbound_rows(table, places, protection, order),
    )
    clashes = [
        both(row_matches(one, flow), row_matches(other, flow))
        for rows in tables
        for one, other in combinations(rows, 2)
        if one.priority == other.priority
    ]

    def read(model: Model) -> Witness:
        sent = read_row_flow(model, flow)

        def holds(_: Profile) -> bool:
            return not clash(mobile_memory(_OPTIMISED, Protected.TESTS), sent)

        return Witness({"flow": flow_facts(sent)}, holds)

    return [Claim(_apart(places), negate(any_of(clashes)), printable_row_flow(flow), read)]


@theorem(
    name="nothing_leaves_while_a_registration_is_pending",
    statement="From the first operation of clean for a registration, a refusal or a return to the last one "
    "that ends it, whatever else stands and whatever happens to routes, every flow from the home address is "
    "owned by the block, except binding updates to the home agent and neighbour discovery.",
    clauses=("XFRM-DAEMON-038", "XFRM-SAFE-005", "XFRM-DAEMON-024", "XFRM-DAEMON-029", "XFRM-DAEMON-033"),
    mutants={
        "optimised_routes_are_stronger": _reordered(data=25),
        "other_messages_are_stronger": _reordered(messages=25),
    },
    tried_in=(CLEAN,),
)
def _block(scene: Scene) -> Sequence[Claim]:
    rules, flow = scene.rules.mobility, unknown_row_flow(scene)
    table, places, protection = _table(scene, _PENDING)
    rows = sub_rows(table, places, rules.clean_order)
    exempt = either(is_update_to(flow, places.home, places.agent), is_discovery(flow))
    owned = implies(negate(exempt), _owned_by(rows, ("block",), flow))
    given = [*_apart(places), same(table.shield, Shield.BLOCK), same(flow.source, places.home)]
    goal = owned if scene.small else both(owned, _blocks_throughout(scene, table, protection, rules))

    def read(model: Model) -> Witness:
        sent = read_row_flow(model, flow)

        def holds(_: Profile) -> bool:
            found = owner_of(mobile_memory(_PENDING, Protected.TESTS), sent, PolicyType.SUB)
            return found is not None and found.action is Action.BLOCK

        return Witness({"flow": flow_facts(sent)}, holds)

    return [Claim(given, goal, [*printable_row_flow(flow), negate(exempt)], read)]


def _blocks_throughout(scene: Scene, table: CleanTerm, protection: Protection, rules: MobilityRules) -> Truth:
    """Say that stages set the block first and lift it last, and that routes leave it alone."""
    place = integer(scene.context, "place")

    def stands(tables: Sequence[CleanTerm]) -> Truth:
        return all_of(same(one.shield, Shield.BLOCK) for one in tables)

    begun = [
        stands(rules.home_stage(table, kind, place, protection))
        for kind in (StageKind.REGISTERING, StageKind.REFUSED, StageKind.RETURNING)
    ]
    ended = [
        stands(rules.home_stage(table, kind, place, protection)[:-1])
        for kind in (StageKind.REGISTERED, StageKind.RETURNED)
    ]
    routes = [stands(route_stage(table, kind, place, protection)) for kind in ROUTE_STAGES]
    return all_of((*begun, *ended, *routes))


@theorem(
    name="signalling_never_meets_a_policy_for_data",
    statement="With clean, whatever stands on a mobile node: updates to its home agent are owned by the "
    "policies for signalling in SUB and, with protection, by those with transport ESP in MAIN, as is what it "
    "receives from there; an update to a correspondent node has its own policy, and tests have none with "
    "templates.",
    clauses=(
        "XFRM-DAEMON-040",
        "XFRM-ATTACK-015",
        "XFRM-DAEMON-019",
        "XFRM-DAEMON-023",
        "XFRM-DAEMON-026",
        "XFRM-WORLD-010",
    ),
    mutants={
        "the_tunnel_is_stronger": _reordered(protected=70),
        "tests_are_data": _reordered(messages=65),
        "updates_to_peers_are_messages": _reordered(peer_signalling=55),
    },
    tried_in=(CLEAN,),
    needs=(Defence.POLICY_ORDER,),
)
def _signalling(scene: Scene) -> Sequence[Claim]:
    rules, flow = scene.rules.mobility, unknown_row_flow(scene)
    table, places, protection = _table(scene, _OPTIMISED)
    order = rules.order_under(rules.clean_order, rules.defences)
    sub, main = sub_rows(table, places, order), main_rows(table, places, protection, order)
    inbound = inbound_rows(table, places, protection, order)
    to_agent = is_update_to(flow, places.home, places.agent)
    signed = all_of(
        implies(to_agent, each)
        for each in (
            implies(
                negate(same(table.agent_update, Kept.ABSENT)), _owned_by(sub, ("update", "bare update"), flow)
            ),
            implies(any_protection(protection), _owned_by(main, ("signalling",), flow)),
        )
    )
    from_agent = all_of(
        (same(flow.source, places.agent), same(flow.destination, places.home), same(flow.protocol, MOBILITY))
    )
    received = implies(
        both(from_agent, any_protection(protection)), _owned_by(inbound, ("signalling",), flow)
    )
    free = negate(same(table.shield, Shield.BLOCK))
    to_peer = all_of((is_update_to(flow, places.home, places.peer), same(table.peer_update, Kept.FULL), free))
    asked = implies(to_peer, _owned_by(sub, ("peer update",), flow))
    is_test = both(same(flow.protocol, MOBILITY), both(at_most(1, flow.type), at_most(flow.type, 4)))
    tested = implies(both(is_test, free), _owned_by(sub, ("messages",), flow))
    kept = [among(table.agent_update, sorted(Kept)), among(table.peer_update, sorted(Kept))]
    small = [*printable_row_flow(flow), any_of((to_agent, from_agent, to_peer, is_test))]

    def read(model: Model) -> Witness:
        sent = read_row_flow(model, flow)
        return Witness({"flow": flow_facts(sent)}, lambda _: _signalling_holds(sent, rules.defences))

    return [Claim([*_apart(places), *kept], all_of((signed, received, asked, tested)), small, read)]


def _signalling_holds(sent: Flow, defences: frozenset[Defence]) -> bool:
    memory = mobile_memory(_OPTIMISED, Protected.TESTS)
    if Defence.POLICY_ORDER not in defences:
        memory = behind_every_other(memory)
    outgoing = owner_of(memory, sent, PolicyType.SUB)
    protected = owner_of(memory, sent, PolicyType.MAIN)
    if (sent.source, sent.source_slot) == (HOME_ADDRESS, UPDATE):
        option = has(outgoing, Protocol.DESTINATION_OPTIONS, Mode.RO)
        to_agent = sent.destination == HOME_AGENT
        return option and (not to_agent or has(protected, Protocol.ESP, Mode.TRANSPORT))
    if (sent.source, sent.destination) == (HOME_AGENT, HOME_ADDRESS):
        arrived = owner_of(memory, sent, PolicyType.MAIN, Direction.IN)
        return has(arrived, Protocol.ESP, Mode.TRANSPORT)
    return outgoing is not None and not outgoing.templates
