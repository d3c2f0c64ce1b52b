"""Theorems about what clean leaves installed: nothing at home, nothing old, nothing new when told twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    choose_integer,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.mobility_clean import (
    CLEAN_PARTS,
    HOME_STAGES,
    ROUTE_STAGES,
    CleanTerm,
    Protection,
    Shield,
    nothing_left,
    route_stage,
)
from xfrmspec_model.mobility_rules import HomeStage, MobilityRules
from xfrmspec_proofs.mobility import with_mobility
from xfrmspec_proofs.recipes import FIRST_PLACE, SECOND_PLACE, Moment, clean_table, mobile_memory, tunnel_ends
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_terms.daemon import StageKind
from xfrmspec_terms.profile import CLEAN, Profile

_STARTED = Moment(StageKind.STARTED)
_REGISTERING, _REGISTERED = Moment(StageKind.REGISTERING), Moment(StageKind.REGISTERED)
_TESTING, _ROUTED = (Moment(kind, of_peer=True) for kind in (StageKind.TESTING, StageKind.OPTIMISED))
_AWAY = (_STARTED, _REGISTERING, _REGISTERED)
_HISTORIES = (
    (_STARTED,),
    (_STARTED, _REGISTERING),
    _AWAY,
    (*_AWAY, _TESTING),
    (*_AWAY, _TESTING, _ROUTED),
    (*_AWAY, _TESTING, _ROUTED, Moment(StageKind.REGISTERING, SECOND_PLACE)),
    (*_AWAY, Moment(StageKind.REFUSED)),
    (*_AWAY, _TESTING, Moment(StageKind.RETURNING)),
)
"""What a mobile node of a small scene may have been through."""

_MODELLED = {
    Protected.NONE: Protection(signalling=False, tests=False, payload=False),
    Protected.TESTS: Protection(signalling=False, tests=True, payload=False),
    Protected.PAYLOAD: Protection(signalling=False, tests=False, payload=True),
}
Said = Callable[[CleanTerm, Protection, Number], Truth]
Held = Callable[[tuple[Moment, ...], Protected], bool]


def _stated(scene: Scene, said: Said, held: Held) -> Sequence[Claim]:
    """Return the claim about any table; in a small scene, about what each history leaves."""
    rules, context = scene.rules.mobility, scene.context
    place = integer(context, "place")
    if scene.small:
        tables = [
            said(clean_table(history, protection, rules), protection, place)
            for history in _HISTORIES
            for protection in _MODELLED.values()
        ]
        goal, small = all_of(tables), [same(place, int(SECOND_PLACE))]
    else:
        parts = {part: integer(context, f"table.{part}") for part in CLEAN_PARTS}
        kinds = (unknown_truth(context, name) for name in ("signalling", "tests", "payload", "optimises"))
        goal, small = said(CleanTerm(**parts), Protection(*kinds), place), []

    def holds(_: Profile) -> bool:
        return all(held(history, protection) for history in _HISTORIES for protection in _MODELLED)

    names = [[moment.kind.value for moment in history] for history in _HISTORIES]
    return [Claim([less(0, place)], goal, small, lambda _: Witness({"histories": names}, holds))]


def _equal(one: CleanTerm, other: CleanTerm) -> Truth:
    return all_of(same(getattr(one, part), getattr(other, part)) for part in CLEAN_PARTS)


def _after(stages: Sequence[Moment]) -> Held:
    """Return whether stages behind a history change what the reference has when they come once more."""

    def holds(history: tuple[Moment, ...], protection: Protected) -> bool:
        return all(
            mobile_memory((*history, stage), protection)
            == mobile_memory((*history, stage, stage), protection)
            for stage in stages
        )

    return holds


def _toggles(rules: MobilityRules) -> HomeStage:
    def stage(
        table: CleanTerm, kind: StageKind, place: Number, protection: Protection
    ) -> tuple[CleanTerm, ...]:
        *done, last = rules.home_stage(table, kind, place, protection)
        again = kind is StageKind.REGISTERED
        shield = choose_integer(same(table.shield, Shield.BLOCK), last.shield, int(Shield.NONE))
        return (*done, replace(last, shield=shield) if again else last)

    return stage


@theorem(
    name="a_stage_told_twice_changes_nothing_the_second_time",
    statement="Whatever clean has installed on a mobile node, the operations of a stage that follows itself "
    "leave every object as it is.",
    clauses=("XFRM-DAEMON-042", "XFRM-DAEMON-020"),
    mutants={"the_trigger_is_set_only_in_place_of_the_block": with_mobility(home_stage=_toggles)},
    tried_in=(CLEAN,),
)
def _twice(scene: Scene) -> Sequence[Claim]:
    rules = scene.rules.mobility

    def said(table: CleanTerm, protection: Protection, place: Number) -> Truth:
        pairs = []
        for kind in HOME_STAGES:
            once = rules.home_stage(table, kind, place, protection)[-1]
            pairs.append(_equal(once, rules.home_stage(once, kind, place, protection)[-1]))
        for kind in ROUTE_STAGES:
            once = route_stage(table, kind, place, protection)[-1]
            pairs.append(_equal(once, route_stage(once, kind, place, protection)[-1]))
        return all_of(pairs)

    stages = [Moment(kind) for kind in HOME_STAGES] + [Moment(kind, of_peer=True) for kind in ROUTE_STAGES]
    return _stated(scene, said, _after(stages))


def _keeps_peers(rules: MobilityRules) -> HomeStage:
    def stage(
        table: CleanTerm, kind: StageKind, place: Number, protection: Protection
    ) -> tuple[CleanTerm, ...]:
        *done, last = rules.home_stage(table, kind, place, protection)
        if kind in (StageKind.RETURNING, StageKind.RETURNED):
            last = replace(last, peer_state=table.peer_state, peer_update=table.peer_update)
        return (*done, last)

    return stage


@theorem(
    name="the_way_home_leaves_nothing",
    statement="Whatever clean has installed on a mobile node, after returned, with returning and routes that "
    "fall back before it or without, every object is as it was after the start, associations with their ends "
    "included.",
    clauses=("XFRM-DAEMON-039", "XFRM-SAFE-006", "XFRM-DAEMON-033", "XFRM-DAEMON-032"),
    mutants={"coming_home_leaves_the_peers": with_mobility(home_stage=_keeps_peers)},
    tried_in=(CLEAN,),
)
def _home(scene: Scene) -> Sequence[Claim]:
    rules = scene.rules.mobility

    def said(table: CleanTerm, protection: Protection, place: Number) -> Truth:
        leaving = rules.home_stage(table, StageKind.RETURNING, place, protection)[-1]
        fallen = route_stage(leaving, StageKind.FELL_BACK, place, protection)[-1]
        ends = [
            rules.home_stage(one, StageKind.RETURNED, place, protection)[-1]
            for one in (table, leaving, fallen)
        ]
        return all_of(nothing_left(end) for end in ends)

    def held(history: tuple[Moment, ...], protection: Protected) -> bool:
        start = mobile_memory((_STARTED,), protection)
        ways = ((Moment(StageKind.RETURNING), Moment(StageKind.RETURNED)), (Moment(StageKind.RETURNED),))
        ended = [mobile_memory((*history, *back), protection) for back in ways]
        return all(
            set(memory.policies) == set(start.policies)
            and (memory.states, memory.tunnels) == (start.states, start.tunnels)
            for memory in ended
        )

    return _stated(scene, said, held)


def _keeps_tunnel(rules: MobilityRules) -> HomeStage:
    def stage(
        table: CleanTerm, kind: StageKind, place: Number, protection: Protection
    ) -> tuple[CleanTerm, ...]:
        *done, last = rules.home_stage(table, kind, place, protection)
        if kind is StageKind.REGISTERED:
            there = negate(same(table.tunnel, 0))
            kept = choose_integer(there, table.tunnel, last.tunnel)
            last = replace(last, tunnel=kept, tunnel_end=kept)
        return (*done, last)

    return stage


@theorem(
    name="no_object_holds_an_old_care_of_address",
    statement="Whatever clean has installed on a mobile node, after a registration from a place its state "
    "and tunnel hold this place, after a route is optimised its state holds it, and at home there is none.",
    clauses=("XFRM-DAEMON-041", "XFRM-DAEMON-024", "XFRM-DAEMON-025", "XFRM-DAEMON-027", "XFRM-DAEMON-031"),
    mutants={"a_tunnel_stays_where_it_was": with_mobility(home_stage=_keeps_tunnel)},
    tried_in=(CLEAN,),
)
def _newest(scene: Scene) -> Sequence[Claim]:
    rules = scene.rules.mobility

    def said(table: CleanTerm, protection: Protection, place: Number) -> Truth:
        asked = rules.home_stage(table, StageKind.REGISTERING, place, protection)[-1]
        there = rules.home_stage(asked, StageKind.REGISTERED, place, protection)[-1]
        routed = route_stage(there, StageKind.OPTIMISED, place, protection)[-1]
        left = rules.home_stage(there, StageKind.RETURNING, place, protection)[-1]
        gone = rules.home_stage(left, StageKind.RETURNED, place, protection)[-1]
        new = [same(held, place) for held in (there.agent_state, there.tunnel, there.tunnel_end)]
        peer = implies(negate(protection.payload), same(routed.peer_state, place))
        none = [same(held, 0) for held in (gone.agent_state, gone.tunnel, gone.peer_state)]
        return all_of((*new, peer, *none))

    def held(history: tuple[Moment, ...], protection: Protected) -> bool:
        moved = (Moment(StageKind.REGISTERING, SECOND_PLACE), Moment(StageKind.REGISTERED, SECOND_PLACE))
        routed = Moment(StageKind.OPTIMISED, SECOND_PLACE, of_peer=True)
        memory = mobile_memory((*history, *moved, routed), protection)
        held_by = {state.care_of for state in memory.states} - {IPv6Address(0)}
        ends = {tunnel.local for tunnel in memory.tunnels}
        templates = {
            end
            for policy in memory.policies
            for one in policy.templates
            for end in (one.source, one.destination)
        }
        return FIRST_PLACE not in held_by | ends | templates and SECOND_PLACE in held_by | ends | templates

    return _stated(scene, said, held)


def _leaves_tunnel(rules: MobilityRules) -> HomeStage:
    def stage(
        table: CleanTerm, kind: StageKind, place: Number, protection: Protection
    ) -> tuple[CleanTerm, ...]:
        *done, last = rules.home_stage(table, kind, place, protection)
        returning = kind is StageKind.RETURNING
        return (*done, replace(last, tunnel=table.tunnel) if returning else last)

    return stage


@theorem(
    name="a_mobile_node_has_its_tunnel_from_where_it_is_registered",
    statement="With clean a mobile node that is registered has a tunnel from its present care-of address, "
    "whatever becomes of its routes, and one that is refused, returning or at home has none.",
    clauses=("XFRM-SAFE-003", "XFRM-DAEMON-025", "XFRM-DAEMON-029", "XFRM-DAEMON-033"),
    mutants={
        "a_tunnel_stays_where_it_was": with_mobility(home_stage=_keeps_tunnel),
        "a_tunnel_outlives_the_return": with_mobility(home_stage=_leaves_tunnel),
    },
    tried_in=(CLEAN,),
)
def _tunnel(scene: Scene) -> Sequence[Claim]:
    rules = scene.rules.mobility

    def said(table: CleanTerm, protection: Protection, place: Number) -> Truth:
        there = rules.home_stage(table, StageKind.REGISTERED, place, protection)[-1]
        still = [route_stage(there, kind, place, protection)[-1] for kind in ROUTE_STAGES]
        refused = rules.home_stage(there, StageKind.REFUSED, place, protection)[-1]
        leaving = rules.home_stage(there, StageKind.RETURNING, place, protection)[-1]
        gone = rules.home_stage(leaving, StageKind.RETURNED, place, protection)[-1]
        up = [same(one.tunnel, place) for one in (there, *still)]
        return all_of((*up, *(same(one.tunnel, 0) for one in (refused, leaving, gone))))

    def held(history: tuple[Moment, ...], protection: Protected) -> bool:
        here = (
            *history,
            Moment(StageKind.REGISTERING, SECOND_PLACE),
            Moment(StageKind.REGISTERED, SECOND_PLACE),
        )
        later = [Moment(kind, SECOND_PLACE) for kind in (StageKind.REFUSED, StageKind.RETURNING)]
        up = tunnel_ends(mobile_memory(here, protection)) == {SECOND_PLACE}
        return up and not any(tunnel_ends(mobile_memory((*here, stage), protection)) for stage in later)

    return _stated(scene, said, held)
