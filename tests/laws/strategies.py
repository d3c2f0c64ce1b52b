"""Generators in pairs: valid-biased ones that make policies overlap, raw ones that only fit the types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.policies import add, delete, flush, set_thresholds, update
from xfrmspec.xfrm.session import ReceivedHeaders
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.policy import (
    ENDPOINT_MODES,
    PRIORITY_WEAKEST,
    Action,
    Direction,
    Mark,
    Mode,
    Policy,
    PolicyType,
    Template,
    identity_of,
)
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import (
    ANY_PORT,
    Address,
    Family,
    Flow,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    unspecified,
)

_Option = TypeVar("_Option")

HOSTS = tuple(ip_address(text) for text in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "fe80::1"))
HOSTS4 = tuple(ip_address(text) for text in ("192.0.2.1", "192.0.2.2", "198.51.100.1"))
LENGTHS = (0, 16, 32, 47, 48, 60, 64, 127, 128)
LENGTHS4 = (0, 8, 15, 16, 24, 31, 32)
PRIORITIES = (1, 1, 1, 2, 2, 0, PRIORITY_WEAKEST)
PROTOCOLS = (0, Protocol.TCP, Protocol.UDP, Protocol.ICMPV6, Protocol.MOBILITY, Protocol.GRE, 33, 200)
SLOTS = (0, 1, 5, 6, 258, 4354, 5000, 0xFFFF)


def addresses(family: Family) -> st.SearchStrategy[Address]:
    """Addresses of a small pool, the unspecified one among them."""
    hosts = HOSTS4 if family is Family.INET else HOSTS
    return st.sampled_from((*hosts, unspecified(family)))


def prefixes(family: Family) -> st.SearchStrategy[Prefix]:
    """Prefixes of the pool with host bits left in, of lengths around every border of the rules."""
    lengths = LENGTHS4 if family is Family.INET else LENGTHS
    return st.builds(Prefix, addresses(family), st.sampled_from(lengths))


port_matches = st.one_of(
    st.just(ANY_PORT),
    st.sampled_from(SLOTS).map(PortMatch.exactly),
    st.builds(PortMatch, st.sampled_from(SLOTS), st.sampled_from((0x1, 0xFF00, 0xFFF0))),
)

families = st.sampled_from((Family.INET6, Family.INET6, Family.INET6, Family.INET))


def selectors_of(family: Family) -> st.SearchStrategy[Selector]:
    """Selectors over the pool."""
    return st.builds(
        Selector,
        prefixes(family),
        prefixes(family),
        st.sampled_from(PROTOCOLS),
        port_matches,
        port_matches,
        st.sampled_from((0, 0, 0, 1, 2)),
        st.just(0),
        st.just(family),
    )


selectors = families.flatmap(selectors_of)


def flows_of(family: Family) -> st.SearchStrategy[Flow]:
    """Flows over the pool."""
    return st.builds(
        Flow,
        addresses(family),
        addresses(family),
        st.sampled_from(PROTOCOLS),
        st.sampled_from(SLOTS),
        st.sampled_from(SLOTS),
        st.sampled_from((0, 0, 1, 2)),
        st.sampled_from((0, 0, 1, 0xFF)),
        st.sampled_from((0, 0, 0, 1)),
    )


flows = families.flatmap(flows_of)

_octets16 = st.binary(min_size=16, max_size=16)
raw_prefixes = st.builds(lambda raw, n: Prefix(IPv6Address(raw), n), _octets16, st.integers(0, 128))
raw_ports = st.builds(PortMatch, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
raw_selectors = st.builds(
    Selector,
    raw_prefixes,
    raw_prefixes,
    st.integers(0, 255),
    raw_ports,
    raw_ports,
    st.integers(0, 0xFFFFFFFF),
)
raw_flows = st.builds(
    Flow,
    st.builds(IPv6Address, _octets16),
    st.builds(IPv6Address, _octets16),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
)
raw_flows4 = st.builds(
    lambda a, b, proto: Flow(IPv4Address(a), IPv4Address(b), proto),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 255),
)

RO_PROTOCOLS = (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)

TEMPLATE_PAIRS = (
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
    (Protocol.AH, Mode.TUNNEL),
    (Protocol.IPCOMP, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
    (Protocol.ESP, Mode.BEET),
    (Protocol.DESTINATION_OPTIONS, Mode.IN_TRIGGER),
)


COVERS = (
    (0, 0),
    (0, 64),
    (64, 0),
    (47, 48),
    (48, 64),
    (64, 64),
    (64, 128),
    (128, 128),
    (128, 128),
    (128, 128),
    (128, 128),
    (128, 128),
    (128, 128),
)
"""Prefix lengths (source, destination) that together reach every candidate list."""

DIRECTIONS = (*(Direction.OUT,) * 6, Direction.IN, Direction.FWD)
ACTIONS = (Action.ALLOW, Action.ALLOW, Action.BLOCK)
MARKS = (*(Mark(),) * 30, Mark(1, 1), Mark(0xFF, 0xF), Mark(0, 1))
IF_IDS = (*(0,) * 23, 1)


class Choices:
    """One drawn number that seeds a row of even choices: a fraction of the time that many draws take.

    Hypothesis prefers small integers, so reading the number's own digits would mostly choose the first.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def among(self, options: Sequence[_Option]) -> _Option:
        """Take the next choice."""
        return options[self._random.randrange(len(options))]


