"""The lifetime of a state on concrete values: each step folded to plain Python values."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_model.evaluate import plain_number, plain_truth
from xfrmspec_model.lifetimes import LifeStep, life_updated, packet_met, timer_fired
from xfrmspec_model.limits import NEVER, LifeTerm, plain_limits
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.policy import Limits
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.state import InstalledState


@dataclass(frozen=True, slots=True)
class Life:
    """What can be compared of a lifetime after a step; times in seconds, `used` None for never."""

    lifecycle: Lifecycle
    dying: bool
    added: int
    used: int | None
    octets: int
    packets: int
    passed: bool
    soft: bool
    hard: bool


def plain_life(entry: InstalledState) -> LifeTerm:
    """Return the lifetime of a known state as a term."""
    state = entry.association
    return LifeTerm(
        lifecycle=int(state.lifecycle),
        added=state.added,
        used=NEVER if entry.used is None else entry.used,
        bytes=entry.octets,
        packets=entry.packets,
        dying=state.dying,
        awaits_soft=entry.soft_wait is not None,
        soft_wait=entry.soft_wait or 0,
        **plain_limits(state.limits),
    )


def _folded(step: LifeStep) -> Life:
    life = step.life
    used = plain_number(life.used)
    return Life(
        Lifecycle(plain_number(life.lifecycle)),
        plain_truth(life.dying),
        plain_number(life.added),
        None if used == NEVER else used,
        plain_number(life.bytes),
        plain_number(life.packets),
        plain_truth(step.passed),
        plain_truth(step.soft),
        plain_truth(step.hard),
    )


def after_packet(entry: InstalledState, octets: int, now: int) -> Life:
    """Return a lifetime after a packet met the state (`lifetimes.packet_met`)."""
    return _folded(packet_met(plain_life(entry), octets, now))


def after_timer(entry: InstalledState, now: int) -> Life:
    """Return a lifetime after the timer fired (`lifetimes.timer_fired`)."""
    return _folded(timer_fired(plain_life(entry), now))


def after_update(entry: InstalledState, limits: Limits) -> Life:
    """Return a lifetime after an update with new limits (`lifetimes.life_updated`)."""
    return _folded(_updated(entry, limits, CLEAN))


def ends_after_update(entry: InstalledState, limits: Limits, now: int, profile: Profile) -> bool:
    """Tell whether the timer ends an updated state at `now`, in seconds (`lifetimes.timer_fired`)."""
    return _folded(timer_fired(_updated(entry, limits, profile).life, now)).hard


def _updated(entry: InstalledState, limits: Limits, profile: Profile) -> LifeStep:
    life = plain_life(entry)
    wanted = LifeTerm(
        **{part: getattr(life, part) for part in ("lifecycle", "added", "used", "bytes", "packets")},
        dying=False,
        **plain_limits(limits),
    )
    return life_updated(life, wanted, profile=profile)
