"""Theorems about the inbound check of a sec_path against one list of templates, for bounded lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xfrmspec.xfrm.template_check import check_path, satisfies
from xfrmspec_model import matching
from xfrmspec_model.check import Check, Judgement, PolicyTerm, accepts, judged_by_templates
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    any_of,
    at_most,
    bits,
    both,
    count_of,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.matching import SecPathTerm
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import (
    StateTerm,
    TemplateTerm,
    instantiable,
    storable_template,
    unknown_state,
    unknown_template,
)
from xfrmspec_proofs.facts import state_facts, template_facts
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, theorem
from xfrmspec_proofs.witness import (
    number,
    printable_state,
    printable_template,
    read_state,
    read_template,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Mode, Template
from xfrmspec_terms.profile import Profile

_TEMPLATES = 3
_STATES = 6
_INDEX_BITS = 4


@dataclass(frozen=True, slots=True)
class _Packet:
    """A list of templates, a sec_path and a verified count."""

    templates: tuple[TemplateTerm, ...]
    path: SecPathTerm
    verified: Number = 0


def _judgement(scene: Scene, packet: _Packet) -> Judgement:
    policy = PolicyTerm(True, packet.templates)
    check = Check(None, policy, packet.path, packet.verified, 0, scene.profile, rules=scene.rules)
    return judged_by_templates(check)


def _unknown_packet(
    scene: Scene, templates: int = _TEMPLATES, states: int = _STATES
) -> tuple[_Packet, list[Truth], list[Truth]]:
    """Return a packet of any length up to the bounds, that its parts exist, and that they print well."""
    wanted = tuple(unknown_template(scene.context, f"t{index}") for index in range(templates))
    used = tuple(unknown_state(scene.context, f"s{index}") for index in range(states))
    length = bits(scene.context, "length", _INDEX_BITS)
    exist = [*map(storable_template, wanted), *map(_exists, used)]
    small = [part for template in wanted for part in printable_template(template)]
    small += [part for state in used for part in printable_state(state)]
    return _Packet(wanted, SecPathTerm(used, length)), [*exist, at_most(length, states)], small


def _exists(state: StateTerm) -> Truth:
    """Tell whether a state can exist; the kernel's own ones are tunnels."""
    tunnel = same(state.mode, Mode.TUNNEL)
    return both(instantiable(state.protocol, state.mode), implies(state.internal, tunnel))


def _read_path(model: Model, path: SecPathTerm) -> list[SecurityAssociation]:
    return [read_state(model, state) for state in path.states[: number(model, path.length)]]


Verdict = Callable[[Sequence[tuple[bool, int]]], bool]
"""The conclusion, from what the check said of each packet: accepted, and the verified count."""


def _witness(packets: Sequence[_Packet], verdict: Verdict) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        concrete = [_read_packet(model, packet) for packet in packets]

        def holds(_: Profile) -> bool:
            checks = [check_path(templates, path, count, 0) for templates, path, count in concrete]
            return verdict([(check.accepted, check.verified) for check in checks])

        facts = [
            {
                "templates": [template_facts(template) for template in templates],
                "sec_path": [state_facts(state) for state in path],
                "verified": count,
            }
            for templates, path, count in concrete
        ]
        return Witness({"checks": facts}, holds)

    return read


def _read_packet(model: Model, packet: _Packet) -> tuple[list[Template], list[SecurityAssociation], int]:
    templates = [read_template(model, template) for template in packet.templates]
    return templates, _read_path(model, packet.path), number(model, packet.verified)


def _is_transport(item: TemplateTerm | StateTerm) -> Truth:
    return same(item.mode, Mode.TRANSPORT)


def _idle(consumes_nothing: Callable[[TemplateTerm], Truth]) -> Mutation:
    return lambda rules: replace(rules, consumes_nothing=consumes_nothing)


def _never_passed(rules: Rules) -> Rules:
    return replace(rules, may_be_passed=lambda state, index, verified: False)


