"""Theorems about the sort of the merged list that SUB and MAIN give, and the headers it puts on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.wire.insertion import wire_chain
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    both,
    choose,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.headers import legal_order
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import is_permutation
from xfrmspec_proofs.facts import state_facts
from xfrmspec_proofs.replay import emitted
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, theorem
from xfrmspec_proofs.transformations import (
    Transformation,
    in_order,
    is_endpoint,
    is_transport,
    on_the_wire,
    places_of,
    read_states,
    unknown_transformations,
    usual,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

_BOUND = 6
_WIRE_BOUND = 4
_CLASS_BITS = 4
_STAGES = (
    {Header.RT2},
    {Header.HAO},
    {Header.AH},
    {Header.ESP, Header.IPCOMP},
    {Header.MOBILITY},
)

States = Sequence[SecurityAssociation]
Key = tuple[Number, int]


def _sorted_states(states: States) -> tuple[SecurityAssociation, ...]:
    """Sort a merged list as that of a pair whose SUB policy has the first entry."""
    return emitted([states[:1], states[1:]])


def _witness(
    items: Sequence[Transformation], verdict: Callable[[States, States], bool]
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        merged = read_states(model, items)

        def holds(_: Profile) -> bool:
            return verdict(merged, _sorted_states(merged))

        return Witness({"merged": [state_facts(state) for state in merged]}, holds)

    return read


def _comparing(before: Callable[[Key, Key], Truth]) -> Mutation:
    return lambda rules: replace(rules, stands_before=before)


def _by_class_only(first: Key, second: Key) -> Truth:
    return less(first[0], second[0])


def _ties_reversed(first: Key, second: Key) -> Truth:
    reverse = both(same(first[0], second[0]), second[1] < first[1])
    return either(less(first[0], second[0]), reverse)


def _authentication_first(rules: Rules) -> Rules:
    def state_class(protocol: Number, mode: Number) -> Number:
        innermost = both(same(protocol, Protocol.AH), same(mode, Mode.TRANSPORT))
        return choose(innermost, 0, rules.state_class(protocol, mode), _CLASS_BITS)

    return replace(rules, state_class=state_class)


def _tunnels_first(rules: Rules) -> Rules:
    def state_class(protocol: Number, mode: Number) -> Number:
        return choose(among(mode, sorted(ENDPOINT_MODES)), 0, rules.state_class(protocol, mode), _CLASS_BITS)

    return replace(rules, state_class=state_class)


def _listed(scene: Scene, count: int) -> tuple[list[Transformation], list[Number], list[Truth], list[Truth]]:
    """Return a merged list, the places of its entries, that it is possible, and that it is not all alike."""
    items = unknown_transformations(scene.context, count)
    varied = [negate(same(items[0].mode, item.mode)) for item in items[-1:] if count > 1]
    return items, places_of(items, scene.rules), usual(items), varied


@theorem(
    name="the_sort_is_a_permutation_up_to_six_entries",
    statement="Sorting the merged list of SUB and MAIN loses no entry and doubles none.",
    clauses=("XFRM-SORT-001", "XFRM-SORT-004"),
    mutants={"places_within_a_class_are_not_compared": _comparing(_by_class_only)},
)
def _permutation(scene: Scene) -> Sequence[Claim]:
    def verdict(merged: States, ordered: States) -> bool:
        return sorted(state.reqid for state in ordered) == [state.reqid for state in merged]

    claims = []
    for count in range(1, _BOUND + 1):
        items, places, possible, varied = _listed(scene, count)
        claims.append(Claim(possible, is_permutation(places), varied, _witness(items, verdict)))
    return claims


@theorem(
    name="the_sort_is_stable_up_to_six_entries",
    statement="Entries of one class keep the order of the merged list, SUB's before MAIN's.",
    clauses=("XFRM-SORT-001", "XFRM-SORT-004"),
    mutants={"ties_are_reversed": _comparing(_ties_reversed)},
)
def _stable(scene: Scene) -> Sequence[Claim]:
    items, places, possible, varied = _listed(scene, _BOUND)
    classes = [scene.rules.state_class(item.protocol, item.mode) for item in items]
    stable = all_of(
        implies(same(classes[one], classes[two]), less(places[one], places[two]))
        for two in range(_BOUND)
        for one in range(two)
    )

    def verdict(_: States, ordered: States) -> bool:
        alike = [
            [state.reqid for state in ordered if (state.protocol, state.mode) == pair]
            for pair in {(state.protocol, state.mode) for state in ordered}
        ]
        return all(reqids == sorted(reqids) for reqids in alike)

    return [Claim(possible, stable, varied, _witness(items, verdict))]


@theorem(
    name="sorting_again_changes_nothing_up_to_six_entries",
    statement="A sorted list is its own sorted list.",
    clauses=("XFRM-SORT-004",),
    mutants={"ties_are_reversed": _comparing(_ties_reversed)},
)
def _idempotent(scene: Scene) -> Sequence[Claim]:
    items, places, possible, varied = _listed(scene, _BOUND)
    again = places_of(in_order(items, places), scene.rules)
    unchanged = all_of(same(place, index) for index, place in enumerate(again))
    witness = _witness(items, lambda _, ordered: _sorted_states(ordered) == ordered)
    return [Claim(possible, unchanged, varied, witness)]


@theorem(
    name="the_order_of_a_merged_list_is_total_up_to_six_entries",
    statement="Of two different entries of a merged list exactly one stands before the other, and "
    "standing before is transitive.",
    clauses=("XFRM-SORT-004",),
    mutants={"places_within_a_class_are_not_compared": _comparing(_by_class_only)},
)
def _total(scene: Scene) -> Sequence[Claim]:
    items, _, possible, varied = _listed(scene, _BOUND)
    keys = [(scene.rules.state_class(item.protocol, item.mode), index) for index, item in enumerate(items)]
    before = scene.rules.stands_before
    pairs = [(one, two) for one in keys for two in keys if one is not two]
    exactly_one = all_of(negate(same_truth(before(one, two), before(two, one))) for one, two in pairs)
    transitive = all_of(
        implies(both(before(one, two), before(two, three)), before(one, three))
        for one, two in pairs
        for three in keys
        if three is not one and three is not two
    )

    def verdict(merged: States, ordered: States) -> bool:
        return len({state.reqid for state in ordered}) == len(merged)

    return [Claim(possible, both(exactly_one, transitive), varied, _witness(items, verdict))]


def same_truth(first: Truth, second: Truth) -> Truth:
    """Tell whether two truths agree."""
    return either(both(first, second), both(negate(first), negate(second)))


@theorem(
    name="ah_is_applied_after_transport_and_ro_and_before_tunnels_up_to_six_entries",
    statement="In the sorted list every ro entry stands behind the transport entries other than AH, AH in "
    "mode transport behind both, and every tunnel and beet entry behind all of these.",
    clauses=("XFRM-SORT-002", "XFRM-SORT-007"),
    mutants={"ah_comes_first": _authentication_first, "tunnels_come_first": _tunnels_first},
)
def _phases(scene: Scene) -> Sequence[Claim]:
    items, places, possible, varied = _listed(scene, _BOUND)
    phases = [_phases_of(item) for item in items]
    ordered = all_of(
        implies(both(phases[one][early], phases[two][late]), less(places[one], places[two]))
        for one in range(_BOUND)
        for two in range(_BOUND)
        for late in range(4)
        for early in range(late)
    )
    instance = [*varied, *(any_of(phase[kind] for phase in phases) for kind in range(4))]

    def verdict(_: States, after: States) -> bool:
        numbers = [_phase_number(state) for state in after]
        return numbers == sorted(numbers)

    return [Claim(possible, ordered, instance, _witness(items, verdict))]


def _phases_of(item: Transformation) -> list[Truth]:
    return [
        is_transport(item, authentication=False),
        same(item.mode, Mode.RO),
        is_transport(item, authentication=True),
        is_endpoint(item),
    ]


def _phase_number(state: SecurityAssociation) -> int:
    if state.mode is Mode.TRANSPORT:
        return 2 if state.protocol is Protocol.AH else 0
    return 1 if state.mode is Mode.RO else 3


def _ipsec_stops_at_the_home_address(rules: Rules) -> Rules:
    return replace(rules, ipsec_passes=rules.home_address_passes)


def _routing_passes_the_home_address(rules: Rules) -> Rules:
    return replace(rules, routing_passes=rules.ipsec_passes)


@theorem(
    name="a_pair_emits_headers_in_legal_order_up_to_four_states",
    statement="What the transport and ro states of a pair put before a message stands in the order of the "
    "standards: RT2, HAO, AH, then ESP and IPComp.",
    clauses=("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-WIRE-004", "XFRM-SORT-002"),
    mutants={
        "ah_comes_first": _authentication_first,
        "ipsec_stops_at_the_home_address": _ipsec_stops_at_the_home_address,
        "routing_passes_the_home_address": _routing_passes_the_home_address,
    },
)
def _legal(scene: Scene) -> Sequence[Claim]:
    return [_legal_claim(scene, count) for count in range(2, _WIRE_BOUND + 1)]


def _legal_claim(scene: Scene, count: int) -> Claim:
    items, places, possible, varied = _listed(scene, count)
    inner_only = [negate(is_endpoint(item)) for item in items]
    kinds, _ = on_the_wire(in_order(items, places), scene.rules)

    def verdict(_: States, ordered: States) -> bool:
        chain = wire_chain((Header.MOBILITY,), ordered)
        stages = [index for header in chain for index, stage in enumerate(_STAGES) if header in stage]
        return stages == sorted(stages) and len(stages) == len(ordered) + 1

    return Claim([*possible, *inner_only], legal_order(kinds), varied, _witness(items, verdict))
