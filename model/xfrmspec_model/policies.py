"""The lookup: who wins a flow among known policies or among unboundedly many, and what a pair decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.entries import Entry, Universe
from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, implies, less, negate, same
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import PolicyType
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class Lookup:
    """One search: a flow in one direction and type of a database, under a profile's rules."""

    database: Universe
    flow: FlowTerm
    direction: Number
    type: Number
    profile: Profile
    rules: Rules = RULES

    @clause("XFRM-LOOKUP-001")
    def matches(self, entry: Entry) -> Truth:
        """Tell whether an entry is for this search at all. Source: XFRM-LOOKUP-001."""
        return self.rules.policy_matches(entry, self.flow, self.direction, self.type, self.profile)

    @clause("XFRM-LOOKUP-002", "XFRM-LOOKUP-003")
    def is_first_of_its_list(self, entry: Entry) -> Truth:
        """Tell whether an entry is the first match of its candidate list.

        That a search leaves a list at an entry weaker than the best so far changes nothing, because ranks
        follow priorities. Source: XFRM-LOOKUP-002, XFRM-LOOKUP-003.
        """
        matching = self.matches(entry)
        if matching is False:
            return False

        def stands_behind(other: Entry) -> Truth:
            earlier = both(same(other.list, entry.list), self.rules.searched_before(other, entry))
            return True if earlier is False else negate(both(earlier, self.matches(other)))

        return both(matching, self.database.every(stands_behind))

    @clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002")
    def wins(self, entry: Entry) -> Truth:
        """Tell whether an entry is the result of the search.

        It is the first match of its list, and the first match of no list is preferred to it.
        Source: XFRM-LOOKUP-001, XFRM-LOOKUP-002.
        """
        first = self.is_first_of_its_list(entry)
        if first is False:
            return False

        def is_not_preferred(other: Entry) -> Truth:
            better = self.rules.preferred(other, entry)
            return True if better is False else negate(both(better, self.is_first_of_its_list(other)))

        return both(first, self.database.every(is_not_preferred))

    @clause("XFRM-LOOKUP-001")
    def finds_nothing(self) -> Truth:
        """Tell whether no entry matches. Source: XFRM-LOOKUP-001."""
        return self.database.every(lambda entry: negate(self.matches(entry)))

    def finds(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether the search has a result that satisfies a body."""
        return self.database.some(lambda entry: both(self.wins(entry), body(entry)))


@clause("XFRM-LOOKUP-011")
def wins_in_one_list(lookup: Lookup, entry: Entry) -> Truth:
    """Tell whether an entry is the first match of one linear list ordered by priority and position.

    Source: XFRM-LOOKUP-011.
    """

    def stands_before(other: Entry) -> Truth:
        stronger = less(other.priority, entry.priority)
        senior = both(same(other.priority, entry.priority), less(other.position, entry.position))
        return both(lookup.matches(other), any_of((stronger, senior)))

    return both(lookup.matches(entry), lookup.database.every(lambda other: negate(stands_before(other))))


@clause("XFRM-LOOKUP-009", "XFRM-LOOKUP-011")
def overlapping_priorities_differ(lookup: Lookup) -> Truth:
    """Tell whether no two policies that match the flow of a search have one priority.

    Source: XFRM-LOOKUP-009, XFRM-LOOKUP-011.
    """

    def differs(first: Entry, second: Entry) -> Truth:
        equal = same(first.priority, second.priority)
        meeting = all_of((equal, lookup.matches(first), lookup.matches(second)))
        return implies(meeting, same(first.identity, second.identity))

    database = lookup.database
    return database.every(lambda first: database.every(lambda second: differs(first, second)))


@dataclass(frozen=True, slots=True)
class Pairing:
    """Both searches of one decision or check: SUB, and MAIN in two roles."""

    sub: Lookup
    main: Lookup
    completing_main: Lookup

    @clause("XFRM-PAIR-001", "XFRM-ARCH-004")
    def is_primary(self, entry: Entry) -> Truth:
        """Tell whether an entry is the primary policy. Source: XFRM-PAIR-001, XFRM-ARCH-004."""
        searched = self.sub.rules.sub_is_searched(self.sub.profile)
        by_sub = False if searched is False else both(searched, self.sub.wins(entry))
        if by_sub is True:
            return True
        sub_is_empty = any_of((negate(searched), self.sub.finds_nothing()))
        return any_of((by_sub, all_of((sub_is_empty, self.main.wins(entry)))))

    @clause("XFRM-PAIR-001", "XFRM-OUT-003", "XFRM-CHECK-001", "XFRM-CHECK-002")
    def is_secondary(self, entry: Entry) -> Truth:
        """Tell whether an entry is the MAIN policy that completes a SUB policy.

        Source: XFRM-PAIR-001, XFRM-OUT-003, XFRM-CHECK-001, XFRM-CHECK-002.
        """
        rules = self.sub.rules
        searched = rules.sub_is_searched(self.sub.profile)
        if searched is False:
            return False

        def completed(primary: Entry) -> Truth:
            return rules.main_is_consulted(self.sub.direction, primary.allows)

        won = self.completing_main.wins(entry)
        return False if won is False else all_of((searched, won, self.sub.finds(completed)))

    @clause("XFRM-OUT-003", "XFRM-CHECK-005")
    def blocks(self) -> Truth:
        """Tell whether some policy of the result does not allow. Source: XFRM-OUT-003, XFRM-CHECK-005."""

        def refuses(entry: Entry) -> Truth:
            if entry.allows is True:
                return False
            chosen = any_of((self.is_primary(entry), self.is_secondary(entry)))
            return both(negate(entry.allows), chosen)

        return self.sub.database.some(refuses)

    @clause("XFRM-OUT-001", "XFRM-PAIR-001")
    def finds_nothing(self) -> Truth:
        """Tell whether no policy of either type matches. Source: XFRM-OUT-001, XFRM-PAIR-001."""
        searched = self.sub.rules.sub_is_searched(self.sub.profile)
        sub_is_empty = any_of((negate(searched), self.sub.finds_nothing()))
        return both(sub_is_empty, self.main.finds_nothing())


@clause("XFRM-PAIR-001", "XFRM-CHECK-002")
def pairing(
    database: Universe, flow: FlowTerm, direction: Number, profile: Profile, rules: Rules = RULES
) -> Pairing:
    """Return the searches that decide a flow in a direction. Source: XFRM-PAIR-001, XFRM-CHECK-002."""
    completing = rules.completing_direction(direction, profile)

    def search(where: Number, kind: PolicyType) -> Lookup:
        return Lookup(database, flow, where, int(kind), profile, rules)

    return Pairing(
        search(direction, PolicyType.SUB),
        search(direction, PolicyType.MAIN),
        search(completing, PolicyType.MAIN),
    )


@clause("XFRM-SOCK-001", "XFRM-SOCK-002")
def socket_policy_matches(
    entry: Entry, flow: FlowTerm, direction: Number, profile: Profile, rules: Rules = RULES
) -> Truth:
    """Tell whether the policy of a socket decides the flow alone; `flow.mark` is the socket's own mark.

    Source: XFRM-SOCK-001, XFRM-SOCK-002.
    """
    return rules.policy_matches(entry, flow, direction, int(PolicyType.MAIN), profile)
