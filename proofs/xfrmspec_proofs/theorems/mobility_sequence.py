"""Theorems about sequence numbers: accepted updates only go forward, and none is taken again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    at_most,
    both,
    either,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_relation,
)
from xfrmspec_model.mobility_correspondent import CorrespondentTerm, Happening, entry_at
from xfrmspec_model.mobility_numbers import NUMBERS, is_ahead
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_proofs.mobility import Course, accepts, course, with_mobility
from xfrmspec_proofs.mobility_replay import CorrespondentRun
from xfrmspec_proofs.sequences import further_on
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME
from xfrmspec_terms.profile import CLEAN


def _course(scene: Scene, length: int) -> Course:
    return course(scene, length, unknown_relation(scene.context, "sees", 2))


def _same_is_ahead(_: MobilityRules) -> Callable[[Number, Number], Truth]:
    return lambda new, last: either(same(new, last), is_ahead(new, last))


def _never_round(_: MobilityRules) -> Callable[[Number, Number], Truth]:
    return lambda new, last: less(last, new)


@theorem(
    name="numbers_accepted_by_a_correspondent_node_go_forward",
    statement="While a correspondent node has an entry for a home address, bound or remembered, the number "
    "of an update that it takes is 1 to 32767 ahead of the last one, also where numbers begin again.",
    clauses=("XFRM-CN-018", "XFRM-CN-037"),
    mutants={
        "the_same_number_does": with_mobility(is_ahead=_same_is_ahead),
        "numbers_only_grow": with_mobility(is_ahead=_never_round),
    },
    tried_in=(CLEAN,),
    needs=(Defence.SEQUENCE,),
)
def _forward(scene: Scene) -> Sequence[Claim]:
    told = _course(scene, 4)
    entry = entry_at(told.before.entry, told.last.at, scene.rules.mobility)
    there = [
        either(entry.bound, entry.remembered),
        both(at_most(0, entry.number), less(entry.number, NUMBERS)),
    ]
    goal = implies(accepts(told.after), further_on(told.last.number, entry.number))

    def holds(run: CorrespondentRun) -> bool:
        first, last = run.numbers[-2:]
        return run.statuses[-1] != 0 or bool(further_on(last, first))

    updates = [same(event.kind, Happening.UPDATE) for event in told.events[-2:]]
    taken = [accepts(told.before)]
    return [Claim([*told.given, *there], goal, [*told.instance, *updates, *taken], told.witness(holds))]


@dataclass(frozen=True, slots=True)
class _Signed:
    """An update as its sender made it: its number counted without end, when signed, and its home nonce."""

    count: Number
    signed: Number
    nonce: Number

    @property
    def number(self) -> Number:
        """Return the number on the wire."""
        return self.count % NUMBERS


def _signed(scene: Scene, name: str) -> _Signed:
    return _Signed(*(integer(scene.context, f"{name}.{part}") for part in ("count", "signed", "nonce")))


def _of_one_sender(first: _Signed, second: _Signed) -> Truth:
    """Say that counts grow with time, and by fewer than 32768 in 240 s (XFRM-MN-003, XFRM-CN-038)."""
    orders = [
        implies(less(one.signed, other.signed), less(one.count, other.count))
        for one, other in ((first, second), (second, first))
    ]
    near = [
        implies(
            both(at_most(one.signed, other.signed), less(other.signed - one.signed, MAX_NONCE_LIFETIME)),
            both(less(other.count - one.count, NUMBERS // 2), at_most(one.count, other.count)),
        )
        for one, other in ((first, second), (second, first))
    ]
    return all_of((*orders, *near))


def _taken_in_time(update: _Signed, at: Number) -> Truth:
    """Say that an update was signed with a nonce that is valid when the update arrives."""
    made = both(at_most(update.nonce, update.signed), at_most(update.signed, at))
    return both(made, less(at - update.nonce, MAX_NONCE_LIFETIME))


def _outdates(node: CorrespondentTerm, last: _Signed, old: _Signed, at: Number) -> Truth:
    """Say that the entry, left by an update, keeps an old one out as long as its nonce is valid."""
    entry = node.entry
    there = both(either(entry.bound, entry.remembered), same(entry.number, last.number))
    ahead = both(at_most(old.count, last.count), less(last.count - old.count, NUMBERS // 2))
    kept = all_of((there, ahead, at_most(old.nonce, entry.accepted), at_most(last.signed, entry.accepted)))
    taken = both(at_most(entry.accepted, at), _taken_in_time(last, entry.accepted))
    return implies(less(at - old.nonce, MAX_NONCE_LIFETIME), both(kept, taken))


def _repeated(told: Course) -> list[Truth]:
    """Say that the last event is the update before it once more."""
    first, again = told.events[-2:]
    parts = ("kind", "address", "number", "lifetime", "home_nonce", "care_of_nonce")
    equal = [same(getattr(first, part), getattr(again, part)) for part in parts]
    senders = [negate(event.attacker) for event in (first, again)]
    return [*equal, *senders, same(first.kind, Happening.UPDATE), accepts(told.before)]


def _forgets_early(_: MobilityRules) -> Callable[[Number, Number, frozenset[Defence]], Truth]:
    return lambda accepted, now, on: at_most(accepted + MAX_NONCE_LIFETIME - 40_000, now)


@theorem(
    name="no_update_is_accepted_again_nor_any_that_is_older",
    statement="If the numbers that a mobile node signs within 240 s lie fewer than 32768 steps apart, a "
    "correspondent node that has taken an update never takes it again, nor one that was signed before it.",
    clauses=("XFRM-ATTACK-006", "XFRM-CN-037", "XFRM-CN-026", "XFRM-CN-038", "XFRM-MN-003"),
    mutants={
        "the_same_number_does": with_mobility(is_ahead=_same_is_ahead),
        "bindings_are_forgotten_after_200_s": with_mobility(is_forgotten=_forgets_early),
    },
    tried_in=(CLEAN,),
    needs=(Defence.SEQUENCE,),
)
def _never_again(scene: Scene) -> Sequence[Claim]:
    told = _course(scene, 4)

    def holds(run: CorrespondentRun) -> bool:
        return run.statuses[-2:] != [0, 0]

    refused = negate(accepts(told.after))
    read = told.witness(holds)
    if scene.small:
        small = Claim([*told.given, *_repeated(told)], refused, list(told.instance), read)
        return [small, small]
    old, last, new = (_signed(scene, name) for name in ("old", "last", "new"))
    at, before = told.last.at, told.before
    family = [_of_one_sender(*pair) for pair in ((old, last), (old, new), (last, new))]
    arrives = [
        same(told.last.number, new.number),
        same(told.last.home_nonce, new.nonce),
        at_most(new.nonce, new.signed),
        at_most(new.signed, at),
        at_most(old.nonce, old.signed),
    ]
    follower = _outdates(told.after, new, old, at)
    kept = _outdates(told.after, last, old, at)
    known = _outdates(before, last, old, told.since)
    begins = all_of((accepts(told.after), at_most(old.count, new.count), at_most(old.signed, new.signed)))
    goal = either(both(accepts(told.after), follower), both(refused, kept))
    given = [*told.given, *family, *arrives]
    step = Claim([*given, either(known, begins)], goal, [], read)
    again = [same(new.count, old.count), same(new.nonce, old.nonce), same(new.signed, old.signed)]
    return [step, Claim([*given, known, *again], refused, [], read)]
