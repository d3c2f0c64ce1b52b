"""A home agent to be asked, and what its answers hold."""

from __future__ import annotations

from ipaddress import IPv6Address

from mobility_peers import (
    AGENT,
    CARE_A,
    HOME,
    HOME_AGENT,
    Wish,
    agent,
    registered,
    registration_heard,
    said,
)

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import Binding
from xfrmspec.mipv6.home_agent import step
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings
from xfrmspec_terms.daemon import (
    Probed,
    Role,
    Stage,
    StageKind,
    Uniqueness,
)
from xfrmspec_terms.machines_binding_update import DROPPED
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
)

UNIQUE, DUPLICATE = Probed(HOME, Uniqueness.UNIQUE), Probed(HOME, Uniqueness.DUPLICATE)
NOW = 10_000
FIRST = Wish()


def asked(node: HomeAgent, wish: Wish = FIRST, now: int = NOW) -> Answer[HomeAgent]:
    return step(node, registration_heard(wish, wish.home), now)


def home_agent(wish: Wish = FIRST, settings: HomeAgentSettings = HOME_AGENT) -> HomeAgent:
    """Return an agent with one registration, made at NOW."""
    return registered(agent(settings), NOW, wish).node


def stages(answer: Answer[HomeAgent]) -> list[Stage]:
    return [effect for effect in answer.effects if isinstance(effect, Stage)]


def stage(kind: StageKind, care_of: IPv6Address = CARE_A, previous: IPv6Address | None = None) -> Stage:
    return Stage(kind, Role.HOME_AGENT, HOME, HOME, care_of, previous, AGENT)


def acknowledgement(answer: Answer[HomeAgent]) -> BindingAcknowledgement:
    message = said(answer).message
    assert isinstance(message, BindingAcknowledgement)
    return message


def granted(answer: Answer[HomeAgent]) -> int:
    (entry,) = answer.node.entries
    assert isinstance(entry, Binding)
    return entry.granted


def dropped(answer: Answer[HomeAgent]) -> bool:
    return answer.effects == () and answer.steps[-1].target == DROPPED
