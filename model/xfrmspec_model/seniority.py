"""Places in the database: what insertion, update and rebuild do to ranks and positions, as relations.

A database before and after an operation is described by two universes over the same policies. A relation
constrains order only, which is all that a lookup ever reads, so it also covers renumbering.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.entries import Entry, Placement
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    at_most,
    both,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.smt import Expression
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import CandidateList
from xfrmspec_terms.profile import Profile

Pair = Callable[[Entry, Entry], Truth]


def is_exact(entry: Entry) -> Truth:
    """Tell whether a policy is in the exact chain."""
    return same(entry.list, CandidateList.EXACT)


def is_numbered(entry: Entry, profile: Profile) -> Truth:
    """Tell whether a policy has a position of its own. Source: XFRM-LOOKUP-004, XFRM-LOOKUP-007."""
    return negate(is_exact(entry)) if profile.exact_pos_zero else True


def every_pair(database: Placement, body: Pair) -> Truth:
    """Tell whether all pairs of different installed policies of one direction satisfy a body."""

    def holds(first: Entry, second: Entry) -> Truth:
        guard = (
            negate(same(first.identity, second.identity)),
            first.installed,
            second.installed,
            same(first.direction, second.direction),
        )
        return implies(all_of(guard), body(first, second))

    return database.every(lambda first: database.every(lambda second: holds(first, second)))


@clause("XFRM-LOOKUP-003", "XFRM-LOOKUP-004", "XFRM-LOOKUP-007")
def well_placed(database: Placement, profile: Profile) -> Truth:
    """Tell which ranks and positions a database of the profile can have at any time.

    Priorities, ranks, positions and ages are never negative and lists are the five candidate lists. Source:
    XFRM-LOOKUP-003, XFRM-LOOKUP-004, XFRM-LOOKUP-007.
    """
    return both(
        database.every(lambda entry: implies(entry.installed, _in_range(entry, profile))),
        every_pair(database, lambda first, second: _consistent(first, second, profile)),
    )


def _in_range(entry: Entry, profile: Profile) -> Truth:
    numbers = (entry.priority, entry.rank, entry.position, entry.age, entry.list)
    return all_of(
        (
            all_of(at_most(0, number) for number in numbers),
            at_most(entry.list, CandidateList.ANY),
            at_most(entry.priority, 0xFFFFFFFF),
            either(is_numbered(entry, profile), same(entry.position, 0)),
        )
    )


def _consistent(first: Entry, second: Entry, profile: Profile) -> Truth:
    one_list = same(first.list, second.list)
    numbered = both(is_numbered(first, profile), is_numbered(second, profile))
    stronger = less(first.priority, second.priority)
    rules = [
        negate(same(first.age, second.age)),
        implies(one_list, negate(same(first.rank, second.rank))),
        implies(both(one_list, stronger), less(first.rank, second.rank)),
        implies(numbered, negate(same(first.position, second.position))),
    ]
    senior = less(first.position, second.position)
    if profile.exact_pos_zero:
        rules.append(implies(both(numbered, stronger), senior))
    if profile.update_keeps_seniority_cross_list:
        equals = all_of((one_list, same(first.priority, second.priority), numbered))
        rules.append(implies(equals, alike(less(first.rank, second.rank), senior)))
    return all_of(rules)


@clause("XFRM-LOOKUP-004")
def renumbered(database: Placement, profile: Profile) -> Truth:
    """Tell, where positions are ranks, that they have just been numbered from 0. Source: XFRM-LOOKUP-004."""
    if not profile.exact_pos_zero:
        return True

    def first_is_zero(entry: Entry) -> Truth:
        numbered = both(entry.installed, is_numbered(entry, profile))
        return implies(numbered, either(same(entry.position, 0), _has_predecessor(database, entry, profile)))

    return database.every(first_is_zero)


def _has_predecessor(database: Placement, entry: Entry, profile: Profile) -> Truth:
    def precedes(other: Entry) -> Truth:
        return all_of(
            (
                other.installed,
                is_numbered(other, profile),
                same(other.direction, entry.direction),
                less(other.position, entry.position),
            )
        )

    return database.some(precedes)


@dataclass(frozen=True, slots=True)
class _Change:
    """One operation: a database before and after it, under a profile."""

    before: Placement
    after: Placement
    profile: Profile

    def keeps_order(self, involved: Callable[[Number], Truth], of_positions: bool) -> Truth:
        """Keep the order in lists, and that of positions if asked, among the policies involved."""

        def kept(first: Entry, second: Entry) -> Truth:
            now = _now(self.after, first), _now(self.after, second)
            present = (
                involved(first.identity),
                involved(second.identity),
                now[0].installed,
                now[1].installed,
            )
            listed = implies(same(first.list, second.list), _alike_in((first, second), now, "rank"))
            positions = self._keeps_position((first, second), now) if of_positions else True
            return implies(all_of(present), both(listed, positions))

        return every_pair(self.before, kept)

    def _keeps_position(self, old: tuple[Entry, Entry], new: tuple[Entry, Entry]) -> Truth:
        numbered = all_of(is_numbered(entry, self.profile) for entry in (*old, *new))
        return implies(numbered, _alike_in(old, new, "position"))

    def others_stay(self, target: Expression) -> Truth:
        """Leave every other policy alone: the same list, priority and age, ranks and positions in order."""

        def unchanged(entry: Entry) -> Truth:
            new = _now(self.after, entry)
            same_place = (
                alike(entry.installed, new.installed),
                same(entry.list, new.list),
                same(entry.priority, new.priority),
                same(entry.age, new.age),
            )
            return either(same(entry.identity, target), all_of(same_place))

        others = self.keeps_order(lambda identity: negate(same(identity, target)), of_positions=True)
        return both(self.before.every(unchanged), others)

    @clause("XFRM-LOOKUP-008")
    def keeps_seniority(self, target: Expression) -> Truth:
        """Keep a policy's seniority as far as the profile does. Source: XFRM-LOOKUP-008."""
        if not self.profile.update_keeps_seniority_same_list:
            return youngest_of_its_priority(self.after, target, self.profile)
        across = self.profile.update_keeps_seniority_cross_list
        kept = self.keeps_order(lambda _: True, of_positions=across)
        position = self.after.entry(target).position
        return both(kept, across or _others(self.after, target, lambda other: less(other.position, position)))


