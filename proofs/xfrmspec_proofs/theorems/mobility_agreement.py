"""Theorems about what mobile node and home agent know of each other over an unreliable network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    at_most,
    both,
    choose_integer,
    either,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.mobility_agent import AGENT_NUMBERS, AGENT_TRUTHS, AgentEntryTerm, AgentTerm
from xfrmspec_model.mobility_numbers import NUMBERS
from xfrmspec_model.mobility_pair import PairEventTerm, PairHappening, PairTerm, pair_after
from xfrmspec_model.mobility_times import UNIT
from xfrmspec_model.smt import Model
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, HOME, with_mobility
from xfrmspec_proofs.pair_terms import any_event, any_mobile_node, arrives_as_sent, happened, same_update
from xfrmspec_proofs.pairs import PairHappened, PairRun
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN, Profile

_ASKED = 900 * UNIT
_SOON = 900
_NEVER = 1 << 50


@dataclass(frozen=True, slots=True)
class _Course:
    events: tuple[PairEventTerm, ...]
    before: PairTerm
    after: PairTerm
    given: tuple[Truth, ...]


def _possible(pair: PairTerm, event: PairEventTerm) -> Truth:
    """Say that an update is sent with a new number, and that only sent ones arrive, not too late."""
    new, last, held = event.update, pair.last, pair.held
    asks = [at_most(0, new.asked), alike(same(new.asked, 0), same(new.care_of, pair.agent.home))]
    sent = all_of((less(last.count, new.count), same(new.sent, event.at), *asks))
    is_last = same_update(new, last)
    was = all_of((at_most(1, new.count), less(new.count, last.count), at_most(new.sent, event.at), *asks))
    in_time = less(held.count - new.count, NUMBERS // 2)
    arrived = all_of((at_most(1, new.count), in_time, either(is_last, was)))
    return all_of(
        (
            among(event.kind, sorted(PairHappening)),
            at_most(0, event.at),
            implies(same(event.kind, PairHappening.SENT), sent),
            implies(same(event.kind, PairHappening.ARRIVED), arrived),
        )
    )


def _course(scene: Scene, length: int) -> _Course:
    rules, context = scene.rules.mobility, scene.context
    events = [any_event(context, f"event{place}") for place in range(length if scene.small else 1)]
    limit = integer(context, "limit")
    agent = AgentTerm(HOME, limit, _NEVER)
    pair = PairTerm(agent) if scene.small else _any_pair(scene, limit)
    before, given = pair, [at_most(UNIT, limit), same(limit % UNIT, 0)]
    since: Number = 0 if scene.small else integer(context, "since")
    for event in events:
        before = pair
        given += [_possible(before, event), at_most(since, event.at)]
        pair, since = pair_after(before, event, rules), event.at
    if scene.small:
        given += [_replayable(events), less(limit, 2 * _ASKED)]
    else:
        given.append(_known(before, integer(context, "since")))
    return _Course(tuple(events), before, pair, tuple(given))


def _any_pair(scene: Scene, limit: Number) -> PairTerm:
    context = scene.context
    numbers = {part: integer(context, f"entry.{part}") for part in AGENT_NUMBERS}
    truths = {part: unknown_truth(context, f"entry.{part}") for part in AGENT_TRUTHS}
    home = integer(context, "home")
    agent = AgentTerm(home, limit, _NEVER, AgentEntryTerm(**numbers, **truths))
    return any_mobile_node(context, agent)


def _replayable(events: Sequence[PairEventTerm]) -> Truth:
    """Say that events follow each other within a second, and each update goes to another place."""
    soon = less(events[-1].at - events[0].at, _SOON)
    parts: list[Truth] = [soon, less(events[0].at, _SOON)]
    count: Number = 0
    place: Number = HOME
    for position, event in enumerate(events):
        sends, update = same(event.kind, PairHappening.SENT), event.update
        parts.append(negate(same(event.kind, PairHappening.REFUSED)))
        parts.append(among(update.care_of, (HOME, ATTACKER, CARE_OF)))
        parts.append(among(update.asked, (0, _ASKED)))
        parts.append(implies(sends, both(same(update.count, count + 1), negate(same(update.care_of, place)))))
        count, place = choose_integer(sends, count + 1, count), choose_integer(sends, update.care_of, place)
        parts += [arrives_as_sent(earlier, event) for earlier in events[:position]]
    return all_of(parts)


def _known(pair: PairTerm, now: Number) -> Truth:
    """Say what both ends know of each other at a time, whatever the network did."""
    entry, last, held, counted = pair.agent.entry, pair.last, pair.held, pair.counted
    there = any_of((entry.probed, entry.registered, entry.remembered))
    number = implies(there, both(same(entry.number, held.count % NUMBERS), at_most(1, held.count)))
    stands = all_of((same(entry.care_of, held.care_of), same(entry.asked, held.asked), less(0, held.asked)))
    known = implies(either(entry.registered, entry.probed), stands)
    is_last = same_update(held, last)
    newest = implies(same(held.count, last.count), is_last)
    order = all_of(
        (
            at_most(0, held.count),
            at_most(held.count, last.count),
            at_most(held.sent, now),
            at_most(last.sent, now),
        )
    )
    ends = implies(entry.registered, at_most(held.sent + entry.granted, entry.ends))
    kept = all_of((same(entry.granted, pair.granted), at_most(last.sent + pair.granted, entry.ends)))
    alive = both(kept, implies(less(now, entry.ends), entry.registered))
    yes = all_of((there, is_last, negate(entry.probed), implies(less(0, last.asked), alive)))
    said = implies(pair.answered, yes)
    least = choose_integer(less(pair.granted, last.asked), pair.granted, last.asked)
    mine = same_update(counted, last)
    settled = all_of((pair.answered, mine, same(pair.counted_end, last.sent + least), less(0, last.asked)))
    settled = both(settled, less(now, pair.counted_end))
    counts = implies(both(pair.counts, negate(pair.waits)), settled)
    asks = alike(same(last.asked, 0), same(last.care_of, pair.agent.home))
    return all_of(
        (
            number,
            known,
            newest,
            order,
            ends,
            said,
            counts,
            at_most(0, last.asked),
            either(asks, same(last.count, 0)),
        )
    )


def _agree(pair: PairTerm) -> Truth:
    """Say that a binding which the mobile node counts while it waits for nothing is held, and as long."""
    entry = pair.agent.entry
    held = both(entry.registered, same(entry.care_of, pair.counted.care_of))
    return implies(both(pair.counts, negate(pair.waits)), both(held, at_most(pair.counted_end, entry.ends)))


@theorem(
    name="mobile_node_and_home_agent_agree_when_nobody_waits",
    statement="However the network loses, delays, copies and reorders, a binding that a mobile node counts "
    "as acknowledged while it waits for no answer is held by its home agent with the same care-of address, "
    "and the home agent's ends no earlier.",
    clauses=("XFRM-SAFE-004", "XFRM-MN-007", "XFRM-MN-012", "XFRM-MN-021", "XFRM-HA-007", "XFRM-HA-016"),
    mutants={
        "the_lifetime_asked_counts": with_mobility(
            counted_end=lambda _: lambda sent, asked, granted: sent + asked
        ),
    },
    tried_in=(CLEAN,),
    needs=(Defence.SEQUENCE,),
)
def _agreement(scene: Scene) -> Sequence[Claim]:
    attack = Defence.SEQUENCE not in scene.rules.mobility.defences
    told = _course(scene, 6 if attack else 4)
    goal = _agree(told.after)
    if not scene.small:
        known = _known(told.after, told.events[-1].at)
        goal = all_of((known, goal, _known(PairTerm(AgentTerm(HOME, told.after.agent.limit, _NEVER)), 0)))
    settled = [told.after.counts, negate(told.after.waits)]

    def read(model: Model) -> Witness:
        events = happened(model, told.events)
        limit = number(model, told.after.agent.limit)

        def holds(_: Profile) -> bool:
            return PairRun(limit, scene.rules.mobility.defences).run(events).agree()

        return Witness({"events": [_facts(event) for event in events], "limit": limit}, holds)

    return [Claim(list(told.given), goal, settled, read)]


def _facts(event: PairHappened) -> dict[str, object]:
    kind = PairHappening(event.kind)
    facts: dict[str, object] = {"at": event.at, "event": kind.name.lower()}
    if kind in (PairHappening.SENT, PairHappening.ARRIVED):
        facts |= {"number": event.count, "care_of": event.care_of}
    return facts
