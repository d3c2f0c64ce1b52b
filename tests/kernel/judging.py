"""After how many scenarios of the campaigns each mutation of the reference is caught, and by which."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice

from kernel.mutation import Mutation
from kernel.watching import Watch
from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, Numbered, scenarios_of
from xfrmspec.scenario.observation import Outcome, Subject, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import Scenario
from xfrmspec_terms.profile import Profile

CHUNK = 100
JUDGED = (
    CampaignName.POLICIES,
    CampaignName.OUTPUT,
    CampaignName.INPUT,
    CampaignName.SOCKETS,
    CampaignName.SELECTORS,
    CampaignName.STATES,
    CampaignName.MIGRATE,
    CampaignName.LIFETIMES,
    CampaignName.REPLAY,
    CampaignName.CACHES,
    CampaignName.CACHED_POLICIES,
    CampaignName.OCTETS,
    CampaignName.ARRIVALS,
)
"""The campaigns whose mix judges, in turn: all but the one that waits.

A fixed list, so that recorded places stay what they are.
"""


@dataclass(frozen=True, slots=True)
class Caught:
    """Where a mutation first showed: its scenario's place in the mix (from 1), and what differed there."""

    after: int
    campaign: CampaignName
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one mutation within `judged` scenarios; `caught` None for a survivor."""

    mutation: Mutation
    judged: int
    caught: Caught | None


@dataclass(frozen=True, slots=True)
class Trial:
    """All verdicts under one profile, and on how many scenarios the sound reference was at odds itself."""

    profile: Profile
    judge: str
    judged: int
    own_disagreements: int
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a trial has come: scenarios, those the sound reference got wrong, and who was caught where."""

    judged: int = 0
    own_disagreements: int = 0
    found: dict[str, Caught] = field(default_factory=dict)
    judge: str = ""


Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario with the judge's answer; `concerned` names the mutations that would have mattered to it.

    `is_fair` says that the sound reference agreed with the judge.
    """

    numbered: Numbered
    place: int
    answer: Outcome
    is_fair: bool
    concerned: frozenset[str]


def by_profile(mutations: Iterable[Mutation]) -> Iterator[tuple[Profile, tuple[Mutation, ...]]]:
    """Yield the mutations of each profile together, profiles in the order of their names."""
    ordered = sorted(mutations, key=lambda mutation: mutation.profile.name)
    for _, group in groupby(ordered, key=lambda mutation: mutation.profile.name):
        together = tuple(group)
        yield together[0].profile, together


def mix(seed: int, limit: int, *, with_states: bool = True, first: int = 0) -> Iterator[Numbered]:
    """Return the scenarios that a judge sees, campaign by campaign; without states where there are none."""
    judged = tuple(CAMPAIGNS[name] for name in JUDGED)
    chosen = tuple(campaign for campaign in judged if with_states or not campaign.needs_states)
    return scenarios_of(chosen, seed, limit, first)


def try_all(
    mutations: Sequence[Mutation],
    scenarios: Iterator[Numbered],
    judge: Subject,
    tell: Tell,
    before: Progress | None = None,
) -> Trial:
    """Run every mutation until it is caught or the scenarios end; `tell` hears of every chunk.

    The mutations are of one profile. Every scenario is answered once, and only those at large are tried on
    it. Scenarios on which the sound reference and the judge disagree are left out, and counted. A trial that
    goes on takes what an earlier one knew as `before`, and the scenarios behind those.
    """
    sound = ReferenceSubject(mutations[0].profile)
    known = before or Progress()
    answered = _answered(judge, scenarios)
    while (at_large := _at_large(mutations, known)) and (chunk := list(islice(answered, CHUNK))):
        watch = Watch()
        with watch.over(at_large):
            cases = [
                _case(numbered, known.judged + place, sound, answer, watch)
                for place, (numbered, answer) in enumerate(chunk, start=1)
            ]
        found = {mutation.name: first_difference(mutation, cases) for mutation in at_large}
        known = Progress(
            known.judged + len(cases),
            known.own_disagreements + sum(not case.is_fair for case in cases),
            known.found | {name: caught for name, caught in found.items() if caught is not None},
            judge.name,
        )
        tell(known)
    verdicts = tuple(Verdict(m, known.judged, known.found.get(m.name)) for m in mutations)
    name = known.judge or judge.name
    return Trial(mutations[0].profile, name, known.judged, known.own_disagreements, verdicts)


def _at_large(mutations: Iterable[Mutation], known: Progress) -> list[Mutation]:
    return [mutation for mutation in mutations if mutation.name not in known.found]


def _answered(judge: Subject, scenarios: Iterable[Numbered]) -> Iterator[tuple[Numbered, Outcome]]:
    """Yield each scenario with its answer; the judge works ahead while the caller looks at one."""
    given: deque[Numbered] = deque()

    def fed() -> Iterator[Scenario]:
        for numbered in scenarios:
            given.append(numbered)
            yield numbered.scenario

    for answer in judge.run_all(fed()):
        yield given.popleft(), answer


def first_difference(mutation: Mutation, cases: Iterable[Case]) -> Caught | None:
    """Return where the mutated reference first differs from the judge's answers, or None.

    Cases to which the mutation does not matter are passed over. A mutation that makes the reference fail is
    caught by the failure.
    """
    with mutation.planted() as profile:
        subject = ReferenceSubject(profile)
        for case in cases:
            if not case.is_fair or mutation.name not in case.concerned:
                continue
            try:
                told = differences(subject.run(case.numbered.scenario), case.answer)
            except Exception as error:
                return Caught(case.place, case.numbered.campaign, type(error).__name__)
            if told:
                return Caught(case.place, case.numbered.campaign, told[0].what)
    return None


def _case(numbered: Numbered, place: int, sound: Subject, answer: Outcome, watch: Watch) -> Case:
    """Run the sound reference and note which mutations would have mattered on its way."""
    watch.concerned.clear()
    outcome = sound.run(numbered.scenario)
    return Case(numbered, place, answer, not differences(outcome, answer), frozenset(watch.concerned))
