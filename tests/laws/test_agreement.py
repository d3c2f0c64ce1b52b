"""The executable reference and the model, written without sight of each other, give the same answers.

Each law also counts which clauses the reference's account named; a clause that should have fired and never
did fails the law, because then nothing was compared there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    DIRECTIONS,
    TEMPLATE_PAIRS,
    History,
    choices,
    flows,
    flows_near,
    histories,
    raw_flows,
    raw_flows4,
    raw_selectors,
    received,
    selectors,
    states,
    templates,
)

from xfrmspec.wire.insertion import insertion_point, wire_chain
from xfrmspec.xfrm.check import decide_input, state_selector_offender
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.lookup import best_match, lookup
from xfrmspec.xfrm.match import Mismatch, selector_mismatch
from xfrmspec.xfrm.pairing import select_policies
from xfrmspec.xfrm.placement import Thresholds, candidate_list
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.session import ReceivedHeaders, decode_session
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, DefaultActions, XfrmTables
from xfrmspec.xfrm.templates import instantiable, merge_states, merge_templates
from xfrmspec_model import evaluate
from xfrmspec_model.headers import kind_of
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter as XfrmCounter
from xfrmspec_terms.outcome import Reason
from xfrmspec_terms.packet import TRANSFORM_HEADERS, Header
from xfrmspec_terms.policy import (
    TEMPLATE_PROTOCOLS,
    Action,
    DefaultAction,
    Direction,
    InstalledPolicy,
    Mode,
    Policy,
    PolicyType,
    Template,
)
from xfrmspec_terms.profile import CLEAN, PROFILES, Profile
from xfrmspec_terms.selector import Family, Flow, Protocol, Selector

EVERY_PROFILE = [pytest.param(profile, id=name) for name, profile in sorted(PROFILES.items())]
SUB_PROFILES = [param for param in EVERY_PROFILE if param.id != "usagi-2004"]
directions = st.sampled_from(DIRECTIONS)
types = st.sampled_from((PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB))
paths = st.lists(states(), max_size=6)
vectors = st.lists(templates(), max_size=4)


class Firings:
    """How often each clause was named by the reference's own account."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, names: Iterable[str]) -> None:
        """Count clauses once each."""
        self._counts.update(set(names))

    def require(self, *names: str) -> None:
        """Fail for every clause that never fired."""
        never = [name for name in names if not self._counts[name]]
        assert not never, f"never fired: {', '.join(never)}"


def _clauses(reasons: Iterable[Reason]) -> list[str]:
    return [reason.clause for reason in reasons]


@pytest.mark.clause("XFRM-SEL-001", "XFRM-SEL-002", "XFRM-SEL-003", "XFRM-SEL-004")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(st.tuples(selectors, flows), id="biased"),
        pytest.param(st.tuples(raw_selectors, st.one_of(raw_flows, raw_flows4)), id="raw"),
    ],
)
def test_selector_match_agrees(profile: Profile, pairs: st.SearchStrategy[tuple[Selector, Flow]]) -> None:
    seen: Counter[Mismatch | None] = Counter()

    @given(pairs)
    @settings(max_examples=250, deadline=None)
    def law(pair: tuple[Selector, Flow]) -> None:
        mismatch = selector_mismatch(*pair, profile)
        seen[mismatch] += 1
        assert evaluate.selector_matches(*pair, profile) == (mismatch is None)

    law()
    assert seen[Mismatch.SOURCE] + seen[Mismatch.FAMILY] > 10


@pytest.mark.clause("XFRM-DB-002", "XFRM-LOOKUP-003")
@given(selectors, st.sampled_from((0, 48, 64, 128)), st.sampled_from((0, 48, 64, 128)))
def test_candidate_lists_agree(selector: Selector, local: int, remote: int) -> None:
    policy = Policy(selector, Direction.OUT)
    thresholds = Thresholds(min(local, 32), min(remote, 32), local, remote)
    source_bits, destination_bits = thresholds.bits(Direction.OUT, selector.family)
    expected = candidate_list(policy, thresholds)
    assert evaluate.candidate_list(selector, destination_bits, source_bits) is expected


@pytest.mark.clause(
    "XFRM-LOOKUP-001",
    "XFRM-LOOKUP-002",
    "XFRM-LOOKUP-004",
    "XFRM-LOOKUP-005",
    "XFRM-LOOKUP-006",
    "XFRM-LOOKUP-007",
    "XFRM-SEL-005",
    "XFRM-SEL-006",
)
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_lookup_agrees(profile: Profile) -> None:
    firings = Firings()

    @given(st.data(), histories(profile), directions, types)
    @settings(max_examples=400, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction, type_: PolicyType) -> None:
        flow = data.draw(flows_near(history))
        entries = tuple(history.database)
        told = lookup(history.database, flow, direction, type_)
        firings.count(trial.clause for trial in told.trials)
        index = evaluate.winner(entries, flow, direction, type_, profile)
        assert _ages(entries, index) == (told.winner and told.winner.age)

    law()
    firings.require(
        "XFRM-LOOKUP-001",
        "XFRM-LOOKUP-005",
        "XFRM-LOOKUP-006",
        "XFRM-LOOKUP-007",
        "XFRM-SEL-001",
        "XFRM-SEL-005",
        "XFRM-SEL-006",
    )


