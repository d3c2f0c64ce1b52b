"""A world played twice, in the reference and by real kernels, one event at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xfrmspec.kernel.world_compare import (
    Keys,
    counted,
    kernel_policies,
    kernel_states,
    keys_of_world,
    readable,
    reference_policies,
    reference_states,
    unlike,
)
from xfrmspec.kernel.world_kernel import Echo, KernelWorld, Run, Seen
from xfrmspec.world.acting import PING_IDENTIFIER
from xfrmspec.world.handled import Handled
from xfrmspec.world.plan import Advertise, Ping, Replug
from xfrmspec.world.starting import started
from xfrmspec.world.station import Delivery
from xfrmspec.world.turning import Coming, Kind, coming, turn
from xfrmspec.world.upper import ECHO_REPLY
from xfrmspec.world.world import Turn, World, receivers
from xfrmspec_terms.daemon import Probed, Uniqueness, Woke
from xfrmspec_terms.headers import IcmpV6Header


@dataclass(frozen=True, slots=True)
class Compared:
    """One event as the reference and the kernel saw it, and every way in which they differ."""

    turn: Turn
    seen: Seen
    unlike: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.turn.world.now / 1000:.3f} {self.turn.cause}", *self.unlike]
        return "\n  ".join(lines)


class BothWorlds:
    """A world of the reference that has not been started, and the same one on a kernel."""

    def __init__(self, run: Run, world: World) -> None:
        self._keys: Keys = keys_of_world(world)
        self._kernel = KernelWorld(run, world)
        self._world = started(world)
        self._numbers: dict[int, int] = {}

    def play(self, until: int) -> Iterator[Compared]:
        """Yield the start and then every event up to and with a moment (ms), compared."""
        self._kernel.start()
        beginning = Turn(self._world, "daemons start")
        seen = self._kernel.fresh()
        yield Compared(beginning, seen, tuple(self._compare(beginning, seen, everybody=True)))
        while True:
            before = self._world
            next_ = coming(before)
            if next_ is None or next_.at > until:
                return
            following = turn(before)
            assert following is not None
            self._happen(before, following, next_)
            self._world = following.world
            seen = self._kernel.fresh()
            found = tuple(self._compare(following, seen))
            self._name_flights(before, following, seen)
            yield Compared(following, seen, found)

    def _happen(self, before: World, after: Turn, next_: Coming) -> None:
        kernel, now = self._kernel, after.world.now
        if next_.kind is Kind.PLANNED:
            match before.planned[0].action:
                case Replug() as action:
                    kernel.replug(action, now)
                case Advertise() as action:
                    kernel.advertise(action)
                case Ping() as action:
                    kernel.ping(action, now)
                case _:
                    """Attackers are no part of the guest: their packets come to it when they arrive."""
        elif next_.kind is Kind.PROBED:
            probing = before.probings[0]
            kernel.tell(probing.station, Probed(probing.address, self._found(before)), now)
        elif next_.kind is Kind.ARRIVAL:
            self._arrive(before, now)
        elif next_.kind is Kind.WAKING:
            kernel.tell(next_.station, Woke(), now)
        else:
            kernel.listen(next_.station, now)

    def _arrive(self, before: World, now: int) -> None:
        flight = before.flights[0]
        if flight.sender in before.stations:
            self._kernel.release(self._numbers[flight.number], now)
        else:
            self._kernel.inject(flight.frame, receivers(before, flight), now)

    def _found(self, before: World) -> Uniqueness:
        probing = before.probings[0]
        link = next(name for name, link in before.topology.links.items() if probing.address in link.prefix)
        others = {plug.station for plug in before.topology.on(link)} - {probing.station}
        taken = any(probing.address in before.stations[name].node.addresses for name in others)
        return Uniqueness.DUPLICATE if taken else Uniqueness.UNIQUE

    def _name_flights(self, before: World, after: Turn, seen: Seen) -> None:
        """Remember which packet of the guest each frame under way is."""
        number = before.number
        places: dict[tuple[str, str], int] = {}
        for sent in after.sent:
            key = (sent.sender, sent.frame.link)
            place = places[key] = places.get(key, -1) + 1
            same = [one for one in seen.carried if (one.station, one.link) == key]
            for _ in sent.delays:
                if place < len(same):
                    self._numbers[number] = same[place].number
                number += 1

    def _compare(self, after: Turn, seen: Seen, *, everybody: bool = False) -> Iterator[str]:
        yield from seen.failures
        yield from self._packets(after, seen)
        for handled in after.handled:
            name = handled.station.name
            operations = [(operation, int(errno)) for operation, errno in handled.operations]
            yield from unlike(f"{name}, operations", operations, seen.operations.get(name, []))
            yield from unlike(f"{name}, heard", handled.heard, seen.heard.get(name, []))
            yield from unlike(f"{name}, steps", handled.steps, seen.steps.get(name, []))
            echoes = list(_echoes(handled.deliveries))
            yield from unlike(f"{name}, echoes", echoes, seen.echoes.get(name, []))
        names = after.world.stations if everybody else filter(None, map(_touched, after.handled))
        for name in sorted(names):
            yield from self._tables(after.world, name)
        for name, counters in seen.counters.items():
            expected = counted(after.world.stations[name])
            yield from unlike(f"{name}, counters", sorted(expected.items()), sorted(counters.items()))

    def _packets(self, after: Turn, seen: Seen) -> Iterator[str]:
        stations = after.world.stations
        links = [(sent.sender, sent.frame.link) for sent in after.sent if sent.sender in stations]
        links += [(one.station, one.link) for one in seen.carried]
        for station, link in dict.fromkeys(links):
            expected = [
                readable(sent.frame.octets, self._keys)
                for sent in after.sent
                if (sent.sender, sent.frame.link) == (station, link)
            ]
            found = [
                readable(one.octets, self._keys)
                for one in seen.carried
                if (one.station, one.link) == (station, link)
            ]
            yield from unlike(f"packets of {station} on {link}", expected, found)

    def _tables(self, world: World, name: str) -> Iterator[str]:
        policies, states = self._kernel.tables(name)
        node = world.stations[name].node
        yield from unlike(f"{name}, policies", reference_policies(node), kernel_policies(policies))
        yield from unlike(f"{name}, states", reference_states(node), kernel_states(states))


def _touched(handled: Handled) -> str | None:
    """Return the station if its tables may have changed: it was more than a router advertisement."""
    happened = (handled.operations, handled.heard, handled.frames, handled.losses, handled.deliveries)
    return handled.station.name if any(happened) else None


def _echoes(deliveries: Iterable[Delivery]) -> Iterator[Echo]:
    """Yield the replies to echo requests of stations: a kernel gives others to nobody."""
    for delivery in deliveries:
        upper = delivery.packet.headers[-1]
        if not isinstance(upper, IcmpV6Header) or upper.type != ECHO_REPLY:
            continue
        if upper.body.startswith(PING_IDENTIFIER):
            yield Echo(delivery.source, delivery.destination, upper.body + delivery.packet.payload)
