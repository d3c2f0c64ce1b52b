"""The machine of a route: which transition an event takes, and what each clause does then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xfrmspec.mipv6.binding_update_list import (
    forgotten,
    with_acceptance,
    with_jump,
    without_binding,
)
from xfrmspec.mipv6.choosing import chosen, passed_over, step_of
from xfrmspec.mipv6.correspondent_route import (
    Effects,
    Route,
    RouteTurn,
    Surroundings,
    begin_attempt,
    in_update,
    send_tests,
    send_update,
    staged,
)
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.repetition import Repetition
from xfrmspec.mipv6.return_routability import Evidence, both_valid, is_valid
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_mobile_node import (
    BARRED,
    CLOSING,
    CORRESPONDENT_ROUTE,
    OPTIMISED,
    TIMER,
    UNOPTIMISED,
)
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingStatus

PASSED_OVER = "XFRM-MN-050"


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event of a route: its name in the table, the guards that hold, and what came with it.

    `evidence` is what a believed test leads to, `acknowledgement` one that was read.
    """

    name: str
    guards: Mapping[str, bool]
    evidence: Evidence | None = None
    acknowledgement: BindingAcknowledgement | None = None


@dataclass(frozen=True, slots=True)
class _Act:
    """Everything that an action looks at."""

    route: Route
    around: Surroundings
    entropy: Entropy
    occasion: Occasion
    transition: Transition


_Action = Callable[[_Act], RouteTurn]


def _kept(act: _Act, route: Route, effects: Effects = ()) -> RouteTurn:
    return RouteTurn(route, act.entropy, effects)


def _initial(act: _Act) -> Repetition:
    return Repetition(act.around.settings.initial_timeout)


def _update(act: _Act, route: Route, repetition: Repetition) -> RouteTurn:
    return _kept(act, *send_update(route, act.around, repetition))


def _rests(route: Route) -> Route:
    """Return a route that awaits nothing."""
    return replace(
        route,
        entry=replace(route.entry, awaited=False),
        evidence=route.evidence.without_cookies(),
        repetition=None,
    )


def _failed(route: Route) -> Route:
    return replace(route, failures=route.failures + 1)


@clause("XFRM-MN-006", "XFRM-MN-035", "XFRM-MN-046")
def _again(act: _Act) -> RouteTurn:
    """Send what the state waits for once more: after its timeout, or because its turn has come."""
    if act.transition.target == BARRED:
        return _barred(act)
    repetition = act.route.repetition or _initial(act)
    if in_update(act.transition.target):
        return _update(act, act.route, repetition)
    return send_tests(act.route, act.around, repetition, act.entropy)


@clause("XFRM-MN-013")
def _jumped(act: _Act) -> RouteTurn:
    route = act.route
    if act.occasion.acknowledgement is not None:
        route = replace(route, entry=with_jump(route.entry, act.occasion.acknowledgement))
    return _update(act, route if act.transition.target == CLOSING else _failed(route), _initial(act))


@clause("XFRM-MN-026", "XFRM-MN-042")
def _waits(act: _Act) -> RouteTurn:
    return _kept(act, _rests(act.route))


@clause("XFRM-MN-027")
def _attempts(act: _Act) -> RouteTurn:
    return begin_attempt(act.route, act.around, act.entropy)


@clause("XFRM-MN-028")
def _learns(act: _Act) -> RouteTurn:
    return _kept(act, replace(act.route, evidence=act.occasion.evidence or act.route.evidence))


@clause("XFRM-MN-030")
def _binds(act: _Act) -> RouteTurn:
    return _update(act, _learns(act).route, _initial(act))


@clause("XFRM-MN-029")
def _token_ended(act: _Act) -> RouteTurn:
    return begin_attempt(_failed(act.route), act.around, act.entropy)


