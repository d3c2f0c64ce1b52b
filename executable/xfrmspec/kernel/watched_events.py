"""Notifications and dumped states as observations hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from xfrmspec.kernel.netlink import Message, MessageKind, decode
from xfrmspec.kernel.netlink_attributes import (
    Attribute,
    AttributeKind,
    mark_in,
    replay_esn_in,
    templates_in,
    value_of,
)
from xfrmspec.kernel.netlink_bodies import (
    STATE_SIZE,
    AcquireBody,
    ExpireBody,
    PolicyBody,
    PolicyExpireBody,
    PolicyKeyBody,
    StateBody,
)
from xfrmspec.kernel.netlink_counters import CountersBody, replay_in
from xfrmspec.kernel.netlink_requests import stored_policy, stored_state
from xfrmspec.kernel.netlink_small import FlushStatesBody, ReportBody, unpack_migrate
from xfrmspec.kernel.netlink_values import MalformedMessageError
from xfrmspec.scenario.events import Event, EventKind, ReplayShown, StateName, StoredState, name_of
from xfrmspec.scenario.observation import in_one_order
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import NO_LIMITS, Policy, PolicyIdentity, identity_of
from xfrmspec_terms.selector import Protocol

_Body = TypeVar("_Body")


def events_of(heard: Sequence[tuple[int, str]]) -> tuple[Event, ...]:
    """Return what was heard, [message type, payload in hexadecimal], as events in the same order."""
    return tuple(_event(decode(kind, bytes.fromhex(payload))) for kind, payload in heard)


def spi_of(answers: Sequence[str]) -> int | None:
    """Return the SPI of the state that an allocation was answered with, None without an answer."""
    for payload in answers:
        body = decode(MessageKind.NEWSA, bytes.fromhex(payload)).body
        if isinstance(body, StateBody):
            return body.state.spi
    return None


def stored_states_of(payloads: Sequence[str], started: int | None) -> tuple[StoredState, ...]:
    """Return a dump of states, sorted; `started` is the second from which their ages count, None for none."""
    found = [_stored(decode(MessageKind.NEWSA, bytes.fromhex(payload)), started) for payload in payloads]
    return in_one_order(state for state in found if _is_told(state))


def _is_told(state: StoredState) -> bool:
    """The states that the kernel makes for itself behind IPComp tunnels come and go with those."""
    return state.name.protocol is not Protocol.IPV6


def _event(message: Message) -> Event:
    reader = _READERS.get(message.kind)
    if reader is None:
        raise MalformedMessageError(f"a notification of type {message.kind} has no meaning here")
    return reader(message)


def _state_event(message: Message) -> Event:
    return Event(EventKind(MessageKind(message.kind).name), name_of(stored_state(message)))


def _state_deleted(message: Message) -> Event:
    """The whole state is in an attribute, behind nothing but its key."""
    value = value_of(message.attributes, AttributeKind.SA)
    if value is None:
        raise MalformedMessageError("DELSA without the state")
    state = StateBody.unpack(value[:STATE_SIZE])
    return Event(EventKind.DELETE_STATE, name_of(_of(state, message.attributes)))


def _of(body: StateBody, attributes: Sequence[Attribute]) -> SecurityAssociation:
    return stored_state(Message(MessageKind.NEWSA, body, tuple(attributes)))


def _states_flushed(message: Message) -> Event:
    body = _body(message, FlushStatesBody)
    return Event(EventKind.FLUSH_STATES, protocol=body.protocol)


def _acquire(message: Message) -> Event:
    body = _body(message, AcquireBody)
    identity = body.identity
    return Event(
        EventKind.ACQUIRE,
        StateName(body.source, identity.destination, Protocol(identity.protocol), None, identity.spi),
        _identity(body.policy.policy, message.attributes),
        selector=body.selector,
        templates=len(templates_in(message.attributes)),
    )


def _expire(message: Message) -> Event:
    body = _body(message, ExpireBody)
    return Event(EventKind.EXPIRE, name_of(_of(body.state, message.attributes)), hard=body.hard)


def _policy_event(message: Message) -> Event:
    policy = stored_policy(message).policy
    return Event(EventKind(MessageKind(message.kind).name), policy=identity_of(policy))


def _policy_deleted(message: Message) -> Event:
    value = value_of(message.attributes, AttributeKind.POLICY)
    if value is None:
        raise MalformedMessageError("DELPOLICY without the policy")
    policy = PolicyBody.unpack(value).policy
    return Event(EventKind.DELETE_POLICY, policy=_identity(policy, message.attributes))


def _policy_expire(message: Message) -> Event:
    body = _body(message, PolicyExpireBody)
    policy = _identity(body.policy.policy, message.attributes)
    return Event(EventKind.POLICY_EXPIRE, policy=policy, hard=body.hard)


def _identity(policy: Policy, attributes: Sequence[Attribute]) -> PolicyIdentity:
    return identity_of(
        stored_policy(Message(MessageKind.NEWPOLICY, PolicyBody(policy), tuple(attributes))).policy
    )


def _report(message: Message) -> Event:
    body = _body(message, ReportBody)
    return Event(EventKind.REPORT, selector=body.selector, protocol=body.protocol)


def _migrate(message: Message) -> Event:
    """A notification has an attribute for each entry, where a request has one for all."""
    body = _body(message, PolicyKeyBody)
    values = [a.octets for a in message.attributes if a.kind == AttributeKind.MIGRATE]
    return Event(EventKind.MIGRATE, selector=body.selector, entries=unpack_migrate(b"".join(values)))


def _counters(message: Message) -> Event:
    body = _body(message, CountersBody)
    key, shown = body.key, _replay(message.attributes)
    name = StateName(
        body.source,
        key.destination,
        Protocol(key.protocol),
        None,
        key.spi,
        body.reqid,
        mark_in(message.attributes),
    )
    return Event(EventKind.COUNTERS, name, sequence=shown.sequence, out_sequence=shown.out_sequence)


def _defaults(message: Message) -> Event:
    """New default actions are announced as if they had been asked for."""
    return Event(EventKind.DEFAULTS)


def _bare(message: Message) -> Event:
    return Event(EventKind(MessageKind(message.kind).name))


def _body(message: Message, kind: type[_Body]) -> _Body:
    if not isinstance(message.body, kind):
        raise MalformedMessageError(f"message of type {message.kind} holds no {kind.__name__}")
    return message.body


_READERS: dict[int, Callable[[Message], Event]] = {
    MessageKind.NEWSA: _state_event,
    MessageKind.UPDSA: _state_event,
    MessageKind.DELSA: _state_deleted,
    MessageKind.FLUSHSA: _states_flushed,
    MessageKind.ACQUIRE: _acquire,
    MessageKind.EXPIRE: _expire,
    MessageKind.NEWPOLICY: _policy_event,
    MessageKind.UPDPOLICY: _policy_event,
    MessageKind.DELPOLICY: _policy_deleted,
    MessageKind.FLUSHPOLICY: _bare,
    MessageKind.POLEXPIRE: _policy_expire,
    MessageKind.REPORT: _report,
    MessageKind.MIGRATE: _migrate,
    MessageKind.NEWAE: _counters,
    MessageKind.GETDEFAULT: _defaults,
}


def _replay(attributes: Sequence[Attribute]) -> ReplayShown:
    extended = replay_esn_in(attributes)
    if extended is not None:
        return ReplayShown(
            extended.sequence,
            extended.out_sequence,
            extended.bitmap,
            extended.sequence_high,
            extended.out_sequence_high,
            extended.window,
        )
    legacy = replay_in(attributes)
    if legacy is None:
        return ReplayShown()
    return ReplayShown(legacy.sequence, legacy.out_sequence, (legacy.bitmap,))


def _stored(message: Message, started: int | None) -> StoredState:
    body = _body(message, StateBody)
    state, usage, counted = stored_state(message), body.usage, body.statistics
    return StoredState(
        name_of(state),
        state.care_of,
        state.if_id,
        int(state.flags),
        None if state.limits == NO_LIMITS else state.limits,
        _replay(message.attributes),
        usage.octets,
        usage.packets,
        used=usage.use_time != 0,
        added=0 if started is None else usage.add_time - started,
        too_old=counted.replay_window,
        replayed=counted.replay,
        forged=counted.integrity_failed,
    )
