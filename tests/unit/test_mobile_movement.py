"""Movement detection: fresh prefixes, care-of addresses, and what the home registration is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.mipv6.movement import (
    Detector,
    care_of_address,
    deadline,
    interface_identifier,
    step,
)
from xfrmspec_terms.advertisement import (
    Advertised,
    AdvertisedPrefix,
    LinkChanged,
    MovementEvent,
    Waited,
)
from xfrmspec_terms.daemon import CameHome, Moved, Step
from xfrmspec_terms.machines_mobile_node import (
    IN_DOUBT,
    MOVEMENT_DETECTION,
    NOWHERE,
    ON_FOREIGN_LINK,
    ON_HOME_LINK,
)

HOME, LINK_A, LINK_B = (IPv6Network(f"2001:db8:{link}::/64") for link in "1ab")
MAC = bytes.fromhex("020000000505")
ON_A = IPv6Address("2001:db8:a::ff:fe00:505")
ON_B = IPv6Address("2001:db8:b::ff:fe00:505")


def heard(
    *networks: IPv6Network, router: int = 1800, valid: int = 86_400, interval: int | None = None
) -> Advertised:
    return Advertised(router, tuple(AdvertisedPrefix(network, valid) for network in networks), interval)


@dataclass
class Walk:
    """A detector, the time, everything it told, and its steps."""

    detector: Detector = field(default_factory=lambda: Detector(HOME, interface_identifier(MAC)))
    now: int = 0
    told: list[Moved | CameHome] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def tell(self, event: MovementEvent) -> list[Moved | CameHome]:
        sighting = step(self.detector, event, self.now)
        self.detector = sighting.detector
        self.told += sighting.told
        self.steps += sighting.steps
        due = deadline(self.detector)
        assert due is None or due > self.now
        return list(sighting.told)

    def wait(self, milliseconds: int) -> list[Moved | CameHome]:
        told, end = [], self.now + milliseconds
        while (due := deadline(self.detector)) is not None and due <= end:
            self.now = due
            told += self.tell(Waited())
        self.now = end
        return told

    @property
    def state(self) -> str:
        return self.detector.state


@pytest.mark.clause("XFRM-MN-052")
def test_an_address_is_the_prefix_and_the_identifier_of_the_mac() -> None:
    assert care_of_address(LINK_A, interface_identifier(MAC)) == ON_A
    assert interface_identifier(bytes.fromhex("001122334455")) == 0x0211_22FF_FE33_4455
    with pytest.raises(ValueError, match="6 octets"):
        interface_identifier(b"\0" * 8)


@pytest.mark.clause("XFRM-MN-053", "XFRM-MN-058")
def test_the_first_advertisement_decides_where_the_node_is() -> None:
    walk = Walk()
    assert walk.tell(heard(LINK_A)) == [Moved(ON_A)]
    assert walk.state == ON_FOREIGN_LINK
    walk = Walk()
    assert walk.tell(heard(HOME)) == []
    assert walk.state == ON_HOME_LINK


@pytest.mark.clause("XFRM-MN-053")
def test_the_home_prefix_wins_and_among_others_the_last_heard_then_the_smallest() -> None:
    walk = Walk()
    assert walk.tell(heard(LINK_A, LINK_B)) == [Moved(ON_A)]
    assert walk.tell(heard(HOME, LINK_A)) == [CameHome()]
    walk.now += 1
    walk.tell(heard(LINK_B))
    assert walk.tell(heard(HOME, router=0)) == [Moved(ON_B)]


@pytest.mark.clause("XFRM-MN-054")
def test_another_router_does_not_make_the_node_jump() -> None:
    walk = Walk()
    walk.tell(heard(LINK_B))
    walk.now += 10
    assert walk.tell(heard(LINK_A)) == []
    assert walk.detector.prefix == LINK_B
    walk = Walk()
    walk.tell(heard(HOME))
    assert walk.tell(heard(LINK_A)) == []
    assert walk.state == ON_HOME_LINK


@pytest.mark.clause("XFRM-MN-051", "XFRM-MN-055")
@pytest.mark.parametrize(
    ("advertised", "lasts"),
    [
        (heard(LINK_A, router=30), 30_000),
        (heard(LINK_A, valid=20), 20_000),
        (heard(LINK_A, interval=1500), 4500),
        (heard(LINK_A, router=4, interval=1500), 4000),
    ],
)
def test_a_prefix_is_fresh_for_the_least_of_three_times(advertised: Advertised, lasts: int) -> None:
    walk = Walk()
    walk.tell(advertised)
    walk.tell(heard(LINK_B))
    assert walk.wait(lasts - 1) == []
    assert walk.wait(1) == [Moved(ON_B)]


@pytest.mark.clause("XFRM-MN-051", "XFRM-MN-059")
def test_prefixes_that_make_no_address_are_passed_over() -> None:
    walk = Walk()
    short, fixed = IPv6Network("2001:db8:a::/48"), AdvertisedPrefix(LINK_A, 100, autonomous=False)
    assert walk.tell(Advertised(100, (AdvertisedPrefix(short, 100), fixed))) == []
    assert walk.state == NOWHERE
    assert walk.steps[-1].clause == "XFRM-MN-059"
    assert walk.tell(Advertised(100, (AdvertisedPrefix(HOME, 100, autonomous=False),))) == []
    assert walk.state == ON_HOME_LINK


@pytest.mark.clause("XFRM-MN-056")
@pytest.mark.parametrize("network", [HOME, LINK_A])
def test_without_a_fresh_prefix_the_node_keeps_its_address(network: IPv6Network) -> None:
    walk = Walk()
    walk.tell(heard(network, router=10))
    told = list(walk.told)
    assert walk.wait(10_000) == []
    assert (walk.state, deadline(walk.detector)) == (IN_DOUBT, None)
    assert walk.tell(heard(network)) == []
    assert walk.told == told


@pytest.mark.clause("XFRM-MN-055", "XFRM-MN-056")
def test_a_router_that_withdraws_is_left_at_once() -> None:
    walk = Walk()
    walk.tell(heard(LINK_A, LINK_B))
    assert walk.tell(heard(LINK_A, router=0)) == [Moved(ON_B)]
    assert walk.tell(heard(LINK_B, valid=0)) == []
    assert walk.state == IN_DOUBT


@pytest.mark.clause("XFRM-MN-057", "XFRM-MN-058")
def test_after_a_change_of_the_link_the_first_advertisement_decides() -> None:
    walk = Walk()
    walk.tell(heard(LINK_A))
    assert walk.tell(LinkChanged()) == []
    assert walk.state == IN_DOUBT
    assert walk.tell(heard(LINK_B)) == [Moved(ON_B)]
    walk.tell(LinkChanged())
    assert walk.tell(heard(LINK_B)) == []
    walk.tell(LinkChanged())
    assert walk.tell(heard(HOME)) == [CameHome()]
    walk.tell(LinkChanged())
    assert walk.tell(heard(HOME)) == []


@pytest.mark.clause("XFRM-MN-059")
def test_a_change_of_no_link_is_passed_over() -> None:
    walk = Walk()
    walk.tell(LinkChanged())
    assert (walk.state, walk.steps[-1].clause) == (NOWHERE, "XFRM-MN-059")


EVENTS: tuple[MovementEvent, ...] = (
    heard(HOME, router=10),
    heard(LINK_A, router=20),
    heard(LINK_B, router=30),
    heard(HOME, router=0),
    heard(LINK_A, router=0),
    heard(LINK_B, router=0),
    LinkChanged(),
    Waited(),
)


def walked(events: tuple[MovementEvent, ...]) -> Walk:
    walk = Walk()
    for event in events:
        if isinstance(event, Waited):
            walk.wait(10_000)
        walk.tell(event)
    return walk


def test_every_transition_is_taken_and_no_other_step() -> None:
    steps = {entry for events in product(EVENTS, repeat=4) for entry in walked(events).steps}
    table = {
        (entry.source, entry.event, entry.guard, entry.target, entry.clause)
        for entry in MOVEMENT_DETECTION.transitions
    }
    taken = {
        (entry.source, entry.event, entry.because.split("; ")[0], entry.target, entry.clause)
        for entry in steps
        if entry.clause != "XFRM-MN-059"
    }
    plain = {(s, e, "" if e == "link changed" else g, t, c) for s, e, g, t, c in taken}
    assert plain == table
    assert all(entry.source == entry.target for entry in steps if entry.clause == "XFRM-MN-059")


@pytest.mark.clause("XFRM-MN-053", "XFRM-MN-058")
@given(events=st.lists(st.sampled_from(EVENTS), max_size=20))
@settings(max_examples=100, deadline=None)
def test_what_is_told_alternates_and_matches_the_state(events: list[MovementEvent]) -> None:
    walk = walked(tuple(events))
    assert all(one != two for one, two in zip(walk.told, walk.told[1:], strict=False))
    last = walk.told[-1] if walk.told else CameHome()
    if walk.state == ON_HOME_LINK:
        assert last == CameHome()
    if walk.state == ON_FOREIGN_LINK and walk.detector.prefix is not None:
        assert last == Moved(care_of_address(walk.detector.prefix, walk.detector.interface_identifier))
    fresh = {entry.network for entry in walk.detector.fresh}
    assert (HOME in fresh) == (walk.state == ON_HOME_LINK)
