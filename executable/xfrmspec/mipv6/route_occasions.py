"""What a mobile node's route makes of messages: which are read, and which guards of the table then hold."""

from __future__ import annotations

from xfrmspec.mipv6.binding_update_list import is_accepted, is_jump, is_numbered, may_hold
from xfrmspec.mipv6.correspondent_route import Route, Surroundings
from xfrmspec.mipv6.return_routability import is_valid, with_care_of_test, with_home_test
from xfrmspec.mipv6.route_machine import Occasion, is_last_failure
from xfrmspec.mipv6.tokens import is_authentic
from xfrmspec.wire.mobility import header_of
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Heard
from xfrmspec_terms.machines_mobile_node import (
    ACKNOWLEDGEMENT,
    BINDING_ERROR,
    CAME_HOME,
    CARE_OF_TEST,
    HOME_REGISTERED,
    HOME_TEST,
    MOVED,
    PARAMETER_PROBLEM,
    REFRESH_REQUEST,
    REGISTRATION_LOST,
    RETURNED_HOME,
    WANTED,
)
from xfrmspec_terms.mobility import (
    LEAST_REFUSED_STATUS,
    UNSPECIFIED,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingErrorStatus,
    BindingRefreshRequest,
    BindingStatus,
    CareOfTest,
    HomeTest,
)

_NEVER = "a test that nobody asked for"
_NONCES = (
    BindingStatus.EXPIRED_HOME_NONCE_INDEX,
    BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX,
    BindingStatus.EXPIRED_NONCES,
)


@clause("XFRM-MN-026", "XFRM-MN-027")
def wanted(around: Surroundings) -> Occasion:
    """Traffic is wanted with the peer."""
    waits = around.away and not around.registered
    return Occasion(WANTED, {"home registered": around.registered, "away, not home registered": waits})


def unsupported() -> Occasion:
    """The peer has answered with a parameter problem."""
    return Occasion(PARAMETER_PROBLEM, {})


@clause("XFRM-MN-041", "XFRM-MN-042", "XFRM-MN-043", "XFRM-MN-044")
def told(name: str, route: Route, around: Surroundings) -> Occasion:
    """The home registration tells what became of it, by the name of the event in the table."""
    if name not in (MOVED, CAME_HOME, RETURNED_HOME, HOME_REGISTERED, REGISTRATION_LOST):
        raise ValueError(f"{name!r} is not told to routes")
    held = may_hold(route.entry, around.now)
    home = is_valid(route.evidence.home, around.settings, around.now)
    return Occasion(
        name,
        {
            "may hold a binding": held,
            "holds none": not held,
            "home token valid": home,
            "no valid home token": not home,
        },
    )


def heard_from_peer(route: Route, heard: Heard, around: Surroundings) -> Occasion | None:
    """Return what a message of the peer is to the route; None for a message that is nothing for it."""
    message = heard.message
    if isinstance(message, HomeTest | CareOfTest):
        return _test(route, heard, around)
    if isinstance(message, BindingAcknowledgement):
        return _acknowledgement(route, heard, message, around)
    if isinstance(message, BindingRefreshRequest):
        return _refresh_request(heard, around)
    if isinstance(message, BindingError):
        return _error(heard, message, around)
    return None


@clause("XFRM-MN-028")
def _test(route: Route, heard: Heard, around: Surroundings) -> Occasion:
    settings, now = around.settings, around.now
    at_home = isinstance(heard.message, HomeTest)
    believe = with_home_test if at_home else with_care_of_test
    evidence = believe(route.evidence, heard, around.ends, now)
    if evidence is None:
        return Occasion(_NEVER, {})
    other = is_valid(evidence.care_of if at_home else evidence.home, settings, now)
    missing = "no valid care-of token" if at_home else "no valid home token"
    name = HOME_TEST if at_home else CARE_OF_TEST
    return Occasion(name, {"both tokens valid": other, missing: not other}, evidence=evidence)


@clause("XFRM-MN-036")
def _refresh_request(heard: Heard, around: Surroundings) -> Occasion:
    ours = heard.destination == around.ends.home_address
    return Occasion(REFRESH_REQUEST if ours else _NEVER, {})


@clause("XFRM-MN-038", "XFRM-MN-039")
def _error(heard: Heard, message: BindingError, around: Surroundings) -> Occasion:
    home = around.ends.home_address
    ours = heard.destination in (home, around.ends.care_of)
    unknown = message.status == BindingErrorStatus.UNKNOWN_BINDING and message.home_address == home
    kind = message.status == BindingErrorStatus.UNRECOGNIZED_MESSAGE_TYPE
    return Occasion(
        BINDING_ERROR,
        {
            "unknown binding": ours and unknown,
            "unknown message type": ours and kind and message.home_address in (home, UNSPECIFIED),
        },
    )


@clause("XFRM-MN-031")
def _is_read(route: Route, heard: Heard, message: BindingAcknowledgement, around: Surroundings) -> bool:
    """Tell whether an acknowledgement is read: the number of the update, and what only its key makes."""
    if heard.destination != around.ends.home_address or not is_numbered(route.entry, message):
        return False
    if message.status in _NONCES:
        return True
    signed = bool(message.options) and isinstance(message.options[-1], BindingAuthorizationData)
    if not signed or route.key is None or route.entry.bound is None:
        return False
    header = heard.header or header_of(message)
    return is_authentic(header, route.key, route.entry.bound, route.peer)


@clause("XFRM-MN-032", "XFRM-MN-033", "XFRM-MN-034", "XFRM-MN-045")
def _acknowledgement(
    route: Route, heard: Heard, message: BindingAcknowledgement, around: Surroundings
) -> Occasion:
    if not _is_read(route, heard, message, around):
        return Occasion(ACKNOWLEDGEMENT, {})
    status = message.status
    accepted = is_accepted(route.entry, message, around.now)
    jump = is_jump(route.entry, message)
    expired = status in _NONCES
    last = is_last_failure(route, around)
    numbered = status == BindingStatus.SEQUENCE_NUMBER_OUT_OF_WINDOW
    other = status >= LEAST_REFUSED_STATUS and not expired and not numbered
    return Occasion(
        ACKNOWLEDGEMENT,
        {
            "accepted": accepted,
            "135 ahead": jump,
            "135 ahead, no third failure": jump and not last,
            "136 to 138, no third failure": expired and not last,
            "other refusal or third failure": other or ((jump or expired) and last),
            "accepted or 133": accepted or status == BindingStatus.NOT_HOME_AGENT_FOR_THIS_MOBILE_NODE,
            "136 or 138": expired and status != BindingStatus.EXPIRED_CARE_OF_NONCE_INDEX,
        },
        acknowledgement=message,
    )
