"""Unknown passes of the two loops, what makes them printable, and their replay through the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeVar

from xfrmspec.host.one_state import EMIT_FAILURES, INPUT_COUNTERS, EmitStep
from xfrmspec.host.one_state import InputStep as Asked
from xfrmspec.host.receiving import Arrived, receive
from xfrmspec.host.sending import Emitted, emit
from xfrmspec.wire.encode import encode
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec_model.folding import Number, Truth, among, at_most, bits, integer, same, unknown_truth
from xfrmspec_model.loops import ArrivingTerm, InputStep, LoopRules, OutputStep, SendingTerm
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs.nodes import (
    NOW,
    NUMBER,
    Holding,
    damaged,
    datagram,
    esp_state,
    node_with,
    packets_counted,
    protected,
    with_troubles,
)
from xfrmspec_proofs.theorem import Mutation
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import MAX_DEPTH, Mode
from xfrmspec_terms.profile import Profile

Step = TypeVar("Step", bound=IntEnum)

_LIVING = (Lifecycle.ACQ, Lifecycle.VALID, Lifecycle.ERROR, Lifecycle.EXPIRED)
_LIFECYCLE_BITS = 3
_LAST_NUMBER = 0xFFFFFFFF


def with_loops(**changes: object) -> Mutation:
    """Return a mutant with other rules of the two loops."""

    def mutate(rules: Rules) -> Rules:
        return replace(rules, loops=replace(rules.loops, **changes))  # type: ignore[arg-type]

    return mutate


def _moved(order: tuple[Step, ...], step: Step, other: Step) -> tuple[Step, ...]:
    others = [each for each in order if each is not step]
    place = others.index(other)
    return (*others[:place], step, *others[place:])


def input_step_before(step: InputStep, other: InputStep) -> Mutation:
    """Return a mutant whose input loop takes a step just before another that comes earlier."""
    order = LoopRules().input_order
    return with_loops(input_order=_moved(order, step, other))


def output_step_before(step: OutputStep, other: OutputStep) -> Mutation:
    """Return a mutant whose output loop takes a step just before another that comes earlier."""
    order = LoopRules().output_order
    return with_loops(output_order=_moved(order, step, other))


def unknown_sending(context: Context, index: int) -> SendingTerm:
    """Declare how the questions about one state of a bundle are answered."""
    names = ("fits", "spent", "numbered", "transforms")
    fits, spent, numbered, transforms = (unknown_truth(context, f"x{index}.{name}") for name in names)
    lifecycle = bits(context, f"x{index}.lifecycle", _LIFECYCLE_BITS)
    return SendingTerm(fits, lifecycle, spent, numbered, transforms)


def replayable_sending(sending: SendingTerm) -> list[Truth]:
    """Assume what the reference can be brought to: its packets and keys always fit their states."""
    return [among(sending.lifecycle, _LIVING), sending.header_fits, sending.transforms]


@dataclass(frozen=True, slots=True)
class Sending:
    """The answers of one state of a bundle, as a model assigns them."""

    lifecycle: Lifecycle
    spent: bool
    numbered: bool

    @property
    def failing(self) -> EmitStep | None:
        """The first question that is answered with no."""
        if self.lifecycle is not Lifecycle.VALID:
            return EmitStep.VALIDITY
        if self.spent:
            return EmitStep.LIMITS
        return None if self.numbered else EmitStep.NUMBER

    def facts(self) -> dict[str, object]:
        """Return the answers as plain data."""
        return {
            "lifecycle": self.lifecycle.name,
            "limit_reached": self.spent,
            "has_number": self.numbered,
        }


def read_sending(model: Model, sending: SendingTerm) -> Sending:
    """Return the answers that a model assigns."""
    lifecycle = Lifecycle(number(model, sending.lifecycle))
    return Sending(lifecycle, truth(model, sending.limit_reached), truth(model, sending.has_number))


def sent(chain: Sequence[Sending], profile: Profile) -> Emitted:
    """Send a packet through states that answer like these, the first applied first."""
    held = []
    for place, each in enumerate(chain):
        state = with_troubles(esp_state(place), lifecycle=each.lifecycle, spent=each.spent)
        held.append(Holding(state, ReplayState(sent=0 if each.numbered else _LAST_NUMBER)))
    ages = range(1, len(held) + 1)
    return emit(node_with(held, profile), datagram(), ages, NOW, lambda octets: bytes(octets))


def counter_of_first_failure(chain: Sequence[Sending]) -> Counter | None:
    """Return the counter of the first question that is answered with no, None when there is none."""
    failing = [each.failing for each in chain if each.failing]
    return EMIT_FAILURES[failing[0]][0] if failing else None


def unknown_arriving(context: Context) -> ArrivingTerm:
    """Declare how the questions about one header are answered."""
    names = ("spi", "found", "wrapped", "window", "spent", "transforms", "still", "fits")
    spi, found, wrapped, window, spent, transforms, still, fits = (
        unknown_truth(context, name) for name in names
    )
    return ArrivingTerm(
        spi_readable=spi,
        depth=integer(context, "depth"),
        state_found=found,
        lifecycle=bits(context, "lifecycle", _LIFECYCLE_BITS),
        same_encapsulation=wrapped,
        in_window=window,
        limit_reached=spent,
        transforms=transforms,
        in_window_still=still,
        mode_fits=fits,
    )


def possible_depth(depth: Number) -> list[Truth]:
    """Assume a sec_path that there can be."""
    return [at_most(0, depth), at_most(depth, MAX_DEPTH)]


def replayable_arriving(arriving: ArrivingTerm) -> list[Truth]:
    """Assume what the reference can be brought to: whole headers, and nothing else between two checks."""
    living = among(arriving.lifecycle, _LIVING)
    return [living, arriving.spi_readable, arriving.in_window_still, *possible_depth(arriving.depth)]


@dataclass(frozen=True, slots=True)
class Arriving:
    """The answers about one header behind `depth` tunnels, as a model assigns them."""

    depth: int
    found: bool
    lifecycle: Lifecycle
    same_encapsulation: bool
    in_window: bool
    spent: bool
    transforms: bool
    mode_fits: bool

    def facts(self) -> dict[str, object]:
        """Return the answers as plain data."""
        return {
            "depth": self.depth,
            "state_found": self.found,
            "lifecycle": self.lifecycle.name,
            "same_encapsulation": self.same_encapsulation,
            "in_window": self.in_window,
            "limit_reached": self.spent,
            "transforms": self.transforms,
            "mode_fits": self.mode_fits,
        }

    @property
    def may_advance(self) -> bool:
        """Whether every question up to the second one about the window is answered with yes."""
        return self.failing in (None, Asked.MODE)

    @property
    def failing(self) -> Asked | None:
        """The first question that is answered with no."""
        answers = {
            Asked.ROOM: self.depth < MAX_DEPTH,
            Asked.LOOKUP: self.found,
            Asked.VALIDITY: self.lifecycle is Lifecycle.VALID,
            Asked.ENCAPSULATION: self.same_encapsulation,
            Asked.WINDOW: self.in_window,
            Asked.LIMITS: not self.spent,
            Asked.TRANSFORM: self.transforms,
            Asked.MODE: self.mode_fits,
        }
        return next((step for step in sorted(answers) if not answers[step]), None)

    @property
    def counter(self) -> Counter | None:
        """The counter of that question."""
        if self.failing is Asked.VALIDITY and self.lifecycle is Lifecycle.ACQ:
            return Counter.IN_ACQUIRE_ERROR
        return INPUT_COUNTERS[self.failing] if self.failing else None


def read_arriving(model: Model, arriving: ArrivingTerm) -> Arriving:
    """Return the answers that a model assigns."""
    return Arriving(
        number(model, arriving.depth),
        truth(model, arriving.state_found),
        Lifecycle(number(model, arriving.lifecycle)),
        truth(model, arriving.same_encapsulation),
        truth(model, arriving.in_window),
        truth(model, arriving.limit_reached),
        truth(model, arriving.transforms),
        truth(model, arriving.mode_fits),
    )


@dataclass(frozen=True, slots=True)
class Reception:
    """What the reference made of a packet, and what became of the state of its innermost header."""

    arrived: Arrived
    advanced: bool
    counted: bool


def received(arriving: Arriving, profile: Profile) -> Reception:
    """Receive a packet whose innermost header is answered like this, the others with yes."""
    plain = esp_state(0)
    inner = protected(datagram(), [plain])
    tunnels = [esp_state(place, Mode.TUNNEL) for place in range(1, arriving.depth + 1)]
    octets = encode(protected(inner if arriving.transforms else damaged(inner), tunnels))
    troubled = with_troubles(
        replace(plain, mode=Mode.TRANSPORT if arriving.mode_fits else Mode.TUNNEL),
        lifecycle=arriving.lifecycle,
        spent=arriving.spent,
        wrapped=not arriving.same_encapsulation,
    )
    top = 0 if arriving.in_window else 2 * NUMBER
    target = [Holding(troubled, ReplayState(window=4, top=top))] if arriving.found else []
    held = [*(Holding(tunnel) for tunnel in tunnels), *target]
    arrived = receive(node_with(held, profile), octets, NOW)
    age = len(held)
    if not arriving.found:
        return Reception(arrived, advanced=False, counted=False)
    advanced = arrived.node.of(age).numbers.top != top
    return Reception(arrived, advanced, packets_counted(arrived.node, age) == 1)


def is_valid(lifecycle: Number) -> Truth:
    """Tell whether a state is VALID."""
    return same(lifecycle, Lifecycle.VALID)
