"""The policy database as a value: what it holds and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from xfrmspec.xfrm.placement import (
    Thresholds,
    candidate_list,
    count_positions,
    insertion_point,
    link_position,
    renumber,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import (
    CandidateList,
    Direction,
    InstalledPolicy,
    Policy,
    PolicyIdentity,
    PolicyType,
    Share,
    identity_of,
)
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Family

INDEX_STEP = 8
_LIST_OF = attrgetter("list")
Order = tuple[InstalledPolicy, ...]


@dataclass(frozen=True, slots=True)
class RouteGenerations:
    """How often the routes (and so the cached bundles) of each family were invalidated."""

    ipv4: int = 0
    ipv6: int = 0

    def bumped(self, family: Family) -> RouteGenerations:
        """Return the generations after one invalidation of a family."""
        if family is Family.INET:
            return replace(self, ipv4=self.ipv4 + 1)
        return replace(self, ipv6=self.ipv6 + 1)


@clause("XFRM-DB-001", "XFRM-ARCH-001")
@dataclass(frozen=True, slots=True)
class PolicyDatabase:
    """All policies of a network namespace but the sockets' own.

    `orders` holds one list per direction (by number), sorted by priority and seniority; each candidate
    list is a subsequence of it. `next_age` and `next_index` are the counters for new objects and indexes.
    """

    profile: Profile = CLEAN
    thresholds: Thresholds = field(default_factory=Thresholds)
    orders: tuple[Order, Order, Order] = ((), (), ())
    next_age: int = 0
    next_index: int = 0
    generations: RouteGenerations = field(default_factory=RouteGenerations)

    def __iter__(self) -> Iterator[InstalledPolicy]:
        """Iterate over every entry, oldest object first."""
        return iter(sorted((e for order in self.orders for e in order), key=lambda e: e.age))

    def count(self, direction: Direction) -> int:
        """Return the number of policies of a direction, both types and all families."""
        return len(self.orders[direction])

    def in_search_order(self, direction: Direction) -> list[InstalledPolicy]:
        """Return the candidate lists of a direction one after the other, all types and families."""
        return sorted(self.orders[direction], key=_LIST_OF)

    def find(self, identity: PolicyIdentity) -> InstalledPolicy | None:
        """Return the entry with an identity, or None."""
        entries = self.orders[identity.direction]
        return next((e for e in entries if identity_of(e.policy) == identity), None)

    @clause("XFRM-DB-005")
    def find_index(self, direction: Direction, type_: PolicyType, index: int) -> InstalledPolicy | None:
        """Return the entry of a direction and type with an index, or None."""
        entries = self.orders[direction]
        return next((e for e in entries if (e.policy.index, e.policy.type) == (index, type_)), None)

    def with_order(self, direction: Direction, order: Order, **changes: Any) -> PolicyDatabase:
        """Return the database with one direction's list exchanged and its ranks counted anew.

        `changes` are other fields of the database.
        """
        ranked = tuple(
            entry if entry.rank == rank else replace(entry, rank=rank) for rank, entry in enumerate(order)
        )
        orders = list(self.orders)
        orders[direction] = ranked
        return replace(self, orders=(orders[0], orders[1], orders[2]), **changes)


@clause("XFRM-DB-003", "XFRM-DB-004")
def next_free_index(policy: Policy, taken: Collection[int], generator: int) -> tuple[int, int]:
    """Return the index for a new policy and the generator's next value.

    A wanted index is used when free; otherwise the generator steps by eight until it finds a free number
    that ends in the direction; zero is never given. Source: kernel xfrm_gen_index.
    """
    if policy.index and policy.index not in taken:
        return policy.index, generator
    while True:
        index = (generator | policy.direction) or INDEX_STEP
        generator += INDEX_STEP
        if index not in taken:
            return index, generator


@clause("XFRM-POL-001", "XFRM-SEL-005", "XFRM-TMPL-005")
def as_stored(policy: Policy, index: int) -> Policy:
    """Return a checked policy as the database keeps it.

    The mark value is cut down to its mask, the share level is forgotten, and a template without a family
    gets the policy's. Source: kernel xfrm_policy_insert, copy_from_user_policy, validate_tmpl.
    """
    templates = tuple(
        replace(template, family=policy.family) if template.family is Family.UNSPEC else template
        for template in policy.templates
    )
    return replace(policy, mark=policy.mark.masked(), index=index, share=Share.ANY, templates=templates)


def install(
    database: PolicyDatabase, policy: Policy, replaced: InstalledPolicy | None, now: int
) -> PolicyDatabase:
    """Link a checked policy, unlink the one it replaces, and give it index, age, rank and position.

    `now` is in seconds. Source: XFRM-DB-003, -008, XFRM-LOOKUP-004, -008; kernel xfrm_policy_insert.
    """
    profile, direction = database.profile, policy.direction
    order = database.orders[direction]
    entries = tuple(entry for own in database.orders for entry in own)
    if replaced is not None:
        index, generator = replaced.policy.index, database.next_index
    else:
        taken = {entry.policy.index for entry in entries}
        index, generator = next_free_index(policy, taken, database.next_index)
    place = insertion_point(order, policy, replaced, profile)
    entry = InstalledPolicy(
        policy=as_stored(policy, index),
        list=candidate_list(policy, database.thresholds),
        age=database.next_age,
        rank=place,
        position=link_position(entries, policy, replaced, profile),
        added=now,
    )
    linked = (*order[:place], entry, *order[place:])
    if profile.exact_pos_zero and entry.list is not CandidateList.EXACT:
        linked = count_positions(linked, entry, replaced, profile)
    kept = tuple(e for e in linked if replaced is None or e.age != replaced.age)
    return database.with_order(
        direction,
        kept,
        next_age=database.next_age + 1,
        next_index=generator,
        generations=database.generations.bumped(policy.family),
    )


@clause("XFRM-DEFAULT-001")
def without_routes(database: PolicyDatabase) -> PolicyDatabase:
    """Return the database once the routes of both families, and so every cached bundle, are invalid.

    Source: XFRM-DEFAULT-001; kernel xfrm_set_default.
    """
    generations = database.generations.bumped(Family.INET).bumped(Family.INET6)
    return replace(database, generations=generations)


@clause("XFRM-LOOKUP-009")
def rebuild(database: PolicyDatabase) -> PolicyDatabase:
    """Sort every policy into its list again, as a change of the hash thresholds makes the kernel do.

    Kernels with `rebuild_uses_object_age` forget inherited seniority: equals line up by the age of the
    objects. Positions are renumbered where the profile numbers by rank. Source: kernel xfrm_hash_rebuild.
    """
    rebuilt = database
    for direction in Direction:
        relisted = [
            replace(e, list=candidate_list(e.policy, database.thresholds)) for e in database.orders[direction]
        ]
        if database.profile.rebuild_uses_object_age:
            relisted.sort(key=lambda e: (e.policy.priority, e.age))
        order = tuple(relisted)
        if database.profile.exact_pos_zero:
            order = renumber(order)
        rebuilt = rebuilt.with_order(direction, order)
    return rebuilt
