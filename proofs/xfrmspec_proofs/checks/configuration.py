"""What the checks look at: policies with their place and their unknowns, states, profile, defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xfrmspec.configuration import impossible
from xfrmspec.formats.dump import Dump, Location, PolicyRecord
from xfrmspec.xfrm.bulk import install_all, with_fitting_index
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.pairing import secondary_direction
from xfrmspec.xfrm.policies import refusal_of
from xfrmspec.xfrm.tables import DefaultActions, XfrmTables
from xfrmspec_proofs.checks.cube import EVERYTHING, Cube, flow_bits, policy_cube
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import (
    CandidateList,
    Direction,
    InstalledPolicy,
    Policy,
    PolicyIdentity,
    PolicyType,
    identity_of,
)
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Family, Flow

_HARMLESS_UNKNOWNS = frozenset(
    {"priority", "index", "limits", "usage", "templates", "flags", "share", "security_context"}
)
_NEGOTIATED = frozenset({"reqid", "spi"})


@dataclass(frozen=True, slots=True)
class PlacedPolicy:
    """A policy as it is given: with its place in a text and the dotted names of its masked fields."""

    policy: Policy
    at: Location
    masked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PlacedState:
    """A state as it is given: with its place in a text and the dotted names of its masked fields."""

    state: SecurityAssociation
    at: Location
    masked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """A policy in its place in the database, with the cube of flows that it matches.

    `strength` orders the policies of one direction, type and family: of two that match, the one with the
    smaller value decides. `priority_known` and `matching_known` are False when the text hides the priority
    or something that decides which flows match; `comparable` says that both are known.
    """

    installed: InstalledPolicy
    at: Location
    masked: frozenset[str]
    cube: Cube
    strength: tuple[int, int, int, int]
    priority_known: bool = True
    matching_known: bool = True
    comparable: bool = True

    @property
    def policy(self) -> Policy:
        """The stored policy."""
        return self.installed.policy

    @property
    def key(self) -> tuple[Direction, int]:
        """What names the policy in its database: direction and index."""
        return (self.policy.direction, self.policy.index)

    @property
    def place(self) -> str:
        """Where the policy stands, as `file:line`."""
        return f"{self.at.file}:{self.at.line}"

    @property
    def templates_known(self) -> bool:
        """False when the text hides some part of a template."""
        return not any(name.startswith("templates") for name in self.masked)

    @property
    def shape_known(self) -> bool:
        """False when the text hides more of a template than the numbers a key manager chooses."""
        hidden = (name for name in self.masked if name.startswith("templates"))
        return all(name.rpartition(".")[2] in _NEGOTIATED for name in hidden)


Group = tuple[CheckedPolicy, ...]
"""The policies of one direction, type and family, the strongest first."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One host's policies and states, installed under a profile.

    `groups` hold the policies by direction, type and family, `by_family` by direction and family in
    database order, `by_index` by direction and index. `states_known` is False when nothing follows from
    the absence of a state. `duplicates` are policies whose identity an older one of the text already has;
    they are not installed.
    """

    database: PolicyDatabase
    groups: Mapping[tuple[Direction, PolicyType, Family], Group]
    by_family: Mapping[tuple[Direction, Family], Group]
    by_index: Mapping[tuple[Direction, int], CheckedPolicy]
    states: tuple[PlacedState, ...] = ()
    states_known: bool = False
    defaults: DefaultActions = field(default_factory=DefaultActions)
    duplicates: tuple[tuple[PlacedPolicy, PlacedPolicy], ...] = ()

    @property
    def profile(self) -> Profile:
        """The profile whose rules decide."""
        return self.database.profile

    @property
    def policies(self) -> Group:
        """Every policy, by place."""
        return tuple(sorted((p for group in self.groups.values() for p in group), key=lambda p: p.at))

    @property
    def states_masked(self) -> bool:
        """True when the text hides some field of a state."""
        return any(placed.masked for placed in self.states)

    def checked(self, policy: Policy) -> CheckedPolicy:
        """Return the entry of a stored policy; KeyError for a policy of another database."""
        return self.by_index[policy.direction, policy.index]

    def group(self, direction: Direction, type_: PolicyType, family: Family) -> Group:
        """Return the policies of a direction, type and family, the strongest first."""
        return self.groups.get((direction, type_, family), ())

    def matching(self, flow: Flow, direction: Direction) -> Group:
        """Return every policy of a direction that matches a flow, in database order.

        A policy whose selector is partly hidden is always among them.
        """
        bits = flow_bits(flow)
        group = self.by_family.get((direction, flow.family), ())
        return tuple(p for p in group if (bits ^ p.cube.value) & p.cube.mask == 0)

    def tables_for(self, flow: Flow, direction: Direction) -> XfrmTables:
        """Return the tables without the policies that cannot matter to a flow of a direction.

        Decisions on the flow are the same: positions and ranks stay what they are in the whole database.
        """
        asked = {direction, secondary_direction(direction, self.profile)}
        orders = [tuple(p.installed for p in self.matching(flow, d)) if d in asked else () for d in Direction]
        database = replace(self.database, orders=(orders[0], orders[1], orders[2]))
        return XfrmTables(database, tuple(placed.state for placed in self.states), self.defaults)


def configuration_of(
    dump: Dump,
    profile: Profile,
    *,
    defaults: DefaultActions | None = None,
    states_known: bool | None = None,
) -> Configuration:
    """Install a dump's policies under a profile, last line first; socket policies are left out.

    `states_known` overrides what the dump says of itself. InputError when a policy cannot exist under
    the profile. Source: XFRM-DB-001 (dumps list the newest policy first).
    """
    policies = [_placed(record) for record in reversed(dump.policies) if not record.socket]
    states = [PlacedState(r.state, r.at, frozenset(m.field for m in r.masked)) for r in dump.states]
    known = dump.lists_states if states_known is None else states_known
    return build_configuration(policies, profile, states, states_known=known, defaults=defaults)


@clause("XFRM-DB-001", "XFRM-DB-006", "XFRM-DB-009")
def build_configuration(
    policies: Sequence[PlacedPolicy],
    profile: Profile,
    states: Sequence[PlacedState] = (),
    *,
    states_known: bool = False,
    defaults: DefaultActions | None = None,
) -> Configuration:
    """Install policies, the oldest first, as one `add` after the other would.

    InputError when a policy cannot exist under the profile. Source: XFRM-DB-001, -006, -009.
    """
    kept: dict[PolicyIdentity, PlacedPolicy] = {}
    duplicates: list[tuple[PlacedPolicy, PlacedPolicy]] = []
    for given in policies:
        placed = replace(given, policy=with_fitting_index(given.policy))
        refusal = refusal_of(placed.policy, profile)
        if refusal is not None:
            raise impossible(placed.at, refusal, profile)
        first = kept.setdefault(identity_of(placed.policy), placed)
        if first is not placed:
            duplicates.append((first, placed))
    installed = install_all([placed.policy for placed in kept.values()], profile)
    checked = _checked(installed, kept)
    return Configuration(
        installed,
        _grouped(checked),
        _by_family(checked),
        {(d, entry.policy.index): entry for d, entries in checked.items() for entry in entries},
        tuple(states),
        states_known,
        defaults or DefaultActions(),
        tuple(duplicates),
    )


@clause("XFRM-LOOKUP-001", "XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007")
def strength_of(entry: InstalledPolicy) -> tuple[int, int, int, int]:
    """Return what decides between two matching policies of a freshly filled database; smaller wins.

    Priority, then position; at equal positions the hashed one loses; within a list the rank.
    """
    hashed = 1 if entry.list is CandidateList.EXACT else 0
    return (entry.policy.priority, entry.position, hashed, entry.rank)


def _checked(
    database: PolicyDatabase, kept: Mapping[PolicyIdentity, PlacedPolicy]
) -> dict[Direction, list[CheckedPolicy]]:
    return {
        direction: [
            _with_place(entry, kept[identity_of(entry.policy)]) for entry in database.orders[direction]
        ]
        for direction in Direction
    }


def _with_place(entry: InstalledPolicy, placed: PlacedPolicy) -> CheckedPolicy:
    priority_known = "priority" not in placed.masked
    matching_known = all(_is_harmless(name) for name in placed.masked)
    return CheckedPolicy(
        entry,
        placed.at,
        placed.masked,
        policy_cube(entry.policy) if matching_known else EVERYTHING,
        strength_of(entry),
        priority_known,
        matching_known,
        priority_known and matching_known,
    )


def _grouped(
    checked: Mapping[Direction, Iterable[CheckedPolicy]],
) -> dict[tuple[Direction, PolicyType, Family], Group]:
    groups: dict[tuple[Direction, PolicyType, Family], list[CheckedPolicy]] = {}
    for direction, policies in checked.items():
        for placed in policies:
            key = (direction, placed.policy.type, placed.policy.family)
            groups.setdefault(key, []).append(placed)
    return {key: tuple(sorted(groups[key], key=lambda placed: placed.strength)) for key in sorted(groups)}


def _by_family(
    checked: Mapping[Direction, Sequence[CheckedPolicy]],
) -> dict[tuple[Direction, Family], Group]:
    return {
        (direction, family): tuple(p for p in policies if p.policy.family is family)
        for direction, policies in checked.items()
        for family in (Family.INET, Family.INET6)
    }


def _is_harmless(name: str) -> bool:
    """A hidden field that does not decide which flows a policy matches."""
    return name.partition(".")[0].partition("[")[0] in _HARMLESS_UNKNOWNS


def _placed(record: PolicyRecord) -> PlacedPolicy:
    return PlacedPolicy(record.policy, record.at, frozenset(masked.field for masked in record.masked))
