"""Theorems about every history of stages where bindings are kept: what stands, and what is left."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec_model.folding import Number, all_of, both, choose_integer, implies, negate, same
from xfrmspec_model.recipe_keys import Key, Thing
from xfrmspec_model.recipe_policies import Slot
from xfrmspec_model.recipe_tables import ABSENT, equal_tables
from xfrmspec_proofs.recipe_courses import CourseRun, course
from xfrmspec_proofs.recipe_runs import CN, HA
from xfrmspec_proofs.recipe_scenes import with_recipes
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, theorem
from xfrmspec_terms.daemon import Role, StageKind
from xfrmspec_terms.profile import CLEAN

_K = StageKind
_ROLES = (HA, CN)
_PROFILE = (CLEAN,)
"""What recipes ask for depends on no profile."""


def _leaving_out(*left_out: tuple[StageKind, Key]) -> Mutation:
    """Return a mutant whose stages leave out their operations on some objects."""
    return with_recipes(does=lambda stage, key: (stage, key) not in left_out)


def _kept_if_it_stands(now: Number, wanted: Number) -> Number:
    removed = both(negate(same(now, ABSENT)), negate(same(wanted, ABSENT)))
    return choose_integer(removed, now, wanted)


def _gone_if_it_stands(now: Number, wanted: Number) -> Number:
    return choose_integer(same(now, wanted), ABSENT, wanted)


@theorem(
    name="a_binding_and_its_tunnel_hold_no_care_of_address_but_the_newest",
    statement="After every history of stages of clean and BOUND or REBOUND for a home address, the states of "
    "its binding at home agent and correspondent node, and at the home agent the tunnel device or the "
    "templates of OUT, IN and FWD with both tunnel associations, hold the newest care-of address.",
    clauses=(
        "XFRM-DAEMON-027",
        "XFRM-DAEMON-034",
        "XFRM-DAEMON-035",
        "XFRM-DAEMON-036",
        "XFRM-DAEMON-041",
        "XFRM-MIGR-004",
        "XFRM-MIGR-005",
    ),
    mutants={
        "what_differs_is_left_alone": with_recipes(written=_kept_if_it_stands),
        "the_inbound_association_does_not_move": _leaving_out((_K.REBOUND, Thing.IN_END)),
        "the_forwarding_template_does_not_move": _leaving_out((_K.REBOUND, Thing.FORWARD_TEMPLATE)),
        "the_state_of_the_header_is_not_updated": _leaving_out((_K.REBOUND, Thing.BOUND_HEADER)),
        "the_device_does_not_move": _leaving_out((_K.REBOUND, Thing.DEVICE)),
    },
    tried_in=_PROFILE,
)
def _newest(scene: Scene) -> Sequence[Claim]:
    return [_newest_claim(scene, role) for role in _ROLES]


def _newest_claim(scene: Scene, role: Role) -> Claim:
    run = course(scene, role, 2)
    conclusion = both(run.stands_right_still(), same(run.after.bound_to, run.last.care_of))
    hypotheses = [*run.given, run.is_last(_K.BOUND, _K.REBOUND), run.last.about_it]
    moved = [negate(same(event.care_of, run.last.care_of)) for event in run.events[:-1]]

    def newest_only(done: CourseRun) -> bool:
        return done.last.care_of_addresses == {done.stage.care_of}

    return Claim(hypotheses, conclusion, [*run.instance, *moved], run.witness(newest_only))


@theorem(
    name="a_binding_that_has_ended_leaves_what_the_start_made",
    statement="After every history of stages of clean, RELEASED leaves home agent and correspondent node "
    "with exactly what their start made for a home address, tunnel associations at their first ends.",
    clauses=("XFRM-DAEMON-027", "XFRM-DAEMON-036", "XFRM-DAEMON-039", "XFRM-SAFE-006"),
    mutants={
        "the_outbound_tunnel_association_stays_away": _leaving_out((_K.RELEASED, Thing.OUT_END)),
        "the_forwarding_policy_stays": _leaving_out((_K.RELEASED, Slot.TUNNEL_FORWARD)),
        "the_home_agent_answers_for_ever": _leaving_out((_K.RELEASED, Thing.PROXY)),
        "the_state_of_the_option_stays": _leaving_out((_K.RELEASED, Thing.BOUND_OPTION)),
    },
    tried_in=_PROFILE,
)
def _nothing_left(scene: Scene) -> Sequence[Claim]:
    return [_nothing_left_claim(scene, role) for role in _ROLES]


def _nothing_left_claim(scene: Scene, role: Role) -> Claim:
    run = course(scene, role, 3 if role is HA else 2)
    hypotheses = [*run.given, run.is_last(_K.RELEASED), run.last.about_it]
    conclusion = both(run.stands_right_still(), equal_tables(run.after.tables, run.start))
    bound = negate(same(run.before.bound_to, 0))

    def as_at_first(done: CourseRun) -> bool:
        return done.last.contents == done.first.contents

    return Claim(hypotheses, conclusion, [*run.instance, bound], run.witness(as_at_first))


@theorem(
    name="a_stage_of_a_binding_done_twice_changes_nothing_the_second_time",
    statement="After every history of stages of clean, the operations of a stage that follows itself change "
    "no policy, state, tunnel or answering at home agent and correspondent node.",
    clauses=("XFRM-DAEMON-020", "XFRM-DAEMON-042"),
    mutants={"what_stands_is_taken_away": with_recipes(written=_gone_if_it_stands)},
    tried_in=_PROFILE,
)
def _twice(scene: Scene) -> Sequence[Claim]:
    return [_twice_claim(scene, role) for role in _ROLES]


def _twice_claim(scene: Scene, role: Role) -> Claim:
    run = course(scene, role, 2)
    conclusion = all_of(
        implies(same(run.last.kind, place), equal_tables(work.tables, run.twice(place)))
        for place, work in enumerate(run.works)
    )
    bound = negate(same(run.before.bound_to, 0))

    def unchanged(done: CourseRun) -> bool:
        return done.again().contents == done.last.contents

    return Claim(run.given, conclusion, [*run.instance, bound], run.witness(unchanged))
