"""The map of a configuration: who yields to whom, who never decides, and what had to be left out."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.xfrm.match import policy_mismatch
from xfrmspec_diagrams.ir import Graph, Line, Tone
from xfrmspec_diagrams.overlap import covers, overlap
from xfrmspec_diagrams.policymap import MOST_EDGES, MOST_NODES, policy_map
from xfrmspec_diagrams.relations import Relation, relations_of
from xfrmspec_terms.policy import Action, Direction, Mark, Mode, Policy, PolicyType, Template
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.selector import Flow, PortMatch, Prefix, Protocol, Selector

WIDE = Selector.between("2001:db8::/32", "::/0")
NARROW = Selector.between("2001:db8:1::/48", "::/0")
APART = Selector.between("2001:db9::/32", "::/0")
UDP = Selector.between("::/0", "::/0", Protocol.UDP)


def out(
    selector: Selector, priority: int, *, action: Action = Action.ALLOW, mark: Mark | None = None
) -> Policy:
    return Policy(selector, Direction.OUT, action=action, priority=priority, mark=mark or Mark())


def drawn(*policies: Policy) -> Graph:
    return policy_map([(policy, f"line {number}") for number, policy in enumerate(policies, 1)])


def lines_of(graph: Graph) -> list[tuple[str, str, Line]]:
    heads = {node.key: node.lines[0].split()[0] for node in graph.nodes}
    return [(heads[edge.source], heads[edge.target], edge.line) for edge in graph.edges]


@pytest.mark.clause("XFRM-LOOKUP-001")
def test_the_smaller_priority_number_outranks_where_both_match() -> None:
    graph = drawn(out(UDP, 20), out(WIDE, 10))
    assert [node.lines[0] for node in graph.nodes] == ["#1 priority 10 ALLOW", "#2 priority 20 ALLOW"]
    assert lines_of(graph) == [("#1", "#2", Line.PLAIN)]


def test_policies_without_a_common_flow_have_no_arrow() -> None:
    assert drawn(out(APART, 10), out(NARROW, 20)).edges == ()


@pytest.mark.clause("XFRM-LOOKUP-004")
def test_equal_priorities_with_a_common_flow_are_a_tie() -> None:
    graph = drawn(out(UDP, 10), out(WIDE, 10))
    assert lines_of(graph) == [("#1", "#2", Line.DASHED)]
    assert any(note.startswith("Dashed") for note in graph.notes)


@pytest.mark.clause("XFRM-LOOKUP-001")
def test_a_policy_that_another_covers_never_decides() -> None:
    graph = drawn(out(WIDE, 10), out(NARROW, 20))
    assert lines_of(graph) == [("#1", "#2", Line.STRONG)]
    assert graph.nodes[1].lines[-1] == "never decides: #1 takes all"
    assert graph.nodes[1].tone is Tone.WAITING


@pytest.mark.clause("XFRM-PAIR-001")
def test_sub_and_main_stand_in_columns_without_arrows_between() -> None:
    sub = Policy(WIDE, Direction.OUT, PolicyType.SUB, priority=1)
    graph = drawn(out(WIDE, 2), sub, Policy(WIDE, Direction.IN, priority=3))
    assert [cluster.title for cluster in graph.clusters] == ["out SUB", "out MAIN", "in MAIN"]
    assert graph.edges == ()


def test_what_follows_from_other_arrows_is_left_out() -> None:
    chain = [(out(UDP, 1),), (out(WIDE, 2),), (out(Selector.between("::/0", "::/0"), 3),)]
    assert [pair[:2] for pair in relations_of(chain).pairs] == [(0, 1), (1, 2)]


def test_a_shadowed_policy_has_its_shadow_only() -> None:
    pairs = relations_of([(out(WIDE, 1),), (out(NARROW, 2),), (out(UDP, 3),)]).pairs
    assert pairs == ((0, 1, Relation.SHADOWS), (0, 2, Relation.OUTRANKS))


def test_policies_of_one_selector_share_a_box() -> None:
    graph = drawn(*(out(WIDE, 10, mark=Mark(value, 0xFF)) for value in (1, 2, 3)))
    (node,) = graph.nodes
    assert node.lines[2:4] == ("mark 0x1/0xff", "mark 0x2/0xff")
    assert node.lines[4] == "and 1 more"
    assert node.lines[-1] == "line 1, line 2 and 1 more"


def test_a_box_says_that_its_policies_tie() -> None:
    (node,) = drawn(out(WIDE, 10), out(WIDE, 10, mark=Mark(1, 1))).nodes
    assert "some of them tie with each other" in node.lines


def test_many_policies_of_one_shape_share_a_box() -> None:
    hosts = [out(Selector.between("::/0", f"2001:db8::{n:x}"), 10) for n in range(1, 2 * MOST_NODES)]
    graph = drawn(*hosts, out(UDP, 5))
    assert [node.lines[0] for node in graph.nodes] == ["#1 priority 5 ALLOW", "#2 priority 10 ALLOW"]
    assert graph.nodes[1].lines[1] == f"{len(hosts)} policies of this shape, such as"


def test_what_is_cut_is_said() -> None:
    policies = [
        Policy(Selector.between("::/0", "::/0", protocol), Direction.OUT, priority=priority)
        for priority, protocol in enumerate((0,) * 1 + tuple(range(1, 30)), 1)
    ]
    graph = drawn(*policies)
    assert len(graph.nodes) == MOST_NODES + 1
    assert graph.nodes[-1].lines == (f"{30 - MOST_NODES} more policies", f"priority {MOST_NODES + 1} to 30")
    assert f"out MAIN: {30 - MOST_NODES} more policies are not drawn one by one." in graph.notes


def test_ties_and_shadows_survive_the_cut_of_arrows() -> None:
    ports = [PortMatch(1 << bit, 1 << bit) for bit in range(MOST_NODES)]
    ties = [out(Selector.between("::/0", "::/0", 17, source_port=port), 10) for port in ports]
    graph = drawn(*ties)
    assert len(graph.edges) == MOST_EDGES
    assert {edge.line for edge in graph.edges} == {Line.DASHED}
    pairs = MOST_NODES * (MOST_NODES - 1) // 2
    assert f"out MAIN: {pairs - MOST_EDGES} more arrows are not drawn." in graph.notes


@pytest.mark.clause("XFRM-DEFAULT-001")
def test_no_policy_is_a_picture_too() -> None:
    graph = policy_map([])
    assert graph.nodes == ()
    assert "XFRM-DEFAULT-001" in graph.notes[0]


def test_a_box_names_selector_templates_and_place() -> None:
    tunnel = Template(
        Protocol.ESP, Mode.TUNNEL, ip_address("2001:db8::1"), ip_address("2001:db8::2"), reqid=7
    )
    update = Selector.between("::/0", "2001:db8::9", Protocol.MOBILITY, source_port=PortMatch.exactly(5))
    hao = Template(Protocol.DESTINATION_OPTIONS, Mode.RO, optional=True)
    policy = Policy(update, Direction.IN, PolicyType.SUB, Action.BLOCK, 3, (tunnel, hao), if_id=9)
    (node,) = policy_map([(policy, "dump.txt:4")]).nodes
    assert node.lines == (
        "#1 priority 3 BLOCK",
        "any → 2001:db8::9",
        "mobility type 5",
        "if_id 0x9",
        "esp tunnel 2001:db8::1 → 2001:db8::2 reqid 7",
        "hao ro (optional)",
        "dump.txt:4",
    )
    assert node.tone is Tone.BAD


BITS = st.integers(0, 3)
PREFIXES = st.builds(lambda top, length: Prefix(IPv6Address(top << 126), length), BITS, st.integers(0, 2))
PORTS = st.builds(PortMatch, BITS, BITS)
SELECTORS = st.builds(
    Selector,
    PREFIXES,
    PREFIXES,
    st.sampled_from((0, Protocol.TCP, Protocol.UDP)),
    PORTS,
    st.just(PortMatch()),
    st.integers(0, 1),
)
POLICIES = st.builds(
    Policy, SELECTORS, st.just(Direction.OUT), mark=st.builds(Mark, BITS, BITS), if_id=st.integers(0, 1)
)
FLOWS = [
    Flow(IPv6Address(source << 126), IPv6Address(destination << 126), protocol, port, 0, oif, mark, if_id)
    for source, destination, protocol, port, oif, mark, if_id in product(
        range(4), range(4), (Protocol.TCP, Protocol.UDP), range(4), (0, 1), range(4), (0, 1)
    )
]


def flows_of(policy: Policy) -> set[int]:
    return {n for n, flow in enumerate(FLOWS) if policy_mismatch(policy, flow, CLEAN) is None}


@pytest.mark.clause("XFRM-SEL-001", "XFRM-SEL-005", "XFRM-SEL-006")
@given(POLICIES, POLICIES)
def test_overlap_and_cover_are_about_common_flows(first: Policy, second: Policy) -> None:
    ours, theirs = flows_of(first), flows_of(second)
    assert overlap(first, second) == overlap(second, first) == bool(ours & theirs)
    assert not covers(first, second) or ours >= theirs
    everything = Policy(Selector.between("::/0", "::/0"), Direction.OUT, if_id=first.if_id)
    assert covers(first, first)
    assert covers(everything, first)
