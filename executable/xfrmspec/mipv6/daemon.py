"""MIPd: the machines of one node's roles, and the recipe that turns their stages into operations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.mipv6 import correspondent_node, home_agent, mobile_node
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.home_agent_settings import HomeAgent
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.mipv6.recipes.recipe import (
    Recipe,
    after,
    as_said,
    operations,
    operations_before_message,
)
from xfrmspec.mipv6.recipes.terms import NOTHING, Memory, RecipeOperation, Settings
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEffect, DaemonEvent, Heard, Probe, Role, Say, Stage, StageKind, Step
from xfrmspec_terms.machines_binding_update import PASSED_OVER
from xfrmspec_terms.mobility import BindingUpdate

Deed = Say | Stage | Probe | RecipeOperation
"""What a daemon does, one thing after the other; a stage stands before the operations that it asks for."""


@clause("XFRM-DAEMON-001")
@dataclass(frozen=True, slots=True)
class Daemon:
    """The daemon of one node: a machine for each of its roles, a recipe, and what that has installed."""

    recipe: Recipe
    settings: Settings
    mobile: MobileNode | None = None
    agent: HomeAgent | None = None
    correspondent: CorrespondentNode | None = None
    memory: Memory = NOTHING

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that have a machine, in the order in which events come to them."""
        machines = (
            (Role.MOBILE_NODE, self.mobile),
            (Role.HOME_AGENT, self.agent),
            (Role.CORRESPONDENT_NODE, self.correspondent),
        )
        return tuple(role for role, machine in machines if machine is not None)


@dataclass(frozen=True, slots=True)
class Reaction:
    """The daemon after an event, what it does in this order, and the transitions its machines took."""

    daemon: Daemon
    deeds: tuple[Deed, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def says(self) -> tuple[Say, ...]:
        """The messages that it sends."""
        return tuple(deed for deed in self.deeds if isinstance(deed, Say))

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The duplicate address detections that it begins."""
        return tuple(deed for deed in self.deeds if isinstance(deed, Probe))

    @property
    def operations(self) -> tuple[RecipeOperation, ...]:
        """What it asks of its kernel."""
        return tuple(deed for deed in self.deeds if not isinstance(deed, Say | Stage | Probe))


@dataclass(frozen=True, slots=True)
class _Turn:
    """A daemon while its machines are asked, with their effects and steps so far."""

    daemon: Daemon
    effects: tuple[DaemonEffect, ...] = ()
    steps: tuple[Step, ...] = ()

    def then(self, daemon: Daemon, effects: tuple[DaemonEffect, ...], steps: tuple[Step, ...]) -> _Turn:
        return _Turn(daemon, (*self.effects, *effects), (*self.steps, *steps))


@clause("XFRM-DAEMON-003")
def step(daemon: Daemon, event: DaemonEvent, now: int) -> Reaction:
    """Return what the machines of a node make of an event at `now` (ms), and what that asks of the kernel."""
    turn = _ask_correspondent(_ask_agent(_ask_mobile(_Turn(daemon), event, now), event, now), event, now)
    return _carried_out(turn)


def deadline(daemon: Daemon) -> int | None:
    """Return when some machine wants to be woken (ms), None for never."""
    due: list[int | None] = []
    if daemon.mobile is not None:
        due.append(mobile_node.deadline(daemon.mobile))
    if daemon.agent is not None:
        due.append(home_agent.deadline(daemon.agent))
    if daemon.correspondent is not None:
        due.append(correspondent_node.deadline(daemon.correspondent))
    return min((moment for moment in due if moment is not None), default=None)


def start(daemon: Daemon) -> Reaction:
    """Return what the daemon sets up before the first event: one stage for each of its roles."""
    stages = tuple(_of_node(daemon, StageKind.STARTED, role) for role in daemon.roles)
    return _carried_out(_Turn(daemon, stages))


def stop(daemon: Daemon) -> Reaction:
    """Return what the daemon takes away again: all that its recipe has set."""
    return _carried_out(_Turn(daemon, (_of_node(daemon, StageKind.STOPPED, daemon.roles[0]),)))


def _of_node(daemon: Daemon, kind: StageKind, role: Role) -> Stage:
    if role is not Role.MOBILE_NODE:
        return Stage(kind, role, own=daemon.settings.address)
    return Stage(kind, role, daemon.settings.address, daemon.settings.home_agent)


def _ask_mobile(turn: _Turn, event: DaemonEvent, now: int) -> _Turn:
    if turn.daemon.mobile is None:
        return turn
    answer = mobile_node.step(turn.daemon.mobile, event, now)
    return turn.then(replace(turn.daemon, mobile=answer.node), answer.effects, answer.steps)


def _ask_agent(turn: _Turn, event: DaemonEvent, now: int) -> _Turn:
    if turn.daemon.agent is None:
        return turn
    answer = home_agent.step(turn.daemon.agent, event, now)
    return turn.then(replace(turn.daemon, agent=answer.node), answer.effects, answer.steps)


@clause("XFRM-DAEMON-003", "XFRM-CN-040")
def _ask_correspondent(turn: _Turn, event: DaemonEvent, now: int) -> _Turn:
    """An update that the home agent of the node has answered or dropped is not asked about again."""
    if turn.daemon.correspondent is None or _is_taken(turn, event):
        return turn
    answer = correspondent_node.step(turn.daemon.correspondent, event, now)
    return turn.then(replace(turn.daemon, correspondent=answer.node), answer.effects, answer.steps)


def _is_taken(turn: _Turn, event: DaemonEvent) -> bool:
    if turn.daemon.agent is None or not isinstance(event, Heard):
        return False
    return isinstance(event.message, BindingUpdate) and turn.steps[-1].target != PASSED_OVER


@clause("XFRM-DAEMON-003", "XFRM-DAEMON-018")
def _carried_out(turn: _Turn) -> Reaction:
    """Put the operations of every stage behind it, and what the recipe does before messages before them."""
    daemon, deeds = turn.daemon, list[Deed]()
    for effect in turn.effects:
        if isinstance(effect, Stage):
            asked = operations(daemon.recipe, daemon.settings, effect, daemon.memory)
            deeds += (effect, *asked)
        else:
            asked = operations_before_message(daemon.recipe) if isinstance(effect, Say) else ()
            deeds += (*asked, as_said(daemon.recipe, effect) if isinstance(effect, Say) else effect)
        daemon = replace(daemon, memory=after(daemon.memory, asked))
    return Reaction(daemon, tuple(deeds), turn.steps)
