"""What theorems about a correspondent node share: traces, instances that can be replayed, and mutations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    at_most,
    both,
    implies,
    integer,
    less,
    same,
    unknown_relation,
    unknown_truth,
)
from xfrmspec_model.mobility_agent import AgentEventTerm
from xfrmspec_model.mobility_correspondent import (
    ENTRY_NUMBERS,
    ENTRY_TRUTHS,
    CorrespondentTerm,
    EntryTerm,
    EventTerm,
    Happening,
    Onlookers,
    after_event,
)
from xfrmspec_model.mobility_keys import Knows, TokenKind
from xfrmspec_model.mobility_numbers import NUMBERS
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO, UNIT
from xfrmspec_model.mobility_verdicts import ACCEPTED
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs.mobility_replay import CorrespondentRun, Happened
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import Profile

HOME, ATTACKER, CARE_OF, VICTIM = 1, 2, 3, 4
"""The addresses of a small trace: the home address, one of the attacker, two of the owner and of a third."""

OWNED = frozenset({HOME, CARE_OF})
LONGEST = UNIT * (NUMBERS - 1)
_PARTS = tuple(part.name for part in fields(EventTerm) if part.name != "attacker")

Sees = Callable[[Number, Number], Truth]
"""Whether the attacker reads what goes to an address at a time."""


@dataclass(frozen=True, slots=True)
class Course:
    """A node before and after the last event of a course, and what is assumed.

    In a small scene the course begins with a new node and has a few events; else the node before the last
    event is any that there may be.
    """

    scene: Scene
    events: tuple[EventTerm, ...]
    before: CorrespondentTerm
    after: CorrespondentTerm
    since: Number
    sees: Sees
    given: tuple[Truth, ...]
    instance: tuple[Truth, ...]
    values: Mapping[str, Number] = field(default_factory=dict)

    @property
    def last(self) -> EventTerm:
        """Return the last event."""
        return self.events[-1]

    def witness(self, holds: Callable[[CorrespondentRun], bool]) -> Callable[[Model], Witness]:
        """Read the events off a model and judge what the reference makes of them."""
        defences = self.scene.rules.mobility.defences

        def read(model: Model) -> Witness:
            events = [read_event(model, event) for event in self.events]
            values = {name: number(model, term) for name, term in self.values.items()}
            places = [(place, event.at) for event in events for place in _NAMES]
            seen = {place: truth(model, self.sees(*place)) for place in places}

            def lived(_: Profile) -> bool:
                def sees(place: int, at: int) -> bool:
                    return seen[place, at]

                run = CorrespondentRun(HOME, sees, OWNED, defences, values)
                return holds(run.run(events))

            read_by_attacker = sorted({_NAMES[place] for (place, _), told in seen.items() if told})
            facts: dict[str, object] = {
                "events": [event_facts(event) for event in events],
                "attacker_reads": read_by_attacker,
            }
            facts |= values
            return Witness(facts, lived)

        return read


def course(scene: Scene, length: int, sees: Sees) -> Course:
    """Return a course whose attacker reads what `sees` says; a small one has `length` events."""
    rules, context = scene.rules.mobility, scene.context
    events = [unknown_event(context, f"event{place}") for place in range(length if scene.small else 1)]
    home: Number = HOME if scene.small else integer(context, "home")
    node = CorrespondentTerm(home) if scene.small else unknown_node(context, home)
    given = [well_formed(event, Happening) for event in events]
    onlookers = Onlookers(
        attacker=lambda kind, place, at: sees(place, at),
        owner=lambda kind, place, at: among(place, sorted(OWNED)),
    )
    before, since = node, 0
    moment: Number = 0 if scene.small else integer(context, "since")
    for event in events:
        before, since = node, moment
        given += [at_most(since, event.at), at_most(node.newest, since)]
        node, moment = after_event(node, event, onlookers, rules), event.at
    instance = [_printable(event) for event in events]
    return Course(scene, tuple(events), before, node, since, sees, tuple(given), tuple(instance))


def unknown_event(context: Context, name: str) -> EventTerm:
    """Return an event of which nothing is known."""
    parts = {part: integer(context, f"{name}.{part}") for part in _PARTS}
    return EventTerm(**parts, attacker=unknown_truth(context, f"{name}.attacker"))


def unknown_entry(context: Context, name: str) -> EntryTerm:
    """Return an entry of which nothing is known."""
    numbers = {part: integer(context, f"{name}.{part}") for part in ENTRY_NUMBERS}
    truths = {part: unknown_truth(context, f"{name}.{part}") for part in ENTRY_TRUTHS}
    return EntryTerm(**numbers, **truths)


def unknown_node(context: Context, home: Number) -> CorrespondentTerm:
    """Return a node of which nothing is known, and an attacker and an owner who have read anything."""
    return CorrespondentTerm(
        home,
        unknown_entry(context, "entry"),
        integer(context, "newest"),
        unknown_knowledge(context, "attacker_knows"),
        unknown_knowledge(context, "owner_knows"),
        integer(context, "verdict"),
    )


def unknown_knowledge(context: Context, name: str) -> Knows:
    """Return an unknown predicate of tokens."""
    return unknown_relation(context, name, 3)


def well_formed(event: EventTerm | AgentEventTerm, kinds: type[IntEnum]) -> Truth:
    """Say that an event is one of these kinds, and its number and lifetime fit their fields."""
    return all_of(
        (
            among(event.kind, sorted(kinds)),
            at_most(0, event.at),
            both(at_most(0, event.number), less(event.number, NUMBERS)),
            both(at_most(0, event.lifetime), at_most(event.lifetime, LONGEST)),
            same(event.lifetime % UNIT, 0),
        )
    )


def _printable(event: EventTerm) -> Truth:
    """Say that an event is of the small trace's addresses, and has no field that its kind has not."""
    is_update = same(event.kind, Happening.UPDATE)
    unused = [same(event.number, 0), same(event.lifetime, 0)]
    return all_of(
        (
            among(event.address, (HOME, ATTACKER, CARE_OF, VICTIM)),
            less(event.at, 1 << 24),
            at_most(LONG_AGO, event.home_nonce),
            implies(same(event.kind, Happening.NOTHING), same(event.address, HOME)),
            *(implies(_other(is_update), each) for each in unused),
        )
    )


