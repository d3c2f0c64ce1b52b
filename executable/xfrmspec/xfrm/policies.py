"""Operations on the policy database: add, update, get, delete, flush, thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from xfrmspec.xfrm.database import PolicyDatabase, install, rebuild
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    DIRECTION_BITS,
    ENDPOINT_MODES,
    MAX_DEPTH,
    TEMPLATE_PROTOCOLS,
    Direction,
    InstalledPolicy,
    Policy,
    PolicyErrorReason,
    PolicyIdentity,
    PolicyType,
    Template,
    identity_of,
)
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Family


class PolicyEventKind(Enum):
    """What the key managers are told about the policy database."""

    NEW = "NEWPOLICY"
    UPDATE = "UPDPOLICY"
    DELETE = "DELPOLICY"
    FLUSH = "FLUSHPOLICY"
    EXPIRE_SOFT = "POLEXPIRE soft"
    EXPIRE_HARD = "POLEXPIRE hard"


@dataclass(frozen=True, slots=True)
class PolicyEvent:
    """One notification; `policy` is None for a flush."""

    kind: PolicyEventKind
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """The database after an operation, its error number, why it was refused, and what was announced.

    A refused operation leaves the database as it was and announces nothing.
    """

    database: PolicyDatabase
    errno: Errno = Errno.OK
    refusal: PolicyErrorReason | None = None
    events: tuple[PolicyEvent, ...] = ()
    found: InstalledPolicy | None = None


@clause("XFRM-DB-006", "XFRM-DB-007", "XFRM-DB-008")
def add(database: PolicyDatabase, policy: Policy, now: int = 0) -> PolicyOutcome:
    """Insert a policy; EEXIST when its identity is taken, whatever the priorities. `now` in seconds.

    Source: XFRM-DB-007; kernel xfrm_add_policy with XFRM_MSG_NEWPOLICY.
    """
    reason = refusal_of(policy, database.profile)
    if reason is not None:
        return PolicyOutcome(database, Errno.EINVAL, reason)
    return link_new(database, policy, now)


@clause("XFRM-DB-007")
def link_new(database: PolicyDatabase, policy: Policy, now: int = 0) -> PolicyOutcome:
    """Insert a policy that its interface has checked; EEXIST when its identity is taken. `now` in seconds.

    Source: XFRM-DB-007; kernel xfrm_policy_insert.
    """
    existing = database.find(identity_of(policy))
    if existing is not None:
        return PolicyOutcome(database, Errno.EEXIST, PolicyErrorReason.EXISTS, found=existing)
    return _installed(database, policy, None, PolicyEventKind.NEW, now)


@clause("XFRM-DB-007", "XFRM-DB-008")
def update(database: PolicyDatabase, policy: Policy, now: int = 0) -> PolicyOutcome:
    """Replace the policy of the same identity, or insert it when there is none. `now` in seconds.

    Source: XFRM-DB-007; kernel xfrm_add_policy with XFRM_MSG_UPDPOLICY.
    """
    reason = refusal_of(policy, database.profile)
    if reason is not None:
        return PolicyOutcome(database, Errno.EINVAL, reason)
    return link_or_replace(database, policy, now)


@clause("XFRM-DB-007")
def link_or_replace(database: PolicyDatabase, policy: Policy, now: int = 0) -> PolicyOutcome:
    """Insert or replace a policy that its interface has checked. `now` in seconds.

    Source: XFRM-DB-007; kernel xfrm_policy_insert.
    """
    existing = database.find(identity_of(policy))
    return _installed(database, policy, existing, PolicyEventKind.UPDATE, now)


@clause("XFRM-DB-005")
def get(database: PolicyDatabase, identity: PolicyIdentity, index: int = 0) -> PolicyOutcome:
    """Find a policy by index when one is given, else by identity; ENOENT when there is none.

    EINVAL for a SUB policy where there are none.
    With an index the selector is not looked at, mark and if_id still are. Source: XFRM-DB-005.
    """
    if _names_missing_type(identity.type, database.profile):
        return PolicyOutcome(database, Errno.EINVAL, PolicyErrorReason.BAD_TYPE)
    entry = _locate(database, identity, index)
    if entry is None:
        return PolicyOutcome(database, Errno.ENOENT, PolicyErrorReason.NOT_FOUND)
    return PolicyOutcome(database, found=entry)


@clause("XFRM-DB-005", "XFRM-DB-008")
def delete(database: PolicyDatabase, identity: PolicyIdentity, index: int = 0) -> PolicyOutcome:
    """Remove the policy that `get` finds; the routes of its family stay valid on kernels that forget to bump.

    Source: XFRM-DB-005, -008; kernel xfrm_get_policy with XFRM_MSG_DELPOLICY.
    """
    located = get(database, identity, index)
    if located.found is None:
        return located
    event = PolicyEvent(PolicyEventKind.DELETE, located.found.policy)
    return PolicyOutcome(without(database, located.found), events=(event,), found=located.found)


@clause("XFRM-DB-010")
def flush(database: PolicyDatabase, type_: PolicyType = PolicyType.MAIN) -> PolicyOutcome:
    """Remove every policy of one type; an empty table is no error and is not announced.

    Source: XFRM-DB-010; kernel xfrm_policy_flush.
    """
    if _names_missing_type(type_, database.profile):
        return PolicyOutcome(database, Errno.EINVAL, PolicyErrorReason.BAD_TYPE)
    doomed = [entry for entry in database if entry.policy.type is type_]
    if not doomed:
        return PolicyOutcome(database)
    flushed = database
    for entry in doomed:
        flushed = without(flushed, entry)
    return PolicyOutcome(flushed, events=(PolicyEvent(PolicyEventKind.FLUSH),))


@clause("XFRM-DB-002", "XFRM-LOOKUP-009")
def set_thresholds(database: PolicyDatabase, thresholds: Thresholds) -> PolicyOutcome:
    """Change from which prefix lengths policies are hashed, and rebuild. Source: XFRM-DB-002."""
    return PolicyOutcome(rebuild(replace(database, thresholds=thresholds)))


@clause("XFRM-DB-008")
def without(database: PolicyDatabase, entry: InstalledPolicy) -> PolicyDatabase:
    """Return the database with one entry unlinked; positions are not counted anew."""
    direction = entry.policy.direction
    order = tuple(e for e in database.orders[direction] if e.age != entry.age)
    remaining = database.with_order(direction, order)
    if not database.profile.delete_bumps_route_generation:
        return remaining
    return replace(remaining, generations=remaining.generations.bumped(entry.policy.family))


@clause("XFRM-DB-009", "XFRM-DB-003", "XFRM-ARCH-004")
def refusal_of(policy: Policy, profile: Profile) -> PolicyErrorReason | None:
    """Return why netlink refuses to store a policy (all give EINVAL), or None.

    Source: XFRM-DB-009, XFRM-TMPL-005; kernel verify_newpolicy_info, validate_tmpl.
    """
    if policy.selector.family is Family.UNSPEC:
        return PolicyErrorReason.BAD_FAMILY
    if policy.selector.source.family is not policy.selector.family:
        return PolicyErrorReason.BAD_PREFIX
    if policy.index and policy.index & DIRECTION_BITS != policy.direction:
        return PolicyErrorReason.BAD_INDEX
    if _names_missing_type(policy.type, profile):
        return PolicyErrorReason.BAD_TYPE
    return _template_refusal(policy.templates, policy.direction, policy.family)


@clause("XFRM-ARCH-004")
def _names_missing_type(type_: PolicyType, profile: Profile) -> bool:
    return type_ is PolicyType.SUB and not profile.sub_policies


@clause("XFRM-TMPL-005", "XFRM-TMPL-004")
def _template_refusal(
    templates: Sequence[Template], direction: Direction, family: Family
) -> PolicyErrorReason | None:
    if len(templates) > MAX_DEPTH:
        return PolicyErrorReason.TOO_MANY_TEMPLATES
    previous = family
    for template in templates:
        own = template.family or family
        if template.mode in ENDPOINT_MODES:
            if template.optional and direction is Direction.OUT:
                return PolicyErrorReason.OPTIONAL_ENDPOINT_MODE
        elif own != previous:
            return PolicyErrorReason.FAMILY_CHANGE
        if template.protocol not in TEMPLATE_PROTOCOLS:
            return PolicyErrorReason.BAD_TEMPLATE_PROTOCOL
        previous = Family(own)
    return None


def _installed(
    database: PolicyDatabase,
    policy: Policy,
    replaced: InstalledPolicy | None,
    kind: PolicyEventKind,
    now: int,
) -> PolicyOutcome:
    installed = install(database, policy, replaced, now)
    entry = next(e for e in installed.orders[policy.direction] if e.age == database.next_age)
    return PolicyOutcome(installed, events=(PolicyEvent(kind, entry.policy),), found=entry)


def _locate(database: PolicyDatabase, identity: PolicyIdentity, index: int) -> InstalledPolicy | None:
    if not index:
        return database.find(identity)
    entry = database.find_index(identity.direction, identity.type, index)
    if entry is None:
        return None
    same = (entry.policy.mark, entry.policy.if_id) == (identity.mark, identity.if_id)
    return entry if same else None
