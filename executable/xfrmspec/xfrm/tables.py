"""Everything one node's XFRM decisions look at, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import DefaultAction, Direction, Policy, PolicyType
from xfrmspec_terms.profile import Profile


@clause("XFRM-DEFAULT-001")
@dataclass(frozen=True, slots=True)
class DefaultActions:
    """What happens, per direction, to a flow that no policy matches."""

    inbound: DefaultAction = DefaultAction.ACCEPT
    outbound: DefaultAction = DefaultAction.ACCEPT
    forward: DefaultAction = DefaultAction.ACCEPT

    def of(self, direction: Direction) -> DefaultAction:
        """Return the default action of a direction."""
        by_number = (self.inbound, self.outbound, self.forward)
        return by_number[direction]


class SocketPolicyError(ValueError):
    """A socket cannot have this policy; the text says why."""


@clause("XFRM-SOCK-002")
@dataclass(frozen=True, slots=True)
class SocketPolicies:
    """The policies of one socket, at most one inbound and one outbound, and the socket's 32-bit mark.

    SocketPolicyError for a SUB policy or a policy of the wrong direction.
    Source: XFRM-SOCK-001, -002; kernel xfrm_compile_policy.
    """

    inbound: Policy | None = None
    outbound: Policy | None = None
    mark: int = 0

    def __post_init__(self) -> None:
        for policy, direction in ((self.inbound, Direction.IN), (self.outbound, Direction.OUT)):
            if policy is None:
                continue
            if policy.direction is not direction:
                raise SocketPolicyError(
                    f"a socket policy {policy.direction.name} cannot be its {direction.name}"
                )
            if policy.type is not PolicyType.MAIN:
                raise SocketPolicyError("a socket policy is always of type MAIN")

    def of(self, direction: Direction) -> Policy | None:
        """Return the policy for a direction; forwarding never has one."""
        if direction is Direction.OUT:
            return self.outbound
        return self.inbound if direction is Direction.IN else None


NO_SOCKET_POLICIES = SocketPolicies()


@dataclass(frozen=True, slots=True)
class XfrmTables:
    """Policies, states and settings of one network namespace.

    `states` are in search order, most recently inserted first. `listeners` says whether any key manager
    would hear an acquire; `larval_drop` is the sysctl xfrm_larval_drop.
    """

    policies: PolicyDatabase = field(default_factory=PolicyDatabase)
    states: tuple[SecurityAssociation, ...] = ()
    defaults: DefaultActions = field(default_factory=DefaultActions)
    listeners: bool = True
    larval_drop: bool = True

    @property
    def profile(self) -> Profile:
        """The profile whose rules the tables follow."""
        return self.policies.profile
