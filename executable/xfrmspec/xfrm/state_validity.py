"""Which states are accepted at all, and what the database makes of their selector."""

from __future__ import annotations

from xfrmspec.xfrm.state_database import is_route_optimisation
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.association import Encapsulation, SecurityAssociation, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import ENDPOINT_MODES, TEMPLATE_PROTOCOLS, Mode
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Family, Protocol, Selector
from xfrmspec_terms.state import SMALL_SPI_LIMIT, Algorithm, StateRefusal, StateRequest

_USUAL_ALGORITHMS = {
    Protocol.AH: Algorithm.AUTHENTICATION,
    Protocol.IPCOMP: Algorithm.COMPRESSION,
}
_ENCRYPTED_ESP = Algorithm.ENCRYPTION | Algorithm.AUTHENTICATION
_REQUEST_MODES = frozenset({Mode.TRANSPORT, Mode.TUNNEL, Mode.RO, Mode.BEET})
_FAMILIES = frozenset({Family.INET, Family.INET6})


@clause("XFRM-SAD-011", "XFRM-TMPL-006")
def refusal_of(request: StateRequest) -> StateRefusal | None:
    """Return why a state cannot be stored, whatever else is, or None.

    Source: XFRM-SAD-011; kernel verify_newsa_info, __xfrm_init_state, esp6_init_state.
    """
    return _malformed(request) or cannot_start(request.state)


def stored_selector(state: SecurityAssociation) -> Selector | None:
    """Return the selector as it is stored: the state's family fills an open one, unless a flag forbids."""
    selector = state.selector
    if selector is None or selector.family is not Family.UNSPEC or state.flags & StateFlag.AF_UNSPEC:
        return selector
    return replace(selector, family=state.family)


def _malformed(request: StateRequest) -> StateRefusal | None:
    state = request.state
    if state.family not in _FAMILIES:
        return StateRefusal.BAD_FAMILY
    selector = stored_selector(state)
    if selector is not None and selector.family in _FAMILIES:
        width = selector.family.width
        if selector.source.length > width or selector.destination.length > width:
            return StateRefusal.BAD_PREFIX
    if state.protocol not in TEMPLATE_PROTOCOLS:
        return StateRefusal.BAD_PROTOCOL
    if not _algorithms_fit(request):
        return StateRefusal.BAD_ALGORITHMS
    if state.protocol is Protocol.IPCOMP and state.spi >= SMALL_SPI_LIMIT:
        return StateRefusal.BIG_SPI
    if is_route_optimisation(state.protocol):
        if state.encapsulation is not Encapsulation.NONE:
            return StateRefusal.ENCAPSULATED
        if state.care_of is None:
            return StateRefusal.NO_CARE_OF
    return None if state.mode in _REQUEST_MODES else StateRefusal.BAD_MODE


def _algorithms_fit(request: StateRequest) -> bool:
    protocol, given = request.state.protocol, request.algorithms
    if given is None:
        return True
    if protocol is Protocol.ESP:
        encrypted = given & Algorithm.ENCRYPTION and not given & ~_ENCRYPTED_ESP
        return bool(encrypted) or given == Algorithm.COMBINED
    return given == _USUAL_ALGORITHMS.get(protocol, Algorithm.NONE)


def cannot_start(state: SecurityAssociation) -> StateRefusal | None:
    """Return why the transformation of a well-formed state cannot be set up, or None.

    Source: XFRM-SAD-011; kernel __xfrm_init_state.
    """
    selector = stored_selector(state)
    inner = state.family if selector is None or selector.family is Family.UNSPEC else selector.family
    if state.mode is Mode.RO and inner is Family.INET:
        return StateRefusal.NO_SUCH_TRANSFORM
    if state.mode not in ENDPOINT_MODES and inner is not state.family:
        return StateRefusal.FAMILY_CHANGE
    if state.family is Family.INET and is_route_optimisation(state.protocol):
        return StateRefusal.NO_SUCH_TRANSFORM
    if is_route_optimisation(state.protocol) and state.spi:
        return StateRefusal.UNWANTED_SPI
    return None if instantiable(state.protocol, state.mode) else StateRefusal.BAD_MODE
