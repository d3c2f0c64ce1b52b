"""The lookup of the model: known cases folded, and small theorems that show the formulas mean something."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from xfrmspec_model import evaluate, policies
from xfrmspec_model.entries import Placement, any_matching, firsts_exist, placement, policy_theory
from xfrmspec_model.folding import Truth, as_formula, bits, less, negate, same
from xfrmspec_model.rules import RULES
from xfrmspec_model.selectors import unknown_flow
from xfrmspec_model.seniority import inserted, rebuilt, updated, well_placed
from xfrmspec_model.smt import Answer, check
from xfrmspec_model.smt import fresh_context as new_context
from xfrmspec_terms.policy import (
    Action,
    CandidateList,
    Direction,
    InstalledPolicy,
    Mark,
    Policy,
    PolicyType,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import Flow, PortMatch, Protocol, Selector

HOME, AGENT = "2001:db8::1", "2001:db8::2"
FLOW = Flow(ip_address(HOME), ip_address(AGENT), Protocol.MOBILITY, 5)
EVERYTHING = Selector.between("::/0", "::/0")


def entry(list_: CandidateList, rank: int, position: int, **fields: Any) -> InstalledPolicy:
    policy = Policy(**{"selector": EVERYTHING, "direction": Direction.OUT, **fields})
    return InstalledPolicy(policy, list_, age=position, rank=rank, position=position)


def winner(*entries: InstalledPolicy, flow: Flow = FLOW) -> int | None:
    return evaluate.winner(entries, flow, Direction.OUT, PolicyType.MAIN, CLEAN)


@pytest.mark.clause("XFRM-LOOKUP-001")
def test_the_smallest_priority_wins_in_whatever_list() -> None:
    strong, weak = (
        entry(CandidateList.ANY, 0, 9, priority=1),
        entry(CandidateList.EXACT, 0, 0, priority=2),
    )
    assert winner(weak, strong) == 1
    assert winner(strong, weak) == 0
    assert winner() is None


@pytest.mark.clause("XFRM-LOOKUP-002", "XFRM-LOOKUP-007")
def test_the_later_list_wins_when_priority_and_position_tie() -> None:
    exact, inexact = entry(CandidateList.EXACT, 0, 0), entry(CandidateList.ANY, 0, 0)
    assert winner(exact, inexact) == 1
    assert winner(exact, replace(inexact, position=1)) == 0


@pytest.mark.clause("XFRM-LOOKUP-003")
def test_within_a_list_the_rank_decides_whatever_the_position() -> None:
    assert winner(entry(CandidateList.ANY, 0, 7), entry(CandidateList.ANY, 1, 3)) == 0


@pytest.mark.clause("XFRM-LOOKUP-002")
def test_only_the_first_match_of_a_list_is_compared_with_other_lists() -> None:
    first, hidden = entry(CandidateList.ANY, 0, 7), entry(CandidateList.ANY, 1, 3)
    assert winner(first, hidden, entry(CandidateList.BOTH, 0, 5)) == 2


@pytest.mark.clause("XFRM-SEL-005", "XFRM-SEL-006")
def test_mark_and_if_id_of_a_policy_must_fit() -> None:
    marked = entry(CandidateList.ANY, 0, 0, mark=Mark(0xFF, 0x0F))
    assert winner(marked) is None
    assert winner(marked, flow=replace(FLOW, mark=0x3F)) == 0
    assert winner(entry(CandidateList.ANY, 0, 0, if_id=1)) is None


@pytest.mark.clause("XFRM-SEL-001", "XFRM-SEL-002")
def test_ports_of_a_selector_meet_the_mobility_type() -> None:
    updates = Selector.between(HOME, AGENT, Protocol.MOBILITY, source_port=PortMatch.exactly(5))
    others = replace(FLOW, source_slot=6)
    assert evaluate.selector_matches(updates, FLOW, CLEAN)
    assert not evaluate.selector_matches(updates, others, CLEAN)
    assert evaluate.has_well_formed_slots(FLOW)
    assert not evaluate.has_well_formed_slots(replace(FLOW, destination_slot=1))


@pytest.mark.clause("XFRM-LOOKUP-003", "XFRM-DB-002")
def test_lists_follow_the_lengths_of_prefixes() -> None:
    places = {
        (HOME, AGENT): CandidateList.EXACT,
        (f"{HOME}/48", f"{AGENT}/48"): CandidateList.BOTH,
        (f"{HOME}/48", f"{AGENT}/47"): CandidateList.SOURCE,
        ("::/64", f"{AGENT}/48"): CandidateList.DESTINATION,
        ("::/0", "::/0"): CandidateList.ANY,
        ("192.0.2.0/15", "192.0.2.0/16"): CandidateList.DESTINATION,
    }
    for prefixes, expected in places.items():
        selector = Selector.between(*prefixes)
        width = selector.family.width
        assert evaluate.candidate_list(selector, width, width) is expected


@pytest.mark.clause("XFRM-PAIR-001", "XFRM-OUT-003", "XFRM-CHECK-001", "XFRM-CHECK-002")
def test_pairs_by_direction_and_profile() -> None:
    def pair(
        direction: Direction, sub: Action, profile: Profile = CLEAN
    ) -> tuple[int | None, int | None, bool]:
        entries = [
            entry(CandidateList.ANY, 0, 0, direction=direction, type=PolicyType.SUB, action=sub),
            entry(CandidateList.ANY, 1, 1, direction=direction),
            entry(CandidateList.ANY, 0, 2, direction=Direction.IN, action=Action.BLOCK, priority=9),
        ]
        return evaluate.pair(entries, FLOW, direction, profile)

    assert pair(Direction.OUT, Action.ALLOW) == (0, 1, False)
    assert pair(Direction.OUT, Action.BLOCK) == (0, None, True)
    assert pair(Direction.FWD, Action.BLOCK) == (0, 1, True)
    assert pair(Direction.FWD, Action.ALLOW) == (0, 1, False)
    assert pair(Direction.FWD, Action.ALLOW, LINUX_6_1) == (0, 2, True)
    assert pair(Direction.OUT, Action.ALLOW, USAGI_2004) == (1, None, False)


class Scene:
    """Two unbounded databases over one sort of policies, and a search in each for one flow."""

    def __init__(self, profile: Profile) -> None:
        self.profile, self.context = profile, new_context()
        theory = policy_theory(self.context)
        self.before, self.after = placement(theory, "before"), placement(theory, "after")
        self.owner, self.target = theory.policy("owner"), theory.policy("target")
        self.rules = replace(RULES, policy_matches=any_matching(theory))
        self.flow = unknown_flow(self.context)
        self.direction, self.type = bits(self.context, "direction", 2), bits(self.context, "type", 1)
        self.old, self.new = self.search(self.before), self.search(self.after)

    def search(self, database: Placement) -> policies.Lookup:
        return policies.Lookup(database, self.flow, self.direction, self.type, self.profile, self.rules)

    def keeps_its_owner(self, *hypotheses: Truth) -> Answer:
        """Ask for a flow whose owner changes under the hypotheses."""
        won = self.old.wins(self.before.entry(self.owner))
        lost = negate(self.new.wins(self.after.entry(self.owner)))
        claim = [as_formula(self.context, truth) for truth in (*hypotheses, won, lost)]
        return check(self.context, claim).answer


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002")
@pytest.mark.parametrize("profile", (CLEAN, LINUX_6_1, LINUX_6_18), ids=lambda profile: profile.name)
def test_no_flow_has_two_winners(profile: Profile) -> None:
    scene = Scene(profile)
    database, both = scene.before, (scene.before.entry(p) for p in (scene.owner, scene.target))
    wins = [scene.old.wins(entry) for entry in both]
    differ = negate(same(scene.owner, scene.target))
    claim = [as_formula(scene.context, t) for t in (well_placed(database, profile), *wins, differ)]
    assert check(scene.context, claim).answer is Answer.UNSATISFIABLE


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-007")
@pytest.mark.parametrize(
    ("profile", "expected"),
    ((CLEAN, Answer.UNSATISFIABLE), (LINUX_6_1, Answer.SATISFIABLE), (LINUX_6_18, Answer.UNSATISFIABLE)),
    ids=lambda value: getattr(value, "name", ""),
)
def test_an_insertion_that_does_not_match_changes_an_owner_only_where_exact_policies_have_no_position(
    profile: Profile, expected: Any
) -> None:
    scene = Scene(profile)
    stranger = negate(scene.new.matches(scene.after.entry(scene.target)))
    added = inserted(scene.before, scene.after, scene.target, profile)
    assert scene.keeps_its_owner(added, stranger) is expected


@pytest.mark.clause("XFRM-LOOKUP-008")
@pytest.mark.parametrize(
    ("profile", "expected"),
    ((CLEAN, Answer.UNSATISFIABLE), (LINUX_6_18, Answer.SATISFIABLE)),
    ids=lambda value: getattr(value, "name", ""),
)
def test_an_update_at_the_same_priority_keeps_owners_where_it_keeps_seniority(
    profile: Profile, expected: Any
) -> None:
    scene = Scene(profile)
    kept = same(*(database.entry(scene.target).priority for database in (scene.before, scene.after)))
    replaced = updated(scene.before, scene.after, scene.target, profile)
    assert scene.keeps_its_owner(replaced, kept) is expected


@pytest.mark.clause("XFRM-LOOKUP-009")
@pytest.mark.parametrize("profile", (CLEAN, LINUX_6_18), ids=lambda profile: profile.name)
def test_a_rebuild_keeps_owners_when_overlapping_priorities_differ(profile: Profile) -> None:
    scene = Scene(profile)
    hypotheses = (
        rebuilt(scene.before, scene.after, profile),
        firsts_exist(scene.before, scene.old.matches),
        firsts_exist(scene.after, scene.new.matches),
        policies.overlapping_priorities_differ(scene.old),
    )
    assert scene.keeps_its_owner(*hypotheses) is Answer.UNSATISFIABLE


@pytest.mark.clause("XFRM-LOOKUP-009")
def test_a_rebuild_by_object_age_may_change_owners() -> None:
    scene = Scene(LINUX_6_18)
    assert scene.keeps_its_owner(rebuilt(scene.before, scene.after, LINUX_6_18)) is Answer.SATISFIABLE


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-008", "XFRM-LOOKUP-009")
@pytest.mark.parametrize("profile", (CLEAN, LINUX_6_1, LINUX_6_18), ids=lambda profile: profile.name)
@pytest.mark.parametrize("relation", (inserted, updated), ids=lambda relation: relation.__name__)
def test_operations_are_possible(profile: Profile, relation: Any) -> None:
    scene = Scene(profile)
    senior = less(scene.before.entry(scene.owner).position, scene.before.entry(scene.target).position)
    hypotheses = (relation(scene.before, scene.after, scene.target, profile), senior)
    claim = [as_formula(scene.context, truth) for truth in hypotheses]
    assert check(scene.context, claim).answer is Answer.SATISFIABLE
