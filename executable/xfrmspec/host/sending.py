"""The output loop: a packet goes through its bundle, one state after the other, or is dropped on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from xfrmspec.host.node import Node
from xfrmspec.host.one_state import EMIT_FAILURES, EmitStep, leave
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.applying import Provision, apply_state, opening_for
from xfrmspec.wire.build import Application
from xfrmspec.wire.coverage import OverrunError
from xfrmspec.wire.esp import EspKeys
from xfrmspec.xfrm.sequence import AtMaximum
from xfrmspec.xfrm.state_limits import count_packet
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import InstalledState, StateEvent

Octets = Callable[[int], bytes]
"""Where octets by chance come from: gives as many as asked for, an IV for each ESP state in turn.

Where the padding of AH is stale memory (the quirk `ah_padding_is_stale`), each AH state asks as well.
"""


@dataclass(frozen=True, slots=True)
class Emitted:
    """What became of a packet in the output loop: the packet for the route, or the step that failed.

    `failed_at` is the index of the state at fault in application order, `applied` what went on the packet.
    """

    node: Node
    packet: Packet | None
    failed: EmitStep | None = None
    failed_at: int = 0
    events: tuple[StateEvent, ...] = ()
    applied: tuple[Application, ...] = ()

    @property
    def counter(self) -> Counter | None:
        """The counter that the drop raised, None for a packet that left."""
        return None if self.failed is None else EMIT_FAILURES[self.failed][0]

    @property
    def errno(self) -> Errno:
        """What the sender sees."""
        return Errno.OK if self.failed is None else EMIT_FAILURES[self.failed][1]


@dataclass(frozen=True, slots=True)
class _Step:
    """One state applied, or the step that failed."""

    node: Node
    packet: Packet
    failed: EmitStep | None = None
    events: tuple[StateEvent, ...] = ()
    applied: tuple[Application, ...] = ()


@clause("XFRM-EMIT-001", "XFRM-EMIT-002", "XFRM-EMIT-006")
def emit(
    node: Node,
    packet: Packet,
    ages: Sequence[int],
    now: int,
    octets: Octets,
    at_maximum: AtMaximum = AtMaximum.STOP,
) -> Emitted:
    """Apply the states of a bundle, named by their ages in application order, at `now` (seconds).

    Source: XFRM-EMIT-001; kernel xfrm_output_one.
    """
    events: tuple[StateEvent, ...] = ()
    applied: tuple[Application, ...] = ()
    for index, age in enumerate(ages):
        entry = node.states.entry(age)
        step = (
            _Step(node, packet, EmitStep.VALIDITY)
            if entry is None
            else _apply(node, packet, entry, now, octets, at_maximum)
        )
        events, applied = events + step.events, applied + step.applied
        if step.failed is not None:
            return Emitted(step.node, None, step.failed, index, events)
        node, packet = step.node, step.packet
    return Emitted(node, packet, events=events, applied=applied)


def _apply(
    node: Node, packet: Packet, entry: InstalledState, now: int, octets: Octets, at_maximum: AtMaximum
) -> _Step:
    secured = node.of(entry.age)
    asked = leave(node.states, entry, secured.numbers, now, at_maximum)
    node = replace(node, states=asked.states)
    if asked.failed is not None:
        return _Step(node, packet, asked.failed, asked.events)
    node = node.with_secured(entry.age, replace(secured, numbers=asked.numbers))
    provision = _with_chance(Provision(secured.keys, asked.number), node.profile, octets)
    try:
        applied = apply_state(packet, entry.association, provision)
    except OverrunError:
        octets_behind = len(opening_for(packet, entry.association, provision).octets)
        node = replace(node, states=count_packet(node.states, entry, octets_behind))
        return _Step(node, packet, EmitStep.TRANSFORM, asked.events)
    node = replace(node, states=count_packet(node.states, entry, applied.octets))
    done = Application(entry.association, provision)
    return _Step(node, applied.packet, None, asked.events, (done,))


@clause("XFRM-AH-001")
def _with_chance(provision: Provision, profile: Profile, octets: Octets) -> Provision:
    """Give the provision what the sender does not determine."""
    keys = provision.keys
    if isinstance(keys, EspKeys):
        return replace(provision, iv=octets(keys.encryption.iv_octets))
    if isinstance(keys, AhKeys) and profile.ah_padding_is_stale:
        return replace(provision, padding=octets(keys.padding_octets))
    return provision
