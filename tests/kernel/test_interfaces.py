"""The three configuration interfaces on a kernel: same errors, same answers, same databases."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from kernel.agreement import SEED
from kernel.conftest import own_core
from kernel.key_histories import (
    DATABASE_DIRECTIONS,
    IPV4,
    calibrated,
    draw_history,
    on_kernel,
    on_reference,
    spd_message,
)
from xfrmspec.interfaces.key_codec import decode, encode, encode_extension
from xfrmspec.interfaces.key_commands import KeyTables
from xfrmspec.interfaces.key_commands import carry_out as by_key
from xfrmspec.interfaces.key_message import (
    IpsecRequest,
    KeyLevel,
    KeyMessage,
    KeyMode,
    MessageType,
    PolicyExtension,
    PolicyKind,
)
from xfrmspec.interfaces.key_policy import announced_octets
from xfrmspec.interfaces.netlink_commands import carry_out as by_netlink
from xfrmspec.interfaces.netlink_terms import DumpPolicies
from xfrmspec.interfaces.privileges import Privilege, admission
from xfrmspec.interfaces.socket_commands import (
    Clear,
    Manager,
    SetExtension,
    SetOctets,
    SetPolicy,
    SocketCommand,
    SocketTables,
)
from xfrmspec.interfaces.socket_commands import carry_out as by_option
from xfrmspec.kernel.backends import uml_subject
from xfrmspec.kernel.key_laboratory import (
    IPSEC_OPTION,
    XFRM_OPTION,
    heard,
    key_step,
    listing_step,
    options_step,
    policies_in,
    request_step,
    run_steps,
    unprivileged_step,
)
from xfrmspec.kernel.netlink import MessageKind
from xfrmspec.kernel.netlink_requests import policy_message
from xfrmspec.kernel.program import socket_policy
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.tables import NO_SOCKET_POLICIES
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mark, Mode, Policy, PolicyType, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol, Selector

HISTORIES, COMMANDS = 300, 10
ANYTHING = Selector.between("::/0", "::/0")
OUTBOUND, FORWARD = Policy(ANYTHING, Direction.OUT), Policy(ANYTHING, Direction.FWD)
TRANSPORT = IpsecRequest(Protocol.ESP, KeyMode.TRANSPORT)
TUNNEL_4 = IpsecRequest(Protocol.ESP, KeyMode.TUNNEL, KeyLevel.REQUIRE, 0, IPV4)


def empty_tables() -> KeyTables:
    return KeyTables(PolicyDatabase(LINUX_6_1))


@pytest.mark.clause("XFRM-ARCH-002", "XFRM-IFACE-004", "XFRM-IFACE-005", "XFRM-IFACE-006")
@pytest.mark.clause("XFRM-KEY-001", "XFRM-KEY-002", "XFRM-KEY-003", "XFRM-KEY-004", "XFRM-KEY-005")
def test_commands_of_pf_key_and_netlink_do_the_same_on_the_kernel(uml: KernelSubject) -> None:
    for number in range(HISTORIES):
        tables = calibrated(uml)
        history = draw_history(Random(f"{SEED} {number}"), COMMANDS, tables.policies.next_index)
        observed, expected = on_kernel(uml, history), on_reference(history, tables)
        for place, (wanted, seen) in enumerate(zip(expected, observed, strict=True)):
            assert seen == wanted, (number, place, history[place])


@pytest.mark.clause("XFRM-KEY-001")
def test_only_a_malformed_header_makes_the_sending_fail(uml: KernelSubject) -> None:
    unhandled = [MessageType.EXPIRE, MessageType.X_PCHANGE, MessageType.X_SPDACQUIRE, MessageType.X_SPDEXPIRE]
    (answer,) = run_steps(uml, [key_step(*(KeyMessage(type_) for type_ in unhandled))])
    for type_, back in zip(unhandled, heard(answer), strict=True):
        assert back.errno == 0
        assert back.messages == by_key(KeyMessage(type_), empty_tables()).messages
        assert back.messages[0].errno == Errno.EOPNOTSUPP
    whole = encode(KeyMessage(MessageType.X_SPDDUMP))
    wrong = {
        Errno.EMSGSIZE: (whole[:8], whole + bytes(8)),
        Errno.EINVAL: (b"\3" + whole[1:], whole[:1] + b"\x63" + whole[2:]),
    }
    for errno, several in wrong.items():
        (answer,) = run_steps(uml, [key_step(*several)])
        assert [(back.errno, back.messages) for back in heard(answer)] == [(errno, ())] * len(several)


@pytest.mark.clause("XFRM-IFACE-001")
def test_netlink_refuses_the_one_list_that_pf_key_accepts(uml: KernelSubject) -> None:
    command = spd_message(
        MessageType.X_SPDADD, PolicyExtension(PolicyKind.IPSEC, 2, 0, 0, (TUNNEL_4, TRANSPORT))
    )
    made = by_key(command, empty_tables())
    (policy,) = (entry.policy for entry in made.tables.policies)
    assert add(PolicyDatabase(LINUX_6_1), policy).errno is Errno.EINVAL
    steps = [request_step(policy_message(replace(policy, index=0))), key_step(command)]
    refused, accepted, listed = run_steps(uml, [*steps, listing_step(MessageKind.GETPOLICY)])
    assert refused == [Errno.EINVAL]
    assert accepted[0][0] == 0
    assert policies_in(listed)[0].templates == by_netlink(DumpPolicies(), made.tables).policies[0].templates


@pytest.mark.clause("XFRM-IFACE-009")
@pytest.mark.parametrize("requests", [(TUNNEL_4, TRANSPORT), (TRANSPORT, TUNNEL_4), (TRANSPORT, TRANSPORT)])
def test_the_length_of_an_answer_is_taken_from_the_last_tunnel(
    uml: KernelSubject, requests: tuple[IpsecRequest, ...]
) -> None:
    command = spd_message(MessageType.X_SPDADD, PolicyExtension(PolicyKind.IPSEC, 2, 0, 0, requests))
    (answer,) = run_steps(uml, [key_step(command)])
    octets = bytes.fromhex(answer[0][1][0])
    (policy,) = (entry.policy for entry in by_key(command, empty_tables()).tables.policies)
    claimed = int.from_bytes(octets[4:6], "little") * 8
    assert claimed == announced_octets(octets, policy, LINUX_6_1)
    assert (claimed != len(octets)) is (requests == (TUNNEL_4, TRANSPORT))
    rightly = octets[:4] + (len(octets) // 8).to_bytes(2, "little") + octets[6:]
    assert decode(rightly).policy is not None


@pytest.mark.clause("XFRM-KEY-005")
def test_a_marked_policy_is_listed_and_flushed_but_never_found(uml: KernelSubject) -> None:
    marked = Policy(Selector.between("2001:db8::1", "2001:db8:b::1"), Direction.OUT, mark=Mark(3, 7))
    by_selector = spd_message(MessageType.X_SPDDELETE, PolicyExtension(PolicyKind.NONE, 2))
    listing = listing_step(MessageKind.GETPOLICY)
    _, before = run_steps(uml, [request_step(policy_message(marked)), listing])
    index = policies_in(before)[0].index
    by_index = KeyMessage(MessageType.X_SPDDELETE2, extensions=(PolicyExtension(PolicyKind.NONE, 2, index),))
    dump = KeyMessage(MessageType.X_SPDDUMP)
    steps = [request_step(policy_message(marked)), listing, key_step(by_selector, by_index, dump)]
    _, again, answers = run_steps(uml, steps)
    assert policies_in(again)[0].mark == Mark(3, 7)
    by_selector_too, by_index_too, dumped = heard(answers)
    assert by_selector_too.messages[-1].errno == Errno.ENOENT
    assert by_index_too.messages[-1].errno == Errno.ENOENT
    listed = [message.policy for message in dumped.messages if message.policy is not None]
    assert [entry.direction for entry in listed if entry.direction <= DATABASE_DIRECTIONS] == [2]


@pytest.mark.clause("XFRM-KEY-005")
def test_events_of_netlink_are_heard_for_main_and_not_for_sub(uml: KernelSubject) -> None:
    main = Policy(Selector.between("2001:db8::1", "2001:db8:b::1"), Direction.OUT)
    sub = replace(main, type=PolicyType.SUB)
    route_optimised = replace(
        main, direction=Direction.IN, templates=(Template(Protocol.DESTINATION_OPTIONS, Mode.RO),)
    )
    steps = [key_step(b"")]
    steps += [
        step
        for policy in (sub, route_optimised, main)
        for step in (request_step(policy_message(policy)), key_step(b""))
    ]
    _, *answers = run_steps(uml, steps)
    silent, wordless, told = (heard(answer)[0].messages for answer in answers[1::2])
    assert silent == wordless == ()
    assert [message.type for message in told] == [MessageType.X_SPDADD]


def extension(kind: int, direction: int, *requests: IpsecRequest) -> PolicyExtension:
    return PolicyExtension(kind, direction, 0, 0, requests)


OPTIONS: tuple[SocketCommand, ...] = (
    SetPolicy(OUTBOUND),
    SetPolicy(FORWARD),
    SetExtension(extension(PolicyKind.BYPASS, 2)),
    SetExtension(extension(PolicyKind.ENTRUST, 1)),
    SetExtension(extension(5, 1)),
    SetExtension(extension(PolicyKind.DISCARD, 3)),
    SetExtension(extension(PolicyKind.DISCARD, 1)),
    SetExtension(extension(PolicyKind.IPSEC, 2, TRANSPORT, TUNNEL_4)),
    SetExtension(extension(PolicyKind.IPSEC, 2, *(TRANSPORT,) * 7)),
    SetOctets(3),
    SetOctets(0),
    SetOctets(4097),
    Clear(),
)


def option_value(command: SocketCommand) -> tuple[int, bytes | None]:
    match command:
        case SetPolicy(policy):
            return XFRM_OPTION, socket_policy(policy)
        case SetExtension(asked):
            return IPSEC_OPTION, encode_extension(asked)
        case SetOctets(length):
            return XFRM_OPTION, bytes(length)
        case Clear():
            return XFRM_OPTION, None


def assert_options_agree(kernel: KernelSubject, managers: tuple[Manager, ...]) -> None:
    tables = SocketTables(NO_SOCKET_POLICIES, PolicyDatabase(LINUX_6_1), managers)
    steps = [options_step(*map(option_value, OPTIONS))]
    if Manager.PF_KEY in managers:
        steps.insert(0, key_step(b""))
    *_, results = run_steps(kernel, steps)
    for command, (errno, listed) in zip(OPTIONS, results, strict=True):
        answer = by_option(command, tables)
        tables = answer.tables
        assert errno == answer.errno, command
        expected = {p for p in (tables.policies.inbound, tables.policies.outbound) if p is not None}
        found = {replace(policy, index=0) for policy in policies_in(listed)[:-1]}
        assert {_shown(policy) for policy in found} == {_shown(policy) for policy in expected}, command


def _shown(policy: Policy) -> Policy:
    """Without the algorithm sets, which are empty for PF_KEY's policies."""
    bare = (
        replace(template, encryption_mask=0, authentication_mask=0, compression_mask=0)
        for template in policy.templates
    )
    return replace(policy, templates=tuple(bare))


