"""The mobile node: its home registration, the route to one correspondent node, and movement detection.

Timers that are due are worked off before any other event, so `may hold` always looks into the future.
An event that no transition of a state answers is passed over by XFRM-MN-024, -050 or -059.
"""

from __future__ import annotations

from xfrmspec_terms.machine import Machine, Transition, transitions_from

AT_HOME = "at home"
REGISTERING = "registering"
REGISTERED = "registered"
REFRESHING = "refreshing"
REFUSED = "refused"
RETURNING = "returning home"

MOVED = "moved"
CAME_HOME = "came home"
TIMER = "timer"
ACKNOWLEDGEMENT = "acknowledgement"
BINDING_ERROR = "binding error"
WANTED = "wanted"
HOME_REGISTERED = "home registered"
REGISTRATION_LOST = "registration lost"
RETURNED_HOME = "returned home"
HOME_TEST = "home test"
CARE_OF_TEST = "care-of test"
REFRESH_REQUEST = "refresh request"
PARAMETER_PROBLEM = "parameter problem"


def _put_off(state: str) -> tuple[Transition, ...]:
    """Return what a message that the rate limit put off does in a state."""
    return transitions_from(state, (TIMER, "a message was put off", "it is sent", state, "MN-006"))


def _away(state: str) -> tuple[Transition, ...]:
    """Return how a registration answers a movement and the way home in any state away from home."""
    return transitions_from(
        state,
        (MOVED, "another care-of address", "Stage REGISTERING, BU", REGISTERING, "MN-010"),
        (CAME_HOME, "may hold a binding", "Stage RETURNING, BU of lifetime 0", RETURNING, "MN-020"),
        (CAME_HOME, "holds none", "Stage RETURNED", AT_HOME, "MN-020"),
    )


HOME_REGISTRATION = Machine(
    name="Home registration",
    states=(AT_HOME, REGISTERING, REGISTERED, REFRESHING, REFUSED, RETURNING),
    initial=AT_HOME,
    transitions=(
        *transitions_from(
            AT_HOME,
            (MOVED, "not to the home address", "Stage REGISTERING, BU", REGISTERING, "MN-010"),
        ),
        *_away(REGISTERING),
        *_put_off(REGISTERING),
        *transitions_from(
            REGISTERING,
            (TIMER, "no answer", "BU, timeout doubled", REGISTERING, "MN-016"),
            (ACKNOWLEDGEMENT, "accepted", "Stage REGISTERED", REGISTERED, "MN-012"),
            (ACKNOWLEDGEMENT, "135 ahead", "BU with the number after it", REGISTERING, "MN-013"),
            (ACKNOWLEDGEMENT, "refused", "Stage REFUSED", REFUSED, "MN-014"),
        ),
        *_away(REGISTERED),
        *transitions_from(
            REGISTERED,
            (TIMER, "time to refresh", "BU", REFRESHING, "MN-017"),
            (TIMER, "the binding ends", "Stage REGISTERING, BU", REGISTERING, "MN-018"),
            (BINDING_ERROR, "unknown binding", "BU", REFRESHING, "MN-019"),
        ),
        *_away(REFRESHING),
        *_put_off(REFRESHING),
        *transitions_from(
            REFRESHING,
            (TIMER, "no answer", "BU, timeout doubled", REFRESHING, "MN-016"),
            (TIMER, "the binding ends", "Stage REGISTERING", REGISTERING, "MN-018"),
            (ACKNOWLEDGEMENT, "accepted", "", REGISTERED, "MN-012"),
            (ACKNOWLEDGEMENT, "135 ahead", "BU with the number after it", REFRESHING, "MN-013"),
            (ACKNOWLEDGEMENT, "refused", "Stage REFUSED", REFUSED, "MN-014"),
        ),
        *_away(REFUSED),
        *transitions_from(
            REFUSED,
            (TIMER, "32 s after the refusal", "Stage REGISTERING, BU", REGISTERING, "MN-015"),
        ),
        *_put_off(RETURNING),
        *transitions_from(
            RETURNING,
            (MOVED, "not to the home address", "Stage REGISTERING, BU", REGISTERING, "MN-010"),
            (TIMER, "no answer", "BU of lifetime 0, timeout doubled", RETURNING, "MN-016"),
            (TIMER, "no binding can be held any more", "Stage RETURNED", AT_HOME, "MN-022"),
            (ACKNOWLEDGEMENT, "accepted or 133", "Stage RETURNED", AT_HOME, "MN-021"),
            (ACKNOWLEDGEMENT, "135 ahead", "BU with the number after it", RETURNING, "MN-013"),
        ),
    ),
)
"""One mobile node and its home agent."""

