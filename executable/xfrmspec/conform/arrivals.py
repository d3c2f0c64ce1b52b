"""Random scenarios about received octets: what our sender makes, whole and damaged, and the input loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from random import Random

from xfrmspec.conform.octets import suite_for
from xfrmspec.conform.raw import raw_input
from xfrmspec.scenario.choices import HOME, LOCAL, REMOTE
from xfrmspec.scenario.packets import Piece, upper_octets, whole_packet, wrap
from xfrmspec.scenario.reception import input_scenario
from xfrmspec.scenario.suites import Suite, keys_of
from xfrmspec.scenario.terms import AddPolicy, AddState, Arrive, ExtendedReplay, Receive, Scenario, Step
from xfrmspec.wire.applying import Provision, apply_state
from xfrmspec.wire.checksum import upper_checksum
from xfrmspec.wire.decode import decode
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys, seal
from xfrmspec.wire.placing import open_at
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.headers import AuthenticationHeader, EspHeader, IPv6Header, Packet
from xfrmspec_terms.packet import Header, UpperLayer
from xfrmspec_terms.policy import Direction, Limits, Mode, Policy, Template
from xfrmspec_terms.selector import Flow, PortMatch, Protocol, Selector

_WINDOW = 32
_EXTENDED_WINDOW = 64
_HALF = 1 << 32
_LENGTH_AT = 4
_IPV6_OCTETS = 40
_NUMBERS = (1, 1, 1, 2, 2, 3, 4, 33, 34, 70, 200)
_ANY = IPv6Address(0)
_Layer = Header | SecurityAssociation


@dataclass(frozen=True, slots=True)
class _Sender:
    """The other end: what it shares with the node, state by state."""

    suites: dict[SecurityAssociation, Suite]
    random: Random

    def number(self, state: SecurityAssociation) -> int:
        """Return a sequence number that may be new, repeated, old or far ahead."""
        number = self.random.choice(_NUMBERS)
        if not state.flags & StateFlag.ESN:
            return number
        return self.random.choice((number, number, _HALF - 5 + number, _HALF + number))

    def provision(self, state: SecurityAssociation) -> Provision:
        """Return keys, a number and a random IV."""
        keys = keys_of(self.suites.get(state, Suite.READABLE), state)
        size = keys.encryption.iv_octets if isinstance(keys, EspKeys) else 0
        return Provision(keys, self.number(state), self.random.randbytes(size))


def arrival_scenario(random: Random) -> Scenario:
    """Return states with keys, policies that nearly ask for them, and a few packets through them."""
    return _arriving(random, input_scenario(random))


def raw_arrivals(random: Random) -> Scenario:
    """Return the same with policies that ask for anything."""
    return _arriving(random, raw_input(random))


def _arriving(random: Random, scenario: Scenario) -> Scenario:
    steps: list[Step] = [step for step in scenario.steps if isinstance(step, AddPolicy)]
    received = next(step for step in scenario.steps if isinstance(step, Receive))
    packets = random.choice((1, 2, 3, 4))
    added = {layer: _added(random, layer, packets) for layer in received.layers if _is_state(layer)}
    kept = [step for step in added.values() if random.random() < 0.97]
    random.shuffle(kept)
    layers = [added[layer].state if layer in added else layer for layer in received.layers]
    sender = _Sender({step.state: step.suite for step in added.values()}, random)
    body = upper_octets(received.flow)
    for _ in range(packets):
        octets = _damaged(random, sender, _sent(sender, received.flow, body, layers), layers)
        steps.append(_arrive(received.flow, octets, layers))
    places = [place for place, step in enumerate(steps) if isinstance(step, Arrive)]
    steps[places[0] : places[0]] = [*kept, *_wildcards(random, kept)]
    return Scenario(tuple(steps), scenario.listeners, octets=True)


def _is_state(layer: object) -> bool:
    return isinstance(layer, SecurityAssociation)


def _arrive(flow: Flow, octets: bytes, layers: Sequence[object]) -> Arrive:
    port = flow.destination_slot if flow.protocol == Protocol.UDP else 0
    return Arrive(octets, flow.protocol, port, sum(map(_is_state, layers)))


def _added(random: Random, layer: object, packets: int) -> AddState:
    """Return the step that adds the state of a layer: a suite, a window, now and then a limit of packets."""
    assert isinstance(layer, SecurityAssociation)
    suite = suite_for(random, layer.protocol)
    state = layer
    if random.random() < 0.08:
        state = replace(state, limits=Limits(hard_packets=packets - 1)) if packets > 1 else state
    if state.protocol not in (Protocol.ESP, Protocol.AH):
        return AddState(state, suite=suite)
    draw = random.random()
    if draw < 0.25 and suite is not Suite.READABLE:
        top, high = random.choice(((0, 0), (10, 0), (_HALF - 3, 0), (5, 1)))
        record = ExtendedReplay(_EXTENDED_WINDOW, (0, 0), sequence=top, sequence_high=high)
        return AddState(replace(state, flags=state.flags | StateFlag.ESN), record, suite)
    if draw < 0.75:
        state = replace(state, replay_window=random.choice((_WINDOW, 8)))
    return AddState(state, suite=suite)


def _wildcards(random: Random, added: Sequence[AddState]) -> list[AddState]:
    """Give some bindings another care-of address, and add states that take any binding."""
    found: list[AddState] = []
    for protocol in (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING):
        if random.random() < 0.1 and any(step.state.protocol is protocol for step in added):
            ends = random.choice(((_ANY, _ANY), (_ANY, random.choice(LOCAL)), (random.choice(REMOTE), _ANY)))
            flags = random.choice((StateFlag.WILDRECV, StateFlag.WILDRECV, StateFlag.NONE))
            care_of = random.choice((_ANY, *REMOTE))
            found.append(
                AddState(SecurityAssociation(*ends, protocol, Mode.RO, flags=flags, care_of=care_of))
            )
    return found


def _sent(sender: _Sender, flow: Flow, body: bytes, layers: Sequence[_Layer]) -> bytes:
    """Return one packet of the sender: mostly as the output loop makes it, else in the order of the layers.

    Where AH has a key, only the first way gives an integrity value that holds.
    """
    authentic = any(_has_digest(sender, layer) for layer in layers)
    if authentic or sender.random.random() < 0.5:
        return _emitted(sender, flow, body, layers)
    piece = Piece(flow.protocol, body, flow.source, flow.destination)
    for layer in reversed(layers):
        piece = _wrapped(sender, piece, _misplaced(sender.random, layer))
    return whole_packet(piece)


def _has_digest(sender: _Sender, layer: _Layer) -> bool:
    if not isinstance(layer, SecurityAssociation) or layer.protocol is not Protocol.AH:
        return False
    return sender.suites[layer] is not Suite.READABLE


def _misplaced(random: Random, layer: _Layer) -> _Layer:
    """Give a binding another care-of address now and then."""
    if isinstance(layer, SecurityAssociation) and layer.mode is Mode.RO and random.random() < 0.08:
        here = layer.protocol is Protocol.ROUTING
        return replace(layer, care_of=random.choice(LOCAL if here else REMOTE))
    return layer


def _emitted(sender: _Sender, flow: Flow, body: bytes, layers: Sequence[_Layer]) -> bytes:
    states = [layer for layer in layers if isinstance(layer, SecurityAssociation)]
    own = [layer for layer in layers if isinstance(layer, Header)]
    piece = Piece(flow.protocol, body, flow.source, flow.destination)
    for header in reversed(own):
        piece = wrap(piece, header)
    packet = decode(whole_packet(piece))
    assert isinstance(packet, Packet)
    for state in reversed(states):
        packet = apply_state(packet, state, sender.provision(state)).packet
    return encode(packet)


def _wrapped(sender: _Sender, piece: Piece, layer: _Layer) -> Piece:
    if not isinstance(layer, SecurityAssociation) or layer.protocol is not Protocol.ESP:
        return wrap(piece, layer)
    if layer.mode is Mode.TUNNEL:
        piece = Piece(Protocol.IPV6, whole_packet(piece), layer.source, layer.destination)
    given = sender.provision(layer)
    assert isinstance(given.keys, EspKeys)
    sealed = seal(given.keys, layer.spi, given.number, piece.next_header, piece.octets, given.iv)
    return Piece(Protocol.ESP, sealed, piece.source, piece.destination)


def _damaged(random: Random, sender: _Sender, octets: bytes, layers: Sequence[_Layer]) -> bytes:
    """Turn a bit over, or cut the end off, behind the first header that has an integrity value."""
    if random.random() < 0.7:
        return octets
    packet = decode(octets)
    assert isinstance(packet, Packet)
    kinds = (EspHeader, AuthenticationHeader)
    place = next((at for at, header in enumerate(packet.headers) if isinstance(header, kinds)), None)
    if place is None or not _is_authentic(sender, packet, place):
        return octets
    start = len(octets) - len(open_at(packet, place).octets)
    if random.random() < 0.3:
        return _cut(octets, random.randrange(start, len(octets)), mended=random.random() < 0.8)
    at = random.randrange(start, len(octets)) if random.random() < 0.6 else start + random.randrange(24)
    return octets[:at] + bytes((octets[at] ^ 1 << random.randrange(8),)) + octets[at + 1 :]


def _is_authentic(sender: _Sender, packet: Packet, place: int) -> bool:
    """Tell whether the header's state has an algorithm that notices damage."""
    spi = getattr(packet.headers[place], "spi", 0)
    suites = {suite for state, suite in sender.suites.items() if state.spi == spi}
    return bool(suites) and Suite.READABLE not in suites


