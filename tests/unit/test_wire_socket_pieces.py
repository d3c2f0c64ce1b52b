"""What a sending socket cuts, and when its pieces stay as fragments."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.host.cutting import Origin
from xfrmspec.host.departures import Departures
from xfrmspec.scenario.observation import Observation, PacketResult
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.suites import Suite
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send
from xfrmspec.wire.socket_pieces import Pieces, cut_full, socket_pieces, starts_of
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Flow, Protocol, Selector

MTU, IP = 1500, 40
HERE, CARE_OF, THERE = map(IPv6Address, ("2001:db8::1", "2001:db8::2", "2001:db8:b::1"))
HOME = SecurityAssociation(HERE, THERE, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=CARE_OF)
ROUTING = replace(HOME, protocol=Protocol.ROUTING)
ESP = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)
TUNNEL = replace(ESP, mode=Mode.TUNNEL)
IPCOMP = replace(ESP, protocol=Protocol.IPCOMP, spi=0x1002)


@pytest.mark.clause("XFRM-FRAG-003")
def test_what_fits_behind_every_header_is_not_cut() -> None:
    assert socket_pieces(1400, IP, 1440, MTU).sizes == (1400,)
    assert socket_pieces(1401, IP, 1440, MTU).sizes == (1392, 9)
    assert socket_pieces(4000, IP, 1440, MTU).sizes == (1392, 1448, 1160)


@pytest.mark.clause("XFRM-FRAG-003")
@pytest.mark.parametrize(
    ("pieces", "octets", "kept"),
    [
        (Pieces((96, 50), IP), 146 + 24, (120, 50)),
        (Pieces((96, 50), IP, appended=10), 156 + 24, (120, 60)),
        (Pieces((96, 50), IP, appended=71), 217 + 24, ()),
        (Pieces((96, 96, 50), IP), 242 + 24, (120, 96, 50)),
        (Pieces((96, 50), IP), 146 + 25, ()),
        (Pieces((96, 50), IP), 146 + 32, ()),
        (Pieces((96, 50), IP - 8), 146 + 24, ()),
        (Pieces((96,), IP), 96 + 24, ()),
    ],
)
def test_pieces_stay_where_each_fits_and_starts_at_a_multiple_of_eight(
    pieces: Pieces, octets: int, kept: tuple[int, ...]
) -> None:
    assert pieces.kept(octets, IP, 120) == kept


EIGHTS = st.integers(0, 12).map(lambda units: units * 8)


@pytest.mark.clause("XFRM-FRAG-003", "XFRM-FRAG-001")
@given(
    octets=st.integers(1, 6000),
    repeated=st.sampled_from((IP, IP + 8, IP + 24, IP + 56)),
    front=EIGHTS,
    trailer=st.integers(0, 64),
    mtu=st.integers(1280, 1600),
)
def test_pieces_that_stay_are_as_full_as_fragments(
    octets: int, repeated: int, front: int, trailer: int, mtu: int
) -> None:
    """With the repeated headers subtracted once, it makes no difference who has cut the packet."""
    pieces = replace(socket_pieces(octets, repeated, mtu - front, mtu), appended=trailer)
    whole, room = front + octets + trailer, mtu - repeated - 8
    kept = pieces.kept(whole, repeated, room)
    if kept and whole + repeated > mtu:
        assert starts_of(kept) == starts_of(cut_full(whole, room))[: len(kept)]
        assert sum(kept) == whole


def first_fragment(profile: Profile, origin: Origin, *states: SecurityAssociation) -> int:
    """Return the size of the first packet that leaves, all its headers included; nothing can shrink it."""
    templates = tuple(
        Template(s.protocol, s.mode, *((HERE, THERE) if s.mode is Mode.TUNNEL else ())) for s in states
    )
    policy = AddPolicy(Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=templates))
    added = (
        AddState(s, suite=Suite.GCM128 if s.protocol is Protocol.ESP else Suite.READABLE) for s in states
    )
    send = Send(Flow(HERE, THERE, Protocol.UDP, 4001, 4002), size=2000)
    outcome = ReferenceSubject(profile).run(Scenario((policy, *added, send), octets=True))
    assert isinstance(outcome, Observation)
    result = outcome.results[-1]
    assert isinstance(result, PacketResult)
    assert isinstance(result.allowed, Departures)
    packet = replace(result.allowed.packet, payload=Random(1).randbytes(1992))
    return len(replace(result.allowed, packet=packet, origin=origin).with_chance(())[0])


@pytest.mark.clause("XFRM-FRAG-003", "XFRM-BUNDLE-003")
@pytest.mark.parametrize(
    ("states", "shorter"),
    [
        ((HOME,), 24),
        ((ROUTING, HOME), 48),
        ((ESP, HOME), 24),
        ((TUNNEL, HOME), 24),
        ((ESP,), 0),
        ((TUNNEL,), 0),
        ((IPCOMP, HOME), 0),
        ((TUNNEL, IPCOMP, HOME), 24),
    ],
)
def test_room_for_route_optimisation_is_left_twice(
    states: tuple[SecurityAssociation, ...], shorter: int
) -> None:
    clean, quirky = (first_fragment(p, Origin.SOCKET, *states) for p in (CLEAN, LINUX_6_1))
    assert clean - quirky == shorter
    assert first_fragment(LINUX_6_1, Origin.ELSEWHERE, *states) == clean
