"""What random scenarios are made of: few addresses, lengths and numbers, so that policies overlap."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from ipaddress import IPv6Address
from random import Random

from xfrmspec.scenario.terms import INNER_INDEX, LABORATORY, LOOPBACK_INDEX, OUTER_INDEX
from xfrmspec_terms.policy import ANY_MARK, Action, Direction, Mark, Policy, PolicyType
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import (
    ANY_PORT,
    ANY_PROTOCOL,
    Family,
    Flow,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
)

LOCAL = tuple(own.address for own in LABORATORY.addresses)
HOME = LOCAL[-1]
REMOTE = tuple(map(IPv6Address, ("2001:db8:b::1", "2001:db8:b::2", "2001:db8:b:1::1", "2001:dbb::1")))
BEHIND = tuple(map(IPv6Address, ("2001:db8:f::1", "2001:db8:f::2", "2001:db8:f:1::1")))
LENGTHS = (0, 16, 31, 32, 47, 48, 60, 64, 127, 128, 128, 128)
PRIORITIES = (0, 1, 1, 1, 2, 2, 5, 0xFFFFFFFF)
MARKS = (ANY_MARK,) * 6 + (Mark(1, 1), Mark(3, 0xFF), Mark(0, 1))
UDP_PORTS = (258, 4354, 5000, 5001)
ICMP_TYPES = (129, 200)
MOBILITY_TYPES = (0, 1, 5, 6, 99)
PROTOCOLS = (Protocol.UDP, Protocol.UDP, Protocol.ICMPV6, Protocol.MOBILITY, Protocol.GRE, 33, 200)


class Way(Enum):
    """How the packets of a scenario travel: out of the node, into it, or through it."""

    OUT = "out"
    IN = "in"
    THROUGH = "through"


ENDS: dict[Way, tuple[tuple[IPv6Address, ...], tuple[IPv6Address, ...]]] = {
    Way.OUT: (LOCAL, REMOTE),
    Way.IN: (REMOTE, LOCAL),
    Way.THROUGH: (REMOTE, BEHIND),
}
"""The (sources, destinations) of the flows of each way."""

DIRECTIONS: dict[Way, tuple[Direction, ...]] = {
    Way.OUT: (Direction.OUT,) * 5 + (Direction.IN,),
    Way.IN: (Direction.IN,) * 5 + (Direction.OUT,),
    Way.THROUGH: (Direction.FWD, Direction.FWD, Direction.OUT, Direction.IN),
}


def random_prefix(random: Random, hosts: Sequence[IPv6Address]) -> Prefix:
    """Return a prefix around one of the hosts, host bits left in now and then."""
    length = random.choice(LENGTHS)
    host = random.choice(hosts)
    if random.random() < 0.1:
        return Prefix(host, length)
    mask = ((1 << length) - 1) << (128 - length)
    return Prefix(IPv6Address(int(host) & mask), length)


def random_slots(random: Random, protocol: int) -> tuple[int, int]:
    """Return port slots that a packet of the protocol can have."""
    if protocol in (Protocol.UDP, Protocol.GRE):
        return random.choice(UDP_PORTS), random.choice(UDP_PORTS)
    if protocol == Protocol.ICMPV6:
        return random.choice(ICMP_TYPES), random.choice((0, 1))
    return (random.choice(MOBILITY_TYPES), 0) if protocol == Protocol.MOBILITY else (0, 0)


def random_port_match(random: Random, slot: int) -> PortMatch:
    """Return a match that is open, exact, or partial, mostly one that the slot meets."""
    if random.random() < 0.6:
        return ANY_PORT
    value = slot if random.random() < 0.8 else random.choice(UDP_PORTS)
    return PortMatch(value, random.choice((0xFFFF, 0xFFFF, 0xFF00, 0x0001)))


def random_flow(random: Random, way: Way) -> Flow:
    """Return a flow of a way; sent ones may carry a mark or be bound to an interface."""
    sources, destinations = ENDS[way]
    protocol = random.choice(PROTOCOLS)
    flow = Flow(
        random.choice(sources), random.choice(destinations), protocol, *random_slots(random, protocol)
    )
    if way is not Way.OUT:
        return flow
    oif = random.choice((0, 0, 0, OUTER_INDEX, INNER_INDEX))
    return replace(flow, oif=oif, mark=random.choice((0, 0, 0, 1, 3, 0x103)))


def random_selector(random: Random, way: Way, flow: Flow) -> Selector:
    """Return a selector for flows of a way, biased so that it meets the given flow."""
    sources, destinations = ENDS[way]
    near = random.random() < 0.7
    return Selector(
        random_prefix(random, (IPv6Address(int(flow.source)),) if near else sources),
        random_prefix(random, (IPv6Address(int(flow.destination)),) if near else destinations),
        flow.protocol if near and random.random() < 0.5 else random.choice((ANY_PROTOCOL, *PROTOCOLS)),
        random_port_match(random, flow.source_slot),
        random_port_match(random, flow.destination_slot),
        random.choice((0,) * 9 + (LOOPBACK_INDEX, OUTER_INDEX, INNER_INDEX)),
        0 if random.random() < 0.95 else 1000,
        Family.INET6,
    )


def random_policy(random: Random, way: Way, flow: Flow) -> Policy:
    """Return a policy without templates."""
    direction = random.choice(DIRECTIONS[way])
    return Policy(
        random_selector(random, way, flow),
        direction,
        random.choice((PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB)),
        random.choice((Action.ALLOW, Action.ALLOW, Action.BLOCK)),
        random.choice(PRIORITIES),
        mark=random.choice(MARKS),
        if_id=0 if random.random() < 0.95 else 1,
        index=0 if random.random() < 0.85 else _explicit_index(random, direction),
    )


def _explicit_index(random: Random, direction: Direction) -> int:
    """An index far above those that any generator reaches, of the right direction but for some."""
    wrong = random.random() < 0.1
    return (1 << 30) + 8 * random.randrange(3) + (random.choice(tuple(Direction)) if wrong else direction)