UNOPTIMISED = "not optimised"
WAITING = "waiting for the home registration"
TESTING = "testing"
BINDING = "binding"
OPTIMISED = "optimised"
RETESTING = "optimised, testing"
REBINDING = "optimised, binding"
BARRED = "barred"
LEAVING = "home: waiting for the home agent"
CLOSING_TEST = "home: testing"
CLOSING = "home: ending the binding"

_NOT_SPOKEN = (
    (BINDING_ERROR, "unknown message type", "FELL BACK", BARRED, "MN-039"),
    (PARAMETER_PROBLEM, "", "FELL BACK", BARRED, "MN-039"),
)


def _tests(testing: str, binding: str, given_up: str) -> tuple[Transition, ...]:
    """Return what the answers and the silence of a peer do while tests run."""
    clause = "MN-035" if given_up == BARRED else "MN-036"
    stage = "FELL BACK" if given_up == BARRED else ""
    return (
        *_put_off(testing),
        *transitions_from(
            testing,
            (HOME_TEST, "no valid care-of token", "token kept", testing, "MN-028"),
            (HOME_TEST, "both tokens valid", "BU", binding, "MN-030"),
            (CARE_OF_TEST, "no valid home token", "token kept", testing, "MN-028"),
            (CARE_OF_TEST, "both tokens valid", "BU", binding, "MN-030"),
            (
                TIMER,
                "no answer, sent fewer than 6 times",
                "missing tests, timeout doubled",
                testing,
                "MN-035",
            ),
            (TIMER, "no answer, sent 6 times", stage, given_up, clause),
        ),
    )


def _updates(binding: str, testing: str) -> tuple[Transition, ...]:
    """Return what the answers and the silence of a peer do while a binding update is out."""
    return (
        *_put_off(binding),
        *transitions_from(
            binding,
            (
                ACKNOWLEDGEMENT,
                "accepted",
                "Stage OPTIMISED" if binding == BINDING else "",
                OPTIMISED,
                "MN-032",
            ),
            (
                ACKNOWLEDGEMENT,
                "135 ahead, no third failure",
                "BU with the number after it",
                binding,
                "MN-013",
            ),
            (ACKNOWLEDGEMENT, "136 to 138, no third failure", "tokens dropped, tests", testing, "MN-033"),
            (ACKNOWLEDGEMENT, "other refusal or third failure", "FELL BACK", BARRED, "MN-034"),
            (
                TIMER,
                "no answer, sent fewer than 6 times, both tokens valid",
                "BU, timeout doubled",
                binding,
                "MN-035",
            ),
            (TIMER, "no answer, a token ended, no third failure", "tests", testing, "MN-029"),
            (TIMER, "no answer, sent 6 times or third failure", "FELL BACK", BARRED, "MN-035"),
        ),
    )


def _leaves_care_of(state: str) -> tuple[Transition, ...]:
    """Return what movement and the way home do to a peer that may hold a binding."""
    return transitions_from(
        state,
        (MOVED, "", "FELL BACK", WAITING, "MN-041"),
        (CAME_HOME, "may hold a binding", "FELL BACK", LEAVING, "MN-043"),
    )


def _leaves_unbound(state: str, effect: str = "FELL BACK") -> tuple[Transition, ...]:
    """Return what the way home does to a peer that cannot hold a binding."""
    return transitions_from(state, (CAME_HOME, "holds none", effect, UNOPTIMISED, "MN-043"))


