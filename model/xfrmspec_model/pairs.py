"""Rules about who decides: pairs of SUB and MAIN, socket policies, default actions and shortcuts."""

from __future__ import annotations

from enum import IntEnum

from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, choose, either, first_of, negate, same
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import DefaultAction, Direction
from xfrmspec_terms.profile import Profile

VERDICT_BITS = 4


class Verdict(IntEnum):
    """What a check or a decision says, as a number that formulas can hold."""

    ACCEPT = 0
    STATE_MISMATCH = 1
    NO_POLICIES = 2
    POLICY_BLOCK = 3
    BUFFER_ERROR = 4
    TEMPLATE_MISMATCH = 5
    BLOCKED_WITHOUT_COUNTER = 6


COUNTER_OF_INPUT = {
    Verdict.STATE_MISMATCH: Counter.IN_STATE_MISMATCH,
    Verdict.NO_POLICIES: Counter.IN_NO_POLICIES,
    Verdict.POLICY_BLOCK: Counter.IN_POLICY_BLOCK,
    Verdict.BUFFER_ERROR: Counter.IN_BUFFER_ERROR,
    Verdict.TEMPLATE_MISMATCH: Counter.IN_TEMPLATE_MISMATCH,
}
"""The counter that each verdict against a received packet raises."""


class Decider(IntEnum):
    """Who decides a flow, as a number that formulas can hold."""

    NOBODY = 0
    SOCKET = 1
    DATABASES = 2


@clause("XFRM-OUT-003", "XFRM-CHECK-001")
def main_is_consulted(direction: Number, primary_allows: Truth) -> Truth:
    """Tell whether MAIN is searched to complete a SUB policy. Source: XFRM-OUT-003, XFRM-CHECK-001."""
    return either(negate(same(direction, Direction.OUT)), primary_allows)


@clause("XFRM-CHECK-002")
def completing_direction(direction: Number, profile: Profile) -> Number:
    """Return the direction in which MAIN is searched to complete a SUB policy. Source: XFRM-CHECK-002."""
    if not profile.fwd_main_uses_in:
        return direction
    return choose(same(direction, Direction.FWD), Direction.IN, direction, 2)


@clause("XFRM-ARCH-004")
def sub_is_searched(profile: Profile) -> Truth:
    """Tell whether there is a SUB database at all. Source: XFRM-ARCH-004."""
    return profile.sub_policies


@clause("XFRM-OUT-001", "XFRM-SOCK-001", "XFRM-DEFAULT-002")
def decider_of_output(
    socket_policy_matches: Truth, output_policies_exist: Truth, if_id: Number, route_is_exempt: Truth
) -> Number:
    """Return who decides a flow that is sent, as a `Decider`.

    Source: XFRM-OUT-001, XFRM-SOCK-001, XFRM-DEFAULT-002.
    """
    shortcut = either(both(negate(output_policies_exist), same(if_id, 0)), route_is_exempt)
    cases: tuple[tuple[Truth, Number], ...] = (
        (socket_policy_matches, Decider.SOCKET),
        (shortcut, Decider.NOBODY),
    )
    return first_of(cases, Decider.DATABASES, VERDICT_BITS)


@clause("XFRM-DEFAULT-001")
def output_without_policy(default_action: Number, to_loopback: Truth) -> Number:
    """Return the verdict on a sent flow that no policy matches, as a `Verdict`.

    `default_action` is the number of a `DefaultAction`. Source: XFRM-DEFAULT-001.
    """
    refused = both(same(default_action, DefaultAction.BLOCK), negate(to_loopback))
    return choose(refused, Verdict.BLOCKED_WITHOUT_COUNTER, Verdict.ACCEPT, VERDICT_BITS)


@clause("XFRM-CHECK-004", "XFRM-DEFAULT-001")
def input_without_policy(default_action: Number, other_than_transport: Truth) -> Number:
    """Return the verdict on a received flow that no policy matches, as a `Verdict`.

    `other_than_transport` tells whether the sec_path has an entry of another mode than transport.
    Source: XFRM-CHECK-004, XFRM-DEFAULT-001.
    """
    refused = either(same(default_action, DefaultAction.BLOCK), other_than_transport)
    return choose(refused, Verdict.NO_POLICIES, Verdict.ACCEPT, VERDICT_BITS)


@clause("XFRM-DEFAULT-002")
def input_is_unchecked(
    socket_policy_set: Truth,
    direction_has_policies: Truth,
    sec_path_exists: Truth,
    default_action: Number,
    destination_is_exempt: Truth,
) -> Truth:
    """Tell whether a received packet is accepted without a check. Source: XFRM-DEFAULT-002."""
    nothing_to_ask = all_of(
        (
            negate(direction_has_policies),
            negate(sec_path_exists),
            same(default_action, DefaultAction.ACCEPT),
        )
    )
    return both(negate(socket_policy_set), any_of((nothing_to_ask, destination_is_exempt)))
