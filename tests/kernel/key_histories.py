"""Random commands through PF_KEY and netlink on one database, on the reference and on a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from random import Random
from typing import Any

from xfrmspec.interfaces.key_codec import decode
from xfrmspec.interfaces.key_commands import KeyAnswer, KeyTables
from xfrmspec.interfaces.key_commands import carry_out as by_key
from xfrmspec.interfaces.key_message import (
    AddressExtension,
    Extension,
    ExtensionType,
    IpsecRequest,
    KeyLevel,
    KeyMessage,
    KeyMode,
    LifetimeExtension,
    MessageType,
    PolicyExtension,
    PolicyKind,
    SaType,
)
from xfrmspec.interfaces.netlink_commands import NetlinkCommand
from xfrmspec.interfaces.netlink_commands import carry_out as by_netlink
from xfrmspec.interfaces.netlink_terms import (
    AddPolicy,
    DeletePolicy,
    DumpPolicies,
    FlushPolicies,
    UpdatePolicy,
)
from xfrmspec.kernel.key_laboratory import (
    key_step,
    listing_step,
    policies_in,
    request_step,
    run_steps,
)
from xfrmspec.kernel.netlink import Message, MessageKind
from xfrmspec.kernel.netlink_requests import flush_policies_message, policy_key_message, policy_message
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.xfrm.database import INDEX_STEP, PolicyDatabase
from xfrmspec_terms.policy import Direction, Mark, Mode, Policy, PolicyType, Template, identity_of
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol, Selector

Command = KeyMessage | NetlinkCommand
HERE = tuple(ip_address(text) for text in ("2001:db8::1", "2001:db8:1::1"))
THERE = tuple(ip_address(text) for text in ("2001:db8:b::1", "2001:db8:c::1"))
IPV4 = ip_address("10.0.0.1"), ip_address("10.0.0.2")
DATABASE_DIRECTIONS = 3


def spd_message(
    type_: MessageType, policy: PolicyExtension, *more: Extension, port: int = 0, protocol: int = 255
) -> KeyMessage:
    """A policy message about the first pair of hosts."""
    ends = (
        AddressExtension(ExtensionType.ADDRESS_SRC, HERE[0], 128, protocol),
        AddressExtension(ExtensionType.ADDRESS_DST, THERE[0], 128, protocol, port),
    )
    return KeyMessage(type_, extensions=(*ends, policy, *more), sequence=7, pid=9)


def draw_history(random: Random, length: int, next_index: int) -> list[Command]:
    """Draw commands, most of them good, about few enough policies that they meet."""
    return [_draw_command(random, next_index) for _ in range(length)]


def _draw_command(random: Random, next_index: int) -> Command:
    kind = random.choice(("key",) * 8 + ("netlink",) * 3 + ("dump", "flush"))
    if kind == "dump":
        return KeyMessage(MessageType.X_SPDDUMP, sequence=3)
    if kind == "flush":
        return random.choice(
            (KeyMessage(MessageType.X_SPDFLUSH), FlushPolicies(random.choice(list(PolicyType))))
        )
    return _draw_netlink(random) if kind == "netlink" else _draw_key(random, next_index)


def _draw_key(random: Random, next_index: int) -> KeyMessage:
    adding = (MessageType.X_SPDADD, MessageType.X_SPDUPDATE, MessageType.X_SPDSETIDX)
    type_ = random.choice(
        (*adding, *adding, MessageType.X_SPDDELETE, MessageType.X_SPDDELETE2, MessageType.X_SPDGET)
    )
    protocol = random.choice((255, 0, 17, 6))
    ends: list[Extension] = [
        AddressExtension(ExtensionType.ADDRESS_SRC, random.choice(HERE), 128, random.choice((255, 17))),
        AddressExtension(
            ExtensionType.ADDRESS_DST, random.choice(THERE), 128, protocol, random.choice((0, 0, 53))
        ),
    ]
    requests = tuple(_draw_request(random) for _ in range(random.choice((0, 1, 2, 3, 7))))
    kind = random.choice((*PolicyKind, PolicyKind.IPSEC, PolicyKind.IPSEC, PolicyKind.NONE))
    asked = PolicyExtension(
        kind,
        random.choice((1, 2, 3, 2, 1, 0, 4)),
        next_index + random.choice((0, 1, 2, 3, 8, 9, 17)),
        random.choice((0, 5)),
        requests,
    )
    lifetimes = [
        LifetimeExtension(entry, random.choice((0, 5)), random.choice((0, 900)), 3600, 0)
        for entry in (ExtensionType.LIFETIME_HARD, ExtensionType.LIFETIME_SOFT)
        if random.random() < 0.3
    ]
    parts = [*ends, asked, *lifetimes]
    if random.random() < 0.1:
        parts.pop(random.randrange(3))
    return KeyMessage(type_, extensions=tuple(parts), sequence=random.randrange(9), pid=9)


def _draw_request(random: Random) -> IpsecRequest:
    mode = random.choice((KeyMode.TRANSPORT, KeyMode.TRANSPORT, KeyMode.TUNNEL, KeyMode.BEET, 0, 4))
    if random.random() < 0.8:
        mode = random.choice((KeyMode.TRANSPORT, KeyMode.TUNNEL))
    ends = (HERE[1], THERE[1]) if mode == KeyMode.TUNNEL and random.random() < 0.95 else None
    protocol = random.choice((50, 51, 108, 50, 50, 43, 17 if random.random() < 0.2 else 60))
    return IpsecRequest(
        protocol, mode, random.choice((*KeyLevel, 9)), random.choice((0, 7, 0x3FFF, 0x4000, 0x7000)), ends
    )


def _draw_netlink(random: Random) -> NetlinkCommand:
    mode = random.choice((Mode.TRANSPORT, Mode.TRANSPORT, Mode.BEET, Mode.RO))
    templates = (Template(Protocol.ESP, mode, reqid=random.choice((0, 7, 0x4001))),)
    policy = Policy(
        Selector.between(f"{random.choice(HERE)}/128", f"{random.choice(THERE)}/128"),
        random.choice(tuple(Direction)),
        random.choice((PolicyType.MAIN, PolicyType.MAIN, PolicyType.SUB)),
        priority=random.choice((0, 5)),
        templates=templates[: random.randrange(2)],
        mark=random.choice((Mark(), Mark(), Mark(3, 7))),
    )
    return random.choice((AddPolicy(policy), UpdatePolicy(policy), DeletePolicy(identity_of(policy))))


Answer = tuple[int, tuple[KeyMessage, ...], tuple[Policy, ...]]
"""Error number, PF_KEY messages to the sender, and what netlink lists afterwards."""


def on_reference(history: Sequence[Command], tables: KeyTables) -> list[Answer]:
    """Carry the commands out one after the other."""
    answers: list[Answer] = []
    for command in history:
        if isinstance(command, KeyMessage):
            heard: KeyAnswer = by_key(command, tables)
            tables, errno, messages = heard.tables, heard.errno, heard.messages
        else:
            told = by_netlink(command, tables)
            tables, errno, messages = told.tables, told.errno, ()
        listed = by_netlink(DumpPolicies(), tables).policies
        answers.append((int(errno), tuple(map(_bare, messages)), listed))
    return answers


def calibrated(subject: KernelSubject) -> KeyTables:
    """Return empty tables whose generators of reqids and indexes stand where the kernel's do."""
    unique = IpsecRequest(50, KeyMode.TRANSPORT, KeyLevel.UNIQUE)
    probe = spd_message(MessageType.X_SPDADD, PolicyExtension(PolicyKind.IPSEC, 2, 0, 0, (unique,)))
    (answer,) = run_steps(subject, [key_step(probe)])
    made = _decoded(answer[-1][1])[0].policy
    assert made is not None
    following = made.id - Direction.OUT + INDEX_STEP
    return KeyTables(PolicyDatabase(LINUX_6_1, next_index=following), made.requests[0].reqid)


