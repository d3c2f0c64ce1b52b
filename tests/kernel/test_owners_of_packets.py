"""Whom a packet belongs to, and in which order output asks, on a real Linux 6.1 (chapters 1 and 2)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from itertools import permutations
from random import Random
from typing import Any

import pytest

from kernel.agreement import SEED, agreed, last
from xfrmspec.kernel.key_laboratory import (
    XFRM_OPTION,
    request_step,
    run_steps,
    sysctl_step,
)
from xfrmspec.kernel.netlink_requests import policy_message
from xfrmspec.kernel.program import result_of, socket_policy, stimulus
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import PacketResult
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    Receive,
    Send,
    SetDefaults,
    SetThresholds,
)
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.tables import DefaultActions
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import (
    Action,
    DefaultAction,
    Direction,
    Mode,
    Policy,
    Template,
)
from xfrmspec_terms.selector import Flow, Prefix, Protocol, Selector

HERE, HOME, AGENT, OTHER = map(
    IPv6Address, ("2001:db8::1", "2001:db8:a::1", "2001:db8:b::1", "2001:db8:b::2")
)
OPEN = Selector.between("::/0", "::/0")
FLOW = Flow(HERE, AGENT, Protocol.UDP, 4001, 4002)
SENT, RECEIVED = Send(FLOW), Receive(Flow(AGENT, HERE, Protocol.UDP, 4001, 4002))
ESP = Template(Protocol.ESP, Mode.TRANSPORT)
OUT, IN = Policy(OPEN, Direction.OUT), Policy(OPEN, Direction.IN)
BLOCK = replace(OUT, action=Action.BLOCK)


BINDING_UPDATE = Send(Flow(HOME, AGENT, Protocol.MOBILITY, 5))
SIGNALLING = Policy(
    Selector.between("2001:db8:a::1", "2001:db8:b::1", Protocol.MOBILITY), Direction.OUT, templates=(ESP,)
)
TUNNEL = replace(ESP, mode=Mode.TUNNEL, source=HERE, destination=AGENT)
EVERYTHING_ELSE = Policy(Selector.between("2001:db8:a::1", "::/0"), Direction.OUT, templates=(TUNNEL,))


def owners(uml: KernelSubject, packet: Send, policies: tuple[Policy, ...]) -> list[Selector]:
    """Whom a packet belongs to, for every order in which the policies come; the reference agrees."""
    bare = [replace(policy, templates=()) for policy in policies]
    outcomes = [agreed(uml, *map(AddPolicy, order), packet) for order in permutations(bare)]
    used = [last(outcome).used for outcome in outcomes]
    assert {len(identities) for identities in used} == {1}
    return [identities[0].selector for identities in used]


@pytest.mark.clause("XFRM-LOOKUP-010")
def test_signalling_is_owned_in_every_order_if_its_number_is_smaller_than_all_others(
    uml: KernelSubject,
) -> None:
    third = replace(EVERYTHING_ELSE, selector=Selector.between("::/0", "::/0"), priority=6)
    first, second = replace(SIGNALLING, priority=1), replace(EVERYTHING_ELSE, priority=2)
    assert set(owners(uml, BINDING_UPDATE, (first, second, third))) == {SIGNALLING.selector}
    larger = replace(SIGNALLING, priority=3)
    assert set(owners(uml, BINDING_UPDATE, (larger, second, third))) == {EVERYTHING_ELSE.selector}


@pytest.mark.clause("XFRM-LOOKUP-010")
def test_with_an_equal_number_the_order_of_insertion_decides(uml: KernelSubject) -> None:
    """Both policies have a prefix, so none of them is in the hash."""
    wide = replace(SIGNALLING, selector=Selector.between("2001:db8:a::/64", "::/0", Protocol.MOBILITY))
    assert owners(uml, BINDING_UPDATE, (wide, EVERYTHING_ELSE)) == [wide.selector, EVERYTHING_ELSE.selector]


def drawn_policies(random: Random) -> tuple[Policy, ...]:
    """Overlapping policies of pairwise different priorities, all of which match the flow, in any order."""
    lengths = [(random.choice((0, 32, 48, 64, 128)), random.choice((0, 32, 48, 64, 128))) for _ in range(8)]
    policies = [
        Policy(Selector(_prefix(HERE, one), _prefix(AGENT, other)), Direction.OUT, priority=number)
        for number, (one, other) in enumerate(dict.fromkeys(lengths), 1)
    ]
    random.shuffle(policies)
    return tuple(policies)


def _prefix(address: IPv6Address, length: int) -> Prefix:
    return Prefix(IPv6Address(int(address) >> (128 - length) << (128 - length)), length)


@pytest.mark.clause("XFRM-LOOKUP-011")
@pytest.mark.parametrize("seed", range(12))
def test_lists_and_hash_find_the_policy_that_one_ordered_list_would(uml: KernelSubject, seed: int) -> None:
    """Everything is hashed, or what is long enough, or only what names two hosts; the owner stays."""
    policies = drawn_policies(Random(f"{SEED} {seed}"))
    wanted = min(policies, key=lambda policy: policy.priority).selector
    for bits in (0, 48, 128):
        thresholds = SetThresholds(Thresholds(local6=bits, remote6=bits))
        used = last(agreed(uml, thresholds, *map(AddPolicy, policies), SENT)).used
        assert [identity.selector for identity in used] == [wanted]


@pytest.mark.clause("XFRM-OUT-001", "XFRM-SOCK-001", "XFRM-DEFAULT-001", "XFRM-DEFAULT-002")
def test_output_asks_the_socket_then_the_databases_then_the_default_action(uml: KernelSubject) -> None:
    refusing = SetDefaults(DefaultActions(outbound=DefaultAction.BLOCK))
    own, elsewhere = OUT, Policy(Selector.between("::/0", "2001:db8:77::/64"), Direction.OUT)
    plain = (("UDP",),)
    assert last(agreed(uml, SENT)).wire == plain
    assert last(agreed(uml, refusing, SENT)).errno == Errno.EPERM
    assert last(agreed(uml, refusing, AddPolicy(elsewhere), SENT)).errno == Errno.EPERM
    assert last(agreed(uml, refusing, AddPolicy(OUT), SENT)).wire == plain
    assert last(agreed(uml, AddPolicy(BLOCK), SENT)).errno == Errno.EPERM
    assert last(agreed(uml, refusing, AddPolicy(BLOCK), replace(SENT, outbound=own))).wire == plain
    assert last(agreed(uml, AddPolicy(OUT), replace(SENT, outbound=BLOCK))).errno == Errno.EPERM
    unconcerned = replace(SENT, outbound=replace(BLOCK, selector=elsewhere.selector))
    assert last(agreed(uml, AddPolicy(OUT), unconcerned)).wire == plain


def verdict(answer: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
    """Whether a packet was delivered, and which counters grew."""
    result = result_of(answer)
    assert isinstance(result, PacketResult)
    return result.delivered is not None, tuple(name for name, _ in result.counters)


@pytest.mark.clause("XFRM-DEFAULT-002")
def test_an_exempt_interface_is_not_checked_unless_the_socket_has_a_policy(uml: KernelSubject) -> None:
    packet: dict[str, Any] = stimulus(RECEIVED)[1]
    own = [[XFRM_OPTION, socket_policy(replace(IN, action=Action.BLOCK)).hex()]]
    steps = [
        request_step(policy_message(replace(IN, action=Action.BLOCK))),
        ["receive", packet],
        sysctl_step("net/ipv6/conf/outer/disable_policy", "1"),
        ["receive", packet],
        ["receive", packet | {"options": own}],
    ]
    _, checked, _, exempt, forced = run_steps(uml, steps)
    assert verdict(checked) == verdict(forced) == (False, ("XfrmInPolBlock",))
    assert verdict(exempt) == (True, ())
    _, again, _, _, _ = run_steps(uml, steps)
    assert verdict(again) == verdict(checked)


@pytest.mark.clause("XFRM-DEFAULT-002", "XFRM-SOCK-001")
def test_an_untouched_packet_is_not_checked_unless_the_socket_has_a_policy_or_the_default_refuses(
    uml: KernelSubject,
) -> None:
    """No policy of direction IN is there; only what went through a tunnel is checked all the same."""
    packet: dict[str, Any] = stimulus(RECEIVED)[1]
    own = [[XFRM_OPTION, socket_policy(replace(IN, action=Action.BLOCK)).hex()]]
    plain, forced = run_steps(uml, [["receive", packet], ["receive", packet | {"options": own}]])
    assert verdict(plain) == (True, ())
    assert verdict(forced) == (False, ("XfrmInPolBlock",))
    tunnel = SecurityAssociation(AGENT, HERE, Protocol.ESP, Mode.TUNNEL, 0x1001)
    wrapped = last(agreed(uml, AddState(tunnel), replace(RECEIVED, layers=(tunnel,))))
    assert (wrapped.delivered, wrapped.counters) == (None, (("XfrmInNoPols", 1),))
    refusing = SetDefaults(DefaultActions(inbound=DefaultAction.BLOCK))
    assert last(agreed(uml, refusing, RECEIVED)).delivered is None


@pytest.mark.clause("XFRM-TIMER-003")
@pytest.mark.parametrize(
    ("policy", "packet", "used"),
    [
        (OUT, SENT, True),
        (BLOCK, SENT, True),
        (replace(OUT, templates=(ESP,)), SENT, False),
        (replace(OUT, templates=(replace(ESP, optional=True),)), SENT, True),
        (IN, RECEIVED, True),
        (replace(IN, action=Action.BLOCK), RECEIVED, True),
        (replace(IN, templates=(ESP,)), RECEIVED, True),
    ],
)
def test_when_a_policy_gets_a_time_of_use(
    uml: KernelSubject, policy: Policy, packet: Send | Receive, used: bool
) -> None:
    assert bool(last(agreed(uml, AddPolicy(policy), packet)).used) is used


HAO = SecurityAssociation(HERE, AGENT, Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=HOME)
HAO_TEMPLATE = Template(Protocol.DESTINATION_OPTIONS, Mode.RO)
RT2 = replace(HAO, protocol=Protocol.ROUTING, care_of=OTHER)
RT2_TEMPLATE = replace(HAO_TEMPLATE, protocol=Protocol.ROUTING)


@pytest.mark.clause("XFRM-WIRE-002")
@pytest.mark.parametrize(
    ("headers", "states", "chain"),
    [
        ((), (HAO,), ("HAO", "UDP")),
        ((Header.HOP_BY_HOP,), (HAO,), ("HBH", "HAO", "UDP")),
        ((Header.DESTINATION_OPTIONS,), (HAO,), ("DSTOPT", "HAO", "UDP")),
        ((Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS), (HAO,), ("HBH", "DSTOPT", "HAO", "UDP")),
        ((), (RT2, HAO), ("RT2", "HAO", "UDP")),
        ((Header.DESTINATION_OPTIONS,), (RT2, HAO), ("DSTOPT", "RT2", "HAO", "UDP")),
    ],
)
def test_where_the_home_address_option_goes(
    uml: KernelSubject,
    headers: tuple[Header, ...],
    states: tuple[SecurityAssociation, ...],
    chain: tuple[str, ...],
) -> None:
    templates = {HAO: HAO_TEMPLATE, RT2: RT2_TEMPLATE}
    policy = replace(OUT, templates=tuple(templates[state] for state in states))
    result = last(agreed(uml, AddPolicy(policy), *map(AddState, states), replace(SENT, headers=headers)))
    assert result.wire == (chain,)