def _alike_in(old: tuple[Entry, Entry], new: tuple[Entry, Entry], part: str) -> Truth:
    return alike(
        less(getattr(old[0], part), getattr(old[1], part)), less(getattr(new[0], part), getattr(new[1], part))
    )


def _now(database: Placement, entry: Entry) -> Entry:
    return database.entry(entry.identity)


def _others(database: Placement, target: Expression, body: Callable[[Entry], Truth]) -> Truth:
    """Tell whether all other installed policies of the target's direction satisfy a body."""
    direction = database.entry(target).direction

    def holds(entry: Entry) -> Truth:
        other = (negate(same(entry.identity, target)), entry.installed, same(entry.direction, direction))
        return implies(all_of(other), body(entry))

    return database.every(holds)


@clause("XFRM-LOOKUP-004", "XFRM-LOOKUP-005", "XFRM-LOOKUP-006")
def youngest_of_its_priority(database: Placement, target: Expression, profile: Profile) -> Truth:
    """Tell whether a policy has the place of one just inserted.

    Source: XFRM-LOOKUP-004, XFRM-LOOKUP-005, XFRM-LOOKUP-006.
    """
    new = database.entry(target)

    def is_senior(entry: Entry) -> Truth:
        equal = same(entry.priority, new.priority)
        listed = implies(both(same(entry.list, new.list), equal), less(entry.rank, new.rank))
        numbered = both(is_numbered(entry, profile), is_numbered(new, profile))
        behind = less(entry.position, new.position)
        ranked = either(negate(equal), behind) if profile.exact_pos_zero else behind
        return all_of((listed, implies(numbered, ranked), less(entry.age, new.age)))

    return _others(database, target, is_senior)


@clause("XFRM-LOOKUP-004", "XFRM-DB-007")
def inserted(before: Placement, after: Placement, target: Expression, profile: Profile) -> Truth:
    """Relate the databases before and after a policy was added. Source: XFRM-LOOKUP-004, XFRM-DB-007."""
    new = after.entry(target)
    change = _Change(before, after, profile)
    return all_of(
        (
            negate(before.entry(target).installed),
            new.installed,
            well_placed(before, profile),
            well_placed(after, profile),
            change.others_stay(target),
            youngest_of_its_priority(after, target, profile),
            implies(is_numbered(new, profile), renumbered(after, profile)),
        )
    )


@clause("XFRM-LOOKUP-008")
def updated(before: Placement, after: Placement, target: Expression, profile: Profile) -> Truth:
    """Relate the databases before and after a policy was replaced by one of the same identity.

    Source: XFRM-LOOKUP-008.
    """
    old, new = before.entry(target), after.entry(target)
    change = _Change(before, after, profile)
    same_priority = same(old.priority, new.priority)
    return all_of(
        (
            old.installed,
            new.installed,
            same(old.list, new.list),
            well_placed(before, profile),
            well_placed(after, profile),
            change.others_stay(target),
            _others(after, target, lambda entry: less(entry.age, new.age)),
            implies(same_priority, change.keeps_seniority(target)),
            either(same_priority, youngest_of_its_priority(after, target, profile)),
            implies(is_numbered(new, profile), renumbered(after, profile)),
        )
    )


@clause("XFRM-LOOKUP-009")
def rebuild_key(entry: Entry, profile: Profile) -> Number:
    """Return the number by whose order policies of equal priority are inserted again: age or seniority.

    Source: XFRM-LOOKUP-009.
    """
    return entry.age if profile.rebuild_uses_object_age else entry.position


RebuildKey = Callable[[Entry, Profile], Number]


@clause("XFRM-LOOKUP-009")
def rebuilt(before: Placement, after: Placement, profile: Profile, key: RebuildKey = rebuild_key) -> Truth:
    """Relate the databases before and after thresholds were set, which may move policies between lists.

    Source: XFRM-LOOKUP-009.
    """

    def ordered(first: Entry, second: Entry) -> Truth:
        new_first, new_second = _now(after, first), _now(after, second)
        earlier = less(key(first, profile), key(second, profile))
        equals = same(first.priority, second.priority)
        listed = both(same(new_first.list, new_second.list), equals)
        numbered = both(is_numbered(new_first, profile), is_numbered(new_second, profile))
        ranked = both(numbered, equals) if profile.exact_pos_zero else numbered
        return both(
            implies(both(listed, earlier), less(new_first.rank, new_second.rank)),
            implies(both(ranked, earlier), less(new_first.position, new_second.position)),
        )

    return all_of(
        (
            well_placed(before, profile),
            well_placed(after, profile),
            before.every(lambda entry: _same_policy(entry, _now(after, entry))),
            every_pair(before, ordered),
            renumbered(after, profile),
        )
    )


def _same_policy(old: Entry, new: Entry) -> Truth:
    crosses = either(is_exact(old), is_exact(new))
    return all_of(
        (
            alike(old.installed, new.installed),
            same(old.priority, new.priority),
            same(old.age, new.age),
            either(crosses, same(old.list, new.list)),
        )
    )
