"""Laws of correspondent node and home agent over histories with replays, forgeries and noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mobility_histories import (
    ADDRESSES,
    OWN,
    Act,
    Told,
    acts,
    close_histories,
    events,
    heard,
    histories,
    lifetimes,
    numbers,
    pauses,
    told_in,
)

from xfrmspec.mipv6.binding_cache import Binding, Remembered, entry_of
from xfrmspec.mipv6.correspondent_node import deadline, step
from xfrmspec.mipv6.correspondent_settings import (
    CorrespondentNode,
    CorrespondentSettings,
    new_correspondent_node,
)
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.home_agent import deadline as agent_deadline
from xfrmspec.mipv6.home_agent import step as agent_step
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings, HomePrefix, Waiting
from xfrmspec.mipv6.kept_tests import MOST_KEPT_TESTS, KeptTests
from xfrmspec.mipv6.nonces import Nonces
from xfrmspec.mipv6.sequence import is_ahead
from xfrmspec.wire.mobility import header_of
from xfrmspec_terms.daemon import DaemonEvent, Heard, Probe, Probed, Say, Step, Uniqueness, Woke
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.machines_binding_update import ACCEPTED
from xfrmspec_terms.machines_correspondent import CORRESPONDENT_MACHINES
from xfrmspec_terms.machines_home_agent import HOME_AGENT_MACHINES
from xfrmspec_terms.mobility import (
    BindingRefreshRequest,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
)

DRAWN = {
    (machine.name, one.source, one.event, one.target, one.clause)
    for machine in (*CORRESPONDENT_MACHINES, *HOME_AGENT_MACHINES)
    for one in machine.transitions
}
defences = st.frozensets(st.sampled_from(Defence)).map(lambda off: EVERY_DEFENCE - off)


def correspondent(settings: CorrespondentSettings = CorrespondentSettings()) -> CorrespondentNode:  # noqa: B008
    return new_correspondent_node(Entropy(b"laws"), settings)


def are_drawn(steps: Iterable[Step]) -> bool:
    return all((one.machine, one.source, one.event, one.target, one.clause) in DRAWN for one in steps)


def accepted(told: Told) -> bool:
    return any(one.target == ACCEPTED for one in told.answer.steps)


def leads_back(bindings: dict[IPv6Address, IPv6Address], home: IPv6Address) -> bool:
    seen = {home}
    while (home := bindings.get(home, IPv6Address(0))) in bindings:
        if home in seen:
            return True
        seen.add(home)
    return False


def care_of_addresses(entries: Iterable[object]) -> dict[IPv6Address, IPv6Address]:
    return {one.home_address: one.care_of for one in entries if isinstance(one, Binding)}


@given(histories, defences, st.integers(0, 3))
def test_no_history_raises_leaves_the_tables_or_overfills_the_node(
    history: list[tuple[int, Act]], on: frozenset[Defence], capacity: int
) -> None:
    for told in told_in(correspondent(CorrespondentSettings(on, capacity=capacity)), history):
        node = told.answer.node
        assert told.answer.steps
        assert are_drawn(told.answer.steps)
        assert len(node.entries) <= capacity
        homes = [entry.home_address for entry in node.entries]
        assert homes == sorted(set(homes))
        assert isinstance(node.tests, KeptTests) or len(node.tests.held) <= 8
        assert isinstance(node.tests, Nonces) or len(node.tests.tests) <= MOST_KEPT_TESTS


@pytest.mark.clause("XFRM-CN-036", "XFRM-CN-023")
@given(histories)
def test_no_binding_outlives_what_was_asked_or_420_s(history: list[tuple[int, Act]]) -> None:
    for told in told_in(correspondent(), history):
        for entry in told.answer.node.entries:
            if not isinstance(entry, Binding):
                continue
            assert entry.ends_at is not None
            assert 0 < entry.ends_at - told.now <= entry.granted <= 420_000
            if entry not in told.before.entries and entry.accepted_at == told.now and accepted(told):
                assert isinstance(told.event, Heard)
                assert isinstance(told.event.message, BindingUpdate)
                assert entry.granted <= told.event.message.lifetime * 4000


@pytest.mark.clause("XFRM-CN-037", "XFRM-CN-018", "XFRM-CN-026")
@given(st.one_of(close_histories, histories))
def test_numbers_go_forward_and_no_update_is_accepted_twice(history: list[tuple[int, Act]]) -> None:
    taken: list[Heard] = []
    for told in told_in(correspondent(), history):
        if not accepted(told):
            continue
        assert isinstance(told.event, Heard)
        assert told.event not in taken
        taken.append(told.event)
        earlier = entry_of(told.before.entries, told.event.source)
        later = entry_of(told.answer.node.entries, told.event.source)
        assert later is not None
        forgotten = isinstance(earlier, Remembered | Binding) and told.now - earlier.accepted_at >= 240_000
        assert earlier is None or forgotten or is_ahead(later.sequence, earlier.sequence)


@pytest.mark.clause("XFRM-CN-039", "XFRM-CN-020")
@given(st.one_of(close_histories, histories))
def test_bindings_make_no_cycle(history: list[tuple[int, Act]]) -> None:
    for told in told_in(correspondent(), history):
        bindings = care_of_addresses(told.answer.node.entries)
        assert not any(leads_back(bindings, home) for home in bindings)


@pytest.mark.clause("XFRM-CN-007", "XFRM-CN-008", "XFRM-CN-006")
@given(histories)
def test_a_test_keeps_nothing_and_gets_one_answer_of_like_size(history: list[tuple[int, Act]]) -> None:
    for told in told_in(correspondent(), history):
        if not isinstance(told.event, Heard):
            continue
        if not isinstance(told.event.message, HomeTestInit | CareOfTestInit):
            continue
        assert told.answer.node.entries == step(told.before, Woke(), told.now).node.entries
        answers = [one for one in told.answer.effects if isinstance(one, Say)]
        answers = [one for one in answers if not isinstance(one.message, BindingRefreshRequest)]
        assert len(answers) <= 1
        for say in answers:
            assert say.destination == told.event.source
            grown = len(header_of(say.message).data) - len(header_of(told.event.message).data)
            assert grown <= 8


@pytest.mark.clause("XFRM-CN-011", "XFRM-CN-017")
@given(histories)
def test_tokens_go_to_their_address_and_who_got_no_home_token_binds_nothing(
    history: list[tuple[int, Act]],
) -> None:
    for told in told_in(correspondent(), history):
        for effect in told.answer.effects:
            if isinstance(effect, Say) and isinstance(effect.message, HomeTest | CareOfTest):
                assert isinstance(told.event, Heard)
                assert effect.destination == told.event.source
        assert not (told.stolen and accepted(told))


@given(histories)
def test_the_deadline_is_when_something_happens(history: list[tuple[int, Act]]) -> None:
    for told in told_in(correspondent(), history):
        node, due = told.answer.node, deadline(told.answer.node)
        if due is not None:
            assert step(node, Woke(), max(due, told.now)).node != node
            assert due <= told.now or step(node, Woke(), due - 1).node == node


HOME_LINK = IPv6Network("2001:db8:1::/64")
flags, mostly = st.booleans(), st.sampled_from((True, True, True, False))
registrations = st.builds(
    lambda update, home, care_of, trusted: Heard(update, home, OWN, care_of, home if trusted else None),
    st.builds(BindingUpdate, numbers, flags, mostly, flags, flags, lifetimes),
    st.sampled_from(ADDRESSES[:2]),
    st.one_of(st.none(), st.sampled_from(ADDRESSES)),
    mostly,
)
probes = st.builds(Probed, st.sampled_from(ADDRESSES[:2]), st.sampled_from(Uniqueness))
at_home: st.SearchStrategy[DaemonEvent] = st.one_of(registrations, registrations, probes, events, heard)
home_histories = st.lists(st.tuples(pauses, at_home), max_size=30)
prefixes = st.builds(
    HomePrefix, st.just(HOME_LINK), st.one_of(st.none(), st.sampled_from((5_000, 300_000, 1_000_001)))
)


@pytest.mark.clause("XFRM-HA-031", "XFRM-HA-032", "XFRM-HA-033", "XFRM-HA-034")
@given(home_histories, prefixes, st.sampled_from((40_000, 262_140_000)))
def test_registrations_end_in_time_go_forward_are_probed_and_make_no_cycle(
    history: list[tuple[int, DaemonEvent]], prefix: HomePrefix, limit: int
) -> None:
    agent, now = HomeAgent(HomeAgentSettings((prefix,), limit=limit)), 0
    last: dict[IPv6Address, int] = {}
    for pause, event in history:
        now += pause
        before, answer = agent, agent_step(agent, event, now)
        agent = answer.node
        for entry in agent.entries:
            assert entry.sequence == last.get(entry.home_address, entry.sequence) or is_ahead(
                entry.sequence, last[entry.home_address]
            )
            last[entry.home_address] = entry.sequence
            if isinstance(entry, Binding):
                assert entry.ends_at is not None
                assert 0 < entry.ends_at - now <= entry.granted <= limit
                assert entry.granted % 4000 == 0
                assert prefix.valid_until is None or entry.ends_at <= prefix.valid_until
                came_from = entry_of(before.entries, entry.home_address)
                assert isinstance(came_from, Binding) or (
                    isinstance(came_from, Waiting) and event == Probed(entry.home_address, Uniqueness.UNIQUE)
                )
        assert set(last) == {entry.home_address for entry in agent.entries}
        bindings = care_of_addresses(agent.entries)
        assert not any(leads_back(bindings, home) for home in bindings)


homes = st.sampled_from([HOME_LINK[host] for host in (5, 6, 7)])


@pytest.mark.clause("XFRM-HA-010", "XFRM-HA-034")
@given(st.lists(st.tuples(homes, homes), min_size=2, max_size=8))
def test_registrations_at_one_another_make_no_cycle(moves: list[tuple[IPv6Address, IPv6Address]]) -> None:
    agent = HomeAgent(HomeAgentSettings((HomePrefix(HOME_LINK),)))
    for number, (home, care_of) in enumerate(moves):
        update = BindingUpdate(number, True, home_registration=True, lifetime=100)
        agent = agent_step(agent, Heard(update, home, OWN, care_of, home), number).node
        agent = agent_step(agent, Probed(home, Uniqueness.UNIQUE), number).node
        bindings = care_of_addresses(agent.entries)
        assert not any(leads_back(bindings, one) for one in bindings)


@pytest.mark.clause("XFRM-HA-003", "XFRM-HA-012", "XFRM-HA-030")
@given(home_histories, prefixes, defences, st.integers(0, 2))
def test_no_history_raises_at_a_home_agent_and_no_stranger_changes_it(
    history: list[tuple[int, DaemonEvent]], prefix: HomePrefix, on: frozenset[Defence], capacity: int
) -> None:
    agent, now = HomeAgent(HomeAgentSettings((prefix,), capacity=capacity, defences=on)), 0
    for pause, event in history:
        now += pause
        answer = agent_step(agent_step(agent, Woke(), now).node, event, now)
        assert answer.steps
        assert are_drawn(answer.steps)
        settled = agent_step(agent, Woke(), now).node
        stranger = isinstance(event, Heard) and event.association != event.source
        if stranger and Defence.ASSOCIATION in on:
            assert answer.node == settled
            assert not any(isinstance(effect, Probe) for effect in answer.effects)
        agent = answer.node
        due = agent_deadline(agent)
        assert due is None or agent_step(agent, Woke(), max(due, now)).node != agent


@given(st.lists(acts, max_size=10))
def test_the_same_history_gives_the_same_answers(history: list[Act]) -> None:
    paused = [(1, act) for act in history]
    first, second = (list(told_in(correspondent(), paused)) for _ in range(2))
    assert [told.answer for told in first] == [told.answer for told in second]
    assert replace(correspondent(), last_error=0) != correspondent()
