"""Findings about which policy decides: pairs, ties, updates and thresholds."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.findings.pieces import (
    ANYWHERE,
    ELSEWHERE,
    FAR_64,
    FORWARDED,
    NEAR_60,
    NEAR_64,
    RECEIVED,
    SENT,
    allow,
    block,
    optional_esp,
    policy,
)
from xfrmspec.findings.terms import Exhibit, Finding, Sight
from xfrmspec.scenario.terms import (
    AddPolicy,
    DeletePolicy,
    Receive,
    Scenario,
    Send,
    SetThresholds,
    UpdatePolicy,
)
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Action, Direction, PolicyType, identity_of

LINUX_6_1, LINUX_6_18 = "linux-6.1", "linux-6.18"
BOTH = (LINUX_6_1, LINUX_6_18)
PASSES = Sight(wire=(("UDP",),))
BLOCKED = Sight(errno=Errno.EPERM, counters=("XfrmOutPolBlock",))

_FAR_SIDE, _BEHIND = "2001:db8:b::/48", "2001:db8:f::/48"
_UNRELATED = allow(ELSEWHERE, ANYWHERE, priority=1)


def _forward_pair() -> Scenario:
    sub = policy(_FAR_SIDE, _BEHIND, Direction.FWD, type_=PolicyType.SUB)
    main = policy(_FAR_SIDE, _BEHIND, Direction.FWD, Action.BLOCK)
    return Scenario((AddPolicy(sub), AddPolicy(main), Receive(FORWARDED)))


def _unrelated_policy_decides() -> Scenario:
    exact, inexact = allow("2001:db8::1", "2001:db8:b::1"), block(NEAR_64, FAR_64)
    steps = (AddPolicy(inexact), AddPolicy(exact), Send(SENT), AddPolicy(_UNRELATED), Send(SENT))
    return Scenario(steps)


def _updated_against_another_list() -> Scenario:
    older, younger = block(ANYWHERE, ANYWHERE), allow(NEAR_64, ANYWHERE)
    return Scenario((AddPolicy(older), AddPolicy(younger), UpdatePolicy(older), Send(SENT)))


def _thresholds_after_an_update() -> Scenario:
    older, younger = block(NEAR_64, ANYWHERE), allow(NEAR_60, ANYWHERE)
    rebuilt = SetThresholds(Thresholds(local6=127, remote6=127))
    steps = (AddPolicy(older), AddPolicy(younger), UpdatePolicy(older), Send(SENT), rebuilt, Send(SENT))
    return Scenario(steps)


def _six_optional(direction: Direction) -> Scenario:
    six = policy(ANYWHERE, ANYWHERE, direction, templates=optional_esp(6))
    stimulus = Send(SENT) if direction is Direction.OUT else Receive(RECEIVED)
    return Scenario((AddPolicy(six), stimulus), listeners=False)


def _moved_into_the_hash() -> Scenario:
    older, younger = block(NEAR_64, FAR_64), allow(NEAR_60, ANYWHERE)
    hashed = SetThresholds(Thresholds(local6=64, remote6=64))
    steps = (AddPolicy(_UNRELATED), AddPolicy(older), AddPolicy(younger), Send(SENT), hashed, Send(SENT))
    return Scenario(steps)


def _unrelated_update_counts_anew() -> Scenario:
    exact, inexact = block("2001:db8::1", "2001:db8:b::1"), allow(NEAR_64, ANYWHERE)
    weak = replace(allow("2001:db8:78::/64", ANYWHERE), priority=20)
    steps = (
        AddPolicy(_UNRELATED),
        AddPolicy(exact),
        AddPolicy(inexact),
        AddPolicy(weak),
        DeletePolicy(identity_of(_UNRELATED)),
        Send(SENT),
        UpdatePolicy(weak),
        Send(SENT),
    )
    return Scenario(steps)


F_001 = Finding(
    "F-001",
    "A forwarded packet that a SUB policy owns is completed by a MAIN policy of direction IN.",
    "fwd_main_uses_in",
    BOTH,
    (Exhibit(_forward_pair(), 2, Sight(counters=("XfrmInPolBlock",)), PASSES),),
)
F_002 = Finding(
    "F-002",
    "Between an exact and an inexact policy of one priority, a policy that does not match decides.",
    "exact_pos_zero",
    (LINUX_6_1,),
    (Exhibit(_unrelated_policy_decides(), 4, BLOCKED, PASSES),),
)
F_003 = Finding(
    "F-003",
    "An update at the same priority makes a policy the youngest against policies of other lists.",
    "update_keeps_seniority_cross_list",
    (LINUX_6_18,),
    (Exhibit(_updated_against_another_list(), 3, BLOCKED, PASSES),),
)
F_004 = Finding(
    "F-004",
    "New thresholds insert policies again by the age of their current objects.",
    "rebuild_uses_object_age",
    BOTH,
    (Exhibit(_thresholds_after_an_update(), 5, BLOCKED, PASSES),),
)
F_010 = Finding(
    "F-010",
    "Six templates can be stored and five can be used.",
    "usable_templates",
    BOTH,
    (
        Exhibit(_six_optional(Direction.OUT), 1, PASSES, Sight(Errno.ENOBUFS, counters=("XfrmOutPolError",))),
        Exhibit(
            _six_optional(Direction.IN), 1, Sight(delivered=True), Sight(counters=("XfrmInBufferError",))
        ),
    ),
)
F_014 = Finding(
    "F-014",
    "A policy that thresholds move into the hash keeps the position it had in its list.",
    "threshold_moves_change_ties",
    (LINUX_6_1,),
    (Exhibit(_moved_into_the_hash(), 5, BLOCKED, PASSES),),
)
F_015 = Finding(
    "F-015",
    "A deletion changes no position, but the next insertion or update of any inexact policy does.",
    "exact_pos_zero",
    (LINUX_6_1,),
    (Exhibit(_unrelated_update_counts_anew(), 7, BLOCKED, PASSES),),
)
