"""What theorems about a home agent share: traces, and their replay through the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.mipv6 import home_agent
from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.home_agent_settings import (
    HomeAgent,
    HomeAgentSettings,
    HomePrefix,
    Waiting,
    proxied,
    registration_of,
)
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    at_most,
    either,
    integer,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.mobility_agent import (
    AGENT_NUMBERS,
    AGENT_TRUTHS,
    NOBODY,
    NOTHING_TO_DELETE,
    AgentEntryTerm,
    AgentEventTerm,
    AgentHappening,
    AgentTerm,
    agent_after,
)
from xfrmspec_model.mobility_times import UNIT
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, HOME, well_formed
from xfrmspec_proofs.mobility_replay import OWN, address_of, number_of
from xfrmspec_proofs.theorem import Claim, Scene, Witness
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.daemon import (
    DaemonEffect,
    DaemonEvent,
    Heard,
    Probed,
    Say,
    Stage,
    StageKind,
    Step,
    Uniqueness,
    Woke,
)
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_binding_update import ACCEPTED as ACCEPTED_UPDATE
from xfrmspec_terms.mobility import AlternateCareOfAddress, BindingAcknowledgement, BindingUpdate

_PARTS = tuple(part.name for part in fields(AgentEventTerm) if part.name != "has_option")
OTHER = 5
"""The home address of another mobile node of the same agent."""

_LINK = IPv6Network((address_of(HOME), 64), strict=False)


@dataclass(frozen=True, slots=True)
class AgentHappened:
    """An event of a trace with plain numbers; the fields are those of the model's `AgentEventTerm`."""

    kind: int
    at: int
    care_of: int = 0
    number: int = 0
    lifetime: int = 0
    association: int = NOBODY
    has_option: bool = True


