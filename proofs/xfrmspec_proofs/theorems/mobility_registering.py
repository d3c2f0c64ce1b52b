"""Theorems about home registrations: whose they are, how long they last, and for whom an agent stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from xfrmspec_model import mobility_times
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    at_most,
    both,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.mobility_agent import (
    NOBODY,
    NOTHING_TO_DELETE,
    AgentEntryTerm,
    AgentHappening,
    AgentTerm,
    in_time,
)
from xfrmspec_model.mobility_numbers import NUMBERS, is_ahead
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_times import UNIT, Defences, granted_by_agent
from xfrmspec_model.mobility_verdicts import ACCEPTED
from xfrmspec_proofs.agents import AgentRun, agent_course
from xfrmspec_proofs.mobility import HOME, with_mobility
from xfrmspec_proofs.sequences import further_on
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN


@theorem(
    name="a_registration_comes_under_the_association_of_its_home_address",
    statement="Whatever a home agent receives, each home address that it has registered or probes was named "
    "by an update under the association of this very home address.",
    clauses=("XFRM-SAFE-001", "XFRM-ATTACK-013", "XFRM-HA-003"),
    mutants={
        "any_association_does": with_mobility(
            is_vouched_for=lambda _: lambda association, home, on: negate(same(association, NOBODY))
        ),
    },
    tried_in=(CLEAN,),
    needs=(Defence.ASSOCIATION,),
)
def _vouched(scene: Scene) -> Sequence[Claim]:
    told = agent_course(scene, 2)

    def own(agent: AgentTerm, at: Number) -> Truth:
        entry = agent.entry
        stands = entry.registered if scene.small else either(entry.registered, entry.probed)
        return implies(stands, same(entry.vouched, agent.home))

    def holds(run: AgentRun) -> bool:
        return run.registration is None or run.vouched == HOME

    return told.always(own, holds, [told.after.entry.registered])


@theorem(
    name="a_registration_lasts_at_most_what_was_granted_asked_and_the_prefix_lives",
    statement="At every moment a registration has at most the granted lifetime left, which is at most what "
    "its update asked for and the agent's limit, and it ends no later than the home prefix.",
    clauses=("XFRM-HA-031", "XFRM-HA-018", "XFRM-HA-016", "XFRM-HA-020"),
    mutants={
        "the_prefix_does_not_matter": with_mobility(
            granted_by_agent=lambda _: lambda asked, limit, left: granted_by_agent(asked, limit, asked)
        ),
        "the_limit_does_not_matter": with_mobility(
            granted_by_agent=lambda _: lambda asked, limit, left: granted_by_agent(asked, asked, left)
        ),
    },
    tried_in=(CLEAN,),
)
def _lasts(scene: Scene) -> Sequence[Claim]:
    told = agent_course(scene, 3)

    def bounded(agent: AgentTerm, at: Number) -> Truth:
        entry = agent.entry
        left = at_most(entry.ends - at, entry.granted)
        least = (at_most(entry.granted, entry.asked), at_most(entry.granted, agent.limit))
        return implies(entry.registered, all_of((left, *least, at_most(entry.ends, agent.prefix_ends))))

    def holds(run: AgentRun) -> bool:
        binding = run.registration
        if binding is None or binding.ends_at is None:
            return binding is None
        fits = binding.granted <= run.limit and binding.ends_at <= run.prefix_ends
        return fits and binding.ends_at - run.now <= binding.granted

    return told.always(bounded, holds, [told.after.entry.registered])


def _ends_later(_: MobilityRules) -> Callable[[Number, Number, Defences], Truth]:
    return lambda ends, now, on: mobility_times.is_over(ends + 1, now, on)


@theorem(
    name="a_registration_has_ended_when_its_lifetime_is_over",
    statement="At every moment a registration that stands ends later, so without further updates every "
    "registration ends.",
    clauses=("XFRM-ATTACK-007", "XFRM-HA-028"),
    mutants={"a_registration_ends_a_moment_later": with_mobility(is_over=_ends_later)},
    tried_in=(CLEAN,),
    needs=(Defence.REFRESH,),
)
def _ends(scene: Scene) -> Sequence[Claim]:
    told = agent_course(scene, 3)

    def to_come(agent: AgentTerm, at: Number) -> Truth:
        asked = implies(agent.entry.probed, at_most(UNIT, agent.entry.asked))
        return both(asked, implies(agent.entry.registered, in_time(agent.entry, at)))

    def holds(run: AgentRun) -> bool:
        binding = run.registration
        return binding is None or run.now < run.registered_at + binding.granted

    waits = [told.before.entry.registered, same(told.last.kind, AgentHappening.NOTHING)]
    return told.always(to_come, holds, waits)


@theorem(
    name="numbers_accepted_by_a_home_agent_go_forward",
    statement="Of two updates for one home address that a home agent takes, or refuses with 133, one after "
    "the other, whatever happens between them, the later has a number 1 to 32767 ahead of the earlier.",
    clauses=("XFRM-HA-032", "XFRM-HA-007", "XFRM-HA-022", "XFRM-ATTACK-006"),
    mutants={
        "the_same_number_does": with_mobility(
            is_ahead=lambda _: lambda new, last: either(same(new, last), is_ahead(new, last))
        ),
        "numbers_only_grow": with_mobility(is_ahead=lambda _: lambda new, last: less(last, new)),
    },
    tried_in=(CLEAN,),
    needs=(Defence.SEQUENCE,),
)
def _forward(scene: Scene) -> Sequence[Claim]:
    told = agent_course(scene, 3)
    before, after = told.before.entry, told.after.entry

    def known(entry: AgentEntryTerm) -> Truth:
        there = any_of((entry.probed, entry.registered, entry.remembered))
        return both(there, both(at_most(0, entry.number), less(entry.number, NUMBERS)))

    taken = among(told.after.verdict, (ACCEPTED, NOTHING_TO_DELETE))
    forward = implies(taken, further_on(told.last.number, before.number))
    kept = both(known(after), either(taken, same(after.number, before.number)))

    def holds(run: AgentRun) -> bool:
        return all(further_on(new, old) for old, new in pairwise(run.accepted))

    two = [same(event.kind, AgentHappening.UPDATE) for event in (told.events[0], told.last)]
    goal = both(kept, forward)
    return [Claim([*told.given, known(before)], goal, [*told.instance, *two], told.witness(holds))]


@theorem(
    name="nobody_is_stood_in_for_unprobed",
    statement="A home address that was not registered becomes registered only when a probe of it ends with "
    "unique.",
    clauses=("XFRM-HA-033", "XFRM-HA-013", "XFRM-HA-016", "XFRM-HA-017"),
    mutants={"nothing_is_probed": with_mobility(is_probed_first=lambda _: lambda registered: False)},
    tried_in=(CLEAN,),
)
def _probed(scene: Scene) -> Sequence[Claim]:
    told = agent_course(scene, 3)
    before, after = told.before.entry, told.after.entry
    probe = both(before.probed, same(told.last.kind, AgentHappening.UNIQUE))
    goal = implies(both(after.registered, negate(before.registered)), probe)

    def holds(run: AgentRun) -> bool:
        return not run.unprobed

    instance = [*told.instance, after.registered, negate(before.registered)]
    return [Claim(list(told.given), goal, instance, told.witness(holds))]


@theorem(
    name="a_home_agent_has_a_tunnel_exactly_for_what_is_registered",
    statement="At every moment a home agent has a tunnel and a proxy for a home address exactly if it is "
    "registered, and the tunnel ends at the registered care-of address.",
    clauses=("XFRM-SAFE-003", "XFRM-HA-021", "XFRM-HA-027", "XFRM-DAEMON-034", "XFRM-DAEMON-036"),
    mutants={"a_release_leaves_the_tunnel": with_mobility(release_ends_tunnel=lambda _: lambda: False)},
    tried_in=(CLEAN,),
)
def _stands_in(scene: Scene) -> Sequence[Claim]:
    told = agent_course(scene, 4)

    def stands(agent: AgentTerm, at: Number) -> Truth:
        ends = implies(agent.tunnel, same(agent.tunnel_end, agent.entry.care_of))
        return both(alike(agent.tunnel, agent.entry.registered), ends)

    was = told.before.entry.registered
    return told.always(stands, lambda run: run.stands_in(), [was])
