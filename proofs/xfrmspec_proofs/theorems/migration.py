"""Theorems about migration: what it moves, what it leaves, and whom it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.migrate import MigrationOutcome, migrate, migrated_templates
from xfrmspec.xfrm.policies import add
from xfrmspec_model import migration
from xfrmspec_model.associations import AssociationTerm, StateKey, is_ipsec, unknown_association
from xfrmspec_model.folding import Number, Truth, all_of, among, both, either, implies, less, negate, same
from xfrmspec_model.migration import (
    EndsTerm,
    MigrationTerm,
    has_ends,
    names_a_new_place,
    reaches_a_template,
    unknown_ends,
    unknown_migration,
)
from xfrmspec_model.selectors import address_number
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import instantiable
from xfrmspec_proofs.associations import (
    DESTINATIONS,
    REQIDS,
    SOURCES,
    printable_association,
    read_association,
    state_record,
)
from xfrmspec_proofs.facts import template_facts
from xfrmspec_proofs.state_requests import database_of_states, rules_of_states
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number, read_address
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.migration import Migration, MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import UINT32_MAX, Address, Family, Protocol, Selector

_MOVED = ("source", "destination", "family", "filed_source", "filed_destination", "dying")
_EVERYTHING = Selector.between("::/0", "::/0")


def _read_entry(model: Model, entry: MigrationTerm) -> Migration:
    def address(part: str) -> Address:
        return read_address(number(model, getattr(entry, part)), Family.INET6)

    return Migration(
        address("old_source"),
        address("old_destination"),
        address("new_source"),
        address("new_destination"),
        number(model, entry.protocol),
        Mode(number(model, entry.mode)),
        number(model, entry.reqid),
    )


def _read_ends(model: Model, template: EndsTerm) -> Template:
    source, destination = (
        read_address(number(model, end), Family.INET6) for end in (template.source, template.destination)
    )
    protocol, mode = Protocol(number(model, template.protocol)), Mode(number(model, template.mode))
    return Template(protocol, mode, source, destination, reqid=number(model, template.reqid))


def _printable_entry(entry: MigrationTerm) -> list[Truth]:
    sources, destinations = map(address_number, SOURCES), map(address_number, DESTINATIONS)
    return [
        names_a_new_place(entry),
        among(entry.new_source, map(address_number, SOURCES)),
        among(entry.new_destination, map(address_number, DESTINATIONS)),
        among(entry.old_source, sources),
        among(entry.old_destination, destinations),
        negate(same(entry.old_source, entry.new_source)),
        same(entry.old_family, Family.INET6),
        same(entry.new_family, Family.INET6),
        among(entry.reqid, REQIDS),
    ]


def _entry_facts(entry: Migration) -> dict[str, object]:
    return {
        "protocol": Protocol(entry.protocol).name.lower(),
        "mode": entry.mode.name.lower(),
        "from": [str(entry.old_source), str(entry.old_destination)],
        "to": [str(entry.new_source), str(entry.new_destination)],
        "reqid": entry.reqid,
    }


def _template_for(entry: Migration, reqid: int) -> Template:
    """Return a template that an entry matches."""
    protocol = Protocol(entry.protocol)
    return Template(protocol, entry.mode, entry.old_source, entry.old_destination, reqid=reqid)


def _migrated(
    template: Template, states: Sequence[SecurityAssociation], entry: Migration, profile: Profile
) -> MigrationOutcome:
    """Migrate a policy of one template and some states in the reference."""
    policy = Policy(_EVERYTHING, Direction.OUT, templates=(template,))
    policies = add(PolicyDatabase(profile), policy).database
    request = MigrationRequest(_EVERYTHING, Direction.OUT, (entry,))
    return migrate(policies, database_of_states(states, profile), request)


def _state_witness(
    state: AssociationTerm,
    entry: MigrationTerm,
    holds: Callable[[SecurityAssociation, Migration, Profile], bool],
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        used, moves = read_association(model, state), _read_entry(model, entry)
        facts = {"states": [state_record(used)], "entry": _entry_facts(moves)}
        return Witness(facts, lambda profile: holds(used, moves, profile))

    return read


def _moving(scene: Scene) -> tuple[AssociationTerm, MigrationTerm, list[Truth], list[Truth]]:
    """Return a state and an entry that names it, that this is so, and that both print well."""
    state = replace(unknown_association(scene.context, "state", 0), installed=True)
    entry = unknown_migration(scene.context)
    hypotheses = [scene.rules.associations.state_migrates(state, entry, 0)]
    instance = [
        *printable_association(state),
        *_printable_entry(entry),
        among(entry.mode, (Mode.TRANSPORT, Mode.TUNNEL)),
        is_ipsec(state.protocol),
        negate(same(state.spi, 0)),
        same(state.lifecycle, Lifecycle.VALID),
    ]
    return state, entry, hypotheses, instance


def _ignores_reqid(state: AssociationTerm, entry: MigrationTerm, if_id: Number) -> Truth:
    return migration.state_migrates(state, replace(entry, reqid=0), if_id)


def _selector_moves(state: AssociationTerm, entry: MigrationTerm) -> AssociationTerm:
    selector = replace(state.selector, source=entry.new_source)
    return replace(migration.migrated_state(state, entry), selector=selector)


@theorem(
    name="a_migration_of_a_state_changes_its_addresses_only",
    statement="A state that an entry names has the entry's protocol, mode, old addresses and, unless 0, "
    "reqid, and its copy has the new addresses, is not dying, and is equal to it in everything else.",
    clauses=("XFRM-MIGR-004", "XFRM-MIGR-006"),
    mutants={
        "the_reqid_is_not_compared": rules_of_states(state_migrates=_ignores_reqid),
        "the_selector_moves_too": rules_of_states(migrated_state=_selector_moves),
    },
)
def _addresses_only(scene: Scene) -> Sequence[Claim]:
    state, entry, hypotheses, instance = _moving(scene)
    copy = scene.rules.associations.migrated_state(state, entry)
    named = [same(getattr(state, part), getattr(entry, part)) for part in ("protocol", "mode")]
    named += [same(state.source, entry.old_source), same(state.destination, entry.old_destination)]
    named += [either(same(entry.reqid, 0), same(entry.reqid, state.reqid))]
    moved = [same(copy.source, entry.new_source), same(copy.destination, entry.new_destination)]
    conclusion = all_of((*named, *moved, negate(copy.dying), _agrees(copy, state)))

    def only(used: SecurityAssociation, moves: Migration, profile: Profile) -> bool:
        outcome = _migrated(_template_for(moves, used.reqid), [used], moves, profile)
        expected = replace(used, source=moves.new_source, destination=moves.new_destination, dying=False)
        return outcome.errno is Errno.OK and outcome.states.associations == (expected,)

    dying = [*instance, state.dying]
    return [Claim(hypotheses, conclusion, dying, _state_witness(state, entry, only))]


def _agrees(copy: AssociationTerm, state: AssociationTerm) -> Truth:
    """Tell whether a copy has everything but addresses of its original."""
    parts = set(AssociationTerm.__dataclass_fields__) - {*_MOVED, "selector", "identity"}
    own = all_of(_equal(getattr(copy, part), getattr(state, part)) for part in sorted(parts))
    return both(own, all_of(_equal_selectors(copy, state)))


def _equal(one: Number, other: Number) -> Truth:
    return True if one is other else same(one, other)


def _equal_selectors(copy: AssociationTerm, state: AssociationTerm) -> list[Truth]:
    parts = type(state.selector).__dataclass_fields__
    return [_equal(getattr(copy.selector, part), getattr(state.selector, part)) for part in parts]


def _spi_is_drawn_anew(state: AssociationTerm, entry: MigrationTerm) -> AssociationTerm:
    return replace(migration.migrated_state(state, entry), spi=state.spi + 1)


@theorem(
    name="a_state_whose_source_moved_is_found_by_the_same_spi",
    statement="When a migration keeps destination and family of an IPsec state, every lookup by SPI that met "
    "the state meets its copy.",
    clauses=("XFRM-MIGR-004", "XFRM-SAD-002"),
    mutants={"the_spi_is_drawn_anew": rules_of_states(migrated_state=_spi_is_drawn_anew)},
)
def _still_found(scene: Scene) -> Sequence[Claim]:
    state, entry, hypotheses, instance = _moving(scene)
    asked = unknown_association(scene.context, "asked", -1)
    key = StateKey(
        asked.destination, asked.source, asked.protocol, asked.family, asked.spi, asked.mark_value, UINT32_MAX
    )
    rules = scene.rules.associations
    copy = rules.migrated_state(state, entry)
    stays = [same(entry.new_destination, state.destination), same(entry.new_family, state.family)]
    ipsec = [is_ipsec(state.protocol), is_ipsec(asked.protocol), rules.answers(state, key)]

    def found(used: SecurityAssociation, moves: Migration, profile: Profile) -> bool:
        outcome = _migrated(_template_for(moves, used.reqid), [used], moves, profile)
        entry = outcome.states.by_spi(used.destination, used.spi, used.protocol)
        return entry is not None and entry.association.source == moves.new_source

    witness = _state_witness(state, entry, found)
    return [Claim([*hypotheses, *stays, *ipsec], rules.answers(copy, key), instance, witness)]


def _template_case(scene: Scene) -> tuple[EndsTerm, MigrationTerm, list[Truth]]:
    """Return a template and an entry, and that both print well."""
    template, entry = unknown_ends(scene.context), unknown_migration(scene.context)
    instance = [
        *_printable_entry(entry),
        among(template.source, map(address_number, SOURCES)),
        among(template.destination, map(address_number, DESTINATIONS)),
        same(template.family, Family.INET6),
        among(template.reqid, REQIDS),
        instantiable(template.protocol, template.mode),
        same(template.protocol, entry.protocol),
        same(template.mode, entry.mode),
        less(entry.mode, len(Mode)),
    ]
    return template, entry, instance


def _template_witness(
    template: EndsTerm,
    entry: MigrationTerm,
    holds: Callable[[Template, Migration, Profile], bool],
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        wanted, moves = _read_ends(model, template), _read_entry(model, entry)
        facts = {"template": template_facts(wanted), "entry": _entry_facts(moves)}
        return Witness(facts, lambda profile: holds(wanted, moves, profile))

    return read


def _ends_are_not_compared(template: EndsTerm, entry: MigrationTerm) -> Truth:
    here = replace(
        template, source=entry.old_source, destination=entry.old_destination, family=entry.old_family
    )
    return migration.template_migrates(here, entry)


def _transport_moves_too(template: EndsTerm, entry: MigrationTerm, matched: Truth) -> EndsTerm:
    tunnel = replace(template, mode=Mode.TUNNEL)
    return replace(migration.migrated_template(tunnel, entry, matched), mode=template.mode)


_ENDS = ("source", "destination", "family")


@theorem(
    name="a_migration_changes_endpoints_of_matched_tunnels_only",
    statement="A template whose protocol, mode, reqid or endpoints are not those of an entry, or whose mode "
    "is not tunnel or beet, stays as it is; any other takes the new endpoints and keeps the rest.",
    clauses=("XFRM-MIGR-005", "XFRM-MIGR-006"),
    mutants={
        "endpoints_are_not_compared": rules_of_states(template_migrates=_ends_are_not_compared),
        "transport_templates_move_too": rules_of_states(migrated_template=_transport_moves_too),
    },
)
def _tunnels_only(scene: Scene) -> Sequence[Claim]:
    template, entry, instance = _template_case(scene)
    rules = scene.rules.associations
    matched = rules.template_migrates(template, entry)
    after = rules.migrated_template(template, entry, matched)
    stated = all_of(
        (
            has_ends(template),
            same(template.protocol, entry.protocol),
            same(template.mode, entry.mode),
            either(same(entry.reqid, 0), same(entry.reqid, template.reqid)),
            *(same(getattr(template, part), getattr(entry, f"old_{part}")) for part in _ENDS),
        )
    )
    moved = all_of(same(getattr(after, part), getattr(entry, f"new_{part}")) for part in _ENDS)
    stayed = all_of(same(getattr(after, part), getattr(template, part)) for part in _ENDS)
    rest = all_of(_equal(getattr(after, part), getattr(template, part)) for part in ("mode", "reqid"))
    conclusion = all_of((implies(stated, moved), implies(negate(stated), stayed), rest))

    def only(wanted: Template, moves: Migration, _: Profile) -> bool:
        (then,), _matches, changed = migrated_templates((wanted,), (moves,))
        ends = (moves.new_source, moves.new_destination)
        expected = replace(wanted, source=ends[0], destination=ends[1]) if changed else wanted
        endpoints = wanted.mode in (Mode.TUNNEL, Mode.BEET)
        there = (wanted.source, wanted.destination) == (moves.old_source, moves.old_destination)
        named = (wanted.protocol, wanted.mode) == (moves.protocol, moves.mode)
        asked = moves.reqid in (0, wanted.reqid)
        return then == expected and bool(changed) == (endpoints and there and named and asked)

    return [Claim([], conclusion, instance, _template_witness(template, entry, only))]


def _route_optimisation_matches(template: EndsTerm, entry: MigrationTerm) -> Truth:
    optimised = both(same(template.mode, Mode.RO), same(entry.mode, Mode.RO))
    return either(migration.template_migrates(template, entry), optimised)


@theorem(
    name="a_policy_of_route_optimisation_templates_does_not_migrate",
    statement="No entry matches a template of mode ro or in_trigger, so a policy with no other templates is "
    "refused with ENODATA, however many templates and entries there are.",
    clauses=("XFRM-MIGR-005",),
    mutants={
        "route_optimisation_templates_match": rules_of_states(template_migrates=_route_optimisation_matches)
    },
)
def _no_route_optimisation(scene: Scene) -> Sequence[Claim]:
    template, entry, instance = _template_case(scene)
    matched = scene.rules.associations.template_migrates(template, entry)
    optimised = among(template.mode, (Mode.RO, Mode.IN_TRIGGER))

    def refused(wanted: Template, moves: Migration, profile: Profile) -> bool:
        bound = SecurityAssociation(
            moves.old_source, moves.old_destination, wanted.protocol, wanted.mode, care_of=SOURCES[0]
        )
        outcome = _migrated(wanted, [bound], moves, profile)
        return outcome.errno is Errno.ENODATA and outcome.states.associations == (bound,)

    conclusion = negate(reaches_a_template([matched]))
    instance = [*instance, negate(is_ipsec(template.protocol))]
    return [Claim([optimised], conclusion, instance, _template_witness(template, entry, refused))]
