"""Running witnesses through the executable specification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.lookup import best_match
from xfrmspec.xfrm.pairing import select_policies
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.policies import add, delete, set_thresholds, update
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies, XfrmTables
from xfrmspec.xfrm.template_check import PathCheck, check_path
from xfrmspec.xfrm.templates import merge_states, merge_templates
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Policy, PolicyType, Template, identity_of
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Family, Flow


class ReplayError(ValueError):
    """A witness is not a configuration that the executable specification accepts."""


def installed(policies: Iterable[Policy], profile: Profile) -> PolicyDatabase:
    """Return the database after adding policies one by one; ReplayError when one is refused."""
    database = PolicyDatabase(profile)
    for policy in policies:
        outcome = add(database, policy)
        if outcome.errno is not Errno.OK:
            raise ReplayError(f"{policy} is refused with {outcome.errno.name}")
        database = outcome.database
    return database


def without(database: PolicyDatabase, policy: Policy) -> PolicyDatabase:
    """Return the database after deleting a policy."""
    return delete(database, identity_of(policy)).database


def updated(database: PolicyDatabase, policy: Policy) -> PolicyDatabase:
    """Return the database after an update with a policy of an identity that exists."""
    return update(database, policy).database


def rebuilt(database: PolicyDatabase, bits: int) -> PolicyDatabase:
    """Return the database after all thresholds for IPv6 were set to a prefix length."""
    return set_thresholds(database, Thresholds(local6=bits, remote6=bits)).database


def tables_with(policies: Iterable[Policy], profile: Profile) -> XfrmTables:
    """Return the tables of a host that has these policies and no states."""
    return XfrmTables(policies=installed(policies, profile))


def owner(
    database: PolicyDatabase,
    flow: Flow,
    direction: Direction = Direction.OUT,
    type_: PolicyType = PolicyType.MAIN,
) -> Policy | None:
    """Return the policy of one type that owns a flow, its index cleared, or None."""
    found = best_match(database, flow, direction, type_)
    return replace(found.policy, index=0) if found else None


def emitted(groups: Sequence[Sequence[SecurityAssociation]]) -> tuple[SecurityAssociation, ...]:
    """Return the states of the policies in the order of their application to an IPv6 packet."""
    return merge_states(groups, Family.INET6)


def checked(
    groups: Sequence[Sequence[Template]],
    path: Sequence[SecurityAssociation],
    profile: Profile,
    verified: int = 0,
) -> PathCheck:
    """Check a sec_path against the templates of one or two policies of an IPv6 flow."""
    return check_path(merge_templates(groups, Family.INET6, profile), path, verified, 0)


def chosen_policies(
    policies: Iterable[Policy],
    flow: Flow,
    profile: Profile,
    direction: Direction,
    sockets: SocketPolicies = NO_SOCKET_POLICIES,
) -> list[Policy]:
    """Return the policies that decide a flow in a direction, their indexes cleared."""
    selection = select_policies(tables_with(policies, profile), flow, direction, sockets)
    return [replace(policy, index=0) for policy in selection.policies]
