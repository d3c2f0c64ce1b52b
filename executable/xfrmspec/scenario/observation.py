"""What can be seen from outside while a scenario runs, and how two observations differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeVar, runtime_checkable

from xfrmspec.scenario.events import Event, EventKind, StoredState
from xfrmspec.scenario.terms import Scenario
from xfrmspec_terms.packet import ChainElement, header_name
from xfrmspec_terms.policy import PolicyIdentity
from xfrmspec_terms.selector import Address

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The error number of one netlink operation, 0 is success; the SPI that it chose, and what it announced.

    Events are told of watched scenarios only. Those of a wait are sorted: the order among objects is no rule.
    """

    errno: int
    spi: int | None = None
    events: tuple[Event, ...] = ()


class Allowed(Protocol):
    """The packets that must leave, but for octets that a kernel draws by chance."""

    def nearest(self, octets: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the packets that must leave if those octets by chance are the ones in these packets."""
        ...


@dataclass(frozen=True, slots=True)
class PacketResult:
    """What one packet did.

    `errno` is what the sender saw (0 for received packets). `used` are the policies that have a use time
    after it, `counters` the counters of /proc/net/xfrm_stat that grew and by how much, both sorted. `wire`
    are the header chains that left the node, outermost IP header not listed. `delivered` is the source
    address that the receiving socket saw, None when nothing was delivered. `acquires` and `reports` count
    the events of these kinds, `events` tells all of a watched scenario. `payload` is what the receiving
    socket read, told of packets that arrive as octets. `octets` are the packets that left; they are compared
    with what `allowed` says must leave, which the reference has in scenarios about octets.
    """

    errno: int = 0
    used: tuple[PolicyIdentity, ...] = ()
    counters: tuple[tuple[str, int], ...] = ()
    wire: tuple[tuple[str, ...], ...] = ()
    delivered: Address | None = None
    acquires: int = 0
    reports: int = 0
    events: tuple[Event, ...] = ()
    payload: bytes | None = None
    octets: tuple[bytes, ...] = field(default=(), compare=False, repr=False)
    allowed: Allowed | None = field(default=None, compare=False, repr=False)


StepResult = OperationResult | PacketResult


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One policy of the final dump: what it is, and what of it an update may have changed."""

    identity: PolicyIdentity
    priority: int
    action: int
    templates: int


@dataclass(frozen=True, slots=True)
class Observation:
    """One result per step, and at the end the dump of the policies, newest object first.

    Of a watched scenario there is the dump of the states as well, sorted.
    """

    results: tuple[StepResult, ...]
    policies: tuple[StoredEntry, ...] = ()
    states: tuple[StoredState, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A scenario that gave no observation: the subject crashed, hung or could not run it."""

    reason: str


Outcome = Observation | Failure


@runtime_checkable
class Subject(Protocol):
    """Anything that scenarios can be run on: the reference under a profile, or a kernel."""

    @property
    def name(self) -> str:
        """What reports call the subject."""
        ...

    def run(self, scenario: Scenario) -> Outcome:
        """Run one scenario from empty tables."""
        ...

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[Outcome]:
        """Run scenarios in order, each from empty tables; one outcome for each."""
        ...


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two subjects disagree about; `step` None for the final dump or a failure."""

    step: int | None
    what: str
    first: object
    second: object


def differences(first: Outcome, second: Outcome) -> tuple[Difference, ...]:
    """Return everything two outcomes of one scenario disagree about, in step order."""
    if isinstance(first, Failure) or isinstance(second, Failure):
        return () if first == second else (Difference(None, "outcome", first, second),)
    found: list[Difference] = []
    for step, (one, other) in enumerate(zip(first.results, second.results, strict=True)):
        found.extend(_step_differences(step, one, other))
    if first.policies != second.policies:
        found.append(Difference(None, "policies", first.policies, second.policies))
    if first.states != second.states:
        found.append(Difference(None, "states", first.states, second.states))
    return tuple(found)


def _step_differences(step: int, one: StepResult, other: StepResult) -> Iterator[Difference]:
    if type(one) is not type(other):
        yield Difference(step, "kind", one, other)
        return
    if one != other:
        for entry in fields(one):
            first, second = getattr(one, entry.name), getattr(other, entry.name)
            if entry.compare and first != second:
                yield Difference(step, entry.name, first, second)
    if isinstance(one, PacketResult) and isinstance(other, PacketResult) and one.allowed is not None:
        expected = one.allowed.nearest(other.octets)
        found = other.octets if other.allowed is None else other.allowed.nearest(other.octets)
        if expected != found:
            yield Difference(step, "octets", expected, found)


def in_one_order(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """Return the events of a wait, or the states of a dump, in the one order that every subject has."""
    found = tuple(values)
    return found if len(found) < 2 else tuple(sorted(found, key=repr))


def ended_last(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return events with those of reached hard limits at the end: they come from a timer of their own."""
    return tuple(sorted(events, key=lambda event: event.kind is EventKind.EXPIRE and event.hard))


def chain_names(chain: Iterable[ChainElement]) -> tuple[str, ...]:
    """Return a chain as the names that observations hold."""
    return tuple(header_name(element) for element in chain)
