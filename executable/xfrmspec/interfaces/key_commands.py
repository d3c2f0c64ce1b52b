"""PF_KEY as commands on the databases: what a message does, and what its sender hears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_dump import dumped
from xfrmspec.interfaces.key_message import (
    MANUAL_REQID_MAX,
    Extension,
    KeyMessage,
    MessageType,
    SaType,
)
from xfrmspec.interfaces.key_policy import from_policy, to_identity, to_policy
from xfrmspec.interfaces.key_refusal import KeyRefusal, errno_of
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import (
    PolicyEvent,
    PolicyEventKind,
    PolicyOutcome,
    delete,
    flush,
    get,
    link_new,
    link_or_replace,
)
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    ANY_MARK,
    DIRECTION_BITS,
    Direction,
    InstalledPolicy,
    PolicyIdentity,
    PolicyType,
)
from xfrmspec_terms.selector import Selector


@dataclass(frozen=True, slots=True)
class KeyTables:
    """What PF_KEY works on: the policies it shares with netlink, and the last reqid it made up.

    `made_here` are the ages of the policies that PF_KEY installed, whose algorithm sets read as empty
    elsewhere (XFRM-IFACE-006).
    """

    policies: PolicyDatabase
    last_reqid: int = MANUAL_REQID_MAX
    made_here: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """What a command left behind: the tables, its error number, the messages to its sender, and events.

    A refused command's only message is its own header with the error number.
    """

    tables: KeyTables
    errno: Errno = Errno.OK
    messages: tuple[KeyMessage, ...] = ()
    refusal: KeyRefusal | None = None
    events: tuple[PolicyEvent, ...] = ()


_Handler = Callable[[KeyMessage, KeyTables, int], KeyAnswer]


@clause("XFRM-KEY-001", "XFRM-ARCH-002")
def carry_out(command: KeyMessage, tables: KeyTables, now: int = 0) -> KeyAnswer:
    """Carry out one policy message; `now` is in seconds. Types without a handler give EOPNOTSUPP.

    Source: XFRM-KEY-001; kernel pfkey_process.
    """
    handler = _HANDLERS.get(command.type)
    if handler is None:
        return refuse(command, tables, KeyRefusal.NOT_HANDLED)
    return handler(command, tables, now)


def refuse(command: KeyMessage, tables: KeyTables, refusal: KeyRefusal) -> KeyAnswer:
    """Return the answer to a refused command: nothing changed, and its header comes back."""
    errno = errno_of(refusal)
    return KeyAnswer(tables, errno, (replace(command, extensions=(), errno=int(errno)),), refusal)


@clause("XFRM-KEY-003")
def _add(command: KeyMessage, tables: KeyTables, now: int) -> KeyAnswer:
    """Only SPDUPDATE replaces; SPDADD and SPDSETIDX are exclusive."""
    policy, last = to_policy(command, tables.policies, tables.last_reqid)
    moved_on = replace(tables, last_reqid=last)
    if isinstance(policy, KeyRefusal):
        return refuse(command, moved_on, policy)
    link = link_or_replace if command.type is MessageType.X_SPDUPDATE else link_new
    outcome = link(tables.policies, policy, now)
    if outcome.errno:
        return refuse(command, moved_on, KeyRefusal.EXISTS)
    made = {outcome.found.age} if outcome.found else set()
    grown = replace(moved_on, policies=outcome.database, made_here=tables.made_here | made)
    return KeyAnswer(grown, messages=_announced(command, outcome), events=outcome.events)


@clause("XFRM-KEY-003")
def _delete(command: KeyMessage, tables: KeyTables, _: int) -> KeyAnswer:
    identity = to_identity(command)
    if isinstance(identity, KeyRefusal):
        return refuse(command, tables, identity)
    return _deleted(command, tables, delete(tables.policies, identity))


@clause("XFRM-KEY-003", "XFRM-KEY-005")
def _delete_by_index(command: KeyMessage, tables: KeyTables, _: int) -> KeyAnswer:
    located = _located(command)
    if isinstance(located, KeyRefusal):
        return refuse(command, tables, located)
    return _deleted(command, tables, delete(tables.policies, *located))


def _deleted(command: KeyMessage, tables: KeyTables, outcome: PolicyOutcome) -> KeyAnswer:
    if outcome.errno:
        return refuse(command, tables, KeyRefusal.NO_SUCH_POLICY)
    shrunk = replace(tables, policies=outcome.database)
    return KeyAnswer(shrunk, messages=_announced(command, outcome), events=outcome.events)


@clause("XFRM-KEY-003", "XFRM-KEY-005")
def _get(command: KeyMessage, tables: KeyTables, _: int) -> KeyAnswer:
    located = _located(command)
    if isinstance(located, KeyRefusal):
        return refuse(command, tables, located)
    outcome = get(tables.policies, *located)
    if outcome.found is None:
        return refuse(command, tables, KeyRefusal.NO_SUCH_POLICY)
    words = describe(outcome.found)
    if isinstance(words, KeyRefusal):
        return refuse(command, tables, words)
    return KeyAnswer(tables, messages=(_answer(command, words),))


def _located(command: KeyMessage) -> tuple[PolicyIdentity, int] | KeyRefusal:
    """An index names direction and policy; mark and if_id are 0, and nothing else is looked at."""
    asked = command.policy
    if asked is None:
        return KeyRefusal.NO_POLICY
    number = asked.id & DIRECTION_BITS
    if number not in tuple(Direction):
        return KeyRefusal.BAD_INDEX
    anything = Selector.between("::/0", "::/0")
    return PolicyIdentity(Direction(number), PolicyType.MAIN, anything, ANY_MARK, 0, ""), asked.id


@clause("XFRM-KEY-005")
def _flush(command: KeyMessage, tables: KeyTables, _: int) -> KeyAnswer:
    """The header comes back; a flush that removed something is announced to everybody as well."""
    outcome = flush(tables.policies)
    header = replace(command, extensions=(), errno=0)
    announced = (_answer(command, ()),) if outcome.events else ()
    flushed = replace(tables, policies=outcome.database)
    return KeyAnswer(flushed, messages=(header, *announced), events=outcome.events)


@clause("XFRM-KEY-005", "XFRM-IFACE-005")
def _dump(command: KeyMessage, tables: KeyTables, _: int) -> KeyAnswer:
    """MAIN policies, newest object first; the last message has sequence number 0."""
    mains = [e for e in reversed(tuple(tables.policies)) if e.policy.type is PolicyType.MAIN]
    told = dumped(
        command, [_shown(command, entry) for entry in mains], tables.policies.profile.key_dump_is_cut
    )
    errno = Errno.OK if told.refusal is None else errno_of(told.refusal)
    return KeyAnswer(tables, errno, told.messages, told.refusal)


def _shown(command: KeyMessage, entry: InstalledPolicy) -> KeyMessage | None:
    words = describe(entry)
    return None if isinstance(words, KeyRefusal) else _answer(command, words)


def describe(entry: InstalledPolicy) -> tuple[Extension, ...] | KeyRefusal:
    """Return the extensions for an entry of the database."""
    return from_policy(entry.policy, entry.added, entry.used)


def _answer(command: KeyMessage, extensions: tuple[Extension, ...]) -> KeyMessage:
    return replace(command, satype=SaType.UNSPEC, extensions=extensions, errno=0)


def _announced(command: KeyMessage, outcome: PolicyOutcome) -> tuple[KeyMessage, ...]:
    """The notification that every PF_KEY socket gets, the sender's among them."""
    if outcome.found is None:
        return ()
    words = describe(outcome.found)
    if isinstance(words, KeyRefusal):
        return ()
    type_ = MessageType.X_SPDADD if command.type is MessageType.X_SPDSETIDX else command.type
    return (replace(_answer(command, words), type=type_),)


