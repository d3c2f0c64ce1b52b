"""A mobile node and a correspondent node, with a network between them that does not keep what it is given.

The mobile node's part is that of `mobility_pair`; its home agent plays no part here. What the updates are
signed with is left open: a correspondent node may take an update or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec_model.folding import Number, both, choose_integer, choose_truth, same
from xfrmspec_model.mobility_correspondent import (
    CorrespondentTerm,
    EventTerm,
    Happening,
    Onlookers,
    after_event,
)
from xfrmspec_model.mobility_keys import knows_nothing
from xfrmspec_model.mobility_numbers import NUMBERS
from xfrmspec_model.mobility_pair import (
    PairEventTerm,
    PairHappening,
    PairTerm,
    chosen_update,
    mobile_node_after,
)
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_model.mobility_verdicts import ACCEPTED
from xfrmspec_terms.clauses import clause

_NOBODY_READS = Onlookers(knows_nothing, knows_nothing)


@dataclass(frozen=True, slots=True)
class PeerPairTerm:
    """A correspondent node, and the mobile node with what is under way between them."""

    peer: CorrespondentTerm
    mobile: PairTerm


@clause("XFRM-CN-023", "XFRM-CN-027", "XFRM-MN-030", "XFRM-MN-032", "XFRM-MN-037", "XFRM-SAFE-004")
def peer_pair_after(
    pair: PeerPairTerm, event: PairEventTerm, nonce: Number, rules: MobilityRules = MOBILITY_RULES
) -> PeerPairTerm:
    """Return both ends after something happened; of an arrival with the nonce of the update's tokens.

    Source: XFRM-CN-023, XFRM-CN-027, XFRM-MN-030, XFRM-MN-032, XFRM-MN-037.
    """
    update, mobile = event.update, pair.mobile
    arrived = same(event.kind, PairHappening.ARRIVED)
    told = EventTerm(
        choose_integer(arrived, Happening.UPDATE, Happening.NOTHING),
        event.at,
        update.care_of,
        update.count % NUMBERS,
        update.asked,
        nonce,
        nonce,
    )
    peer = after_event(pair.peer, told, _NOBODY_READS, rules)
    taken = both(arrived, same(peer.verdict, ACCEPTED))
    yes = both(taken, same(update.count, mobile.last.count))
    after = replace(
        mobile,
        held=chosen_update(taken, update, mobile.held),
        answered=choose_truth(yes, True, mobile.answered),
        granted=choose_integer(yes, peer.entry.granted, mobile.granted),
    )
    return PeerPairTerm(peer, mobile_node_after(after, event, rules))
