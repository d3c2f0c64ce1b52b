"""The closed table of campaigns: what each is about, how its scenarios are made, what it must fire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from xfrmspec.conform.arrivals import arrival_scenario, deep_scenario, icmp_scenario, raw_arrivals
from xfrmspec.conform.caches import (
    cache_scenario,
    policy_cache_scenario,
    raw_cached_policies,
    raw_caches,
)
from xfrmspec.conform.lifetimes import lifetime_scenario, raw_lifetimes, raw_time, time_scenario
from xfrmspec.conform.migrations import migration_scenario, raw_migrations
from xfrmspec.conform.octets import large_octet_scenario, octet_scenario, raw_octets
from xfrmspec.conform.pairs import pair_scenario
from xfrmspec.conform.raw import raw_input, raw_output, raw_policies
from xfrmspec.conform.searching import search_scenario
from xfrmspec.conform.selectors import raw_selectors, selector_scenario
from xfrmspec.conform.sockets import raw_sockets, socket_scenario
from xfrmspec.conform.states import raw_states, state_scenario
from xfrmspec.conform.ties import tie_scenario
from xfrmspec.conform.twins import twin_scenario
from xfrmspec.conform.windows import counter_scenario, raw_windows, window_scenario
from xfrmspec.scenario.histories import lookup_scenario
from xfrmspec.scenario.protection import output_scenario
from xfrmspec.scenario.reception import input_scenario
from xfrmspec.scenario.terms import Scenario

Generator = Callable[[Random], Scenario]

RAW_EVERY = 5
"""Every fifth scenario of a campaign is a raw one."""


class CampaignName(StrEnum):
    """The campaigns, and the mix of all of them but those in which real time goes by."""

    POLICIES = "policies"
    OUTPUT = "output"
    INPUT = "input"
    SOCKETS = "sockets"
    SELECTORS = "selectors"
    STATES = "states"
    MIGRATE = "migrate"
    LIFETIMES = "lifetimes"
    REPLAY = "replay"
    TIME = "time"
    CACHES = "caches"
    CACHED_POLICIES = "cached-policies"
    OCTETS = "octets"
    ARRIVALS = "arrivals"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign.

    `biased` make scenarios in which things mostly fit, in turn; `raw` makes whatever the types allow. A long
    enough run must have carried out the clauses `runs`, and decided something by the clauses `cites`.
    `needs_states` says that the kernel must be able to transform packets, `waits` that real time goes by.
    """

    name: CampaignName
    about: str
    biased: tuple[Generator, ...]
    raw: Generator
    runs: tuple[str, ...]
    cites: tuple[str, ...]
    needs_states: bool = True
    waits: bool = False


def _ids(*topics: str) -> tuple[str, ...]:
    """Spell out clause ids: `"LOOKUP 1 2"` stands for XFRM-LOOKUP-001 and XFRM-LOOKUP-002."""
    found: list[str] = []
    for line in topics:
        topic, *numbers = line.split()
        found += [f"XFRM-{topic}-{int(number):03}" for number in numbers]
    return tuple(found)


_SENT = (
    *("AH 1 2 3 4 6", "ARCH 3", "BUILD 1", "BUNDLE 3", "COMP 1 2", "EMIT 1 2 6", "ESP 1 2 3 7", "FRAG 1 3"),
    *("LIFE 5", "MTU 1", "OPT 1 2", "PKT 1 2 3", "REPLAY 8 9", "SORT 6", "TUN 1 2", "WIRE 1 2 3 4 5"),
)
_RECEIVED = (
    *("AH 2 3 4 6 7", "CHECK 1 2 3 4 5 6 7 8 9 10 11", "COMP 3", "EMIT 1", "ESP 3 4 5", "FLOW 1", "LIFE 5"),
    *("OPT 1 2", "RECV 1 2 3 4 5 7 8", "REPLAY 2 3 4 5 6 7 9", "SAD 2 3", "TUN 2"),
)

