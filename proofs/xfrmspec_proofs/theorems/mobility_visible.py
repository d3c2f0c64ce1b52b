"""Theorems about what an attacker on a foreign link reads, and who may speak for a home address."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address

from xfrmspec.host.node import RoutingHeaders
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec_model.folding import (
    Truth,
    all_of,
    among,
    any_of,
    both,
    either,
    implies,
    integer,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.mobility_clean import CleanTerm, Places, Protection, main_rows
from xfrmspec_model.mobility_options import OptionTerm, RoutingTerm, StandingTerm, is_handled, is_read
from xfrmspec_model.mobility_rows import MOBILITY, Part, Row, RowFlow, owns
from xfrmspec_model.mobility_tunnel import HOME_TEST, HOME_TEST_INIT, agent_rows, protects_tests
from xfrmspec_model.smt import Model
from xfrmspec_proofs.facts import flow_facts
from xfrmspec_proofs.mobility import with_mobility, without
from xfrmspec_proofs.recipes import (
    FIRST_PLACE,
    HOME_ADDRESS,
    PEER_ADDRESS,
    SECOND_PLACE,
    SMALL_PLACES,
    Moment,
    agent_memory,
    has,
    leads_to,
    mobile_memory,
    owner_of,
    peer_memory,
    printable_row_flow,
    read_row_flow,
    reads_option,
    taking_any_option,
    unknown_row_flow,
)
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.daemon import StageKind
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Mode, PolicyType
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Flow, Protocol

_AWAY = (Moment(StageKind.STARTED), Moment(StageKind.REGISTERING), Moment(StageKind.REGISTERED))


@theorem(
    name="home_tests_cross_the_foreign_link_encrypted",
    statement="With clean and tests or payload protected, every home test init from a registered mobile node "
    "and every home test to it, from whatever correspondent node, is owned by a policy with tunnel ESP at "
    "the end that sends it to the foreign link; so no home keygen token is read there.",
    clauses=("XFRM-ATTACK-014", "XFRM-DAEMON-026", "XFRM-DAEMON-023"),
    mutants={"tests_are_not_protected": without(Defence.TEST_IN_TUNNEL)},
    tried_in=(CLEAN,),
    needs=(Defence.TEST_IN_TUNNEL,),
)
def _encrypted(scene: Scene) -> Sequence[Claim]:
    rules, context, flow = scene.rules.mobility, scene.context, unknown_row_flow(scene)
    names = [integer(context, name) for name in ("home", "agent", "peer")]
    places = SMALL_PLACES if scene.small else Places(*names)
    payload = unknown_truth(context, "payload")
    wanted = Protection(signalling=False, tests=negate(payload), payload=payload)
    protection = protects_tests(wanted, rules.defences)
    up = CleanTerm(tunnel=int(FIRST_PLACE), tunnel_end=int(FIRST_PLACE))
    mobile = main_rows(up, places, protection, rules.clean_order)
    agent = agent_rows(True, places, protection, rules.clean_order)
    moves = same(flow.protocol, MOBILITY)
    init = all_of((moves, same(flow.type, HOME_TEST_INIT), same(flow.source, places.home)))
    test = all_of((moves, same(flow.type, HOME_TEST), same(flow.destination, places.home)))
    far = [negate(same(end, places.agent)) for end in (flow.source, flow.destination)]
    goal = both(implies(init, _in_tunnel(mobile, flow)), implies(test, _in_tunnel(agent, flow)))
    small = [*printable_row_flow(flow), either(init, test)]

    def read(model: Model) -> Witness:
        sent = read_row_flow(model, flow)
        kind = Protected.PAYLOAD if truth(model, payload) else Protected.TESTS
        chosen = kind if Defence.TEST_IN_TUNNEL in rules.defences else Protected.SIGNALLING

        def holds(_: Profile) -> bool:
            from_home = sent.source == HOME_ADDRESS
            memory = mobile_memory(_AWAY, chosen) if from_home else agent_memory(chosen, Recipe.CLEAN)
            return has(owner_of(memory, sent, PolicyType.MAIN), Protocol.ESP, Mode.TUNNEL)

        return Witness({"protection": chosen.value, "flow": flow_facts(sent)}, holds)

    apart = negate(same(places.home, places.agent))
    return [Claim([apart, *far], goal, small, read)]


def _in_tunnel(rows: Sequence[Row], flow: RowFlow) -> Truth:
    return any_of(owns(rows, row, flow) for row in rows if Part.TUNNEL in row.templates)


@theorem(
    name="nobody_is_read_as_a_home_address_without_a_binding",
    statement="With clean, a packet with a home address option that is no binding update passes the check "
    "only if the home address is bound to the packet's source on the wire.",
    clauses=("XFRM-ATTACK-011", "XFRM-DAEMON-021", "XFRM-DAEMON-035", "XFRM-HAO-002", "XFRM-WORLD-010"),
    mutants={"any_state_does": with_mobility(option_satisfies=lambda _: lambda own: True)},
    tried_in=(CLEAN,),
    needs=(Defence.HOME_ADDRESS_OPTION,),
)
def _own_option(scene: Scene) -> Sequence[Claim]:
    rules, context = scene.rules.mobility, scene.context
    packet = OptionTerm(integer(context, "wire"), unknown_truth(context, "is_update"))
    standing = StandingTerm(unknown_truth(context, "bound"), integer(context, "care_of"))
    passes = both(is_read(packet, standing, rules), negate(packet.is_update))
    goal = implies(passes, both(standing.bound, same(standing.care_of, packet.wire_source)))
    places = (int(FIRST_PLACE), int(SECOND_PLACE))
    small = [among(packet.wire_source, places), among(standing.care_of, places), standing.bound]

    def read(model: Model) -> Witness:
        wire, care_of = (IPv6Address(number(model, end)) for end in (packet.wire_source, standing.care_of))
        update = truth(model, packet.is_update)
        bound = care_of if truth(model, standing.bound) else None
        protocol, kind = (MOBILITY, 5) if update else (int(Protocol.UDP), 4000)
        flow = Flow(HOME_ADDRESS, PEER_ADDRESS, protocol, kind)
        named = Defence.HOME_ADDRESS_OPTION in rules.defences

        def holds(_: Profile) -> bool:
            memory = peer_memory(bound)
            passed = reads_option(memory if named else taking_any_option(memory), flow, wire)
            return passed if update else passed is (bound == wire)

        facts = {"wire_source": str(wire), "bound_to": str(bound), "is_update": update}
        return Witness(facts, holds)

    return [Claim([], goal, small, read)]


@theorem(
    name="a_routing_header_leads_to_no_address_but_the_own_home_address",
    statement="Whatever a type 2 routing header holds, a node handles the packet as for its own home address "
    "or drops it.",
    clauses=("XFRM-ATTACK-012", "XFRM-ROUTE-001", "XFRM-WORLD-011"),
    mutants={"any_address_is_home": with_mobility(is_routed_home=lambda _: lambda address, own: True)},
    tried_in=(CLEAN,),
    needs=(Defence.ROUTING_HEADER,),
)
def _routed_home(scene: Scene) -> Sequence[Claim]:
    rules, context = scene.rules.mobility, scene.context
    length, segments, address, own = (
        integer(context, name) for name in ("length", "segments", "address", "own")
    )
    found, room = unknown_truth(context, "found"), unknown_truth(context, "room")
    routing = RoutingTerm(length, segments, address, found, room)
    goal = implies(is_handled(routing, own, rules), same(address, own))
    places = (int(HOME_ADDRESS), int(PEER_ADDRESS))
    small = [same(length, 2), same(own, places[0]), among(address, places), found, room]
    small.append(among(segments, (0, 1)))

    def read(model: Model) -> Witness:
        there, left = IPv6Address(number(model, address)), number(model, segments)
        kept = Defence.ROUTING_HEADER in rules.defences
        switch = RoutingHeaders.OWN_HOME_ADDRESS if kept else RoutingHeaders.ANY_ADDRESS

        def holds(_: Profile) -> bool:
            return leads_to(there, HOME_ADDRESS, left, switch) in (None, HOME_ADDRESS)

        return Witness({"address": str(there), "segments_left": left}, holds)

    return [Claim([], goal, small, read)]
