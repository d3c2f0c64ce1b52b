"""A daemon is told of events, and its deeds are done: operations, messages, tunnels, probes."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.mipv6.daemon import Deed, step
from xfrmspec.wire.mobility import header_of
from xfrmspec.world.configuring import configure
from xfrmspec.world.handled import Handled
from xfrmspec.world.links import Topology
from xfrmspec.world.sending import send
from xfrmspec.world.station import Station
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, DaemonEvent, Probe, Say, Stage
from xfrmspec_terms.headers import IPv6Header, Packet, Type2RoutingHeader

_MOST_ROUNDS = 64


class DaemonLoopError(RuntimeError):
    """A daemon that told itself something without end; the text says which and what."""


@clause("XFRM-DAEMON-003")
def tell(station: Station, topology: Topology, event: DaemonEvent, now: int) -> Handled:
    """Tell a station's daemon of an event at `now` (ms), and let it hear what follows from its own deeds."""
    return settle(Handled(station, told=(event,)), topology, now)


def settle(handled: Handled, topology: Topology, now: int) -> Handled:
    """Let the daemon hear everything that is still to be told, in order, until there is nothing left.

    DaemonLoopError if its deeds keep telling it more.
    """
    for _ in range(_MOST_ROUNDS):
        if not handled.told:
            return handled
        event, *rest = handled.told
        waiting = replace(handled, told=tuple(rest))
        if handled.station.daemon is None:
            handled = waiting
            continue
        done = _done(handled.station, topology, event, now)
        handled = replace(waiting.then(done), told=(*rest, *done.told))
    raise DaemonLoopError(f"{handled.station.name} does not come to rest; it is still told {handled.told[0]}")


def _done(station: Station, topology: Topology, event: DaemonEvent, now: int) -> Handled:
    assert station.daemon is not None
    reaction = step(station.daemon, event, now)
    handled = Handled(replace(station, daemon=reaction.daemon), steps=reaction.steps, heard=(event,))
    for deed in reaction.deeds:
        handled = handled.then(_do(handled.station, topology, deed, now))
    return handled


@clause("XFRM-DAEMON-003")
def _do(station: Station, topology: Topology, deed: Deed, now: int) -> Handled:
    match deed:
        case Say():
            return Handled(station, said=(deed,)).then(send(station, topology, packet_of(deed), now))
        case Stage():
            return Handled(station, stages=(deed,))
        case Probe():
            return Handled(station, probes=(deed,))
        case _:
            done = configure(station, deed, now // SECOND)
            return Handled(done.station, operations=((deed, done.errno),))


def packet_of(say: Say) -> Packet:
    """Return the packet that a daemon's socket makes of a message, before XFRM adds what policies want."""
    header = header_of(say.message)
    if say.routed_by is None:
        return Packet((IPv6Header(say.source, say.destination), header))
    outer = IPv6Header(say.source, say.routed_by)
    return Packet((outer, Type2RoutingHeader(say.destination), header))