def _at_home(state: str) -> tuple[Transition, ...]:
    """Return what ends the work of ending a binding."""
    return transitions_from(
        state,
        (MOVED, "", "", WAITING, "MN-041"),
        (TIMER, "no binding can be held any more", "", UNOPTIMISED, "MN-046"),
    )


CORRESPONDENT_ROUTE = Machine(
    name="Route to a correspondent node",
    states=(
        UNOPTIMISED,
        WAITING,
        TESTING,
        BINDING,
        OPTIMISED,
        RETESTING,
        REBINDING,
        BARRED,
        LEAVING,
        CLOSING_TEST,
        CLOSING,
    ),
    initial=UNOPTIMISED,
    transitions=(
        *transitions_from(
            UNOPTIMISED,
            (WANTED, "home registered", "Stage TESTING, tests", TESTING, "MN-027"),
            (WANTED, "away, not home registered", "", WAITING, "MN-026"),
            (MOVED, "may hold a binding", "", WAITING, "MN-041"),
            (CAME_HOME, "may hold a binding", "", LEAVING, "MN-043"),
        ),
        *transitions_from(
            WAITING,
            (HOME_REGISTERED, "", "Stage TESTING, tests", TESTING, "MN-027"),
            (CAME_HOME, "may hold a binding", "", LEAVING, "MN-043"),
        ),
        *_leaves_unbound(WAITING, ""),
        *_tests(TESTING, BINDING, BARRED),
        *transitions_from(TESTING, *_NOT_SPOKEN),
        *transitions_from(TESTING, (REGISTRATION_LOST, "", "FELL BACK", WAITING, "MN-042")),
        *_leaves_care_of(TESTING),
        *_leaves_unbound(TESTING),
        *_updates(BINDING, TESTING),
        *transitions_from(BINDING, *_NOT_SPOKEN),
        *_leaves_care_of(BINDING),
        *_leaves_unbound(BINDING),
        *transitions_from(
            OPTIMISED,
            (REFRESH_REQUEST, "", "tests", RETESTING, "MN-036"),
            (TIMER, "the binding ends", "FELL BACK", UNOPTIMISED, "MN-037"),
            (BINDING_ERROR, "unknown binding", "FELL BACK", UNOPTIMISED, "MN-038"),
            *_NOT_SPOKEN,
        ),
        *_leaves_care_of(OPTIMISED),
        *_leaves_unbound(OPTIMISED),
        *_tests(RETESTING, REBINDING, OPTIMISED),
        *transitions_from(
            RETESTING,
            (TIMER, "the binding ends", "FELL BACK, Stage TESTING", TESTING, "MN-037"),
            (BINDING_ERROR, "unknown binding", "FELL BACK, Stage TESTING", TESTING, "MN-038"),
            (REGISTRATION_LOST, "", "", OPTIMISED, "MN-042"),
            *_NOT_SPOKEN,
        ),
        *_leaves_care_of(RETESTING),
        *_updates(REBINDING, RETESTING),
        *transitions_from(
            REBINDING,
            (TIMER, "the binding ends", "FELL BACK, Stage TESTING", BINDING, "MN-037"),
            (BINDING_ERROR, "unknown binding", "FELL BACK, Stage TESTING", BINDING, "MN-038"),
            *_NOT_SPOKEN,
        ),
        *_leaves_care_of(REBINDING),
        *transitions_from(
            BARRED,
            (TIMER, "the bar ends", "", UNOPTIMISED, "MN-040"),
            (MOVED, "may hold a binding", "", WAITING, "MN-041"),
            (CAME_HOME, "may hold a binding", "", LEAVING, "MN-043"),
        ),
        *_at_home(LEAVING),
        *transitions_from(
            LEAVING,
            (RETURNED_HOME, "home token valid", "BU of lifetime 0", CLOSING, "MN-044"),
            (RETURNED_HOME, "no valid home token", "HoTI", CLOSING_TEST, "MN-044"),
        ),
        *_at_home(CLOSING_TEST),
        *_put_off(CLOSING_TEST),
        *transitions_from(
            CLOSING_TEST,
            (HOME_TEST, "", "BU of lifetime 0", CLOSING, "MN-044"),
            (TIMER, "no answer", "HoTI, timeout doubled", CLOSING_TEST, "MN-046"),
        ),
        *_at_home(CLOSING),
        *_put_off(CLOSING),
        *transitions_from(
            CLOSING,
            (ACKNOWLEDGEMENT, "accepted or 133", "", UNOPTIMISED, "MN-045"),
            (ACKNOWLEDGEMENT, "135 ahead", "BU with the number after it", CLOSING, "MN-013"),
            (ACKNOWLEDGEMENT, "136 or 138", "home token dropped, HoTI", CLOSING_TEST, "MN-045"),
            (TIMER, "no answer, home token valid", "BU of lifetime 0, timeout doubled", CLOSING, "MN-046"),
            (TIMER, "no answer, home token ended", "HoTI", CLOSING_TEST, "MN-046"),
        ),
    ),
)
"""One mobile node and one correspondent node; the home registration tells it what happens at home."""

