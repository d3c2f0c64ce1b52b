"""The life of a correspondent node's entry for one home address."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.acknowledging import refusal, signed, success
from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import Binding, Remembered, Use, bound, entry_of, stored, without
from xfrmspec.mipv6.binding_request import BindingRequest
from xfrmspec.mipv6.correspondent_settings import CorrespondentEntry, CorrespondentNode
from xfrmspec.mipv6.course import taken
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEffect, Role, Say, Stage, StageKind
from xfrmspec_terms.machines_binding_update import ABSENT, REMEMBERED
from xfrmspec_terms.machines_correspondent import ASKED, CORRESPONDENT_BINDING, IDLE, IN_USE
from xfrmspec_terms.mobility import BindingRefreshRequest, BindingStatus
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME

_BOUND = {Use.UNUSED: IDLE, Use.USED: IN_USE, Use.ASKED: ASKED}
_UNSIGNED = frozenset(
    {
        BindingStatus.HOME_REGISTRATION_NOT_SUPPORTED,
        BindingStatus.EXPIRED_HOME_NONCE_INDEX,
        BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX,
        BindingStatus.EXPIRED_NONCES,
        BindingStatus.REGISTRATION_TYPE_CHANGE_DISALLOWED,
    }
)

Peer = Answer[CorrespondentNode]


def standing(entry: CorrespondentEntry | None) -> str:
    """Return the state of the machine that an entry stands for."""
    if isinstance(entry, Binding):
        return _BOUND[entry.use]
    return ABSENT if entry is None else REMEMBERED


@clause("XFRM-CN-027", "XFRM-CN-029")
def refuse(
    node: CorrespondentNode, request: BindingRequest, status: BindingStatus, key: Secret | None
) -> Peer:
    """Refuse an update with a status; the key signs the acknowledgement where it is to be signed."""
    entry = node.entry(request)
    outside = status is BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW and entry is not None
    said = refusal(request, status, entry.sequence if outside and entry else request.update.sequence)
    step = taken(CORRESPONDENT_BINDING, standing(entry), "update refused", "", str(status.value))
    return Answer(node, (said if status in _UNSIGNED else signed(said, request, key),), (step,))


def accept(node: CorrespondentNode, request: BindingRequest, key: Secret | None, now: int) -> Peer:
    """Carry out an accepted update, and acknowledge it if it wants that."""
    answer = _delete(node, request, now) if request.is_deletion else _bind(node, request, now)
    granted = 0 if request.is_deletion else node.settings.granted(request.asked)
    said = success(request, granted)
    effects = answer.effects if said is None else (*answer.effects, signed(said, request, key))
    return replace(answer, effects=effects)


@clause("XFRM-CN-023", "XFRM-CN-024")
def _bind(node: CorrespondentNode, request: BindingRequest, now: int) -> Peer:
    entry = node.entry(request)
    granted = node.settings.granted(request.asked)
    binding = bound(request, granted, now, node.settings.ends_at(now, granted))
    guard = "a binding"
    effects: tuple[DaemonEffect, ...] = (_stage(StageKind.BOUND, binding),)
    if isinstance(entry, Binding):
        moved = entry.care_of != binding.care_of
        guard = f"a binding, {'another' if moved else 'same'} care-of address"
        effects = (_stage(StageKind.REBOUND, binding, entry.care_of),) if moved else ()
    step = taken(CORRESPONDENT_BINDING, standing(entry), "update accepted", guard, f"granted {granted} ms")
    return Answer(replace(node, entries=stored(node.entries, binding)), effects, (step,))


@clause("XFRM-CN-025")
def _delete(node: CorrespondentNode, request: BindingRequest, now: int) -> Peer:
    entry = node.entry(request)
    effects = (_stage(StageKind.RELEASED, entry),) if isinstance(entry, Binding) else ()
    step = taken(CORRESPONDENT_BINDING, standing(entry), "update accepted", "a deletion")
    remembered = Remembered(request.home_address, request.update.sequence, now)
    return Answer(replace(node, entries=stored(node.entries, remembered)), effects, (step,))


@clause("XFRM-CN-031")
def use(node: CorrespondentNode, home_address: IPv6Address) -> Peer:
    """Note that the binding of a home address was used."""
    entry = entry_of(node.entries, home_address)
    step = taken(CORRESPONDENT_BINDING, standing(entry), "used")
    if not isinstance(entry, Binding) or entry.use is not Use.UNUSED:
        return Answer(node, (), (step,))
    used = replace(entry, use=Use.USED)
    return Answer(replace(node, entries=stored(node.entries, used)), (), (step,))


def grow_older(node: CorrespondentNode, entry: CorrespondentEntry, now: int) -> Peer:
    """Do what is due for an entry."""
    if isinstance(entry, Remembered):
        return _forget(node, entry, now)
    if entry.is_over(now):
        return _end(node, entry, now)
    return _ask(node, entry) if entry.refresh_is_due(now) else Answer(node)


@clause("XFRM-CN-026")
def memory_ends_at(node: CorrespondentNode, entry: CorrespondentEntry) -> int | None:
    """Return when what is remembered of an ended binding is forgotten (ms), None for never."""
    return None if node.settings.endless else entry.accepted_at + MAX_NONCE_LIFETIME


def deadline_of(node: CorrespondentNode, entry: CorrespondentEntry) -> int | None:
    """Return when something is due for an entry (ms)."""
    return entry.deadline() if isinstance(entry, Binding) else memory_ends_at(node, entry)


def _memory_is_over(node: CorrespondentNode, entry: CorrespondentEntry, now: int) -> bool:
    ends_at = memory_ends_at(node, entry)
    return ends_at is not None and ends_at <= now


def _forget(node: CorrespondentNode, entry: Remembered, now: int) -> Peer:
    if not _memory_is_over(node, entry, now):
        return Answer(node)
    step = taken(CORRESPONDENT_BINDING, REMEMBERED, "memory over", "last accepted 240 s ago")
    return Answer(replace(node, entries=without(node.entries, entry.home_address)), (), (step,))


@clause("XFRM-CN-026", "XFRM-CN-030")
def _end(node: CorrespondentNode, entry: Binding, now: int) -> Peer:
    if _memory_is_over(node, entry, now):
        guard, entries = "last accepted 240 s ago or more", without(node.entries, entry.home_address)
    else:
        guard = "last accepted less than 240 s ago"
        remembered = Remembered(entry.home_address, entry.sequence, entry.accepted_at)
        entries = stored(node.entries, remembered)
    step = taken(CORRESPONDENT_BINDING, standing(entry), "lifetime over", guard)
    return Answer(replace(node, entries=entries), (_stage(StageKind.RELEASED, entry),), (step,))


@clause("XFRM-CN-031")
def _ask(node: CorrespondentNode, entry: Binding) -> Peer:
    step = taken(CORRESPONDENT_BINDING, IN_USE, "refresh due", "seven eighths of the lifetime over")
    asked = replace(entry, use=Use.ASKED)
    said = Say(BindingRefreshRequest(), entry.own, entry.home_address)
    return Answer(replace(node, entries=stored(node.entries, asked)), (said,), (step,))


@clause("XFRM-CN-024")
def _stage(kind: StageKind, binding: Binding, previous: IPv6Address | None = None) -> DaemonEffect:
    home = binding.home_address
    return Stage(kind, Role.CORRESPONDENT_NODE, home, home, binding.care_of, previous, binding.own)
