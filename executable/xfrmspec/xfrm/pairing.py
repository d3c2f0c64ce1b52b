"""Which policies decide a flow: the socket's own, or SUB and MAIN of the databases."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec.xfrm.lookup import Trial, lookup
from xfrmspec.xfrm.match import Mismatch, selector_mismatch
from xfrmspec.xfrm.tables import SocketPolicies, XfrmTables
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Reason
from xfrmspec_terms.policy import Action, Direction, Policy, PolicyType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow


@dataclass(frozen=True, slots=True)
class Selection:
    """The policies that decide one flow, at most two, SUB before MAIN.

    `from_socket` says that the socket's own policy decided and the databases were not asked.
    """

    policies: tuple[Policy, ...] = ()
    from_socket: bool = False
    trials: tuple[Trial, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def blocking(self) -> Policy | None:
        """The first selected policy whose action is not ALLOW, or None."""
        return next((policy for policy in self.policies if policy.action is not Action.ALLOW), None)


def describe(policy: Policy) -> str:
    """Return how reasons name a policy: direction, type and priority."""
    return f"{policy.direction.name.lower()} {policy.type.name.lower()} policy of priority {policy.priority}"


@clause("XFRM-SOCK-001", "XFRM-OUT-001", "XFRM-CHECK-001")
def select_policies(
    tables: XfrmTables, flow: Flow, direction: Direction, sockets: SocketPolicies
) -> Selection:
    """Return the policies that decide a flow in a direction, with the reasons.

    Source: XFRM-SOCK-001, XFRM-PAIR-001, XFRM-OUT-001, XFRM-CHECK-001.
    """
    own = sockets.of(direction)
    if own is None:
        return _from_databases(tables, flow, direction, ())
    mismatch = socket_mismatch(own, flow, sockets.mark, tables.profile)
    if mismatch is None:
        reason = Reason("XFRM-SOCK-001", "socket policy", True, "matches the flow")
        return Selection((own,), True, (), (reason,))
    reason = Reason("XFRM-SOCK-001", "socket policy", False, f"{mismatch.value} differs", "a match")
    return _from_databases(tables, flow, direction, (reason,))


@clause("XFRM-SOCK-001")
def socket_mismatch(policy: Policy, flow: Flow, socket_mark: int, profile: Profile) -> Mismatch | None:
    """Return why a socket's policy does not apply, or None; the mark compared is the socket's own.

    Source: kernel xfrm_sk_policy_lookup.
    """
    if policy.family is not flow.family:
        return Mismatch.FAMILY
    mismatch = selector_mismatch(policy.selector, flow, profile)
    if mismatch is not None:
        return mismatch
    if not policy.mark.masked().matches(socket_mark):
        return Mismatch.MARK
    return None if policy.if_id == flow.if_id else Mismatch.IF_ID


@clause("XFRM-PAIR-001", "XFRM-OUT-003", "XFRM-CHECK-001", "XFRM-LOOKUP-010")
def _from_databases(
    tables: XfrmTables, flow: Flow, direction: Direction, reasons: tuple[Reason, ...]
) -> Selection:
    sub = lookup(tables.policies, flow, direction, PolicyType.SUB)
    if sub.winner is None:
        main = lookup(tables.policies, flow, direction, PolicyType.MAIN)
        policies: tuple[Policy, ...] = (main.winner.policy,) if main.winner else ()
        return Selection(
            policies, False, sub.trials + main.trials, (*reasons, _chosen(policies, "no SUB match"))
        )
    primary = sub.winner.policy
    if direction is Direction.OUT and primary.action is not Action.ALLOW:
        return Selection((primary,), False, sub.trials, (*reasons, _chosen((primary,), "SUB blocks alone")))
    main_direction = secondary_direction(direction, tables.profile)
    main = lookup(tables.policies, flow, main_direction, PolicyType.MAIN)
    policies = (primary, main.winner.policy) if main.winner else (primary,)
    paired = f"MAIN asked in direction {main_direction.name.lower()}"
    return Selection(policies, False, sub.trials + main.trials, (*reasons, _chosen(policies, paired)))


@clause("XFRM-CHECK-002")
def secondary_direction(direction: Direction, profile: Profile) -> Direction:
    """Return in which direction MAIN is asked beside a SUB policy.

    Source: XFRM-CHECK-002; kernel __xfrm_policy_check.
    """
    if direction is Direction.FWD and profile.fwd_main_uses_in:
        return Direction.IN
    return direction


def _chosen(policies: tuple[Policy, ...], how: str) -> Reason:
    names = ", then ".join(describe(policy) for policy in policies) or "no policy"
    return Reason("XFRM-PAIR-001", "policies", bool(policies), f"{names}; {how}")