CAMPAIGNS: dict[CampaignName, Campaign] = {
    campaign.name: campaign
    for campaign in (
        Campaign(
            CampaignName.POLICIES,
            "operations, ties, thresholds, identity, index, and lookups of every direction",
            (lookup_scenario, tie_scenario, twin_scenario),
            raw_policies,
            runs=_ids(
                "ARCH 4",
                "CHECK 1 2 6",
                "DB 1 2 6 8 9 10",
                "LOOKUP 2 3 4 8 9",
                "OUT 1",
                "SEL 1 2 3 5 6",
                "TIMER 3",
            ),
            cites=_ids("CHECK 4 5", "DB 3 5 7", "DEFAULT 1", "LOOKUP 1 5 6 7", "OUT 3 4", "PAIR 1"),
            needs_states=False,
        ),
        Campaign(
            CampaignName.OUTPUT,
            "templates of SUB and MAIN, every protocol and mode: headers on the wire and error numbers",
            (output_scenario, pair_scenario, search_scenario),
            raw_output,
            runs=_ids("FIND 1 2 3 4 5", "SORT 1 2 4 7", "TMPL 1 2 3 5 6 7 9", "WIRE 1 2 3 4 5"),
            cites=_ids("DB 9", "OUT 5 6 7", "TMPL 4 8"),
        ),
        Campaign(
            CampaignName.INPUT,
            "random sec_paths against SUB and MAIN: verdict, counter and report",
            (input_scenario,),
            raw_input,
            runs=_ids("CHECK 1 2 8 10 11", "SORT 1 3 5", "TMPL 4"),
            cites=_ids("CHECK 3 4 5 6 7 9 13"),
        ),
        Campaign(
            CampaignName.SOCKETS,
            "policies of sockets, and what happens to flows without a policy",
            (socket_scenario,),
            raw_sockets,
            runs=_ids("DEFAULT 2", "SOCK 2"),
            cites=_ids("DEFAULT 1", "OUT 2 5", "SOCK 1"),
        ),
        Campaign(
            CampaignName.SELECTORS,
            "ports, ICMP, mobility header types, marks and interfaces, behind extension headers as well",
            (selector_scenario,),
            raw_selectors,
            runs=_ids("FLOW 1 2 3 5"),
            cites=_ids("SEL 1 2 3 5 6"),
            needs_states=False,
        ),
        Campaign(
            CampaignName.STATES,
            "operations on states, SPIs and events, and which state a packet then uses",
            (state_scenario,),
            raw_states,
            runs=_ids("ACQ 1 2", "EVENT 1 2", "LIFE 1 2 3", "SAD 1 2 3 4 5 6 7 8 9 10 11 12", "SPI 1 2"),
            cites=(),
        ),
        Campaign(
            CampaignName.MIGRATE,
            "policies and states whose ends move, with packets behind",
            (migration_scenario,),
            raw_migrations,
            runs=_ids("MIGR 1 2 3 4 5 6"),
            cites=(),
        ),
        Campaign(
            CampaignName.LIFETIMES,
            "limits of octets and packets, soft and hard, used up by packets of both ways",
            (lifetime_scenario,),
            raw_lifetimes,
            runs=_ids("LIFE 2 4 5 7", "SAD 7"),
            cites=(),
        ),
        Campaign(
            CampaignName.REPLAY,
            "injected sequence numbers against windows of every kind, and counters at their end",
            (window_scenario, window_scenario, counter_scenario),
            raw_windows,
            runs=_ids("REPLAY 1 2 3 4 5 6 7 8 9 10"),
            cites=(),
        ),
        Campaign(
            CampaignName.CACHES,
            "sockets that stay, and changes of policies and states that should or should not reach them",
            (cache_scenario,),
            raw_caches,
            runs=_ids("BUNDLE 1 2", "CACHE 1 2 3 5 6 7 8", "DB 8"),
            cites=(),
        ),
        Campaign(
            CampaignName.CACHED_POLICIES,
            "the same with policies that transform nothing",
            (policy_cache_scenario,),
            raw_cached_policies,
            runs=_ids("CACHE 1 6 7 8", "DB 8", "DEFAULT 1"),
            cites=(),
            needs_states=False,
        ),
        Campaign(
            CampaignName.TIME,
            "limits of seconds of policies and states, and larval states that nobody answers",
            (time_scenario,),
            raw_time,
            runs=_ids("ACQ 3", "LIFE 4 6 7", "REPLAY 10", "TIMER 1 2"),
            cites=(),
            waits=True,
        ),
        Campaign(
            CampaignName.OCTETS,
            "every octet that leaves, with keys: several packets a state, tunnels, AH, fragments",
            (octet_scenario, large_octet_scenario),
            raw_octets,
            runs=_ids(*_SENT),
            cites=(),
        ),
        Campaign(
            CampaignName.ARRIVALS,
            "what our sender makes, whole and damaged, against windows, limits, bindings and policies",
            (*(arrival_scenario,) * 6, icmp_scenario, deep_scenario),
            raw_arrivals,
            runs=_ids(*_RECEIVED),
            cites=(),
        ),
    )
}


def members(name: CampaignName, *, with_states: bool = True) -> tuple[Campaign, ...]:
    """Return the campaigns behind a name; of the mix only those that the kernel can run."""
    if name is not CampaignName.ALL:
        return (CAMPAIGNS[name],)
    mixed = (campaign for campaign in CAMPAIGNS.values() if not campaign.waits)
    return tuple(campaign for campaign in mixed if with_states or not campaign.needs_states)


def scenario_number(campaign: Campaign, seed: int, number: int) -> Scenario:
    """Return one scenario of a campaign, which campaign, seed and number (from 0) determine alone."""
    random = Random(f"{seed}/{campaign.name}/{number}")
    if number % RAW_EVERY == RAW_EVERY - 1:
        return campaign.raw(random)
    return campaign.biased[number % len(campaign.biased)](random)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A scenario with the words that bring it back: campaign, seed and number."""

    campaign: CampaignName
    seed: int
    number: int
    scenario: Scenario


def scenarios_of(
    campaigns: tuple[Campaign, ...], seed: int, count: int, first: int = 0, step: int = 1
) -> Iterator[Numbered]:
    """Yield every `step`th of `count` scenarios from the `first` on, the campaigns taken in turn."""
    for place in range(first, count, step):
        campaign, number = campaigns[place % len(campaigns)], place // len(campaigns)
        yield Numbered(campaign.name, seed, number, scenario_number(campaign, seed, number))