@clause("XFRM-KEY-005")
def notification(event: PolicyEvent, found: InstalledPolicy | None = None) -> KeyMessage | None:
    """Return what PF_KEY sockets hear of a policy event of any origin, None when they hear nothing.

    SUB policies, expiries and policies without words are passed over in silence. Source: kernel
    pfkey_send_policy_notify.
    """
    type_ = _EVENT_TYPES.get(event.kind)
    if type_ is None:
        return None
    if event.policy is None:
        return KeyMessage(type_)
    if event.policy.type is not PolicyType.MAIN:
        return None
    words = from_policy(event.policy, found.added if found else 0)
    return None if isinstance(words, KeyRefusal) else KeyMessage(type_, extensions=words)


_EVENT_TYPES: Mapping[PolicyEventKind, MessageType] = {
    PolicyEventKind.NEW: MessageType.X_SPDADD,
    PolicyEventKind.UPDATE: MessageType.X_SPDUPDATE,
    PolicyEventKind.DELETE: MessageType.X_SPDDELETE,
    PolicyEventKind.FLUSH: MessageType.X_SPDFLUSH,
}
_HANDLERS: Mapping[MessageType, _Handler] = {
    MessageType.X_SPDADD: _add,
    MessageType.X_SPDSETIDX: _add,
    MessageType.X_SPDUPDATE: _add,
    MessageType.X_SPDDELETE: _delete,
    MessageType.X_SPDDELETE2: _delete_by_index,
    MessageType.X_SPDGET: _get,
    MessageType.X_SPDDUMP: _dump,
    MessageType.X_SPDFLUSH: _flush,
}
