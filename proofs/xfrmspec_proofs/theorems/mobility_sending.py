"""Theorems about how much a mobile node sends: the limit in any second, and the back-off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from xfrmspec_model.folding import Number, Truth, all_of, at_most, both, either, integer, less, same
from xfrmspec_model.mobility_limits import LONGEST_TIMEOUT, WINDOW, goes_at
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_sending import AwaitingTerm, SentTerm, first_timeout, repeated, sent_after
from xfrmspec_model.mobility_times import LONG_AGO, Defences
from xfrmspec_model.smt import Model
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, with_mobility
from xfrmspec_proofs.pairs import MobileRun
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN, Profile

_SOON = 900
_REPEATED = 7


def _early(_: MobilityRules) -> Callable[[Number, Number, Defences], Number]:
    return lambda third_last, wanted, on: goes_at(third_last - 1, wanted, on)


@theorem(
    name="at_most_three_messages_of_one_type_go_to_a_destination_in_a_second",
    statement="Whenever messages of one type to one destination are wanted, any four that follow each other "
    "are sent over at least 1000 ms, so no second has more than three.",
    clauses=("XFRM-ATTACK-008", "XFRM-MN-006"),
    mutants={"put_off_a_moment_less": with_mobility(goes_at=_early)},
    tried_in=(CLEAN,),
    needs=(Defence.RATE,),
)
def _three_a_second(scene: Scene) -> Sequence[Claim]:
    rules, context = scene.rules.mobility, scene.context
    wanted = [integer(context, f"wanted{place}") for place in range(4 if scene.small else 1)]
    times = [integer(context, name) for name in ("first", "second", "third")]
    sent = SentTerm() if scene.small else SentTerm(*times)
    before, given = sent, [at_most(LONG_AGO, sent.first), at_most(0, wanted[0])]
    given += [at_most(sent.first, sent.second), at_most(sent.second, sent.third)]
    small: list[Truth] = [less(wanted[-1], _SOON)]
    for moment in wanted:
        before = sent
        given.append(at_most(before.third, moment))
        sent = sent_after(before, moment, rules)
        small.append(same(sent.third, moment) if moment is not wanted[-1] else True)
    in_order = both(at_most(sent.first, sent.second), at_most(sent.second, sent.third))
    goal = both(in_order, at_most(WINDOW, sent.third - before.first))

    def read(model: Model) -> Witness:
        moments = [number(model, moment) for moment in wanted]

        def holds(_: Profile) -> bool:
            run = MobileRun(rules.defences)
            for place, moment in enumerate(moments):
                run.go((ATTACKER, CARE_OF)[place % 2], moment)
            run.wait(moments[-1] + 2 * WINDOW)
            at = [moment for moment, _ in run.updates()]
            return all(later - earlier >= WINDOW for earlier, later in zip(at, at[3:], strict=False))

        return Witness({"moves_at": moments}, holds)

    return [Claim(given, goal, small, read)]


def _is_longest(before: AwaitingTerm, after: AwaitingTerm) -> Truth:
    return both(same(after.timeout, LONGEST_TIMEOUT), less(LONGEST_TIMEOUT, 2 * before.timeout))


@theorem(
    name="repetitions_wait_twice_as_long_up_to_32_s",
    statement="However often a message is repeated, it waits at least one second and at most 32, and each "
    "time twice as long as before until it waits 32 s.",
    clauses=("XFRM-MN-004", "XFRM-MN-016"),
    mutants={
        "the_timeout_stays": with_mobility(next_timeout=lambda _: lambda timeout: timeout),
        "the_timeout_has_no_end": with_mobility(next_timeout=lambda _: lambda timeout: 2 * timeout),
    },
    tried_in=(CLEAN,),
)
def _back_off(scene: Scene) -> Sequence[Claim]:
    rules, context = scene.rules.mobility, scene.context
    moved = integer(context, "moved")
    awaiting = AwaitingTerm(moved, first_timeout(True))
    if not scene.small:
        awaiting = AwaitingTerm(moved, integer(context, "timeout"))
    given = [at_most(1000, awaiting.timeout), at_most(awaiting.timeout, LONGEST_TIMEOUT)]
    story = [awaiting]
    for _ in range(_REPEATED if scene.small else 1):
        story.append(repeated(story[-1], rules))
    doubled = [
        either(same(after.timeout, 2 * before.timeout), _is_longest(before, after))
        for before, after in pairwise(story)
    ]
    inside = [both(at_most(1000, one.timeout), at_most(one.timeout, LONGEST_TIMEOUT)) for one in story[1:]]

    def read(model: Model) -> Witness:
        start = number(model, moved)
        expected = [number(model, one.sent) for one in story]

        def holds(_: Profile) -> bool:
            run = MobileRun(rules.defences)
            run.go(CARE_OF, start)
            run.wait(expected[-1])
            return [at for at, _ in run.updates()] == expected

        return Witness({"moved_at": start, "updates_at": expected}, holds)

    small = [at_most(0, moved), less(moved, _SOON)]
    return [Claim(given, all_of((*doubled, *inside)), small, read)]