@clause("XFRM-MN-032")
def _bound(act: _Act) -> RouteTurn:
    route = _rests(act.route)
    if act.occasion.acknowledgement is not None:
        route = replace(route, entry=with_acceptance(route.entry, act.occasion.acknowledgement))
    return _kept(act, replace(route, failures=0))


@clause("XFRM-MN-033")
def _nonce_expired(act: _Act) -> RouteTurn:
    evidence = act.route.evidence.without_care_of()
    status = act.occasion.acknowledgement.status if act.occasion.acknowledgement else None
    if status != BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX:
        evidence = Evidence()
    return begin_attempt(_failed(replace(act.route, evidence=evidence)), act.around, act.entropy)


@clause("XFRM-MN-034", "XFRM-MN-039", "XFRM-MN-040")
def _barred(act: _Act) -> RouteTurn:
    route = _rests(act.route)
    entry = replace(route.entry, acknowledged_until=None)
    bar = act.around.now + act.around.settings.bar
    evidence = route.evidence.without_care_of()
    return _kept(act, replace(route, entry=entry, evidence=evidence, failures=0, bar=bar))


@clause("XFRM-MN-036")
def _renewal(act: _Act) -> RouteTurn:
    return _waits(act) if act.transition.target == OPTIMISED else _attempts(act)


@clause("XFRM-MN-037")
def _ended(act: _Act) -> RouteTurn:
    entry = replace(act.route.entry, acknowledged_until=None)
    return _fallen(act, replace(act.route, entry=entry))


@clause("XFRM-MN-038")
def _forgotten(act: _Act) -> RouteTurn:
    return _fallen(act, replace(act.route, entry=forgotten(act.route.entry)))


def _fallen(act: _Act, route: Route) -> RouteTurn:
    return _kept(act, _rests(route) if act.transition.target == UNOPTIMISED else route)


@clause("XFRM-MN-040")
def _bar_ended(act: _Act) -> RouteTurn:
    return _kept(act, replace(act.route, bar=None))


@clause("XFRM-MN-041", "XFRM-MN-043")
def _leaves_care_of(act: _Act) -> RouteTurn:
    """The care-of address is gone: nothing is awaited, and only the home token is kept."""
    route = _rests(act.route)
    entry = replace(route.entry, acknowledged_until=None)
    return _kept(act, replace(route, entry=entry, evidence=route.evidence.without_care_of(), bar=None))


@clause("XFRM-MN-044")
def _closes(act: _Act) -> RouteTurn:
    route = _learns(act).route
    if act.transition.target == CLOSING:
        return _update(act, route, _initial(act))
    return send_tests(route, act.around, _initial(act), act.entropy)


@clause("XFRM-MN-045")
def _close_answered(act: _Act) -> RouteTurn:
    if act.transition.target == UNOPTIMISED:
        return _closed(act)
    return send_tests(replace(act.route, evidence=Evidence()), act.around, _initial(act), act.entropy)


@clause("XFRM-MN-046")
def _close_again(act: _Act) -> RouteTurn:
    if act.transition.target == UNOPTIMISED:
        return _closed(act)
    if act.transition.source == act.transition.target:
        return _again(act)
    return send_tests(act.route, act.around, _initial(act), act.entropy)


def _closed(act: _Act) -> RouteTurn:
    route = _rests(act.route)
    return _kept(act, replace(route, entry=without_binding(route.entry)))


_ACTIONS: Mapping[str, _Action] = {
    "XFRM-MN-006": _again,
    "XFRM-MN-013": _jumped,
    "XFRM-MN-026": _waits,
    "XFRM-MN-027": _attempts,
    "XFRM-MN-028": _learns,
    "XFRM-MN-029": _token_ended,
    "XFRM-MN-030": _binds,
    "XFRM-MN-032": _bound,
    "XFRM-MN-033": _nonce_expired,
    "XFRM-MN-034": _barred,
    "XFRM-MN-035": _again,
    "XFRM-MN-036": _renewal,
    "XFRM-MN-037": _ended,
    "XFRM-MN-038": _forgotten,
    "XFRM-MN-039": _barred,
    "XFRM-MN-040": _bar_ended,
    "XFRM-MN-041": _leaves_care_of,
    "XFRM-MN-042": _waits,
    "XFRM-MN-043": _leaves_care_of,
    "XFRM-MN-044": _closes,
    "XFRM-MN-045": _close_answered,
    "XFRM-MN-046": _close_again,
}