def _always_passed(rules: Rules) -> Rules:
    return replace(rules, may_be_passed=lambda state, index, verified: True)


def _no_final_barrier(rules: Rules) -> Rules:
    return replace(rules, is_final_barrier=lambda state, index, start: False)


def _everything_left_is_a_barrier(rules: Rules) -> Rules:
    return replace(rules, is_final_barrier=lambda state, index, start: at_most(start, index))


@theorem(
    name="an_optional_transport_template_changes_nothing_up_to_three_templates_and_six_states",
    statement="An optional template of mode transport, wherever it stands in the list, changes neither the "
    "verdict nor the verified count.",
    clauses=("XFRM-CHECK-007", "XFRM-TMPL-002"),
    mutants={"optional_transport_templates_consume": _idle(lambda template: False)},
)
def _optional_transport(scene: Scene) -> Sequence[Claim]:
    return [_with_optional_at(scene, place) for place in range(_TEMPLATES)]


def _with_optional_at(scene: Scene, place: int) -> Claim:
    packet, exist, small = _unknown_packet(scene)
    packet = replace(packet, verified=bits(scene.context, "verified", _INDEX_BITS))
    extra = packet.templates[place]
    without = replace(packet, templates=packet.templates[:place] + packet.templates[place + 1 :])
    full, less_one = _judgement(scene, packet), _judgement(scene, without)
    conclusion = both(same(full.verdict, less_one.verdict), same(full.verified, less_one.verified))
    hypotheses = [*exist, extra.optional, _is_transport(extra), at_most(packet.verified, packet.path.length)]
    small = [*small, negate(same(packet.path.length, 0))]
    return Claim(hypotheses, conclusion, small, _witness([packet, without], lambda seen: seen[0] == seen[1]))


@theorem(
    name="cleartext_never_meets_a_required_template_up_to_three_templates",
    statement="A packet without a sec_path is refused whenever some template is required.",
    clauses=("XFRM-CHECK-013", "XFRM-CHECK-007"),
    mutants={"transport_templates_consume_nothing": _idle(_is_transport)},
)
def _cleartext(scene: Scene) -> Sequence[Claim]:
    packet, exist, small = _unknown_packet(scene, states=0)
    required = any_of(negate(template.optional) for template in packet.templates)
    refused = negate(accepts(_judgement(scene, packet)))
    witness = _witness([packet], lambda seen: not seen[0][0])
    return [Claim([*exist, required], refused, small, witness)]


@theorem(
    name="an_extra_transport_state_never_hurts_up_to_three_templates_and_six_states",
    statement="An accepted sec_path is still accepted after a state of mode transport is put in anywhere.",
    clauses=("XFRM-CHECK-009", "XFRM-CHECK-007"),
    mutants={
        "nothing_may_be_passed": _never_passed,
        "everything_left_is_a_barrier": _everything_left_is_a_barrier,
    },
)
def _extra_transport(scene: Scene) -> Sequence[Claim]:
    return [_with_extra_at(scene, place) for place in range(_STATES)]


def _with_extra_at(scene: Scene, place: int) -> Claim:
    packet, exist, small = _unknown_packet(scene)
    states = packet.path.states
    shorter = SecPathTerm(states[:place] + states[place + 1 :], packet.path.length - 1)
    before = replace(packet, path=shorter)
    hypotheses = [
        *exist,
        _is_transport(states[place]),
        less(place, packet.path.length),
        accepts(_judgement(scene, before)),
    ]
    conclusion = accepts(_judgement(scene, packet))
    witness = _witness([before, packet], lambda seen: seen[0][0] <= seen[1][0])
    return Claim(hypotheses, conclusion, small, witness)


