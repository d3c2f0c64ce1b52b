"""A mobile node and its home agent, with a network that loses, delays, copies and reorders between them.

Updates are counted without end. Every update that was ever sent may arrive at any time, any number of times,
and so may every acknowledgement of the last one; what the network must not do is to bring an update that is
32768 or more numbers old, since its number would have come round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    both,
    choose_integer,
    choose_truth,
    either,
    less,
    negate,
    same,
)
from xfrmspec_model.mobility_agent import (
    NOTHING_TO_DELETE,
    AgentEventTerm,
    AgentHappening,
    AgentTerm,
    agent_after,
)
from xfrmspec_model.mobility_numbers import NUMBERS
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO
from xfrmspec_model.mobility_verdicts import ACCEPTED
from xfrmspec_terms.clauses import clause


class PairHappening(IntEnum):
    """What can happen between a mobile node and its home agent."""

    SENT = 0
    ARRIVED = 1
    UNIQUE = 2
    DUPLICATE = 3
    ANSWERED = 4
    REFUSED = 5
    NOTHING = 6


@dataclass(frozen=True, slots=True)
class UpdateTerm:
    """An update: its number counted without end, what it asks for, and when it was sent."""

    count: Number = 0
    care_of: Number = 0
    asked: Number = 0
    sent: Number = LONG_AGO


UPDATE_PARTS = ("count", "care_of", "asked", "sent")


@dataclass(frozen=True, slots=True)
class PairTerm:
    """Both ends and the network between them.

    `last` is the update sent last; `waits` tells whether it awaits its answer, `answered` whether the home
    agent has said yes to it, granting `granted`. `counted` is the binding that the mobile node counts as
    acknowledged, if it does, until `counted_end`. `held` is the update that the agent's entry goes back to.
    """

    agent: AgentTerm
    last: UpdateTerm = UpdateTerm()
    waits: Truth = False
    answered: Truth = False
    granted: Number = 0
    counts: Truth = False
    counted: UpdateTerm = UpdateTerm()
    counted_end: Number = LONG_AGO
    held: UpdateTerm = UpdateTerm()


@dataclass(frozen=True, slots=True)
class PairEventTerm:
    """Something that happens at a time: of SENT and ARRIVED, to which update."""

    kind: Number
    at: Number
    update: UpdateTerm = UpdateTerm()


@clause("XFRM-MN-003", "XFRM-MN-007", "XFRM-MN-012", "XFRM-MN-018", "XFRM-MN-021", "XFRM-SAFE-004")
def pair_after(pair: PairTerm, event: PairEventTerm, rules: MobilityRules = MOBILITY_RULES) -> PairTerm:
    """Return both ends after something happened.

    Source: XFRM-MN-003, XFRM-MN-007, XFRM-MN-012, XFRM-MN-018, XFRM-MN-021.
    """
    agent = agent_after(pair.agent, _told_to_agent(event, pair.agent.home), rules)
    arrived = same(event.kind, PairHappening.ARRIVED)
    taken = both(arrived, same(agent.verdict, ACCEPTED))
    numbered = both(arrived, among(agent.verdict, (ACCEPTED, NOTHING_TO_DELETE)))
    held = chosen_update(numbered, event.update, pair.held)
    was_probed = both(same(event.kind, PairHappening.UNIQUE), pair.agent.entry.probed)
    bound = both(was_probed, agent.entry.registered)
    at_once = both(taken, negate(agent.entry.probed))
    yes = both(either(bound, at_once), same(held.count, pair.last.count))
    said = choose_truth(yes, True, pair.answered)
    granted = choose_integer(yes, agent.entry.granted, pair.granted)
    after = replace(pair, agent=agent, held=held, answered=said, granted=granted)
    return mobile_node_after(after, event, rules)


def _told_to_agent(event: PairEventTerm, home: Number) -> AgentEventTerm:
    update = event.update
    kinds = (
        (PairHappening.ARRIVED, AgentHappening.UPDATE),
        (PairHappening.UNIQUE, AgentHappening.UNIQUE),
        (PairHappening.DUPLICATE, AgentHappening.DUPLICATE),
    )
    kind: Number = int(AgentHappening.NOTHING)
    for mine, theirs in kinds:
        kind = choose_integer(same(event.kind, mine), theirs, kind)
    at_home = same(update.care_of, home)
    number = update.count % NUMBERS
    return AgentEventTerm(kind, event.at, update.care_of, number, update.asked, home, negate(at_home))


@clause("XFRM-MN-003", "XFRM-MN-007", "XFRM-MN-010", "XFRM-MN-012", "XFRM-MN-018", "XFRM-MN-021")
def mobile_node_after(pair: PairTerm, event: PairEventTerm, rules: MobilityRules) -> PairTerm:
    """Return the pair after what the mobile node made of an event: an update sent, or an answer believed."""
    sends = same(event.kind, PairHappening.SENT)
    reads = all_of((same(event.kind, PairHappening.ANSWERED), pair.waits, pair.answered))
    end = rules.counted_end(pair.last.sent, pair.last.asked, pair.granted)
    given_up = both(same(event.kind, PairHappening.REFUSED), pair.waits)
    deleted = either(both(reads, same(pair.last.asked, 0)), given_up)
    accepted = all_of((reads, less(event.at, end), negate(deleted)))
    over = both(pair.counts, negate(less(event.at, pair.counted_end)))
    counts = any_of((accepted, all_of((pair.counts, negate(over), negate(deleted), negate(sends)))))
    return replace(
        pair,
        last=chosen_update(sends, event.update, pair.last),
        waits=either(sends, all_of((pair.waits, negate(accepted), negate(deleted)))),
        answered=both(pair.answered, negate(sends)),
        counts=counts,
        counted=chosen_update(accepted, pair.last, pair.counted),
        counted_end=choose_integer(accepted, end, pair.counted_end),
    )


def chosen_update(condition: Truth, then: UpdateTerm, otherwise: UpdateTerm) -> UpdateTerm:
    """Return one of two updates, part by part."""
    parts = {
        part: choose_integer(condition, getattr(then, part), getattr(otherwise, part))
        for part in UPDATE_PARTS
    }
    return UpdateTerm(**parts)
