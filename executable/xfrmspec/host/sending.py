"""The output loop: a packet goes through its bundle, one state after the other, or is dropped on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec.host.node import Node
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.applying import Provision, apply_state
from xfrmspec.wire.build import Application
from xfrmspec.wire.esp import EspKeys
from xfrmspec.xfrm.sequence import AtMaximum, next_sequence
from xfrmspec.xfrm.state_limits import ask_to_use, count_packet
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import Packet
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import InstalledState, StateEvent

Octets = Callable[[int], bytes]
"""Where octets by chance come from: gives as many as asked for, an IV for each ESP state in turn.

Where the padding of AH is stale memory (the quirk `ah_padding_is_stale`), each AH state asks as well.
"""

_HIGH_BITS = 32


class EmitStep(IntEnum):
    """The steps of the output loop for one state, in their order."""

    MODE = 1
    VALIDITY = 2
    LIMITS = 3
    NUMBER = 4
    TRANSFORM = 5


EMIT_FAILURES: dict[EmitStep, tuple[Counter, Errno]] = {
    EmitStep.MODE: (Counter.OUT_STATE_MODE_ERROR, Errno.EINVAL),
    EmitStep.VALIDITY: (Counter.OUT_STATE_INVALID, Errno.EINVAL),
    EmitStep.LIMITS: (Counter.OUT_STATE_EXPIRED, Errno.EINVAL),
    EmitStep.NUMBER: (Counter.OUT_STATE_SEQUENCE_ERROR, Errno.EOVERFLOW),
    EmitStep.TRANSFORM: (Counter.OUT_STATE_PROTOCOL_ERROR, Errno.EINVAL),
}
"""What a step that fails counts, and what the sender sees (XFRM-EMIT-001)."""


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
    if entry.association.lifecycle is not Lifecycle.VALID:
        return _Step(node, packet, EmitStep.VALIDITY)
    use = ask_to_use(node.states, entry, now)
    node = replace(node, states=use.database)
    if use.refusal is not None:
        return _Step(node, packet, EmitStep.LIMITS, use.events)
    secured = node.of(entry.age)
    numbered = next_sequence(secured.numbers, entry.association.protocol, at_maximum)
    if numbered.errno is not Errno.OK:
        return _Step(node, packet, EmitStep.NUMBER, use.events)
    node = node.with_secured(entry.age, replace(secured, numbers=numbered.state))
    number = numbered.high << _HIGH_BITS | numbered.low
    provision = _with_chance(Provision(secured.keys, number), node.profile, octets)
    applied = apply_state(packet, entry.association, provision)
    node = replace(node, states=count_packet(node.states, entry, applied.octets))
    done = Application(entry.association, provision)
    return _Step(node, applied.packet, None, use.events, (done,))


@clause("XFRM-AH-001")
def _with_chance(provision: Provision, profile: Profile, octets: Octets) -> Provision:
    """Give the provision what the sender does not determine."""
    keys = provision.keys
    if isinstance(keys, EspKeys):
        return replace(provision, iv=octets(keys.encryption.iv_octets))
    if isinstance(keys, AhKeys) and profile.ah_padding_is_stale:
        return replace(provision, padding=octets(keys.padding_octets))
    return provision