@dataclass(slots=True)
class AgentRun:
    """A home agent of the reference that serves one prefix, and what its stages have set up.

    `statuses` has one element for each update: the status acknowledged, None for silence. `accepted`
    are the numbers of those that were taken or had nothing to delete. `tunnels` are the care-of addresses
    of the tunnels by home address.
    """

    limit: int
    prefix_ends: int
    defences: frozenset[Defence]
    node: HomeAgent = field(init=False)
    statuses: list[int | None] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    tunnels: dict[IPv6Address, IPv6Address] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)
    registered_at: int = 0
    unprobed: bool = False
    vouched: int = NOBODY
    now: int = 0
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Begin with a new home agent."""
        prefix = HomePrefix(_LINK, self.prefix_ends)
        self.node = HomeAgent(HomeAgentSettings((prefix,), limit=self.limit, defences=self.defences))

    def run(self, events: Sequence[AgentHappened]) -> AgentRun:
        """Let events happen one after the other."""
        for event in events:
            self._happen(event)
        return self

    @property
    def registration(self) -> Binding | None:
        """Return the registration of the home address."""
        return registration_of(self.node, address_of(HOME))

    def stands_in(self) -> bool:
        """Tell whether the agent has tunnel and proxy exactly for what is registered."""
        binding = self.registration
        wanted = {} if binding is None else {address_of(HOME): binding.care_of}
        return self.tunnels == wanted and set(proxied(self.node)) == set(wanted)

    def _happen(self, event: AgentHappened) -> None:
        self.now = event.at
        was_probed = isinstance(self.node.registration(address_of(HOME)), Waiting)
        was_registered = self.registration is not None
        effects = self._step(event)
        said = [effect.message for effect in effects if isinstance(effect, Say)]
        told = [int(message.status) for message in said if isinstance(message, BindingAcknowledgement)]
        if event.kind == AgentHappening.UPDATE:
            self.statuses.append(told[0] if told else None)
            self.numbers.append(event.number)
        if event.kind == AgentHappening.UPDATE and self.statuses[-1] == NOTHING_TO_DELETE:
            self.accepted.append(event.number)
        if any(step.target == ACCEPTED_UPDATE for step in self.steps):
            self.accepted.append(event.number)
            self.vouched, self.registered_at = event.association, event.at
        if event.kind == AgentHappening.UNIQUE and self.registration is not None:
            self.registered_at = event.at if was_probed else self.registered_at
        if self.registration is not None and not was_registered:
            self.unprobed |= not (was_probed and event.kind == AgentHappening.UNIQUE)

    def _step(self, event: AgentHappened) -> tuple[DaemonEffect, ...]:
        answer = home_agent.step(self.node, self._told(event), event.at)
        self.node, self.steps = answer.node, answer.steps
        for effect in answer.effects:
            if isinstance(effect, Stage):
                self._carry_out(effect)
        return answer.effects

    def _carry_out(self, stage: Stage) -> None:
        home = stage.home_address
        assert home is not None
        if stage.kind in (StageKind.BOUND, StageKind.REBOUND) and stage.care_of is not None:
            self.tunnels[home] = stage.care_of
        if stage.kind is StageKind.RELEASED:
            self.tunnels.pop(home, None)

    def _told(self, event: AgentHappened) -> DaemonEvent:
        home = address_of(HOME)
        match event.kind:
            case AgentHappening.UNIQUE:
                return Probed(home, Uniqueness.UNIQUE)
            case AgentHappening.DUPLICATE:
                return Probed(home, Uniqueness.DUPLICATE)
            case AgentHappening.NOTHING:
                return Woke()
        update = BindingUpdate(
            event.number, acknowledge=True, home_registration=True, lifetime=event.lifetime // UNIT
        )
        care_of = address_of(event.care_of)
        association = None if event.association == NOBODY else address_of(event.association)
        if event.has_option:
            return Heard(update, home, OWN, care_of, association)
        options = () if event.care_of == HOME else (AlternateCareOfAddress(care_of),)
        return Heard(replace(update, options=options), home, OWN, None, association)


@dataclass(frozen=True, slots=True)
class AgentCourse:
    """A home agent before and after the last event of a course, and what is assumed."""

    scene: Scene
    events: tuple[AgentEventTerm, ...]
    before: AgentTerm
    after: AgentTerm
    since: Number
    given: tuple[Truth, ...]
    instance: tuple[Truth, ...]

    @property
    def last(self) -> AgentEventTerm:
        """Return the last event."""
        return self.events[-1]

    def witness(self, holds: Callable[[AgentRun], bool]) -> Callable[[Model], Witness]:
        """Read the events off a model and judge what the reference makes of them."""
        defences = self.scene.rules.mobility.defences

        def read(model: Model) -> Witness:
            events = [read_agent_event(model, event) for event in self.events]
            limit, ends = number(model, self.after.limit), number(model, self.after.prefix_ends)
            facts = [_facts(event) for event in events]
            return Witness(
                {"events": facts, "limit": limit, "prefix_ends": ends},
                lambda _: holds(AgentRun(limit, ends, defences).run(events)),
            )

        return read

    def always(
        self,
        invariant: Callable[[AgentTerm, Number], Truth],
        holds: Callable[[AgentRun], bool],
        instance: Sequence[Truth] = (),
        goal: Truth = True,
    ) -> list[Claim]:
        """Return the claim that an invariant holds at first and after every event, and with it a goal.

        A small course is judged by its end alone, so that an attack may take several steps.
        """
        begins = invariant(replace(self.after, entry=AgentEntryTerm(), tunnel=False), 0)
        known = True if self.scene.small else invariant(self.before, self.since)
        conclusion = all_of((begins, invariant(self.after, self.last.at), goal))
        return [Claim([*self.given, known], conclusion, [*self.instance, *instance], self.witness(holds))]


def agent_course(scene: Scene, length: int) -> AgentCourse:
    """Return a course at a home agent; a small one has `length` events and begins with a new agent."""
    rules, context = scene.rules.mobility, scene.context
    events = [_unknown_event(context, f"event{place}") for place in range(length if scene.small else 1)]
    limit, ends = integer(context, "limit"), integer(context, "prefix_ends")
    home: Number = HOME if scene.small else integer(context, "home")
    agent = AgentTerm(home, limit, ends) if scene.small else _unknown_agent(context, home, limit, ends)
    before, since = agent, 0
    moment: Number = 0 if scene.small else integer(context, "since")
    given: list[Truth] = [at_most(UNIT, limit)]
    for event in events:
        before, since = agent, moment
        given += [well_formed(event, AgentHappening), at_most(since, event.at)]
        agent, moment = agent_after(agent, event, rules), event.at
    instance = [_printable(event) for event in events]
    instance += [same(limit % UNIT, 0), less(limit, 1 << 24), less(ends, 1 << 26), less(0, ends)]
    return AgentCourse(scene, tuple(events), before, agent, since, tuple(given), tuple(instance))


def _unknown_event(context: Context, name: str) -> AgentEventTerm:
    parts = {part: integer(context, f"{name}.{part}") for part in _PARTS}
    return AgentEventTerm(**parts, has_option=unknown_truth(context, f"{name}.has_option"))


def _unknown_agent(context: Context, home: Number, limit: Number, ends: Number) -> AgentTerm:
    numbers = {part: integer(context, f"entry.{part}") for part in AGENT_NUMBERS}
    truths = {part: unknown_truth(context, f"entry.{part}") for part in AGENT_TRUTHS}
    return AgentTerm(
        home,
        limit,
        ends,
        AgentEntryTerm(**numbers, **truths),
        unknown_truth(context, "tunnel"),
        integer(context, "tunnel_end"),
        integer(context, "verdict"),
    )


def _printable(event: AgentEventTerm) -> Truth:
    is_update = same(event.kind, AgentHappening.UPDATE)
    plain = all_of((same(event.number, 0), same(event.lifetime, 0), same(event.care_of, HOME)))
    return all_of(
        (
            less(event.at, 1 << 24),
            among(event.care_of, (HOME, ATTACKER, CARE_OF)),
            among(event.association, (NOBODY, HOME, OTHER)),
            either(is_update, plain),
            either(negate(event.has_option), negate(same(event.care_of, HOME))),
        )
    )


def read_agent_event(model: Model, event: AgentEventTerm) -> AgentHappened:
    """Return the event that a model assigns to a term."""
    parts = {part: number(model, getattr(event, part)) for part in _PARTS}
    return AgentHappened(**parts, has_option=truth(model, event.has_option))


def _facts(event: AgentHappened) -> dict[str, object]:
    kind = AgentHappening(event.kind)
    facts: dict[str, object] = {"at": event.at, "event": kind.name.lower()}
    if kind is AgentHappening.UPDATE:
        owner = {NOBODY: "none", HOME: "own", OTHER: "another's"}[event.association]
        facts |= {"number": event.number, "lifetime": event.lifetime, "association": owner}
        facts |= {"care_of": str(address_of(event.care_of)), "option": event.has_option}
    return facts


def agent_bindings(edges: Sequence[tuple[int, int]], defences: frozenset[Defence]) -> dict[int, int]:
    """Return what a home agent registers when every edge is asked for under the right association.

    An edge is a home address and a care-of address; so is the answer. No probe finds a duplicate.
    """
    everything = HomePrefix(IPv6Network((address_of(0), 32), strict=False))
    agent = HomeAgent(HomeAgentSettings((everything,), defences=defences))
    for at, (home, care_of) in enumerate(edges):
        address = address_of(home)
        update = BindingUpdate(at, acknowledge=True, home_registration=True, lifetime=1)
        heard = Heard(update, address, OWN, address_of(care_of), address)
        for event in (heard, Probed(address, Uniqueness.UNIQUE)):
            agent = home_agent.step(agent, event, at).node
    bindings = [entry for entry in agent.entries if isinstance(entry, Binding)]
    return {number_of(binding.home_address): number_of(binding.care_of) for binding in bindings}