@pytest.mark.clause("XFRM-IFACE-003", "XFRM-IFACE-007", "XFRM-IFACE-008", "XFRM-SOCK-002")
def test_socket_options_do_the_same_on_the_kernel(uml: KernelSubject) -> None:
    assert_options_agree(uml, (Manager.NETLINK, Manager.PF_KEY))


@pytest.mark.clause("XFRM-IFACE-007", "XFRM-KEY-009")
def test_without_pf_key_only_netlink_answers_a_socket() -> None:
    with uml_subject(core=own_core()) as fresh:
        assert_options_agree(fresh, (Manager.NETLINK,))


@pytest.mark.clause("XFRM-IFACE-002")
def test_nobody_may_configure_anything(uml: KernelSubject) -> None:
    tried = unprivileged_step(policy_message(OUTBOUND), XFRM_OPTION, socket_policy(OUTBOUND))
    allowed, _, refused, listed = run_steps(
        uml,
        [
            options_step((XFRM_OPTION, socket_policy(OUTBOUND))),
            key_step(b""),
            tried,
            listing_step(MessageKind.GETPOLICY),
        ],
    )
    assert allowed[0][0] == admission(Privilege.ADMINISTRATOR)
    assert refused == [admission(Privilege.NOBODY)] * 3
    assert len(policies_in(listed)) == 1
