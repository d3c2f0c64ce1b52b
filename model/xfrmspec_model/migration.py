"""Migration as terms: which states and templates an entry moves, and what it leaves of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xfrmspec_model.associations import AssociationTerm, stands_in_place
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    bits,
    both,
    choose,
    either,
    negate,
    same,
)
from xfrmspec_model.smt import Context
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import ENDPOINT_MODES, Mode

_WIDTHS = {"protocol": 8, "mode": 3, "reqid": 32, "source": 128, "destination": 128, "family": 8}


@dataclass(frozen=True, slots=True)
class MigrationTerm:
    """One entry of a migration, in the widths of `AssociationTerm`. Source: XFRM-MIGR-001."""

    protocol: Number
    mode: Number
    reqid: Number
    old_source: Number
    old_destination: Number
    old_family: Number
    new_source: Number
    new_destination: Number
    new_family: Number


@dataclass(frozen=True, slots=True)
class EndsTerm:
    """What a migration compares and changes of a template. Source: XFRM-MIGR-005."""

    protocol: Number
    mode: Number
    reqid: Number
    source: Number
    destination: Number
    family: Number


def unknown_migration(context: Context, name: str = "entry") -> MigrationTerm:
    """Declare an entry of which nothing is known."""
    return MigrationTerm(
        **{part: bits(context, f"{name}.{part}", _WIDTHS[part]) for part in ("protocol", "mode", "reqid")},
        **{
            f"{age}_{part}": bits(context, f"{name}.{age}_{part}", _WIDTHS[part])
            for age in ("old", "new")
            for part in ("source", "destination", "family")
        },
    )


def unknown_ends(context: Context, name: str = "template") -> EndsTerm:
    """Declare a template of which nothing is known."""
    return EndsTerm(**{part: bits(context, f"{name}.{part}", width) for part, width in _WIDTHS.items()})


@clause("XFRM-MIGR-004", "XFRM-SAD-003")
def state_migrates(state: AssociationTerm, entry: MigrationTerm, if_id: Number) -> Truth:
    """Tell whether an entry names a state and meets it; `if_id` 0 stands for any.

    Source: XFRM-MIGR-001, XFRM-MIGR-004, XFRM-SAD-003.
    """
    return all_of(
        (
            same(state.protocol, entry.protocol),
            same(state.mode, entry.mode),
            same(state.source, entry.old_source),
            same(state.destination, entry.old_destination),
            same(state.family, entry.old_family),
            either(same(entry.reqid, 0), same(entry.reqid, state.reqid)),
            either(same(if_id, 0), same(if_id, state.if_id)),
            stands_in_place(state),
        )
    )


@clause("XFRM-MIGR-004", "XFRM-MIGR-006")
def migrated_state(state: AssociationTerm, entry: MigrationTerm) -> AssociationTerm:
    """Return the copy of a state that an entry names. Source: XFRM-MIGR-004, XFRM-MIGR-006."""
    return replace(
        state,
        source=entry.new_source,
        destination=entry.new_destination,
        filed_source=entry.new_source,
        filed_destination=entry.new_destination,
        family=entry.new_family,
        dying=False,
    )


@clause("XFRM-MIGR-005")
def template_migrates(template: EndsTerm, entry: MigrationTerm) -> Truth:
    """Tell whether an entry matches a template. Source: XFRM-MIGR-005."""
    named = all_of(
        (
            same(template.protocol, entry.protocol),
            same(template.mode, entry.mode),
            either(same(entry.reqid, 0), same(entry.reqid, template.reqid)),
        )
    )
    ends = all_of(
        same(getattr(template, part), getattr(entry, f"old_{part}"))
        for part in ("source", "destination", "family")
    )
    endpoints = both(has_ends(template), ends)
    return both(named, either(same(template.mode, Mode.TRANSPORT), endpoints))


def has_ends(template: EndsTerm) -> Truth:
    """Tell whether a template names its own endpoints."""
    return among(template.mode, sorted(ENDPOINT_MODES))


@clause("XFRM-MIGR-006")
def migrated_template(template: EndsTerm, entry: MigrationTerm, matched: Truth) -> EndsTerm:
    """Return a template after an entry that matched it or did not. Source: XFRM-MIGR-006."""
    moves = both(matched, has_ends(template))
    return replace(
        template,
        **{
            part: choose(moves, getattr(entry, f"new_{part}"), getattr(template, part), _WIDTHS[part])
            for part in ("source", "destination", "family")
        },
    )


@clause("XFRM-MIGR-005")
def reaches_a_template(matches: Sequence[Truth]) -> Truth:
    """Tell whether some entry matches some template; otherwise ENODATA. Source: XFRM-MIGR-005."""
    return any_of(matches)


@clause("XFRM-MIGR-002")
def names_a_new_place(entry: MigrationTerm) -> Truth:
    """Tell whether the new addresses of an entry are both specified. Source: XFRM-MIGR-002."""
    return negate(either(same(entry.new_source, 0), same(entry.new_destination, 0)))
