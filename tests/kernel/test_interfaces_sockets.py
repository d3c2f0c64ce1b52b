"""The sockets of PF_KEY on a kernel: registration, promiscuous mode, and dumps of states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from kernel.agreement import SEED
from kernel.key_histories import HERE, THERE
from kernel.test_interfaces_states import NULL_CIPHER, draw_command, empty, state_message
from xfrmspec.interfaces.key_dump import CUT_ERRNO
from xfrmspec.interfaces.key_message import (
    Extension,
    ExtensionType,
    KeyExtension,
    KeyMessage,
    LifetimeExtension,
    MessageType,
    Sa2Extension,
    SaExtension,
    SaType,
)
from xfrmspec.interfaces.key_sockets import LABORATORY_ALGORITHMS, KeySockets
from xfrmspec.interfaces.key_sockets import carry_out as on_sockets
from xfrmspec.interfaces.key_state import carry_out
from xfrmspec.kernel.key_laboratory import heard, key_step, request_step, run_steps
from xfrmspec.kernel.netlink_requests import policy_message
from xfrmspec.kernel.netlink_requests import state_message as netlink_state
from xfrmspec.kernel.program import compile_scenario
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.terms import Scenario, Send
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.state_acquire import store_larval
from xfrmspec.xfrm.state_operations import add
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.selector import Flow, Protocol, Selector
from xfrmspec_terms.state import StateRequest

HISTORIES, COMMANDS, SOCKETS = 150, 8, 3
ANYTHING = Selector.between("::/0", "::/0")


def draw_socket_command(random: Random) -> tuple[int, KeyMessage]:
    """Draw who sends what: registrations, promiscuous mode, and messages that nobody handles."""
    kinds = (MessageType.REGISTER, MessageType.REGISTER, MessageType.X_PROMISC, MessageType.X_PROMISC)
    type_ = random.choice((*kinds, MessageType.EXPIRE))
    satype = random.choice((0, 1, 2, 3, 3, 9, 10, 200) if type_ is MessageType.REGISTER else (0, 1, 1, 2))
    more: tuple[Extension, ...] = (Sa2Extension(1),) if random.random() < 0.2 else ()
    errno = random.choice((0, 5))
    return random.randrange(SOCKETS), KeyMessage(type_, satype, more, errno, random.randrange(9), 7)


@pytest.mark.clause("XFRM-KEY-010", "XFRM-KEY-011", "XFRM-KEY-001")
def test_every_socket_hears_on_the_kernel_what_the_reference_says(uml: KernelSubject) -> None:
    for number in range(HISTORIES):
        random = Random(f"{SEED} sockets {number}")
        history = [draw_socket_command(random) for _ in range(COMMANDS)]
        sockets = KeySockets()
        steps = [key_step(b"", socket=each) for each in range(SOCKETS)]
        for each in range(SOCKETS):
            sockets = sockets.opened(each)
        steps += [key_step(command, socket=sender) for sender, command in history]
        steps += [key_step(b"", socket=each) for each in range(SOCKETS)]
        answers = run_steps(uml, steps)[SOCKETS:]
        seen: dict[int, list[KeyMessage]] = {each: [] for each in range(SOCKETS)}
        for listener, answer in zip([s for s, _ in history] + list(seen), answers, strict=True):
            seen[listener].extend(heard(answer)[0].messages)
        for sender, command in history:
            sockets = on_sockets(command, sockets, sender)
        for each, messages in seen.items():
            assert tuple(messages) == sockets.heard.get(each, ()), (number, each, history)


@pytest.mark.clause("XFRM-KEY-010")
def test_the_answer_to_a_registration_lists_the_algorithms_of_the_kernel(uml: KernelSubject) -> None:
    types = (SaType.ESP, SaType.AH, SaType.X_IPCOMP, SaType.UNSPEC)
    (answers,) = run_steps(uml, [key_step(*(KeyMessage(MessageType.REGISTER, type_) for type_ in types))])
    assert [back.messages[-1].extensions for back in heard(answers)] == [LABORATORY_ALGORITHMS] * len(types)


@pytest.mark.clause("XFRM-KEY-006", "XFRM-KEY-010")
@pytest.mark.parametrize(
    ("registered", "hears"),
    [((SaType.AH,), True), ((SaType.ESP,), True), ((SaType.UNSPEC,), False), ((), False)],
)
def test_an_acquire_goes_to_sockets_that_are_registered_for_any_type(
    uml: KernelSubject, registered: tuple[SaType, ...], hears: bool
) -> None:
    policy = Policy(ANYTHING, Direction.OUT, templates=(Template(Protocol.ESP, Mode.TRANSPORT),))
    requests = [KeyMessage(MessageType.REGISTER, type_) for type_ in registered]
    steps = [
        key_step(b"", *requests, socket=1),
        key_step(b"", socket=2),
        request_step(policy_message(policy)),
    ]
    steps += [key_step(b"", socket=each) for each in (1, 2)]
    answers = run_steps(uml, [*steps, sending(), *(key_step(b"", socket=each) for each in (1, 2))])
    told, other = ([message.type for message in heard(answer)[0].messages] for answer in answers[-2:])
    assert told == ([MessageType.ACQUIRE] if hears else [])
    assert not other
    sockets = KeySockets().opened(1).opened(2)
    for request in requests:
        sockets = on_sockets(request, sockets, 1)
    assert sockets.manager_listens is hears


def sending() -> list[Any]:
    flow = Flow(HERE[0], THERE[0], Protocol.UDP, 1000, 5000)
    step: list[Any] = compile_scenario(Scenario((Send(flow),)))["steps"][-1]
    return step


def bare(message: KeyMessage) -> KeyMessage:
    """A message without keys, algorithm numbers, and the times of addition and use."""
    parts = [part for part in message.extensions if not isinstance(part, KeyExtension)]
    return replace(message, reserved=0, extensions=tuple(map(_without_algorithms, parts)))


def _without_algorithms(part: Extension) -> Extension:
    if isinstance(part, SaExtension):
        return replace(part, authentication=0, encryption=0)
    if isinstance(part, LifetimeExtension) and part.type is ExtensionType.LIFETIME_CURRENT:
        return replace(part, add_seconds=0, use_seconds=0)
    return part


def assert_dumps_agree(observed: Sequence[KeyMessage], expected: Sequence[KeyMessage], where: object) -> None:
    assert tuple(map(bare, observed)) == tuple(map(bare, expected)), where


@pytest.mark.clause("XFRM-KEY-012", "XFRM-IFACE-005", "XFRM-KEY-007")
def test_a_dump_of_states_says_the_same_on_the_kernel(uml: KernelSubject) -> None:
    types = (SaType.UNSPEC, SaType.ESP, SaType.AH, SaType.X_IPCOMP, SaType.MIP)
    lengths: set[int] = set()
    for number in range(HISTORIES):
        random, tables = Random(f"{SEED} dumps {number}"), empty()
        drawn = [draw_command(random) for _ in range(2 * COMMANDS)]
        history = [command for command in drawn if command.type is not MessageType.FLUSH][:COMMANDS]
        dump = KeyMessage(MessageType.DUMP, random.choice(types), sequence=4, pid=9)
        answers = run_steps(uml, [key_step(*history), key_step(dump)])
        for command in history:
            tables = carry_out(command, tables).tables
        expected = carry_out(dump, tables)
        (back,) = heard(answers[1])
        refused = (replace(dump, errno=int(expected.errno)),) if expected.errno else ()
        assert_dumps_agree(back.messages, expected.messages or refused, (number, history))
        lengths.add(len(back.messages))
    assert len(lengths) > 2


@pytest.mark.clause("XFRM-KEY-012", "XFRM-IFACE-005")
def test_a_dump_shows_every_origin_and_is_cut_at_a_larval_state_of_mode_ro(
    uml: KernelSubject,
) -> None:
    """A state of route optimisation has no type, so it neither stands in the dump nor cuts it."""
    bound = SecurityAssociation(
        HERE[0], THERE[0], Protocol.DESTINATION_OPTIONS, Mode.RO, care_of=HERE[1], selector=ANYTHING
    )
    written = state_message(MessageType.ADD, 0x100, NULL_CIPHER)
    dump = KeyMessage(MessageType.DUMP, SaType.UNSPEC)
    policy = Policy(ANYTHING, Direction.OUT, templates=(Template(Protocol.ESP, Mode.RO),))
    register = KeyMessage(MessageType.REGISTER, SaType.ESP)
    younger = state_message(MessageType.ADD, 0x101, NULL_CIPHER)
    steps = [
        key_step(written, register),
        request_step(netlink_state(bound)),
        key_step(dump),
        request_step(policy_message(policy)),
        sending(),
        key_step(younger),
        key_step(dump),
    ]
    answers = run_steps(uml, steps)
    tables = carry_out(written, empty()).tables
    tables = replace(tables, states=add(tables.states, StateRequest(bound)).database)
    (before,) = (back.messages for back in heard(answers[2]))
    assert_dumps_agree(
        [m for m in before if m.type is MessageType.DUMP], carry_out(dump, tables).messages, "before"
    )
    larval = SecurityAssociation(HERE[0], THERE[0], Protocol.ESP, Mode.RO, lifecycle=Lifecycle.ACQ)
    tables = replace(tables, states=store_larval(tables.states, larval, 0, 1).database)
    tables = carry_out(younger, tables).tables
    (after,) = (back.messages for back in heard(answers[6]))
    assert_dumps_agree(after, carry_out(dump, tables).messages, "after")
    first, last = after
    assert (first.sa.spi if first.sa else None, first.errno) == (0x101, CUT_ERRNO)
    assert last.errno == Errno.EINVAL


@pytest.mark.clause("XFRM-KEY-011")
def test_a_promiscuous_socket_reads_the_keys_of_another_manager(uml: KernelSubject) -> None:
    listen = KeyMessage(MessageType.X_PROMISC, 1)
    written = state_message(
        MessageType.ADD, 0x100, KeyExtension(ExtensionType.KEY_ENCRYPT, 128, Secret(bytes(16))), encryption=12
    )
    steps = [key_step(listen, socket=1), key_step(written, socket=2), key_step(b"", socket=1)]
    twice, _, (answer,) = run_steps(uml, steps)
    assert len(heard(twice)[0].messages) == 2
    messages = heard([answer])[0].messages
    assert [m.type for m in messages] == [MessageType.ADD] * 3
    assert all(m.key(ExtensionType.KEY_ENCRYPT) is not None for m in messages[:1])
