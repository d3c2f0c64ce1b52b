"""Netlink as commands on the policy database: the complete interface."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_commands import KeyTables
from xfrmspec.xfrm.policies import PolicyEvent, PolicyOutcome, add, delete, flush, get, update
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import InstalledPolicy, Policy, PolicyIdentity, PolicyType


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """NEWPOLICY: insert a policy unless its identity exists."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """UPDPOLICY: insert a policy, or replace the one of the same identity."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class DeletePolicy:
    """DELPOLICY: remove a policy by index when one is given, else by identity."""

    identity: PolicyIdentity
    index: int = 0


@dataclass(frozen=True, slots=True)
class GetPolicy:
    """GETPOLICY: read one policy by index when one is given, else by identity."""

    identity: PolicyIdentity
    index: int = 0


@dataclass(frozen=True, slots=True)
class DumpPolicies:
    """GETPOLICY as a dump: read every policy of both types, newest object first."""


@dataclass(frozen=True, slots=True)
class FlushPolicies:
    """FLUSHPOLICY: remove every policy of one type."""

    type: PolicyType = PolicyType.MAIN


NetlinkCommand = NewPolicy | UpdatePolicy | DeletePolicy | GetPolicy | DumpPolicies | FlushPolicies


@dataclass(frozen=True, slots=True)
class NetlinkAnswer:
    """What a command left behind: the tables, its error number, the policies it read, and events."""

    tables: KeyTables
    errno: Errno = Errno.OK
    policies: tuple[Policy, ...] = ()
    events: tuple[PolicyEvent, ...] = ()


@clause("XFRM-IFACE-001", "XFRM-ARCH-002")
def carry_out(command: NetlinkCommand, tables: KeyTables, now: int = 0) -> NetlinkAnswer:
    """Carry out one netlink command; `now` is in seconds. Source: chapter 1, kernel xfrm_user_rcv_msg."""
    database = tables.policies
    match command:
        case NewPolicy(policy):
            return _changed(tables, add(database, policy, now))
        case UpdatePolicy(policy):
            return _changed(tables, update(database, policy, now))
        case DeletePolicy(identity, index):
            return _changed(tables, delete(database, identity, index))
        case FlushPolicies(type_):
            return _changed(tables, flush(database, type_))
        case GetPolicy(identity, index):
            outcome = get(database, identity, index)
            found = () if outcome.found is None else (shown(outcome.found, tables),)
            return NetlinkAnswer(tables, outcome.errno, found)
        case DumpPolicies():
            newest_first = reversed(tuple(database))
            return NetlinkAnswer(tables, policies=tuple(shown(entry, tables) for entry in newest_first))


def _changed(tables: KeyTables, outcome: PolicyOutcome) -> NetlinkAnswer:
    return NetlinkAnswer(replace(tables, policies=outcome.database), outcome.errno, events=outcome.events)


@clause("XFRM-IFACE-006")
def shown(entry: InstalledPolicy, tables: KeyTables) -> Policy:
    """Return a stored policy as netlink shows it: the algorithm sets of PF_KEY's templates are empty.

    Source: XFRM-IFACE-006; kernel copy_to_user_tmpl.
    """
    if entry.age not in tables.made_here:
        return entry.policy
    emptied = tuple(
        replace(template, encryption_mask=0, authentication_mask=0, compression_mask=0)
        for template in entry.policy.templates
    )
    return replace(entry.policy, templates=emptied)
