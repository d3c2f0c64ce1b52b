"""Theorems about what follows an undone header, and about ICMPv6 messages that fail their check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xfrmspec.host.delivery import check_arrived
from xfrmspec.host.receiving import Arrived, receive
from xfrmspec.wire.encode import encode
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    at_most,
    bits,
    both,
    either,
    implies,
    integer,
    less,
    negate,
    same,
    unknown_truth,
)
from xfrmspec_model.smt import Model
from xfrmspec_proofs.chains import PROTECTING
from xfrmspec_proofs.nodes import (
    HERE,
    HERE_OUTSIDE,
    NOW,
    PEER,
    Holding,
    datagram,
    esp_state,
    node_with,
    protected,
)
from xfrmspec_proofs.passages import with_loops
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number, truth
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.headers import IcmpV6Header, IPv6Header, Packet, UdpHeader
from xfrmspec_terms.policy import Action, Direction, Mode, Policy
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import PortMatch, Protocol, Selector

_ADDRESS_BITS = 128
_MODES = (Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)
_STATES = 3
_ANYTHING = Selector.between("::/0", "::/0")
_UNREACHABLE = IcmpV6Header(1, 4)


def _arrived(
    packet: Packet, states: Sequence[SecurityAssociation], profile: Profile, policies: Sequence[Policy] = ()
) -> Arrived:
    """Receive a packet to which states were applied, innermost first, at a node that has them."""
    node = node_with([Holding(state) for state in states], profile, policies)
    return receive(node, encode(protected(packet, states)), NOW)


def _both_undone(mode: Mode, profile: Profile) -> bool:
    """Receive an ESP header that stands behind one of a state of a mode."""
    states = (esp_state(0), esp_state(1, mode))
    arrived = _arrived(datagram(), states, profile)
    return arrived.path == states[::-1] and arrived.packet == datagram()


def _mode_witness(mode: Number) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        told = Mode(number(model, mode))
        return Witness({"mode": told.name.lower()}, lambda profile: _both_undone(told, profile))

    return read


@theorem(
    name="a_transport_state_leads_on_with_the_destination_it_was_found_by",
    statement="Behind a transport state the next one is looked up by the destination that found it, however "
    "many follow each other; behind a tunnel or beet state by the destination of the inner packet.",
    clauses=("XFRM-RECV-002",),
    mutants={
        "a_tunnel_keeps_its_own_destination": with_loops(destination_after=lambda mode, own, inside: own),
        "the_loop_goes_on_behind_tunnels": with_loops(
            stays_in_loop=lambda mode, following: among(following, PROTECTING)
        ),
        "the_loop_ends_behind_every_state": with_loops(stays_in_loop=lambda mode, following: False),
    },
)
def _leading_on(scene: Scene) -> Sequence[Claim]:
    mode, following = bits(scene.context, "mode", 8), bits(scene.context, "following", 8)
    found_by, own, inside = (
        bits(scene.context, name, _ADDRESS_BITS) for name in ("found_by", "own", "inside")
    )
    rules = scene.rules.loops
    transport = same(mode, Mode.TRANSPORT)
    led = rules.destination_after(mode, own, inside)
    places = both(implies(transport, same(led, found_by)), implies(negate(transport), same(led, inside)))
    stays = alike(rules.stays_in_loop(mode, following), both(transport, among(following, PROTECTING)))
    instance = [
        among(mode, _MODES[:2]),
        same(following, Protocol.ESP),
        same(inside, int(HERE)),
        implies(transport, same(own, int(HERE))),
        implies(negate(transport), same(own, int(HERE_OUTSIDE))),
    ]
    exists = [among(mode, _MODES), same(own, found_by)]
    return [
        Claim([*exists, case], both(places, stays), instance, _mode_witness(mode))
        for case in (transport, negate(transport))
    ]


def _error_accepted(flags: Sequence[bool], profile: Profile) -> bool:
    """Receive an error about a datagram of HERE that only the policy for the datagram's answers allows.

    `flags` tell of each state of the sec_path, outermost first, whether it has the flag for ICMP.
    """
    quoted = encode(Packet((IPv6Header(HERE, PEER), UdpHeader(5000, 4000)), b"x"))
    answers = Selector.between("::/0", "::/0", Protocol.UDP, source_port=PortMatch.exactly(4000))
    policies = (
        Policy(answers, Direction.IN, priority=1),
        Policy(_ANYTHING, Direction.IN, action=Action.BLOCK, priority=2),
    )
    states = [
        replace(esp_state(place), flags=StateFlag.ICMP if flag else StateFlag.NONE)
        for place, flag in enumerate(flags)
    ]
    error = Packet((IPv6Header(PEER, HERE), _UNREACHABLE), quoted)
    return check_arrived(_arrived(error, states[::-1], profile, policies)).decision.accepted


def _last_one_counts(flags: Sequence[Truth], depth: Number, counts: Truth) -> Truth:
    """Tell whether the flag of the last state decides, and nothing without a sec_path."""
    last = [implies(same(depth, place + 1), alike(counts, flag)) for place, flag in enumerate(flags)]
    return all_of([implies(same(depth, 0), negate(counts)), *last])


@theorem(
    name="the_exception_for_icmp_needs_the_flag_of_the_last_state_up_to_three_states",
    statement="An ICMPv6 message that failed its check is judged by the packet it quotes exactly if there is "
    "a sec_path and its last state has the flag for ICMP; the flags of the others do not matter.",
    clauses=("XFRM-RECV-008",),
    mutants={
        "the_flag_of_any_state_counts": with_loops(
            quotation_counts=lambda flags, depth: any_of(
                both(less(place, depth), flag) for place, flag in enumerate(flags)
            )
        ),
        "the_flag_of_the_first_state_counts": with_loops(
            quotation_counts=lambda flags, depth: both(less(0, depth), flags[0])
        ),
        "no_sec_path_is_needed": with_loops(
            quotation_counts=lambda flags, depth: either(
                same(depth, 0),
                any_of(both(same(depth, place + 1), flag) for place, flag in enumerate(flags)),
            )
        ),
    },
)
def _icmp(scene: Scene) -> Sequence[Claim]:
    flags = [unknown_truth(scene.context, f"x{place}.icmp") for place in range(_STATES)]
    depth = integer(scene.context, "depth")
    counts = scene.rules.loops.quotation_counts(flags, depth)
    exists = both(at_most(0, depth), at_most(depth, _STATES))

    def read(model: Model) -> Witness:
        told = [truth(model, flag) for flag in flags][: number(model, depth)]
        expected = bool(told) and told[-1]
        facts = {"icmp_flags_of_the_sec_path": told}
        return Witness(facts, lambda profile: _error_accepted(told, profile) is expected)

    differ = both(same(depth, _STATES), negate(alike(flags[0], flags[-1])))
    return [
        Claim([exists, case], _last_one_counts(flags, depth, counts), [], read)
        for case in (both(differ, flags[-1]), both(differ, flags[0]), less(depth, _STATES))
    ]
