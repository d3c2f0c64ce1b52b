"""The socket option as commands: policies that live and die with one socket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec.interfaces.key_message import MANUAL_REQID_MAX, PolicyExtension, PolicyKind
from xfrmspec.interfaces.key_policy import to_direction, to_templates
from xfrmspec.interfaces.key_refusal import KeyRefusal, errno_of
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import refusal_of
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES, SocketPolicies
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import ANY_MARK, Action, Direction, Policy, PolicyType
from xfrmspec_terms.selector import Family, Prefix, Selector, unspecified

OPTION_PAGE = 4096
"""The longest value of an option in octets."""


class Manager(Enum):
    """A key manager of the kernel, as far as socket options go."""

    NETLINK = "xfrm_user"
    PF_KEY = "af_key"


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """The XFRM option: a policy in netlink's structures, of either direction or of none that is allowed."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class SetExtension:
    """The IPsec option: a KAME policy extension for a socket of the family."""

    extension: PolicyExtension
    family: Family = Family.INET6


@dataclass(frozen=True, slots=True)
class SetOctets:
    """The XFRM option with a value of so many octets that no structure fits."""

    length: int


@dataclass(frozen=True, slots=True)
class Clear:
    """A null pointer of length 0."""


SocketCommand = SetPolicy | SetExtension | SetOctets | Clear


@dataclass(frozen=True, slots=True)
class SocketTables:
    """The policies of one socket, what the kernel's managers are, and the database that reqids look at."""

    policies: SocketPolicies
    database: PolicyDatabase
    managers: Sequence[Manager] = (Manager.NETLINK, Manager.PF_KEY)
    last_reqid: int = MANUAL_REQID_MAX


@dataclass(frozen=True, slots=True)
class SocketAnswer:
    """What a command left behind, and its error number."""

    tables: SocketTables
    errno: Errno = Errno.OK


@clause("XFRM-IFACE-003", "XFRM-IFACE-007", "XFRM-ARCH-002")
def carry_out(command: SocketCommand, tables: SocketTables) -> SocketAnswer:
    """Carry out one setting of a socket's option.

    Source: XFRM-IFACE-003, -007, -008; kernel xfrm_user_policy.
    """
    if isinstance(command, Clear):
        cleared = replace(NO_SOCKET_POLICIES, mark=tables.policies.mark)
        return SocketAnswer(replace(tables, policies=cleared))
    if isinstance(command, SetOctets) and not 0 < command.length <= OPTION_PAGE:
        return SocketAnswer(tables, Errno.EMSGSIZE)
    answer = SocketAnswer(tables, Errno.EINVAL)
    for manager in tables.managers:
        answer = _offered(command, tables, manager)
        if not answer.errno:
            break
    return answer


@clause("XFRM-IFACE-007")
def _offered(command: SocketCommand, tables: SocketTables, manager: Manager) -> SocketAnswer:
    """Each manager knows one form of the option and does not support the other."""
    if isinstance(command, SetExtension) is not (manager is Manager.PF_KEY):
        return SocketAnswer(tables, Errno.EOPNOTSUPP)
    if isinstance(command, SetExtension):
        return _compiled_extension(command, tables)
    if isinstance(command, SetPolicy):
        return _compiled_policy(command.policy, tables)
    return SocketAnswer(tables, Errno.EINVAL)


@clause("XFRM-IFACE-003")
def _compiled_policy(policy: Policy, tables: SocketTables) -> SocketAnswer:
    """The structures have no room for a type, a mark or an if_id."""
    bare = replace(policy, type=PolicyType.MAIN, mark=ANY_MARK, if_id=0)
    if bare.direction is Direction.FWD or refusal_of(bare, tables.database.profile) is not None:
        return SocketAnswer(tables, Errno.EINVAL)
    return SocketAnswer(_with(tables, bare))


@clause("XFRM-IFACE-008")
def _compiled_extension(command: SetExtension, tables: SocketTables) -> SocketAnswer:
    asked = command.extension
    direction = to_direction(asked.direction)
    if asked.kind > PolicyKind.BYPASS or direction in (None, Direction.FWD):
        return SocketAnswer(tables, Errno.EINVAL)
    requests = asked.requests if asked.kind == PolicyKind.IPSEC else ()
    templates, last = to_templates(
        requests, Direction(direction), command.family, tables.database, tables.last_reqid
    )
    moved_on = replace(tables, last_reqid=last)
    if isinstance(templates, KeyRefusal):
        return SocketAnswer(moved_on, errno_of(templates))
    anything = Prefix(unspecified(command.family), 0)
    policy = Policy(
        Selector(anything, anything, family=command.family),
        Direction(direction),
        action=Action.BLOCK if asked.kind == PolicyKind.DISCARD else Action.ALLOW,
        templates=templates,
    )
    return SocketAnswer(_with(moved_on, policy))


def _with(tables: SocketTables, policy: Policy) -> SocketTables:
    own = tables.policies
    if policy.direction is Direction.IN:
        return replace(tables, policies=replace(own, inbound=policy))
    return replace(tables, policies=replace(own, outbound=policy))