def _ages(entries: tuple[InstalledPolicy, ...], index: int | None) -> int | None:
    return None if index is None else entries[index].age


@pytest.mark.clause("XFRM-PAIR-001", "XFRM-OUT-003", "XFRM-CHECK-001", "XFRM-CHECK-002", "XFRM-ARCH-004")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_pairing_agrees(profile: Profile) -> None:
    sizes: Counter[tuple[Direction, int]] = Counter()

    @given(st.data(), histories(profile), st.sampled_from(Direction))
    @settings(max_examples=250, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction) -> None:
        flow = data.draw(flows_near(history))
        entries = tuple(history.database)
        selection = select_policies(XfrmTables(history.database), flow, direction, NO_SOCKET_POLICIES)
        sizes[direction, len(selection.policies)] += 1
        primary, secondary, blocks = evaluate.pair(entries, flow, direction, profile)
        found = tuple(entries[index].policy for index in (primary, secondary) if index is not None)
        assert found == selection.policies
        assert blocks == (selection.blocking is not None)

    law()
    assert all(sizes[Direction.OUT, size] for size in ((0, 1, 2) if profile.sub_policies else (0, 1)))


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-002", "XFRM-SORT-004", "XFRM-TMPL-009")
@given(st.lists(states(), max_size=3), st.lists(states(), max_size=3))
def test_the_order_of_states_agrees(sub: list[SecurityAssociation], main: list[SecurityAssociation]) -> None:
    merged = [*sub, *main]
    order = evaluate.sort_states([(state.protocol, state.mode) for state in merged])
    assert tuple(merged[index] for index in order) == merge_states([sub, main], Family.INET6)


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-003", "XFRM-SORT-005")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_the_order_of_templates_agrees(profile: Profile) -> None:
    @given(st.lists(templates(), max_size=3), st.lists(templates(), max_size=3))
    def law(sub: list[Template], main: list[Template]) -> None:
        merged = [*sub, *main]
        order = evaluate.sort_templates(merged, profile)
        assert tuple(merged[index] for index in order) == merge_templates([sub, main], Family.INET6, profile)

    law()


@pytest.mark.clause("XFRM-TMPL-006")
@pytest.mark.parametrize("protocol", sorted(TEMPLATE_PROTOCOLS))
@pytest.mark.parametrize("mode", list(Mode))
def test_instantiable_pairs_agree(protocol: Protocol, mode: Mode) -> None:
    assert evaluate.can_be_a_state(protocol, mode) == instantiable(protocol, mode)


def _database(profile: Profile, vectors: list[tuple[PolicyType, list[Template], Action]]) -> PolicyDatabase:
    database = PolicyDatabase(profile)
    everything = Selector.between("::/0", "::/0")
    for type_, vector, action in vectors:
        policy = Policy(everything, Direction.IN, type_, action, 1, tuple(vector))
        database = add(database, policy).database
    return database


@pytest.mark.clause(
    "XFRM-CHECK-004",
    "XFRM-CHECK-005",
    "XFRM-CHECK-006",
    "XFRM-CHECK-007",
    "XFRM-CHECK-008",
    "XFRM-CHECK-009",
    "XFRM-CHECK-010",
    "XFRM-CHECK-011",
    "XFRM-CHECK-012",
    "XFRM-CHECK-013",
    "XFRM-TMPL-004",
)
@pytest.mark.parametrize("profile", SUB_PROFILES)
def test_the_inbound_check_agrees(profile: Profile) -> None:
    firings = Firings()
    verdicts: Counter[XfrmCounter | None] = Counter()

    @given(
        st.one_of(st.none(), vectors),
        st.one_of(st.none(), vectors),
        paths,
        st.sampled_from((0, 0, 1, 2)),
        choices,
    )
    @settings(max_examples=500, deadline=None)
    def law(
        sub: list[Template] | None,
        main: list[Template] | None,
        path: list[SecurityAssociation],
        verified: int,
        take: object,
    ) -> None:
        sub_action = take.among((Action.ALLOW,) * 5 + (Action.BLOCK,))  # type: ignore[attr-defined]
        main_action = take.among((Action.ALLOW,) * 5 + (Action.BLOCK,))  # type: ignore[attr-defined]
        default = take.among((DefaultAction.ACCEPT,) * 3 + (DefaultAction.BLOCK,))  # type: ignore[attr-defined]
        aimed = _aimed(path, [*(sub or []), *(main or [])], take)
        rows = [
            (type_, vector, action)
            for type_, vector, action in (
                (PolicyType.SUB, sub, sub_action),
                (PolicyType.MAIN, main, main_action),
            )
            if vector is not None
        ]
        tables = XfrmTables(_database(profile, rows), defaults=DefaultActions(inbound=default))
        flow = Flow(aimed[0].source if aimed else _ANY, _ANY, Protocol.UDP)
        told = decide_input(tables, flow, aimed, verified=min(verified, len(aimed)))
        firings.count(_clauses(told.reasons))
        verdicts[told.counter] += 1
        accepted, counter, count = evaluate.inbound_check(
            sub,
            main,
            aimed,
            profile,
            min(verified, len(aimed)),
            sub_allows=sub_action is Action.ALLOW,
            main_allows=main_action is Action.ALLOW,
            default_action=default,
        )
        assert (accepted, counter) == (told.accepted, told.counter)
        if accepted and (sub is not None or main is not None):
            assert count == told.verified

    law()
    assert verdicts[None] > 40, "hardly any packet was accepted"
    firings.require(
        "XFRM-CHECK-004",
        "XFRM-CHECK-005",
        "XFRM-CHECK-006",
        "XFRM-CHECK-007",
        "XFRM-CHECK-009",
        "XFRM-CHECK-013",
        "XFRM-DEFAULT-001",
        "XFRM-TMPL-004",
    )


