"""Theorems about bindings that lead on to one another: they make no cycle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec_model.folding import (
    Truth,
    among,
    both,
    integer,
    less,
    negate,
    same,
    unknown_numbering,
    unknown_relation,
    unknown_truth,
)
from xfrmspec_model.mobility_cycles import BindingsTerm, bindings_after, is_younger, leads_on
from xfrmspec_model.smt import Model
from xfrmspec_proofs.agents import agent_bindings
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, HOME, with_mobility
from xfrmspec_proofs.mobility_replay import peer_bindings
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN, Profile

Replay = Callable[[list[tuple[int, int]], frozenset[Defence]], dict[int, int]]


def _bindings(scene: Scene) -> BindingsTerm:
    context = scene.context
    return BindingsTerm(
        unknown_relation(context, "bound", 1),
        unknown_numbering(context, "care_of"),
        unknown_numbering(context, "born"),
    )


def _nothing() -> BindingsTerm:
    return BindingsTerm(lambda address: False, lambda address: 0, lambda address: 0)


@theorem(
    name="bindings_of_a_node_make_no_cycle",
    statement="Whatever is bound, moved and ended at a correspondent node or a home agent, a home address "
    "to which a binding leads on was bound later than the one it comes from; so no path of bindings, of "
    "whatever length, comes back to where it began.",
    clauses=("XFRM-CN-039", "XFRM-HA-034", "XFRM-ATTACK-016", "XFRM-CN-020", "XFRM-HA-010"),
    mutants={
        "only_the_own_home_address_is_refused": with_mobility(may_lead_to=lambda _: lambda bound, on: True),
    },
    tried_in=(CLEAN,),
    needs=(Defence.ACYCLIC,),
)
def _no_cycle(scene: Scene) -> Sequence[Claim]:
    return (
        [_grows(scene, replay) for replay in (peer_bindings, agent_bindings)]
        if scene.small
        else [
            _grows(scene, peer_bindings),
            _path(scene),
        ]
    )


def _grows(scene: Scene, replay: Replay) -> Claim:
    rules, context = scene.rules.mobility, scene.context
    one, other = (integer(context, name) for name in ("one", "other"))
    edges = range(2 if scene.small else 1)
    asked = [(integer(context, f"home{place}"), integer(context, f"care_of{place}")) for place in edges]
    bindings, now = (_nothing(), 0) if scene.small else (_bindings(scene), integer(context, "now"))
    ends = False if scene.small else unknown_truth(context, "ends")
    given: list[Truth] = []
    if not scene.small:
        born = [less(bindings.born(address), now) for address in (one, other, asked[0][1])]
        given = [*born, is_younger(bindings, one, other)]
    for home, care_of in asked:
        bindings = bindings_after(bindings, home, care_of, now, ends, rules)
        now = now + 1
    small = [among(address, (HOME, ATTACKER, CARE_OF)) for edge in asked for address in edge]
    small += [negate(same(home, care_of)) for home, care_of in asked]

    def read(model: Model) -> Witness:
        edges = [(number(model, home), number(model, care_of)) for home, care_of in asked]

        def holds(_: Profile) -> bool:
            made = replay(edges, rules.defences)
            return not any(made.get(made.get(start, 0), 0) == start for start in made)

        return Witness({"updates": [{"home": home, "care_of": to} for home, to in edges]}, holds)

    return Claim(given, is_younger(bindings, one, other), small, read)


def _path(scene: Scene) -> Claim:
    """Say that a path which got younger so far gets younger with one binding more, and is no circle."""
    bindings = _bindings(scene)
    first, last, after = (integer(scene.context, name) for name in ("first", "last", "after"))
    so_far = less(bindings.born(first), bindings.born(last))
    further = leads_on(bindings, last, after)
    given = [so_far, further, is_younger(bindings, last, after)]
    goal = both(less(bindings.born(first), bindings.born(after)), negate(same(first, after)))
    return Claim(given, goal, [], lambda model: Witness({}, lambda _: True))
