"""Theorems about the allocation of SPIs: unique in the scope of the profile, in range, never zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec.xfrm.spi import SpiChoice, spi_choice
from xfrmspec_model import associations
from xfrmspec_model.associations import AssociationTerm, is_ipsec
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    bits,
    both,
    less,
    negate,
    same,
)
from xfrmspec_model.selectors import mark_matches
from xfrmspec_proofs.associations import (
    printable_association,
    states_of,
)
from xfrmspec_proofs.state_requests import (
    Everyone,
    database_of_states,
    mark_is_stored,
    requests_on,
    rules_of_states,
    states_witness,
)
from xfrmspec_proofs.theorem import Claim, Scene, only_in, theorem
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import LINUX_6_1, Profile
from xfrmspec_terms.state import SpiRequest


def _spi_of_destination(state: AssociationTerm, larval: AssociationTerm, spi: Number, _: Profile) -> Truth:
    taken = both(same(state.spi, spi), same(state.protocol, larval.protocol))
    return both(taken, same(state.destination, larval.destination))


def _choice(everyone: Everyone, values: dict[str, int], profile: Profile) -> SpiChoice:
    """Ask the reference which SPIs the last state, a larval one, may be given."""
    *others, larval = everyone
    request = SpiRequest(
        larval.source,
        larval.destination,
        larval.protocol,
        larval.mode,
        values["low"],
        values["high"],
        larval.reqid,
        mark=larval.mark,
        if_id=larval.if_id,
    )
    choice = spi_choice(database_of_states(others, profile), request)
    assert isinstance(choice, SpiChoice)
    return choice


def _range(scene: Scene) -> dict[str, Number]:
    return {name: bits(scene.context, name, 32) for name in ("spi", "low", "high")}


def _larval(state: AssociationTerm) -> list[Truth]:
    return [is_ipsec(state.protocol), same(state.lifecycle, Lifecycle.ACQ), same(state.spi, 0)]


def _allocates(*, of_destination: bool) -> Callable[[Scene], Sequence[Claim]]:
    def claims(scene: Scene) -> Sequence[Claim]:
        states = states_of(scene, 2)
        other, larval = states.entries
        values = _range(scene)
        requests_ = requests_on(states)
        hypotheses = [
            *_larval(larval),
            other.installed,
            mark_is_stored(other),
            mark_is_stored(larval),
            requests_.may_allocate(larval, values["spi"], values["low"], values["high"]),
        ]
        there = [same(other.destination, larval.destination), same(other.family, larval.family)]
        fits = mark_matches(other.mark_value, other.mark_mask, larval.mark_value)
        taken = all_of(
            (
                same(other.spi, values["spi"]),
                same(other.protocol, larval.protocol),
                *([*there, fits] if of_destination else []),
            )
        )

        def unique(everyone: Everyone, numbers: dict[str, int], profile: Profile) -> bool:
            first, larval_state = everyone
            same_place = not of_destination or first.destination == larval_state.destination
            clash = same_place and (first.spi, first.protocol) == (numbers["spi"], larval_state.protocol)
            return _choice(everyone, numbers, profile).admits(numbers["spi"]) and not clash

        instance = _allocation_instance(other, larval, values)
        return [Claim(hypotheses, negate(taken), instance, states_witness((other, larval), values, unique))]

    return claims


def _allocation_instance(
    other: AssociationTerm, larval: AssociationTerm, values: dict[str, Number]
) -> list[Truth]:
    usable = [same(other.mode, Mode.TRANSPORT), same(larval.mode, Mode.TRANSPORT)]
    small = [less(values["high"], 16), negate(same(other.lifecycle, Lifecycle.ACQ))]
    open_marks = [same(part, 0) for part in (other.mark_mask, larval.mark_mask)]
    return [
        *printable_association(other),
        *printable_association(larval),
        *usable,
        *small,
        *open_marks,
        negate(same(other.spi, 0)),
    ]


theorem(
    name="an_allocated_spi_is_unique_for_its_protocol",
    statement="No stored state of the protocol, towards whatever destination, has the SPI that is allocated.",
    clauses=("XFRM-SPI-002",),
    mutants={"states_of_other_destinations_do_not_count": rules_of_states(holds_spi=_spi_of_destination)},
    refuted_by=only_in(LINUX_6_1, "spi_unique_per"),
)(_allocates(of_destination=False))

theorem(
    name="an_allocated_spi_is_unique_for_destination_and_protocol",
    statement="No stored state of the protocol and destination whose mark the larval state satisfies has the "
    "SPI that is allocated.",
    clauses=("XFRM-SPI-002",),
    mutants={"no_state_counts": rules_of_states(holds_spi=lambda state, larval, spi, profile: False)},
)(_allocates(of_destination=True))


def _zero_too(spi: Number, low: Number, high: Number) -> Truth:
    return both(negate(less(spi, low)), negate(less(high, spi)))


@theorem(
    name="the_spi_zero_is_never_allocated",
    statement="An allocated SPI lies in the range that was asked for and is not 0.",
    clauses=("XFRM-SPI-002", "XFRM-SPI-001"),
    mutants={"zero_is_a_number_like_any_other": rules_of_states(in_range=_zero_too)},
)
def _never_zero(scene: Scene) -> Sequence[Claim]:
    states = states_of(scene, 1)
    other = states.entries[0]
    larval = associations.unknown_association(scene.context, "larval", -1)
    values = _range(scene)
    allowed = requests_on(states).may_allocate(larval, values["spi"], values["low"], values["high"])
    inside = _zero_too(values["spi"], values["low"], values["high"])

    def never(everyone: Everyone, numbers: dict[str, int], profile: Profile) -> bool:
        choice = _choice(everyone, numbers, profile)
        return choice.admits(numbers["spi"]) and not choice.admits(0)

    instance = [*_allocation_instance(other, larval, values), same(values["low"], 0)]
    return [
        Claim(
            [*_larval(larval), allowed],
            both(inside, negate(same(values["spi"], 0))),
            instance,
            states_witness((other, larval), values, never),
        )
    ]
