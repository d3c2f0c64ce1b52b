"""Theorems about how long bindings at a correspondent node last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec_model import mobility_times
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    at_most,
    both,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_relation,
)
from xfrmspec_model.mobility_correspondent import CorrespondentTerm
from xfrmspec_model.mobility_keys import TokenKind
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_times import Defences
from xfrmspec_proofs.mobility import Course, accepts, always, course, with_mobility
from xfrmspec_proofs.mobility_replay import CorrespondentRun
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME, MAX_RR_BINDING_LIFETIME
from xfrmspec_terms.profile import CLEAN

_TIME_SHIFT = MAX_NONCE_LIFETIME + MAX_RR_BINDING_LIFETIME


_LASTS = "a_binding_lasts_at_most_what_was_granted_asked_and_420_s"
_ENDS = "a_binding_has_ended_when_its_lifetime_is_over"
_SHIFTS = "who_left_the_path_of_a_home_address_has_no_binding_for_it_after_660_s"
SHORTEST = {_LASTS: 3, _ENDS: 4, _SHIFTS: 3}
"""How many events the shortest attack has without the defence that a theorem needs."""


def _course(scene: Scene, name: str) -> Course:
    return course(scene, SHORTEST[name], unknown_relation(scene.context, "sees", 2))


def _counted(node: CorrespondentTerm, at: Number) -> Truth:
    entry = node.entry
    least = (at_most(entry.granted, MAX_RR_BINDING_LIFETIME), at_most(entry.granted, entry.asked))
    left = at_most(entry.ends - at, entry.granted)
    return implies(entry.bound, all_of((*least, left, same(entry.ends, entry.accepted + entry.granted))))


def _lasts_as_granted(run: CorrespondentRun) -> bool:
    binding = run.binding
    if binding is None:
        return True
    least = min(run.asked, MAX_RR_BINDING_LIFETIME)
    return binding.granted <= least and binding.accepted_at + binding.granted - run.now <= binding.granted


@theorem(
    name=_LASTS,
    statement="After every course of tests, updates and time, the binding of a correspondent node has at "
    "most the granted lifetime left, which is at most 420 s and at most what its last update asked for.",
    clauses=("XFRM-CN-036", "XFRM-CN-023"),
    mutants={
        "what_is_asked_is_granted": with_mobility(granted_by_correspondent=lambda _: lambda asked, on: asked)
    },
    tried_in=(CLEAN,),
    needs=(Defence.LIFETIMES,),
)
def _lasts(scene: Scene) -> Sequence[Claim]:
    told = _course(scene, _LASTS)
    return always(told, _counted, _lasts_as_granted, instance=[accepts(told.after)])


def _ends_later(_: MobilityRules) -> Callable[[Number, Number, Defences], Truth]:
    return lambda ends, now, on: mobility_times.is_over(ends + 1, now, on)


@theorem(
    name=_ENDS,
    statement="Whatever happens to a correspondent node, at every moment a binding that stands was accepted "
    "less than its granted lifetime ago, so without further updates every binding ends.",
    clauses=("XFRM-ATTACK-007", "XFRM-CN-030"),
    mutants={"a_binding_ends_a_moment_later": with_mobility(is_over=_ends_later)},
    tried_in=(CLEAN,),
    needs=(Defence.REFRESH,),
)
def _ends(scene: Scene) -> Sequence[Claim]:
    def stands_in_time(node: CorrespondentTerm, at: Number) -> Truth:
        entry = node.entry
        exact = same(entry.ends, entry.accepted + entry.granted)
        return implies(entry.bound, both(exact, less(at, entry.ends)))

    def in_time(run: CorrespondentRun) -> bool:
        binding = run.binding
        return binding is None or run.now < binding.accepted_at + binding.granted

    told = _course(scene, _ENDS)
    updates = [implies(accepts(told.after), less(0, told.last.lifetime))]
    lived = [*updates, told.before.entry.bound, negate(accepts(told.after))]
    return always(told, stands_in_time, in_time, instance=lived)


@theorem(
    name=_SHIFTS,
    statement="An attacker that reads nothing that goes to a home address after some moment has no binding "
    "for it at a correspondent node 660 s later.",
    clauses=("XFRM-ATTACK-003", "XFRM-CN-002", "XFRM-CN-023"),
    mutants={
        "nonces_are_valid_for_five_minutes": with_mobility(
            is_valid=lambda _: lambda drawn, now, on: less(now - drawn, 300_000)
        ),
    },
    tried_in=(CLEAN,),
    needs=(Defence.LIFETIMES,),
)
def _time_shifting(scene: Scene) -> Sequence[Claim]:
    told = _course(scene, _SHIFTS)
    left, token = integer(scene.context, "left"), integer(scene.context, "nonce")
    away = [
        implies(less(left, event.at), negate(told.sees(told.after.home, event.at))) for event in told.events
    ]

    def read_in_time(node: CorrespondentTerm, nonce: Number) -> Truth:
        return implies(node.attacker_knows(int(TokenKind.HOME), node.home, nonce), at_most(nonce, left))

    def bounded(node: CorrespondentTerm, at: Number) -> Truth:
        mine = both(node.entry.bound, node.entry.by_attacker)
        ends = both(less(node.entry.ends, left + _TIME_SHIFT), less(at, node.entry.ends))
        return both(read_in_time(node, token), implies(mine, ends))

    def gone(run: CorrespondentRun) -> bool:
        stolen = run.stolen
        return stolen is None or stolen.accepted_at + stolen.granted < run.values["left"] + _TIME_SHIFT

    given = [*away, at_most(0, left), read_in_time(told.before, told.last.home_nonce)]
    stolen = both(told.after.entry.bound, told.after.entry.by_attacker)
    return always(replace(told, values={"left": left}), bounded, gone, given, [stolen])