choices = st.integers(0, 2**64 - 1).map(Choices)


def templates() -> st.SearchStrategy[Template]:
    """Templates that a policy may store (outbound ones must not have optional tunnels)."""
    return choices.map(_template)


def _template(take: Choices) -> Template:
    protocol, mode = take.among(TEMPLATE_PAIRS)
    ends = (*HOSTS, unspecified(Family.INET6))
    return Template(
        protocol,
        mode,
        take.among(ends),
        take.among(HOSTS if mode in ENDPOINT_MODES else ends),
        spi=take.among((0, 0, 0, 1)) if protocol not in RO_PROTOCOLS else 0,
        reqid=take.among((0, 0, 1, 2)),
        optional=take.among((False, True)),
    )


def states() -> st.SearchStrategy[SecurityAssociation]:
    """States as they can stand in a database or a sec_path."""
    return st.builds(_state, choices, st.one_of(st.none(), st.none(), st.none(), selectors))


def _state(take: Choices, selector: Selector | None) -> SecurityAssociation:
    protocol, mode = take.among(TEMPLATE_PAIRS[:-1])
    return SecurityAssociation(
        take.among((*HOSTS, unspecified(Family.INET6))),
        take.among(HOSTS),
        protocol,
        mode,
        spi=take.among((1, 2)) if protocol not in RO_PROTOCOLS else 0,
        reqid=take.among((0, 0, 1, 2)),
        selector=selector,
        if_id=take.among((0, 0, 0, 1)),
        flags=take.among((StateFlag.NONE, StateFlag.NONE, StateFlag.WILDRECV)),
        lifecycle=take.among((*(Lifecycle.VALID,) * 4, Lifecycle.ACQ, Lifecycle.EXPIRED)),
        dying=take.among((False, True)),
        added=take.among((0, 1)),
        internal=take.among((False, False, False, False, True)),
    )


def _selector(take: Choices, anchor: Flow) -> Selector:
    """Return a selector that covers the anchor three times out of four."""
    width = anchor.family.width
    source, destination = (min(length, width) for length in take.among(COVERS))
    narrow = take.among((0, 0, 1, 2))
    hosts = HOSTS4 if anchor.family is Family.INET else HOSTS
    stray = take.among((False, False, False, False, False, True))
    return Selector(
        Prefix(take.among(hosts) if stray else anchor.source, source),
        Prefix(anchor.destination, destination),
        anchor.protocol if narrow > 0 else 0,
        PortMatch.exactly(anchor.source_slot) if narrow > 1 else ANY_PORT,
        ANY_PORT,
        take.among((*(0,) * 23, 1)),
        0,
        anchor.family,
    )


def _policy(take: Choices, anchor: Flow, profile: Profile, vector: Sequence[Template]) -> Policy:
    direction = take.among(DIRECTIONS)
    kinds = (PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB) if profile.sub_policies else (PolicyType.MAIN,)
    allowed = tuple(
        replace(template, optional=False)
        if direction is Direction.OUT and template.mode in ENDPOINT_MODES
        else template
        for template in vector
    )
    return Policy(
        _selector(take, anchor),
        direction,
        take.among(kinds),
        take.among(ACTIONS),
        take.among(PRIORITIES),
        allowed,
        take.among(MARKS),
        take.among(IF_IDS),
    )