def on_kernel(subject: KernelSubject, history: Sequence[Command]) -> list[Answer]:
    """Run the commands from empty tables."""
    steps = []
    for command in history:
        step = key_step(command) if isinstance(command, KeyMessage) else request_step(_message(command))
        steps += [step, listing_step(MessageKind.GETPOLICY)]
        if not isinstance(command, KeyMessage):
            steps += [key_step(b"")]
    answers = iter(run_steps(subject, steps))
    observed = []
    for command in history:
        observed.append(_kernel_answer(next(answers), next(answers)))
        if not isinstance(command, KeyMessage):
            next(answers)
    return observed


def _kernel_answer(answer: list[Any], listing: list[str]) -> Answer:
    own = tuple(
        policy
        for payload, policy in zip(listing, policies_in(listing), strict=True)
        if bytes.fromhex(payload)[_DIRECTION] < DATABASE_DIRECTIONS
    )
    if isinstance(answer[0], int):
        return answer[0], (), own
    messages = _of_databases(_decoded(answer[-1][1]))
    errno = answer[-1][0] or (messages[-1].errno if messages else 0)
    return errno, tuple(map(_bare, messages)), own


_DIRECTION = 160


def _decoded(octets: Sequence[str]) -> list[KeyMessage]:
    return [decode(bytes.fromhex(message)) for message in octets]


def _of_databases(messages: list[KeyMessage]) -> list[KeyMessage]:
    """Leave out the policies of sockets, the laboratory's own among them, and number what remains."""
    dumped = [m for m in messages if m.type is MessageType.X_SPDDUMP and m.policy is not None]
    kept = [m for m in dumped if m.policy is not None and m.policy.direction <= DATABASE_DIRECTIONS]
    if dumped and not kept:
        return [KeyMessage(MessageType.X_SPDDUMP, errno=2, sequence=3)]
    if len(kept) < len(dumped):
        kept[-1] = replace(kept[-1], sequence=0)
    return [*kept, *(m for m in messages if m not in dumped)]


def _bare(message: KeyMessage) -> KeyMessage:
    """A message without the reference count and the times of addition and use."""
    parts = [part for part in message.extensions if part != message.lifetime(ExtensionType.LIFETIME_CURRENT)]
    satype = SaType.UNSPEC if message.type is MessageType.X_SPDDUMP else message.satype
    return replace(message, extensions=tuple(parts), reserved=0, satype=satype)


def _message(command: NetlinkCommand) -> Message:
    match command:
        case AddPolicy(policy):
            return policy_message(policy)
        case UpdatePolicy(policy):
            return policy_message(policy, MessageKind.UPDPOLICY)
        case DeletePolicy(identity, index):
            return policy_key_message(identity, index)
        case FlushPolicies(type_):
            return flush_policies_message(type_)
    raise TypeError(f"{type(command).__name__} is no command of a history")
