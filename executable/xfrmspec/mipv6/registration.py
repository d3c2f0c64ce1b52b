"""The home registration: a mobile node binds its home address at its home agent, and ends that at home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.binding_update_list import (
    UpdateEntry,
    is_accepted,
    is_jump,
    is_numbered,
    may_hold,
    with_acceptance,
    with_jump,
    with_update,
    without_binding,
)
from xfrmspec.mipv6.choosing import chosen, passed_over, step_of
from xfrmspec.mipv6.mobile_settings import LIFETIME_UNIT, MobileSettings
from xfrmspec.mipv6.repetition import Pace, Repetition, free_at, paced
from xfrmspec.wire.mobility import option_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import (
    SECOND,
    CameHome,
    DaemonEffect,
    Heard,
    Moved,
    Role,
    Say,
    Stage,
    StageKind,
    Step,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_mobile_node import (
    ACKNOWLEDGEMENT,
    AT_HOME,
    BINDING_ERROR,
    CAME_HOME,
    HOME_REGISTRATION,
    MOVED,
    REFRESHING,
    REFUSED,
    REGISTERED,
    REGISTERING,
    TIMER,
)
from xfrmspec_terms.mobility import (
    LEAST_REFUSED_STATUS,
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingError,
    BindingErrorStatus,
    BindingRefreshAdvice,
    BindingStatus,
    BindingUpdate,
)

PASSED_OVER = "XFRM-MN-024"


@dataclass(frozen=True, slots=True)
class HomeRegistration:
    """One registration: its state, the present care-of address, and what is under way.

    `wait` is when to refresh (registered) or to try again (refused), in milliseconds; `staged` is the care-of
    address that the kernel was told of last.
    """

    state: str = AT_HOME
    care_of: IPv6Address | None = None
    entry: UpdateEntry = field(default_factory=UpdateEntry)
    repetition: Repetition | None = None
    pace: Pace = ()
    wait: int | None = None
    staged: IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class RegistrationTurn:
    """What became of the registration, in which order what is done, and the transition taken, if any."""

    registration: HomeRegistration
    effects: tuple[DaemonEffect, ...] = ()
    steps: tuple[Step, ...] = ()
    transition: Transition | None = None


RegistrationEvent = Moved | CameHome | Heard


@dataclass(frozen=True, slots=True)
class _Context:
    settings: MobileSettings
    now: int
    event: RegistrationEvent | None = None


_Effects = tuple[DaemonEffect, ...]
_Done = tuple[HomeRegistration, _Effects]


@clause("XFRM-MN-009", "XFRM-MN-020")
def _update(registration: HomeRegistration, settings: MobileSettings) -> Say:
    """Return the update that the registration's entry has just counted."""
    entry, home = registration.entry, settings.home_address
    if not entry.asked:
        end = BindingUpdate(entry.sequence, acknowledge=True, home_registration=True)
        return Say(end, home, settings.home_agent)
    care_of = entry.bound or home
    update = BindingUpdate(
        entry.sequence,
        acknowledge=True,
        home_registration=True,
        lifetime=entry.asked,
        options=(AlternateCareOfAddress(care_of),),
    )
    return Say(update, home, settings.home_agent, care_of=care_of)


def _send(registration: HomeRegistration, context: _Context, repetition: Repetition) -> _Done:
    """Send the update that the state wants, or put it off."""
    settings, now = context.settings, context.now
    free = free_at(registration.pace, settings, now)
    if free > now:
        entry = replace(registration.entry, awaited=False)
        return replace(registration, entry=entry, repetition=repetition.put_off_until(free)), ()
    asked = settings.home_lifetime if registration.care_of else 0
    bound = registration.care_of or settings.home_address
    sent = replace(
        registration,
        entry=with_update(registration.entry, bound, asked, now),
        repetition=repetition.sent_at(now, settings.longest_timeout),
        pace=paced(registration.pace, settings, now),
    )
    return sent, (_update(sent, settings),)


@clause("XFRM-MN-004")
def _first_timeout(registration: HomeRegistration, context: _Context) -> int:
    until = registration.entry.acknowledged_until
    bound = until is not None and until > context.now
    if registration.care_of and not bound:
        return context.settings.first_registration_timeout
    return context.settings.initial_timeout


def _send_anew(registration: HomeRegistration, context: _Context) -> _Done:
    return _send(registration, context, Repetition(_first_timeout(registration, context)))


def _repeat(registration: HomeRegistration, context: _Context) -> _Done:
    repetition = registration.repetition or Repetition(_first_timeout(registration, context))
    return _send(registration, context, repetition)


