"""The stages of a home agent and of a correspondent node in the recipe clean, as operations on tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xfrmspec_model.folding import Number, Truth, at_most, both, either, negate, same
from xfrmspec_model.recipe_keys import Look, Thing
from xfrmspec_model.recipe_policies import Protection, Slot
from xfrmspec_model.recipe_tables import Work
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import StageKind


@dataclass(frozen=True, slots=True)
class SettingsTerm:
    """The settings of clean at one node: a number of `Protection`."""

    protection: Number

    @property
    def protects(self) -> Truth:
        """Tell whether anything is protected."""
        return at_most(Protection.SIGNALLING, self.protection)

    @property
    def tests(self) -> Truth:
        """Tell whether the tunnel's policies are for mobility messages alone."""
        return same(self.protection, Protection.TESTS)

    @property
    def payload(self) -> Truth:
        """Tell whether everything with the home address is in the protected tunnel."""
        return same(self.protection, Protection.PAYLOAD)

    @property
    def routes(self) -> Truth:
        """Tell whether packets may carry the option or the routing header."""
        return negate(self.payload)

    @property
    def has_policies(self) -> Truth:
        """Tell whether the tunnel is made of policies."""
        return either(self.tests, self.payload)


@dataclass(frozen=True, slots=True)
class StageTerm:
    """What a stage names: the home address, the care-of address, and whether it is this home address."""

    home: Number
    care_of: Number
    about_it: Truth = True


Does = Callable[[Work, StageTerm, SettingsTerm], Work]


