"""The correspondent node: one step for one event, and when it wants to be woken."""

from __future__ import annotations

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_request import request_of
from xfrmspec.mipv6.correspondent_life import accept, deadline_of, grow_older, refuse, use
from xfrmspec.mipv6.correspondent_messages import answer_report, answer_test, answer_unknown, judge_message
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.correspondent_update import judge_update
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEvent, Heard, Unbound, Used, Woke
from xfrmspec_terms.machines_binding_update import ACCEPTED, DROPPED, status_of
from xfrmspec_terms.machines_correspondent import ANSWERED, JUDGED
from xfrmspec_terms.mobility import BindingStatus, BindingUpdate, CareOfTestInit, HomeTestInit

Peer = Answer[CorrespondentNode]


@clause("XFRM-CN-030", "XFRM-CN-035")
def step(node: CorrespondentNode, event: DaemonEvent, now: int) -> Peer:
    """Return what a correspondent node makes of an event at `now` (ms); what is due by then comes first."""
    settled = _settle(node, now)
    match event:
        case Woke() if settled.steps:
            return settled
        case Used():
            return use(settled.node, event.peer).after(settled)
    return _judge(settled.node, event, now).after(settled)


def deadline(node: CorrespondentNode) -> int | None:
    """Return when the node wants to be woken (ms), None for never."""
    due = (deadline_of(node, entry) for entry in node.entries)
    return min((moment for moment in due if moment is not None), default=None)


def _settle(node: CorrespondentNode, now: int) -> Peer:
    """Do what is due for every entry, in the order of home addresses."""
    answer: Peer = Answer(node)
    for entry in node.entries:
        answer = grow_older(answer.node, entry, now).after(answer)
    return answer


def _judge(node: CorrespondentNode, event: DaemonEvent, now: int) -> Peer:
    steps = judge_message(node, event, now)
    judged: Peer = Answer(node, (), steps)
    if steps[-1].target not in (JUDGED, ANSWERED):
        return judged
    match event:
        case Unbound():
            return answer_report(node, event, now).after(judged)
        case Heard():
            return _hear(node, event, now).after(judged)
    return judged


def _hear(node: CorrespondentNode, heard: Heard, now: int) -> Peer:
    message = heard.message
    if isinstance(message, BindingUpdate):
        return _update(node, heard, message, now)
    if isinstance(message, HomeTestInit | CareOfTestInit):
        return answer_test(node, heard, message, now)
    return answer_unknown(node, heard, now)


def _update(node: CorrespondentNode, heard: Heard, update: BindingUpdate, now: int) -> Peer:
    request = request_of(heard, update)
    proof, steps = judge_update(node, request, now)
    judged: Peer = Answer(node, (), steps)
    outcome = steps[-1].target
    if outcome == DROPPED:
        return judged
    if outcome == ACCEPTED:
        return accept(node, request, proof.key, now).after(judged)
    return refuse(node, request, BindingStatus(status_of(outcome)), proof.key).after(judged)
