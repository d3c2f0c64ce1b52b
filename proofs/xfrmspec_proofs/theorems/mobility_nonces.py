"""Theorems about nonces, what tests leave behind at a correspondent node, and what answers them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec.mipv6.nonces import Nonces
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
    unknown_numbering,
    unknown_truth,
)
from xfrmspec_model.mobility_correspondent import Happening
from xfrmspec_model.mobility_nonces import (
    TEST_OCTETS,
    NoncesTerm,
    TestTerm,
    after_test,
    is_held,
    replies_to,
)
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO, token_is_usable
from xfrmspec_model.smt import Model
from xfrmspec_proofs.mobility import ATTACKER, HOME, with_mobility
from xfrmspec_proofs.mobility_replay import CorrespondentRun, Happened, answers_to_test
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME, NONCE_CURRENT
from xfrmspec_terms.profile import CLEAN, Profile

_MOST = MAX_NONCE_LIFETIME // NONCE_CURRENT
_SOME_TESTS = _MOST + 2


def _short_lived(_: MobilityRules) -> Callable[[Number, Number, frozenset[Defence]], Truth]:
    return lambda drawn, now, on: less(now - drawn, NONCE_CURRENT - 10_000)


@theorem(
    name="however_many_tests_leave_at_most_eight_nonces_and_nothing_else",
    statement="After any number of tests at any times, a correspondent node holds at most eight nonces, and "
    "keeps none of the tests.",
    clauses=("XFRM-ATTACK-009", "XFRM-CN-002", "XFRM-CN-003", "XFRM-CN-007"),
    mutants={
        "a_nonce_is_current_for_20_s": with_mobility(is_current=_short_lived),
        "tests_are_kept": with_mobility(kept_after_test=lambda _: lambda kept, on: kept + 1),
    },
    tried_in=(CLEAN,),
    needs=(Defence.STATELESS,),
)
def _few_nonces(scene: Scene) -> Sequence[Claim]:
    rules, context = scene.rules.mobility, scene.context
    times = [integer(context, f"time{place}") for place in range(_SOME_TESTS if scene.small else 1)]
    index = integer(context, "index")
    if scene.small:
        nonces = NoncesTerm(-1, lambda index: LONG_AGO)
    else:
        nonces = NoncesTerm(integer(context, "newest"), unknown_numbering(context, "drawn"))
    before, since = nonces, 0
    given = [at_most(-1, nonces.newest)]
    for now in times:
        before = nonces
        given += [at_most(since, now), at_most(before.drawn(before.newest), now)]
        nonces, since = after_test(nonces, now, rules), now
    small = [less(times[-1], 1 << 20)]

    def spread(held: NoncesTerm) -> Truth:
        """Say that each nonce is 30 s older than the next."""
        gap = held.drawn(held.newest) - held.drawn(index) - NONCE_CURRENT * (held.newest - index)
        inside = both(at_most(0, index), at_most(index, held.newest))
        return both(implies(inside, at_most(0, gap)), same(held.kept, 0))

    few = implies(is_held(nonces, index, rules), less(nonces.newest - index, _MOST))
    given.append(spread(before) if not scene.small else True)

    def read(model: Model) -> Witness:
        moments = [number(model, now) for now in times]

        def holds(_: Profile) -> bool:
            run = CorrespondentRun(HOME, lambda place, at: False, frozenset(), rules.defences)
            run.run([Happened(Happening.HOME_TEST, at, ATTACKER) for at in moments])
            tests = run.node.tests
            return isinstance(tests, Nonces) and len(tests.held) <= _MOST and not run.node.entries

        return Witness({"tests_at": moments}, holds)

    return [Claim(given, all_of((spread(nonces), few)), small, read)]


@theorem(
    name="a_token_is_believed_for_210_s_after_it_was_sent",
    statement="A keygen token that a correspondent node has sent is made from a nonce that is valid for "
    "210 s more.",
    clauses=("XFRM-CN-002", "XFRM-CN-004", "XFRM-CN-005"),
    mutants={
        "a_nonce_serves_for_40_s": with_mobility(
            is_current=lambda _: lambda drawn, now, on: less(now - drawn, NONCE_CURRENT + 10_000)
        ),
        "a_nonce_is_valid_for_220_s": with_mobility(
            is_valid=lambda _: lambda drawn, now, on: less(now - drawn, MAX_NONCE_LIFETIME - 20_000)
        ),
    },
    tried_in=(CLEAN,),
)
def _long_enough(scene: Scene) -> Sequence[Claim]:
    rules = scene.rules.mobility
    first, sent, used = (integer(scene.context, name) for name in ("first", "sent", "used"))
    nonces = after_test(NoncesTerm(-1, lambda index: LONG_AGO), first, rules)
    if not scene.small:
        nonces = NoncesTerm(integer(scene.context, "newest"), unknown_numbering(scene.context, "drawn"))
    after = after_test(nonces, sent, rules)
    believed = rules.is_valid(after.drawn(after.newest), used, rules.defences)
    given = [at_most(sent, used), token_is_usable(sent, used), at_most(-1, nonces.newest)]
    small = [at_most(0, first), at_most(first, sent), less(used, 1 << 20)]

    def read(model: Model) -> Witness:
        start, at, then = (number(model, moment) for moment in (first, sent, used))

        def holds(_: Profile) -> bool:
            run = CorrespondentRun(HOME, lambda place, at: False, frozenset(), rules.defences)
            run.run([Happened(Happening.HOME_TEST, moment, HOME) for moment in (start, at)])
            tests = run.node.tests
            assert isinstance(tests, Nonces)
            return tests.named(tests.held[-1].index, then) is not None

        return Witness({"tests_at": [start, at], "used_at": then}, holds)

    return [Claim(given, believed, small, read)]


@theorem(
    name="a_test_has_at_most_one_answer_of_like_size_to_its_source",
    statement="A test of any size from any source, with a home address option or without, is answered by "
    "at most one message, which goes to its source and has at most 8 octets more.",
    clauses=("XFRM-ATTACK-010", "XFRM-CN-006", "XFRM-CN-008"),
    mutants={"the_option_does_not_matter": with_mobility(is_answered=lambda _: lambda option, on: True)},
    tried_in=(CLEAN,),
    needs=(Defence.ONE_REPLY,),
)
def _one_reply(scene: Scene) -> Sequence[Claim]:
    context, rules = scene.context, scene.rules.mobility
    test = TestTerm(
        integer(context, "source"),
        unknown_truth(context, "option"),
        integer(context, "wire"),
        integer(context, "octets"),
    )
    replies = replies_to(test, rules)
    like = [
        implies(
            reply.sent, both(same(reply.destination, test.source), at_most(reply.octets, test.octets + 8))
        )
        for reply in replies
    ]
    silent = implies(test.has_option, negate(replies[0].sent))
    goal = all_of((*like, silent, negate(both(replies[0].sent, replies[1].sent))))
    small = [same(test.source, HOME), same(test.wire_source, ATTACKER), same(test.octets, TEST_OCTETS)]

    def read(model: Model) -> Witness:
        wire = ATTACKER if truth(model, test.has_option) else None

        def holds(_: Profile) -> bool:
            told = answers_to_test(HOME, wire, rules.defences)
            fits = all(place == HOME and octets <= TEST_OCTETS + 8 for place, octets in told)
            return fits and len(told) <= (0 if wire else 1)

        return Witness({"source": "home", "home_address_option": wire is not None}, holds)

    return [Claim([at_most(TEST_OCTETS, test.octets)], goal, small, read)]
