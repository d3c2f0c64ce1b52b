"""Template counts, sort classes and merging."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    AH,
    ALL_PROFILES,
    ESP,
    HAO,
    IPCOMP,
    PAIRING_PROFILES,
    RT2,
    TUNNEL,
    state_of,
    template,
)

from xfrmspec.xfrm.templates import (
    exceeds_usable,
    instantiable,
    merge_states,
    merge_templates,
    sort_by_class,
    state_class,
    template_class,
)
from xfrmspec_terms.policy import TEMPLATE_PROTOCOLS, Mode, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import UINT32_MAX, Family, Protocol

TRANSPORT, TUNNEL_MODE, RO, TRIGGER, BEET = Mode
V6, V4 = Family.INET6, Family.INET


@pytest.mark.clause("XFRM-TMPL-001")
@pytest.mark.parametrize(
    ("masks", "any_algorithm"),
    [
        ((UINT32_MAX, UINT32_MAX, UINT32_MAX), True),
        ((UINT32_MAX, UINT32_MAX - 1, UINT32_MAX), False),
        ((0, UINT32_MAX, UINT32_MAX), False),
        ((UINT32_MAX, UINT32_MAX, 1), False),
    ],
)
def test_any_algorithm_will_do_when_the_three_sets_together_are_full(
    masks: tuple[int, int, int], any_algorithm: bool
) -> None:
    encryption, authentication, compression = masks
    entry = replace(
        ESP,
        encryption_mask=encryption,
        authentication_mask=authentication,
        compression_mask=compression,
    )
    assert entry.any_algorithm is any_algorithm


@pytest.mark.clause("XFRM-TMPL-004")
@pytest.mark.parametrize(
    ("profile", "usable"), [(CLEAN, 6), (LINUX_6_1, 5), (LINUX_6_18, 5)], ids=["clean", "6.1", "6.18"]
)
def test_how_many_templates_are_usable(profile: Profile, usable: int) -> None:
    assert not exceeds_usable(0, usable, profile)
    assert exceeds_usable(0, usable + 1, profile)
    assert not exceeds_usable(2, usable - 2, profile)
    assert exceeds_usable(2, usable - 1, profile)


@pytest.mark.clause("XFRM-TMPL-006")
@pytest.mark.parametrize(
    ("protocol", "modes"),
    [
        (Protocol.ESP, {TRANSPORT, TUNNEL_MODE, RO, BEET}),
        (Protocol.AH, {TRANSPORT, TUNNEL_MODE, BEET}),
        (Protocol.IPCOMP, {TRANSPORT, TUNNEL_MODE}),
        (Protocol.DESTINATION_OPTIONS, {RO}),
        (Protocol.ROUTING, {RO}),
        (Protocol.IPV6, set[Mode]()),
    ],
)
def test_which_states_can_exist(protocol: Protocol, modes: set[Mode]) -> None:
    assert {mode for mode in Mode if instantiable(protocol, mode)} == modes


@pytest.mark.clause("XFRM-SORT-002")
@pytest.mark.parametrize("protocol", sorted(TEMPLATE_PROTOCOLS))
def test_state_classes_depend_on_the_mode_but_for_ah_in_transport(protocol: Protocol) -> None:
    transport = 3 if protocol is Protocol.AH else 1
    classes = {mode: state_class(protocol, mode) for mode in Mode}
    assert classes == {TRANSPORT: transport, TUNNEL_MODE: 4, RO: 2, TRIGGER: 2, BEET: 4}


@pytest.mark.clause("XFRM-SORT-003", "XFRM-SORT-005")
@pytest.mark.parametrize("profile", [LINUX_6_1, LINUX_6_18], ids=lambda p: p.name)
@pytest.mark.parametrize("protocol", sorted(TEMPLATE_PROTOCOLS))
def test_template_classes_of_kernels_depend_on_the_mode_alone(protocol: Protocol, profile: Profile) -> None:
    classes = {mode: template_class(protocol, mode, profile) for mode in Mode}
    assert classes == {TRANSPORT: 1, TUNNEL_MODE: 3, RO: 2, TRIGGER: 2, BEET: 3}


@pytest.mark.clause("XFRM-SORT-003", "XFRM-SORT-005")
@pytest.mark.parametrize("profile", [CLEAN, USAGI_2004], ids=lambda p: p.name)
@pytest.mark.parametrize("protocol", sorted(TEMPLATE_PROTOCOLS))
def test_clean_template_classes_follow_the_wire(protocol: Protocol, profile: Profile) -> None:
    transport = 2 if protocol is Protocol.AH else 1
    classes = {mode: template_class(protocol, mode, profile) for mode in Mode}
    assert classes == {TRANSPORT: transport, TUNNEL_MODE: 4, RO: 3, TRIGGER: 3, BEET: 4}


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-004")
def test_the_sort_is_stable_and_idempotent() -> None:
    items, classes = ("a", "b", "c", "d", "e"), (4, 1, 2, 1, 4)
    once = sort_by_class(items, classes)
    assert once == ("b", "d", "c", "a", "e")
    assert sort_by_class(once, (1, 1, 2, 4, 4)) == once


def merged(sub: tuple[Template, ...], main: tuple[Template, ...], family: Family = V6) -> list[str]:
    """Protocol names of merged states, innermost first."""
    groups = [[state_of(entry) for entry in group] for group in (sub, main)]
    return [state.protocol.name for state in merge_states(groups, family)]


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-002", "XFRM-TMPL-009")
def test_a_pair_of_policies_is_sorted_with_ah_outside_esp_and_ro() -> None:
    assert merged((HAO,), (AH, ESP)) == ["ESP", "DESTINATION_OPTIONS", "AH"]
    assert merged((HAO,), (ESP, AH)) == ["ESP", "DESTINATION_OPTIONS", "AH"]
    assert merged((RT2, HAO), (IPCOMP, ESP)) == ["IPCOMP", "ESP", "ROUTING", "DESTINATION_OPTIONS"]


@pytest.mark.clause("XFRM-SORT-004")
def test_in_one_class_sub_stands_before_main_in_stored_order() -> None:
    groups = [[state_of(ESP, spi=1), state_of(IPCOMP, spi=2)], [state_of(ESP, spi=3)]]
    assert [state.spi for state in merge_states(groups, V6)] == [1, 2, 3]
    assert [state.spi for state in merge_states(groups[::-1], V6)] == [3, 1, 2]


@pytest.mark.clause("XFRM-SORT-001", "XFRM-TMPL-009")
def test_ipv4_keeps_the_concatenation_and_a_single_policy_its_own_order() -> None:
    assert merged((TUNNEL,), (ESP, IPCOMP), V4) == ["ESP", "ESP", "IPCOMP"]
    assert merged((AH,), (ESP,), V4) == ["AH", "ESP"]
    alone = merge_states([[state_of(AH), state_of(ESP)]], V6)
    assert [state.protocol for state in alone] == [Protocol.AH, Protocol.ESP]


@pytest.mark.clause("XFRM-SORT-007")
def test_a_tunnel_in_sub_is_applied_after_everything_of_main() -> None:
    groups = [[state_of(TUNNEL)], [state_of(ESP), state_of(HAO), state_of(AH)]]
    assert [state.mode for state in merge_states(groups, V6)] == [TRANSPORT, RO, TRANSPORT, TUNNEL_MODE]


@pytest.mark.clause("XFRM-SORT-006")
def test_ah_stands_outside_the_home_address_option_in_a_pair_but_not_in_one_policy() -> None:
    alone = merge_states([[state_of(AH), state_of(HAO)]], V6)
    assert [state.protocol for state in alone] == [Protocol.AH, Protocol.DESTINATION_OPTIONS]
    for groups in ([[HAO], [AH]], [[AH], [HAO]]):
        pair = merge_states([[state_of(entry) for entry in group] for group in groups], V6)
        assert [state.protocol for state in pair] == [Protocol.DESTINATION_OPTIONS, Protocol.AH]


@pytest.mark.clause("XFRM-SORT-005", "XFRM-CHECK-006")
@pytest.mark.parametrize("profile", PAIRING_PROFILES, ids=lambda p: p.name)
def test_only_the_clean_rules_move_ah_on_input(profile: Profile) -> None:
    expected = (AH, ESP, HAO) if profile.ah_transport_sort_asymmetry else (ESP, AH, HAO)
    assert merge_templates([(HAO,), (AH, ESP)], V6, profile) == expected


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-003")
@pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
def test_templates_of_one_policy_and_of_ipv4_keep_their_order(profile: Profile) -> None:
    assert merge_templates([(TUNNEL, AH, ESP)], V6, profile) == (TUNNEL, AH, ESP)
    assert merge_templates([(TUNNEL,), (AH, ESP)], V4, profile) == (TUNNEL, AH, ESP)
    assert merge_templates([], V6, profile) == ()
    assert merge_templates([(TUNNEL, template(mode=BEET)), (HAO, ESP)], V6, profile) == (
        ESP,
        HAO,
        TUNNEL,
        template(mode=BEET),
    )
