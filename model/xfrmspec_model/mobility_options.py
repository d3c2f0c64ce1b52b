"""Which packets with a home address option an upper layer reads, where clean keeps a binding or none."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_model.folding import Number, Truth, any_of, both, negate, same
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_terms.clauses import clause


@dataclass(frozen=True, slots=True)
class OptionTerm:
    """A packet with a home address option: its source on the wire, and whether it is a binding update."""

    wire_source: Number
    is_update: Truth


@dataclass(frozen=True, slots=True)
class StandingTerm:
    """What stands for the home address of an option: whether it is bound, and to which care-of address."""

    bound: Truth
    care_of: Number


@clause("XFRM-HAO-002", "XFRM-DAEMON-035")
def finds_own_state(packet: OptionTerm, standing: StandingTerm) -> Truth:
    """Tell whether a packet finds the state of the binding; otherwise it finds the receive-only one.

    Source: XFRM-HAO-002, XFRM-DAEMON-035.
    """
    return both(standing.bound, same(standing.care_of, packet.wire_source))


@clause("XFRM-DAEMON-021", "XFRM-DAEMON-035", "XFRM-CHECK-004", "XFRM-ATTACK-011")
def is_read(packet: OptionTerm, standing: StandingTerm, rules: MobilityRules = MOBILITY_RULES) -> Truth:
    """Tell whether an upper layer reads the packet as from its home address.

    Updates have a policy that takes any option; what no policy asks for is dropped.
    Source: XFRM-DAEMON-021, XFRM-DAEMON-035, XFRM-CHECK-004.
    """
    own = finds_own_state(packet, standing)
    as_data = both(standing.bound, rules.option_satisfies(own, rules.defences))
    return any_of((packet.is_update, both(negate(packet.is_update), as_data)))
