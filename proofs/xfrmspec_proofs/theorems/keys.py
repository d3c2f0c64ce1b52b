"""Theorems about the keys of states: who collides, and what adding and updating make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec.xfrm.state_operations import add, update
from xfrmspec_model import associations, requests
from xfrmspec_model.associations import AssociationTerm, StateKey, is_ipsec, is_route_optimisation
from xfrmspec_model.associations import key_of as key_of_term
from xfrmspec_model.folding import (
    Truth,
    all_of,
    bit_and,
    bit_xor,
    both,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import mark_matches
from xfrmspec_proofs.associations import (
    States,
    printable_association,
    states_of,
)
from xfrmspec_proofs.state_requests import (
    Everyone,
    database_of_states,
    mark_is_stored,
    printable_entries,
    requests_on,
    rules_of_states,
    states_witness,
)
from xfrmspec_proofs.theorem import Claim, Scene, everywhere, theorem
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import StateRequest


def _some_mark_satisfies_both(one: AssociationTerm, other: AssociationTerm) -> Truth:
    differing = bit_xor(one.mark_value, other.mark_value)
    return same(bit_and(differing, bit_and(one.mark_mask, other.mark_mask)), 0)


def _one_way(state: AssociationTerm, key: StateKey, _: Profile) -> Truth:
    return mark_matches(state.mark_value, state.mark_mask, key.mark)


def _spi_only(state: AssociationTerm, key: StateKey) -> Truth:
    return associations.named_by_spi(state, key)


@theorem(
    name="no_packet_mark_fits_two_states_of_one_key",
    statement="If no packet mark fits two stored states of one key, adding a state that is not refused, or "
    "updating one in place, leaves it so; hence every lookup has at most one answer.",
    clauses=("XFRM-SAD-004", "XFRM-SAD-005", "XFRM-SAD-007", "XFRM-SAD-002", "XFRM-SAD-003"),
    mutants={
        "marks_are_compared_one_way": rules_of_states(marks_collide=_one_way),
        "route_optimisation_has_no_key": rules_of_states(named=_spi_only),
    },
    refuted_by=everywhere("mark_locate_asymmetric"),
)
def _one_per_key(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    old, new = states.entries
    requests_ = requests_on(states)
    key = key_of_term(new)
    asked = requests_.collides(old, key)
    hypotheses = [mark_is_stored(old), mark_is_stored(new), old.installed, negate(asked)]
    apart = negate(both(associations.named(old, key), _some_mark_satisfies_both(old, new)))
    instance = [*printable_entries(old, new, unmarked=False), associations.named(old, key)]

    def coexist(everyone: Everyone, _: dict[str, int], profile: Profile) -> bool:
        first, second = everyone
        both_in = add(database_of_states([first], profile), StateRequest(second))
        common = first.mark.value | second.mark.value
        answers = [each for each in everyone if each.mark.matches(common)]
        return both_in.errno is Errno.OK and len(answers) < len(everyone)

    merged = states.rules.merged(old, new)
    kept = all_of(same(getattr(merged, part), getattr(old, part)) for part in associations.KEY_PARTS)
    return [
        Claim(hypotheses, both(apart, kept), instance, states_witness((old, new), {}, coexist)),
    ]


def _equal_marks(state: AssociationTerm, key: StateKey, _: Profile) -> Truth:
    return both(same(state.mark_value, key.mark), same(state.mark_mask, key.mark_mask))


@theorem(
    name="an_update_of_a_larval_state_can_leave_two_states_for_one_mark",
    statement="When a larval state of mark value 0 and another of its key are kept apart by their marks, an "
    "unmarked update replaces the larval one and stands beside the other, so that one mark fits two.",
    clauses=("XFRM-SAD-007", "XFRM-SAD-004"),
    mutants={"only_equal_marks_collide": rules_of_states(marks_collide=_equal_marks)},
)
def _two_for_one_mark(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    larval, other = states.entries
    new = replace(associations.unknown_association(scene.context, "new", -1), installed=True)
    key = key_of_term(new)
    hypotheses = [
        *(mark_is_stored(state) for state in (larval, other)),
        *(state.installed for state in (larval, other)),
        *(associations.named(state, key) for state in (larval, other)),
        *(same(part, 0) for part in (new.mark_value, new.mark_mask, larval.mark_value)),
        negate(_some_mark_satisfies_both(larval, other)),
        same(larval.lifecycle, Lifecycle.ACQ),
        negate(larval.internal),
        _is_first_of_its_key(states, larval, new),
    ]
    conclusion = both(requests_on(states).is_replaced(larval, new), _some_mark_satisfies_both(new, other))

    def both_fit(everyone: Everyone, _: dict[str, int], profile: Profile) -> bool:
        waiting, beside, real = everyone
        request = StateRequest(replace(real, lifecycle=Lifecycle.VALID, selector=None))
        done = update(database_of_states([waiting, beside], profile), request)
        left = done.database.associations
        fit = [state for state in left if state.mark.matches(beside.mark.value)]
        return done.errno is Errno.OK and len(fit) == len(left) and waiting not in left

    entries = (larval, other, new)
    printable = [part for entry in entries for part in printable_association(entry, unmarked=False)]
    optimised = [is_route_optimisation(new.protocol), negate(same(new.care_of, 0))]
    instance = [*printable, *optimised, same(larval.place, 0), same(other.place, 1)]
    return [Claim(hypotheses, conclusion, instance, states_witness(entries, {}, both_fit))]


@theorem(
    name="a_larval_route_optimisation_state_traps_an_addition_and_not_an_update",
    statement="When a larval state holds the key of a route optimisation state and stands under its "
    "addresses, adding the real one is refused with EEXIST, and updating it succeeds and puts it in the "
    "place of the larval one.",
    clauses=("XFRM-SAD-006", "XFRM-SAD-003", "XFRM-SAD-005", "XFRM-SAD-007"),
    mutants={
        "route_optimisation_has_no_key": rules_of_states(named=_spi_only),
        "nothing_collides": rules_of_states(marks_collide=lambda state, key, profile: False),
    },
)
def _trap(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    larval = states.entries[0]
    new = replace(associations.unknown_association(scene.context, "new", -1), installed=True)
    requests_ = requests_on(states)
    key_parts = ("family", "protocol", "destination", "source", "mark_value", "mark_mask")
    hypotheses = [
        is_route_optimisation(new.protocol),
        *(same(getattr(new, part), getattr(larval, part)) for part in key_parts),
        *(mark_is_stored(state) for state in (larval, new)),
        larval.installed,
        associations.stands_in_place(larval),
        same(larval.lifecycle, Lifecycle.ACQ),
        negate(larval.internal),
        _is_first_of_its_key(states, larval, new),
    ]
    conclusion = all_of(
        (
            requests_.adding_fails(new),
            requests_.is_replaced(larval, new),
            same(requests_.updating(new), Errno.OK) if scene.small else True,
        )
    )

    def trapped(everyone: Everyone, _: dict[str, int], profile: Profile) -> bool:
        waiting, real = everyone
        request = StateRequest(replace(real, lifecycle=Lifecycle.VALID, spi=0, selector=None))
        database = database_of_states([waiting], profile)
        refused, done = add(database, request), update(database, request)
        now_there = [state.lifecycle for state in done.database.associations]
        answers = (refused.errno, done.errno, now_there)
        return answers == (Errno.EEXIST, Errno.OK, [Lifecycle.VALID])

    instance = [
        *printable_association(larval),
        *printable_association(new),
        same(larval.spi, 0),
        negate(same(new.care_of, 0)),
    ]
    return [Claim(hypotheses, conclusion, instance, states_witness((larval, new), {}, trapped))]


def _is_first_of_its_key(states: States, state: AssociationTerm, new: AssociationTerm) -> Truth:
    """Assume that every state that collides with a new one is met after a given state."""
    key = key_of_term(new)

    def later(other: AssociationTerm) -> Truth:
        collides = both(associations.named(other, key), _collides(states, other, key))
        return implies(collides, either(same(other.identity, state.identity), less(state.place, other.place)))

    return states.database.every(later)


def _collides(states: States, state: AssociationTerm, key: StateKey) -> Truth:
    return associations.marks_collide(state, key, states.scene.profile)


def _takes_reqid(state: AssociationTerm, wanted: AssociationTerm) -> AssociationTerm:
    return replace(requests.merged(state, wanted), reqid=wanted.reqid)


def _takes_source(state: AssociationTerm, wanted: AssociationTerm) -> AssociationTerm:
    return replace(requests.merged(state, wanted), source=wanted.source)


_KEPT = ("protocol", "family", "mode", "spi", "reqid", "source", "destination", "mark_value", "mark_mask")


@theorem(
    name="an_update_in_place_keeps_key_mode_and_reqid",
    statement="A VALID state that an update changes keeps its key, mode, reqid, mark and time of addition, "
    "an IPsec one its selector too, and it is not dying.",
    clauses=("XFRM-SAD-007", "XFRM-SAD-008"),
    mutants={
        "the_reqid_is_taken": rules_of_states(merged=_takes_reqid),
        "the_source_is_taken": rules_of_states(merged=_takes_source),
    },
)
def _update_keeps(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    state = states.entries[0]
    wanted = replace(associations.unknown_association(scene.context, "wanted", -1), installed=True)
    merged = states.rules.merged(state, wanted)
    changed = requests_on(states).is_merged(state, wanted)
    kept = all_of(same(getattr(merged, part), getattr(state, part)) for part in (*_KEPT, "added"))
    selector = all_of(
        same(getattr(merged.selector, part), getattr(state.selector, part))
        for part in type(state.selector).__dataclass_fields__
    )
    conclusion = all_of((kept, implies(is_ipsec(state.protocol), selector), negate(merged.dying)))

    def keeps(everyone: Everyone, _: dict[str, int], profile: Profile) -> bool:
        stored, asked = everyone
        request = StateRequest(replace(asked, lifecycle=Lifecycle.VALID))
        outcome = update(database_of_states([stored], profile), request)
        (after,) = outcome.database.associations
        parts = ("protocol", "mode", "spi", "reqid", "source", "destination", "mark")
        unchanged = all(getattr(after, part) == getattr(stored, part) for part in parts)
        return outcome.errno is Errno.OK and unchanged and not after.dying

    asks = [negate(same(wanted.reqid, state.reqid)), state.dying]
    moved = implies(is_ipsec(state.protocol), negate(same(wanted.source, state.source)))
    instance = [*printable_entries(state, wanted), *asks, moved, is_ipsec(state.protocol)]
    hypotheses = [mark_is_stored(state), mark_is_stored(wanted), changed]
    return [Claim(hypotheses, conclusion, instance, states_witness((state, wanted), {}, keeps))]
