"""The home agent: one step for one event, and when it wants to be woken."""

from __future__ import annotations

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.home_agent_life import accept, end_probe, grow_older, refuse, use
from xfrmspec.mipv6.home_agent_settings import HomeAgent
from xfrmspec.mipv6.home_agent_update import judge_event
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEvent, Probed, Used, Woke
from xfrmspec_terms.machines_binding_update import ACCEPTED, DROPPED, PASSED_OVER, status_of
from xfrmspec_terms.mobility import BindingStatus

Agent = Answer[HomeAgent]


@clause("XFRM-HA-028", "XFRM-HA-030")
def step(agent: HomeAgent, event: DaemonEvent, now: int) -> Agent:
    """Return what a home agent makes of an event at `now` (ms); what is due by then comes first."""
    settled = _settle(agent, now)
    match event:
        case Woke() if settled.steps:
            return settled
        case Used():
            return use(settled.node, event.peer).after(settled)
        case Probed():
            return end_probe(settled.node, event, now).after(settled)
    return _judge(settled.node, event, now).after(settled)


def deadline(agent: HomeAgent) -> int | None:
    """Return when the agent wants to be woken (ms), None for never."""
    due = (entry.deadline() for entry in agent.entries if isinstance(entry, Binding))
    return min((moment for moment in due if moment is not None), default=None)


def _settle(agent: HomeAgent, now: int) -> Agent:
    """Do what is due for every entry, in the order of home addresses."""
    answer: Agent = Answer(agent)
    for entry in agent.entries:
        answer = grow_older(answer.node, entry, now).after(answer)
    return answer


def _judge(agent: HomeAgent, event: DaemonEvent, now: int) -> Agent:
    request, steps = judge_event(agent, event, now)
    judged: Agent = Answer(agent, (), steps)
    outcome = steps[-1].target
    if request is None or outcome in (DROPPED, PASSED_OVER):
        return judged
    if outcome == ACCEPTED:
        return accept(agent, request, now).after(judged)
    return refuse(agent, request, BindingStatus(status_of(outcome)), now).after(judged)
