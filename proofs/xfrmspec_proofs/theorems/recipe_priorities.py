"""Theorems about the priorities of the recipe clean: which entry a packet meets, whatever else stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    any_of,
    at_most,
    bits,
    both,
    implies,
    less,
    negate,
    same,
)
from xfrmspec_model.recipe_policies import (
    ANSWER,
    PRIORITIES,
    UPDATE,
    Ends,
    Meaning,
    Pattern,
    Protection,
    Slot,
    patterns_of,
)
from xfrmspec_model.selectors import address_number
from xfrmspec_proofs.recipe_runs import CN, HA, MN, Standing
from xfrmspec_proofs.recipe_scenes import (
    differ,
    is_message,
    matching,
    selector_parts,
    small_peers,
    some_flow,
    standing_witness,
    unknown_choice,
    unknown_ends,
    with_priority,
    with_recipes,
)
from xfrmspec_proofs.theorem import Claim, Scene, theorem
from xfrmspec_terms.daemon import Role
from xfrmspec_terms.policy import Direction, PolicyType
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.selector import Flow, Protocol

_PROFILE = (CLEAN,)
"""What recipes ask for depends on no profile."""

_EVERY_PLACE = [(direction, kind) for direction in Direction for kind in PolicyType]


def _protection(scene: Scene) -> tuple[Number, Truth]:
    protection = bits(scene.context, "protection", 8)
    return protection, at_most(protection, Protection.PAYLOAD)


def _all_differ(standing: Standing, flow: Flow) -> bool:
    """Tell that the policies that match a flow, two or more in some place, are of different strength."""
    places = [matching(standing, flow, *place) for place in _EVERY_PLACE]
    priorities = [[policy.priority for policy in place] for place in places]
    distinct = all(len(set(place)) == len(place) for place in priorities)
    return distinct and any(len(place) > 1 for place in priorities)


@theorem(
    name="no_two_policies_of_any_role_of_clean_are_a_tie",
    statement="Two different policies of clean in one database and direction of a mobile node, home agent or "
    "correspondent node, for any number of peers, have different priorities if some flow matches both.",
    clauses=("XFRM-DAEMON-019", "XFRM-LOOKUP-010"),
    mutants={
        "the_block_is_as_strong_as_the_tests_it_blocks": with_priority(Meaning.BLOCK, 50),
        "signalling_with_a_peer_is_as_strong_as_other_messages": with_priority(Meaning.PEER_SIGNALLING, 50),
        "other_messages_are_as_strong_as_data": with_priority(Meaning.MESSAGES, 60),
        "routing_headers_from_anywhere_are_as_strong_as_data": with_priority(Meaning.ROUTED, 60),
    },
    tried_in=_PROFILE,
)
def _different(scene: Scene) -> Sequence[Claim]:
    return [_pair_differs(scene, role) for role in (MN, HA, CN)]


def _pair_differs(scene: Scene, role: Role) -> Claim:
    """State that no two different policies of equal priority match the flow, pair by pair of patterns."""
    ends = unknown_ends(scene, role)
    peers = [bits(scene.context, f"{role.name}.peer{place}", 128) for place in range(2)]
    one, two = (replace(ends, peer=peer) for peer in peers)
    flow, exists, printable = some_flow(scene)
    protection, possible = _protection(scene)
    priorities = scene.rules.recipes.priorities

    def meet(first: Pattern, second: Pattern) -> Truth:
        matched = (first.matches(flow, one, scene.profile), second.matches(flow, two, scene.profile))
        return all_of((*matched, differ(selector_parts(first, one), selector_parts(second, two))))

    pairs = list(combinations_with_replacement(patterns_of(role), 2))
    pairs = [(p, q) for p, q in pairs if (p.direction, p.type) == (q.direction, q.type)]
    equal = [(p, q) for p, q in pairs if priorities[p.meaning] == priorities[q.meaning]]
    conclusion = all_of(negate(meet(*pair)) for pair in equal)
    both_stand = [
        all_of((meet(p, q), _can_stand(p, protection), _can_stand(q, protection))) for p, q in pairs
    ]
    known = [any_of(same(peer, address_number(there)) for there in small_peers(role)) for peer in peers]
    instance = [*printable, possible, *known, any_of(both_stand)]
    return Claim(exists, conclusion, instance, standing_witness(role, flow, protection, _all_differ))


def _can_stand(pattern: Pattern, protection: Number) -> Truth:
    """Tell whether a policy can stand with a protection, and is none that only a pending node has."""
    return any_of(same(protection, wanted) for wanted in sorted(pattern.protections))


Place = tuple[Role, Direction, int, PolicyType, Slot]
_OUT, _IN = Direction.OUT, Direction.IN
_SUB, _MAIN = PolicyType.SUB, PolicyType.MAIN
_SIGNALLING: tuple[Place, ...] = (
    (HA, _IN, UPDATE, _SUB, Slot.ANY_UPDATE),
    (HA, _IN, UPDATE, _MAIN, Slot.SIGNALLING_IN),
    (HA, _OUT, ANSWER, _MAIN, Slot.SIGNALLING_OUT),
    (MN, _IN, ANSWER, _SUB, Slot.ROUTED),
)
"""Where a message between mobile node and home agent is decided, and by which entry."""

_FIGURE_ORDER = {**PRIORITIES, Meaning.HOME_SIGNALLING: 60, Meaning.DATA: 20}


@theorem(
    name="a_home_agent_meets_updates_and_acknowledgements_by_the_entries_for_signalling",
    statement="In clean every binding update that a home agent receives matches its entry for updates in SUB "
    "and that with transport ESP in MAIN, every acknowledgement that it sends that in MAIN, and each is "
    "strictly stronger than every other match, whatever bindings and tunnels there are.",
    clauses=("XFRM-DAEMON-019", "XFRM-DAEMON-040", "XFRM-ATTACK-015", "XFRM-LOOKUP-010"),
    mutants={
        "data_is_stronger_than_signalling_as_in_figure_6": with_recipes(priorities=_FIGURE_ORDER),
        "signalling_is_as_strong_as_payload_in_the_tunnel": with_priority(Meaning.HOME_SIGNALLING, 60),
        "tests_in_the_tunnel_are_as_strong_as_signalling": with_priority(Meaning.MESSAGES, 20),
    },
    tried_in=_PROFILE,
)
def _signalling(scene: Scene) -> Sequence[Claim]:
    return [_signalling_claim(scene, place) for place in _SIGNALLING]


def _ends_of_message(ends: Ends, role: Role, direction: Direction) -> tuple[Number, Number]:
    """Return source and destination of the message at the node."""
    other = ends.agent if role is MN else ends.peer
    return (ends.own, other) if direction is _OUT else (other, ends.own)


def _signalling_claim(scene: Scene, place: Place) -> Claim:
    role, direction, kind, type_, slot = place
    ends = unknown_ends(scene, role)
    flow, exists, printable = some_flow(scene)
    name = f"{role.name}.{direction.name}.{type_.name}"
    other = unknown_choice(scene, name, role, ends)
    own = next(pattern for pattern in patterns_of(role) if pattern.slot is slot)
    protection, possible = _protection(scene)
    hypotheses = [*exists, *is_message(flow, *_ends_of_message(ends, role, direction), kind)]
    if role is MN:
        hypotheses.append(negate(same(other.ends.peer, ends.agent)))
    hypotheses += [other.exists(), other.stands_in(direction, type_)]
    strength = scene.rules.recipes.priorities[own.meaning]
    weaker = implies(
        both(other.matches(flow, scene.profile), other.every(lambda p: p.slot is not slot)),
        less(strength, other.priority()),
    )
    conclusion = both(own.matches(flow, ends, scene.profile), weaker)
    instance = [*printable, possible, _can_stand(own, protection)]

    def meets(standing: Standing, packet: Flow) -> bool:
        return _meets(standing, packet, direction, type_, own.meaning)

    return Claim(hypotheses, conclusion, instance, standing_witness(role, flow, protection, meets))


def _meets(standing: Standing, flow: Flow, direction: Direction, kind: PolicyType, meaning: Meaning) -> bool:
    """Tell whether the strongest match of a flow has the priority of a meaning, alone."""
    priorities = [policy.priority for policy in matching(standing, flow, direction, kind)]
    return priorities[:1] == [PRIORITIES[meaning]] and priorities.count(priorities[0]) == 1


@theorem(
    name="mobility_messages_leave_home_agent_and_correspondent_node_as_they_are",
    statement="In clean every mobility message that a home agent or correspondent node sends, to a bound "
    "home address too, is owned in SUB by the entry without templates, so tests carry no routing header.",
    clauses=("XFRM-DAEMON-019", "XFRM-DAEMON-021", "XFRM-DAEMON-040"),
    mutants={
        "other_messages_are_weaker_than_data": with_priority(Meaning.MESSAGES, 65),
        "other_messages_are_as_strong_as_data": with_priority(Meaning.MESSAGES, 60),
    },
    tried_in=_PROFILE,
)
def _messages(scene: Scene) -> Sequence[Claim]:
    return [_messages_claim(scene, role) for role in (HA, CN)]


def _messages_claim(scene: Scene, role: Role) -> Claim:
    ends = unknown_ends(scene, role)
    flow, exists, printable = some_flow(scene)
    protection, possible = _protection(scene)
    other = unknown_choice(scene, role.name, role, ends)
    own = next(pattern for pattern in patterns_of(role) if pattern.slot is Slot.MESSAGES)
    hypotheses = [*exists, same(flow.source, ends.own), same(flow.protocol, Protocol.MOBILITY)]
    hypotheses += [other.exists(), other.stands_in(_OUT, _SUB)]
    matched = both(other.matches(flow, scene.profile), other.every(lambda p: p.slot is not Slot.MESSAGES))
    weaker = implies(matched, less(scene.rules.recipes.priorities[own.meaning], other.priority()))
    conclusion = both(own.matches(flow, ends, scene.profile), weaker)

    def plain(standing: Standing, packet: Flow) -> bool:
        found = matching(standing, packet, _OUT, _SUB)
        return not found[0].templates and found[1].templates != ()

    to_bound = same(flow.destination, address_number(small_peers(role)[0]))
    instance = [*printable, possible, to_bound]
    if role is HA:
        instance.append(negate(same(protection, Protection.PAYLOAD)))
    return Claim(hypotheses, conclusion, instance, standing_witness(role, flow, protection, plain))