@clause("XFRM-MN-047")
def _staged(registration: HomeRegistration, context: _Context, kind: StageKind) -> _Done:
    """Tell the kernel's recipe of a stage."""
    present = None if kind in (StageKind.RETURNING, StageKind.RETURNED) else registration.care_of
    previous = registration.staged if registration.staged != present else None
    settings = context.settings
    stage = Stage(kind, Role.MOBILE_NODE, settings.home_address, settings.home_agent, present, previous)
    kept = {StageKind.RETURNING: registration.staged, StageKind.RETURNED: None}
    return replace(registration, staged=kept.get(kind, present)), (stage,)


def _staged_then_sent(registration: HomeRegistration, context: _Context, kind: StageKind) -> _Done:
    staged, stages = _staged(registration, context, kind)
    sent, messages = _send_anew(staged, context)
    return sent, (*stages, *messages)


@clause("XFRM-MN-010")
def _begin(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    if isinstance(context.event, Moved):
        registration = replace(registration, care_of=context.event.care_of)
    return _staged_then_sent(replace(registration, wait=None), context, StageKind.REGISTERING)


@clause("XFRM-MN-006", "XFRM-MN-016")
def _again(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    return _repeat(registration, context)


@clause("XFRM-MN-008", "XFRM-MN-012")
def _accepted(registration: HomeRegistration, context: _Context, transition: Transition) -> _Done:
    message = _acknowledgement(context)
    entry = with_acceptance(registration.entry, message)
    registered = replace(
        registration, entry=entry, repetition=None, wait=_refresh_time(entry, message, context.now)
    )
    if transition.source == REFRESHING:
        return registered, ()
    return _staged(registered, context, StageKind.REGISTERED)


@clause("XFRM-MN-008")
def _refresh_time(entry: UpdateEntry, message: BindingAcknowledgement, now: int) -> int:
    end = entry.acknowledged_until or entry.sent_at
    wanted = entry.sent_at + (end - entry.sent_at) * 3 // 4
    advice = option_of(message, BindingRefreshAdvice)
    if advice is not None and advice.interval:
        wanted = min(wanted, entry.sent_at + advice.interval * LIFETIME_UNIT)
    return max(wanted, now + SECOND)


@clause("XFRM-MN-013")
def _jumped(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    entry = with_jump(registration.entry, _acknowledgement(context))
    return _send_anew(replace(registration, entry=entry), context)


@clause("XFRM-MN-014")
def _refused(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    entry = replace(registration.entry, awaited=False, acknowledged_until=None)
    wait = context.now + context.settings.refusal_wait
    refused = replace(registration, entry=entry, repetition=None, wait=wait)
    return _staged(refused, context, StageKind.REFUSED)


@clause("XFRM-MN-015")
def _tries_again(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    return _staged_then_sent(replace(registration, wait=None), context, StageKind.REGISTERING)


@clause("XFRM-MN-017", "XFRM-MN-019")
def _refresh(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    return _send_anew(replace(registration, wait=None), context)


@clause("XFRM-MN-018")
def _ended(registration: HomeRegistration, context: _Context, transition: Transition) -> _Done:
    entry = replace(registration.entry, acknowledged_until=None)
    ended = replace(registration, entry=entry, wait=None)
    if transition.source == REGISTERED:
        return _staged_then_sent(ended, context, StageKind.REGISTERING)
    return _staged(ended, context, StageKind.REGISTERING)


@clause("XFRM-MN-020")
def _goes_home(registration: HomeRegistration, context: _Context, transition: Transition) -> _Done:
    entry = replace(registration.entry, awaited=False, acknowledged_until=None)
    home = replace(registration, care_of=None, entry=entry, wait=None)
    if transition.target == AT_HOME:
        return _is_home(home, context, transition)
    return _staged_then_sent(home, context, StageKind.RETURNING)


@clause("XFRM-MN-021", "XFRM-MN-022")
def _is_home(registration: HomeRegistration, context: _Context, _: Transition) -> _Done:
    home = replace(registration, entry=without_binding(registration.entry), repetition=None)
    return _staged(home, context, StageKind.RETURNED)


_ACTIONS: Mapping[str, Callable[[HomeRegistration, _Context, Transition], _Done]] = {
    "XFRM-MN-006": _again,
    "XFRM-MN-010": _begin,
    "XFRM-MN-012": _accepted,
    "XFRM-MN-013": _jumped,
    "XFRM-MN-014": _refused,
    "XFRM-MN-015": _tries_again,
    "XFRM-MN-016": _again,
    "XFRM-MN-017": _refresh,
    "XFRM-MN-018": _ended,
    "XFRM-MN-019": _refresh,
    "XFRM-MN-020": _goes_home,
    "XFRM-MN-021": _is_home,
    "XFRM-MN-022": _is_home,
}


def _acknowledgement(context: _Context) -> BindingAcknowledgement:
    if not isinstance(context.event, Heard) or not isinstance(context.event.message, BindingAcknowledgement):
        raise TypeError("this transition needs an acknowledgement")
    return context.event.message


@clause("XFRM-MN-011")
def _is_read(registration: HomeRegistration, heard: Heard, settings: MobileSettings) -> bool:
    """Tell whether an acknowledgement is read: its sender, its association and its number."""
    if (heard.source, heard.destination) != (settings.home_agent, settings.home_address):
        return False
    if Defence.ASSOCIATION in settings.defences and heard.association != settings.home_address:
        return False
    message = heard.message
    return isinstance(message, BindingAcknowledgement) and is_numbered(registration.entry, message)


def _movement_guards(registration: HomeRegistration, context: _Context) -> dict[str, bool]:
    event = context.event
    if isinstance(event, Moved):
        away = event.care_of != context.settings.home_address
        another = away and event.care_of != registration.care_of
        return {"not to the home address": away, "another care-of address": another}
    held = may_hold(registration.entry, context.now)
    return {"may hold a binding": held, "holds none": not held}


def _answer_guards(registration: HomeRegistration, heard: Heard, context: _Context) -> dict[str, bool]:
    message, settings = heard.message, context.settings
    if isinstance(message, BindingError):
        own = heard.destination in (settings.home_address, registration.care_of)
        sender = heard.source == settings.home_agent and message.home_address == settings.home_address
        return {
            "unknown binding": own and sender and message.status == BindingErrorStatus.UNKNOWN_BINDING,
        }
    if not isinstance(message, BindingAcknowledgement) or not _is_read(registration, heard, settings):
        return {}
    accepted = is_accepted(registration.entry, message, context.now)
    status = message.status
    none = status == BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE
    jump = status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    return {
        "accepted": accepted,
        "accepted or 133": accepted or none,
        "135 ahead": is_jump(registration.entry, message),
        "refused": status >= LEAST_REFUSED_STATUS and not jump,
    }


def _event_name(event: RegistrationEvent) -> str:
    if isinstance(event, Moved):
        return MOVED
    if isinstance(event, CameHome):
        return CAME_HOME
    return BINDING_ERROR if isinstance(event.message, BindingError) else ACKNOWLEDGEMENT


@clause("XFRM-MN-024")
def answer(
    registration: HomeRegistration, event: RegistrationEvent, settings: MobileSettings, now: int
) -> RegistrationTurn:
    """Answer a movement, the sight of the home link, or a message of the home agent."""
    context = _Context(settings, now, event)
    guards = (
        _answer_guards(registration, event, context)
        if isinstance(event, Heard)
        else _movement_guards(registration, context)
    )
    name = _event_name(event)
    transition = chosen(HOME_REGISTRATION, registration.state, name, guards, settings.follows)
    if transition is None:
        step = passed_over(HOME_REGISTRATION, registration.state, name, PASSED_OVER)
        return RegistrationTurn(registration, steps=(step,))
    return _taken(registration, context, transition)


def _taken(registration: HomeRegistration, context: _Context, transition: Transition) -> RegistrationTurn:
    moved, effects = _ACTIONS[transition.clause](registration, context, transition)
    values = f"number {moved.entry.sequence}, {context.now} ms"
    step = step_of(HOME_REGISTRATION, transition, values)
    return RegistrationTurn(replace(moved, state=transition.target), effects, (step,), transition)


@clause("XFRM-MN-023")
def timers(registration: HomeRegistration, settings: MobileSettings) -> tuple[tuple[int, Transition], ...]:
    """Return when which transition comes by itself, in the order that decides between equal times."""
    entry, repetition = registration.entry, registration.repetition
    put_off = repetition is not None and repetition.put_off
    due = None if repetition is None else repetition.due
    times = {
        "no binding can be held any more": entry.held_until,
        "the binding ends": entry.acknowledged_until,
        "a message was put off": due if put_off else None,
        "no answer": None if put_off else due,
        "time to refresh": registration.wait,
        "32 s after the refusal": registration.wait,
    }
    found = {
        transition.guard: transition
        for transition in HOME_REGISTRATION.successors(registration.state, TIMER)
        if settings.follows(transition.clause)
    }
    return tuple((at, found[guard]) for guard, at in times.items() if guard in found and at is not None)


def wake(
    registration: HomeRegistration, transition: Transition, settings: MobileSettings, now: int
) -> RegistrationTurn:
    """Take a transition that is due."""
    return _taken(registration, _Context(settings, now), transition)


def is_registered(registration: HomeRegistration) -> bool:
    """Tell whether the home agent has acknowledged the present care-of address."""
    return registration.state in (REGISTERED, REFRESHING)


def is_away(registration: HomeRegistration) -> bool:
    """Tell whether the node has a care-of address and uses it."""
    return registration.state in (REGISTERING, REGISTERED, REFRESHING, REFUSED)
