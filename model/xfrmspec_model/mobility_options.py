"""Which packets with a home address option an upper layer reads, where clean keeps a binding or none."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, either, negate, same
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence


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


@clause("XFRM-DAEMON-021", "XFRM-DAEMON-035", "XFRM-CHECK-004", "XFRM-ATTACK-011", "XFRM-WORLD-010")
def is_read(packet: OptionTerm, standing: StandingTerm, rules: MobilityRules = MOBILITY_RULES) -> Truth:
    """Tell whether an upper layer reads the packet as from its home address.

    Updates have a policy that takes any option, which without HOME_ADDRESS_OPTION is for every protocol;
    what no policy asks for is dropped. Source: XFRM-DAEMON-021, -035, XFRM-CHECK-004, XFRM-WORLD-010.
    """
    own = finds_own_state(packet, standing)
    any_option = either(packet.is_update, Defence.HOME_ADDRESS_OPTION not in rules.defences)
    as_data = both(standing.bound, rules.option_satisfies(own))
    return any_of((any_option, as_data))


@dataclass(frozen=True, slots=True)
class RoutingTerm:
    """A type 2 routing header as it arrives: length field, segments left, address, and room to go on.

    `state_found` tells whether a state for its address was found, `hops_left` whether the hop limit is
    above 1.
    """

    length: Number
    segments: Number
    address: Number
    state_found: Truth
    hops_left: Truth


_LENGTH, _SEGMENTS = 2, 1


@clause("XFRM-ROUTE-001", "XFRM-WORLD-011", "XFRM-ATTACK-012")
def is_handled(routing: RoutingTerm, own_home: Number, rules: MobilityRules = MOBILITY_RULES) -> Truth:
    """Tell whether a node exchanges the addresses of a packet and handles it as for the header's address.

    Source: XFRM-ROUTE-001, XFRM-WORLD-011.
    """
    formed = both(same(routing.length, _LENGTH), same(routing.segments, _SEGMENTS))
    is_own = rules.is_routed_home(routing.address, own_home)
    own = all_of((is_own, routing.state_found, routing.hops_left))
    other = both(Defence.ROUTING_HEADER not in rules.defences, negate(is_own))
    return both(formed, either(own, other))
