"""Migration: the addresses of one policy's tunnels and of its states change in one step, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase, Stored, bump_generations
from xfrmspec.xfrm.state_operations import supersede_entry
from xfrmspec.xfrm.state_validity import cannot_start
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import Migration, MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    ENDPOINT_MODES,
    IPSEC_PROTOCOLS,
    MAX_DEPTH,
    CandidateList,
    Direction,
    InstalledPolicy,
    Mode,
    PolicyType,
    Template,
)
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Selector
from xfrmspec_terms.state import (
    FIRST_CHECK_SECONDS,
    InstalledState,
    StateEvent,
    StateEventKind,
    StateRefusal,
)

_ANY_UPPER_LAYER = 255


@dataclass(frozen=True, slots=True)
class MigrationOutcome:
    """Both databases after a migration, why it was refused, and what was announced.

    `policy` is the policy that was found, as it was before; its
    generation grows with every exchange of a template's endpoints.
    """

    policies: PolicyDatabase
    states: StateDatabase
    refusal: StateRefusal | None = None
    events: tuple[StateEvent, ...] = ()
    policy: InstalledPolicy | None = None

    @property
    def errno(self) -> Errno:
        """The error number that the caller sees."""
        return Errno.OK if self.refusal is None else self.refusal.errno


@clause("XFRM-MIGR-001", "XFRM-MIGR-006")
def migrate(
    policies: PolicyDatabase, states: StateDatabase, migration: MigrationRequest, now: int = 0
) -> MigrationOutcome:
    """Migrate one policy and its states; EINVAL, ENOENT or ENODATA if that is not possible. `now`: seconds.

    Source: XFRM-MIGR-001..006; kernel xfrm_migrate.
    """
    if _is_malformed(migration, policies):
        return MigrationOutcome(policies, states, StateRefusal.BAD_MIGRATION)
    policy = policy_to_migrate(policies, migration)
    if policy is None:
        return MigrationOutcome(policies, states, StateRefusal.NO_POLICY)
    copied = _copy_states(states, migration, now)
    templates, matches, replaced = migrated_templates(policy.policy.templates, migration.entries)
    if copied.failed or not matches:
        kept = _without(copied.states, copied.copies)
        return MigrationOutcome(policies, kept, StateRefusal.NOTHING_MIGRATES, policy=policy)
    direction = policy.policy.direction
    changed = replace(
        policy,
        policy=replace(policy.policy, templates=templates),
        generation=policy.generation + replaced,
    )
    order = tuple(changed if e.age == policy.age else e for e in policies.orders[direction])
    return MigrationOutcome(
        policies.with_order(direction, order),
        _without(copied.states, copied.originals),
        None,
        (StateEvent(StateEventKind.MIGRATE, migration=migration),),
        policy,
    )


@clause("XFRM-MIGR-002")
def _is_malformed(migration: MigrationRequest, policies: PolicyDatabase) -> bool:
    if not policies.profile.sub_policies and migration.type is PolicyType.SUB:
        return True
    if not 1 <= len(migration.entries) <= MAX_DEPTH:
        return True
    if any(not int(e.new_source) or not int(e.new_destination) for e in migration.entries):
        return True
    keys = {
        (e.old_source, e.old_destination, e.protocol, e.mode, e.reqid, e.old_family)
        for e in migration.entries
    }
    known = {int(direction) for direction in Direction}
    return len(keys) < len(migration.entries) or migration.direction not in known


@clause("XFRM-MIGR-003")
def policy_to_migrate(policies: PolicyDatabase, migration: MigrationRequest) -> InstalledPolicy | None:
    """Return the policy that a migration names: the first exact one, unless an inexact one is stronger.

    Source: XFRM-MIGR-003; kernel xfrm_migrate_policy_find.
    """
    fitting = [
        entry
        for entry in policies.orders[migration.direction]
        if migration.if_id in (0, entry.policy.if_id)
        and entry.policy.type is migration.type
        and _names_selector(migration.selector, entry.policy.selector)
    ]
    exact = next((e for e in fitting if e.list is CandidateList.EXACT), None)
    inexact = next((e for e in fitting if e.list is not CandidateList.EXACT), None)
    if exact is None or inexact is None:
        return exact or inexact
    return inexact if inexact.policy.priority < exact.policy.priority else exact


def _names_selector(wanted: Selector, stored: Selector) -> bool:
    if wanted.protocol != _ANY_UPPER_LAYER:
        return wanted == stored
    return (wanted.family, wanted.source, wanted.destination) == (
        stored.family,
        stored.source,
        stored.destination,
    )


@dataclass(frozen=True, slots=True)
class _Copied:
    """The states with copies among them; `originals` are those that were copied."""

    states: StateDatabase
    originals: tuple[InstalledState, ...] = ()
    copies: tuple[InstalledState, ...] = ()
    failed: bool = False


@clause("XFRM-MIGR-004")
def _copy_states(states: StateDatabase, migration: MigrationRequest, now: int) -> _Copied:
    """Copy the state of each entry in turn, until one cannot be copied."""
    copied = _Copied(states)
    for entry in migration.entries:
        original = state_to_migrate(copied.states, entry, migration.if_id)
        if original is None:
            continue
        stored = _stored_copy(copied.states, original, entry, now)
        if stored is None:
            return replace(copied, failed=True)
        copied = _Copied(
            stored.database, (*copied.originals, original), (*copied.copies, stored.entry), failed=False
        )
    return copied


@clause("XFRM-MIGR-004")
def state_to_migrate(states: StateDatabase, entry: Migration, if_id: int = 0) -> InstalledState | None:
    """Return the newest state that an entry is about, in whatever lifecycle value.

    Source: XFRM-MIGR-004; kernel xfrm_migrate_state_find.
    """
    return next(
        (
            found
            for found in states
            if found.association.mode is entry.mode
            and found.association.protocol == entry.protocol
            and entry.reqid in (0, found.association.reqid)
            and if_id in (0, found.association.if_id)
            and found.association.destination == entry.old_destination
            and found.association.source == entry.old_source
            and states.meets(found.association, entry.old_source, entry.old_destination)
        ),
        None,
    )


@clause("XFRM-MIGR-004")
def _is_empty(state: SecurityAssociation, profile: Profile) -> bool:
    """A state that no key manager has filled in has no algorithms, or no care-of address."""
    if state.lifecycle not in (Lifecycle.ACQ, Lifecycle.ERROR):
        return False
    return state.protocol in IPSEC_PROTOCOLS or not profile.larval_route_optimisation_migrates


@clause("XFRM-MIGR-004")
def _stored_copy(
    states: StateDatabase, original: InstalledState, entry: Migration, now: int
) -> Stored | None:
    """Return the states with a copy that has the new addresses, or None when it cannot be made or stored.

    Source: XFRM-MIGR-004; kernel xfrm_state_migrate.
    """
    old = original.association
    if _is_empty(old, states.profile) or cannot_start(replace(old, family=entry.new_family)) is not None:
        return None
    moved = replace(
        old,
        source=entry.new_source,
        destination=entry.new_destination,
        family=entry.new_family,
        lifecycle=Lifecycle.VALID,
        dying=False,
        filed_under=None,
    )
    copy = replace(
        original, association=moved, generation=0, next_check=now + FIRST_CHECK_SECONDS, soft_wait=None
    )
    if old.destination == entry.new_destination:
        return bump_generations(states, moved).linked(copy)
    if states.located(moved) is not None:
        return None
    return supersede_entry(states, copy)


def _without(states: StateDatabase, gone: Sequence[InstalledState]) -> StateDatabase:
    ages = {entry.age for entry in gone}
    return replace(states, entries=tuple(e for e in states if e.age not in ages))


@clause("XFRM-MIGR-005", "XFRM-MIGR-006")
def migrated_templates(
    templates: Sequence[Template], entries: Sequence[Migration]
) -> tuple[tuple[Template, ...], int, int]:
    """Return the templates with new endpoints, how often an entry matched, and how often it changed one.

    Entries work one after the other on each template. Source: XFRM-MIGR-005; kernel xfrm_policy_migrate.
    """
    matches = replaced = 0
    result: list[Template] = []
    for template in templates:
        for entry in entries:
            if not _matches_template(entry, template):
                continue
            matches += 1
            if template.mode in ENDPOINT_MODES:
                replaced += 1
                template = replace(
                    template,
                    source=entry.new_source,
                    destination=entry.new_destination,
                    family=entry.new_family,
                )
        result.append(template)
    return tuple(result), matches, replaced


@clause("XFRM-MIGR-005")
def _matches_template(entry: Migration, template: Template) -> bool:
    if template.mode is not entry.mode or template.protocol != entry.protocol:
        return False
    if entry.reqid not in (0, template.reqid):
        return False
    if template.mode in ENDPOINT_MODES:
        return (template.source, template.destination) == (entry.old_source, entry.old_destination)
    return template.mode is Mode.TRANSPORT