def _cut(octets: bytes, size: int, *, mended: bool) -> bytes:
    """Cut a packet off; `mended` gives it the length that it has by then."""
    short = octets[:size]
    if not mended:
        return short
    length = (size - _IPV6_OCTETS).to_bytes(2, "big")
    return short[:_LENGTH_AT] + length + short[_LENGTH_AT + 2 :]


def deep_scenario(random: Random) -> Scenario:
    """Return packets with five to seven states on their way, where there is room for six."""
    flow = Flow(random.choice(REMOTE), HOME, Protocol.UDP, 5000, 5001)
    count = random.choice((5, 6, 7))
    esp = [_esp(flow, 0x1001 + number) for number in range(count)]
    bindings = [
        SecurityAssociation(flow.source, HOME, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=REMOTE[1]),
        SecurityAssociation(flow.source, HOME, Protocol.ROUTING, Mode.RO, care_of=LOCAL[0]),
    ]
    layers: list[_Layer] = [*esp]
    for binding in random.sample(bindings, random.choice((0, 1, 1, 2))):
        layers.insert(random.randrange(len(layers) + 1), binding)
    templates = [Template(s.protocol, s.mode) for s in reversed(layers) if isinstance(s, SecurityAssociation)]
    policy = Policy(Selector.between("::/0", "::/0"), Direction.IN, templates=tuple(templates[-5:]))
    added = [
        AddState(s, suite=suite_for(random, s.protocol)) for s in layers if isinstance(s, SecurityAssociation)
    ]
    sender = _Sender({step.state: step.suite for step in added}, random)
    octets = _sent(sender, flow, upper_octets(flow), layers)
    steps: list[Step] = [AddPolicy(policy)] if random.random() < 0.6 else []
    return Scenario((*steps, *added, _arrive(flow, octets, layers)), octets=True)


