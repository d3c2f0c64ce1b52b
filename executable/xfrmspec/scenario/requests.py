"""The steps of a scenario about states as commands of netlink."""

from __future__ import annotations

from xfrmspec.interfaces.netlink_terms import ChangeState, FlushStates, NewState, RemoveState, StateOperation
from xfrmspec.scenario.terms import AddState, AllocateSpi, DeleteState, Migrate, UpdateState
from xfrmspec.xfrm.state_operations import key_of
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.state import SpiRequest, StateRequest


def command_of(step: AddState | UpdateState | DeleteState | FlushStates) -> StateOperation:
    """Return the command that a step stands for; its replay numbers and suite are no part of it."""
    match step:
        case AddState():
            return NewState(StateRequest(step.state))
        case UpdateState():
            return ChangeState(StateRequest(step.state))
        case DeleteState():
            return RemoveState(key_of(step.state))
        case FlushStates():
            return step


def spi_request_of(step: AllocateSpi) -> SpiRequest:
    """Return the request for an SPI that a step stands for; it has no sequence number."""
    state = step.state
    return SpiRequest(
        state.source,
        state.destination,
        state.protocol,
        state.mode,
        step.minimum,
        step.maximum,
        state.reqid,
        0,
        state.mark,
        state.if_id,
        state.family,
    )


def migration_of(step: Migrate) -> MigrationRequest:
    """Return the request to migrate that a step stands for."""
    identity = step.identity
    return MigrationRequest(identity.selector, int(identity.direction), step.entries, identity.type)
