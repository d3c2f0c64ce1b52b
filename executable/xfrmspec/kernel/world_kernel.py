"""A world whose nodes are namespaces of a real kernel; daemons and cables are worked from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from typing import Any

from xfrmspec.kernel.netlink import MessageKind, RequestFlag, frame
from xfrmspec.kernel.netlink_requests import state_message
from xfrmspec.kernel.suite_algorithms import suite_algorithms
from xfrmspec.kernel.world_deeds import (
    announcement_command,
    home_link_index,
    message_command,
    operation_commands,
    say_command,
    send_command,
    without_checksum,
)
from xfrmspec.kernel.world_heard import (
    Read,
    grown,
    heard_from,
    read_message,
    state_numbers,
    told_events,
    used_events,
)
from xfrmspec.kernel.world_setup import (
    Command,
    address_commands,
    make_commands,
    plug_command,
    route_commands,
    route_lines,
    router_command,
    wiring_of,
)
from xfrmspec.mipv6.daemon import Deed, start, step
from xfrmspec.mipv6.recipes.terms import RecipeOperation
from xfrmspec.scenario.suites import Suite
from xfrmspec.wire.encode import encode
from xfrmspec.world.acting import echo_request
from xfrmspec.world.advertisements import advertised, advertisement_packet
from xfrmspec.world.answering import PARAMETER_PROBLEM
from xfrmspec.world.links import Plug
from xfrmspec.world.moving import detect, wait_over
from xfrmspec.world.plan import Advertise, Ping, Replug
from xfrmspec.world.station import Delivery, Frame, Station
from xfrmspec.world.upper import ECHO_REPLY, unsupported
from xfrmspec.world.world import World
from xfrmspec_terms.advertisement import LinkChanged
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.daemon import DaemonEvent, Heard, Probe, Role, Say, Stage, StageKind, Step
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet
from xfrmspec_terms.selector import Protocol

Run = Callable[[Sequence[Command]], list[Any]]
"""How commands reach the agent, and its answers come back."""

_IPV6_OCTETS = 40
_CHECKSUM_AT = 2
_MOST_HOPS = 255
_DUMP = RequestFlag.REQUEST | RequestFlag.DUMP
_POLICIES = frame(MessageKind.GETPOLICY, _DUMP, 1, b"").hex()
_STATES = frame(MessageKind.GETSA, _DUMP, 1, b"").hex()


@dataclass(frozen=True, slots=True)
class Carried:
    """A packet that a station has put on a link; `number` is its name to the agent."""

    number: int
    station: str
    link: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Echo:
    """An echo reply that a station read."""

    source: IPv6Address
    destination: IPv6Address
    body: bytes


@dataclass(slots=True)
class Seen:
    """What was to be seen of one event, by station where it is of one.

    `refusals` are the error numbers that sockets gave, `failures` what should never be.
    """

    carried: list[Carried] = field(default_factory=list)
    operations: dict[str, list[tuple[RecipeOperation, int]]] = field(default_factory=dict)
    heard: dict[str, list[DaemonEvent]] = field(default_factory=dict)
    steps: dict[str, list[Step]] = field(default_factory=dict)
    echoes: dict[str, list[Echo]] = field(default_factory=dict)
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    refusals: list[tuple[str, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class KernelWorld:
    """Stations of a world that has not been started, as namespaces; only their daemons are values here."""

    def __init__(self, run: Run, world: World) -> None:
        self._run = run
        self._wiring = wiring_of(world)
        self.topology = world.topology
        self.stations = dict(world.stations)
        self._numbers = {name: state_numbers(()) for name in self.stations}
        self.seen = Seen()
        self._met: dict[str, set[IPv6Address]] = {}
        self._waiting: dict[str, list[DaemonEvent]] = {name: [] for name in self.stations}
        self._make(world)

    def _make(self, world: World) -> None:
        commands: list[Command] = [["clear"], *make_commands(world, self._wiring)]
        for name, station in world.stations.items():
            for entry in station.node.states:
                state = replace(entry.association, replay_window=station.node.of(entry.age).numbers.window)
                algorithms = suite_algorithms(Suite.CBC128_SHA1, state)
                commands.append(message_command(name, state_message(state, algorithms)))
        self._expect(commands)

    def _expect(self, commands: Sequence[Command]) -> None:
        """Carry out what must not fail."""
        if not commands:
            return
        for command, answer in zip(commands, self._run(commands), strict=True):
            if answer:
                self.seen.failures.append(f"{command[:3]} gives {answer}")

    def fresh(self) -> Seen:
        """Return what was seen since the last time."""
        seen, self.seen = self.seen, Seen()
        return seen

    def start(self) -> None:
        """Start every daemon."""
        for name, station in self.stations.items():
            if station.daemon is not None:
                reaction = start(station.daemon)
                self.stations[name] = replace(station, daemon=reaction.daemon)
                self._do(name, reaction.deeds)
        self._settle(0)

    def tables(self, name: str) -> tuple[list[str], list[str]]:
        """Return the payloads of a station's policies and states."""
        policies, states = self._run([["dump", name, _POLICIES], ["dump", name, _STATES]])
        return policies, states

    def replug(self, action: Replug, now: int) -> None:
        """Move a cable; addresses and routes of the old link go."""
        name = action.plug.station
        self._met.clear()
        before = route_lines(self.stations[name], self._wiring, self.topology)
        self.topology = self.topology.moved(action.plug, action.link)
        commands = [plug_command(action.plug, action.link)]
        after = route_lines(self.stations[name], self._wiring, self.topology)
        if action.link is None:
            self._expect([*commands, *route_commands(name, before, after)])
            return
        self._expect(commands)
        handled = detect(self.stations[name], LinkChanged(), now)
        self._change(name, handled.station, handled.steps)
        self._expect(list(route_commands(name, before, after)))
        self._waiting[name] += handled.told
        self._settle(now)

    def advertise(self, action: Advertise) -> None:
        """Let the router of a link advertise itself there."""
        link = self.topology.links[action.link]
        for plug in self.topology.on(action.link):
            if link.router in self.stations[plug.station].node.addresses:
                self._send_icmp(plug, advertisement_packet(link, link.router))
                return

    def _send_icmp(self, plug: Plug, packet: Packet, *, by_route: bool = False) -> None:
        outer = packet.headers[0]
        assert isinstance(outer, IPv6Header)
        payload = without_checksum(encode(packet)[_IPV6_OCTETS:], _CHECKSUM_AT)
        index = 0 if by_route else self._wiring.indexes[plug]
        ends = (outer.source, outer.destination)
        command = send_command(plug.station, Protocol.ICMPV6, *ends, payload, index=index)
        self._look([command])

    def ping(self, action: Ping, now: int) -> None:
        """Send an echo request from a station."""
        self._send_icmp(Plug(action.station, ""), echo_request(action), by_route=True)
        self._settle(now)

    def release(self, number: int, now: int) -> None:
        """Let a packet arrive."""
        self._look([["release", number]], now)
        self._settle(now)

    def inject(self, frame: Frame, stations: Sequence[str], now: int) -> None:
        """Let an attacker's packet arrive at the stations that take it."""
        self._look([["inject", frame.link, frame.octets.hex(), list(stations)]], now)
        self._settle(now)

    def tell(self, name: str, event: DaemonEvent, now: int) -> None:
        """Tell a daemon something that does not come from its kernel."""
        self._waiting[name].append(event)
        self._settle(now)

    def listen(self, name: str, now: int) -> None:
        """Let movement detection see that its deadline has come."""
        handled = wait_over(self.stations[name], now)
        self._change(name, handled.station, handled.steps)
        self._waiting[name] += handled.told
        self._settle(now)

    def _change(self, name: str, station: Station, steps: Iterable[Step]) -> None:
        """Give the namespace the addresses that the station has now."""
        before = self.stations[name].node.addresses
        self.stations[name] = station
        self.seen.steps.setdefault(name, []).extend(steps)
        self._expect(list(address_commands(station, before, self._wiring, self.topology)))

    def _settle(self, now: int) -> None:
        """Let every daemon hear what waits for it, until there is nothing left."""
        while any(self._waiting.values()):
            for name, events in self._waiting.items():
                if not events:
                    continue
                event = events.pop(0)
                station = self.stations[name]
                if station.daemon is None:
                    continue
                reaction = step(station.daemon, event, now)
                self.seen.heard.setdefault(name, []).append(event)
                self.stations[name] = replace(station, daemon=reaction.daemon)
                self.seen.steps.setdefault(name, []).extend(reaction.steps)
                self._do(name, reaction.deeds, now)

    def _do(self, name: str, deeds: Sequence[Deed], now: int = 0) -> None:
        """Carry out what a daemon does, in its order."""
        commands: list[Command] = []
        spans: list[tuple[RecipeOperation, int, int]] = []
        for deed in deeds:
            first = len(commands)
            if isinstance(deed, Say):
                commands.append(say_command(name, deed))
            elif isinstance(deed, Stage):
                commands += self._staged(name, deed)
            elif not isinstance(deed, Probe):
                commands += operation_commands(self.stations[name], deed, self._wiring, self.topology)
                spans.append((deed, first, len(commands)))
        answers = self._look(commands, now)
        done = self.seen.operations.setdefault(name, [])
        done += [(deed, max(answers[first:last], default=0)) for deed, first, last in spans]

    def _staged(self, name: str, stage: Stage) -> Iterator[Command]:
        """A mobile node that is home again takes its packets itself, and tells everybody on the link."""
        if (
            stage.role is Role.MOBILE_NODE
            and stage.kind is StageKind.RETURNED
            and stage.home_address is not None
        ):
            index = home_link_index(name, stage.home_address, self._wiring, self.topology)
            yield announcement_command(name, stage.home_address, stage.home_address, index)

    def _look(self, commands: Sequence[Command], now: int = 0) -> list[Any]:
        """Carry commands out, wait until nothing moves, and take in what can be seen."""
        daemons = [name for name, station in self.stations.items() if station.daemon is not None]
        asked = [*commands, ["seen"], *(["dump", name, _STATES] for name in daemons)]
        told = self._run(asked)
        answers, after = told[: len(commands)], told[len(commands)]
        for command, answer in zip(commands, answers, strict=True):
            if command[0] == "send" and answer:
                self.seen.refusals.append((command[1], answer))
        for number, station, _, link, octets in after["frames"]:
            self.seen.carried.append(Carried(number, station, link, bytes.fromhex(octets)))
        dumps = dict(zip(daemons, told[len(commands) + 1 :], strict=True))
        for name, shown in after["stations"].items():
            self.seen.counters[name] = shown["counters"]
            self._hear(name, shown, self._counted(name, dumps.get(name)), now)
        return answers

    def _counted(self, name: str, dump: list[str] | None) -> list[tuple[SecurityAssociation, int]]:
        """Return the states of a station that have counted packets since the last time, and how many."""
        if dump is None:
            return []
        before, self._numbers[name] = self._numbers[name], state_numbers(dump)
        return list(grown(before, self._numbers[name]))

    def _hear(
        self, name: str, shown: dict[str, Any], counted: list[tuple[SecurityAssociation, int]], now: int
    ) -> None:
        """Take in what one station shows: acquires come before the packets that they are about."""
        is_mobile = self.stations[name].detector is not None
        used = _uses(self.stations[name], counted)
        wanted = list(told_events(shown["told"]))
        self._waiting[name] += [*wanted, *used] if is_mobile else [*used, *wanted]
        for found in shown["read"]:
            self._take(name, read_message(found), [state for state, _ in counted], now)

    def _take(self, name: str, read: Read, worked: Sequence[SecurityAssociation], now: int) -> None:
        """Give a message to whom it is for: the daemon, movement detection, or the onlooker."""
        if read.protocol == Protocol.MOBILITY:
            heard = heard_from(self.stations[name], read, worked)
            if isinstance(heard, Heard):
                self._waiting[name].append(heard)
            return
        packet = read.packet
        upper = None if packet is None else packet.headers[-1]
        if packet is None or not isinstance(upper, IcmpV6Header):
            self.seen.failures.append(f"{name} read octets that are no message")
            return
        if upper.type == ECHO_REPLY:
            echo = Echo(read.source, read.destination, upper.body + packet.payload)
            self.seen.echoes.setdefault(name, []).append(echo)
        elif upper.type == PARAMETER_PROBLEM:
            self._waiting[name] += unsupported(
                upper, Delivery(name, read.source, read.destination, packet, False)
            )
        else:
            self._take_advertisement(name, read, now)

    def _take_advertisement(self, name: str, read: Read, now: int) -> None:
        heard = advertised(_with_most_hops(read))
        if heard is not None:
            self._meet(name, read.source)
            handled = detect(self.stations[name], heard, now)
            self._change(name, handled.station, handled.steps)
            self._waiting[name] += handled.told

    def _meet(self, name: str, router: IPv6Address) -> None:
        """Let a station know the hardware address of a router that it has not met since it was plugged in."""
        if router not in self._met.setdefault(name, set()):
            self._met[name].add(router)
            self._expect(list(router_command(name, router, self._wiring, self.topology)))


def _uses(station: Station, counted: Iterable[tuple[SecurityAssociation, int]]) -> Iterator[DaemonEvent]:
    """Yield which bindings were used: an option counts where it is let in, not where it is put on."""
    own = station.node.addresses
    yield from used_events(
        (state, packets)
        for state, packets in counted
        if (state.protocol is Protocol.ROUTING and state.destination not in own)
        or (state.protocol is Protocol.DESTINATION_OPTIONS and state.source not in own)
    )


def _with_most_hops(read: Read) -> Packet:
    """Return an advertisement as it was sent: a raw socket does not show the hop limit."""
    packet = read.packet
    assert packet is not None
    outer = packet.headers[0]
    assert isinstance(outer, IPv6Header)
    return Packet((replace(outer, hop_limit=_MOST_HOPS), *packet.headers[1:]), packet.payload)
