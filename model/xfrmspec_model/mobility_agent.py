"""A home agent and one home address: updates, probes, and the life of the registration, as terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    at_most,
    both,
    choose_integer,
    choose_truth,
    either,
    first_integer_of,
    less,
    negate,
    same,
)
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO, UNIT
from xfrmspec_model.mobility_verdicts import ACCEPTED, DROPPED
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence

NOTHING_TO_DELETE = 133
"""The status of a deletion where nothing is registered or probed; its number is remembered."""

NOBODY = 0
"""The association of an update that came without one."""


class AgentHappening(IntEnum):
    """What can reach a home agent about one home address."""

    UPDATE = 0
    UNIQUE = 1
    DUPLICATE = 2
    NOTHING = 3


@dataclass(frozen=True, slots=True)
class AgentEntryTerm:
    """The entry for the home address, and the home address whose association its last update came under.

    `care_of` and `asked` are those of the waiting update while the home address is probed.
    """

    probed: Truth = False
    registered: Truth = False
    remembered: Truth = False
    care_of: Number = 0
    number: Number = 0
    asked: Number = 0
    granted: Number = 0
    ends: Number = LONG_AGO
    vouched: Number = NOBODY


AGENT_NUMBERS = ("care_of", "number", "asked", "granted", "ends", "vouched")
AGENT_TRUTHS = ("probed", "registered", "remembered")


@dataclass(frozen=True, slots=True)
class AgentEventTerm:
    """Something that happens at a time; of an update with flag H also what it says and how it came."""

    kind: Number
    at: Number
    care_of: Number = 0
    number: Number = 0
    lifetime: Number = 0
    association: Number = NOBODY
    has_option: Truth = True


@dataclass(frozen=True, slots=True)
class AgentTerm:
    """A home agent: its limit, when its prefix ends, the entry, its tunnel, and the last update's verdict.

    `tunnel` tells whether there is a tunnel for the home address, to `tunnel_end`.
    """

    home: Number
    limit: Number
    prefix_ends: Number
    entry: AgentEntryTerm = AgentEntryTerm()
    tunnel: Truth = False
    tunnel_end: Number = 0
    verdict: Number = DROPPED


@clause("XFRM-HA-022", "XFRM-HA-028")
def registration_at(
    entry: AgentEntryTerm, now: Number, rules: MobilityRules = MOBILITY_RULES
) -> AgentEntryTerm:
    """Return an entry as it is at a time, if nothing came for it. Source: XFRM-HA-022, XFRM-HA-028."""
    ended = both(entry.registered, rules.is_over(entry.ends, now, rules.defences))
    return replace(
        entry, registered=both(entry.registered, negate(ended)), remembered=either(entry.remembered, ended)
    )


def asks_for_end(update: AgentEventTerm, home: Number) -> Truth:
    """Tell whether an update is a deletion."""
    return either(same(update.lifetime, 0), same(update.care_of, home))


def _prefix_serves(agent: AgentTerm, now: Number) -> Truth:
    return at_most(UNIT, agent.prefix_ends - now)


@clause("XFRM-HA-003", "XFRM-HA-006", "XFRM-HA-007", "XFRM-HA-008", "XFRM-HA-012")
def verdict_of_agent(
    agent: AgentTerm, update: AgentEventTerm, rules: MobilityRules = MOBILITY_RULES
) -> Number:
    """Return the status of an update with flag H, or that it is dropped.

    Source: XFRM-HA-003 to XFRM-HA-008, XFRM-HA-012.
    """
    entry, deletion = agent.entry, asks_for_end(update, agent.home)
    known = any_of((entry.probed, entry.registered, entry.remembered))
    asked = both(known, Defence.SEQUENCE in rules.defences)
    again = all_of((asked, entry.probed, same(update.number, entry.number)))
    stale = both(asked, negate(rules.is_ahead(update.number, entry.number)))
    cases: list[tuple[Truth, Number]] = [
        (negate(rules.is_vouched_for(update.association, agent.home, rules.defences)), DROPPED),
        (negate(_prefix_serves(agent, update.at)), 132),
        (again, DROPPED),
        (stale, 135),
        (both(deletion, negate(either(entry.registered, entry.probed))), NOTHING_TO_DELETE),
        (both(negate(deletion), negate(update.has_option)), DROPPED),
    ]
    return first_integer_of(cases, ACCEPTED)


@clause("XFRM-HA-013", "XFRM-HA-015", "XFRM-HA-020", "XFRM-HA-021", "XFRM-HA-022")
def registration_after(
    agent: AgentTerm, update: AgentEventTerm, rules: MobilityRules = MOBILITY_RULES
) -> AgentEntryTerm:
    """Return the entry that an accepted update leaves: ended, probed, or registered anew.

    Source: XFRM-HA-013, XFRM-HA-015, XFRM-HA-020 to XFRM-HA-022.
    """
    entry, deletion = agent.entry, asks_for_end(update, agent.home)
    waits = both(negate(deletion), rules.is_probed_first(entry.registered))
    granted = rules.granted_by_agent(update.lifetime, agent.limit, agent.prefix_ends - update.at)
    return AgentEntryTerm(
        probed=waits,
        registered=both(negate(deletion), negate(waits)),
        remembered=deletion,
        care_of=update.care_of,
        number=update.number,
        asked=update.lifetime,
        granted=granted,
        ends=update.at + granted,
        vouched=update.association,
    )


@clause("XFRM-HA-016", "XFRM-HA-017")
def registration_after_probe(
    agent: AgentTerm, event: AgentEventTerm, rules: MobilityRules = MOBILITY_RULES
) -> AgentEntryTerm:
    """Return the entry after a probe has ended; without a probed entry nothing changes.

    Source: XFRM-HA-016, XFRM-HA-017.
    """
    entry = agent.entry
    free = both(same(event.kind, AgentHappening.UNIQUE), _prefix_serves(agent, event.at))
    granted = rules.granted_by_agent(entry.asked, agent.limit, agent.prefix_ends - event.at)
    ended = replace(
        entry,
        probed=False,
        registered=free,
        remembered=negate(free),
        granted=granted,
        ends=event.at + granted,
    )
    return chosen_registration(entry.probed, ended, entry)


@clause("XFRM-HA-008", "XFRM-HA-016", "XFRM-HA-020", "XFRM-HA-021", "XFRM-HA-028")
def agent_after(agent: AgentTerm, event: AgentEventTerm, rules: MobilityRules = MOBILITY_RULES) -> AgentTerm:
    """Return a home agent after something happened, with the tunnel that its stages ask for.

    Source: XFRM-HA-008, XFRM-HA-016, XFRM-HA-020, XFRM-HA-021, XFRM-HA-028.
    """
    aged = registration_at(agent.entry, event.at, rules)
    present = replace(agent, entry=aged, tunnel=_tunnel_after(agent.tunnel, agent.entry, aged, rules))
    is_update = same(event.kind, AgentHappening.UPDATE)
    verdict = choose_integer(is_update, verdict_of_agent(present, event, rules), DROPPED)
    taken = both(is_update, same(verdict, ACCEPTED))
    is_probe = either(same(event.kind, AgentHappening.UNIQUE), same(event.kind, AgentHappening.DUPLICATE))
    probed = chosen_registration(is_probe, registration_after_probe(present, event, rules), aged)
    nothing_there = both(is_update, same(verdict, NOTHING_TO_DELETE))
    unbound = AgentEntryTerm(remembered=True, number=event.number)
    refused = chosen_registration(nothing_there, unbound, probed)
    entry = chosen_registration(taken, registration_after(present, event, rules), refused)
    tunnel = _tunnel_after(present.tunnel, aged, entry, rules)
    end = choose_integer(entry.registered, entry.care_of, agent.tunnel_end)
    return replace(present, entry=entry, tunnel=tunnel, tunnel_end=end, verdict=verdict)


@clause("XFRM-DAEMON-034", "XFRM-DAEMON-036")
def _tunnel_after(
    tunnel: Truth, before: AgentEntryTerm, after: AgentEntryTerm, rules: MobilityRules
) -> Truth:
    """Return whether there is a tunnel after the stages bound and released. Source: XFRM-DAEMON-034, -036."""
    bound = both(negate(before.registered), after.registered)
    released = both(before.registered, negate(after.registered))
    ended = both(released, rules.release_ends_tunnel())
    return choose_truth(bound, True, both(tunnel, negate(ended)))


def chosen_registration(condition: Truth, then: AgentEntryTerm, otherwise: AgentEntryTerm) -> AgentEntryTerm:
    """Return one of two entries, part by part."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    numbers = {
        part: choose_integer(condition, getattr(then, part), getattr(otherwise, part))
        for part in AGENT_NUMBERS
    }
    truths = {
        part: choose_truth(condition, getattr(then, part), getattr(otherwise, part)) for part in AGENT_TRUTHS
    }
    return AgentEntryTerm(**numbers, **truths)


def in_time(entry: AgentEntryTerm, now: Number) -> Truth:
    """Tell whether a registration stands whose end is still to come."""
    return both(entry.registered, less(now, entry.ends))
