"""What chapters 1 and 2 say of stored policies, on a real Linux 6.1."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from kernel.agreement import agreed, last
from xfrmspec.kernel.key_laboratory import (
    XFRM_OPTION,
    answer_step,
    listing_step,
    options_step,
    policies_in,
    request_step,
    run_steps,
)
from xfrmspec.kernel.netlink import Message, MessageKind, RawBody, decode
from xfrmspec.kernel.netlink_attributes import Attribute, AttributeKind, ThresholdKind, value_of
from xfrmspec.kernel.netlink_bodies import PolicyBody
from xfrmspec.kernel.netlink_requests import policy_message
from xfrmspec.kernel.netlink_small import FlagsBody
from xfrmspec.kernel.program import socket_policy
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.observation import Observation, PacketResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    Receive,
    Scenario,
    Send,
)
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import add
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    Action,
    Direction,
    Limits,
    Mark,
    Mode,
    Policy,
    PolicyFlag,
    PolicyType,
    Share,
    Template,
)
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, PortMatch, Prefix, Protocol, Selector

HERE, HOME, AGENT, OTHER = map(
    IPv6Address, ("2001:db8::1", "2001:db8:a::1", "2001:db8:b::1", "2001:db8:b::2")
)
OPEN = Selector.between("::/0", "::/0")
FLOW = Flow(HERE, AGENT, Protocol.UDP, 4001, 4002)
SENT, RECEIVED = Send(FLOW), Receive(Flow(AGENT, HERE, Protocol.UDP, 4001, 4002))
ESP = Template(Protocol.ESP, Mode.TRANSPORT)
OUT, IN = Policy(OPEN, Direction.OUT), Policy(OPEN, Direction.IN)
BLOCK = replace(OUT, action=Action.BLOCK)
LARGEST = 0xFFFFFFFF
_LISTING = listing_step(MessageKind.GETPOLICY)


def stored(uml: KernelSubject, *policies: Policy) -> tuple[Policy, ...]:
    """What the kernel lists of policies that it accepts; the last of every list is the agent's socket's."""
    errors, listed = run_steps(uml, [request_step(*map(policy_message, policies)), _LISTING])
    assert errors == [0] * len(policies)
    return policies_in(listed)[:-1]


FULL = Template(
    Protocol.ESP,
    Mode.TUNNEL,
    HOME,
    AGENT,
    spi=LARGEST,
    reqid=LARGEST - 1,
    encryption_mask=0x80000001,
    authentication_mask=0x40000002,
    compression_mask=0x20000004,
)
EVERYTHING = Policy(
    Selector(
        Prefix.parse("2001:db8::/33"),
        Prefix.parse("2001:db8:b::1/128"),
        Protocol.UDP,
        PortMatch(4001, 0xFFFF),
        PortMatch(0x1200, 0xFF00),
        ifindex=7,
        user=LARGEST,
    ),
    Direction.OUT,
    PolicyType.SUB,
    Action.BLOCK,
    LARGEST,
    (
        replace(FULL, mode=Mode.TRANSPORT, optional=True),
        FULL,
        *(replace(ESP, reqid=number) for number in range(4)),
    ),
    Mark(0x10203040, 0xF0F0F0F0),
    if_id=0x80000007,
    index=LARGEST - 6,
    flags=PolicyFlag.LOCALOK | PolicyFlag.ICMP,
    limits=Limits(1, 2, 3, 4, 500, 600, 700, 800),
)


@pytest.mark.clause("XFRM-POL-001", "XFRM-TMPL-001", "XFRM-SEL-005")
@pytest.mark.parametrize("share", list(Share))
def test_a_policy_comes_back_as_it_was_given_but_for_its_share_level(
    uml: KernelSubject, share: Share
) -> None:
    given = replace(EVERYTHING, share=share)
    (listed,) = stored(uml, given)
    (entry,) = add(PolicyDatabase(LINUX_6_1), given).database
    assert listed == entry.policy
    assert listed == replace(EVERYTHING, mark=EVERYTHING.mark.masked())


@pytest.mark.clause("XFRM-POL-001")
def test_a_time_of_addition_and_none_of_use_are_stored(uml: KernelSubject) -> None:
    _, listed = run_steps(uml, [request_step(policy_message(OUT)), _LISTING])
    body = decode(MessageKind.NEWPOLICY, bytes.fromhex(listed[0])).body
    assert isinstance(body, PolicyBody)
    assert body.usage.add_time > 0
    assert body.usage.use_time == 0


@pytest.mark.clause("XFRM-POL-001")
def test_the_user_of_a_selector_tells_policies_apart_and_no_flows(uml: KernelSubject) -> None:
    """The sender is root; the policy for another user blocks it all the same."""
    another = replace(BLOCK, selector=replace(OPEN, user=1000))
    outcome = agreed(uml, AddPolicy(another), SENT)
    assert last(outcome).errno == Errno.EPERM
    assert len(agreed(uml, AddPolicy(another), AddPolicy(BLOCK), SENT).policies) == 2


@pytest.mark.clause("XFRM-POL-002")
@pytest.mark.parametrize("flags", [PolicyFlag.LOCALOK, PolicyFlag.ICMP])
@pytest.mark.parametrize("action", list(Action))
def test_a_flag_changes_no_decision_about_a_packet_that_is_no_error(
    uml: KernelSubject, flags: PolicyFlag, action: Action
) -> None:
    for policy, packet in ((OUT, SENT), (IN, RECEIVED)):
        chosen = replace(policy, action=action)
        plain = agreed(uml, AddPolicy(chosen), packet)
        assert agreed(uml, AddPolicy(replace(chosen, flags=flags)), packet).results == plain.results
        assert last(plain).used != ()
        assert stored(uml, replace(chosen, flags=flags))[0].flags == flags


@pytest.mark.clause("XFRM-POL-003")
def test_no_packet_is_too_many_for_a_policy(uml: KernelSubject) -> None:
    limits = Limits(soft_bytes=1, hard_bytes=1, soft_packets=1, hard_packets=1)
    limited = replace(OUT, limits=limits)
    scenario = Scenario((AddPolicy(limited), SENT, SENT, SENT), watched=True)
    outcome = uml.run(scenario)
    assert isinstance(outcome, Observation)
    assert not differences(ReferenceSubject(LINUX_6_1).run(scenario), outcome)
    packets = [result for result in outcome.results[1:] if isinstance(result, PacketResult)]
    assert [(packet.wire, packet.events) for packet in packets] == [((("UDP",),), ())] * 3
    assert len(outcome.policies) == 1
    assert stored(uml, limited)[0].limits == limits


@pytest.mark.clause("XFRM-TMPL-001", "XFRM-CHECK-009")
@pytest.mark.parametrize(
    ("masks", "accepted"),
    [
        ((0, 0, LARGEST), False),
        ((LARGEST, 0, LARGEST), False),
        ((0, LARGEST, 0), True),
        ((0, LARGEST, LARGEST), True),
    ],
)
def test_only_the_set_of_authentication_is_tested_and_on_input_only(
    uml: KernelSubject, masks: tuple[int, int, int], accepted: bool
) -> None:
    encryption, authentication, compression = masks
    template = replace(
        ESP,
        encryption_mask=encryption,
        authentication_mask=authentication,
        compression_mask=compression,
    )
    inbound = SecurityAssociation(AGENT, HERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)
    outbound = SecurityAssociation(HERE, AGENT, Protocol.ESP, Mode.TRANSPORT, 0x1002)
    arriving = replace(RECEIVED, layers=(inbound,))
    received = agreed(uml, AddPolicy(replace(IN, templates=(template,))), AddState(inbound), arriving)
    assert (last(received).delivered is not None) is accepted
    sent = agreed(uml, AddPolicy(replace(OUT, templates=(template,))), AddState(outbound), SENT)
    assert last(sent).wire == (("ESP", "UDP"),)


_IPV4 = Policy(Selector.between("10.0.0.0/8", "10.0.0.0/8"), Direction.IN)
_KINDS = (OUT, replace(IN, type=PolicyType.SUB), _IPV4, replace(OUT, direction=Direction.FWD), IN)


@pytest.mark.clause("XFRM-DB-001")
def test_one_list_holds_every_policy_with_the_newest_object_first(uml: KernelSubject) -> None:
    """The policy of a socket stands in it as well, and a replaced policy is the newest again."""
    update = policy_message(replace(OUT, priority=9), MessageKind.UPDPOLICY)
    steps = [request_step(*map(policy_message, _KINDS)), _LISTING]
    steps += [options_step((XFRM_OPTION, socket_policy(BLOCK))), request_step(update), _LISTING]
    _, before, ((_, with_socket),), _, after = run_steps(uml, steps)
    assert [_shape(policy) for policy in policies_in(before)[:-1]] == [_shape(p) for p in reversed(_KINDS)]
    assert policies_in(with_socket)[0].action is Action.BLOCK
    assert [p.index for p in policies_in(with_socket)[1:]] == [p.index for p in policies_in(before)]
    assert policies_in(after)[0].priority == 9
    assert policies_in(after)[1:] == (*policies_in(before)[:4], *policies_in(before)[5:])


def _shape(policy: Policy) -> tuple[object, ...]:
    return policy.direction, policy.type, policy.selector.family


@pytest.mark.clause("XFRM-DB-001", "XFRM-SOCK-002")
def test_a_count_is_of_both_types_and_families_and_not_of_sockets(uml: KernelSubject) -> None:
    """The agent's own socket has a policy of direction IN."""
    request = answer_step(Message(MessageKind.GETSPDINFO, FlagsBody()))
    _, (payload,) = run_steps(uml, [request_step(*map(policy_message, _KINDS)), request])
    attributes = decode(MessageKind.NEWSPDINFO, bytes.fromhex(payload)).attributes
    value = value_of(attributes, ThresholdKind.INFO)
    assert value is not None
    assert struct.unpack("=6I", value) == (3, 1, 1, 1, 0, 0)


