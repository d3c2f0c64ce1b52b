"""The commands of netlink: what a sender asks for, without what the databases make of it."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.policy import Policy, PolicyIdentity, PolicyType
from xfrmspec_terms.state import SpiRequest, StateKey, StateRequest


@dataclass(frozen=True, slots=True)
class AddPolicy:
    """NEWPOLICY: insert a policy unless its identity exists."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """UPDPOLICY: insert a policy, or replace the one of the same identity."""

    policy: Policy


@dataclass(frozen=True, slots=True)
class DeletePolicy:
    """DELPOLICY: remove a policy by index when one is given, else by identity."""

    identity: PolicyIdentity
    index: int = 0


@dataclass(frozen=True, slots=True)
class GetPolicy:
    """GETPOLICY: read one policy by index when one is given, else by identity."""

    identity: PolicyIdentity
    index: int = 0


@dataclass(frozen=True, slots=True)
class DumpPolicies:
    """GETPOLICY as a dump: read every policy of both types, newest object first."""


@dataclass(frozen=True, slots=True)
class FlushPolicies:
    """FLUSHPOLICY: remove every policy of one type."""

    type: PolicyType = PolicyType.MAIN


@dataclass(frozen=True, slots=True)
class NewState:
    """NEWSA: insert a state unless it collides with a stored one."""

    request: StateRequest


@dataclass(frozen=True, slots=True)
class ChangeState:
    """UPDSA: replace a larval state, or change what may change of a valid one."""

    request: StateRequest


@dataclass(frozen=True, slots=True)
class RemoveState:
    """DELSA: remove the state that a key names."""

    key: StateKey


@dataclass(frozen=True, slots=True)
class GetState:
    """GETSA: read the state that a key names; ESRCH when there is none."""

    key: StateKey


@dataclass(frozen=True, slots=True)
class DumpStates:
    """GETSA as a dump: read every state, oldest object first."""


@dataclass(frozen=True, slots=True)
class FlushStates:
    """FLUSHSA: remove the states of a protocol; 0 for all, 255 for AH, ESP and IPComp."""

    protocol: int = 0


@dataclass(frozen=True, slots=True)
class RequestSpi:
    """ALLOCSPI: give a larval state an SPI of a range, and make the state if there is none."""

    request: SpiRequest


@dataclass(frozen=True, slots=True)
class ExpireState:
    """EXPIRE: a key manager declares that a valid state has reached a limit; a hard one removes it."""

    key: StateKey
    hard: bool


@dataclass(frozen=True, slots=True)
class MovePolicy:
    """MIGRATE: move the states and templates of one policy to other addresses."""

    request: MigrationRequest


PolicyOperation = AddPolicy | UpdatePolicy | DeletePolicy | FlushPolicies
"""Commands that write policies."""

StateOperation = NewState | ChangeState | RemoveState | FlushStates | ExpireState
"""Commands that write states and nothing else."""
