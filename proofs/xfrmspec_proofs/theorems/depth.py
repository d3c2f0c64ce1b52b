"""Theorems about the length of a sec_path: what has room on it, and that it never exceeds six."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec.host.receiving import Fate, receive
from xfrmspec.wire.encode import encode
from xfrmspec_model import loops
from xfrmspec_model.folding import (
    Number,
    Truth,
    among,
    at_most,
    bits,
    either,
    integer,
    negate,
    same,
)
from xfrmspec_model.smt import Model
from xfrmspec_proofs.chains import OPTIMISING, PROTECTING
from xfrmspec_proofs.facts import protocol_name
from xfrmspec_proofs.nodes import (
    NOW,
    Holding,
    binding_of_peer,
    datagram,
    esp_state,
    node_with,
    protected,
)
from xfrmspec_proofs.passages import possible_depth, with_loops
from xfrmspec_proofs.theorem import Claim, Scene, Witness, only_in, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import MAX_DEPTH, Mode
from xfrmspec_terms.profile import LINUX_6_1, Profile
from xfrmspec_terms.selector import Protocol

_SENT = (Protocol.ESP, Protocol.DESTINATION_OPTIONS)
"""Headers that witnesses put behind the tunnels."""


def _header(scene: Scene) -> tuple[Number, Number, list[Truth]]:
    """Declare a header and the length of the sec_path that it meets."""
    protocol, depth = bits(scene.context, "protocol", 8), integer(scene.context, "depth")
    return protocol, depth, [among(protocol, (*PROTECTING, *OPTIMISING)), *possible_depth(depth)]


Arrival = tuple[Counter | None, int]
"""The counter that was raised, and how many states are on the sec_path."""


def _arrival(protocol: int, depth: int, profile: Profile) -> Arrival:
    """Receive a header behind so many tunnels."""
    inner = esp_state(0) if protocol == Protocol.ESP else binding_of_peer()
    states = [inner, *(esp_state(place, Mode.TUNNEL) for place in range(1, depth + 1))]
    octets = encode(protected(datagram(), states))
    arrived = receive(node_with([Holding(state) for state in states], profile), octets, NOW)
    assert arrived.fate is Fate.LOCAL or arrived.counter
    return arrived.counter, len(arrived.path)


def _witness(protocol: Number, depth: Number, holds: Callable[[Arrival], bool]) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        kind, before = number(model, protocol), number(model, depth)
        facts = {"header": protocol_name(kind), "states_before": before}
        return Witness(facts, lambda profile: holds(_arrival(kind, before, profile)))

    return read


def _one_too_late(_: Number, depth: Number, profile: Profile) -> Truth:
    return at_most(depth, MAX_DEPTH)


def _mobility_always(protocol: Number, depth: Number, profile: Profile) -> Truth:
    return either(among(protocol, OPTIMISING), loops.has_room(protocol, depth, profile))


@theorem(
    name="a_sec_path_never_exceeds_six_states",
    statement="When a sec_path of at most six states takes one more for any header, it still has at most "
    "six, so no sequence of headers makes it longer.",
    clauses=("XFRM-RECV-003", "XFRM-RECV-004"),
    mutants={
        "room_is_refused_one_too_late": with_loops(has_room=_one_too_late),
        "route_optimisation_always_has_room": with_loops(has_room=_mobility_always),
        "a_header_adds_two": with_loops(depth_after=lambda depth: depth + 2),
    },
    refuted_by=only_in(LINUX_6_1, "sec_path_depth_for_ro"),
)
def _bounded(scene: Scene) -> Sequence[Claim]:
    protocol, depth, exists = _header(scene)
    rules = scene.rules.loops
    hypotheses = [*exists, rules.has_room(protocol, depth, scene.profile)]
    conclusion = at_most(rules.depth_after(depth), MAX_DEPTH)
    witness = _witness(protocol, depth, lambda arrival: arrival[1] <= MAX_DEPTH)
    return [Claim(hypotheses, conclusion, [among(protocol, _SENT), at_most(MAX_DEPTH - 1, depth)], witness)]


@theorem(
    name="a_seventh_ipsec_header_is_refused",
    statement="A sec_path of six states, however it came about, has no room for an AH, ESP or IPComp header.",
    clauses=("XFRM-RECV-003", "XFRM-RECV-001"),
    mutants={
        "room_is_refused_one_too_late": with_loops(has_room=_one_too_late),
        "only_route_optimisation_is_limited": with_loops(
            has_room=lambda protocol, depth, profile: among(protocol, PROTECTING)
        ),
    },
)
def _seventh(scene: Scene) -> Sequence[Claim]:
    protocol, depth, exists = _header(scene)
    hypotheses = [*exists, among(protocol, PROTECTING), same(depth, MAX_DEPTH)]
    conclusion = negate(scene.rules.loops.has_room(protocol, depth, scene.profile))
    witness = _witness(protocol, depth, lambda arrival: arrival[0] is Counter.IN_BUFFER_ERROR)
    return [Claim(hypotheses, conclusion, [same(protocol, Protocol.ESP)], witness)]


@theorem(
    name="fewer_than_six_states_leave_room_for_every_header",
    statement="A sec_path of at most five states has room for one more of any protocol, so five states and "
    "a home address option fit.",
    clauses=("XFRM-RECV-003",),
    mutants={
        "five_are_enough": with_loops(
            has_room=lambda protocol, depth, profile: at_most(depth, MAX_DEPTH - 2)
        ),
        "route_optimisation_comes_first_only": with_loops(
            has_room=lambda protocol, depth, profile: either(same(depth, 0), among(protocol, PROTECTING))
        ),
    },
    refuted_by=only_in(LINUX_6_1, "sec_path_depth_for_ro"),
)
def _room(scene: Scene) -> Sequence[Claim]:
    protocol, depth, exists = _header(scene)
    hypotheses = [*exists, at_most(depth, MAX_DEPTH - 1)]
    conclusion = scene.rules.loops.has_room(protocol, depth, scene.profile)
    instance = [same(protocol, Protocol.DESTINATION_OPTIONS), same(depth, MAX_DEPTH - 1)]
    witness = _witness(protocol, depth, lambda arrival: arrival[0] is None)
    return [Claim(hypotheses, conclusion, instance, witness)]