_FAMILY_AT, _DESTINATION_BITS_AT, _SOURCE_BITS_AT = 40, 42, 43
_INDEX_AT, _DIRECTION_AT, _ACTION_AT, _SHARE_AT = 156, 160, 161, 163


def patched(policy: Policy, place: int, octets: bytes, *attributes: Attribute) -> Message:
    """The request for a policy with some octets of its structure overwritten."""
    body = PolicyBody(policy).pack()
    return Message(
        MessageKind.NEWPOLICY, RawBody(body[:place] + octets + body[place + len(octets) :]), attributes
    )


def unacceptable() -> Iterator[tuple[str, Message]]:
    """One request for each thing that is looked at before a policy is stored."""
    yield "share", patched(OUT, _SHARE_AT, b"\4")
    yield "action", patched(OUT, _ACTION_AT, b"\2")
    yield "no family", patched(OUT, _FAMILY_AT, bytes(2))
    yield "another family", patched(OUT, _FAMILY_AT, struct.pack("=H", 16))
    yield "129 bits", patched(OUT, _DESTINATION_BITS_AT, bytes((129,)))
    yield "33 bits of IPv4", patched(_IPV4, _SOURCE_BITS_AT, bytes((33,)))
    yield "direction", patched(OUT, _DIRECTION_AT, b"\3")
    yield "index of IN", patched(OUT, _INDEX_AT, struct.pack("=I", 8))
    yield "type", patched(OUT, 0, b"", Attribute(AttributeKind.POLICY_TYPE, bytes((2, 0, 0, 0, 0, 0))))
    yield "templates", policy_message(replace(OUT, templates=(replace(ESP, protocol=Protocol.UDP),)))


@pytest.mark.clause("XFRM-DB-009", "XFRM-POL-001")
def test_a_policy_is_looked_at_before_it_is_stored(uml: KernelSubject) -> None:
    names, messages = zip(*unacceptable(), strict=True)
    errors, listed = run_steps(uml, [request_step(*messages), _LISTING])
    assert dict(zip(names, errors, strict=True)) == dict.fromkeys(names, Errno.EINVAL)
    assert policies_in(listed)[:-1] == ()
    untouched = [patched(OUT, _SHARE_AT, b"\3"), patched(_IPV4, _SOURCE_BITS_AT, bytes((32,)))]
    untouched.append(patched(IN, _INDEX_AT, struct.pack("=I", 8)))
    assert run_steps(uml, [request_step(*untouched)]) == [[0, 0, 0]]


@pytest.mark.clause("XFRM-DB-009")
def test_templates_of_a_block_are_kept_and_never_used(uml: KernelSubject) -> None:
    result = last(agreed(uml, AddPolicy(replace(BLOCK, templates=(ESP,))), SENT))
    assert (result.errno, result.acquires) == (Errno.EPERM, 0)
    assert stored(uml, replace(BLOCK, templates=(ESP,)))[0].templates == (ESP,)
