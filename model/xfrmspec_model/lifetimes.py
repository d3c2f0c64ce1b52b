"""What happens to the lifetime of one state: packets, the timer, updates, and the other events."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec_model.association_rules import ASSOCIATION_RULES, AssociationRules
from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    both,
    choose,
    choose_truth,
    either,
    negate,
    same,
)
from xfrmspec_model.limits import (
    LIFE_NUMBERS,
    LIMIT_PARTS,
    NEVER,
    LifeTerm,
    added_after,
    awaits_soft_after_update,
)
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import CLEAN, Profile


@dataclass(frozen=True, slots=True)
class LifeStep:
    """A lifetime after an event, whether a packet was let through, and which expiries were reported."""

    life: LifeTerm
    passed: Truth = False
    soft: Truth = False
    hard: Truth = False


@clause("XFRM-LIFE-005", "XFRM-LIFE-004")
def tested(life: LifeTerm, rules: AssociationRules = ASSOCIATION_RULES) -> LifeStep:
    """Test the limits of octets and packets of a VALID state; it passes unless a hard one is reached.

    Source: XFRM-LIFE-004, XFRM-LIFE-005.
    """
    spent = rules.hard_limit_reached(life)
    soft = both(negate(spent), rules.warns(life.dying, rules.soft_limit_reached(life)))
    after = replace(
        life,
        lifecycle=choose(spent, Lifecycle.EXPIRED, life.lifecycle),
        dying=either(life.dying, soft),
    )
    return LifeStep(after, passed=negate(spent), soft=soft)


@clause("XFRM-LIFE-005", "XFRM-LIFE-006")
def packet_met(
    life: LifeTerm, size: Number, now: Number, rules: AssociationRules = ASSOCIATION_RULES
) -> LifeStep:
    """Let a packet of some octets meet a state: refused, or let through and then counted.

    Source: XFRM-LIFE-005, XFRM-LIFE-006.
    """
    allowed = rules.may_transform(life)
    step = tested(replace(life, used=rules.used_after(life, now)), rules)
    counted = both(allowed, step.passed)
    after = replace(
        step.life,
        bytes=choose(step.passed, life.bytes + size, life.bytes),
        packets=choose(step.passed, rules.packets_after(life), life.packets),
    )
    return LifeStep(chosen_life(allowed, after, life), passed=counted, soft=both(allowed, step.soft))


@clause("XFRM-LIFE-006", "XFRM-LIFE-004", "XFRM-LIFE-007", "XFRM-ACQ-003")
def timer_fired(life: LifeTerm, now: Number, rules: AssociationRules = ASSOCIATION_RULES) -> LifeStep:
    """Let the timer of a state fire at a time in seconds.

    Source: XFRM-LIFE-004, XFRM-LIFE-006, XFRM-LIFE-007, XFRM-ACQ-003.
    """
    alive = negate(same(life.lifecycle, Lifecycle.DEAD))
    over = either(same(life.lifecycle, Lifecycle.EXPIRED), rules.hard_time_reached(life, now))
    ends = both(alive, over)
    soft = all_of((alive, negate(over), rules.warns(life.dying, rules.soft_time_reached(life, now))))
    after = replace(
        life,
        lifecycle=choose(ends, Lifecycle.DEAD, life.lifecycle),
        added=choose(both(alive, negate(over)), added_after(life, now), life.added),
        dying=either(life.dying, soft),
        awaits_soft=both(life.awaits_soft, negate(soft)),
    )
    return LifeStep(after, soft=soft, hard=ends)


@clause("XFRM-SAD-007", "XFRM-LIFE-004")
def life_updated(
    life: LifeTerm,
    wanted: LifeTerm,
    rules: AssociationRules = ASSOCIATION_RULES,
    profile: Profile = CLEAN,
) -> LifeStep:
    """Give a VALID state the limits of another; a state that was ever used is tested at once.

    Every other state stays as it is. Source: XFRM-SAD-007, XFRM-LIFE-004.
    """
    limits = {part: getattr(wanted, part) for part in LIMIT_PARTS}
    awaits = awaits_soft_after_update(life, profile)
    renewed = replace(life, dying=rules.dying_after_update(life), awaits_soft=awaits, **limits)
    step = tested(renewed, rules)
    used = negate(same(life.used, NEVER))
    valid = same(life.lifecycle, Lifecycle.VALID)
    after = chosen_life(valid, chosen_life(used, step.life, renewed), life)
    return LifeStep(after, soft=all_of((valid, used, step.soft)))


def chosen_life(condition: Truth, then: LifeTerm, otherwise: LifeTerm) -> LifeTerm:
    """Return one of two lifetimes, part by part."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    numbers = {
        part: choose(condition, getattr(then, part), getattr(otherwise, part)) for part in LIFE_NUMBERS
    }
    dying = choose_truth(condition, then.dying, otherwise.dying)
    awaits = choose_truth(condition, then.awaits_soft, otherwise.awaits_soft)
    wait = choose(condition, then.soft_wait, otherwise.soft_wait)
    return LifeTerm(**numbers, dying=dying, awaits_soft=awaits, soft_wait=wait)