@clause("XFRM-MN-050")
def answer(route: Route, occasion: Occasion, around: Surroundings, entropy: Entropy) -> RouteTurn:
    """Take the transition of an occasion, or pass it over."""
    transition = chosen(
        CORRESPONDENT_ROUTE, route.state, occasion.name, occasion.guards, around.settings.follows
    )
    if transition is None:
        step = passed_over(CORRESPONDENT_ROUTE, route.state, occasion.name, PASSED_OVER, f"peer {route.peer}")
        return RouteTurn(route, entropy, steps=(step,))
    return take(route, transition, occasion, around, entropy)


def take(
    route: Route, transition: Transition, occasion: Occasion, around: Surroundings, entropy: Entropy
) -> RouteTurn:
    """Take a transition: its stages, then what its clause sends."""
    told, stages = staged(route, around, transition)
    turn = _ACTIONS[transition.clause](_Act(told, around, entropy, occasion, transition))
    values = f"peer {route.peer}, number {turn.route.entry.sequence}, {around.now} ms"
    moved = replace(turn.route, state=transition.target)
    step = step_of(CORRESPONDENT_ROUTE, transition, values)
    return RouteTurn(moved, turn.entropy, (*stages, *turn.effects), (step,))


@clause("XFRM-MN-023")
def timers(route: Route, around: Surroundings) -> tuple[tuple[int, Transition], ...]:
    """Return when which transition comes by itself, in the order that decides between equal times."""
    repetition = route.repetition
    put_off = repetition is not None and repetition.put_off
    due = None if repetition is None else repetition.due
    guards = silence_guards(route, around)
    found = []
    for transition in CORRESPONDENT_ROUTE.successors(route.state, TIMER):
        at = {
            "no binding can be held any more": route.entry.held_until,
            "the binding ends": route.entry.acknowledged_until,
            "a message was put off": due if put_off else None,
            "the bar ends": route.bar,
        }.get(transition.guard, due if guards.get(transition.guard) and not put_off else None)
        if at is not None and around.settings.follows(transition.clause):
            found.append((at, transition))
    return tuple(sorted(found, key=lambda entry: _RANK.get(entry[1].guard, len(_RANK))))


_RANK = {
    guard: rank
    for rank, guard in enumerate(
        ("no binding can be held any more", "the binding ends", "a message was put off")
    )
}


@clause("XFRM-MN-029", "XFRM-MN-035")
def silence_guards(route: Route, around: Surroundings) -> dict[str, bool]:
    """Return which guards about a missing answer hold when the timeout has passed."""
    settings, now = around.settings, around.now
    valid = both_valid(route.evidence, settings, now)
    home = is_valid(route.evidence.home, settings, now)
    exhausted = route.repetition is not None and route.repetition.sent >= settings.attempts
    third = not valid and is_last_failure(route, around)
    return {
        "no answer": True,
        "no answer, sent fewer than 6 times": not exhausted,
        "no answer, sent 6 times": exhausted,
        "no answer, sent fewer than 6 times, both tokens valid": not exhausted and valid,
        "no answer, a token ended, no third failure": not exhausted and not valid and not third,
        "no answer, sent 6 times or third failure": exhausted or third,
        "no answer, home token valid": home,
        "no answer, home token ended": not home,
    }


def is_last_failure(route: Route, around: Surroundings) -> bool:
    """Tell whether one more failure bars the peer."""
    return route.failures + 1 >= around.settings.failures