_ANY = Selector.between("::/0", "::/0").source.address


def _aimed(
    path: list[SecurityAssociation], wanted: list[Template], take: object
) -> list[SecurityAssociation]:
    """Bend most entries of a path towards the templates, so that many packets are accepted."""
    bent = [replace(state, selector=None) for state in path[: len(wanted) + 1]]
    for index, template in enumerate(reversed(wanted)):
        if index >= len(bent) or take.among((False, False, False, True)):  # type: ignore[attr-defined]
            continue
        bent[index] = replace(
            bent[index],
            protocol=template.protocol,
            mode=template.mode,
            reqid=template.reqid or bent[index].reqid,
            spi=template.spi or bent[index].spi,
            source=template.source if int(template.source) else bent[index].source,
            internal=False,
        )
    return bent


@pytest.mark.clause("XFRM-CHECK-003", "XFRM-SEL-004")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_state_selectors_agree(profile: Profile) -> None:
    seen: Counter[bool] = Counter()

    @given(paths, flows)
    @settings(max_examples=250, deadline=None)
    def law(path: list[SecurityAssociation], flow: Flow) -> None:
        fits = state_selector_offender(path, flow, profile) is None
        seen[fits] += 1
        assert evaluate.state_selectors(path, flow, profile) == fits

    law()
    assert min(seen.values()) > 10


@pytest.mark.clause("XFRM-FLOW-001", "XFRM-FLOW-002", "XFRM-FLOW-003", "XFRM-FLOW-004")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_decoding_of_received_packets_agrees(profile: Profile) -> None:
    wrong: Counter[bool] = Counter()

    @given(received())
    @settings(max_examples=300, deadline=None)
    def law(headers: ReceivedHeaders) -> None:
        key = decode_session(headers, profile)
        wrong[key != decode_session(headers, CLEAN)] += 1
        told = evaluate.decode_flow_slots(headers.payload, headers.next_header, profile, headers.processed)
        assert told == (key.protocol, key.source_slot, key.destination_slot)

    law()
    assert (wrong[True] > 10) == profile.name.startswith("linux")


@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-WIRE-004", "XFRM-WIRE-005")
@given(
    st.lists(
        st.sampled_from((Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.ROUTING, Header.HAO)),
        max_size=4,
    ),
    st.lists(st.sampled_from([pair for pair in TEMPLATE_PAIRS if pair[1] is not Mode.BEET][:-1]), max_size=4),
)
def test_insertion_points_and_header_chains_agree(
    sent: list[Header], pairs: list[tuple[Protocol, Mode]]
) -> None:
    plain = (*sent, Header.UDP)
    for protocol in sorted(TEMPLATE_PROTOCOLS):
        assert evaluate.insertion_index(plain, protocol) == insertion_point(
            plain, TRANSFORM_HEADERS[protocol]
        )
    applied = [SecurityAssociation(_ANY, _ANY, protocol, mode) for protocol, mode in pairs]
    told = [kind.name for kind in evaluate.header_chain(plain, pairs)]
    expected = [kind_of(element).name for element in wire_chain(plain, applied)]
    assert told == expected


@pytest.mark.clause("XFRM-LOOKUP-001")
def test_the_reference_agrees_with_itself_under_a_second_name() -> None:
    """The harness compares by age, so equal databases with other ages must still agree."""

    @given(st.data(), histories(CLEAN), directions)
    @settings(max_examples=60, deadline=None)
    def law(data: st.DataObject, history: History, direction: Direction) -> None:
        flow = data.draw(flows_near(history))
        database = history.database
        older = replace(
            database,
            orders=tuple(tuple(replace(e, age=e.age + 7) for e in order) for order in database.orders),  # type: ignore[arg-type]
        )
        first = best_match(database, flow, direction, PolicyType.MAIN)
        second = best_match(older, flow, direction, PolicyType.MAIN)
        assert (first and first.policy) == (second and second.policy)

    law()