@theorem(
    name="a_state_nobody_asked_for_refuses_unless_transport_up_to_three_templates_and_six_states",
    statement="A first check refuses a sec_path with a state of another mode than transport that satisfies "
    "no template.",
    clauses=("XFRM-CHECK-009", "XFRM-CHECK-006"),
    mutants={"leftovers_are_accepted": _no_final_barrier, "everything_may_be_passed": _always_passed},
)
def _unasked(scene: Scene) -> Sequence[Claim]:
    packet, exist, small = _unknown_packet(scene)
    path = packet.path
    unasked = any_of(
        all_of(
            (
                path.holds(index),
                negate(_is_transport(state)),
                *(negate(matching.satisfies(template, state, 0)) for template in packet.templates),
            )
        )
        for index, state in enumerate(path.states)
    )
    refused = negate(accepts(_judgement(scene, packet)))
    witness = _witness([packet], lambda seen: not seen[0][0])
    return [Claim([*exist, unasked], refused, small, witness)]


@theorem(
    name="one_state_meets_one_required_template_up_to_three_templates_and_six_states",
    statement="A sec_path with fewer states than the list has required templates is refused.",
    clauses=("XFRM-CHECK-011", "XFRM-CHECK-007"),
    mutants={"transport_templates_consume_nothing": _idle(_is_transport)},
)
def _one_each(scene: Scene) -> Sequence[Claim]:
    packet, exist, small = _unknown_packet(scene)
    packet = replace(packet, verified=bits(scene.context, "verified", _INDEX_BITS))
    required = count_of((negate(template.optional) for template in packet.templates), _INDEX_BITS)
    refused = negate(accepts(_judgement(scene, packet)))
    first, second = packet.templates[:2]
    twice = [same(first.protocol, second.protocol), same(first.mode, second.mode)]
    twice += [same(first.reqid, second.reqid), negate(same(packet.path.length, 0))]
    twice += [matching.satisfies(first, packet.path.states[0], 0), same(packet.verified, 0)]
    hypotheses = [*exist, less(packet.path.length, required)]
    witness = _witness([packet], lambda seen: not seen[0][0])
    return [Claim(hypotheses, refused, [*small, *twice], witness)]


@theorem(
    name="a_required_transport_template_admits_nothing_more_up_to_three_templates_and_six_states",
    statement="Adding a required template of mode transport anywhere in a list never makes a first check "
    "accept a packet that it refused.",
    clauses=("XFRM-CHECK-007", "XFRM-CHECK-010"),
    mutants={"everything_may_be_passed": _always_passed},
)
def _appended(scene: Scene) -> Sequence[Claim]:
    return [_with_required_at(scene, place) for place in range(_TEMPLATES)]


def _with_required_at(scene: Scene, place: int) -> Claim:
    packet, exist, small = _unknown_packet(scene)
    extra = packet.templates[place]
    without = replace(packet, templates=packet.templates[:place] + packet.templates[place + 1 :])
    hypotheses = [*exist, negate(extra.optional), _is_transport(extra)]
    conclusion = implies(accepts(_judgement(scene, packet)), accepts(_judgement(scene, without)))
    witness = _witness([packet, without], lambda seen: seen[0][0] <= seen[1][0])
    return Claim(hypotheses, conclusion, small, witness)


def _passed_from_the_count_on(rules: Rules) -> Rules:
    def passed(state: StateTerm, index: int, verified: Number) -> Truth:
        return either(_is_transport(state), at_most(verified, index))

    return replace(rules, may_be_passed=passed)


@theorem(
    name="a_verified_count_only_helps_required_templates_up_to_three_templates_and_six_states",
    statement="When every template is required, a sec_path that is accepted stays accepted with a larger "
    "verified count.",
    clauses=("XFRM-CHECK-012",),
    mutants={"entries_from_the_count_on_are_passed": _passed_from_the_count_on},
)
def _verified_count(scene: Scene) -> Sequence[Claim]:
    packet, exist, small = _unknown_packet(scene)
    counts = [bits(scene.context, f"verified{index}", _INDEX_BITS) for index in range(2)]
    lower, higher = (replace(packet, verified=count) for count in counts)
    hypotheses = [
        *exist,
        *(negate(template.optional) for template in packet.templates),
        less(counts[0], counts[1]),
        at_most(counts[1], packet.path.length),
        accepts(_judgement(scene, lower)),
    ]
    conclusion = accepts(_judgement(scene, higher))
    witness = _witness([lower, higher], lambda seen: seen[0][0] <= seen[1][0])
    return [Claim(hypotheses, conclusion, small, witness)]


