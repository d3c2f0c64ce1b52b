"""Theorems about what a selector matches: prefixes, port slots, families and marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.match import policy_mismatch, selector_mismatch
from xfrmspec_model.entries import Entry, policy_matches
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    among,
    bit_and,
    bit_xor,
    bits,
    both,
    choose,
    either,
    implies,
    negate,
    same,
)
from xfrmspec_model.rules import Rules
from xfrmspec_model.selectors import (
    FlowTerm,
    SelectorTerm,
    is_prefix_mask,
    unknown_flow,
    unknown_selector,
    well_formed_flow,
    well_formed_selector,
)
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import StateTerm, unknown_state
from xfrmspec_proofs.facts import flow_facts, policy_facts, selector_facts
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, only_in, theorem
from xfrmspec_proofs.witness import (
    documentation,
    number,
    plain_policy_entry,
    printable_flow,
    printable_selector,
    read_flow,
    read_selector,
)
from xfrmspec_terms.policy import Direction, Mark, Policy, PolicyType
from xfrmspec_terms.profile import LINUX_6_1, Profile
from xfrmspec_terms.selector import Protocol, SlotMeaning, slot_meaning

_ADDRESS = (1 << 128) - 1
_FULL_PORT = 0xFFFF
_WITHOUT_SLOTS = tuple(p for p in range(256) if slot_meaning(p) is SlotMeaning.NOTHING)

Verdict = Callable[[Sequence[bool]], bool]
"""The conclusion, from whether the policies matched their flows."""


def _entry(selector: SelectorTerm, mark_value: Number = 0, mark_mask: Number = 0) -> Entry:
    return replace(plain_policy_entry(0, selector), mark_value=mark_value, mark_mask=mark_mask)


def _matches(scene: Scene, entry: Entry, flow: FlowTerm) -> Truth:
    return scene.rules.policy_matches(entry, flow, Direction.OUT, PolicyType.MAIN, scene.profile)


def _read_policy(model: Model, entry: Entry) -> Policy:
    mark = Mark(number(model, entry.mark_value), number(model, entry.mark_mask))
    return Policy(read_selector(model, entry.selector), Direction.OUT, mark=mark)


def _witness(pairs: Sequence[tuple[Entry, FlowTerm]], verdict: Verdict) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        concrete = [(_read_policy(model, entry), read_flow(model, flow)) for entry, flow in pairs]

        def holds(profile: Profile) -> bool:
            return verdict([policy_mismatch(policy, flow, profile) is None for policy, flow in concrete])

        facts = [{"policy": policy_facts(policy), "flow": flow_facts(flow)} for policy, flow in concrete]
        return Witness({"meetings": facts}, holds)

    return read


def _unknowns(scene: Scene) -> tuple[SelectorTerm, FlowTerm, list[Truth], list[Truth]]:
    """Return a selector, a flow, that they exist, and that they print well."""
    selector, flow = unknown_selector(scene.context), unknown_flow(scene.context)
    exist = [well_formed_selector(selector), well_formed_flow(flow)]
    small = printable_flow(flow) + printable_selector(selector)
    return selector, flow, exist, small


def _selector_mutant(change: Callable[[SelectorTerm, FlowTerm], SelectorTerm]) -> Mutation:
    def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
        changed = replace(entry, selector=change(entry.selector, flow))
        return policy_matches(changed, flow, direction, kind, profile)

    return lambda rules: replace(rules, policy_matches=matches)


def _mark_mutant(change: Callable[[Number, Number], tuple[Number, Number]]) -> Mutation:
    def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
        value, mask = change(entry.mark_value, entry.mark_mask)
        changed = replace(entry, mark_value=value, mark_mask=mask)
        return policy_matches(changed, flow, direction, kind, profile)

    return lambda rules: replace(rules, policy_matches=matches)


def _exact(selector: SelectorTerm, _: FlowTerm) -> SelectorTerm:
    return replace(selector, source_mask=_ADDRESS, destination_mask=_ADDRESS)


def _zero_length_is_exact(selector: SelectorTerm, _: FlowTerm) -> SelectorTerm:
    def full_for_zero(mask: Number) -> Number:
        return choose(same(mask, 0), _ADDRESS, mask, 128)

    return replace(
        selector,
        source_mask=full_for_zero(selector.source_mask),
        destination_mask=full_for_zero(selector.destination_mask),
    )


def _inverted(selector: SelectorTerm, _: FlowTerm) -> SelectorTerm:
    return replace(
        selector,
        source_mask=bit_xor(selector.source_mask, _ADDRESS),
        destination_mask=bit_xor(selector.destination_mask, _ADDRESS),
    )


def _zero_slots_match(selector: SelectorTerm, flow: FlowTerm) -> SelectorTerm:
    def unless_zero(slot: Number, mask: Number) -> Number:
        return choose(same(slot, 0), 0, mask, 16)

    return replace(
        selector,
        source_port_mask=unless_zero(flow.source_slot, selector.source_port_mask),
        destination_port_mask=unless_zero(flow.destination_slot, selector.destination_port_mask),
    )


def _families_not_compared(rules: Rules) -> Rules:
    def fits(state: StateTerm, flow: FlowTerm, profile: Profile) -> Truth:
        return rules.state_selector_fits(state, flow, replace(profile, selector_family_checked=False))

    return replace(rules, state_selector_fits=fits)


@theorem(
    name="prefix_length_zero_matches_every_address",
    statement="A selector with a prefix of length 0 matches a flow whatever the address on that side is.",
    clauses=("XFRM-SEL-001",),
    mutants={"length_zero_is_a_host": _selector_mutant(_zero_length_is_exact)},
)
def _length_zero(scene: Scene) -> Sequence[Claim]:
    return [_length_zero_on(scene, "source"), _length_zero_on(scene, "destination")]


def _length_zero_on(scene: Scene, side: str) -> Claim:
    selector, flow, exist, small = _unknowns(scene)
    elsewhere = replace(flow, **{side: bits(scene.context, "elsewhere", 128)})
    open_side = replace(selector, **{f"{side}_mask": 0})
    entry = _entry(open_side)
    hypotheses = [*exist, well_formed_flow(elsewhere), _matches(scene, entry, flow)]
    other = documentation(getattr(elsewhere, side))
    differs = negate(same(getattr(elsewhere, side), getattr(flow, side)))
    small += [other, differs]
    witness = _witness([(entry, flow), (entry, elsewhere)], lambda met: met[0] <= met[1])
    return Claim(hypotheses, _matches(scene, entry, elsewhere), small, witness)


@theorem(
    name="host_bits_beyond_a_prefix_do_not_matter",
    statement="Selectors that differ only in address bits behind the prefix length match the same flows.",
    clauses=("XFRM-SEL-001",),
    mutants={
        "host_bits_are_compared": _selector_mutant(_exact),
        "masks_are_inverted": _selector_mutant(_inverted),
    },
)
def _host_bits(scene: Scene) -> Sequence[Claim]:
    selector, flow, exist, small = _unknowns(scene)
    other = replace(
        selector,
        source=bits(scene.context, "other.source", 128),
        destination=bits(scene.context, "other.destination", 128),
    )
    first, second = _entry(selector), _entry(other)
    agree = both(
        same(bit_and(bit_xor(selector.source, other.source), selector.source_mask), 0),
        same(bit_and(bit_xor(selector.destination, other.destination), selector.destination_mask), 0),
    )
    small += printable_selector(other)
    small += [negate(same(selector.source, other.source))]
    conclusion = alike(_matches(scene, first, flow), _matches(scene, second, flow))
    witness = _witness([(first, flow), (second, flow)], lambda met: met[0] == met[1])
    return [Claim([*exist, well_formed_selector(other), agree], conclusion, small, witness)]


@theorem(
    name="a_longer_prefix_matches_fewer_flows",
    statement="A selector goes on matching the flows it matches when one of its prefixes is shortened.",
    clauses=("XFRM-SEL-001",),
    mutants={"masks_are_inverted": _selector_mutant(_inverted)},
)
def _narrowing(scene: Scene) -> Sequence[Claim]:
    selector, flow, exist, small = _unknowns(scene)
    shorter = bits(scene.context, "shorter.mask", 128)
    wide = replace(selector, source_mask=shorter)
    narrow_entry, wide_entry = _entry(selector), _entry(wide)
    shortened = both(is_prefix_mask(shorter), same(bit_and(shorter, selector.source_mask), shorter))
    strictly = negate(same(shorter, selector.source_mask))
    conclusion = implies(_matches(scene, narrow_entry, flow), _matches(scene, wide_entry, flow))
    small += [strictly, negate(same(shorter, 0))]
    small += [implies(conclusion, _matches(scene, narrow_entry, flow))]
    witness = _witness([(narrow_entry, flow), (wide_entry, flow)], lambda met: met[0] <= met[1])
    return [Claim([*exist, shortened], conclusion, small, witness)]


@theorem(
    name="a_port_without_a_slot_matches_nothing",
    statement="An exact port other than 0 matches no flow of a protocol that has no such slot.",
    clauses=("XFRM-SEL-002",),
    mutants={"zero_slots_match_every_port": _selector_mutant(_zero_slots_match)},
)
def _slotless(scene: Scene) -> Sequence[Claim]:
    selector, flow, exist, small = _unknowns(scene)
    exact = replace(selector, destination_port_mask=_FULL_PORT)
    entry = _entry(exact)
    without = either(among(flow.protocol, _WITHOUT_SLOTS), same(flow.protocol, Protocol.MOBILITY))
    hypotheses = [*exist, without, negate(same(exact.destination_port, 0))]
    small = [*small, same(selector.protocol, flow.protocol)]
    witness = _witness([(entry, flow)], lambda met: not met[0])
    return [Claim(hypotheses, negate(_matches(scene, entry, flow)), small, witness)]


@theorem(
    name="a_state_selector_of_the_other_family_matches_nothing",
    statement="A state whose selector has addresses of one family covers no flow of the other family.",
    clauses=("XFRM-SEL-004", "XFRM-CHECK-003"),
    mutants={"families_are_not_compared": _families_not_compared},
    refuted_by=only_in(LINUX_6_1, "selector_family_checked"),
)
def _families(scene: Scene) -> Sequence[Claim]:
    selector, flow, exist, _ = _unknowns(scene)
    state = replace(unknown_state(scene.context, "state"), selector=selector)
    covers = scene.rules.state_selector_fits(state, flow, scene.profile)
    other = negate(same(selector.family, flow.family))
    instance = [same(field, 0) for field in (flow.oif, flow.mark, flow.if_id, selector.ifindex)]

    def read(model: Model) -> Witness:
        concrete, packet = read_selector(model, selector), read_flow(model, flow)

        def holds(profile: Profile) -> bool:
            return selector_mismatch(concrete, packet, profile) is not None

        return Witness({"selector": selector_facts(concrete), "flow": flow_facts(packet)}, holds)

    return [Claim([*exist, other], negate(covers), instance, read)]


@theorem(
    name="only_the_empty_mark_is_a_wildcard",
    statement="The mark 0/0 of a policy matches every mark, and any other stored mark misses some mark.",
    clauses=("XFRM-SEL-005",),
    mutants={
        "the_mask_is_ignored": _mark_mutant(lambda value, _: (value, 0xFFFFFFFF)),
        "marks_are_ignored": _mark_mutant(lambda _value, _mask: (0, 0)),
    },
)
def _marks(scene: Scene) -> Sequence[Claim]:
    return [_empty_mark(scene), _other_mark(scene)]


def _empty_mark(scene: Scene) -> Claim:
    selector, flow, exist, small = _unknowns(scene)
    entry = _entry(selector)
    marked = replace(flow, mark=bits(scene.context, "mark", 32))
    hypotheses = [*exist, _matches(scene, entry, flow)]
    small = [*small, negate(same(marked.mark, 0))]
    witness = _witness([(entry, flow), (entry, marked)], lambda met: met[0] <= met[1])
    return Claim(hypotheses, _matches(scene, entry, marked), small, witness)


def _other_mark(scene: Scene) -> Claim:
    selector, flow, exist, small = _unknowns(scene)
    value, mask = bits(scene.context, "value", 32), bits(scene.context, "mask", 32)
    entry = _entry(selector, value, mask)
    missed = replace(flow, mark=bit_xor(value, mask))
    stored = both(same(bit_and(value, mask), value), negate(same(mask, 0)))
    witness = _witness([(entry, missed)], lambda met: not met[0])
    return Claim([*exist, stored], negate(_matches(scene, entry, missed)), small, witness)
