"""Which state a template gets on output: candidates, judgement, preference, acquire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from xfrmspec.xfrm.match import selector_mismatch
from xfrmspec.xfrm.state_hash import bucket, table_size
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import (
    Address,
    Family,
    Flow,
    PortMatch,
    Prefix,
    Selector,
    family_of,
    unspecified,
)


class Judgement(Enum):
    """What a candidate state means for a search."""

    USABLE = "usable"
    SKIPPED = "its selector does not cover the flow"
    PENDING = "an acquire is in progress"
    FAILED = "the negotiation failed or the state expired"
    IGNORED = "neither valid, pending nor failed"


@dataclass(frozen=True, slots=True)
class StateKey:
    """What a search asks for: the lookup addresses, the policy's mark and if_id, and the flow itself."""

    source: Address
    destination: Address
    flow: Flow
    mark: Mark
    if_id: int


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a search.

    `alternatives` are every state that the rules admit equally; with one entry the choice is determined.
    `acquire` says that a larval state was created and the key managers were asked.
    """

    state: SecurityAssociation | None
    errno: Errno = Errno.OK
    acquire: bool = False
    alternatives: tuple[SecurityAssociation, ...] = ()


@clause("XFRM-FIND-002", "XFRM-FIND-005")
def find_state(
    states: Sequence[SecurityAssociation],
    template: Template,
    key: StateKey,
    listeners: bool,
    profile: Profile,
) -> Found:
    """Find the state for one template, or say with which error the search ends.

    `states` are in search order. A failed search with listeners raises an acquire and ends in EAGAIN.
    Source: XFRM-FIND-001..005; kernel xfrm_state_find.
    """
    seen = [(state, judge(state, key.flow, profile)) for state in _first_pass(states, template, key, profile)]
    if not _decisive(seen):
        seen += [(s, judge(s, key.flow, profile)) for s in _second_pass(states, template, key, profile)]
    usable = [state for state, judgement in seen if judgement is Judgement.USABLE]
    if usable:
        best = preferred(usable)
        return Found(best[0], alternatives=best)
    judgements = {judgement for _, judgement in seen}
    if Judgement.PENDING in judgements:
        return Found(None, Errno.EAGAIN)
    if Judgement.FAILED in judgements:
        return Found(None, Errno.ESRCH)
    if template.spi and any(_holds_spi(state, template, key) for state in states):
        return Found(None, Errno.EEXIST)
    return Found(None, Errno.EAGAIN, acquire=True) if listeners else Found(None, Errno.ESRCH)


@clause("XFRM-FIND-001")
def is_candidate(state: SecurityAssociation, template: Template, key: StateKey) -> bool:
    """Tell whether a state has everything a template asks for, addresses aside.

    Source: XFRM-FIND-001; kernel xfrm_state_find.
    """
    return (
        state.family is template.family
        and state.reqid == template.reqid
        and key.mark.value & key.mark.mask & state.mark.mask == state.mark.value
        and state.if_id == key.if_id
        and not state.flags & StateFlag.WILDRECV
        and state.mode is template.mode
        and state.protocol is template.protocol
        and template.spi in (0, state.spi)
    )


@clause("XFRM-FIND-003")
def judge(state: SecurityAssociation, flow: Flow, profile: Profile) -> Judgement:
    """Say what one candidate means for the search.

    Source: XFRM-FIND-003; kernel xfrm_state_look_at.
    """
    covers = _selector_covers(state, flow, profile)
    if state.lifecycle is Lifecycle.VALID:
        return Judgement.USABLE if covers else Judgement.SKIPPED
    if state.lifecycle is Lifecycle.ACQ:
        if covers or profile.acquire_blocks_other_flows:
            return Judgement.PENDING
        return Judgement.SKIPPED
    if state.lifecycle in (Lifecycle.ERROR, Lifecycle.EXPIRED):
        return Judgement.FAILED if covers else Judgement.SKIPPED
    return Judgement.IGNORED


@clause("XFRM-FIND-004")
def preferred(usable: Sequence[SecurityAssociation]) -> tuple[SecurityAssociation, ...]:
    """Return the states no other is preferred to: not dying first, then the youngest by the second.

    The order of equals is the search order. Source: XFRM-FIND-004; kernel xfrm_state_look_at.
    """
    best = max((not state.dying, state.added) for state in usable)
    return tuple(state for state in usable if (not state.dying, state.added) == best)


@clause("XFRM-FIND-005")
def larval_state(template: Template, key: StateKey) -> SecurityAssociation:
    """Return the state that stands for a raised acquire until a key manager answers; it covers one flow.

    Its addresses are the template's own, in every mode; only open ones become those of the search. It stands
    in the hash table where that search looked. So a template with foreign addresses leaves a larval state
    that no search finds, and every packet raises another acquire.
    Source: XFRM-FIND-005; kernel xfrm_init_tempstate.
    """
    flow, width = key.flow, key.flow.family.width
    selector = Selector(
        Prefix(flow.source, width),
        Prefix(flow.destination, width),
        flow.protocol,
        PortMatch.exactly(flow.source_slot),
        PortMatch.exactly(flow.destination_slot),
        flow.oif,
        0,
        flow.family,
    )
    return SecurityAssociation(
        template.source if int(template.source) else key.source,
        template.destination if int(template.destination) else key.destination,
        template.protocol,
        template.mode,
        template.spi,
        template.reqid,
        template.family,
        selector,
        key.mark,
        key.if_id,
        lifecycle=Lifecycle.ACQ,
        filed_under=(key.source, key.destination),
    )


def _decisive(seen: Iterable[tuple[SecurityAssociation, Judgement]]) -> bool:
    return any(judgement in (Judgement.USABLE, Judgement.PENDING) for _, judgement in seen)


def _first_pass(
    states: Sequence[SecurityAssociation], template: Template, key: StateKey, profile: Profile
) -> list[SecurityAssociation]:
    candidates = _candidates(states, template, key)
    if not profile.find_second_pass_ignores_source:
        return [s for s in candidates if s.source == key.source and _stands_under(s, key.source, key)]
    own = bucket(key.destination, key.source, template.reqid, table_size(len(states)))
    return [
        state
        for state in candidates
        if (state.source == key.source or int(state.source) == 0) and _bucket_of(state, len(states)) == own
    ]


@clause("XFRM-FIND-002")
def _second_pass(
    states: Sequence[SecurityAssociation], template: Template, key: StateKey, profile: Profile
) -> list[SecurityAssociation]:
    candidates = _candidates(states, template, key)
    open_source = unspecified(family_of(key.destination))
    if not profile.find_second_pass_ignores_source:
        return [s for s in candidates if s.source == open_source and _stands_under(s, open_source, key)]
    wild = bucket(key.destination, open_source, template.reqid, table_size(len(states)))
    return [state for state in candidates if _bucket_of(state, len(states)) == wild]


def _candidates(
    states: Sequence[SecurityAssociation], template: Template, key: StateKey
) -> list[SecurityAssociation]:
    return [s for s in states if s.destination == key.destination and is_candidate(s, template, key)]


@clause("XFRM-SAD-003")
def _stands_under(state: SecurityAssociation, source: Address, key: StateKey) -> bool:
    return state.filed_under in (None, (source, key.destination))


def _bucket_of(state: SecurityAssociation, states: int) -> int:
    source, destination = state.filed_under or (state.source, state.destination)
    return bucket(destination, source, state.reqid, table_size(states))


def _selector_covers(state: SecurityAssociation, flow: Flow, profile: Profile) -> bool:
    if state.selector is None or state.selector.family is Family.UNSPEC:
        return True
    if state.selector.family is not flow.family:
        return False
    return selector_mismatch(state.selector, flow, profile) is None


def _holds_spi(state: SecurityAssociation, template: Template, key: StateKey) -> bool:
    return (state.destination, state.spi, state.protocol) == (
        key.destination,
        template.spi,
        template.protocol,
    ) and key.mark.value & key.mark.mask & state.mark.mask == state.mark.value
