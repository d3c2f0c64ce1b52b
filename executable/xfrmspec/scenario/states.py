"""The state database as scenarios need it: insert, delete, flush, and what acquires leave behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import IPSEC_PROTOCOLS, Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Family, Protocol, Selector

States = tuple[SecurityAssociation, ...]

_ONLY_IPSEC = 255
_SMALL_SPI = 1 << 16


@clause("XFRM-TMPL-006")
def add_state(states: States, state: SecurityAssociation, profile: Profile) -> tuple[States, Errno]:
    """Return the states with one more in front; EINVAL for an impossible one, EEXIST for a taken key.

    IPsec states are keyed by (destination, SPI, protocol), HAO and RT2 by both addresses; the mark of the
    new state must meet the mark of the old. Source: kernel xfrm_add_sa, __xfrm_state_locate.
    """
    if not _is_possible(state):
        return states, Errno.EINVAL
    if _located(states, state) is not None:
        return states, Errno.EEXIST
    stored = replace(state, mark=state.mark.masked(), selector=_stored_selector(state))
    kept = tuple(other for other in states if not _superseded(other, stored))
    return (stored, *kept), Errno.OK


def delete_state(states: States, state: SecurityAssociation) -> tuple[States, Errno]:
    """Return the states without the one that has this key; ESRCH when there is none."""
    found = _located(states, state)
    if found is None:
        return states, Errno.ESRCH
    return tuple(other for other in states if other is not found), Errno.OK


def flush_states(states: States, protocol: int) -> States:
    """Return the states that a flush of a protocol leaves; 0 takes all, 255 AH, ESP and IPComp."""
    if protocol == 0:
        return ()
    doomed = IPSEC_PROTOCOLS if protocol == _ONLY_IPSEC else frozenset({protocol})
    return tuple(state for state in states if state.protocol not in doomed)


def _is_possible(state: SecurityAssociation) -> bool:
    if not instantiable(state.protocol, state.mode):
        return False
    optimised = state.protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
    if optimised and state.care_of is None:
        return False
    if optimised and state.spi:
        return False
    if state.protocol is Protocol.IPCOMP and state.spi >= _SMALL_SPI:
        return False
    selector = state.selector
    if selector is None or selector.family is Family.UNSPEC or state.mode is Mode.TUNNEL:
        return True
    return selector.family is state.family


def _stored_selector(state: SecurityAssociation) -> Selector | None:
    """A selector without family gets the state's family, unless the flag keeps it open."""
    if state.selector is None or state.selector.family is not Family.UNSPEC:
        return state.selector
    if state.flags & StateFlag.AF_UNSPEC:
        return state.selector
    return replace(state.selector, family=state.family)


def _located(
    states: Sequence[SecurityAssociation], wanted: SecurityAssociation
) -> SecurityAssociation | None:
    mark = wanted.mark.masked().value
    return next((state for state in states if _same_key(state, wanted) and state.mark.matches(mark)), None)


def _same_key(state: SecurityAssociation, wanted: SecurityAssociation) -> bool:
    if state.protocol is not wanted.protocol or state.destination != wanted.destination:
        return False
    if wanted.protocol in IPSEC_PROTOCOLS:
        return wanted.spi != 0 and state.spi == wanted.spi
    return state.source == wanted.source


def _superseded(state: SecurityAssociation, new: SecurityAssociation) -> bool:
    """A larval IPsec state makes way for a state of the same pair, mode and reqid."""
    return (
        state.lifecycle is Lifecycle.ACQ
        and state.spi == 0
        and new.protocol in IPSEC_PROTOCOLS
        and (state.protocol, state.mode, state.reqid) == (new.protocol, new.mode, new.reqid)
        and (state.source, state.destination) == (new.source, new.destination)
    )
