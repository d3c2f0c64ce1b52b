"""Which policy an ICMP error gets that the node sends: a closed port on a real Linux 6.1 tells."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import product
from typing import Any

import pytest

from xfrmspec.kernel.key_laboratory import request_step, run_steps, sysctl_step
from xfrmspec.kernel.netlink_requests import defaults_message, policy_message, state_message
from xfrmspec.kernel.program import result_of, stimulus
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import PacketResult, chain_names
from xfrmspec.scenario.terms import OUTER_INDEX, Receive
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.icmp_output import decide_icmp_error
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.tables import DefaultActions, XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Decision
from xfrmspec_terms.packet import upper_header
from xfrmspec_terms.policy import Action, DefaultAction, Direction, Mode, Policy, PolicyFlag, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, PortMatch, Protocol, Selector

HERE, THERE = IPv6Address("2001:db8::1"), IPv6Address("2001:db8:b::1")
_UNREACHABLE, _PORT_UNREACHABLE = 1, 4
_ASKED, _CLOSED = 5000, 4000
ASKING = Receive(Flow(THERE, HERE, Protocol.UDP, _ASKED, _CLOSED))
ERROR = Flow(HERE, THERE, Protocol.ICMPV6, _UNREACHABLE, _PORT_UNREACHABLE)
QUOTED = Flow(HERE, THERE, Protocol.UDP, _CLOSED, _ASKED, OUTER_INDEX)
STATE = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)
ESP = (Template(Protocol.ESP, Mode.TRANSPORT),)
_ANOTHER_PROTOCOL = 33


def policy(protocol: Protocol, action: Action, flags: PolicyFlag, *templates: Template) -> Policy:
    selector = Selector.between("::/0", "::/0", protocol)
    return Policy(selector, Direction.OUT, action=action, templates=templates, flags=flags)


NONE, ICMP = PolicyFlag.NONE, PolicyFlag.ICMP
OWN = (
    None,
    policy(Protocol.ICMPV6, Action.ALLOW, NONE),
    policy(Protocol.ICMPV6, Action.ALLOW, NONE, *ESP),
    policy(Protocol.ICMPV6, Action.BLOCK, NONE),
    policy(Protocol.ICMPV6, Action.BLOCK, ICMP),
)
ABOUT = (
    None,
    *(
        policy(Protocol.UDP, action, flags, *templates)
        for flags in (NONE, ICMP)
        for action, templates in ((Action.ALLOW, ()), (Action.ALLOW, ESP), (Action.BLOCK, ()))
    ),
)


def answered(
    uml: KernelSubject, policies: tuple[Policy, ...], default: DefaultAction
) -> tuple[tuple[str, ...], ...]:
    """What leaves when a datagram meets a closed port; errors are not held back for their number."""
    received: dict[str, Any] = stimulus(ASKING)[1]
    messages = [*map(policy_message, policies), state_message(STATE)]
    messages.append(defaults_message(DefaultAction.ACCEPT, DefaultAction.ACCEPT, default))
    back = defaults_message(*(DefaultAction.ACCEPT,) * 3)
    steps = [
        sysctl_step("net/ipv6/icmp/ratelimit", "0"),
        request_step(*messages),
        ["receive", received | {"protocol": _ANOTHER_PROTOCOL, "port": 0}],
        request_step(back),
    ]
    _, errors, answer, _ = run_steps(uml, steps)
    assert errors == [0] * len(messages)
    result = result_of(answer)
    assert isinstance(result, PacketResult)
    return result.wire


def expected(policies: tuple[Policy, ...], default: DefaultAction) -> tuple[tuple[str, ...], ...]:
    database = PolicyDatabase(LINUX_6_1)
    for one in policies:
        database = add(database, one).database
    tables = XfrmTables(database, (STATE,), DefaultActions(outbound=default))
    decision = decide_icmp_error(tables, ERROR, QUOTED, chain=(upper_header(Protocol.ICMPV6),))
    leaves = decision.decision in (Decision.PASS, Decision.TRANSFORM)
    return (chain_names(decision.chain),) if leaves else ()


@pytest.mark.clause("XFRM-EMIT-004", "XFRM-POL-002")
def test_an_error_goes_by_its_own_policy_or_by_a_flagged_one_of_what_it_quotes(uml: KernelSubject) -> None:
    seen: Counter[tuple[tuple[str, ...], ...]] = Counter()
    for own, about, default in product(OWN, ABOUT, DefaultAction):
        policies = tuple(one for one in (own, about) if one is not None)
        found = answered(uml, policies, default)
        assert found == expected(policies, default), (own, about, default)
        seen[found] += 1
    assert set(seen) == {(), (("ICMPv6",),), (("ESP", "ICMPv6"),)}
    assert min(seen.values()) > 5


@pytest.mark.clause("XFRM-EMIT-004")
def test_the_quoted_packet_is_looked_up_with_its_ends_and_ports_exchanged(uml: KernelSubject) -> None:
    """A policy for the ports as they arrived is not met."""
    blocked = policy(Protocol.ICMPV6, Action.BLOCK, NONE)
    about = policy(Protocol.UDP, Action.ALLOW, ICMP, *ESP)
    for source, destination, leaves in ((_CLOSED, _ASKED, True), (_ASKED, _CLOSED, False)):
        ports = PortMatch(source, 0xFFFF), PortMatch(destination, 0xFFFF)
        selector = Selector.between(
            f"{HERE}/128", f"{THERE}/128", Protocol.UDP, source_port=ports[0], destination_port=ports[1]
        )
        policies = (blocked, replace(about, selector=selector))
        found = answered(uml, policies, DefaultAction.ACCEPT)
        assert found == expected(policies, DefaultAction.ACCEPT)
        assert bool(found) is leaves
