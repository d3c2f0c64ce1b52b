"""No false claims: whatever the configuration, each finding is what a fresh replay shows."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.formats.dump import Location
from xfrmspec.xfrm.lookup import best_match
from xfrmspec_proofs.checks import (
    Configuration,
    PlacedPolicy,
    PlacedState,
    Scenario,
    build_configuration,
    check_configuration,
    replay,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18
from xfrmspec_terms.selector import PortMatch, Prefix, Protocol, Selector

ADDRESSES = [ip_address(text) for text in ("2001:db8::", "2001:db8::1", "2001:db8:0:1::1", "::")]
PREFIXES = st.builds(Prefix, st.sampled_from(ADDRESSES), st.sampled_from((0, 0, 32, 64, 127, 128)))
PORTS = st.sampled_from((PortMatch(), PortMatch(), PortMatch.exactly(5)))
PROTOCOLS = st.sampled_from((0, Protocol.UDP, Protocol.MOBILITY, Protocol.ICMPV6, Protocol.ESP))
SELECTORS = st.builds(Selector, PREFIXES, PREFIXES, PROTOCOLS, PORTS, PORTS)
KINDS = st.sampled_from(
    (
        (Protocol.ESP, Mode.TRANSPORT),
        (Protocol.ESP, Mode.TUNNEL),
        (Protocol.AH, Mode.TRANSPORT),
        (Protocol.IPCOMP, Mode.TRANSPORT),
        (Protocol.DESTINATION_OPTIONS, Mode.RO),
        (Protocol.ROUTING, Mode.RO),
        (Protocol.DESTINATION_OPTIONS, Mode.IN_TRIGGER),
        (Protocol.ESP, Mode.IN_TRIGGER),
    )
)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    protocol, mode = draw(KINDS)
    optional = draw(st.booleans()) and mode is not Mode.TUNNEL
    source, destination = (draw(st.sampled_from(ADDRESSES)) for _ in range(2))
    return Template(protocol, mode, source, destination, reqid=draw(st.integers(0, 1)), optional=optional)


POLICIES = st.builds(
    Policy,
    SELECTORS,
    st.sampled_from(Direction),
    st.sampled_from(PolicyType),
    st.sampled_from((Action.ALLOW, Action.ALLOW, Action.BLOCK)),
    st.integers(0, 3),
    st.lists(templates(), max_size=4).map(tuple),
)
MASKS = st.sampled_from(
    (frozenset(),) * 5
    + (frozenset({"priority"}), frozenset({"templates[0].reqid"}), frozenset({"selector.protocol"}))
)


@st.composite
def states(draw: st.DrawFn) -> SecurityAssociation:
    protocol, mode = draw(KINDS)
    source, destination = (draw(st.sampled_from(ADDRESSES)) for _ in range(2))
    return SecurityAssociation(source, destination, protocol, mode, spi=7, reqid=draw(st.integers(0, 1)))


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    policies = draw(st.lists(st.tuples(POLICIES, MASKS), max_size=9))
    known = draw(st.lists(states(), max_size=4))
    return build_configuration(
        [PlacedPolicy(p, Location("given", line), masked) for line, (p, masked) in enumerate(policies, 1)],
        draw(st.sampled_from((CLEAN, LINUX_6_1, LINUX_6_18))),
        [PlacedState(state, Location("given", line)) for line, state in enumerate(known, 100)],
        states_known=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(configurations())
def test_every_outcome_is_what_a_fresh_replay_shows(configuration: Configuration) -> None:
    for finding in check_configuration(configuration).findings:
        again = replay(configuration, finding.witness, finding.direction, finding.scenario)
        assert finding.outcome == again.outcome
        assert again.certain or finding.rule in ("masked-values", "duplicate-identity")


@settings(max_examples=80, deadline=None)
@given(configurations())
def test_a_shadowed_policy_never_decides_its_witness(configuration: Configuration) -> None:
    by_place = {placed.at: placed for placed in configuration.policies}
    for finding in check_configuration(configuration).findings:
        if finding.rule != "shadowed-policy":
            continue
        policy = by_place[finding.policies[0].at].policy
        winner = best_match(configuration.database, finding.witness, policy.direction, policy.type)
        assert winner is not None
        assert winner.policy != policy


@settings(max_examples=80, deadline=None)
@given(configurations())
def test_the_winner_of_a_tie_is_the_one_the_whole_database_chooses(configuration: Configuration) -> None:
    by_place = {placed.at: placed.policy for placed in configuration.policies}
    for finding in check_configuration(configuration).findings:
        if finding.rule == "undecided-tie":
            winner, loser = (by_place[involved.at] for involved in finding.policies[:2])
            found = best_match(configuration.database, finding.witness, winner.direction, winner.type)
            assert found is not None
            assert found.policy == winner
            assert winner.priority == loser.priority
            assert finding.scenario is Scenario.PLAIN