@clause("XFRM-DAEMON-021")
def correspondent_started(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Start a correspondent node. Source: XFRM-DAEMON-021."""
    for slot in (Slot.SOLICITATION, Slot.ADVERTISEMENT, Slot.MESSAGES):
        work = work.put(slot, Look.PLAIN)
    return work.put(Thing.ANY_OPTION, 1).put(Slot.ANY_UPDATE, Look.OPTION)


@clause("XFRM-DAEMON-021", "XFRM-DAEMON-023", "XFRM-DAEMON-028")
def agent_started(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Start a home agent that has associations for a home address.

    Source: XFRM-DAEMON-021, XFRM-DAEMON-023, XFRM-DAEMON-028.
    """
    work = correspondent_started(work, stage, settings)
    for slot in (Slot.SIGNALLING_OUT, Slot.SIGNALLING_IN):
        work = work.put(slot, Look.TRANSPORT, settings.protects)
    beside = (Slot.SOLICITATION_OUT, Slot.SOLICITATION_IN, Slot.ADVERTISEMENT_OUT, Slot.ADVERTISEMENT_IN)
    for slot in beside:
        work = work.put(slot, Look.PLAIN, settings.payload)
    return work


@clause("XFRM-DAEMON-035")
def bound(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Bind a home address at a correspondent node. Source: XFRM-DAEMON-035."""
    here = stage.about_it
    work = work.put(Thing.BOUND_OPTION, stage.care_of, here).put(Thing.BOUND_HEADER, stage.care_of, here)
    return work.put(Slot.BOUND_IN, Look.OPTION, here).put(Slot.BOUND_OUT, Look.HEADER, here)


@clause("XFRM-DAEMON-036")
def rebound(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Give the states of a binding that stand a new care-of address. Source: XFRM-DAEMON-036."""
    for state in (Thing.BOUND_OPTION, Thing.BOUND_HEADER):
        work = work.put(state, stage.care_of, both(stage.about_it, work.stands(state)))
    return work


@clause("XFRM-DAEMON-036")
def released(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """End policies and states of a binding. Source: XFRM-DAEMON-036."""
    here = stage.about_it
    work = work.drop(Slot.BOUND_OUT, here).drop(Slot.BOUND_IN, here)
    return work.drop(Thing.BOUND_HEADER, here).drop(Thing.BOUND_OPTION, here)


@clause("XFRM-DAEMON-036")
def probing(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Ask nothing of the kernel. Source: XFRM-DAEMON-036."""
    return work


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of the tunnel: its two policies, the association's end, and that of the template."""

    payload: Slot
    tests: Slot
    end: Thing
    template: Thing

    def stands(self, work: Work) -> Truth:
        """Tell whether a policy of this direction stands."""
        return either(work.stands(self.payload), work.stands(self.tests))


WAYS = (
    Way(Slot.TUNNEL_OUT, Slot.TESTS_OUT, Thing.OUT_END, Thing.OUT_TEMPLATE),
    Way(Slot.TUNNEL_IN, Slot.TESTS_IN, Thing.IN_END, Thing.IN_TEMPLATE),
    Way(Slot.TUNNEL_FORWARD, Slot.TESTS_FORWARD, Thing.IN_END, Thing.FORWARD_TEMPLATE),
)
"""OUT, IN and FWD; the last two share an association."""


@clause("XFRM-DAEMON-027", "XFRM-MIGR-004")
def _migrate(work: Work, way: Way, target: Number, when: Truth) -> Work:
    """Move template and association of one tunnel policy to a new end.

    An association that another migration has moved already has no longer the end that the template names.
    Source: XFRM-DAEMON-027, XFRM-MIGR-004.
    """
    together = both(when, same(work.tables[way.end], work.tables[way.template]))
    return work.put(way.end, target, together).put(way.template, target, when)


@clause("XFRM-DAEMON-026", "XFRM-DAEMON-027")
def _tunnel_up(work: Work, care_of: Number, settings: SettingsTerm, when: Truth) -> Work:
    """Set up the tunnel to a care-of address, or move it there. Source: XFRM-DAEMON-026, XFRM-DAEMON-027."""
    work = work.put(Thing.DEVICE, care_of, both(when, settings.routes))
    wanted = both(when, settings.has_policies)
    for way in WAYS:
        work = work.put(way.template, work.tables[way.end], both(wanted, negate(way.stands(work))))
        work = work.put(way.payload, Look.TUNNEL, both(when, settings.payload))
        work = work.put(way.tests, Look.TUNNEL, both(when, settings.tests))
    for way in WAYS:
        work = _migrate(work, way, care_of, wanted)
    return work


@clause("XFRM-DAEMON-027")
def _tunnel_down(work: Work, home: Number, when: Truth) -> Work:
    """Move the tunnel's associations home and delete it. Source: XFRM-DAEMON-027."""
    for way in WAYS:
        work = _migrate(work, way, home, both(when, way.stands(work)))
    for way in WAYS:
        work = work.drop(way.payload, when).drop(way.tests, when).drop(way.template, when)
    return work.drop(Thing.DEVICE, when)


@clause("XFRM-DAEMON-034")
def agent_bound(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Bind a home address at its home agent. Source: XFRM-DAEMON-034."""
    here = stage.about_it
    routed = both(here, settings.routes)
    work = work.put(Thing.BOUND_OPTION, stage.care_of, routed).put(Thing.BOUND_HEADER, stage.care_of, routed)
    work = _tunnel_up(work, stage.care_of, settings, here).put(Thing.PROXY, 1, here)
    return work.put(Slot.BOUND_IN, Look.OPTION, routed).put(Slot.BOUND_OUT, Look.HEADER, routed)


@clause("XFRM-DAEMON-036")
def agent_rebound(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """Give states and tunnel a new care-of address. Source: XFRM-DAEMON-036."""
    return _tunnel_up(rebound(work, stage, settings), stage.care_of, settings, stage.about_it)


@clause("XFRM-DAEMON-036")
def agent_released(work: Work, stage: StageTerm, settings: SettingsTerm) -> Work:
    """End policies, states, tunnel and the answering, in this order. Source: XFRM-DAEMON-036."""
    work = _tunnel_down(released(work, stage, settings), stage.home, stage.about_it)
    return work.drop(Thing.PROXY, stage.about_it)


CORRESPONDENT_STAGES: Mapping[StageKind, Does] = MappingProxyType(
    {StageKind.BOUND: bound, StageKind.REBOUND: rebound, StageKind.RELEASED: released}
)
"""The stages of a binding at a correspondent node."""

AGENT_STAGES: Mapping[StageKind, Does] = MappingProxyType(
    {
        StageKind.PROBING: probing,
        StageKind.BOUND: agent_bound,
        StageKind.REBOUND: agent_rebound,
        StageKind.RELEASED: agent_released,
    }
)
"""The stages of a registration at a home agent."""
