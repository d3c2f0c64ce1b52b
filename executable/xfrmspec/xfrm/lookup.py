"""Which policy of one type owns a flow, and why every other one lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from operator import attrgetter

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.match import Mismatch, policy_mismatch
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import CandidateList, Direction, InstalledPolicy, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow


class Fate(Enum):
    """What became of one policy in a lookup."""

    WON = "won"
    NO_MATCH = "does not match"
    WEAKER = "a smaller priority number wins"
    LATER_IN_LIST = "same priority, later in its list"
    TIE_LOST = "same priority, lost to a policy of another list"


FATE_CLAUSES = {
    Fate.WON: "XFRM-LOOKUP-001",
    Fate.NO_MATCH: "XFRM-SEL-001",
    Fate.WEAKER: "XFRM-LOOKUP-001",
}
MISMATCH_CLAUSES = {
    Mismatch.MARK: "XFRM-SEL-005",
    Mismatch.IF_ID: "XFRM-SEL-006",
    Mismatch.INTERFACE: "XFRM-SEL-003",
    Mismatch.SOURCE_PORT: "XFRM-SEL-002",
    Mismatch.DESTINATION_PORT: "XFRM-SEL-002",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One policy that a lookup considered, in search order; `mismatch` says which part did not match."""

    entry: InstalledPolicy
    fate: Fate
    mismatch: Mismatch | None = None
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The winner of one lookup (None: no policy) and every policy considered, in search order."""

    winner: InstalledPolicy | None
    trials: tuple[Trial, ...]


@clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-002")
def best_match(
    database: PolicyDatabase, flow: Flow, direction: Direction, type_: PolicyType
) -> InstalledPolicy | None:
    """Return the policy of one type that owns a flow, or None.

    The lists are searched in turn; in each the first match counts, and takes over from the best so far
    as `takes_over` says. Source: XFRM-LOOKUP-002; kernel xfrm_policy_lookup_bytype.
    """
    best: InstalledPolicy | None = None
    for _, candidates in groupby(database.in_search_order(direction), attrgetter("list")):
        found = next((c for c in candidates if _matches(c.policy, flow, type_, database.profile)), None)
        if found is not None and (best is None or takes_over(found, best)):
            best = found
    return best


@clause("XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007", "XFRM-LOOKUP-011")
def takes_over(candidate: InstalledPolicy, best: InstalledPolicy) -> bool:
    """Tell whether a match from a later list displaces the best match of the earlier lists.

    Source: XFRM-LOOKUP-002, -005, -007; kernel __xfrm_policy_eval_candidates.
    """
    if candidate.policy.priority != best.policy.priority:
        return candidate.policy.priority < best.policy.priority
    return not best.position < candidate.position


def lookup(database: PolicyDatabase, flow: Flow, direction: Direction, type_: PolicyType) -> Lookup:
    """Look a flow up and give an account of every policy of the direction and type.

    The winner is the one `best_match` returns. Source: XFRM-LOOKUP-001..008.
    """
    winner = best_match(database, flow, direction, type_)
    trials = tuple(
        _trial(entry, policy_mismatch(entry.policy, flow, database.profile), winner)
        for entry in database.in_search_order(direction)
        if entry.policy.type is type_ and entry.policy.family is flow.family
    )
    return Lookup(winner, trials)


def _matches(policy: Policy, flow: Flow, type_: PolicyType, profile: Profile) -> bool:
    return policy.type is type_ and policy_mismatch(policy, flow, profile) is None


def _trial(entry: InstalledPolicy, mismatch: Mismatch | None, winner: InstalledPolicy | None) -> Trial:
    if mismatch is not None:
        name = MISMATCH_CLAUSES.get(mismatch, FATE_CLAUSES[Fate.NO_MATCH])
        return Trial(entry, Fate.NO_MATCH, mismatch, name)
    if winner is None or entry.age == winner.age:
        return Trial(entry, Fate.WON, clause=FATE_CLAUSES[Fate.WON])
    if entry.policy.priority > winner.policy.priority:
        return Trial(entry, Fate.WEAKER, clause=FATE_CLAUSES[Fate.WEAKER])
    exact = CandidateList.EXACT in (entry.list, winner.list)
    if entry.list is winner.list:
        return Trial(entry, Fate.LATER_IN_LIST, clause="XFRM-LOOKUP-006" if exact else "XFRM-LOOKUP-005")
    return Trial(entry, Fate.TIE_LOST, clause="XFRM-LOOKUP-007" if exact else "XFRM-LOOKUP-005")
