"""What a connected socket remembers as drawn is what the reference does: every transition is made once."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.scenario.living_run import LivingRun
from xfrmspec.scenario.sending import still_usable
from xfrmspec.scenario.stateful import take_step
from xfrmspec.scenario.steps import begin
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    Migrate,
    Open,
    SendOn,
    SetDefaults,
    Step,
)
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.machine import Transition
from xfrmspec_terms.machines_caches import BUNDLE_CACHE, BUNDLED, NOTHING, PLAIN, STALE
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyType, Template, identity_of
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.selector import Flow, Protocol, Selector

HERE, THERE, MOVED = map(IPv6Address, ("2001:db8::1", "2001:db8:b::1", "2001:db8:b::2"))
OPEN = Selector.between("::/0", "::/0")
ELSEWHERE = Policy(Selector.between("::/0", "2001:dbb::/32"), Direction.OUT)
INNER = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE, reqid=1)
OUTER = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE, reqid=2)
SUB = Policy(OPEN, Direction.OUT, PolicyType.SUB, templates=(INNER,))
MAIN = Policy(OPEN, Direction.OUT, templates=(OUTER,))
STATES = tuple(
    SecurityAssociation(IPv6Address(0), THERE, Protocol.ESP, Mode.TUNNEL, 0x1000 + reqid, reqid)
    for reqid in (1, 2)
)
UNRELATED = replace(STATES[0], destination=MOVED, spi=0x2000)
PASS, BLOCK = (Policy(OPEN, Direction.OUT, priority=1, action=action) for action in Action)

BEFORE: dict[str, tuple[Step, ...]] = {
    "passes untransformed": (AddPolicy(PASS),),
    "finds states": (*map(AddPolicy, (SUB, MAIN)), *map(AddState, STATES)),
    "blocked, dropped or vanishes": (AddPolicy(MAIN),),
}
FIRST: dict[str, tuple[Step, ...]] = {
    NOTHING: (AddPolicy(replace(MAIN, templates=(replace(OUTER, reqid=3),))),),
    PLAIN: (*BEFORE["passes untransformed"], AddPolicy(ELSEWHERE)),
    BUNDLED: (*BEFORE["finds states"], AddPolicy(ELSEWHERE)),
}


def moved(policy: Policy, reqid: int) -> Step:
    return Migrate(
        identity_of(policy), (Migration(HERE, THERE, HERE, MOVED, Protocol.ESP, Mode.TUNNEL, reqid),)
    )


CHANGES: dict[tuple[str, str], Step] = {
    ("policy added or updated", ""): AddPolicy(replace(ELSEWHERE, direction=Direction.IN)),
    ("policy deleted", ""): DeletePolicy(identity_of(ELSEWHERE)),
    ("policy migrated", "the first"): moved(SUB, 1),
    ("policy migrated", "the second"): moved(MAIN, 2),
    ("default actions set", ""): SetDefaults(DefaultActions()),
    ("own state ends", "deleted or expired"): DeleteState(STATES[0]),
    ("own state is superseded", "same ends and reqid"): AddState(replace(STATES[0], spi=0x3000)),
    ("a state comes, changes or goes", ""): AddState(UNRELATED),
    ("a state comes, changes or goes", "no state of the bundle"): AddState(UNRELATED),
}


def standing(host: LivingRun) -> str:
    """Return the machine's state of socket 1."""
    connection = host.sockets[1]
    if connection.kept is None or connection.kept.remembered is None:
        return NOTHING
    if still_usable(host, connection) is None:
        return STALE
    return PLAIN if connection.kept.remembered.bundle is None else BUNDLED


def taken(host: LivingRun, steps: tuple[Step, ...]) -> LivingRun:
    for step in steps:
        assert take_step(step, host).errno == 0
        host.settle()
    return host


def opened(steps: tuple[Step, ...]) -> LivingRun:
    flow = Flow(HERE, THERE, Protocol.UDP, 4001, 4002)
    return taken(LivingRun(begin(CLEAN, LABORATORY, listeners=True)), (*steps, Open(1, flow)))


def emptied(host: LivingRun) -> LivingRun:
    """Take every policy away, so that the next lookup finds what is put there."""
    policies = tuple(host.run.tables.policies)
    return taken(host, tuple(DeletePolicy(identity_of(entry.policy)) for entry in policies))


def start(transition: Transition) -> LivingRun:
    """Return a host whose socket is in the source, ready for the event."""
    if transition.event != "lookup":
        return opened(FIRST[transition.source])
    host = emptied(opened(FIRST[NOTHING if transition.source == NOTHING else PLAIN]))
    return taken(host, BEFORE[transition.guard])


@pytest.mark.clause("XFRM-CACHE-001", "XFRM-CACHE-002", "XFRM-CACHE-003", "XFRM-CACHE-006")
@pytest.mark.clause("XFRM-CACHE-007", "XFRM-CACHE-008", "XFRM-BUNDLE-001", "XFRM-DB-008")
@pytest.mark.parametrize(
    "transition", BUNDLE_CACHE.transitions, ids=lambda t: f"{t.source}, {t.event}, {t.guard}"
)
def test_the_reference_makes_every_transition_as_drawn(transition: Transition) -> None:
    host = start(transition)
    assert standing(host) == transition.source
    event = SendOn(1) if transition.event in ("lookup", "packet") else None
    before = host.sockets[1].kept
    taken(host, (event or CHANGES[transition.event, transition.guard],))
    assert standing(host) == transition.target
    assert (host.sockets[1].kept is before) == (transition.event != "lookup")


def test_a_blocked_connection_remembers_nothing() -> None:
    host = opened((AddPolicy(PASS),))
    taken(host, (AddPolicy(replace(BLOCK, priority=0, type=PolicyType.SUB)),))
    assert take_step(SendOn(1), host).errno == 1
    assert standing(host) == NOTHING
