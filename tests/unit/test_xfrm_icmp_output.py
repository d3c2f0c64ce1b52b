"""ICMP errors: when the policy of the quoted packet decides instead."""

from __future__ import annotations

import pytest
from builders import flow

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.icmp_output import decide_icmp_error
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.tables import DefaultActions, XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter, Decision, Errno
from xfrmspec_terms.policy import Action, DefaultAction, Direction, Mode, Policy, PolicyFlag, Template
from xfrmspec_terms.selector import Protocol, Selector

ERROR = flow(protocol=Protocol.ICMPV6, source_slot=1, destination_slot=4)
QUOTED = flow(protocol=Protocol.UDP, source_slot=5000, destination_slot=4000)
ESP = Template(Protocol.ESP, Mode.TRANSPORT)


def policy(protocol: Protocol, action: Action, *templates: Template, flags: PolicyFlag) -> Policy:
    selector = Selector.between("::/0", "::/0", protocol)
    return Policy(selector, Direction.OUT, action=action, templates=templates, flags=flags)


def tables(*policies: Policy, default: DefaultAction = DefaultAction.ACCEPT) -> XfrmTables:
    database = PolicyDatabase()
    for one in policies:
        database = add(database, one).database
    state = SecurityAssociation(ERROR.source, ERROR.destination, Protocol.ESP, Mode.TRANSPORT, 0x100)
    return XfrmTables(database, (state,), DefaultActions(outbound=default))


BLOCKED = policy(Protocol.ICMPV6, Action.BLOCK, flags=PolicyFlag.NONE)


@pytest.mark.clause("XFRM-EMIT-004")
def test_a_blocked_error_goes_the_way_of_the_packet_it_is_about_if_that_policy_says_so() -> None:
    for flags, decision in ((PolicyFlag.ICMP, Decision.TRANSFORM), (PolicyFlag.NONE, Decision.BLOCK)):
        about = policy(Protocol.UDP, Action.ALLOW, ESP, flags=flags)
        decided = decide_icmp_error(tables(BLOCKED, about), ERROR, QUOTED)
        assert decided.decision is decision
        assert decided.reasons[-1].clause == "XFRM-EMIT-004"
        assert decided.reasons[-1].held is bool(flags)


@pytest.mark.clause("XFRM-EMIT-004")
def test_an_error_that_is_transformed_itself_asks_nobody_else() -> None:
    own = policy(Protocol.ICMPV6, Action.ALLOW, ESP, flags=PolicyFlag.NONE)
    about = policy(Protocol.UDP, Action.BLOCK, flags=PolicyFlag.ICMP)
    assert decide_icmp_error(tables(own, about), ERROR, QUOTED).decision is Decision.TRANSFORM


@pytest.mark.clause("XFRM-EMIT-004")
def test_a_flagged_block_stops_an_error_that_would_pass() -> None:
    about = policy(Protocol.UDP, Action.BLOCK, flags=PolicyFlag.ICMP)
    stopped = decide_icmp_error(tables(about), ERROR, QUOTED)
    assert (stopped.decision, stopped.errno) == (Decision.BLOCK, Errno.EPERM)
    unflagged = policy(Protocol.UDP, Action.BLOCK, flags=PolicyFlag.NONE)
    assert decide_icmp_error(tables(unflagged), ERROR, QUOTED).decision is Decision.PASS


@pytest.mark.clause("XFRM-EMIT-004")
def test_without_a_policy_for_the_quoted_packet_the_first_result_stands() -> None:
    passed = decide_icmp_error(tables(), ERROR, QUOTED)
    assert passed.decision is Decision.PASS
    blocked = decide_icmp_error(tables(BLOCKED), ERROR, QUOTED)
    assert (blocked.decision, blocked.counter) == (Decision.BLOCK, Counter.OUT_POLICY_BLOCK)
    refused = decide_icmp_error(tables(default=DefaultAction.BLOCK), ERROR, QUOTED)
    assert (refused.decision, refused.counter) == (Decision.BLOCK, None)
