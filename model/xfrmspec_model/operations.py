"""Operations on a database of states, known or unboundedly many: errors, and what becomes of each state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.association_rules import ASSOCIATION_RULES, AssociationRules
from xfrmspec_model.associations import Associations, AssociationTerm, StateKey, has_lifecycle, key_of
from xfrmspec_model.folding import Number, Truth, all_of, both, either, first_of, less, negate, same
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.profile import Profile

_ERRNO_BITS = 8


@dataclass(frozen=True, slots=True)
class Requests:
    """The operations on one database under a profile's rules."""

    database: Associations
    profile: Profile
    rules: AssociationRules = ASSOCIATION_RULES

    @clause("XFRM-SAD-004")
    def collides(self, state: AssociationTerm, key: StateKey) -> Truth:
        """Tell whether a stored state is in the way of a new one of a key. Source: XFRM-SAD-004."""
        named = both(state.installed, self.rules.named(state, key))
        return False if named is False else both(named, self.rules.marks_collide(state, key, self.profile))

    def answers(self, state: AssociationTerm, key: StateKey) -> Truth:
        """Tell whether a lookup meets a stored state. Source: XFRM-SAD-002, XFRM-SAD-003."""
        return both(state.installed, self.rules.answers(state, key))

    def _is_first(self, state: AssociationTerm, meets: Callable[[AssociationTerm], Truth]) -> Truth:
        met = meets(state)
        if met is False:
            return False

        def stands_before(other: AssociationTerm) -> Truth:
            earlier = less(other.place, state.place)
            return False if earlier is False else both(earlier, meets(other))

        return both(met, self.database.every(lambda other: negate(stands_before(other))))

    @clause("XFRM-SAD-004")
    def is_located(self, state: AssociationTerm, key: StateKey) -> Truth:
        """Tell whether adding or updating locates a state: the first that collides. Source: XFRM-SAD-004."""
        return self._is_first(state, lambda other: self.collides(other, key))

    @clause("XFRM-SAD-002", "XFRM-SAD-003")
    def is_found(self, state: AssociationTerm, key: StateKey) -> Truth:
        """Tell whether a lookup takes a state: the first that answers.

        Source: XFRM-SAD-002, XFRM-SAD-003.
        """
        return self._is_first(state, lambda other: self.answers(other, key))

    def locates_nothing(self, key: StateKey) -> Truth:
        """Tell whether no state collides with a key."""
        return self.database.every(lambda state: negate(self.collides(state, key)))

    @clause("XFRM-SAD-005", "XFRM-SAD-006")
    def adding_fails(self, new: AssociationTerm) -> Truth:
        """Tell whether adding is refused with EEXIST. Source: XFRM-SAD-005, XFRM-SAD-006."""
        key = key_of(new)
        return self.database.some(lambda state: self.collides(state, key))

    @clause("XFRM-SAD-012", "XFRM-SAD-005")
    def is_superseded(self, state: AssociationTerm, new: AssociationTerm) -> Truth:
        """Tell whether a stored state goes when a new one is stored. Source: XFRM-SAD-012."""

        def by_number(other: AssociationTerm) -> Truth:
            return both(other.installed, self.rules.superseded_by_number(other, new))

        def by_key(other: AssociationTerm) -> Truth:
            return both(other.installed, self.rules.superseded_by_key(other, new))

        numbered = self._is_first(state, by_number)
        keyed = self._is_first(state, by_key)
        if keyed is False:
            return numbered
        nobody = self.database.every(lambda other: negate(by_number(other)))
        return either(numbered, both(keyed, nobody))

    @clause("XFRM-SAD-007", "XFRM-SAD-006")
    def updating(self, wanted: AssociationTerm) -> Number:
        """Return the error number of an update. Source: XFRM-SAD-006, XFRM-SAD-007."""
        key = key_of(wanted)

        def located(which: Callable[[AssociationTerm], Truth]) -> Truth:
            return self.database.some(lambda state: both(which(state), self.is_located(state, key)))

        cases: list[tuple[Truth, Number]] = [
            (self.locates_nothing(key), Errno.ESRCH),
            (located(lambda state: state.internal), Errno.EEXIST),
            (located(_accepts_no_update), Errno.EINVAL),
        ]
        return first_of(cases, Errno.OK, _ERRNO_BITS)

    @clause("XFRM-SAD-007", "XFRM-SAD-006")
    def is_replaced(self, state: AssociationTerm, wanted: AssociationTerm) -> Truth:
        """Tell whether an update puts a new state in the place of a larval one. Source: XFRM-SAD-007."""
        larval = both(has_lifecycle(state, Lifecycle.ACQ), negate(state.internal))
        return False if larval is False else both(larval, self.is_located(state, key_of(wanted)))

    @clause("XFRM-SAD-007")
    def is_merged(self, state: AssociationTerm, wanted: AssociationTerm) -> Truth:
        """Tell whether an update changes a VALID state in place. Source: XFRM-SAD-007."""
        valid = both(has_lifecycle(state, Lifecycle.VALID), negate(state.internal))
        return False if valid is False else both(valid, self.is_located(state, key_of(wanted)))

    @clause("XFRM-SAD-009")
    def is_deleted(self, state: AssociationTerm, key: StateKey) -> Truth:
        """Tell whether a deletion removes a state; `key.mark` is a packet mark. Source: XFRM-SAD-009."""
        return both(negate(state.internal), self.is_found(state, key))

    @clause("XFRM-SPI-002")
    def may_allocate(self, larval: AssociationTerm, spi: Number, low: Number, high: Number) -> Truth:
        """Tell whether a larval state may receive an SPI of a range. Source: XFRM-SPI-002."""

        def is_free_of(state: AssociationTerm) -> Truth:
            return negate(self.rules.holds_spi(state, larval, spi, self.profile))

        inside = self.rules.in_range(spi, low, high)
        return False if inside is False else all_of((inside, self.database.every(is_free_of)))


def _accepts_no_update(state: AssociationTerm) -> Truth:
    return negate(either(same(state.lifecycle, Lifecycle.ACQ), same(state.lifecycle, Lifecycle.VALID)))
