"""Movement detection: from router advertisements to a care-of address, or to the sight of home."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.mipv6.choosing import chosen, passed_over, step_of
from xfrmspec_terms.advertisement import Advertised, AdvertisedPrefix, LinkChanged, MovementEvent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, CameHome, Moved, Step
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_mobile_node import (
    ADVERTISEMENT,
    IN_DOUBT,
    LINK_CHANGED,
    MOVEMENT_DETECTION,
    NOWHERE,
    ON_FOREIGN_LINK,
    ON_HOME_LINK,
    TIMER,
)

PASSED_OVER = "XFRM-MN-059"
_PREFIX_BITS = 64
_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class FreshPrefix:
    """A prefix that was heard, when, and until when it is fresh (milliseconds)."""

    network: IPv6Network
    heard: int
    until: int


@dataclass(frozen=True, slots=True)
class Detector:
    """Where the node takes itself to be: the home prefix, its interface identifier (64 bits), what it heard.

    `prefix` is the one in use on a foreign link, `told` the care-of address told last, None for home.
    """

    home_prefix: IPv6Network
    interface_identifier: int
    state: str = NOWHERE
    fresh: tuple[FreshPrefix, ...] = field(default=())
    prefix: IPv6Network | None = None
    told: IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """The detector after an event, what the home registration is to be told, and the steps taken."""

    detector: Detector
    told: tuple[Moved | CameHome, ...] = ()
    steps: tuple[Step, ...] = ()


@clause("XFRM-MN-052")
def interface_identifier(mac: bytes) -> int:
    """Return the 64-bit identifier of a MAC address (6 octets). Source: RFC 4291 2.5.1, appendix A.

    ValueError for another number of octets.
    """
    if len(mac) != 6:
        raise ValueError(f"a MAC address has 6 octets, not {len(mac)}")
    return int.from_bytes(bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:])


@clause("XFRM-MN-052")
def care_of_address(prefix: IPv6Network, identifier: int) -> IPv6Address:
    """Return the address of an interface identifier (64 bits) on a link. Source: RFC 6275 11.5.3."""
    return prefix.network_address + identifier


@clause("XFRM-MN-051")
def fresh_until(advertised: Advertised, prefix: AdvertisedPrefix, now: int) -> int:
    """Return until when an advertisement makes a prefix fresh (milliseconds)."""
    lasts = min(advertised.router_lifetime, prefix.valid_lifetime) * SECOND
    if advertised.interval is not None:
        lasts = min(lasts, _INTERVALS * advertised.interval)
    return now + lasts


def step(detector: Detector, event: MovementEvent, now: int) -> Sighting:
    """Answer an advertisement, a change of the link or a deadline at a time (milliseconds, never going back).

    Source: RFC 6275 11.5.
    """
    if isinstance(event, LinkChanged):
        return _link_changed(detector, now)
    name = ADVERTISEMENT if isinstance(event, Advertised) else TIMER
    heard = _listened(detector, event, now) if isinstance(event, Advertised) else detector.fresh
    fresh = tuple(entry for entry in heard if entry.until > now)
    return _settled(replace(detector, fresh=fresh), name, now)


def deadline(detector: Detector) -> int | None:
    """Return when a prefix ends to be fresh next (milliseconds), or None."""
    return min((entry.until for entry in detector.fresh), default=None)


@clause("XFRM-MN-051")
def _listened(detector: Detector, event: Advertised, now: int) -> tuple[FreshPrefix, ...]:
    """Return the prefixes after an advertisement; the last word about a prefix counts."""
    known = {entry.network: entry for entry in detector.fresh}
    for prefix in event.prefixes:
        usable = prefix.autonomous and prefix.network.prefixlen == _PREFIX_BITS
        if usable or prefix.network == detector.home_prefix:
            until = fresh_until(event, prefix, now)
            known[prefix.network] = FreshPrefix(prefix.network, now, until)
    return tuple(known[network] for network in sorted(known))


@clause("XFRM-MN-053")
def _best(detector: Detector) -> IPv6Network | None:
    """Return the foreign prefix heard last, the smallest of those heard at once."""
    foreign = [entry for entry in detector.fresh if entry.network != detector.home_prefix]
    ordered = sorted(foreign, key=lambda entry: (-entry.heard, entry.network))
    return ordered[0].network if ordered else None


@clause("XFRM-MN-053", "XFRM-MN-054", "XFRM-MN-055", "XFRM-MN-056", "XFRM-MN-059")
def _settled(detector: Detector, event: str, now: int) -> Sighting:
    """Find out where the node is by what is fresh."""
    networks = {entry.network for entry in detector.fresh}
    home = detector.home_prefix in networks
    own = detector.prefix in networks and not home
    other = bool(networks) and not home and not own
    nothing = not networks
    guards = {
        "home prefix fresh": home,
        "only other prefixes fresh": bool(networks) and not home,
        "own prefix fresh, not the home prefix": own,
        "home prefix withdrawn, another fresh": other,
        "own prefix withdrawn, another fresh": other,
        "home prefix stale, another fresh": other,
        "own prefix stale, another fresh": other,
        "withdraws the last fresh prefix": nothing,
        "no prefix fresh": nothing,
    }
    transition = chosen(MOVEMENT_DETECTION, detector.state, event, guards, lambda _: True)
    if transition is None:
        return Sighting(
            detector, steps=(passed_over(MOVEMENT_DETECTION, detector.state, event, PASSED_OVER),)
        )
    return _told(_arrived(detector, transition), transition, now)


def _arrived(detector: Detector, transition: Transition) -> Detector:
    prefix = detector.prefix
    if transition.target == ON_FOREIGN_LINK and transition.clause != "XFRM-MN-054":
        prefix = _best(detector)
    if transition.target == ON_HOME_LINK:
        prefix = None
    return replace(detector, state=transition.target, prefix=prefix)


@clause("XFRM-MN-058")
def _told(detector: Detector, transition: Transition, now: int) -> Sighting:
    """Tell what is new."""
    steps = (step_of(MOVEMENT_DETECTION, transition, f"{now} ms"),)
    if detector.state == IN_DOUBT or transition.clause == "XFRM-MN-054":
        return Sighting(detector, steps=steps)
    care_of = None
    if detector.prefix is not None:
        care_of = care_of_address(detector.prefix, detector.interface_identifier)
    if care_of == detector.told:
        return Sighting(detector, steps=steps)
    told = Moved(care_of) if care_of is not None else CameHome()
    return Sighting(replace(detector, told=care_of), (told,), steps)


@clause("XFRM-MN-057", "XFRM-MN-059")
def _link_changed(detector: Detector, now: int) -> Sighting:
    """Forget what was heard on the link before."""
    empty = replace(detector, fresh=())
    transition = chosen(MOVEMENT_DETECTION, detector.state, LINK_CHANGED, {}, lambda _: True)
    if transition is None:
        step_taken = passed_over(MOVEMENT_DETECTION, detector.state, LINK_CHANGED, PASSED_OVER)
        return Sighting(empty, steps=(step_taken,))
    return _told(replace(empty, state=transition.target), transition, now)