NOWHERE = "no link yet"
ON_HOME_LINK = "on the home link"
ON_FOREIGN_LINK = "on a foreign link"
IN_DOUBT = "in doubt"

ADVERTISEMENT = "advertisement"
LINK_CHANGED = "link changed"


def _settles(state: str) -> tuple[Transition, ...]:
    """Return how a node without a link finds one."""
    return transitions_from(
        state,
        (ADVERTISEMENT, "home prefix fresh", "CameHome if it was not home", ON_HOME_LINK, "MN-053"),
        (
            ADVERTISEMENT,
            "only other prefixes fresh",
            "Moved if the address is new",
            ON_FOREIGN_LINK,
            "MN-053",
        ),
    )


def _lost(state: str) -> tuple[Transition, ...]:
    """Return how a node loses the link it knew."""
    return transitions_from(
        state,
        (LINK_CHANGED, "", "every prefix forgotten, nothing told", IN_DOUBT, "MN-057"),
        (TIMER, "no prefix fresh", "nothing told", IN_DOUBT, "MN-056"),
        (ADVERTISEMENT, "withdraws the last fresh prefix", "nothing told", IN_DOUBT, "MN-056"),
    )


MOVEMENT_DETECTION = Machine(
    name="Movement detection",
    states=(NOWHERE, ON_HOME_LINK, ON_FOREIGN_LINK, IN_DOUBT),
    initial=NOWHERE,
    transitions=(
        *_settles(NOWHERE),
        *_settles(IN_DOUBT),
        *_lost(ON_HOME_LINK),
        *transitions_from(
            ON_HOME_LINK,
            (ADVERTISEMENT, "home prefix fresh", "", ON_HOME_LINK, "MN-054"),
            (ADVERTISEMENT, "home prefix withdrawn, another fresh", "Moved", ON_FOREIGN_LINK, "MN-055"),
            (TIMER, "home prefix stale, another fresh", "Moved", ON_FOREIGN_LINK, "MN-055"),
        ),
        *_lost(ON_FOREIGN_LINK),
        *transitions_from(
            ON_FOREIGN_LINK,
            (ADVERTISEMENT, "home prefix fresh", "CameHome", ON_HOME_LINK, "MN-053"),
            (ADVERTISEMENT, "own prefix fresh, not the home prefix", "", ON_FOREIGN_LINK, "MN-054"),
            (ADVERTISEMENT, "own prefix withdrawn, another fresh", "Moved", ON_FOREIGN_LINK, "MN-055"),
            (TIMER, "own prefix stale, another fresh", "Moved", ON_FOREIGN_LINK, "MN-055"),
        ),
    ),
)
"""Where a mobile node takes itself to be, from the router advertisements it hears."""

MOBILE_NODE_MACHINES = (HOME_REGISTRATION, CORRESPONDENT_ROUTE, MOVEMENT_DETECTION)
"""The machines of this chapter, in reading order."""
