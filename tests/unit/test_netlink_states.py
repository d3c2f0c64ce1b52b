"""Netlink's commands about states on the reference: each does what its operation does, and shows states."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from xfrmspec.interfaces.key_state import KeyStateTables
from xfrmspec.interfaces.netlink_states import NetlinkStateAnswer, NetlinkStateCommand, carry_out
from xfrmspec.interfaces.netlink_terms import (
    ChangeState,
    DumpStates,
    ExpireState,
    FlushStates,
    GetState,
    MovePolicy,
    NewState,
    RemoveState,
    RequestSpi,
)
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import add as add_policy
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import key_of
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.migration import Migration, MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import NO_LIMITS, Direction, Mode, Policy, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, Profile
from xfrmspec_terms.selector import Protocol, Selector
from xfrmspec_terms.state import SpiRequest, StateEventKind, StateKey, StateRequest

HERE, THERE, ELSEWHERE = map(IPv6Address, ("2001:db8::1", "2001:db8:b::1", "2001:db8:b::2"))
STATE = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TUNNEL, 0x1001, 1)
KEY = key_of(STATE)
WANTED = SpiRequest(HERE, THERE, Protocol.ESP, Mode.TUNNEL, 0x200, 0x200, 1)


def empty(profile: Profile = CLEAN) -> KeyStateTables:
    return KeyStateTables(StateDatabase(profile), PolicyDatabase(profile))


def after(*commands: NetlinkStateCommand, tables: KeyStateTables | None = None) -> NetlinkStateAnswer:
    answer = NetlinkStateAnswer(tables or empty())
    for command in commands:
        answer = carry_out(command, answer.tables, 5)
    return answer


def kinds(answer: NetlinkStateAnswer) -> list[StateEventKind]:
    return [event.kind for event in answer.events]


NEW = NewState(StateRequest(STATE))


@pytest.mark.clause("XFRM-SAD-005", "XFRM-SAD-009", "XFRM-EVENT-002")
def test_a_state_is_stored_read_and_deleted() -> None:
    assert kinds(after(NEW)) == [StateEventKind.NEW]
    assert after(NEW, GetState(KEY)).states == (replace(STATE, added=5),)
    assert after(NEW, NEW).errno is Errno.EEXIST
    assert kinds(after(NEW, RemoveState(KEY))) == [StateEventKind.DELETE]
    gone = after(NEW, RemoveState(KEY), GetState(KEY))
    assert (gone.errno, gone.states) == (Errno.ESRCH, ())


@pytest.mark.clause("XFRM-SAD-007", "XFRM-SAD-010")
def test_an_update_changes_limits_and_a_flush_takes_a_protocol() -> None:
    limits = replace(NO_LIMITS, hard_packets=9)
    changed = after(NEW, ChangeState(StateRequest(replace(STATE, limits=limits))))
    assert kinds(changed) == [StateEventKind.UPDATE]
    (shown,) = after(GetState(KEY), tables=changed.tables).states
    assert shown.limits == limits
    assert after(ChangeState(StateRequest(STATE))).errno is Errno.ESRCH
    other = replace(STATE, protocol=Protocol.AH)
    left = after(NEW, NewState(StateRequest(other)), FlushStates(Protocol.ESP), DumpStates())
    assert [state.protocol for state in left.states] == [Protocol.AH]


@pytest.mark.clause("XFRM-SPI-001", "XFRM-SPI-002")
def test_an_allocation_shows_the_larval_state_with_its_spi() -> None:
    (larval,) = after(RequestSpi(WANTED)).states
    assert (larval.spi, larval.lifecycle) == (0x200, Lifecycle.ACQ)
    assert after(RequestSpi(replace(WANTED, maximum=0x1FF))).errno is Errno.EINVAL


@pytest.mark.clause("XFRM-SPI-001")
@pytest.mark.parametrize(("profile", "left"), [(CLEAN, 0), (LINUX_6_1, 1)])
def test_an_allocation_without_a_free_spi_leaves_a_larval_state_by_profile(
    profile: Profile, left: int
) -> None:
    failed = after(RequestSpi(replace(WANTED, minimum=0, maximum=0)), tables=empty(profile))
    assert (failed.errno, failed.states) == (Errno.ENOENT, ())
    assert len(failed.tables.states) == left


@pytest.mark.clause("XFRM-LIFE-002")
def test_only_a_declared_hard_expiry_removes_a_state() -> None:
    soft, hard = after(NEW, ExpireState(KEY, hard=False)), after(NEW, ExpireState(KEY, hard=True))
    assert (kinds(soft), len(soft.tables.states)) == ([StateEventKind.EXPIRE_SOFT], 1)
    assert (kinds(hard), len(hard.tables.states)) == ([StateEventKind.EXPIRE_HARD], 0)
    assert after(ExpireState(KEY, hard=True)).errno is Errno.ENOENT


@pytest.mark.clause("XFRM-MIGR-001", "XFRM-MIGR-006")
def test_a_migration_moves_the_state_and_the_template() -> None:
    everything = Selector.between("::/0", "::/0")
    template = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE, reqid=1)
    policies = add_policy(PolicyDatabase(), Policy(everything, Direction.OUT, templates=(template,))).database
    entry = Migration(HERE, THERE, HERE, ELSEWHERE, Protocol.ESP, Mode.TUNNEL, 1)
    command = MovePolicy(MigrationRequest(everything, Direction.OUT, (entry,)))
    moved = after(NEW, command, tables=replace(empty(), policies=policies))
    assert kinds(moved) == [StateEventKind.MIGRATE]
    (policy,) = moved.tables.policies
    assert policy.policy.templates[0].destination == ELSEWHERE
    key = StateKey(ELSEWHERE, Protocol.ESP, STATE.spi)
    assert after(GetState(key), tables=moved.tables).states[0].destination == ELSEWHERE