@theorem(
    name="an_optional_template_can_make_a_larger_verified_count_refuse",
    statement="An optional template for the second of two states, checked before required templates for "
    "both, lets a first check accept them, and a check that finds one state verified already refuse them.",
    clauses=("XFRM-CHECK-012", "XFRM-CHECK-007"),
    mutants={"nothing_may_be_passed": _never_passed},
)
def _verified_count_hurts(scene: Scene) -> Sequence[Claim]:
    packet, exist, small = _unknown_packet(scene, states=2)
    inner, outer, optional = packet.templates
    first, second = packet.path.states
    meets = [(optional, second, True), (inner, second, True), (outer, first, True), (optional, first, False)]
    hypotheses = [
        *exist,
        same(packet.path.length, 2),
        *(alike(template.optional, template is optional) for template in packet.templates),
        *(alike(matching.satisfies(wanted, used, 0), met) for wanted, used, met in meets),
        *(negate(_is_transport(used)) for used in (first, second)),
    ]
    checks = [packet, replace(packet, verified=1)]
    before, after = (accepts(_judgement(scene, each)) for each in checks)
    witness = _witness(checks, lambda seen: [accepted for accepted, _ in seen] == [True, False])
    return [Claim(hypotheses, both(before, negate(after)), small, witness)]


def _reqid_compared_always(rules: Rules) -> Rules:
    def fits(template: TemplateTerm, state: StateTerm, if_id: Number) -> Truth:
        return both(rules.satisfies(template, state, if_id), same(template.reqid, state.reqid))

    return replace(rules, satisfies=fits)


def _reqid_ignored(rules: Rules) -> Rules:
    def fits(template: TemplateTerm, state: StateTerm, if_id: Number) -> Truth:
        return rules.satisfies(replace(template, reqid=0), state, if_id)

    return replace(rules, satisfies=fits)


@theorem(
    name="an_inbound_reqid_of_zero_is_a_wildcard",
    statement="On input a template of reqid 0 is satisfied by states of every reqid, and one of another "
    "reqid by states of that reqid only.",
    clauses=("XFRM-CHECK-008",),
    mutants={
        "reqids_are_compared_as_on_output": _reqid_compared_always,
        "reqids_are_ignored": _reqid_ignored,
    },
)
def _reqid(scene: Scene) -> Sequence[Claim]:
    template, state = unknown_template(scene.context, "t"), unknown_state(scene.context, "s")
    other = replace(state, reqid=bits(scene.context, "reqid", 32))
    meets = [scene.rules.satisfies(template, each, 0) for each in (state, other)]
    exist = [storable_template(template), instantiable(state.protocol, state.mode), negate(state.internal)]
    small = [*printable_template(template), *printable_state(state), *printable_state(other)]
    differ = negate(same(state.reqid, other.reqid))

    def read(model: Model) -> Witness:
        wanted = read_template(model, template)
        used = [read_state(model, each) for each in (state, other)]

        def holds(_: Profile) -> bool:
            found = [satisfies(wanted, each, 0) for each in used]
            return found[0] == found[1] if wanted.reqid == 0 else not all(found)

        facts = {"template": template_facts(wanted), "states": [state_facts(each) for each in used]}
        return Witness(facts, holds)

    wild = Claim([*exist, same(template.reqid, 0)], alike(*meets), [*small, differ, meets[0]], read)
    exact = [*exist, negate(same(template.reqid, 0)), differ]
    return [wild, Claim(exact, negate(both(*meets)), [*small, either(*meets)], read)]
