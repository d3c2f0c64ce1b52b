"""Netlink as commands on the policy database: the complete interface."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_commands import KeyTables
from xfrmspec.interfaces.netlink_terms import (
    AddPolicy,
    DeletePolicy,
    DumpPolicies,
    FlushPolicies,
    GetPolicy,
    PolicyOperation,
    UpdatePolicy,
)
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import PolicyEvent, PolicyOutcome, add, delete, flush, get, update
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import InstalledPolicy, Policy

NetlinkCommand = PolicyOperation | GetPolicy | DumpPolicies


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
    match command:
        case GetPolicy(identity, index):
            outcome = get(tables.policies, identity, index)
            found = () if outcome.found is None else (shown(outcome.found, tables),)
            return NetlinkAnswer(tables, outcome.errno, found)
        case DumpPolicies():
            newest_first = reversed(tuple(tables.policies))
            return NetlinkAnswer(tables, policies=tuple(shown(entry, tables) for entry in newest_first))
        case _:
            return _changed(tables, operate(command, tables.policies, now))


def operate(command: PolicyOperation, database: PolicyDatabase, now: int = 0) -> PolicyOutcome:
    """Carry out a command that writes policies; `now` is in seconds."""
    match command:
        case AddPolicy():
            return add(database, command.policy, now)
        case UpdatePolicy():
            return update(database, command.policy, now)
        case DeletePolicy():
            return delete(database, command.identity, command.index)
        case FlushPolicies():
            return flush(database, command.type)


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