def _esp(flow: Flow, spi: int) -> SecurityAssociation:
    return SecurityAssociation(flow.source, flow.destination, Protocol.ESP, Mode.TRANSPORT, spi)


def icmp_scenario(random: Random) -> Scenario:
    """Return an ICMPv6 error about a packet of the node, through a state that may have the flag."""
    here, there = random.choice(LOCAL), random.choice(REMOTE)
    asked = Flow(here, there, Protocol.UDP, 5000, 5001)
    flow = Flow(there, here, Protocol.ICMPV6, 1, random.choice((0, 1, 3)))
    flags = random.choice((StateFlag.ICMP, StateFlag.ICMP, StateFlag.NONE))
    state = replace(_esp(flow, 0x1001), flags=flags)
    added = AddState(state, suite=suite_for(random, Protocol.ESP))
    sender = _Sender({state: added.suite}, random)
    policies = [AddPolicy(policy) for policy in _icmp_policies(random)]
    layers: list[_Layer] = [state] if random.random() < 0.85 else []
    octets = _emitted(sender, flow, _quoting(flow, asked), layers)
    return Scenario((*policies, added, _arrive(flow, octets, layers)), octets=True)


def _icmp_policies(random: Random) -> list[Policy]:
    """A policy for what the error is about, and one for the error itself that it may fail."""
    needs = (Template(Protocol.ESP, Mode.TRANSPORT),)
    other = (Template(Protocol.AH, Mode.TRANSPORT),)
    udp = Selector.between("::/0", "::/0", Protocol.UDP)
    if random.random() < 0.4:
        udp = replace(udp, source_port=PortMatch(random.choice((5000, 5001)), 0xFFFF))
    icmp = Selector.between("::/0", "::/0", Protocol.ICMPV6)
    return [
        Policy(udp, Direction.IN, templates=random.choice((needs, needs, other, ()))),
        Policy(icmp, Direction.IN, templates=random.choice((needs, other, other))),
    ]


def _quoting(flow: Flow, asked: Flow) -> bytes:
    """Return an ICMPv6 error that quotes a packet of the flow `asked`, its checksum right."""
    outer = IPv6Header(asked.source, asked.destination)  # type: ignore[arg-type]
    quoted = encode(Packet((outer, UpperLayer(asked.protocol)), upper_octets(asked, 64)))
    unsummed = bytes((flow.source_slot, flow.destination_slot, 0, 0)) + bytes(4) + quoted
    value = upper_checksum((flow.source, flow.destination), Protocol.ICMPV6, unsummed)
    return unsummed[:2] + value.to_bytes(2, "big") + unsummed[4:]
