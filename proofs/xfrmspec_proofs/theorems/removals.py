"""Theorems about removals: what a deletion and a flush take, and what they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec.xfrm.state_operations import delete, flush, key_of
from xfrmspec_model import associations, requests
from xfrmspec_model.associations import AssociationTerm, StateKey, is_ipsec, is_route_optimisation
from xfrmspec_model.associations import key_of as key_of_term
from xfrmspec_model.folding import (
    Number,
    Truth,
    both,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import mark_matches
from xfrmspec_proofs.associations import (
    states_of,
)
from xfrmspec_proofs.state_requests import (
    Everyone,
    database_of_states,
    printable_entries,
    requests_on,
    rules_of_states,
    states_witness,
)
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import UINT32_MAX


def _flushes_all(state: AssociationTerm, protocol: Number) -> Truth:
    return either(requests.flushed(state, protocol), negate(state.internal))


_TRAP = requests.EVERY_IPSEC_PROTOCOL


@theorem(
    name="a_flush_of_ipsec_keeps_route_optimisation_states",
    statement="A flush of protocol 255 removes every AH, ESP and IPComp state that is not internal and no "
    "routing or destination options state.",
    clauses=("XFRM-SAD-010",),
    mutants={"every_flush_takes_all": rules_of_states(flushed=_flushes_all)},
)
def _flush(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    bound, other = states.entries
    taken = [states.rules.flushed(state, _TRAP) for state in (bound, other)]
    hypotheses = [is_route_optimisation(bound.protocol), is_ipsec(other.protocol), negate(other.internal)]
    conclusion = both(negate(taken[0]), taken[1])

    def kept(everyone: Everyone, _: dict[str, int], profile: Profile) -> bool:
        left = flush(database_of_states(everyone, profile), _TRAP).database.associations
        return left == everyone[:1]

    instance = printable_entries(bound, other)
    return [Claim(hypotheses, conclusion, instance, states_witness((bound, other), {}, kept))]


def _answers_unmarked(state: AssociationTerm, key: StateKey) -> Truth:
    return associations.named(state, key)


def _answers_by_destination(state: AssociationTerm, key: StateKey) -> Truth:
    return requests.answers(state, replace(key, source=state.source))


@theorem(
    name="a_deletion_removes_exactly_the_state_that_a_lookup_finds",
    statement="A deletion removes one state at most: the first met of those that have the key, stand where "
    "it is searched and whose mark fits that of the request, unless it is internal, and none of another key.",
    clauses=("XFRM-SAD-009", "XFRM-SAD-002", "XFRM-SAD-003"),
    mutants={
        "marks_do_not_count": rules_of_states(answers=_answers_unmarked),
        "sources_do_not_count": rules_of_states(answers=_answers_by_destination),
    },
)
def _delete(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 2)
    one, other = states.entries
    wanted = associations.unknown_association(scene.context, "wanted", -1)
    key = replace(key_of_term(wanted), mark_mask=UINT32_MAX)
    requests_ = requests_on(states)
    gone = requests_.is_deleted(one, key)
    named = both(
        associations.named(one, key),
        mark_matches(one.mark_value, one.mark_mask, key.mark),
    )
    alone = implies(requests_.is_deleted(other, key), same(one.identity, other.identity))
    ordered = either(less(one.place, other.place), less(other.place, one.place))
    distinct = either(ordered, same(one.identity, other.identity))
    hypotheses = [gone, one.installed, other.installed, distinct]
    places = [same(one.place, 0), same(other.place, 1), same(wanted.mark_mask, 0)]
    instance = [*printable_entries(one, other, unmarked=False), *places]

    def exactly(everyone: Everyone, values: dict[str, int], profile: Profile) -> bool:
        first, second = everyone
        asked = replace(key_of(first), mark=Mark(values["mark"], UINT32_MAX))
        outcome = delete(database_of_states(everyone, profile), asked)
        return outcome.errno is Errno.OK and outcome.database.associations == (second,)

    witness = states_witness((one, other), {"mark": key.mark}, exactly)
    return [Claim(hypotheses, both(named, alone), instance, witness)]
