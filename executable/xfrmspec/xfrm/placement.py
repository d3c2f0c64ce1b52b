"""Where a policy goes: its candidate list, its place among equals, its position number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import CandidateList, Direction, InstalledPolicy, Policy
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Family, Prefix

COARSE_BELOW = {Family.INET: 16, Family.INET6: 48}
"""Prefixes shorter than this many bits are kept out of the trees (XFRM-LOOKUP-003)."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Prefix lengths in bits from which a policy is hashed, by local and remote side.

    Source: XFRM-DB-002; kernel policy_hthresh.
    """

    local4: int = 32
    remote4: int = 32
    local6: int = 128
    remote6: int = 128

    def bits(self, direction: Direction, family: Family) -> tuple[int, int]:
        """Return the (source, destination) thresholds of one direction and family."""
        if family is Family.INET:
            local, remote = self.local4, self.remote4
        else:
            local, remote = self.local6, self.remote6
        return (local, remote) if direction is Direction.OUT else (remote, local)


@clause("XFRM-DB-002", "XFRM-LOOKUP-003")
def candidate_list(policy: Policy, thresholds: Thresholds) -> CandidateList:
    """Return the list in which lookups find a policy. Source: kernel policy_hash_bysel."""
    selector = policy.selector
    source_bits, destination_bits = thresholds.bits(policy.direction, policy.family)
    if selector.source.length >= source_bits and selector.destination.length >= destination_bits:
        return CandidateList.EXACT
    coarse_source, coarse_destination = _is_coarse(selector.source), _is_coarse(selector.destination)
    if coarse_source and coarse_destination:
        return CandidateList.ANY
    if coarse_destination:
        return CandidateList.SOURCE
    return CandidateList.DESTINATION if coarse_source else CandidateList.BOTH


def _is_coarse(prefix: Prefix) -> bool:
    return int(prefix.address) == 0 or prefix.length < COARSE_BELOW[prefix.family]


@clause("XFRM-LOOKUP-008")
def insertion_point(
    order: Sequence[InstalledPolicy], policy: Policy, replaced: InstalledPolicy | None, profile: Profile
) -> int:
    """Return the place of a new entry in a list sorted by priority, the replaced entry still in it.

    The new entry goes behind every entry of the same or a stronger priority; one that replaces an entry
    without weakening its priority does not go behind entries that the old one preceded.
    Source: kernel xfrm_policy_insert_list.
    """
    end = len(order)
    if replaced is not None and profile.update_keeps_seniority_same_list:
        weakened = policy.priority > replaced.policy.priority
        end = end if weakened else order.index(replaced)
    place = 0
    for index, entry in enumerate(order[:end]):
        if entry is not replaced and entry.policy.priority <= policy.priority:
            place = index + 1
    return place


@clause("XFRM-LOOKUP-004")
def link_position(
    entries: Sequence[InstalledPolicy], policy: Policy, replaced: InstalledPolicy | None, profile: Profile
) -> int:
    """Return the position number of a policy as it is linked. Source: kernel __xfrm_policy_link."""
    if profile.exact_pos_zero:
        return 0
    if (
        replaced is not None
        and profile.update_keeps_seniority_cross_list
        and replaced.policy.priority == policy.priority
    ):
        return replaced.position
    return 1 + max((entry.position for entry in entries), default=-1)


@clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-007")
def renumber(order: Sequence[InstalledPolicy]) -> tuple[InstalledPolicy, ...]:
    """Give every inexact entry of one direction its rank among the inexact entries as position.

    Only kernels with `exact_pos_zero` number this way; exact entries keep the number they had.
    Source: kernel xfrm_policy_insert_inexact_list.
    """
    numbered: list[InstalledPolicy] = []
    rank = 0
    for entry in order:
        if entry.list is CandidateList.EXACT:
            numbered.append(entry)
            continue
        numbered.append(replace(entry, position=rank))
        rank += 1
    return tuple(numbered)


@clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-008")
def count_positions(
    linked: Sequence[InstalledPolicy],
    new: InstalledPolicy,
    replaced: InstalledPolicy | None,
    profile: Profile,
) -> tuple[InstalledPolicy, ...]:
    """Return a direction's entries, a new inexact one among them, with the inexact ones counted from zero.

    The entry that is replaced still counts, and so does its place: among the inexact entries alone a new one
    may stand in front of it although the whole direction has it behind.
    Source: kernel xfrm_policy_insert_inexact_list.
    """
    inexact = [entry for entry in linked if entry is not new and entry.list is not CandidateList.EXACT]
    place = insertion_point(inexact, new.policy, replaced, profile)
    counted = (*inexact[:place], new, *inexact[place:])
    positions = {entry.age: position for position, entry in enumerate(counted)}
    return tuple(_at(entry, positions.get(entry.age, entry.position)) for entry in linked)


def _at(entry: InstalledPolicy, position: int) -> InstalledPolicy:
    return entry if entry.position == position else replace(entry, position=position)
