"""The operations of one stage while they are collected: each changes what the next one finds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.mipv6.recipes.terms import Memory, RecipeOperation, remember
from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    DeletePolicy,
    DeleteState,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec.xfrm.state_operations import key_of
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Policy, PolicyIdentity, identity_of


@dataclass(frozen=True, slots=True)
class Work:
    """What stands by now, and the operations that brought it about, first one first."""

    memory: Memory
    operations: tuple[RecipeOperation, ...] = ()

    def do(self, *operations: RecipeOperation) -> Work:
        """Return the work with operations added whatever stands."""
        memory = self.memory
        for operation in operations:
            memory = remember(memory, operation)
        return Work(memory, (*self.operations, *operations))

    def write(self, *policies: Policy) -> Work:
        """Add policies, or update those that stand, be they equal or not."""
        work = self
        for policy in policies:
            stands = work.memory.policy(identity_of(policy)) is not None
            work = work.do(UpdatePolicy(policy) if stands else AddPolicy(policy))
        return work

    def write_states(self, *states: SecurityAssociation) -> Work:
        """Add states, or update those that stand, be they equal or not."""
        work = self
        for state in states:
            stands = work.memory.state(key_of(state)) is not None
            work = work.do(UpdateState(state) if stands else AddState(state))
        return work

    @clause("XFRM-DAEMON-020", "XFRM-DAEMON-042")
    def put(self, *policies: Policy) -> Work:
        """Make policies stand as wanted: add what is missing, update what differs, leave the rest alone."""
        work = self
        for policy in policies:
            if work.memory.policy(identity_of(policy)) != policy:
                work = work.write(policy)
        return work

    @clause("XFRM-DAEMON-020")
    def put_states(self, *states: SecurityAssociation) -> Work:
        """Make states stand as wanted: add what is missing, update what differs, leave the rest alone."""
        work = self
        for state in states:
            if work.memory.state(key_of(state)) != state:
                work = work.write_states(state)
        return work

    def drop(self, *policies: Policy | PolicyIdentity) -> Work:
        """Delete those of the policies that stand, found by identity."""
        work = self
        for policy in policies:
            identity = identity_of(policy) if isinstance(policy, Policy) else policy
            if work.memory.policy(identity) is not None:
                work = work.do(DeletePolicy(identity))
        return work

    def drop_states(self, *states: SecurityAssociation) -> Work:
        """Delete those of the states that stand, found by key."""
        work = self
        for state in states:
            stored = work.memory.state(key_of(state))
            if stored is not None:
                work = work.do(DeleteState(stored))
        return work


def without_templates(policy: Policy) -> Policy:
    """Return a policy that lets the same packets pass untransformed."""
    return replace(policy, templates=())
