"""Theorems about how much a mobile node sends: the limit in any second, and the back-off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

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
)
from xfrmspec_model.mobility_limits import LONGEST_TIMEOUT, WINDOW, goes_at
from xfrmspec_model.mobility_numbers import NUMBERS, is_ahead, next_number
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_sending import AwaitingTerm, SentTerm, first_timeout, repeated, sent_after
from xfrmspec_model.mobility_times import LONG_AGO, Defences
from xfrmspec_model.smt import Model
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, HOME, with_mobility
from xfrmspec_proofs.mobility_replay import OWN, address_of
from xfrmspec_proofs.pairs import MobileRun
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.daemon import Heard
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingStatus
from xfrmspec_terms.profile import CLEAN, Profile

_SOON = 900
_REPEATED = 7
_ON = 32769


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


def _two_ahead(_: MobilityRules) -> Callable[[Number, Number], Truth]:
    return lambda new, last: both(is_ahead(new, last), negate(same(new, next_number(last))))


@theorem(
    name="a_number_out_of_the_window_leads_on_and_never_back",
    statement="When a mobile node believes an answer that its number is out of the window, the number of its "
    "next update is 1 to 32769 ahead of the last one it sent, and who answered takes it.",
    clauses=("XFRM-MN-013", "XFRM-MN-003", "XFRM-CN-018", "XFRM-HA-007"),
    mutants={
        "any_answer_is_believed": with_mobility(believes=lambda _: lambda answered, last: True),
        "one_ahead_is_not_enough": with_mobility(is_ahead=_two_ahead),
    },
    tried_in=(CLEAN,),
)
def _leads_on(scene: Scene) -> Sequence[Claim]:
    rules, context = scene.rules.mobility, scene.context
    sent: Number = 1 if scene.small else integer(context, "sent")
    answered = integer(context, "answered")
    fits = [both(at_most(0, one), less(one, NUMBERS)) for one in (sent, answered)]
    following = next_number(answered)
    ahead = following - sent
    around = both(less(ahead, 0), at_most(ahead, _ON - NUMBERS))
    onward = either(both(at_most(1, ahead), at_most(ahead, _ON)), around)
    goal = implies(rules.believes(answered, sent), both(onward, rules.is_ahead(following, answered)))

    def read(model: Model) -> Witness:
        told = number(model, answered)

        def holds(_: Profile) -> bool:
            run = MobileRun(rules.defences)
            run.go(CARE_OF, 0)
            refusal = BindingAcknowledgement(BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW, sequence=told)
            run.step(Heard(refusal, OWN, address_of(HOME), None, address_of(HOME)), 1)
            numbers = [update.sequence for _, update in run.updates()]
            believed = (told - 1) % NUMBERS <= NUMBERS // 2
            return numbers == ([1, next_number(told)] if believed else [1])

        return Witness({"sent": 1, "answered": told}, holds)

    return [Claim(fits, goal, [], read)]
