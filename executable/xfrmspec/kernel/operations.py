"""The netlink request that carries out each operation of a scenario."""

from __future__ import annotations

from functools import singledispatch

from xfrmspec.kernel.netlink import Message, MessageKind
from xfrmspec.kernel.netlink_attributes import Attribute, ReplayEsn, replay_esn_attribute
from xfrmspec.kernel.netlink_counters import Replay, replay_attribute
from xfrmspec.kernel.netlink_requests import (
    allocate_spi_message,
    defaults_message,
    flush_policies_message,
    flush_states_message,
    migrate_message,
    policy_key_message,
    policy_message,
    state_key_message,
    state_message,
    thresholds_message,
)
from xfrmspec.kernel.suite_algorithms import suite_algorithms
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    AllocateSpi,
    DeletePolicy,
    DeleteState,
    ExtendedReplay,
    FlushPolicies,
    FlushStates,
    LegacyCounters,
    Migrate,
    Operation,
    SetDefaults,
    SetThresholds,
    UpdatePolicy,
    UpdateState,
)


@singledispatch
def operation_message(operation: Operation) -> Message:
    """Return the request that carries an operation out; TypeError for anything else."""
    raise TypeError(f"{type(operation).__name__} is no operation")


@operation_message.register
def _(operation: AddPolicy) -> Message:
    return policy_message(operation.policy)


@operation_message.register
def _(operation: UpdatePolicy) -> Message:
    return policy_message(operation.policy, MessageKind.UPDPOLICY)


@operation_message.register
def _(operation: DeletePolicy) -> Message:
    return policy_key_message(operation.identity, operation.index)


@operation_message.register
def _(operation: FlushPolicies) -> Message:
    return flush_policies_message(operation.type)


@operation_message.register
def _(operation: AddState) -> Message:
    algorithms = suite_algorithms(operation.suite, operation.state)
    return state_message(operation.state, algorithms, replay=_replay_attributes(operation))


@operation_message.register
def _(operation: UpdateState) -> Message:
    return state_message(operation.state, kind=MessageKind.UPDSA)


@operation_message.register
def _(operation: AllocateSpi) -> Message:
    return allocate_spi_message(operation.state, operation.minimum, operation.maximum)


@operation_message.register
def _(operation: Migrate) -> Message:
    return migrate_message(operation.identity, operation.entries)


def _replay_attributes(operation: AddState) -> tuple[Attribute, ...]:
    replay = operation.replay
    if isinstance(replay, LegacyCounters):
        return (replay_attribute(Replay(replay.out_sequence, replay.sequence, replay.bitmap)),)
    if isinstance(replay, ExtendedReplay):
        counters = (replay.out_sequence, replay.sequence, replay.out_sequence_high, replay.sequence_high)
        return (replay_esn_attribute(ReplayEsn(*counters, replay.window, replay.bitmap)),)
    return ()


@operation_message.register
def _(operation: DeleteState) -> Message:
    return state_key_message(operation.state)


@operation_message.register
def _(operation: FlushStates) -> Message:
    return flush_states_message(operation.protocol)


@operation_message.register
def _(operation: SetDefaults) -> Message:
    actions = operation.actions
    return defaults_message(actions.inbound, actions.forward, actions.outbound)


@operation_message.register
def _(operation: SetThresholds) -> Message:
    bits = operation.thresholds
    return thresholds_message(bits.local4, bits.remote4, bits.local6, bits.remote6)
