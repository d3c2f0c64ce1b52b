"""The campaigns as hypothesis strategies; this module alone needs hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from xfrmspec.conform.campaigns import CAMPAIGNS, Campaign, CampaignName, members
from xfrmspec.scenario.terms import Scenario


def biased_scenarios(name: CampaignName) -> st.SearchStrategy[Scenario]:
    """Scenarios of a campaign in which things mostly fit."""
    return st.one_of(*(_generated(campaign, raw=False) for campaign in members(name)))


def raw_scenarios(name: CampaignName) -> st.SearchStrategy[Scenario]:
    """Scenarios of a campaign that are drawn from whole types."""
    return st.one_of(*(_generated(campaign, raw=True) for campaign in members(name)))


def scenarios(name: CampaignName = CampaignName.ALL) -> st.SearchStrategy[Scenario]:
    """Scenarios of a campaign, biased and raw."""
    return biased_scenarios(name) | raw_scenarios(name)


def campaigns() -> st.SearchStrategy[Campaign]:
    """Any single campaign."""
    return st.sampled_from(tuple(CAMPAIGNS.values()))


def _generated(campaign: Campaign, *, raw: bool) -> st.SearchStrategy[Scenario]:
    generators = (campaign.raw,) if raw else campaign.biased
    randoms = st.randoms(use_true_random=False)
    return st.one_of(*(randoms.map(generator) for generator in generators))
