"""Where registrations and bindings come from: what was protected, and who received which test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.binding_request import request_of
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.mipv6.tokens import TokenKind
from xfrmspec.wire.secret import Secret
from xfrmspec.world.bindings import bindings_at, registrations_at
from xfrmspec.world.handled import Handled
from xfrmspec.world.invariants import Broken
from xfrmspec.world.reading import Reading, reading_of
from xfrmspec.world.station import Station
from xfrmspec.world.world import Turn
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Heard
from xfrmspec_terms.mobility import BindingUpdate, CareOfTest, HomeTest, MobilityMessage
from xfrmspec_terms.mobility_times import MAX_NONCE_LIFETIME


@dataclass(frozen=True, slots=True)
class Protected:
    """An update that a home agent heard under the association of the home address in it."""

    agent: str
    home_address: IPv6Address
    care_of: IPv6Address
    sequence: int


@dataclass(frozen=True, slots=True)
class Test:
    """A test that a peer sent to an address; its token is never shown."""

    peer: IPv6Address
    kind: TokenKind
    address: IPv6Address
    token: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A test that was really sent, who received it, and when that was (ms)."""

    test: Test
    receiver: str
    at: int


@dataclass(frozen=True, slots=True)
class History:
    """What has happened so far, as far as registrations and bindings go back to it."""

    protected: frozenset[Protected] = frozenset()
    given: frozenset[Test] = frozenset()
    receipts: frozenset[Receipt] = frozenset()

    def after(self, turn: Turn) -> History:
        """Return the history with one turn more; receipts that are too old to matter are left out."""
        given = self.given | {test for handled in turn.handled for test in _given(handled)}
        young = {one for one in self.receipts if turn.world.now - one.at < MAX_NONCE_LIFETIME}
        new = {one for one in _receipts(turn) if one.test in given}
        return History(self.protected | set(_protected(turn)), given, frozenset(young | new))


def _protected(turn: Turn) -> Iterator[Protected]:
    for handled in turn.handled:
        for event in handled.heard:
            if isinstance(event, Heard) and isinstance(event.message, BindingUpdate):
                request = request_of(event, event.message)
                if event.association == request.home_address:
                    name, number = handled.station.name, event.message.sequence
                    yield Protected(name, request.home_address, request.care_of, number)


def _given(handled: Handled) -> Iterator[Test]:
    for say in handled.said:
        yield from _test(say.message, say.source, say.destination)


def _test(message: MobilityMessage, peer: IPv6Address, address: IPv6Address) -> Iterator[Test]:
    if isinstance(message, HomeTest | CareOfTest):
        kind = TokenKind.HOME if isinstance(message, HomeTest) else TokenKind.CARE_OF
        yield Test(peer, kind, address, Secret(message.keygen_token))


def _receipts(turn: Turn) -> Iterator[Receipt]:
    """Yield who received which test: a station's daemon by hearing it, an attacker by reading it."""
    now = turn.world.now
    for handled in turn.handled:
        for event in handled.heard:
            if isinstance(event, Heard):
                for test in _test(event.message, event.source, event.destination):
                    yield Receipt(test, handled.station.name, now)
    for sent in turn.sent:
        reading = reading_of(sent.frame.octets)
        names = [one.name for one in turn.world.attackers if sent.frame.link in one.links]
        if reading is not None and names:
            yield from _read_by(names, reading, now)


def _read_by(names: list[str], reading: Reading, now: int) -> Iterator[Receipt]:
    for test in _test(reading.message, reading.source, reading.destination):
        yield from (Receipt(test, name, now) for name in names)


def unfounded(history: History, turn: Turn) -> tuple[Broken, ...]:
    """Return every registration and binding of this moment that goes back to nothing, sorted.

    `history` is that behind the turn.
    """
    found: list[Broken] = []
    for station in turn.world.stations.values():
        found += _registrations(history, turn, station)
        found += _bindings(history, turn, station)
    return tuple(sorted(found))


def unfounded_in(turns: Iterable[Turn]) -> tuple[Broken, ...]:
    """Return everything of a whole run that goes back to nothing, sorted, each once."""
    history, found = History(), set[Broken]()
    for turn in turns:
        history = history.after(turn)
        found.update(unfounded(history, turn))
    return tuple(sorted(found))


@clause("XFRM-SAFE-001")
def _registrations(history: History, turn: Turn, station: Station) -> Iterator[Broken]:
    """Without IPsec there is no association that could protect anything."""
    daemon = station.daemon
    if daemon is None or daemon.settings.protection is Protection.NONE:
        return
    for one in registrations_at(turn.world, station.name):
        origin = Protected(station.name, one.home_address, one.care_of, one.sequence)
        if origin not in history.protected:
            found = f"registers {one.home_address} at {one.care_of} without its association"
            yield Broken("XFRM-SAFE-001", station.name, found)


@clause("XFRM-SAFE-002")
def _bindings(history: History, turn: Turn, station: Station) -> Iterator[Broken]:
    """Look at bindings in the moment of their update, when the tests behind them are young."""
    for one in bindings_at(turn.world, station.name):
        if one.accepted_at == turn.world.now and not _makers(history, one):
            found = f"binds {one.home_address} to {one.care_of}, and nobody received both tests"
            yield Broken("XFRM-SAFE-002", station.name, found)


def _makers(history: History, binding: Binding) -> frozenset[str]:
    """Return who can have made a binding: who received both tests in time."""
    home = _receivers(history, binding, TokenKind.HOME, binding.home_address)
    return home & _receivers(history, binding, TokenKind.CARE_OF, binding.care_of)


def _receivers(history: History, binding: Binding, kind: TokenKind, address: IPv6Address) -> frozenset[str]:
    wanted = (binding.own, kind, address)
    return frozenset(
        one.receiver
        for one in history.receipts
        if (one.test.peer, one.test.kind, one.test.address) == wanted
        and binding.accepted_at - one.at < MAX_NONCE_LIFETIME
    )
