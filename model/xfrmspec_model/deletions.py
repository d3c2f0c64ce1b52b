"""Policy databases after a deletion, and whether a fresh lookup still finds the policies of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from xfrmspec_model.entries import Entry, Universe
from xfrmspec_model.folding import Number, Truth, all_of, both, either, negate, same
from xfrmspec_model.policies import Pairing
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import PolicyType


@dataclass(frozen=True, slots=True)
class AfterDeletion:
    """A database of policies after one of them was deleted; the others keep their places."""

    database: Universe
    deleted: Number
    known: dict[int, tuple[Entry, Entry]] = field(init=False, default_factory=dict, compare=False)

    def entry(self, entry: Entry) -> Entry:
        """Return a policy's entry after the deletion, the same object for the same entry."""
        if id(entry) not in self.known:
            left = both(entry.installed, negate(same(entry.identity, self.deleted)))
            self.known[id(entry)] = (entry, replace(entry, installed=left))
        return self.known[id(entry)][1]

    def every(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether all entries satisfy a body."""
        return self.database.every(lambda entry: body(self.entry(entry)))

    def some(self, body: Callable[[Entry], Truth]) -> Truth:
        """Tell whether an entry satisfies a body."""
        return self.database.some(lambda entry: body(self.entry(entry)))


@clause("XFRM-CACHE-005", "XFRM-PAIR-001")
def is_the_pair(pairing: Pairing, first: Entry, second: Entry, has_second: Truth) -> Truth:
    """Tell whether a fresh lookup finds exactly these policies, the second if there is one, and all allow.

    Source: XFRM-CACHE-005, XFRM-PAIR-001.
    """
    completed = both(pairing.is_secondary(second), second.allows)
    alone = either(same(first.type, PolicyType.MAIN), pairing.completing_main.finds_nothing())
    rest = both(either(negate(has_second), completed), either(has_second, alone))
    return all_of((pairing.is_primary(first), first.allows, rest))
