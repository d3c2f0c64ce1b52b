"""A mobile node, the end that it registers with, and the events between them, of which nothing is known."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec_model.folding import Truth, all_of, implies, integer, same, unknown_truth
from xfrmspec_model.mobility_agent import AgentTerm
from xfrmspec_model.mobility_pair import UPDATE_PARTS, PairEventTerm, PairHappening, PairTerm, UpdateTerm
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs.pairs import PairHappened
from xfrmspec_proofs.witness import number


def any_update(context: Context, name: str) -> UpdateTerm:
    """Return an unknown update."""
    return UpdateTerm(*(integer(context, f"{name}.{part}") for part in UPDATE_PARTS))


def any_event(context: Context, name: str) -> PairEventTerm:
    """Return an unknown event."""
    update = any_update(context, name)
    return PairEventTerm(integer(context, f"{name}.kind"), integer(context, f"{name}.at"), update)


def any_mobile_node(context: Context, agent: AgentTerm) -> PairTerm:
    """Return a mobile node that has registered with an agent, and a network that holds any updates."""
    last, counted, held = (any_update(context, name) for name in ("last", "counted", "held"))
    waits, answered, counts = (unknown_truth(context, name) for name in ("waits", "answered", "counts"))
    ends, granted = integer(context, "counted_end"), integer(context, "granted")
    return PairTerm(agent, last, waits, answered, granted, counts, counted, ends, held)


def same_update(one: UpdateTerm, other: UpdateTerm) -> Truth:
    """Say that two updates are one."""
    return all_of(same(getattr(one, part), getattr(other, part)) for part in UPDATE_PARTS)


def arrives_as_sent(earlier: PairEventTerm, event: PairEventTerm) -> Truth:
    """Say that an update which arrives is the one that was sent with its number, if an event sent it."""
    of_one = all_of(
        (
            same(earlier.kind, PairHappening.SENT),
            same(event.kind, PairHappening.ARRIVED),
            same(earlier.update.count, event.update.count),
        )
    )
    return implies(of_one, same_update(earlier.update, event.update))


def happened(model: Model, events: Sequence[PairEventTerm]) -> list[PairHappened]:
    """Read the events of a counterexample."""
    return [
        PairHappened(
            number(model, event.kind),
            number(model, event.at),
            number(model, event.update.count),
            number(model, event.update.care_of),
        )
        for event in events
    ]
