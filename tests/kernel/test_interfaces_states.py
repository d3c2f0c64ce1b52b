"""States through PF_KEY on a kernel: the same errors and states, a refused acquire, a migration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from kernel.agreement import SEED
from kernel.key_histories import HERE, THERE, spd_message
from xfrmspec.interfaces.key_message import (
    AddressExtension,
    Extension,
    ExtensionType,
    IpsecRequest,
    KeyExtension,
    KeyMessage,
    KeyMode,
    LifetimeExtension,
    MessageType,
    PolicyExtension,
    PolicyKind,
    Sa2Extension,
    SaExtension,
    SaFlag,
    SaType,
    SpiRangeExtension,
    StateLife,
)
from xfrmspec.interfaces.key_state import KeyStateTables, carry_out
from xfrmspec.kernel.key_laboratory import heard, key_step, listing_step, request_step, run_steps
from xfrmspec.kernel.netlink import MessageKind, decode
from xfrmspec.kernel.netlink_requests import policy_message, stored_state
from xfrmspec.kernel.program import compile_scenario
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.terms import Scenario, Send
from xfrmspec.wire.secret import NO_KEY, Secret
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import link_new
from xfrmspec.xfrm.state_acquire import store_larval
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol, Selector

HISTORIES, COMMANDS = 150, 8
NULL_CIPHER = KeyExtension(ExtensionType.KEY_ENCRYPT, 0, NO_KEY)
NULL_DIGEST = KeyExtension(ExtensionType.KEY_AUTH, 0, NO_KEY)
KEYS: tuple[list[Extension], ...] = ([], [NULL_DIGEST], [NULL_CIPHER, NULL_DIGEST])
SOME_KEY = KeyExtension(ExtensionType.KEY_ENCRYPT, 8, Secret(b"k"))
NUMBERS = {SaType.ESP: (0, 11), SaType.AH: (251, 0), SaType.X_IPCOMP: (0, 2), SaType.UNSPEC: (0, 11)}


def empty() -> KeyStateTables:
    return KeyStateTables(StateDatabase(LINUX_6_1), PolicyDatabase(LINUX_6_1))


def state_message(
    type_: MessageType, spi: int, *more: Extension, satype: int = SaType.ESP, **numbers: int
) -> KeyMessage:
    authentication, encryption = NUMBERS.get(satype, (0, 11))  # type: ignore[call-overload]
    sa = SaExtension(spi, authentication=authentication, encryption=encryption)
    ends = (
        AddressExtension(ExtensionType.ADDRESS_SRC, HERE[0], 128),
        AddressExtension(ExtensionType.ADDRESS_DST, THERE[0], 128),
    )
    return KeyMessage(type_, satype, (replace(sa, **numbers), *ends, *more))


def draw_command(random: Random) -> KeyMessage:
    kinds = (MessageType.ADD, MessageType.ADD, MessageType.UPDATE, MessageType.DELETE, MessageType.FLUSH)
    type_ = random.choice(kinds)
    satype = random.choice((*NUMBERS, SaType.ESP, SaType.ESP, SaType.MIP))
    if type_ is MessageType.FLUSH:
        return KeyMessage(type_, satype)
    by_type: dict[int, Sequence[Extension]] = {SaType.AH: [NULL_DIGEST], SaType.X_IPCOMP: []}
    fitting = by_type.get(satype, [NULL_CIPHER])
    odd = {"encryption": random.choice((0, 77, 254))} if random.random() < 0.15 else {}
    if odd:
        fitting = [SOME_KEY]
    more: list[Extension] = list(fitting if random.random() < 0.9 else random.choice(KEYS))
    if random.random() < 0.5:
        more.append(Sa2Extension(random.choice((0, 1, 2, 3, 4)), 0, random.choice((0, 7))))
    if random.random() < 0.3:
        more.append(LifetimeExtension(ExtensionType.LIFETIME_HARD, 9, 900, 3600, 0))
    if random.random() < 0.3:
        more.append(LifetimeExtension(ExtensionType.LIFETIME_SOFT, 0, 800, 3000, 60))
    message = state_message(type_, random.choice((0x100, 0x101)), *more, satype=satype)
    sa = message.sa
    assert sa is not None
    flags = random.choice((0, SaFlag.NOECN, SaFlag.DECAP_DSCP | SaFlag.NOPMTUDISC))
    changed = replace(sa, replay=random.choice((0, 32, 64)), flags=flags, **odd)
    kept = tuple(part for part in message.extensions if part is not sa)
    return replace(message, extensions=(changed, *kept))


def comparable(state: SecurityAssociation) -> SecurityAssociation:
    return replace(state, added=0, authentication_bit=0)


def key(state: SecurityAssociation) -> tuple[int, int]:
    return state.protocol, state.spi


def listed(answer: Any) -> list[SecurityAssociation]:
    """The states of a listing, without the hidden ones that the kernel makes for IPComp in mode tunnel."""
    states = [stored_state(decode(MessageKind.NEWSA, bytes.fromhex(payload))) for payload in answer]
    return sorted((comparable(s) for s in states if s.protocol is not Protocol.IPV6), key=key)


@pytest.mark.clause("XFRM-KEY-007", "XFRM-KEY-002", "XFRM-KEY-001")
def test_states_of_pf_key_are_the_same_on_the_kernel(uml: KernelSubject) -> None:
    seen: set[int] = set()
    for number in range(HISTORIES):
        random, tables = Random(f"{SEED} states {number}"), empty()
        history = [draw_command(random) for _ in range(COMMANDS)]
        steps = [step for c in history for step in (key_step(c), listing_step(MessageKind.GETSA))]
        answers = run_steps(uml, steps)
        for place, command in enumerate(history):
            expected = carry_out(command, tables)
            tables = expected.tables
            (back,) = heard(answers[2 * place])
            assert back.messages[-1].errno == expected.errno, (number, place, command)
            states = sorted(map(comparable, tables.states.associations), key=key)
            assert listed(answers[2 * place + 1]) == states, (number, place, command)
            seen.add(int(expected.errno))
    assert seen >= {0, Errno.EINVAL, Errno.EEXIST, Errno.ESRCH, Errno.ENOSYS, Errno.EPROTONOSUPPORT}


@pytest.mark.clause("XFRM-SPI-001", "XFRM-SPI-002")
@pytest.mark.parametrize(
    ("satype", "low", "high", "errno", "larval"),
    [
        (SaType.ESP, 0x300, 0x300, Errno.OK, 1),
        (SaType.ESP, 0x100, 0x100, Errno.ENOENT, 1),
        (SaType.AH, 0, 0, Errno.ENOENT, 1),
        (SaType.ESP, 5, 4, Errno.EINVAL, 1),
        (SaType.X_IPCOMP, 0x10000, 0x10000, Errno.EINVAL, 1),
        (SaType.MIP, 0x300, 0x300, Errno.EINVAL, 0),
    ],
)
def test_getspi_leaves_a_larval_state_on_the_kernel_even_when_it_is_refused(
    uml: KernelSubject, satype: SaType, low: int, high: int, errno: Errno, larval: int
) -> None:
    stored = state_message(MessageType.ADD, 0x100, NULL_CIPHER)
    ends = stored.extensions[1:3]
    asked = KeyMessage(MessageType.GETSPI, satype, (*ends, SpiRangeExtension(low, high)))
    back, states = run_steps(uml, [key_step(stored, asked), listing_step(MessageKind.GETSA)])
    expected = carry_out(asked, carry_out(stored, empty()).tables)
    assert heard(back)[1].messages[-1].errno == expected.errno == errno
    named = [(state.protocol, state.spi, state.mode, state.reqid) for state in listed(states)]
    kept = expected.tables.states.associations
    assert named == sorted((s.protocol, s.spi, s.mode, s.reqid) for s in kept)
    assert len(named) == 1 + larval
    clean = replace(empty(), states=StateDatabase())
    after = carry_out(asked, carry_out(stored, clean).tables).tables.states
    assert len(after) == 1 + (errno is Errno.OK)


def acquiring_steps() -> list[Any]:
    policy = Policy(
        Selector.between("::/0", "::/0"), Direction.OUT, templates=(Template(Protocol.ESP, Mode.TRANSPORT),)
    )
    flow = Flow(HERE[0], THERE[0], Protocol.UDP, 1000, 5000)
    send = compile_scenario(Scenario((Send(flow),)))["steps"][-1]
    register = KeyMessage(MessageType.REGISTER, SaType.ESP)
    return [key_step(register), request_step(policy_message(policy)), send]


@pytest.mark.clause("XFRM-KEY-006", "XFRM-LIFE-002")
def test_a_refused_acquire_leaves_a_state_in_error(uml: KernelSubject) -> None:
    *_, first = run_steps(uml, [*acquiring_steps(), key_step(b"")])
    (asked,) = (m for m in heard(first)[0].messages if m.type is MessageType.ACQUIRE)
    dump = KeyMessage(MessageType.DUMP, SaType.ESP)
    cases = ((0, 1, StateLife.DEAD), (1000, 1, StateLife.LARVAL), (0, 0, StateLife.LARVAL))
    for number, (beside, errno, life) in enumerate(cases, start=1):
        sequence = asked.sequence + number
        answer = KeyMessage(MessageType.ACQUIRE, SaType.ESP, errno=errno, sequence=sequence + beside)
        *_, back = run_steps(uml, [*acquiring_steps(), key_step(answer, dump)])
        (shown,) = heard(back)[1].messages
        assert shown.sa is not None
        assert shown.sa.life == life, answer
        larval = SecurityAssociation(HERE[0], THERE[0], Protocol.ESP, Mode.TRANSPORT)
        tables = replace(empty(), states=store_larval(empty().states, larval, 0, sequence).database)
        (state,) = carry_out(answer, tables).tables.states.associations
        assert (state.lifecycle is Lifecycle.ERROR) is (life is StateLife.DEAD)


@pytest.mark.clause("XFRM-KEY-006")
def test_an_answer_with_extensions_is_not_supported(uml: KernelSubject) -> None:
    answer = KeyMessage(MessageType.ACQUIRE, SaType.ESP, (Sa2Extension(),), errno=1, sequence=5)
    (back,) = heard(run_steps(uml, [key_step(answer)])[0])
    assert back.messages[-1].errno == carry_out(answer, empty()).errno == Errno.EOPNOTSUPP


def tunnel(far: int, reqid: int = 0) -> IpsecRequest:
    return IpsecRequest(Protocol.ESP, KeyMode.TUNNEL, reqid=reqid, endpoints=(HERE[0], THERE[far]))


@pytest.mark.clause("XFRM-KEY-008", "XFRM-MIGR-001")
@pytest.mark.parametrize(
    ("direction", "requests"),
    [
        (2, (tunnel(0), tunnel(1))),
        (2, (tunnel(1), tunnel(0))),
        (1, (tunnel(0), tunnel(1))),
        (0, (tunnel(0), tunnel(1))),
        (4, (tunnel(0), tunnel(1))),
        (2, (tunnel(0),)),
        (2, ()),
        (2, (tunnel(0), tunnel(1, reqid=3))),
        (2, (replace(tunnel(0), endpoints=None), tunnel(1))),
    ],
)
def test_a_migration_does_the_same_on_the_kernel(
    uml: KernelSubject, direction: int, requests: tuple[IpsecRequest, ...]
) -> None:
    asked = PolicyExtension(PolicyKind.IPSEC, 2, 0, 0, (tunnel(0),))
    command = spd_message(MessageType.X_MIGRATE, PolicyExtension(PolicyKind.IPSEC, direction, 0, 0, requests))
    state = state_message(MessageType.ADD, 0x100, NULL_CIPHER, Sa2Extension(KeyMode.TUNNEL))
    sent = key_step(spd_message(MessageType.X_SPDADD, asked), state, command)
    answers, states = run_steps(uml, [sent, listing_step(MessageKind.GETSA)])
    template = Template(Protocol.ESP, Mode.TUNNEL, HERE[0], THERE[0])
    selector = Selector.between(str(HERE[0]), str(THERE[0]))
    policies = link_new(empty().policies, Policy(selector, Direction.OUT, templates=(template,))).database
    before = carry_out(state, replace(empty(), policies=policies)).tables
    expected = carry_out(command, before)
    messages = heard(answers)[2].messages
    assert (messages[-1].errno if messages else 0) == expected.errno
    assert listed(states) == sorted(map(comparable, expected.tables.states.associations), key=key)
