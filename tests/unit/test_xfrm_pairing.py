"""Which policies decide: socket before databases, SUB before MAIN, and the direction MAIN is asked in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    ALL_PROFILES,
    ALLOW,
    BLOCK,
    ESP,
    FWD,
    IN,
    LOCAL,
    MAIN,
    OTHER,
    OUT,
    PAIRING_PROFILES,
    REMOTE,
    SUB,
    flow,
    policy,
    received,
    tables,
)

from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.pairing import secondary_direction, select_policies
from xfrmspec.xfrm.tables import (
    NO_SOCKET_POLICIES,
    DefaultActions,
    SocketPolicies,
    SocketPolicyError,
    XfrmTables,
)
from xfrmspec_terms.outcome import Counter, Decision, Errno
from xfrmspec_terms.policy import (
    PRIORITY_WEAKEST,
    Action,
    DefaultAction,
    Direction,
    Mark,
    Policy,
    PolicyType,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
PAIRS = pytest.mark.parametrize("profile", PAIRING_PROFILES, ids=lambda p: p.name)


def chosen(
    held: XfrmTables, direction: Direction = OUT, sockets: SocketPolicies = NO_SOCKET_POLICIES
) -> list[tuple[PolicyType, Action]]:
    packet = flow() if direction is OUT else received()
    selection = select_policies(held, packet, direction, sockets)
    return [(entry.type, entry.action) for entry in selection.policies]


@pytest.mark.clause("XFRM-PAIR-001", "XFRM-OUT-003")
@PAIRS
@pytest.mark.parametrize(
    ("sub", "main", "expected", "decision"),
    [
        (None, None, [], Decision.PASS),
        (None, ALLOW, [(MAIN, ALLOW)], Decision.PASS),
        (None, BLOCK, [(MAIN, BLOCK)], Decision.BLOCK),
        (ALLOW, None, [(SUB, ALLOW)], Decision.PASS),
        (ALLOW, ALLOW, [(SUB, ALLOW), (MAIN, ALLOW)], Decision.PASS),
        (ALLOW, BLOCK, [(SUB, ALLOW), (MAIN, BLOCK)], Decision.BLOCK),
        (BLOCK, None, [(SUB, BLOCK)], Decision.BLOCK),
        (BLOCK, ALLOW, [(SUB, BLOCK)], Decision.BLOCK),
        (BLOCK, BLOCK, [(SUB, BLOCK)], Decision.BLOCK),
    ],
)
def test_the_truth_table_of_output_pairs(
    sub: Action | None,
    main: Action | None,
    expected: list[tuple[PolicyType, Action]],
    decision: Decision,
    profile: Profile,
) -> None:
    entries = [
        policy(type_=type_, action=action)
        for type_, action in ((SUB, sub), (MAIN, main))
        if action is not None
    ]
    held = tables(profile, *entries)
    assert chosen(held) == expected
    assert decide_output(held, flow()).decision is decision


@pytest.mark.clause("XFRM-PAIR-001", "XFRM-CHECK-001")
@PAIRS
@pytest.mark.parametrize("sub", [ALLOW, BLOCK])
def test_on_input_main_is_asked_whatever_sub_says(sub: Action, profile: Profile) -> None:
    held = tables(profile, policy(direction=IN, type_=SUB, action=sub), policy(direction=IN))
    assert chosen(held, IN) == [(SUB, sub), (MAIN, ALLOW)]


@pytest.mark.clause("XFRM-PAIR-001")
@PAIRS
def test_priorities_of_sub_and_main_are_never_compared(profile: Profile) -> None:
    weak_sub, strong_main = policy(type_=SUB, priority=PRIORITY_WEAKEST), policy(priority=0)
    assert chosen(tables(profile, strong_main, weak_sub)) == [(SUB, ALLOW), (MAIN, ALLOW)]


@pytest.mark.clause("XFRM-ARCH-004", "XFRM-PAIR-001")
def test_without_sub_policies_there_is_never_a_pair() -> None:
    assert chosen(tables(USAGI_2004, policy(), policy(LOCAL, priority=1))) == [(MAIN, ALLOW)]


@pytest.mark.clause("XFRM-CHECK-002")
@pytest.mark.parametrize(
    ("profile", "direction"), [(CLEAN, FWD), (LINUX_6_1, IN), (LINUX_6_18, IN)], ids=["clean", "6.1", "6.18"]
)
def test_kernels_ask_main_in_direction_in_beside_a_forwarding_sub_policy(
    profile: Profile, direction: Direction
) -> None:
    assert secondary_direction(FWD, profile) is direction
    assert secondary_direction(IN, profile) is IN
    assert secondary_direction(OUT, profile) is OUT


@pytest.mark.clause("XFRM-CHECK-002")
@pytest.mark.parametrize(
    ("profile", "blocks"),
    [(CLEAN, FWD), (LINUX_6_1, IN), (LINUX_6_18, IN)],
    ids=["clean", "6.1", "6.18"],
)
@pytest.mark.parametrize("main", [FWD, IN])
def test_a_blocking_main_policy_beside_a_forwarding_sub_policy(
    main: Direction, profile: Profile, blocks: Direction
) -> None:
    held = tables(profile, policy(direction=FWD, type_=SUB), policy(direction=main, action=BLOCK))
    decided = decide_input(held, received(), (), FWD)
    assert decided.accepted is (main is not blocks)
    assert decided.counter is (Counter.IN_POLICY_BLOCK if main is blocks else None)


@pytest.mark.clause("XFRM-CHECK-002")
@PROFILES
def test_a_forwarding_main_policy_alone_is_always_the_one_of_its_direction(profile: Profile) -> None:
    held = tables(profile, policy(direction=FWD, action=BLOCK), policy(direction=IN))
    assert chosen(held, FWD) == [(MAIN, BLOCK)]


@pytest.mark.clause("XFRM-CHECK-001")
@PROFILES
def test_input_and_forwarding_ask_their_own_direction(profile: Profile) -> None:
    held = tables(profile, policy(direction=IN, action=BLOCK))
    assert not decide_input(held, received(), ()).accepted
    assert decide_input(held, received(), (), FWD).accepted
    assert decide_output(held, flow()).decision is Decision.PASS


OWN = SocketPolicies(inbound=policy(direction=IN), outbound=policy())


@pytest.mark.clause("XFRM-SOCK-001", "XFRM-OUT-001")
@PROFILES
def test_a_socket_policy_that_allows_overrides_every_database(profile: Profile) -> None:
    sub = [policy(type_=SUB, action=BLOCK)] if profile.sub_policies else []
    held = tables(profile, policy(templates=(ESP,)), policy(LOCAL, action=BLOCK), *sub)
    decided = decide_output(held, flow(), OWN)
    assert (decided.decision, decided.acquires) == (Decision.PASS, ())
    assert decided.selection.from_socket
    assert not decided.selection.trials


@pytest.mark.clause("XFRM-SOCK-001")
@PAIRS
def test_a_socket_policy_is_never_half_of_a_pair(profile: Profile) -> None:
    held = tables(profile, policy(type_=SUB), policy(direction=IN, type_=SUB), policy(direction=IN))
    assert chosen(held, OUT, OWN) == [(MAIN, ALLOW)]
    assert chosen(held, IN, OWN) == [(MAIN, ALLOW)]


@pytest.mark.clause("XFRM-SOCK-001")
@PROFILES
@pytest.mark.parametrize(
    "own",
    [
        policy(OTHER),
        policy("0.0.0.0/0", "0.0.0.0/0"),
        policy(mark=Mark(1, 1)),
        policy(if_id=1),
        policy(protocol=6),
    ],
    ids=["address", "family", "mark", "if_id", "protocol"],
)
def test_a_socket_policy_that_does_not_match_leaves_the_databases_to_decide(
    own: Policy, profile: Profile
) -> None:
    held = tables(profile, policy(action=BLOCK))
    decided = decide_output(held, flow(), SocketPolicies(outbound=own))
    assert (decided.decision, decided.counter) == (Decision.BLOCK, Counter.OUT_POLICY_BLOCK)
    assert [reason.held for reason in decided.reasons if reason.clause == "XFRM-SOCK-001"] == [False]


@pytest.mark.clause("XFRM-SOCK-001")
def test_the_mark_of_the_socket_counts_and_not_that_of_the_packet() -> None:
    own, held = policy(mark=Mark(1, 1)), tables(CLEAN, policy(action=BLOCK))
    for socket_mark, packet_mark, decision in ((3, 0, Decision.PASS), (0, 3, Decision.BLOCK)):
        sockets = SocketPolicies(outbound=own, mark=socket_mark)
        assert decide_output(held, flow(mark=packet_mark), sockets).decision is decision


@pytest.mark.clause("XFRM-SOCK-001", "XFRM-CHECK-001")
@PROFILES
def test_a_socket_policy_decides_input_of_its_socket_and_no_forwarding(profile: Profile) -> None:
    held = tables(profile, policy(direction=IN, action=BLOCK), policy(direction=FWD, action=BLOCK))
    assert decide_input(held, received(), (), IN, OWN).accepted
    assert not decide_input(held, received(), (), FWD, OWN).accepted


@pytest.mark.clause("XFRM-SOCK-001", "XFRM-CHECK-005")
def test_a_socket_policy_may_block() -> None:
    blocking = SocketPolicies(policy(direction=IN, action=BLOCK), policy(action=BLOCK))
    assert decide_input(tables(CLEAN), received(), (), IN, blocking).counter is Counter.IN_POLICY_BLOCK
    sent = decide_output(tables(CLEAN), flow(), blocking)
    assert (sent.errno, sent.counter) == (Errno.EPERM, Counter.OUT_POLICY_BLOCK)


@pytest.mark.clause("XFRM-SOCK-002")
def test_a_socket_has_no_sub_policy_and_none_of_another_direction() -> None:
    with pytest.raises(SocketPolicyError, match="MAIN"):
        SocketPolicies(outbound=policy(type_=SUB))
    for wrong in (policy(direction=FWD), policy(direction=IN)):
        with pytest.raises(SocketPolicyError, match="OUT"):
            SocketPolicies(outbound=wrong)
    with pytest.raises(SocketPolicyError, match="IN"):
        SocketPolicies(inbound=policy())
    assert OWN.of(FWD) is None


BLOCK_EVERYWHERE = DefaultActions(DefaultAction.BLOCK, DefaultAction.BLOCK, DefaultAction.BLOCK)


@pytest.mark.clause("XFRM-DEFAULT-001")
@PROFILES
def test_a_blocking_default_refuses_output_without_a_counter_but_for_loopback(profile: Profile) -> None:
    held = replace(tables(profile), defaults=BLOCK_EVERYWHERE)
    refused = decide_output(held, flow())
    assert (refused.decision, refused.errno, refused.counter) == (Decision.BLOCK, Errno.EPERM, None)
    assert decide_output(held, flow(), loopback=True).decision is Decision.PASS


@pytest.mark.clause("XFRM-DEFAULT-001")
@PROFILES
@pytest.mark.parametrize("direction", [IN, FWD])
def test_a_blocking_default_drops_input_and_forwarding_with_a_counter(
    direction: Direction, profile: Profile
) -> None:
    held = replace(tables(profile), defaults=BLOCK_EVERYWHERE)
    decided = decide_input(held, received(), (), direction)
    assert (decided.accepted, decided.counter) == (False, Counter.IN_NO_POLICIES)
    assert decided.reported is None


@pytest.mark.clause("XFRM-DEFAULT-001")
def test_defaults_are_kept_by_direction_and_apply_only_without_a_match() -> None:
    only_forwarding = DefaultActions(forward=DefaultAction.BLOCK)
    held = replace(tables(CLEAN, policy("2001:db8:8::/48", direction=FWD)), defaults=only_forwarding)
    assert decide_input(held, received(), ()).accepted
    assert not decide_input(held, received(), (), FWD).accepted
    assert decide_input(held, flow("2001:db8:8::8", LOCAL), (), FWD).accepted
    assert decide_output(held, flow()).decision is Decision.PASS


@pytest.mark.clause("XFRM-DEFAULT-002")
@PROFILES
def test_without_policies_everything_passes_by_default(profile: Profile) -> None:
    held = tables(profile)
    assert decide_output(held, flow()).decision is Decision.PASS
    assert decide_output(held, flow(if_id=7)).decision is Decision.PASS
    assert decide_input(held, received(), ()).accepted


@pytest.mark.clause("XFRM-PAIR-001")
def test_the_reason_names_the_policies_in_their_order() -> None:
    held = tables(CLEAN, policy(type_=SUB, priority=4), policy(destination=REMOTE, priority=3))
    (reason,) = select_policies(held, flow(), OUT, NO_SOCKET_POLICIES).reasons
    assert reason.clause == "XFRM-PAIR-001"
    assert reason.found.startswith("out sub policy of priority 4, then out main policy of priority 3")
