"""Theorems about return routability: who can make, move and end a binding at a correspondent node."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    both,
    implies,
    integer,
    less,
    negate,
    unknown_relation,
)
from xfrmspec_model.mobility_correspondent import CorrespondentTerm, is_deletion
from xfrmspec_model.mobility_keys import Knows
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_proofs.mobility import Course, accepts, all_on, always, course, tokens_of, with_mobility
from xfrmspec_proofs.mobility_replay import CorrespondentRun
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME
from xfrmspec_terms.profile import CLEAN

Path = Callable[[Number], Truth]
SHORTEST = {
    Defence.HOME_TOKEN: 2,
    Defence.CARE_OF_TOKEN: 2,
    Defence.BINDING_BY_PROOF: 1,
    Defence.HOME_TOKEN_AT_RETURN: 4,
}
"""How many events the shortest attack has without a defence; with all on, an owner needs three."""


def _length(scene: Scene, otherwise: int) -> int:
    off = [length for defence, length in SHORTEST.items() if defence not in scene.rules.mobility.defences]
    return off[0] if off else otherwise


def _placed(scene: Scene, otherwise: int = 3) -> tuple[Course, Path]:
    """Return a course with an attacker that stays where it is, and the addresses on whose path it is."""
    on_path = unknown_relation(scene.context, "on_path", 1)
    told = course(scene, _length(scene, otherwise), lambda place, at: on_path(place))
    return told, on_path


def _knows_by_place(knows: Knows, on_path: Path, name: tuple[Number, Number, Number]) -> Truth:
    return implies(knows(*name), on_path(name[1]))


def _stated(
    scene: Scene,
    about: Callable[[CorrespondentTerm, Path], Truth],
    holds: Callable[[CorrespondentRun], bool],
    otherwise: int = 3,
) -> Sequence[Claim]:
    """Return the claims that what is said about a binding of the attacker holds for good."""
    told, on_path = _placed(scene, otherwise)
    token = (integer(scene.context, "kind"), integer(scene.context, "place"), integer(scene.context, "nonce"))

    def invariant(node: CorrespondentTerm, at: Number) -> Truth:
        mine = both(node.entry.bound, node.entry.by_attacker)
        known = _knows_by_place(node.attacker_knows, on_path, token)
        return both(known, implies(mine, about(node, on_path)))

    names = tokens_of(told.last, told.after.home)
    given = [_knows_by_place(told.before.attacker_knows, on_path, name) for name in names]
    instance = [accepts(told.after), negate(is_deletion(told.last, told.after.home))]
    if not all_on(scene):
        instance.append(told.last.attacker)
    return always(told, invariant, holds, given, instance)


def _never_expires(_: MobilityRules) -> Callable[[Number, Number, frozenset[Defence]], Truth]:
    return lambda drawn, now, on: True


_HALF_A_KEY = {
    "any_token_does": with_mobility(
        key_does=lambda _: lambda home, care_of, deletion, on: any_of((home, care_of)),
    ),
}


@theorem(
    name="a_binding_needs_tests_at_both_addresses",
    statement="Whatever an attacker sends, a binding of its making at a correspondent node joins two "
    "addresses on whose paths it is, with tests that it read less than 240 s before.",
    clauses=("XFRM-SAFE-002", "XFRM-CN-011", "XFRM-CN-016", "XFRM-CN-017", "XFRM-TOKEN-002"),
    mutants={**_HALF_A_KEY, "nonces_do_not_end": with_mobility(is_valid=_never_expires)},
    tried_in=(CLEAN,),
    needs=(Defence.HOME_TOKEN, Defence.CARE_OF_TOKEN, Defence.BINDING_BY_PROOF),
)
def _both_paths(scene: Scene) -> Sequence[Claim]:
    def about(node: CorrespondentTerm, on_path: Path) -> Truth:
        entry = node.entry
        ages = [
            less(entry.accepted - nonce, MAX_NONCE_LIFETIME)
            for nonce in (entry.home_nonce, entry.care_of_nonce)
        ]
        return all_of((on_path(node.home), on_path(entry.care_of), *ages))

    def holds(run: CorrespondentRun) -> bool:
        stolen = run.stolen
        return stolen is None or (run.reads_now(stolen.home_address) and run.reads_now(stolen.care_of))

    return _stated(scene, about, holds)


@theorem(
    name="an_attacker_off_the_path_steals_no_home_address",
    statement="An attacker that is not on the path of a home address has no binding for it at a "
    "correspondent node.",
    clauses=("XFRM-ATTACK-001",),
    mutants=_HALF_A_KEY,
    tried_in=(CLEAN,),
    needs=(Defence.HOME_TOKEN,),
)
def _no_theft(scene: Scene) -> Sequence[Claim]:
    def holds(run: CorrespondentRun) -> bool:
        return run.stolen is None or run.reads_now(run.stolen.home_address)

    return _stated(scene, lambda node, on_path: on_path(node.home), holds)


@theorem(
    name="an_attacker_off_the_path_of_a_victim_has_no_traffic_sent_there",
    statement="A binding of an attacker's making at a correspondent node has no care-of address on whose "
    "path it is not.",
    clauses=("XFRM-ATTACK-004",),
    mutants=_HALF_A_KEY,
    tried_in=(CLEAN,),
    needs=(Defence.CARE_OF_TOKEN,),
)
def _no_flood(scene: Scene) -> Sequence[Claim]:
    def holds(run: CorrespondentRun) -> bool:
        return run.stolen is None or run.reads_now(run.stolen.care_of)

    return _stated(scene, lambda node, on_path: on_path(node.entry.care_of), holds)


@theorem(
    name="an_update_without_a_token_makes_no_binding",
    statement="An attacker that is on the path of neither address of an update makes no binding, whatever "
    "addresses the update names.",
    clauses=("XFRM-ATTACK-002", "XFRM-CN-015"),
    mutants={"anything_does": with_mobility(key_does=lambda _: lambda home, care_of, deletion, on: True)},
    tried_in=(CLEAN,),
    needs=(Defence.BINDING_BY_PROOF,),
)
def _no_unproved(scene: Scene) -> Sequence[Claim]:
    def about(node: CorrespondentTerm, on_path: Path) -> Truth:
        return any_of((on_path(node.home), on_path(node.entry.care_of)))

    def holds(run: CorrespondentRun) -> bool:
        stolen = run.stolen
        return stolen is None or run.reads_now(stolen.home_address) or run.reads_now(stolen.care_of)

    return _stated(scene, about, holds)


@theorem(
    name="an_attacker_off_the_path_ends_no_binding",
    statement="An attacker that is not on the path of a home address ends no binding of it, and so sends "
    "the home address no traffic that went elsewhere.",
    clauses=("XFRM-ATTACK-005", "XFRM-CN-017"),
    mutants={"any_token_does": _HALF_A_KEY["any_token_does"]},
    tried_in=(CLEAN,),
    needs=(Defence.HOME_TOKEN_AT_RETURN,),
)
def _no_ending(scene: Scene) -> Sequence[Claim]:
    told, on_path = _placed(scene, 4)
    names = tokens_of(told.last, told.after.home)
    given = [_knows_by_place(told.before.attacker_knows, on_path, name) for name in names]
    ends = [told.before.entry.bound, accepts(told.after), is_deletion(told.last, told.after.home)]
    goal = implies(all_of((*ends, told.last.attacker)), on_path(told.after.home))

    def holds(run: CorrespondentRun) -> bool:
        return not run.by_attacker or run.binding is not None or run.reads_now(run.home_address)

    claim = Claim([*told.given, *given], goal, [*told.instance, *ends], told.witness(holds))
    return [claim]
