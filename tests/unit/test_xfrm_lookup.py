"""Who owns a flow: priorities, candidate lists, ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from builders import (
    ALL_PROFILES,
    ALLOW,
    ANYWHERE,
    BLOCK,
    EXACT_ALLOW,
    IN,
    INEXACT_BLOCK,
    LOCAL,
    MAIN,
    NET_LOCAL,
    NET_REMOTE,
    OTHER,
    OUT,
    REMOTE,
    SUB,
    database,
    flow,
    policy,
    positions,
    stored,
    updated,
    winner,
)

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.lookup import Fate, best_match, lookup, takes_over
from xfrmspec.xfrm.placement import Thresholds, candidate_list
from xfrmspec.xfrm.policies import delete
from xfrmspec_terms.policy import (
    PRIORITY_WEAKEST,
    CandidateList,
    InstalledPolicy,
    Mark,
    Policy,
    identity_of,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import PortMatch

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
KERNELS = pytest.mark.parametrize("profile", [CLEAN, LINUX_6_1, LINUX_6_18], ids=lambda p: p.name)

UNRELATED = policy("2001:db8:77::/64", "2001:db8:78::/64", priority=1)


@pytest.mark.clause("XFRM-LOOKUP-001")
@PROFILES
@pytest.mark.parametrize("order", list(permutations([0, 7, PRIORITY_WEAKEST])))
def test_the_smallest_priority_wins_in_every_order_of_insertion(
    order: Sequence[int], profile: Profile
) -> None:
    by_priority = {
        0: policy(NET_LOCAL, priority=0),
        7: policy(LOCAL, REMOTE, priority=7),
        PRIORITY_WEAKEST: policy(priority=PRIORITY_WEAKEST),
    }
    built = database(profile, *(by_priority[number] for number in order))
    assert winner(built).priority == 0
    built = stored(delete(built, identity_of(by_priority[0])))
    assert winner(built).priority == 7
    built = stored(delete(built, identity_of(by_priority[7])))
    assert winner(built).priority == PRIORITY_WEAKEST


@pytest.mark.clause("XFRM-LOOKUP-001")
@pytest.mark.parametrize(
    "other",
    [
        policy(type_=SUB),
        policy(direction=IN),
        policy("0.0.0.0/0", "0.0.0.0/0"),
        policy(if_id=1),
        policy(mark=Mark(1, 1)),
        policy(protocol=6),
        policy(destination_port=PortMatch.exactly(1)),
        policy(ifindex=3),
    ],
)
def test_without_a_match_there_is_no_result(other: Policy) -> None:
    assert best_match(database(CLEAN, other), flow(), OUT, MAIN) is None
    assert best_match(PolicyDatabase(), flow(), OUT, MAIN) is None


@pytest.mark.clause("XFRM-LOOKUP-002")
def test_a_stronger_match_of_a_later_list_takes_over_and_a_weaker_one_does_not() -> None:
    strong_any, weak_any = policy(priority=4), policy(priority=6)
    for profile in ALL_PROFILES:
        assert winner(database(profile, EXACT_ALLOW, strong_any)).priority == 4
        assert winner(database(profile, EXACT_ALLOW, weak_any)).priority == 5


@pytest.mark.clause("XFRM-LOOKUP-002", "XFRM-LOOKUP-007")
@pytest.mark.parametrize(
    ("best", "candidate", "expected"), [(0, 1, False), (1, 1, True), (2, 1, True), (0, 0, True)]
)
def test_on_equal_priority_the_later_list_wins_unless_its_position_is_larger(
    best: int, candidate: int, expected: bool
) -> None:
    def entry(position: int) -> InstalledPolicy:
        return InstalledPolicy(policy(), CandidateList.ANY, position, 0, position)

    assert takes_over(entry(candidate), entry(best)) is expected


@pytest.mark.clause("XFRM-LOOKUP-003", "XFRM-DB-002")
@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        (LOCAL, REMOTE, CandidateList.EXACT),
        (NET_LOCAL, NET_REMOTE, CandidateList.BOTH),
        (LOCAL, NET_REMOTE, CandidateList.BOTH),
        ("2001:db8:1::/48", "2001:db8:2::/48", CandidateList.BOTH),
        ("2001:db8:1::/47", "2001:db8:2::/48", CandidateList.DESTINATION),
        (ANYWHERE, REMOTE, CandidateList.DESTINATION),
        ("::/64", NET_REMOTE, CandidateList.DESTINATION),
        ("2001:db8:1::/48", "2001:db8:2::/47", CandidateList.SOURCE),
        (LOCAL, ANYWHERE, CandidateList.SOURCE),
        (LOCAL, "::/128", CandidateList.EXACT),
        (LOCAL, "::/127", CandidateList.SOURCE),
        (ANYWHERE, ANYWHERE, CandidateList.ANY),
        ("2001::/16", "::/64", CandidateList.ANY),
        ("192.0.2.1/32", "192.0.2.2/32", CandidateList.EXACT),
        ("192.0.0.0/16", "192.0.2.2/32", CandidateList.BOTH),
        ("192.0.0.0/15", "192.0.2.2/32", CandidateList.DESTINATION),
        ("192.0.2.2/32", "0.0.0.0/0", CandidateList.SOURCE),
        ("0.0.0.0/0", "128.0.0.0/1", CandidateList.ANY),
    ],
)
def test_which_list_a_policy_lives_in(source: str, destination: str, expected: CandidateList) -> None:
    assert candidate_list(policy(source, destination), Thresholds()) is expected


@pytest.mark.clause("XFRM-DB-002")
def test_exactness_needs_both_prefixes_and_depends_on_the_direction() -> None:
    uneven = Thresholds(local6=64, remote6=48)
    outward = policy("2001:db8:1::/64", "2001:db8:2::/48")
    assert candidate_list(outward, uneven) is CandidateList.EXACT
    assert candidate_list(replace(outward, direction=IN), uneven) is CandidateList.BOTH
    inward = policy("2001:db8:2::/48", "2001:db8:1::/64", direction=IN)
    assert candidate_list(inward, uneven) is CandidateList.EXACT


@pytest.mark.clause("XFRM-LOOKUP-004")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_18, USAGI_2004], ids=lambda p: p.name)
def test_positions_grow_with_every_insertion_of_any_sort(profile: Profile) -> None:
    four = policy("0.0.0.0/0", "0.0.0.0/0", priority=9)
    assert positions(database(profile, EXACT_ALLOW, four, policy(direction=IN), UNRELATED)) == [0, 1, 2, 3]


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-007")
def test_linux_6_1_numbers_inexact_policies_by_rank_across_types_families_and_if_ids() -> None:
    built = database(
        LINUX_6_1,
        policy(priority=9),
        policy("0.0.0.0/0", "0.0.0.0/0", priority=7),
        policy(type_=SUB, priority=8),
        policy(if_id=4, priority=9),
        EXACT_ALLOW,
        policy(direction=IN, priority=99),
    )
    assert positions(built) == [2, 0, 1, 3, 0, 0]


@pytest.mark.clause("XFRM-LOOKUP-004")
def test_linux_6_1_counts_anew_only_when_an_inexact_policy_comes() -> None:
    built = database(LINUX_6_1, policy(priority=1), policy(LOCAL, priority=2))
    built = stored(delete(built, identity_of(policy())))
    assert positions(built) == [1]
    built = database(LINUX_6_1, policy(priority=1), policy(LOCAL, priority=2), policy(OTHER, priority=3))
    built = stored(delete(built, identity_of(policy())))
    assert positions(updated(built, EXACT_ALLOW)) == [1, 2, 0]
    assert positions(updated(built, policy(REMOTE, priority=4))) == [0, 1, 2]


@pytest.mark.clause("XFRM-LOOKUP-005")
@PROFILES
@pytest.mark.parametrize(
    "other",
    [
        policy("2001:db8:1::/60", "2001:db8:2::/60", priority=5),
        policy(LOCAL, ANYWHERE, priority=5),
        policy(ANYWHERE, REMOTE, priority=5),
        policy(priority=5),
    ],
    ids=["same list", "source", "destination", "any"],
)
def test_of_two_inexact_policies_the_one_inserted_first_wins(other: Policy, profile: Profile) -> None:
    assert winner(database(profile, INEXACT_BLOCK, other)).selector == INEXACT_BLOCK.selector
    assert winner(database(profile, other, INEXACT_BLOCK)).selector == other.selector


@pytest.mark.clause("XFRM-LOOKUP-006")
@PROFILES
def test_of_two_exact_policies_the_one_inserted_first_wins(profile: Profile) -> None:
    narrow = policy(LOCAL, REMOTE, 17, priority=5, action=BLOCK)
    assert winner(database(profile, EXACT_ALLOW, narrow)).action is ALLOW
    assert winner(database(profile, narrow, EXACT_ALLOW)).action is BLOCK


@pytest.mark.clause("XFRM-LOOKUP-007")
def test_linux_6_1_lets_an_inexact_policy_of_position_zero_beat_an_exact_one_in_both_orders() -> None:
    assert winner(database(LINUX_6_1, EXACT_ALLOW, INEXACT_BLOCK)).action is BLOCK
    assert winner(database(LINUX_6_1, INEXACT_BLOCK, EXACT_ALLOW)).action is BLOCK


@pytest.mark.clause("XFRM-LOOKUP-007")
@pytest.mark.parametrize("order", list(permutations([EXACT_ALLOW, INEXACT_BLOCK, UNRELATED])))
def test_an_unrelated_policy_turns_the_tie_on_linux_6_1_in_every_order(order: Sequence[Policy]) -> None:
    assert winner(database(LINUX_6_1, *order)).action is ALLOW


@pytest.mark.clause("XFRM-LOOKUP-007")
@pytest.mark.parametrize("profile", [CLEAN, LINUX_6_18, USAGI_2004], ids=lambda p: p.name)
def test_elsewhere_the_order_of_insertion_decides_and_the_unrelated_policy_nothing(profile: Profile) -> None:
    for others in ((), (UNRELATED,)):
        assert winner(database(profile, *others, EXACT_ALLOW, INEXACT_BLOCK)).action is ALLOW
        assert winner(database(profile, INEXACT_BLOCK, EXACT_ALLOW, *others)).action is BLOCK


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-007")
@pytest.mark.parametrize(
    ("unrelated", "expected"),
    [
        (replace(UNRELATED, type=SUB), ALLOW),
        (policy("192.0.2.0/24", "192.0.3.0/24", priority=1), ALLOW),
        (replace(UNRELATED, if_id=9), ALLOW),
        (replace(UNRELATED, priority=5), BLOCK),
        (replace(UNRELATED, priority=6), BLOCK),
        (replace(UNRELATED, direction=IN), BLOCK),
        (policy(OTHER, REMOTE, priority=1), BLOCK),
    ],
    ids=["SUB", "IPv4", "if_id", "later equal", "weaker", "other direction", "exact"],
)
def test_which_unrelated_policies_turn_the_tie_on_linux_6_1(unrelated: Policy, expected: object) -> None:
    assert winner(database(LINUX_6_1, EXACT_ALLOW, INEXACT_BLOCK, unrelated)).action is expected


@pytest.mark.clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-007")
def test_deleting_the_unrelated_policy_turns_the_tie_only_at_the_next_inexact_insertion() -> None:
    built = database(LINUX_6_1, UNRELATED, EXACT_ALLOW, INEXACT_BLOCK)
    built = stored(delete(built, identity_of(UNRELATED)))
    assert winner(built).action is ALLOW
    assert winner(updated(built, replace(UNRELATED, priority=9))).action is BLOCK


@pytest.mark.clause("XFRM-LOOKUP-010")
@KERNELS
def test_a_signalling_policy_owns_its_flows_only_with_a_strictly_smaller_priority(profile: Profile) -> None:
    mobility = policy(LOCAL, REMOTE, 135, priority=5, action=ALLOW)
    packet = flow(protocol=135, source_slot=5, destination_slot=0)
    for rival_priority, owned in ((6, True), (5, False), (4, False)):
        rival = policy(priority=rival_priority, action=BLOCK)
        owners = {
            winner(database(profile, *order), packet).action
            for order in ((mobility, rival), (rival, mobility))
        }
        assert (owners == {ALLOW}) is owned


def fates(built: PolicyDatabase) -> list[tuple[Fate, str]]:
    return [(trial.fate, trial.clause) for trial in lookup(built, flow(), OUT, MAIN).trials]


@pytest.mark.clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007")
def test_a_lookup_accounts_for_every_policy_with_the_clause_that_decided() -> None:
    built = database(
        CLEAN,
        EXACT_ALLOW,
        policy(LOCAL, REMOTE, 17, priority=5),
        INEXACT_BLOCK,
        policy(priority=6),
        policy(OTHER, priority=5),
        policy(type_=SUB),
        policy("0.0.0.0/0", "0.0.0.0/0"),
    )
    assert fates(built) == [
        (Fate.WON, "XFRM-LOOKUP-001"),
        (Fate.LATER_IN_LIST, "XFRM-LOOKUP-006"),
        (Fate.TIE_LOST, "XFRM-LOOKUP-007"),
        (Fate.NO_MATCH, "XFRM-SEL-001"),
        (Fate.WEAKER, "XFRM-LOOKUP-001"),
    ]


@pytest.mark.clause("XFRM-LOOKUP-005")
def test_ties_between_inexact_policies_are_told_by_their_own_clause_in_any_list() -> None:
    shorter = policy("2001:db8:1::/60", "2001:db8:2::/60", priority=5)
    assert fates(database(CLEAN, INEXACT_BLOCK, shorter, policy(priority=5))) == [
        (Fate.WON, "XFRM-LOOKUP-001"),
        (Fate.LATER_IN_LIST, "XFRM-LOOKUP-005"),
        (Fate.TIE_LOST, "XFRM-LOOKUP-005"),
    ]


@pytest.mark.clause("XFRM-SEL-002", "XFRM-SEL-003", "XFRM-SEL-005", "XFRM-SEL-006")
@pytest.mark.parametrize(
    ("other", "name"),
    [
        (policy(mark=Mark(1, 1)), "XFRM-SEL-005"),
        (policy(if_id=1), "XFRM-SEL-006"),
        (policy(ifindex=4), "XFRM-SEL-003"),
        (policy(source_port=PortMatch.exactly(1)), "XFRM-SEL-002"),
        (policy(destination_port=PortMatch.exactly(1)), "XFRM-SEL-002"),
        (policy(OTHER), "XFRM-SEL-001"),
    ],
)
def test_a_mismatch_names_the_clause_of_the_part(other: Policy, name: str) -> None:
    assert fates(database(CLEAN, other)) == [(Fate.NO_MATCH, name)]
    assert lookup(database(CLEAN, other), flow(), OUT, MAIN).winner is None
