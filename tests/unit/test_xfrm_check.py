"""The inbound check: state selectors, policies, and the walk of the sec_path."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from itertools import permutations

import pytest
from builders import (
    AH,
    AH_SA,
    ALL_PROFILES,
    BLOCK,
    COMP_SA,
    ESP,
    ESP_SA,
    FWD,
    HAO,
    HAO_SA,
    IN,
    IPCOMP,
    LOCAL,
    OTHER,
    PAIRING_PROFILES,
    REMOTE,
    RT2,
    RT2_SA,
    SUB,
    TUNNEL_IN,
    TUNNEL_SA,
    flow,
    optional,
    policy,
    received,
    selector,
    state,
    state_of,
    tables,
)

from xfrmspec.wire.insertion import wire_chain
from xfrmspec.xfrm.check import InputDecision, decide_input
from xfrmspec.xfrm.template_check import satisfies
from xfrmspec.xfrm.templates import merge_states
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Family

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
PAIRS = pytest.mark.parametrize("profile", PAIRING_PROFILES, ids=lambda p: p.name)
KERNELS = pytest.mark.parametrize("profile", [LINUX_6_1, LINUX_6_18], ids=lambda p: p.name)


Path = tuple[SecurityAssociation, ...]


def inbound(*templates: Template) -> Policy:
    return policy(direction=IN, templates=templates)


def checked(
    profile: Profile,
    path: Path,
    main: tuple[Template, ...] | None,
    sub: tuple[Template, ...] | None = None,
    *,
    verified: int = 0,
) -> InputDecision:
    """The fate of a received datagram with a sec_path under these inbound policies (None: no such policy)."""
    entries = [inbound(*main)] if main is not None else []
    if sub is not None:
        entries.append(policy(direction=IN, type_=SUB, templates=sub))
    return decide_input(tables(profile, *entries), received(), path, verified=verified)


@pytest.mark.clause("XFRM-CHECK-003")
@PROFILES
def test_the_selector_of_every_state_must_match_the_inner_flow(profile: Profile) -> None:
    wrong = selector(protocol=6)
    for path in (
        (replace(ESP_SA, selector=wrong),),
        (replace(HAO_SA, selector=wrong), ESP_SA),
        (TUNNEL_SA, replace(AH_SA, selector=wrong)),
    ):
        decided = decide_input(tables(profile), received(), path)
        assert (decided.accepted, decided.counter) == (False, Counter.IN_STATE_MISMATCH)
        assert (decided.reported, decided.selection.policies) == (None, ())
    fitting = replace(ESP_SA, selector=selector(REMOTE, LOCAL, 17))
    assert decide_input(tables(profile), received(), (fitting,)).accepted


@pytest.mark.clause("XFRM-CHECK-003")
def test_state_selectors_are_looked_at_from_the_last_entry() -> None:
    wrong = replace(ESP_SA, selector=selector(protocol=6))
    reasons = decide_input(tables(CLEAN), received(), (wrong, AH_SA, wrong)).reasons
    assert [reason.subject for reason in reasons] == ["selector of sec_path entry 3"]


@pytest.mark.clause("XFRM-CHECK-003", "XFRM-SEL-004")
@pytest.mark.parametrize(
    ("profile", "accepted"),
    [(CLEAN, False), (LINUX_6_1, True), (LINUX_6_18, False)],
    ids=["clean", "6.1", "6.18"],
)
def test_a_state_selector_of_the_other_family(profile: Profile, accepted: bool) -> None:
    ipv4 = replace(ESP_SA, selector=selector("0.0.0.0/0", "0.0.0.0/0"))
    assert decide_input(tables(profile), received(), (ipv4,)).accepted is accepted
    open_family = replace(ESP_SA, selector=selector(family=Family.UNSPEC))
    assert decide_input(tables(profile), received(), (open_family,)).accepted


@pytest.mark.clause("XFRM-CHECK-003")
@PROFILES
def test_state_selectors_come_before_policies(profile: Profile) -> None:
    held = tables(profile, policy(direction=IN, action=BLOCK))
    wrong = replace(ESP_SA, selector=selector(OTHER))
    assert decide_input(held, received(), (wrong,)).counter is Counter.IN_STATE_MISMATCH


@pytest.mark.clause("XFRM-CHECK-004")
@PROFILES
@pytest.mark.parametrize("direction", [IN, FWD])
def test_without_a_policy_transport_is_accepted_and_everything_else_rejected(
    direction: Direction, profile: Profile
) -> None:
    held = tables(profile)
    assert decide_input(held, received(), (ESP_SA, AH_SA), direction).accepted
    for path, reported in (((TUNNEL_SA,), 0), ((ESP_SA, HAO_SA, TUNNEL_SA), 1), ((RT2_SA, HAO_SA), 0)):
        decided = decide_input(held, received(), path, direction)
        assert (decided.accepted, decided.counter) == (False, Counter.IN_NO_POLICIES)
        assert decided.reported == reported


@pytest.mark.clause("XFRM-CHECK-005")
@PAIRS
def test_a_primary_or_secondary_that_blocks_rejects_without_a_report(profile: Profile) -> None:
    block_main, block_sub = (
        policy(direction=IN, action=BLOCK),
        policy(direction=IN, type_=SUB, action=BLOCK),
    )
    for entries in (
        (block_main,),
        (block_sub,),
        (block_sub, inbound()),
        (policy(direction=IN, type_=SUB), block_main),
    ):
        decided = decide_input(tables(profile, *entries), received(), (HAO_SA,))
        assert (decided.accepted, decided.counter) == (False, Counter.IN_POLICY_BLOCK)
        assert (decided.reported, decided.verified) == (None, 0)


@pytest.mark.clause("XFRM-CHECK-005", "XFRM-TMPL-004")
@KERNELS
def test_the_first_policy_that_blocks_or_overflows_decides(profile: Profile) -> None:
    full_sub = policy(direction=IN, type_=SUB, templates=(ESP,) * 6)
    full_main = policy(direction=IN, action=BLOCK, templates=(ESP,) * 6)
    overflow = decide_input(tables(profile, full_sub, full_main), received(), ())
    assert overflow.counter is Counter.IN_BUFFER_ERROR
    small_sub = policy(direction=IN, type_=SUB)
    assert (
        decide_input(tables(profile, small_sub, full_main), received(), ()).counter is Counter.IN_POLICY_BLOCK
    )


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-CHECK-006")
@PAIRS
@pytest.mark.parametrize(
    ("sub", "main", "clean", "kernel"),
    [(2, 3, True, True), (3, 3, True, False), (0, 5, True, True), (0, 6, True, False), (4, 3, False, False)],
)
def test_how_many_templates_a_pair_may_declare(
    sub: int, main: int, clean: bool, kernel: bool, profile: Profile
) -> None:
    decided = checked(profile, (ESP_SA,) * (sub + main), (ESP,) * main, (ESP,) * sub)
    if clean if profile is CLEAN else kernel:
        assert (decided.accepted, decided.verified) == (True, sub + main)
    else:
        assert (decided.counter, decided.reported) == (Counter.IN_BUFFER_ERROR, None)


@pytest.mark.clause("XFRM-TMPL-004")
@KERNELS
def test_on_input_optional_templates_count_in_both_policies(profile: Profile) -> None:
    for sub, main in (((optional(AH),) * 3, (ESP,) * 3), ((ESP,) * 3, (optional(AH),) * 3)):
        assert checked(profile, (ESP_SA,) * 3, main, sub).counter is Counter.IN_BUFFER_ERROR


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-CHECK-010")
@PROFILES
@pytest.mark.parametrize(
    ("templates", "path", "accepted"),
    [
        ((), (), True),
        ((ESP,), (ESP_SA,), True),
        ((ESP, TUNNEL_IN), (TUNNEL_SA, ESP_SA), True),
        ((TUNNEL_IN, ESP), (TUNNEL_SA, ESP_SA), False),
        ((HAO, RT2), (RT2_SA, HAO_SA), True),
        ((RT2, HAO), (RT2_SA, HAO_SA), False),
        ((AH, ESP), (ESP_SA, AH_SA), True),
        ((AH, ESP), (AH_SA, ESP_SA), False),
        ((ESP, AH, HAO), (HAO_SA, AH_SA, ESP_SA), True),
        ((ESP,), (AH_SA, ESP_SA), True),
        ((ESP,), (AH_SA,), False),
    ],
)
def test_the_order_of_one_policys_templates_is_inner_to_outer(
    templates: tuple[Template, ...], path: Path, accepted: bool, profile: Profile
) -> None:
    decided = checked(profile, path, templates)
    assert decided.accepted is accepted
    assert decided.counter is (None if accepted else Counter.IN_TEMPLATE_MISMATCH)


@pytest.mark.clause("XFRM-SORT-005", "XFRM-SORT-003")
@PAIRS
def test_kernels_reject_the_order_that_a_mirrored_sender_makes_of_ah_before_esp(profile: Profile) -> None:
    path = (HAO_SA, AH_SA, ESP_SA)
    asymmetric = profile.ah_transport_sort_asymmetry
    assert checked(profile, path, (AH, ESP), (HAO,)).accepted is not asymmetric
    esp_outside = checked(profile, (HAO_SA, ESP_SA, AH_SA), (AH, ESP), (HAO,))
    assert esp_outside.accepted is asymmetric


@pytest.mark.clause("XFRM-SORT-005")
@KERNELS
def test_on_kernels_esp_before_ah_in_main_works_beside_sub(profile: Profile) -> None:
    assert checked(profile, (HAO_SA, AH_SA, ESP_SA), (ESP, AH), (HAO,)).accepted


ARRIVING = {
    Header.ESP: ESP_SA,
    Header.AH: AH_SA,
    Header.IPCOMP: COMP_SA,
    Header.HAO: HAO_SA,
    Header.RT2: RT2_SA,
}


def arriving(sub: tuple[Template, ...], main: tuple[Template, ...]) -> Path:
    """The sec_path of a datagram whose sender merged these templates."""
    groups = [[state_of(entry) for entry in group] for group in (sub, main)]
    chain = wire_chain((Header.UDP,), merge_states(groups, Family.INET6))
    return tuple(ARRIVING[header] for header in chain if isinstance(header, Header) and header in ARRIVING)


@pytest.mark.clause("XFRM-SORT-005", "XFRM-WIRE-004", "XFRM-CHECK-010")
@pytest.mark.parametrize("main", list(permutations([ESP, AH, IPCOMP])))
@pytest.mark.parametrize("sub", [(), (HAO,), (RT2,), (HAO, RT2)])
def test_clean_input_expects_the_order_in_which_the_senders_headers_arrive(
    sub: tuple[Template, ...], main: tuple[Template, ...]
) -> None:
    assert checked(CLEAN, arriving(sub, main), main, sub).accepted


@pytest.mark.clause("XFRM-WIRE-004", "XFRM-CHECK-010")
@PAIRS
def test_rt2_listed_before_hao_is_sent_and_never_accepted(profile: Profile) -> None:
    path = arriving((RT2, HAO), (ESP,))
    assert path == (RT2_SA, HAO_SA, ESP_SA)
    decided = checked(profile, path, (ESP,), (RT2, HAO))
    assert (decided.counter, decided.reported) == (Counter.IN_TEMPLATE_MISMATCH, 0)
    assert checked(profile, path, (ESP,), (HAO, RT2)).accepted


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-SORT-007")
@PAIRS
def test_a_tunnel_in_sub_is_expected_outside_main(profile: Profile) -> None:
    assert checked(profile, (TUNNEL_SA, ESP_SA), (ESP,), (TUNNEL_IN,)).accepted
    assert checked(profile, (TUNNEL_SA, HAO_SA), (HAO,), (TUNNEL_IN,)).accepted
    assert not checked(profile, (HAO_SA, TUNNEL_SA), (HAO,), (TUNNEL_IN,)).accepted


@pytest.mark.clause("XFRM-CHECK-007", "XFRM-CHECK-010")
@PAIRS
def test_an_option_inside_esp_is_a_mismatch_without_a_report(profile: Profile) -> None:
    decided = checked(profile, (ESP_SA, HAO_SA), (ESP,), (HAO,))
    assert (decided.counter, decided.reported) == (Counter.IN_TEMPLATE_MISMATCH, None)


@pytest.mark.clause("XFRM-CHECK-007")
@PROFILES
def test_a_barrier_that_does_not_fit_is_the_culprit_that_is_told(profile: Profile) -> None:
    decided = checked(profile, (ESP_SA, TUNNEL_SA, HAO_SA), (HAO,))
    assert (decided.counter, decided.reported) == (Counter.IN_TEMPLATE_MISMATCH, 1)


@pytest.mark.clause("XFRM-CHECK-007", "XFRM-CHECK-008")
@PROFILES
def test_a_foreign_source_in_a_home_address_template_is_reported(profile: Profile) -> None:
    foreign = replace(HAO, source=ip_address(OTHER))
    decided = checked(profile, (HAO_SA,), (foreign,))
    assert (decided.counter, decided.reported) == (Counter.IN_TEMPLATE_MISMATCH, 0)
    assert checked(profile, (HAO_SA,), (replace(HAO, source=ip_address(REMOTE)),)).accepted


@pytest.mark.clause("XFRM-CHECK-007", "XFRM-CHECK-011")
@PROFILES
def test_an_optional_transport_template_leaves_its_state_to_a_required_one(profile: Profile) -> None:
    assert checked(profile, (ESP_SA,), (ESP, optional(ESP))).accepted
    assert checked(profile, (ESP_SA,), (optional(ESP), ESP)).accepted


@pytest.mark.clause("XFRM-CHECK-008")
def test_the_if_id_counts_only_when_the_packet_has_one() -> None:
    assert satisfies(ESP, replace(ESP_SA, if_id=3), 0)
    assert satisfies(ESP, replace(ESP_SA, if_id=3), 3)
    assert not satisfies(ESP, ESP_SA, 3)
    held = tables(CLEAN, policy(direction=IN, if_id=3, templates=(ESP,)))
    packet = flow(REMOTE, LOCAL, if_id=3)
    assert decide_input(held, packet, (replace(ESP_SA, if_id=3),)).accepted
    assert not decide_input(held, packet, (ESP_SA,)).accepted


@pytest.mark.clause("XFRM-CHECK-009", "XFRM-CHECK-006")
@PAIRS
def test_extra_transport_entries_are_accepted_and_other_extras_rejected(profile: Profile) -> None:
    assert checked(profile, (HAO_SA, ESP_SA), None, (HAO,)).accepted
    for path, main, reported in (
        ((HAO_SA,), (), 0),
        ((HAO_SA, ESP_SA), (ESP,), 0),
        ((ESP_SA, TUNNEL_SA), (), 1),
        ((TUNNEL_SA, TUNNEL_SA), (TUNNEL_IN,), 1),
    ):
        decided = checked(profile, path, main)
        assert (decided.counter, decided.reported) == (Counter.IN_TEMPLATE_MISMATCH, reported)


@pytest.mark.clause("XFRM-CHECK-011")
@PROFILES
def test_the_same_template_twice_needs_two_entries(profile: Profile) -> None:
    decided = checked(profile, (ESP_SA,), (ESP, ESP))
    assert (decided.counter, decided.reported) == (Counter.IN_TEMPLATE_MISMATCH, None)
    assert checked(profile, (ESP_SA, ESP_SA), (ESP, ESP)).verified == 2


@pytest.mark.clause("XFRM-CHECK-012")
@PROFILES
def test_tunnels_an_earlier_check_verified_may_be_skipped(profile: Profile) -> None:
    inner = state(mode=Mode.TUNNEL, source=REMOTE, destination=LOCAL)
    wanted = replace(TUNNEL_IN, source=ip_address(REMOTE))
    assert not checked(profile, (TUNNEL_SA, inner), (wanted,)).accepted
    first = checked(profile, (TUNNEL_SA,), (TUNNEL_IN,))
    assert first.verified == 1
    again = checked(profile, (TUNNEL_SA, inner), (wanted,), verified=first.verified)
    assert (again.accepted, again.verified) == (True, 2)


@pytest.mark.clause("XFRM-CHECK-012")
@PROFILES
def test_a_verified_count_may_shrink_and_does_not_excuse_what_is_left_over(profile: Profile) -> None:
    shrunk = checked(profile, (ESP_SA, ESP_SA), (ESP,), verified=2)
    assert (shrunk.accepted, shrunk.verified) == (True, 1)
    assert not checked(profile, (TUNNEL_SA,), (), verified=1).accepted


@pytest.mark.clause("XFRM-CHECK-013")
@PROFILES
def test_cleartext_meets_optional_templates_only(profile: Profile) -> None:
    required = checked(profile, (), (ESP,))
    assert (required.accepted, required.counter) == (False, Counter.IN_TEMPLATE_MISMATCH)
    assert required.reasons[-1].clause == "XFRM-CHECK-013"
    accepted = checked(profile, (), (optional(ESP), optional(HAO), optional(TUNNEL_IN)))
    assert (accepted.accepted, accepted.verified) == (True, 0)


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-CHECK-009")
def test_the_reasons_name_the_clause_that_decided() -> None:
    missing = checked(CLEAN, (AH_SA,), (replace(ESP, reqid=7),)).reasons[-1]
    assert (missing.clause, missing.subject) == ("XFRM-CHECK-007", "required template 1")
    assert missing.expected.endswith("reqid 7")
    extra = checked(CLEAN, (ESP_SA, HAO_SA), (ESP,)).reasons[-1]
    assert (extra.clause, extra.held) == ("XFRM-CHECK-009", False)
    met = checked(CLEAN, (ESP_SA,), (ESP,)).reasons[-1]
    assert (met.clause, met.held) == ("XFRM-CHECK-006", True)
