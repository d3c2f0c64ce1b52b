"""One text, several kernels: every known deviation is one switch of a profile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xfrmspec_terms.policy import MAX_DEPTH


class MobilityTypeDecoding(Enum):
    """How the mobility header type of a received packet is found (XFRM-FLOW-002)."""

    CORRECT = "correct"
    BEHIND_ONE_EXTENSION_HEADER = "right behind exactly one extension header only"
    ALWAYS_ZERO = "always zero"


class SpiScope(Enum):
    """Over which states an allocated SPI must be unique."""

    PROTOCOL = "protocol"
    DESTINATION_AND_PROTOCOL = "destination and protocol"


class SecPathDepthRule(Enum):
    """When a route optimisation header finds the sec_path full."""

    AT_SIX = "refused at six or more entries"
    AT_EXACTLY_FIVE = "refused at exactly five entries"


@dataclass(frozen=True, slots=True)
class Profile:
    """The behaviour of one kernel, or of the clean rules, as one switch per deviation.

    The default of each switch is the clean rule. Source: the clause named beside each switch.
    """

    name: str
    sub_policies: bool = True  # XFRM-ARCH-004
    fwd_main_uses_in: bool = False  # XFRM-CHECK-002
    exact_pos_zero: bool = False  # XFRM-LOOKUP-007
    update_keeps_seniority_cross_list: bool = True  # XFRM-LOOKUP-008
    update_keeps_seniority_same_list: bool = True  # XFRM-LOOKUP-008
    rebuild_uses_object_age: bool = False  # XFRM-LOOKUP-009
    mh_type_inbound: MobilityTypeDecoding = MobilityTypeDecoding.CORRECT  # XFRM-FLOW-002
    ports_behind_extension_header: bool = True  # XFRM-FLOW-003
    find_second_pass_ignores_source: bool = False  # XFRM-FIND-002
    acquire_blocks_other_flows: bool = True  # XFRM-FIND-003
    ah_transport_sort_asymmetry: bool = False  # XFRM-SORT-005
    selector_family_checked: bool = True  # XFRM-SEL-004
    usable_templates: int = MAX_DEPTH  # XFRM-TMPL-004
    same_second_tie_depends_on_table: bool = False  # XFRM-FIND-004
    bundle_checks_first_policy_only: bool = False  # XFRM-CACHE-002
    sec_path_depth_for_ro: SecPathDepthRule = SecPathDepthRule.AT_SIX  # XFRM-RECV-003
    spi_unique_per: SpiScope = SpiScope.PROTOCOL  # XFRM-SPI-002
    mark_locate_asymmetric: bool = False  # XFRM-SAD-004
    larval_route_optimisation_migrates: bool = False  # XFRM-MIGR-004
    cache_misses_state_changes: bool = False  # XFRM-CACHE-006
    delete_bumps_route_generation: bool = True  # XFRM-DB-008
    key_dump_is_cut: bool = False  # XFRM-IFACE-005
    key_length_of_last_tunnel: bool = False  # XFRM-IFACE-009
    report_suppressed_for_known_mh: bool = True  # XFRM-HAO-004
    rt2_looked_up_with_care_of_source: bool = False  # XFRM-ROUTE-003
    mobility_header_judged_early: bool = False  # XFRM-MH-007
    home_address_any_unicast: bool = False  # XFRM-HAO-007
    replay_ring_by_low_half: bool = False  # XFRM-REPLAY-004
    update_keeps_soft_wait: bool = False  # XFRM-LIFE-006
    failed_allocation_leaves_larval: bool = False  # XFRM-SPI-001
    ah_padding_is_stale: bool = False  # XFRM-AH-001
    ah_covers_old_next_header: bool = False  # XFRM-AH-007
    repeated_headers_reserved_twice: bool = False  # XFRM-FRAG-003

    @property
    def threshold_moves_change_ties(self) -> bool:
        """True when moving a policy between hash and tree can change who wins a tie (XFRM-LOOKUP-009)."""
        return self.exact_pos_zero


CLEAN = Profile("clean")

LINUX_6_1 = Profile(
    "linux-6.1",
    fwd_main_uses_in=True,
    exact_pos_zero=True,
    rebuild_uses_object_age=True,
    mh_type_inbound=MobilityTypeDecoding.BEHIND_ONE_EXTENSION_HEADER,
    ports_behind_extension_header=False,
    find_second_pass_ignores_source=True,
    ah_transport_sort_asymmetry=True,
    selector_family_checked=False,
    usable_templates=MAX_DEPTH - 1,
    same_second_tie_depends_on_table=True,
    bundle_checks_first_policy_only=True,
    cache_misses_state_changes=True,
    sec_path_depth_for_ro=SecPathDepthRule.AT_EXACTLY_FIVE,
    spi_unique_per=SpiScope.DESTINATION_AND_PROTOCOL,
    mark_locate_asymmetric=True,
    delete_bumps_route_generation=False,
    key_dump_is_cut=True,
    key_length_of_last_tunnel=True,
    rt2_looked_up_with_care_of_source=True,
    mobility_header_judged_early=True,
    home_address_any_unicast=True,
    replay_ring_by_low_half=True,
    update_keeps_soft_wait=True,
    failed_allocation_leaves_larval=True,
    ah_padding_is_stale=True,
    ah_covers_old_next_header=True,
    repeated_headers_reserved_twice=True,
    larval_route_optimisation_migrates=True,
)

LINUX_6_18 = Profile(
    "linux-6.18",
    fwd_main_uses_in=True,
    update_keeps_seniority_cross_list=False,
    rebuild_uses_object_age=True,
    mh_type_inbound=MobilityTypeDecoding.ALWAYS_ZERO,
    find_second_pass_ignores_source=True,
    ah_transport_sort_asymmetry=True,
    usable_templates=MAX_DEPTH - 1,
    same_second_tie_depends_on_table=True,
    bundle_checks_first_policy_only=True,
    cache_misses_state_changes=True,
    mark_locate_asymmetric=True,
    delete_bumps_route_generation=False,
    key_dump_is_cut=True,
    key_length_of_last_tunnel=True,
    rt2_looked_up_with_care_of_source=True,
    mobility_header_judged_early=True,
    home_address_any_unicast=True,
    replay_ring_by_low_half=True,
    update_keeps_soft_wait=True,
    failed_allocation_leaves_larval=True,
    ah_padding_is_stale=True,
    ah_covers_old_next_header=True,
    repeated_headers_reserved_twice=True,
)

USAGI_2004 = Profile("usagi-2004", sub_policies=False, cache_misses_state_changes=True)

PROFILES = {profile.name: profile for profile in (CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004)}


def profile_named(name: str) -> Profile:
    """Return a preset by name; KeyError's text lists the names that exist."""
    if name not in PROFILES:
        raise KeyError(f"no profile is named {name!r}; there are: {', '.join(sorted(PROFILES))}")
    return PROFILES[name]
