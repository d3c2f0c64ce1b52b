"""Reference and model of the state database, written without sight of each other, give the same answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import HOSTS, TEMPLATE_PAIRS, Choices, choices, flows, states

from xfrmspec.xfrm.associations import StateKey, find_state
from xfrmspec.xfrm.state_hash import bucket, table_size
from xfrmspec_model import evaluate_states
from xfrmspec_model.evaluate_states import plain_search
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, Template
from xfrmspec_terms.profile import PROFILES, Profile
from xfrmspec_terms.selector import Family, Flow, unspecified

EVERY_PROFILE = [pytest.param(profile, id=name) for name, profile in sorted(PROFILES.items())]
_OPEN = unspecified(Family.INET6)


@dataclass(frozen=True, slots=True)
class _Question:
    template: Template
    key: StateKey


def _question(take: Choices, flow: Flow) -> _Question:
    protocol, mode = take.among(TEMPLATE_PAIRS)
    source = take.among((*HOSTS[:2], *HOSTS[:2], _OPEN))
    template = Template(
        protocol, mode, source, HOSTS[2], spi=take.among((0, 0, 0, 1)), reqid=take.among((0, 1))
    )
    mark = take.among((Mark(), Mark(), Mark(1, 1)))
    return _Question(template, StateKey(source, HOSTS[2], flow, mark, take.among((0, 0, 0, 1))))


def _near(take: Choices, question: _Question, stray: SecurityAssociation) -> SecurityAssociation:
    """Return a state that the question nearly asks for: one part in a dozen differs."""
    template, key = question.template, question.key
    aimed = replace(
        stray,
        source=take.among((key.source, key.source, _OPEN, HOSTS[3])),
        destination=key.destination,
        protocol=template.protocol,
        mode=template.mode,
        reqid=template.reqid,
        spi=template.spi or stray.spi,
        if_id=key.if_id,
        flags=take.among((StateFlag.NONE,) * 9 + (StateFlag.WILDRECV,)),
        lifecycle=take.among((*(Lifecycle.VALID,) * 5, Lifecycle.ACQ, Lifecycle.ERROR, Lifecycle.EXPIRED)),
        mark=take.among((Mark(), Mark(), Mark(1, 1), Mark(0, 1))),
    )
    part = take.among(("reqid", "mode", "protocol", "destination", "if_id", *("",) * 7))
    near = replace(aimed, **{part: getattr(stray, part)}) if part else aimed
    elsewhere = near.lifecycle is Lifecycle.ACQ and take.among((False, True))
    return replace(near, filed_under=(take.among(HOSTS), HOSTS[2])) if elsewhere else near


def _buckets(found: list[SecurityAssociation], question: _Question) -> list[tuple[bool, bool]]:
    size = table_size(len(found))
    key, wanted = question.key, question.template.reqid
    first = bucket(key.destination, key.source, wanted, size)
    opened = bucket(key.destination, _OPEN, wanted, size)
    filed = [(state.filed_under or (state.source, state.destination), state.reqid) for state in found]
    own = [bucket(to, by, reqid, size) for (by, to), reqid in filed]
    return [(place == first, place == opened) for place in own]


@pytest.mark.clause("XFRM-FIND-001", "XFRM-FIND-002", "XFRM-FIND-003", "XFRM-FIND-004", "XFRM-FIND-005")
@pytest.mark.parametrize("profile", EVERY_PROFILE)
def test_the_search_for_a_state_agrees(profile: Profile) -> None:
    seen: Counter[tuple[bool, Errno]] = Counter()

    @given(choices, flows, st.lists(st.tuples(choices, states()), max_size=5), st.booleans())
    @settings(max_examples=300, deadline=None)
    def law(
        take: Choices,
        flow: Flow,
        drawn: list[tuple[Choices, SecurityAssociation]],
        listeners: bool,
    ) -> None:
        question = _question(take, flow)
        held = [_near(each, question, stray) for each, stray in drawn]
        told = find_state(held, question.template, question.key, listeners, profile)
        key = question.key
        search = plain_search(question.template, key.source, key.destination, flow, key.if_id, key.mark.value)
        admitted, errno, asks = evaluate_states.found(
            held, search, listeners, profile, _buckets(held, question)
        )
        seen[bool(admitted), told.errno] += 1
        assert (asks, errno) == (told.acquire, told.errno)
        assert [held[index] for index in sorted(admitted)] == list(told.alternatives)

    law()
    assert {errno for _, errno in seen} == {Errno.OK, Errno.EAGAIN, Errno.ESRCH, Errno.EEXIST}
    assert seen[True, Errno.OK] > 40
