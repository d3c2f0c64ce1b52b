"""Theorems about the lifetime of a state: its end, its limits, and what is reported of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import z3

from xfrmspec.xfrm.state_limits import fire_state_timer
from xfrmspec.xfrm.state_operations import delete, flush, key_of, update
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    at_most,
    both,
    choose,
    either,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.lifecycles import LifeEvent, lifecycle_after
from xfrmspec_model.lifetimes import LifeStep, life_updated, packet_met, timer_fired
from xfrmspec_model.limits import INFINITE, LIMIT_PARTS, NEVER, LifeTerm, natural, unknown_life
from xfrmspec_proofs.lives import (
    Lived,
    database_of,
    fire_timer,
    life_witness,
    meet_packet,
    printable_life,
    renew,
    update_witness,
)
from xfrmspec_proofs.state_requests import rules_of_states
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Limits
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.state import InstalledState, StateRequest

_FEW = 8


def _number(scene: Scene, name: str) -> tuple[Number, list[Truth]]:
    term = z3.Int(name, ctx=scene.context)
    return term, [at_most(0, term)]


def _updates_revive(life: LifeTerm, event: Number, spent: Truth, over: Truth, accepted: Truth) -> Number:
    after = lifecycle_after(life, event, spent, over, accepted)
    return choose(both(same(event, LifeEvent.UPDATE), accepted), int(Lifecycle.VALID), after)


@theorem(
    name="a_dead_state_stays_dead",
    statement="No event of the machine and no packet, timer or update changes a state that is DEAD or lets "
    "it transform a packet.",
    clauses=("XFRM-LIFE-003", "XFRM-LIFE-002"),
    mutants={
        "an_update_revives": rules_of_states(lifecycle_after=_updates_revive),
        "every_state_transforms": rules_of_states(may_transform=lambda life: True),
    },
)
def _dead(scene: Scene) -> Sequence[Claim]:
    life, wanted = unknown_life(scene.context), unknown_life(scene.context, "wanted")
    rules = scene.rules.associations
    event, known = _number(scene, "event")
    truths = [z3.Bool(name, ctx=scene.context) for name in ("spent", "over", "accepted")]
    now, later = _number(scene, "now")
    packet = packet_met(life, 1, now, rules)
    steps = (packet, timer_fired(life, now, rules), life_updated(life, wanted, rules))
    moves = [same(rules.lifecycle_after(life, event, *truths), Lifecycle.DEAD)]
    moves += [same(step.life.lifecycle, Lifecycle.DEAD) for step in steps]
    quiet = all_of(negate(either(step.soft, step.hard)) for step in steps)
    conclusion = all_of((*moves, quiet, negate(packet.passed)))
    hypotheses = [
        natural(life),
        natural(wanted),
        *later,
        *known,
        at_most(event, max(LifeEvent)),
        same(life.lifecycle, Lifecycle.DEAD),
    ]
    instance = printable_life(life, Lifecycle.DEAD)
    return [Claim(hypotheses, conclusion, instance, life_witness(life, {"now": now}, _stays_away))]


def _stays_away(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
    """Delete a state, and let everything that still names it try again."""
    living = replace(entry, association=replace(entry.association, lifecycle=Lifecycle.VALID))
    key = key_of(living.association)
    gone = delete(database_of(living, profile), key).database
    timer = fire_state_timer(gone, living, values["now"])
    refused = [delete(gone, key), update(gone, StateRequest(living.association))]
    after = [timer.database, flush(gone).database, *(outcome.database for outcome in refused)]
    announced = [timer.events, flush(gone).events, *(outcome.events for outcome in refused)]
    found = [database.entry(living.age) for database in after]
    errnos = {outcome.errno for outcome in refused}
    return not any(found) and not any(announced) and errnos == {Errno.ESRCH}


@theorem(
    name="only_a_valid_state_lets_a_packet_pass",
    statement="A packet passes a state only while the state is VALID, and a state without a hard limit of "
    "octets or packets that is VALID lets it pass.",
    clauses=("XFRM-LIFE-002", "XFRM-LIFE-005"),
    mutants={"every_state_transforms": rules_of_states(may_transform=lambda life: True)},
)
def _only_valid(scene: Scene) -> Sequence[Claim]:
    life = unknown_life(scene.context)
    now, later = _number(scene, "now")
    size, positive = _number(scene, "size")
    passed = packet_met(life, size, now, scene.rules.associations).passed
    valid = same(life.lifecycle, Lifecycle.VALID)
    unlimited = all_of(same(limit, INFINITE) for limit in (life.hard_bytes, life.hard_packets))
    fresh = all_of(less(count, INFINITE) for count in (life.bytes, life.packets))
    conclusion = both(implies(passed, valid), implies(all_of((valid, unlimited, fresh)), passed))
    instance = [
        *printable_life(life, Lifecycle.VALID, Lifecycle.ACQ, Lifecycle.ERROR),
        *_sensible(now, size),
    ]

    def holds(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
        lived = meet_packet(entry, values["size"], values["now"], profile)
        limits = entry.association.limits
        valid_entry = entry.association.lifecycle is Lifecycle.VALID
        open_ended = limits.hard_bytes is None and limits.hard_packets is None
        return lived.passed <= valid_entry and (valid_entry and open_ended) <= lived.passed

    witness = life_witness(life, {"now": now, "size": size}, holds)
    return [Claim([natural(life), *later, *positive], conclusion, instance, witness)]


def _sensible(now: Number, size: Number = 1) -> list[Truth]:
    return [less(0, now), less(now, 1 << 12), less(0, size), less(size, _FEW)]


def _packets_only(life: LifeTerm) -> Truth:
    return at_most(life.hard_packets, life.packets)


def _hard_limit_beyond(life: LifeTerm) -> Truth:
    return either(less(life.hard_bytes, life.bytes), less(life.hard_packets, life.packets))


@theorem(
    name="no_packet_passes_once_a_hard_limit_is_reached",
    statement="When octets or packets have reached a hard limit no packet passes, and until an update "
    "neither a packet nor the timer changes that.",
    clauses=("XFRM-LIFE-005",),
    mutants={
        "octets_are_not_limited": rules_of_states(hard_limit_reached=_packets_only),
        "a_limit_is_reached_beyond_it": rules_of_states(hard_limit_reached=_hard_limit_beyond),
    },
)
def _hard_limit(scene: Scene) -> Sequence[Claim]:
    life = unknown_life(scene.context)
    rules = scene.rules.associations
    now, later = _number(scene, "now")
    size, positive = _number(scene, "size")
    packet, timer = packet_met(life, size, now, rules), timer_fired(life, now, rules)
    hypotheses = [natural(life), *later, *positive, _spent(life)]
    kept = both(_spent(packet.life), _spent(timer.life))
    instance = [*printable_life(life), *_sensible(now, size)]

    def refused(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
        first = meet_packet(entry, values["size"], values["now"], profile)
        if first.passed or first.entry is None:
            return False
        second = meet_packet(first.entry, values["size"], values["now"], profile)
        return not second.passed and first.entry.association.lifecycle is Lifecycle.EXPIRED

    witness = life_witness(life, {"now": now, "size": size}, refused)
    return [Claim(hypotheses, both(negate(packet.passed), kept), instance, witness)]


def _spent(life: LifeTerm) -> Truth:
    return either(at_most(life.hard_bytes, life.bytes), at_most(life.hard_packets, life.packets))


def _counted_twice(life: LifeTerm) -> Number:
    return life.packets + 2


@theorem(
    name="a_hard_limit_of_n_packets_lets_exactly_n_pass",
    statement="For every N and any number of packets, a VALID state with a hard limit of N packets and none "
    "of octets has let as many pass as it counted, never more than N, and the next if it counted fewer.",
    clauses=("XFRM-LIFE-005",),
    mutants={
        "a_packet_counts_twice": rules_of_states(packets_after=_counted_twice),
        "a_limit_is_reached_beyond_it": rules_of_states(hard_limit_reached=_hard_limit_beyond),
    },
)
def _exactly_n(scene: Scene) -> Sequence[Claim]:
    life = unknown_life(scene.context)
    passed, counted = _number(scene, "passed")
    now, later = _number(scene, "now")
    size, positive = _number(scene, "size")
    step = packet_met(life, size, now, scene.rules.associations)
    then = passed + choose(step.passed, z3.IntVal(1, scene.context), z3.IntVal(0, scene.context))
    valid = same(life.lifecycle, Lifecycle.VALID)
    hypotheses = [
        natural(life),
        *counted,
        *later,
        *positive,
        valid,
        less(life.hard_packets, INFINITE),
        same(life.hard_bytes, INFINITE),
        less(life.bytes, INFINITE),
        _counts_what_passed(life, passed),
    ]
    goes_on = alike(step.passed, less(life.packets, life.hard_packets))
    conclusion = both(_counts_what_passed(step.life, then), goes_on)
    instance = [*printable_life(life), *_sensible(now, size), less(1, life.hard_packets)]

    def exactly(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
        limit = entry.association.limits.hard_packets
        unused = replace(entry, used=None, octets=0, packets=0)
        return limit is not None and _passing(unused, limit + 2, values, profile) == limit

    return [Claim(hypotheses, conclusion, instance, life_witness(life, {"now": now, "size": size}, exactly))]


def _counts_what_passed(life: LifeTerm, passed: Number) -> Truth:
    return both(same(life.packets, passed), at_most(life.packets, life.hard_packets))


def _passing(entry: InstalledState, packets: int, values: dict[str, int], profile: Profile) -> int:
    """Count which of some packets in a row pass."""
    passed, current = 0, entry
    for _ in range(packets):
        lived = meet_packet(current, values["size"], values["now"], profile)
        passed += lived.passed
        if lived.entry is None:
            break
        current = lived.entry
    return passed


def _warns_always(dying: Truth, reached: Truth) -> Truth:
    return reached


def _warned(life: LifeTerm, events: Number) -> Truth:
    """Tell the invariant: as many soft events since the last update as the state is dying."""
    return both(at_most(events, 1), alike(life.dying, same(events, 1)))


def _one(scene: Scene, truth: Truth) -> Number:
    return choose(truth, z3.IntVal(1, scene.context), z3.IntVal(0, scene.context))


@theorem(
    name="one_soft_event_for_each_creation_or_update",
    statement="After any sequence of packets and timers since a state was created or updated, one soft event "
    "was sent if the state is dying and none if not, and a packet that finds a soft limit reached leaves it "
    "dying.",
    clauses=("XFRM-LIFE-004", "XFRM-LIFE-005", "XFRM-LIFE-006"),
    mutants={
        "every_reached_limit_is_reported": rules_of_states(warns=_warns_always),
        "an_update_leaves_it_dying": rules_of_states(dying_after_update=lambda life: life.dying),
    },
)
def _one_soft_event(scene: Scene) -> Sequence[Claim]:
    life, wanted = unknown_life(scene.context), unknown_life(scene.context, "wanted")
    rules = scene.rules.associations
    events, known = _number(scene, "events")
    now, later = _number(scene, "now")
    size, positive = _number(scene, "size")
    hypotheses = [natural(life), natural(wanted), *known, *later, *positive, _warned(life, events)]
    instance = [*printable_life(life), *printable_life(wanted), *_sensible(now, size)]
    steps = (packet_met(life, size, now, rules), timer_fired(life, now, rules))

    def kept(step: LifeStep) -> Truth:
        return _warned(step.life, events + _one(scene, step.soft))

    found = both(same(life.lifecycle, Lifecycle.VALID), rules.soft_limit_reached(life))
    reported = implies(both(found, negate(_spent(life))), steps[0].life.dying)
    renewed = life_updated(life, wanted, rules)
    numbers = {"now": now, "size": size}
    dying = same(events, 1)
    return [
        Claim(
            hypotheses, both(kept(steps[0]), reported), instance, life_witness(life, numbers, _packet_once)
        ),
        Claim(hypotheses, kept(steps[1]), instance, life_witness(life, numbers, _timer_once)),
        Claim(
            [*hypotheses, same(life.lifecycle, Lifecycle.VALID)],
            _warned(renewed.life, _one(scene, renewed.soft)),
            [*instance, dying],
            update_witness(life, wanted, now, _updated_once),
        ),
    ]


def _newly_dying(entry: InstalledState, lived: Lived) -> bool:
    return lived.soft == int(lived.dying and not entry.association.dying)


def _packet_once(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
    return _newly_dying(entry, meet_packet(entry, values["size"], values["now"], profile))


def _timer_once(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
    return _newly_dying(entry, fire_timer(entry, values["now"], profile))


def _updated_once(entry: InstalledState, limits: Limits, now: int, profile: Profile) -> bool:
    lived = renew(entry, limits, now, profile)
    return lived.entry is not None and lived.soft == int(lived.dying)


@theorem(
    name="an_update_clears_dying_and_arms_the_limits_anew",
    statement="After an update of a VALID state all limits are those of the update and everything counted is "
    "kept, and the state is dying only if it was used and has reached a new soft limit, which is reported.",
    clauses=("XFRM-SAD-007", "XFRM-LIFE-004"),
    mutants={"an_update_leaves_it_dying": rules_of_states(dying_after_update=lambda life: life.dying)},
)
def _rearmed(scene: Scene) -> Sequence[Claim]:
    life, wanted = unknown_life(scene.context), unknown_life(scene.context, "wanted")
    rules = scene.rules.associations
    now, later = _number(scene, "now")
    step = life_updated(life, wanted, rules)
    kept = ("added", "used", "bytes", "packets")
    limits = all_of(same(getattr(step.life, part), getattr(wanted, part)) for part in LIMIT_PARTS)
    counts = all_of(same(getattr(step.life, part), getattr(life, part)) for part in kept)
    reached = both(negate(same(life.used, NEVER)), rules.soft_limit_reached(step.life))
    warned = both(implies(step.life.dying, both(reached, step.soft)), implies(step.soft, step.life.dying))
    hypotheses = [natural(life), natural(wanted), *later, same(life.lifecycle, Lifecycle.VALID)]
    instance = [*printable_life(life), *printable_life(wanted), *_sensible(now), life.dying]

    def rearmed(entry: InstalledState, limits: Limits, second: int, profile: Profile) -> bool:
        lived = renew(entry, limits, second, profile)
        if lived.entry is None or lived.entry.association.limits != limits:
            return False
        before, after = entry, lived.entry
        same_use = (before.used, before.octets, before.packets) == (after.used, after.octets, after.packets)
        return same_use and lived.dying == bool(lived.soft)

    witness = update_witness(life, wanted, now, rearmed)
    return [Claim(hypotheses, all_of((limits, counts, warned)), instance, witness)]


def _use_counts_from_addition(life: LifeTerm, now: Number) -> Truth:
    since = choose(same(life.used, NEVER), life.added, life.used)
    worn = both(negate(same(life.hard_use, 0)), at_most(since + life.hard_use, now))
    old = both(negate(same(life.hard_add, 0)), at_most(life.added + life.hard_add, now))
    return either(worn, both(old, negate(life.awaits_soft)))


@theorem(
    name="a_limit_of_use_never_ends_an_unused_state",
    statement="The timer never ends a VALID state that no packet has used and that has no hard limit since "
    "addition, however late it fires.",
    clauses=("XFRM-LIFE-006",),
    mutants={"use_counts_from_addition": rules_of_states(hard_time_reached=_use_counts_from_addition)},
)
def _unused(scene: Scene) -> Sequence[Claim]:
    life = unknown_life(scene.context)
    now, later = _number(scene, "now")
    step = timer_fired(life, now, scene.rules.associations)
    hypotheses = [
        natural(life),
        *later,
        same(life.lifecycle, Lifecycle.VALID),
        same(life.used, NEVER),
        same(life.hard_add, 0),
    ]
    late = less(life.added + life.hard_use, now)
    instance = [*printable_life(life), *_sensible(now), less(0, life.hard_use), late]

    def lives(entry: InstalledState, values: dict[str, int], profile: Profile) -> bool:
        lived = fire_timer(entry, values["now"], profile)
        return lived.entry is not None and lived.entry.association.lifecycle is Lifecycle.VALID

    conclusion = both(same(step.life.lifecycle, Lifecycle.VALID), negate(step.hard))
    return [Claim(hypotheses, conclusion, instance, life_witness(life, {"now": now}, lives))]
