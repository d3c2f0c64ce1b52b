"""The pictures of the machines of Mobile IPv6: mobile node, correspondent node and home agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xfrmspec_diagrams.from_machine import Endings, Together, excerpt, graph_of
from xfrmspec_diagrams.ir import Graph, Tone
from xfrmspec_diagrams.machine_pictures import deviations
from xfrmspec_terms import machines_binding_update as update
from xfrmspec_terms import machines_correspondent as correspondent
from xfrmspec_terms import machines_home_agent as agent
from xfrmspec_terms import machines_mobile_node as mobile
from xfrmspec_terms.machine import Machine, Transition
from xfrmspec_terms.mobility import BindingStatus

_MOBILE_TONES: Mapping[str, Tone] = {
    mobile.REGISTERING: Tone.WAITING,
    mobile.REGISTERED: Tone.GOOD,
    mobile.REFRESHING: Tone.GOOD,
    mobile.REFUSED: Tone.BAD,
    mobile.RETURNING: Tone.WAITING,
}
_ROUTE_TONES: Mapping[str, Tone] = {
    mobile.UNOPTIMISED: Tone.START,
    mobile.WAITING: Tone.WAITING,
    mobile.TESTING: Tone.WAITING,
    mobile.BINDING: Tone.WAITING,
    mobile.OPTIMISED: Tone.GOOD,
    mobile.RETESTING: Tone.GOOD,
    mobile.REBINDING: Tone.GOOD,
    mobile.BARRED: Tone.BAD,
    mobile.LEAVING: Tone.WAITING,
    mobile.CLOSING_TEST: Tone.WAITING,
    mobile.CLOSING: Tone.WAITING,
}
_LINK_TONES: Mapping[str, Tone] = {
    mobile.ON_HOME_LINK: Tone.GOOD,
    mobile.ON_FOREIGN_LINK: Tone.GOOD,
    mobile.IN_DOUBT: Tone.WAITING,
}
_ENTRY_TONES: Mapping[str, Tone] = {
    **dict.fromkeys((*correspondent.BOUND_STATES, *agent.REGISTERED_STATES), Tone.GOOD),
    agent.PROBING: Tone.WAITING,
    update.REMEMBERED: Tone.WAITING,
}
_ENDING_TONES: Mapping[str, Tone] = {
    "Accepted": Tone.GOOD,
    "Answered": Tone.GOOD,
    "Judged": Tone.GOOD,
    "Refused": Tone.BAD,
    "Dropped": Tone.BAD,
    "Passed over": Tone.WAITING,
}


_MOVEMENT = frozenset({mobile.MOVED, mobile.CAME_HOME})
_AWAY = (mobile.REGISTERING, mobile.REGISTERED, mobile.REFRESHING, mobile.REFUSED)
_NEW = (mobile.TESTING, mobile.BINDING)
_RENEWED = (mobile.RETESTING, mobile.REBINDING)
_HOME = (mobile.LEAVING, mobile.CLOSING_TEST, mobile.CLOSING)


def _goes_home(transition: Transition) -> bool:
    return transition.event == mobile.CAME_HOME or transition.source == mobile.RETURNING


def home_registration() -> Graph:
    """Draw how a mobile node registers away from home. Source: XFRM-MN-006, XFRM-MN-010, XFRM-MN-012..019."""
    part = excerpt(mobile.HOME_REGISTRATION, "away from home", lambda one: not _goes_home(one))
    return _drawn(part, _MOBILE_TONES)


def home_return() -> Graph:
    """Draw how a mobile node comes home. Source: XFRM-MN-006, XFRM-MN-013, XFRM-MN-016, XFRM-MN-020..022."""
    part = excerpt(mobile.HOME_REGISTRATION, "the way home", _goes_home)
    return _drawn(part, _MOBILE_TONES, Together("away from home", _AWAY))


def movement_detection() -> Graph:
    """Draw where a mobile node takes itself to be. Source: XFRM-MN-053..057."""
    return _drawn(mobile.MOVEMENT_DETECTION, _LINK_TONES)


def route_opening() -> Graph:
    """Draw how a route to a correspondent node becomes optimised. Source: XFRM-MN-026..035, -039, -040."""
    return _route(
        "from tests to a binding",
        lambda one: one.event not in _MOVEMENT and one.source not in (mobile.OPTIMISED, *_RENEWED, *_HOME),
    )


def route_renewing() -> Graph:
    """Draw how an optimised route is renewed, and how it ends. Source: XFRM-MN-032..039, XFRM-MN-042."""
    renewed = (mobile.OPTIMISED, *_RENEWED)
    return _route(
        "renewal",
        lambda one: one.event not in _MOVEMENT and one.source in renewed,
        Together("route in use", renewed),
    )


def route_moving() -> Graph:
    """Draw what movement and the way home do to a route. Source: XFRM-MN-041, XFRM-MN-043."""
    return _route(
        "movement and the way home",
        lambda one: one.event in _MOVEMENT and one.source not in _HOME,
        Together("not in renewal", (*_NEW, mobile.OPTIMISED)),
        Together("in renewal", _RENEWED),
    )


def route_closing() -> Graph:
    """Draw how a binding is ended from home. Source: XFRM-MN-041, XFRM-MN-044..046."""
    return _route("ending the binding from home", lambda one: one.source in _HOME, Together("at home", _HOME))


def _route(title: str, belongs: Callable[[Transition], bool], *together: Together) -> Graph:
    machine = excerpt(mobile.CORRESPONDENT_ROUTE, title, belongs)
    return _drawn(machine, _ROUTE_TONES, *together, endings=Endings.REPEATED)


def _drawn(
    machine: Machine, tones: Mapping[str, Tone], *together: Together, endings: Endings = Endings.SHARED
) -> Graph:
    return graph_of(machine, tones, endings=endings, notes=deviations(machine), together=together)


def correspondent_message() -> Graph:
    """Draw what becomes of a message at a correspondent node. Source: XFRM-CN-010, XFRM-CN-032..035."""
    return _decision(correspondent.CORRESPONDENT_MESSAGE)


def correspondent_update() -> Graph:
    """Draw whether a correspondent node takes an update. Source: XFRM-CN-013..022."""
    return _decision(correspondent.CORRESPONDENT_UPDATE)


def correspondent_binding() -> Graph:
    """Draw the entry of a correspondent node for one home address. Source: XFRM-CN-023..031."""
    groups = (
        Together("not bound", (update.ABSENT, update.REMEMBERED)),
        Together("bound", correspondent.BOUND_STATES),
    )
    return _drawn(correspondent.CORRESPONDENT_BINDING, _ENTRY_TONES, *groups)


def home_agent_update() -> Graph:
    """Draw whether a home agent takes an update. Source: XFRM-HA-001..011, XFRM-HA-030."""
    return _decision(agent.HOME_AGENT_UPDATE)


def agent_registration() -> Graph:
    """Draw the entry of a home agent for one home address. Source: XFRM-HA-013..029."""
    groups = (
        Together("not registered", (update.ABSENT, update.REMEMBERED)),
        Together("registered", agent.REGISTERED_STATES),
    )
    return _drawn(agent.AGENT_REGISTRATION, _ENTRY_TONES, *groups)


def _decision(machine: Machine) -> Graph:
    heads = {state: state.partition(":")[0] for state in machine.states}
    tones = {state: _ENDING_TONES[head] for state, head in heads.items() if head in _ENDING_TONES}
    numbers = [update.status_of(state) for state, head in heads.items() if head == "Refused"]
    meanings = ", ".join(f"{number} {_status_text(number)}" for number in numbers)
    notes = (f"Status: {meanings}.",) if numbers else ()
    return graph_of(machine, tones, endings=Endings.REPEATED, notes=(*notes, *deviations(machine)))


def _status_text(number: int) -> str:
    return BindingStatus(number).name.lower().replace("_", " ").replace("care of", "care-of")


MOBILITY_PICTURES: Mapping[str, Callable[[], Graph]] = {
    "correspondent-binding": correspondent_binding,
    "correspondent-message": correspondent_message,
    "correspondent-update": correspondent_update,
    "home-agent-registration": agent_registration,
    "home-agent-update": home_agent_update,
    "home-registration": home_registration,
    "home-return": home_return,
    "movement-detection": movement_detection,
    "route-closing": route_closing,
    "route-moving": route_moving,
    "route-opening": route_opening,
    "route-renewing": route_renewing,
}
"""Every picture of this module by its name."""
