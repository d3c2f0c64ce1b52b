"""Theorems about the way of a packet from one policy or a pair to a peer that has the mirrored ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec_model.building import Key
from xfrmspec_model.check import Check, PolicyTerm, accepts, judged
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    both,
    choose,
    count_of,
    implies,
    negate,
    same,
    smaller_key,
)
from xfrmspec_model.headers import KIND_BITS, HeaderKind, Passes
from xfrmspec_model.matching import SecPathTerm
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import StateTerm, TemplateTerm, entry_at
from xfrmspec_proofs.chains import OPTIMISING, PROTECTING, passes_of
from xfrmspec_proofs.facts import state_facts
from xfrmspec_proofs.octets import authentic
from xfrmspec_proofs.replay import checked, emitted
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.theorems.building import sender_covers_all, verifies
from xfrmspec_proofs.theorems.mirroring import (
    authentication_before_transport,
    input_sorts_as_output,
    order_allows,
    received,
    routing_before_home_address,
    state_term,
    template_term,
)
from xfrmspec_proofs.transformations import (
    Transformation,
    in_order,
    picked,
    places_of,
    read_states,
    stands_earlier,
    templates_for,
    unknown_transformations,
    usual,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

_BOUND = 4


def _keys(items: Sequence[Transformation], rules: Rules) -> list[Key]:
    protocols = [item.protocol for item in items]
    return rules.wire.planned((int(HeaderKind.UPPER),), protocols, passes_of(rules))


def _collected(items: Sequence[Transformation], keys: Sequence[Key]) -> tuple[StateTerm, ...]:
    """Return the sec_path that a receiver collects: states in the order of their headers, outermost first."""
    ranks: list[Number] = [
        count_of((smaller_key(other, key) for other in keys if other is not key), KIND_BITS) for key in keys
    ]
    found = [picked(items, entry_at(ranks, wanted)) for wanted in range(len(items))]
    return tuple(state_term(item) for item in found)


def _authentic(items: Sequence[Transformation], keys: Sequence[Key], rules: Rules) -> Truth:
    protocols = [item.protocol for item in items]
    return all_of(
        implies(same(protocol, Protocol.AH), verifies(protocols, index, keys, rules.wire))
        for index, protocol in enumerate(protocols)
    )


def _delivered(
    applied: Sequence[Transformation],
    sub: Sequence[TemplateTerm] | None,
    main: Sequence[TemplateTerm],
    scene: Scene,
) -> Truth:
    """Tell whether what was applied arrives: every AH verifies, and the check accepts what was collected."""
    keys = _keys(applied, scene.rules)
    path = _collected(applied, keys)
    first = None if sub is None else PolicyTerm(True, tuple(sub))
    second = PolicyTerm(True, tuple(main))
    check = Check(first, second, SecPathTerm(path, len(path)), 0, 0, scene.profile, rules=scene.rules)
    return both(_authentic(applied, keys, scene.rules), accepts(judged(check)))


def _inner(items: Sequence[Transformation]) -> list[Truth]:
    """Assume states in mode transport and ro."""
    return [*usual(items), *(among(item.mode, (Mode.TRANSPORT, Mode.RO)) for item in items)]


def _arrives(sent: Sequence[SecurityAssociation], groups: Sequence[int], profile: Profile) -> bool:
    """Send states in application order through the reference and check them by their mirrored templates."""
    applied = [state.protocol for state in sent]
    ordered = sorted(sent, key=lambda state: state.reqid)
    wanted = templates_for(ordered)
    split = [wanted[: groups[0]], wanted[groups[0] :]] if len(groups) == 2 else [wanted]
    accepted = checked(split, received(sent), profile).accepted
    return accepted and all(authentic(applied))


def _listed_facts(states: Sequence[SecurityAssociation]) -> dict[str, object]:
    return {"templates": [state_facts(state) for state in states]}


def _listed_well(items: Sequence[Transformation]) -> Truth:
    optimising = [among(item.protocol, OPTIMISING) for item in items]
    protecting = [among(item.protocol, PROTECTING) for item in items]
    routing = [same(item.protocol, Protocol.ROUTING) for item in items]
    home = [same(item.protocol, Protocol.DESTINATION_OPTIONS) for item in items]
    ah = [same(item.protocol, Protocol.AH) for item in items]
    return all_of(
        (
            negate(stands_earlier(items, optimising, protecting)),
            negate(stands_earlier(items, routing, home)),
            negate(both(any_of(ah), any_of(optimising))),
        )
    )


def _protocols_fit(protocols: Sequence[Protocol]) -> bool:
    optimising = [place for place, protocol in enumerate(protocols) if protocol in OPTIMISING]
    last = list(range(len(protocols) - len(optimising), len(protocols)))
    order = [protocols[place] for place in optimising]
    mixed = bool(optimising) and Protocol.AH in protocols
    return optimising == last and order != [Protocol.ROUTING, Protocol.DESTINATION_OPTIONS] and not mixed


def _home_address_inside(rules: Rules) -> Rules:
    def planned(
        chain: Sequence[Number], protocols: Sequence[Number], passes: tuple[Passes, Passes, Passes]
    ) -> list[Key]:
        keys = rules.wire.planned(chain, protocols, passes)
        return [(place, choose(same(row, 1), 3, row, KIND_BITS), rank) for place, row, rank in keys]

    return replace(rules, wire=replace(rules.wire, planned=planned))


@theorem(
    name="one_policy_round_trips_exactly_if_ro_is_listed_last_and_without_ah_up_to_four_templates",
    statement="What a single policy sends in mode transport and ro reaches a peer with the same templates "
    "exactly if HAO and RT2 are listed last, HAO before RT2, and AH is not listed beside them.",
    clauses=("XFRM-AH-002", "XFRM-AH-004", "XFRM-CHECK-010", "XFRM-TMPL-009"),
    mutants={
        "thesender_covers_all_what_is_put_in_later": sender_covers_all,
        "hao_goes_inside_ipsec": _home_address_inside,
    },
)
def _single(scene: Scene) -> Sequence[Claim]:
    return [_single_claim(scene, count) for count in range(2, _BOUND + 1)]


def _single_claim(scene: Scene, count: int) -> Claim:
    items = unknown_transformations(scene.context, count)
    arrives = _delivered(items, None, tuple(template_term(item) for item in items), scene)

    def read(model: Model) -> Witness:
        listed = read_states(model, items)
        fits = _protocols_fit([state.protocol for state in listed])
        return Witness(_listed_facts(listed), lambda profile: _arrives(listed, [count], profile) is fits)

    varied = [negate(same(items[0].mode, items[1].mode))]
    return Claim(_inner(items), alike(arrives, _listed_well(items)), varied, read)


@theorem(
    name="a_pair_round_trips_exactly_if_the_order_of_templates_allows_up_to_four_templates",
    statement="What SUB and MAIN send in mode transport and ro reaches a peer with the same templates, AH "
    "verified, exactly if RT2 is not listed before HAO and, where AH is sorted on output only, AH not before "
    "another transport template.",
    clauses=("XFRM-AH-002", "XFRM-AH-004", "XFRM-CHECK-010", "XFRM-SORT-005", "XFRM-WIRE-004"),
    mutants={
        "thesender_covers_all_what_is_put_in_later": sender_covers_all,
        "hao_goes_inside_ipsec": _home_address_inside,
        "input_sorts_as_output_does": input_sorts_as_output,
    },
)
def _pair(scene: Scene) -> Sequence[Claim]:
    return [_pair_claim(scene, count) for count in range(2, _BOUND + 1)]


def _pair_claim(scene: Scene, count: int) -> Claim:
    items = unknown_transformations(scene.context, count)
    applied = in_order(items, places_of(items, scene.rules))
    templates = tuple(template_term(item) for item in items)
    arrives = _delivered(applied, templates[:1], templates[1:], scene)
    allowed = negate(routing_before_home_address(items))
    if scene.profile.ah_transport_sort_asymmetry:
        allowed = both(allowed, negate(authentication_before_transport(items)))

    def read(model: Model) -> Witness:
        listed = read_states(model, items)
        sent = emitted([listed[:1], listed[1:]])

        def holds(profile: Profile) -> bool:
            return _arrives(sent, [1, count - 1], profile) is order_allows(listed, profile)

        return Witness(_listed_facts(listed), holds)

    varied = [negate(same(items[0].mode, items[1].mode))]
    return Claim(_inner(items), alike(arrives, allowed), varied, read)


@theorem(
    name="a_policy_with_ah_and_ro_needs_the_other_database_up_to_four_templates",
    statement="No order of AH and HAO or RT2 in a single policy reaches a peer with the same templates: "
    "either the check refuses the order on the wire or AH does not verify. The sorted list of a pair of SUB "
    "and MAIN does not have this trouble: its AH always verifies.",
    clauses=("XFRM-AH-002", "XFRM-CHECK-010", "XFRM-SORT-002", "XFRM-SORT-007"),
    mutants={"thesender_covers_all_what_is_put_in_later": sender_covers_all},
)
def _needs_a_pair(scene: Scene) -> Sequence[Claim]:
    counts = range(2, _BOUND + 1)
    return [claim for count in counts for claim in (_alone(scene, count), _sorted_verifies(scene, count))]


def _alone(scene: Scene, count: int) -> Claim:
    items = unknown_transformations(scene.context, count)
    both_kinds = [
        any_of(same(item.protocol, Protocol.AH) for item in items),
        any_of(among(item.protocol, OPTIMISING) for item in items),
    ]

    def read(model: Model) -> Witness:
        listed = read_states(model, items)
        return Witness(_listed_facts(listed), lambda profile: not _arrives(listed, [count], profile))

    arrives = _delivered(items, None, tuple(template_term(item) for item in items), scene)
    in_front = same(items[0].protocol, Protocol.AH)
    return Claim([*_inner(items), *both_kinds], negate(arrives), [in_front], read)


def _sorted_verifies(scene: Scene, count: int) -> Claim:
    items = unknown_transformations(scene.context, count)
    applied = in_order(items, places_of(items, scene.rules))
    honest = _authentic(applied, _keys(applied, scene.rules), scene.rules)
    mixed = [same(items[0].protocol, Protocol.AH), same(items[1].protocol, Protocol.DESTINATION_OPTIONS)]

    def read(model: Model) -> Witness:
        listed = read_states(model, items)
        sent = emitted([listed[:1], listed[1:]])
        return Witness(_listed_facts(listed), lambda _: all(authentic([state.protocol for state in sent])))

    return Claim(_inner(items), honest, mixed, read)