class Operation(Enum):
    """What a generated history does to a database."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"
    FLUSH = "flush"
    THRESHOLDS = "thresholds"


WEIGHTED = (
    *(Operation.ADD,) * 6,
    *(Operation.UPDATE,) * 3,
    Operation.DELETE,
    Operation.FLUSH,
    Operation.THRESHOLDS,
)


@dataclass(frozen=True, slots=True)
class History:
    """A database, the operations that made it, and the flow that most of its policies cover."""

    database: PolicyDatabase
    operations: tuple[Operation, ...]
    anchor: Flow


@st.composite
def histories(draw: st.DrawFn, profile: Profile, with_templates: bool = False, size: int = 8) -> History:
    """Databases as random histories of operations leave them."""
    anchor = _anchor(draw(choices), with_templates)
    pool = [
        _policy(take, anchor, profile, draw(st.lists(templates(), max_size=3)) if with_templates else ())
        for take in draw(st.lists(choices, min_size=4, max_size=size))
    ]
    database = PolicyDatabase(profile)
    operations = [Operation.ADD] * len(pool)
    for policy in pool:
        database = add(database, policy).database
    for take in draw(st.lists(choices, max_size=size)):
        operation = take.among(WEIGHTED)
        operations.append(operation)
        database = _apply(take, database, operation, take.among(pool))
    return History(database, tuple(operations), anchor)


def _anchor(take: Choices, only_ipv6: bool) -> Flow:
    hosts = HOSTS if only_ipv6 or take.among((True, True, True, False)) else HOSTS4
    protocol = take.among(PROTOCOLS[1:])
    return Flow(take.among(hosts), take.among(hosts), protocol, take.among(SLOTS), take.among(SLOTS))


def _apply(take: Choices, database: PolicyDatabase, operation: Operation, policy: Policy) -> PolicyDatabase:
    if operation is Operation.ADD:
        return add(database, policy).database
    if operation is Operation.UPDATE:
        changed = replace(policy, priority=take.among(PRIORITIES), action=take.among(ACTIONS))
        return update(database, changed).database
    if operation is Operation.DELETE:
        return delete(database, identity_of(policy)).database
    if operation is Operation.FLUSH:
        return flush(database, policy.type).database
    bits = take.among((128, 64, 48, 0))
    return set_thresholds(database, Thresholds(32, 32, bits, bits)).database


def flows_near(history: History) -> st.SearchStrategy[Flow]:
    """The anchor of a history, sometimes with one thing changed, sometimes a flow of its own."""
    return choices.map(lambda take: _near(take, history.anchor))


def _near(take: Choices, anchor: Flow) -> Flow:
    kind = take.among(range(16))
    if kind == 6:
        return replace(anchor, mark=take.among((1, 0xF, 0xFF)))
    if kind == 7:
        return replace(anchor, if_id=1 - anchor.if_id)
    if kind == 8:
        return replace(anchor, protocol=Protocol.UDP, source_slot=take.among(SLOTS))
    return _anchor(take, False) if kind == 9 else anchor


EXTENSION_HEADERS = (Protocol.HOP_BY_HOP, Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
UPPER_PROTOCOLS = (
    Protocol.UDP,
    Protocol.TCP,
    Protocol.ICMPV6,
    Protocol.ICMP,
    Protocol.GRE,
    Protocol.MOBILITY,
    200,
)


def received() -> st.SearchStrategy[ReceivedHeaders]:
    """Received packets with up to three extension headers, all or some of them processed."""
    return choices.map(_received)


def _received(take: Choices) -> ReceivedHeaders:
    kinds = [take.among(EXTENSION_HEADERS) for _ in range(take.among((0, 0, 1, 1, 2, 3)))]
    upper = take.among(UPPER_PROTOCOLS)
    numbers = [*(int(kind) for kind in kinds), int(upper)]
    octets = b"".join(_extension(take, following) for following in numbers[1:])
    body = bytes(take.among(range(256)) for _ in range(24))
    units = take.among((1, 2, 3))
    mobility = bytes((59, units - 1, take.among(range(8)))) + body[: 8 * units - 3]
    payload = octets + (mobility if upper == Protocol.MOBILITY else body)
    processed = take.among((len(kinds), len(kinds), 0))
    return ReceivedHeaders(numbers[0], payload, processed)


def _extension(take: Choices, following: int) -> bytes:
    units = take.among((0, 0, 1, 2))
    rest = bytes(take.among(range(256)) for _ in range(8 * units + 6))
    return bytes((following, units)) + rest
