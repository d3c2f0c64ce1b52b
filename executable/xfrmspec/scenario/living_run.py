"""A scenario under way whose states live: they are used, counted, numbered, expire, and time goes by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from xfrmspec.scenario.announced import policy_event, state_event
from xfrmspec.scenario.connections import Connection
from xfrmspec.scenario.events import Event, EventKind, StateName
from xfrmspec.scenario.numbers import UNNUMBERED, Numbers
from xfrmspec.scenario.steps import Run, with_states
from xfrmspec.xfrm.announcements import timer_fired
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import run_state_timers
from xfrmspec.xfrm.timers import fire_timer, first_check
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.state import InstalledState, StateEvent


@dataclass(slots=True)
class LivingRun:
    """Everything of one scenario under way; `numbers` and `checks` are by the age of state and policy.

    `checks` are the seconds in which the timers of policies fire, `events` what was announced since the last
    step, `sockets` those that stay. `state_changes` counts how often a search for states might have got
    another answer.
    """

    run: Run
    now: int = 0
    numbers: dict[int, Numbers] = field(default_factory=dict)
    checks: dict[int, int] = field(default_factory=dict)
    sockets: dict[int, Connection] = field(default_factory=dict)
    state_changes: int = 0
    events: list[Event] = field(default_factory=list)

    @property
    def states(self) -> StateDatabase:
        """The state database."""
        return self.run.states

    def put_states(self, states: StateDatabase, events: Iterable[StateEvent] = ()) -> None:
        """Take a changed database over, and what was announced with it."""
        if states is not self.states:
            self.state_changes += states.associations != self.states.associations
            self.run = with_states(self.run, states)
        self.events += map(state_event, events)

    def put_policies(self, policies: PolicyDatabase) -> None:
        """Take changed policies over; the timers of new ones are set."""
        self.run = self.run.over(policies=policies)
        for entry in policies:
            self.checks.setdefault(entry.age, first_check(entry))

    def numbers_of(self, age: int) -> Numbers:
        """Return the numbers of the state of an age."""
        return self.numbers.get(age, UNNUMBERED)

    def take_events(self) -> tuple[Event, ...]:
        """Return what was announced since the last time."""
        told, self.events = tuple(self.events), []
        return told

    @clause("XFRM-LIFE-005")
    def settle(self) -> None:
        """Let the timers fire that are due at once: those of states that are used up."""
        states, events = run_state_timers(self.states, self.now)
        self.put_states(states, (event for _, event in events))

    def wait(self, seconds: int) -> None:
        """Let whole seconds go by."""
        for _ in range(seconds):
            self.now += 1
            self.run = replace(self.run, now=self.now)
            self.settle()
            self._fire_policy_timers()
            self._fire_announcers()

    @clause("XFRM-TIMER-001", "XFRM-TIMER-002")
    def _fire_policy_timers(self) -> None:
        due = [e for e in self.run.tables.policies if self.checks.get(e.age, self.now + 1) <= self.now]
        for entry in due:
            fired = fire_timer(self.run.tables.policies, entry, self.now)
            self.put_policies(fired.database)
            self.events += map(policy_event, fired.events)
            self.checks[entry.age] = self.now + (1 << 32) if fired.next_check is None else fired.next_check

    @clause("XFRM-REPLAY-010")
    def _fire_announcers(self) -> None:
        for entry in self.states:
            numbers = self.numbers_of(entry.age)
            running = numbers.announcer.running and numbers.announcer.interval
            if entry.association.lifecycle is not Lifecycle.VALID or not running:
                continue
            fired = timer_fired(numbers.announcer, numbers.replay, listeners=True)
            self.numbers[entry.age] = replace(numbers, announcer=fired.announcer)
            if fired.cause is not None:
                self.announce_numbers(entry)

    def announce_numbers(self, entry: InstalledState) -> None:
        """Tell the listeners which numbers a state is at."""
        state, replay = entry.association, self.numbers_of(entry.age).replay
        name = StateName(
            state.source,
            state.destination,
            state.protocol,
            None,
            state.spi,
            state.reqid,
            state.mark.masked(),
        )
        event = Event(EventKind.COUNTERS, name, sequence=replay.top, out_sequence=replay.sent)
        self.events.append(event)
