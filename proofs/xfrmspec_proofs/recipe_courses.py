"""Courses of stages where bindings are kept: any history of them, and how it is replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec.mipv6.recipes.terms import Settings
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    at_most,
    both,
    choose_integer,
    choose_truth,
    either,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.recipe_bindings import (
    AGENT_STAGES,
    CORRESPONDENT_STAGES,
    WAYS,
    Does,
    SettingsTerm,
    StageTerm,
    agent_started,
    correspondent_started,
)
from xfrmspec_model.recipe_keys import Key, Look, Thing
from xfrmspec_model.recipe_policies import Protection, Slot
from xfrmspec_model.recipe_rules import RECIPE_RULES
from xfrmspec_model.recipe_tables import KEYS, Tables, Work, begun, empty_tables
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs import recipe_runs as run
from xfrmspec_proofs.recipe_runs import AGENT, CN, HA, HOME, OTHER, PEER, Standing
from xfrmspec_proofs.theorem import Scene, Witness
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.daemon import Role, Stage, StageKind
from xfrmspec_terms.profile import Profile

_K = StageKind
_HOME_NUMBER, _CARE_OF_NUMBERS = 1, (2, 3, 4)
STAGES: Mapping[Role, Sequence[tuple[StageKind, Does]]] = {
    HA: tuple(AGENT_STAGES.items()),
    CN: tuple(CORRESPONDENT_STAGES.items()),
}
"""The stages after the start of a node, and what they do."""

_BINDING: frozenset[Key] = frozenset({Thing.BOUND_OPTION, Thing.BOUND_HEADER, Slot.BOUND_IN, Slot.BOUND_OUT})
_TUNNEL: frozenset[Key] = frozenset(
    {
        Thing.DEVICE,
        Thing.PROXY,
        *(key for way in WAYS for key in (way.payload, way.tests, way.end, way.template)),
    }
)


@dataclass(frozen=True, slots=True)
class EventTerm:
    """A stage: its place among those of the role, whether it is about this home address, and a place."""

    kind: Number
    about_it: Truth
    care_of: Number


@dataclass(frozen=True, slots=True)
class HistoryTerm:
    """A node after some stages: its tables, and the care-of address of this home address (0: not bound)."""

    tables: Tables
    bound_to: Number


@dataclass(frozen=True, slots=True)
class CourseRun:
    """What the reference did: the node after its start and after the last stage."""

    settings: Settings
    first: Standing
    last: Standing
    stage: Stage

    def again(self) -> Standing:
        """Return the node after the last stage once more."""
        return run.worked(self.last, Recipe.CLEAN, self.settings, self.stage)


@dataclass(frozen=True, slots=True)
class Course:
    """A node before and after the last stage of a course, and what is assumed.

    `works` are the operations that each kind of stage would be. In a small scene the course begins with the
    start of the node; else the node before the last stage is any for which `stands_right` holds.
    """

    scene: Scene
    role: Role
    settings: SettingsTerm
    home: Number
    start: Tables
    events: tuple[EventTerm, ...]
    before: HistoryTerm
    works: tuple[Work, ...]
    after: HistoryTerm
    given: tuple[Truth, ...]
    instance: tuple[Truth, ...]

    @property
    def last(self) -> EventTerm:
        """Return the last event."""
        return self.events[-1]

    def is_last(self, *stages: StageKind) -> Truth:
        """Tell whether the last stage is one of some."""
        places = [place for place, (stage, _) in enumerate(STAGES[self.role]) if stage in stages]
        return among(self.last.kind, places)

    def stands_right_still(self) -> Truth:
        """Tell whether what holds after every history holds after the last stage."""
        return stands_right(self.role, self.after, self.home, self.settings, self.start)

    def twice(self, place: int) -> Tables:
        """Return the tables after a stage that is done once more."""
        stage, does = STAGES[self.role][place]
        work = begun(stage, self.works[place].tables, self.scene.rules.recipes)
        return does(work, _stage_term(self.home, self.last), self.settings).tables

    def witness(self, holds: Callable[[CourseRun], bool]) -> Callable[[Model], Witness]:
        """Read the stages off a model, and judge what the reference makes of them."""

        def read(model: Model) -> Witness:
            stages = [_read_event(model, self.role, event) for event in self.events]
            protects = run.protection_of(number(model, self.settings.protection))
            facts = {
                "role": self.role.value,
                "protection": protects.value,
                "stages": [
                    {"stage": stage.kind.value, "home": str(stage.peer), "care_of": str(stage.care_of)}
                    for stage in stages
                ],
            }
            return Witness(facts, lambda profile: holds(_course_run(self.role, protects, stages, profile)))

        return read


def _course_run(role: Role, protects: Protected, stages: Sequence[Stage], profile: Profile) -> CourseRun:
    settings = run.settings_of(role, protects)
    start = run.starts(settings)
    first = run.lived(Recipe.CLEAN, settings, start, profile)
    last = run.lived(Recipe.CLEAN, settings, [*start, *stages], profile)
    return CourseRun(settings, first, last, stages[-1])


def _read_event(model: Model, role: Role, event: EventTerm) -> Stage:
    stage, _ = STAGES[role][number(model, event.kind)]
    home = HOME if truth(model, event.about_it) else OTHER
    own = AGENT if role is HA else PEER
    return run.kept(stage, role, own, home, run.ADDRESS_OF[number(model, event.care_of)])


def _unknown_event(context: Context, name: str) -> EventTerm:
    kind, care_of = (integer(context, f"{name}.{part}") for part in ("kind", "care_of"))
    return EventTerm(kind, unknown_truth(context, f"{name}.about_it"), care_of)


def _stage_term(home: Number, event: EventTerm) -> StageTerm:
    return StageTerm(home, event.care_of, event.about_it)


def _start_of(role: Role, home: Number, settings: SettingsTerm) -> Tables:
    starting = agent_started if role is HA else correspondent_started
    return starting(begun(_K.STARTED, empty_tables(home), RECIPE_RULES), StageTerm(home, 0), settings).tables


def course(scene: Scene, role: Role, length: int) -> Course:
    """Return a course of any history and one more stage, a small one of `length` stages from the start."""
    context = scene.context
    protection = integer(context, f"{role.name}.protection")
    settings = SettingsTerm(protection)
    given: list[Truth] = [at_most(0, protection), at_most(protection, Protection.PAYLOAD)]
    home: Number = _HOME_NUMBER if scene.small else integer(context, f"{role.name}.home")
    start = _start_of(role, home, settings)
    history = HistoryTerm(start, 0)
    if not scene.small:
        history = _unknown_history(context, role)
        given += [less(0, home), stands_right(role, history, home, settings, start)]
    events = [_unknown_event(context, f"{role.name}.{i}") for i in range(length if scene.small else 1)]
    before, works = history, tuple[Work, ...]()
    for event in events:
        before = history
        works = _works(scene, role, before, home, event, settings)
        given += [less(0, event.care_of), negate(same(event.care_of, home))]
        given += [at_most(0, event.kind), less(event.kind, len(works)), _may_come(role, before, event)]
        history = _after(role, before, event, works)
    instance = [among(event.care_of, _CARE_OF_NUMBERS) for event in events]
    instance += [event.about_it for event in events]
    if role is CN:
        instance.append(same(protection, Protection.NONE))
    ends = (tuple(events), before, works, history)
    return Course(scene, role, settings, home, start, *ends, tuple(given), tuple(instance))


def _unknown_history(context: Context, role: Role) -> HistoryTerm:
    tables: Tables = {key: integer(context, f"{role.name}.{type(key).__name__}.{key.name}") for key in KEYS}
    return HistoryTerm(tables, integer(context, f"{role.name}.bound_to"))


def _works(
    scene: Scene, role: Role, before: HistoryTerm, home: Number, event: EventTerm, settings: SettingsTerm
) -> tuple[Work, ...]:
    return tuple(
        does(begun(stage, before.tables, scene.rules.recipes), _stage_term(home, event), settings)
        for stage, does in STAGES[role]
    )


def _may_come(role: Role, before: HistoryTerm, event: EventTerm) -> Truth:
    """Tell whether a stage may follow: BOUND if no binding stands, REBOUND if one does."""
    elsewhere, free = negate(event.about_it), same(before.bound_to, 0)
    allowed = {_K.BOUND: either(elsewhere, free), _K.REBOUND: either(elsewhere, negate(free))}
    return all_of(
        implies(same(event.kind, place), allowed.get(stage, True))
        for place, (stage, _) in enumerate(STAGES[role])
    )


def _after(role: Role, before: HistoryTerm, event: EventTerm, works: Sequence[Work]) -> HistoryTerm:
    history = before
    for place, (stage, _) in enumerate(STAGES[role]):
        here = same(event.kind, place)
        made = works[place].tables
        tables = {key: choose_integer(here, made[key], history.tables[key]) for key in KEYS}
        target = {_K.RELEASED: 0, _K.PROBING: before.bound_to}.get(stage, event.care_of)
        bound_to = choose_integer(both(here, event.about_it), target, history.bound_to)
        history = HistoryTerm(tables, bound_to)
    return history


def stands_right(
    role: Role, history: HistoryTerm, home: Number, settings: SettingsTerm, start: Tables
) -> Truth:
    """Tell what holds after every history: what the start made, and all of the binding or nothing of it."""
    kept = [key for key in KEYS if key not in _BINDING | (_TUNNEL if role is HA else frozenset())]
    bound = negate(same(history.bound_to, 0))
    routed = both(bound, settings.routes) if role is HA else bound
    parts = [same(history.tables[key], start[key]) for key in kept]
    parts.append(_holds_binding(history, routed))
    if role is HA:
        parts.append(_holds_tunnel(history, home, settings, start, bound))
    return all_of(parts)


def _holds_binding(history: HistoryTerm, there: Truth) -> Truth:
    expected: Mapping[Key, Number] = {
        Thing.BOUND_OPTION: history.bound_to,
        Thing.BOUND_HEADER: history.bound_to,
        Slot.BOUND_IN: int(Look.OPTION),
        Slot.BOUND_OUT: int(Look.HEADER),
    }
    return all_of(same(history.tables[key], choose_integer(there, expected[key], 0)) for key in expected)


def _holds_tunnel(
    history: HistoryTerm, home: Number, settings: SettingsTerm, start: Tables, bound: Truth
) -> Truth:
    """Tell whether the tunnel stands to the care-of address of the binding, or nothing of it stands."""
    tables, target = history.tables, history.bound_to
    there = [
        same(tables[Thing.DEVICE], choose_integer(settings.routes, target, 0)),
        same(tables[Thing.PROXY], 1),
    ]
    for way in WAYS:
        there += [
            same(tables[way.payload], choose_integer(settings.payload, int(Look.TUNNEL), 0)),
            same(tables[way.tests], choose_integer(settings.tests, int(Look.TUNNEL), 0)),
            same(tables[way.template], choose_integer(settings.has_policies, target, 0)),
            same(tables[way.end], choose_integer(settings.has_policies, target, home)),
        ]
    gone = all_of(same(tables[key], start[key]) for key in KEYS if key in _TUNNEL)
    return choose_truth(bound, all_of(there), gone)
