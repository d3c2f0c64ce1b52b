"""The search for an output state over known states or over unboundedly many: who is found, or which error."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_model.association_rules import ASSOCIATION_RULES, AssociationRules
from xfrmspec_model.associations import Associations, AssociationTerm, StateKey, named_by_spi
from xfrmspec_model.candidates import Search
from xfrmspec_model.folding import Number, Truth, all_of, both, either, first_of, negate, same
from xfrmspec_model.selectors import mark_matches
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile

ERRNO_BITS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One search in one database under a profile's rules; `listeners` says whether a key manager listens."""

    database: Associations
    search: Search
    listeners: Truth
    profile: Profile
    rules: AssociationRules = ASSOCIATION_RULES

    def _meets(self, state: AssociationTerm) -> tuple[Truth, Truth]:
        candidate = both(state.installed, self.rules.is_candidate(state, self.search))
        if candidate is False:
            return False, False
        first = both(candidate, self.rules.in_first_pass(state, self.search, self.profile))
        return first, both(candidate, self.rules.in_second_pass(state, self.search, self.profile))

    def _covered(self, state: AssociationTerm) -> Truth:
        return self.rules.covers(state, self.search.flow, self.profile)

    @clause("XFRM-FIND-002")
    def first_pass_is_enough(self) -> Truth:
        """Tell whether the first pass finds a usable state or a pending acquire. Source: XFRM-FIND-002."""

        def settles(state: AssociationTerm) -> Truth:
            met, _ = self._meets(state)
            if met is False:
                return False
            covered = self._covered(state)
            pending = self.rules.is_pending(state, covered, self.profile)
            return both(met, either(self.rules.is_usable(state, covered), pending))

        return self.database.some(settles)

    @clause("XFRM-FIND-002")
    def sees(self, state: AssociationTerm) -> Truth:
        """Tell whether a candidate is met by a pass that is made. Source: XFRM-FIND-002."""
        first, second = self._meets(state)
        if second is False or first is True:
            return first
        return either(first, both(second, negate(self.first_pass_is_enough())))

    @clause("XFRM-FIND-003")
    def may_use(self, state: AssociationTerm) -> Truth:
        """Tell whether a state is seen and usable. Source: XFRM-FIND-003."""
        usable = self.rules.is_usable(state, self._covered(state))
        return False if usable is False else both(usable, self.sees(state))

    @clause("XFRM-FIND-004", "XFRM-FIND-005")
    def may_be_found(self, state: AssociationTerm) -> Truth:
        """Tell whether a state may be the result: usable, and no usable one is preferred to it.

        Source: XFRM-FIND-004, XFRM-FIND-005.
        """

        def is_no_better(other: AssociationTerm) -> Truth:
            better = self.rules.preferred(other, state)
            return True if better is False else negate(both(better, self.may_use(other)))

        usable = self.may_use(state)
        return False if usable is False else both(usable, self.database.every(is_no_better))

    def finds_something(self) -> Truth:
        """Tell whether some state is usable."""
        return self.database.some(self.may_use)

    @clause("XFRM-FIND-003")
    def is_pending(self) -> Truth:
        """Tell whether an acquire is in progress. Source: XFRM-FIND-003."""

        def pending(state: AssociationTerm) -> Truth:
            waits = self.rules.is_pending(state, self._covered(state), self.profile)
            return False if waits is False else both(waits, self.sees(state))

        return self.database.some(pending)

    @clause("XFRM-FIND-003")
    def has_failed(self) -> Truth:
        """Tell whether a state in ERROR or EXPIRED was noted. Source: XFRM-FIND-003."""

        def failed(state: AssociationTerm) -> Truth:
            noted = self.rules.is_failed(state, self._covered(state))
            return False if noted is False else both(noted, self.sees(state))

        return self.database.some(failed)

    @clause("XFRM-FIND-005")
    def spi_is_taken(self) -> Truth:
        """Tell whether the template names an SPI by which a lookup finds a state. Source: XFRM-FIND-005."""
        search = self.search
        key = StateKey(
            search.destination, search.source, search.protocol, search.family, search.spi, search.mark
        )

        def has_it(state: AssociationTerm) -> Truth:
            return both(named_by_spi(state, key), mark_matches(state.mark_value, state.mark_mask, key.mark))

        named = negate(same(self.search.spi, 0))
        return False if named is False else both(named, self.database.some(has_it))

    @clause("XFRM-FIND-005", "XFRM-ACQ-001")
    def asks_the_managers(self) -> Truth:
        """Tell whether the search makes a larval state and asks every key manager.

        Source: XFRM-FIND-005, XFRM-ACQ-001.
        """
        hindrances = (self.finds_something, self.is_pending, self.has_failed, self.spi_is_taken)
        quiet = all_of(negate(hindrance()) for hindrance in hindrances)
        return both(quiet, self.listeners)

    @clause("XFRM-FIND-005")
    def error(self) -> Number:
        """Return the error number of the search, OK when a state is found. Source: XFRM-FIND-005."""
        cases: list[tuple[Truth, Number]] = [
            (self.finds_something(), Errno.OK),
            (self.is_pending(), Errno.EAGAIN),
            (self.has_failed(), Errno.ESRCH),
            (self.spi_is_taken(), Errno.EEXIST),
            (self.listeners, Errno.EAGAIN),
        ]
        return first_of(cases, Errno.ESRCH, ERRNO_BITS)