def _other(truth_: Truth) -> Truth:
    return implies(truth_, False)


def read_event(model: Model, event: EventTerm) -> Happened:
    """Return the event that a model assigns to a term."""
    parts = {part: number(model, getattr(event, part)) for part in _PARTS}
    return Happened(**parts, attacker=truth(model, event.attacker))


_NAMES = {HOME: "home", ATTACKER: "attacker's", CARE_OF: "care-of", VICTIM: "victim's"}


def event_facts(event: Happened) -> dict[str, object]:
    """Return an event as plain data; what its kind has not is left out."""
    kind = Happening(event.kind)
    facts: dict[str, object] = {"at": event.at, "event": kind.name.lower(), "address": _NAMES[event.address]}
    if kind is Happening.UPDATE:
        facts |= {"by": "attacker" if event.attacker else "owner"}
        facts |= {"number": event.number, "lifetime": event.lifetime}
    return facts


Invariant = Callable[[CorrespondentTerm, Number], Truth]
"""A truth about a node at a time."""


def always(
    told: Course,
    invariant: Invariant,
    holds: Callable[[CorrespondentRun], bool],
    given: Sequence[Truth] = (),
    instance: Sequence[Truth] = (),
) -> list[Claim]:
    """Return the claim that an invariant holds of a new node, and after every event if it did before."""
    begins = invariant(CorrespondentTerm(told.before.home), 0)
    hypotheses = [*told.given, *given, invariant(told.before, told.since)]
    goal = both(begins, invariant(told.after, told.last.at))
    return [Claim(hypotheses, goal, [*told.instance, *instance], told.witness(holds))]


def with_mobility(**changes: Callable[[MobilityRules], object]) -> Mutation:
    """Return the mutation that makes rules of `mobility` anew out of those there are."""

    def mutate(rules: Rules) -> Rules:
        made = {name: make(rules.mobility) for name, make in changes.items()}
        return replace(rules, mobility=replace(rules.mobility, **made))  # type: ignore[arg-type]

    return mutate


def without(defence: Defence) -> Mutation:
    """Return the mutation that switches a defence off."""
    return with_mobility(defences=lambda rules: rules.defences - {defence})


def all_on(scene: Scene) -> bool:
    """Tell whether every defence is on."""
    return scene.rules.mobility.defences == frozenset(Defence)


def tokens_of(event: EventTerm, home: Number) -> tuple[tuple[Number, Number, Number], ...]:
    """Return the names of the two tokens that an update can be signed with."""
    return (
        (int(TokenKind.HOME), home, event.home_nonce),
        (int(TokenKind.CARE_OF), event.address, event.care_of_nonce),
    )


def accepts(node: CorrespondentTerm) -> Truth:
    """Tell whether the last event was an update that was taken."""
    return same(node.verdict, ACCEPTED)
