"""Theorems about two peers with mirrored policies, and about how many templates they may have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.wire.insertion import wire_chain
from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_model.check import Check, PolicyTerm, accepts, judged
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    at_most,
    bits,
    both,
    less,
    negate,
    same,
)
from xfrmspec_model.matching import SecPathTerm
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import StateTerm, TemplateTerm, storable_count
from xfrmspec_proofs.facts import state_facts, template_facts
from xfrmspec_proofs.replay import checked, emitted, installed
from xfrmspec_proofs.theorem import Claim, Scene, Witness, everywhere, theorem
from xfrmspec_proofs.transformations import (
    Transformation,
    in_order,
    is_transport,
    on_the_wire,
    picked,
    places_of,
    read_states,
    stands_earlier,
    templates_for,
    unknown_transformations,
    usual,
)
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import TRANSFORM_HEADERS, Header
from xfrmspec_terms.policy import Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow, Protocol, Selector

_BOUND = 4
_COUNTS = (3, 2, 4)
"""Three first: the shortest list in which SUB has HAO and MAIN has two templates is the one to show."""
_CLASS_BITS = 4
_COUNT_BITS = 8


def template_term(item: Transformation) -> TemplateTerm:
    """Return the required template that asks for a transformation."""
    return TemplateTerm(item.protocol, item.mode, 0, 0, item.reqid, False, True, 0)


def state_term(item: Transformation) -> StateTerm:
    """Return the state of a transformation, as a sec_path lists it."""
    return StateTerm(item.protocol, item.mode, 0, 0, item.reqid, 0, 0, False, None)


def _peer_accepts(items: Sequence[Transformation], scene: Scene) -> Truth:
    """Tell whether a peer with the same two lists accepts what they put on the wire."""
    applied = in_order(items, places_of(items, scene.rules))
    _, reqids = on_the_wire(applied, scene.rules)
    received = tuple(state_term(picked(items, reqid - 1)) for reqid in reqids[:-1])
    templates = tuple(template_term(item) for item in items)
    sub, main = PolicyTerm(True, templates[:1]), PolicyTerm(True, templates[1:])
    path = SecPathTerm(received, len(received))
    return accepts(judged(Check(sub, main, path, 0, 0, scene.profile, rules=scene.rules)))


def routing_before_home_address(items: Sequence[Transformation]) -> Truth:
    """Tell whether RT2 is listed before HAO."""
    routing = [same(item.protocol, Protocol.ROUTING) for item in items]
    home = [same(item.protocol, Protocol.DESTINATION_OPTIONS) for item in items]
    return stands_earlier(items, routing, home)


def authentication_before_transport(items: Sequence[Transformation]) -> Truth:
    """Tell whether AH in mode transport is listed before another transport entry."""
    authentication = [is_transport(item, authentication=True) for item in items]
    other = [is_transport(item, authentication=False) for item in items]
    return stands_earlier(items, authentication, other)


def received(sent: Sequence[SecurityAssociation]) -> list[SecurityAssociation]:
    """Return the sec_path of a packet to which states were applied, in the order of its headers."""
    path: list[SecurityAssociation] = []
    for index in range(len(sent)):
        chain = wire_chain((Header.MOBILITY,), sent[: index + 1])
        before = wire_chain((Header.MOBILITY,), sent[:index])
        place = _new_place(before, chain, sent[index])
        path.insert(place, sent[index])
    return path


def _new_place(before: Sequence[object], after: Sequence[object], state: SecurityAssociation) -> int:
    """Return how many transformation headers stand outside the one just put in."""
    if state.mode in (Mode.TUNNEL, Mode.BEET):
        return 0
    header = TRANSFORM_HEADERS[state.protocol]
    places = [
        index
        for index, element in enumerate(after)
        if element is header and [*after[:index], *after[index + 1 :]] == list(before)
    ]
    return sum(1 for element in after[: places[0]] if element is not Header.IP)


def _peer_witness(
    items: Sequence[Transformation], expected: Callable[[Sequence[SecurityAssociation], Profile], bool]
) -> Callable[[Model], Witness]:
    """Send through the reference's output, check through its input, and compare with what is expected."""

    def read(model: Model) -> Witness:
        merged = read_states(model, items)
        path = received(emitted([merged[:1], merged[1:]]))
        wanted = templates_for(merged)

        def holds(profile: Profile) -> bool:
            accepted = checked([wanted[:1], wanted[1:]], path, profile).accepted
            return accepted is expected(merged, profile)

        facts = {
            "sub": [template_facts(template) for template in wanted[:1]],
            "main": [template_facts(template) for template in wanted[1:]],
            "sec_path": [state_facts(state) for state in path],
        }
        return Witness(facts, holds)

    return read


def input_sorts_as_output(rules: Rules) -> Rules:
    """Mutate the rules so that templates have the classes of states."""
    return replace(rules, template_class=lambda protocol, mode, _: rules.state_class(protocol, mode))


_MUTANTS = {
    "home_address_goes_inside_ipsec": lambda rules: replace(rules, ipsec_passes=rules.routing_passes),
    "input_sorts_as_output_does": input_sorts_as_output,
}


@theorem(
    name="a_mirrored_peer_accepts_what_a_pair_sends_up_to_four_templates",
    statement="A peer with the same required templates in SUB and MAIN, HAO listed before RT2, accepts the "
    "headers in the order in which they arrive.",
    clauses=("XFRM-SORT-005", "XFRM-CHECK-010", "XFRM-WIRE-004"),
    mutants=_MUTANTS,
    refuted_by=everywhere("ah_transport_sort_asymmetry"),
)
def _mirrored(scene: Scene) -> Sequence[Claim]:
    claims = []
    for count in _COUNTS:
        items = unknown_transformations(scene.context, count)
        hypotheses = [*usual(items), negate(routing_before_home_address(items))]
        varied = [negate(same(items[0].mode, items[1].mode)), same(items[0].mode, Mode.RO)]
        witness = _peer_witness(items, lambda merged, profile: True)
        claims.append(Claim(hypotheses, _peer_accepts(items, scene), varied, witness))
    return claims


@theorem(
    name="a_mirrored_peer_accepts_exactly_when_the_order_of_templates_allows_up_to_four_templates",
    statement="A peer with the same required templates in SUB and MAIN accepts what is sent exactly if "
    "RT2 is not listed before HAO and, where AH is sorted on output only, AH not before another transport "
    "template.",
    clauses=("XFRM-SORT-005", "XFRM-CHECK-010", "XFRM-WIRE-004"),
    mutants=_MUTANTS,
)
def _exactly(scene: Scene) -> Sequence[Claim]:
    claims = []
    for count in range(2, _BOUND + 1):
        items = unknown_transformations(scene.context, count)
        allowed = negate(routing_before_home_address(items))
        if scene.profile.ah_transport_sort_asymmetry:
            allowed = both(allowed, negate(authentication_before_transport(items)))
        varied = [negate(same(items[0].mode, items[1].mode))]
        witness = _peer_witness(items, order_allows)
        claims.append(Claim(usual(items), alike(_peer_accepts(items, scene), allowed), varied, witness))
    return claims


def order_allows(merged: Sequence[SecurityAssociation], profile: Profile) -> bool:
    """Tell whether a peer with the mirrored pair accepts the order of what a merged list sends."""
    protocols = [state.protocol for state in merged]
    optimising = [p for p in protocols if p in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)]
    inner = [state.protocol is Protocol.AH for state in merged if state.mode is Mode.TRANSPORT]
    listed_well = optimising[:1] != [Protocol.ROUTING] or len(optimising) == 1
    return listed_well and (not profile.ah_transport_sort_asymmetry or inner == sorted(inner))


_ANYONE = Selector.between("::/0", "::/0")
_OPTIONAL = Template(Protocol.ESP, Mode.TRANSPORT, optional=True)


def _overflows(counts: Sequence[tuple[PolicyType, int]], profile: Profile) -> bool:
    """Tell whether policies with so many optional templates overflow the input check."""
    policies = [Policy(_ANYONE, Direction.IN, kind, templates=(_OPTIONAL,) * count) for kind, count in counts]
    tables = XfrmTables(policies=installed(policies, profile))
    flow = Flow(_ANYONE.source.address, _ANYONE.destination.address, Protocol.UDP)
    return decide_input(tables, flow, ()).counter is Counter.IN_BUFFER_ERROR


def _one_less(rules: Rules) -> Rules:
    def fits(collected: Number, declared: Number, profile: Profile) -> Truth:
        return less(collected + declared, profile.usable_templates)

    return replace(rules, usable_count=fits)


def _each_on_its_own(rules: Rules) -> Rules:
    return replace(rules, usable_count=lambda _, declared, profile: rules.usable_count(0, declared, profile))


@theorem(
    name="every_policy_that_can_be_stored_can_be_used",
    statement="A policy alone never has more templates than the kernel can use.",
    clauses=("XFRM-TMPL-004",),
    mutants={"the_last_place_is_not_usable": _one_less},
    refuted_by=everywhere("usable_templates"),
)
def _storable_is_usable(scene: Scene) -> Sequence[Claim]:
    declared = bits(scene.context, "declared", _COUNT_BITS)
    fits = scene.rules.usable_count(0, declared, scene.profile)

    def read(model: Model) -> Witness:
        count = number(model, declared)
        return Witness(
            {"templates": count}, lambda profile: not _overflows([(PolicyType.MAIN, count)], profile)
        )

    return [Claim([storable_count(declared)], fits, [less(0, declared)], read)]


@theorem(
    name="a_pair_can_be_used_exactly_up_to_the_limit",
    statement="SUB and MAIN can be used together exactly if their templates in all keep to the limit.",
    clauses=("XFRM-TMPL-004", "XFRM-CHECK-006"),
    mutants={"the_last_place_is_not_usable": _one_less, "each_policy_counts_alone": _each_on_its_own},
)
def _pair_limit(scene: Scene) -> Sequence[Claim]:
    sub, main = (bits(scene.context, name, _COUNT_BITS) for name in ("sub", "main"))
    usable = scene.rules.usable_count
    fits = both(usable(0, sub, scene.profile), usable(sub, main, scene.profile))
    limit = at_most(sub + main, scene.profile.usable_templates)

    def read(model: Model) -> Witness:
        counts = [(PolicyType.SUB, number(model, sub)), (PolicyType.MAIN, number(model, main))]

        def holds(profile: Profile) -> bool:
            total = sum(count for _, count in counts)
            return _overflows(counts, profile) is (total > profile.usable_templates)

        return Witness({"sub": counts[0][1], "main": counts[1][1]}, holds)

    hypotheses = [storable_count(sub), storable_count(main)]
    return [Claim(hypotheses, alike(fits, limit), [less(0, sub), less(0, main)], read)]
