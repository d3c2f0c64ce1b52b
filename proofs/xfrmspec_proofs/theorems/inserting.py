"""Theorems about insertion points: in front of which headers the headers of states go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec.wire.insertion import insertion_point, wire_chain
from xfrmspec_model.building import ROUTING_KINDS
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    at_most,
    both,
    either,
    implies,
    negate,
    same,
)
from xfrmspec_model.headers import (
    HeaderKind,
    insertion_index,
    with_header_of,
)
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.chains import (
    OPTIMISING,
    PROTECTING,
    SENT,
    applied_state,
    chain_names,
    existing_kinds,
    passes_of,
    read_chain,
    unknown_chain,
    unknown_protocols,
)
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.packet import ChainElement, Header, transform_name
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

_CHAIN = 5


def _passing_everything_early(rules: Rules) -> Rules:
    def passes(kind: Number, routed: Truth) -> Truth:
        return either(rules.ipsec_passes(kind, routed), same(kind, HeaderKind.DESTINATION_OPTIONS))

    return replace(rules, ipsec_passes=passes)


def _passing_fragments(rules: Rules) -> Rules:
    def passes(kind: Number, routed: Truth) -> Truth:
        return either(rules.ipsec_passes(kind, routed), same(kind, HeaderKind.FRAGMENT))

    return replace(rules, ipsec_passes=passes)


_STOPS = (
    HeaderKind.UPPER,
    HeaderKind.INNER_IP,
    HeaderKind.FRAGMENT,
    HeaderKind.AUTHENTICATION,
    HeaderKind.ENCRYPTION,
    HeaderKind.COMPRESSION,
)
_STOPPING = {
    Header.UDP,
    Header.IP,
    Header.FRAGMENT,
    Header.AH,
    Header.ESP,
    Header.IPCOMP,
}


def _first_stop(chain: Sequence[ChainElement]) -> int:
    """Return where the paper's set of headers is met first, or the end of the chain."""
    for index, element in enumerate(chain):
        routed = any(other in (Header.ROUTING, Header.RT2) for other in chain[:index])
        if element in _STOPPING or (element is Header.DESTINATION_OPTIONS and routed):
            return index
    return len(chain)


@theorem(
    name="ipsec_goes_before_the_first_header_of_the_papers_set_up_to_five_headers",
    statement="ESP, AH and IPComp go in front of the first upper-layer, inner IP, fragment or IPsec header "
    "or destination options behind a routing header, whichever comes first, and of no other header.",
    clauses=("XFRM-BUILD-001", "XFRM-WIRE-001"),
    mutants={
        "final_destination_options_are_passed": _passing_everything_early,
        "fragment_headers_are_passed": _passing_fragments,
    },
)
def _stop_set(scene: Scene) -> Sequence[Claim]:
    chain = unknown_chain(scene.context, _CHAIN)
    index = insertion_index(chain, scene.rules.ipsec_passes)
    routed = [any_of(among(kind, ROUTING_KINDS) for kind in chain[:place]) for place in range(_CHAIN)]
    stops = [
        either(among(kind, _STOPS), both(same(kind, HeaderKind.DESTINATION_OPTIONS), routed[place]))
        for place, kind in enumerate(chain)
    ]
    stops.append(True)
    first = all_of(
        implies(same(index, place), both(stops[place], negate(any_of(stops[:place]))))
        for place in range(_CHAIN + 1)
    )

    def read(model: Model) -> Witness:
        elements = read_chain(model, chain)

        def holds(_: Profile) -> bool:
            return insertion_point(elements, Header.ESP) == _first_stop(elements)

        return Witness({"chain": chain_names(elements)}, holds)

    named = [among(kind, SENT) for kind in chain]
    late = [same(chain[1], HeaderKind.ROUTING), same(chain[2], HeaderKind.DESTINATION_OPTIONS)]
    return [Claim(existing_kinds(chain), both(at_most(index, _CHAIN), first), [*named, any_of(late)], read)]


def _without_routing_seen(rules: Rules) -> Rules:
    return replace(rules, ipsec_passes=lambda kind, _: rules.ipsec_passes(kind, True))


@theorem(
    name="final_destination_options_are_protected_exactly_behind_a_routing_header_up_to_five_headers",
    statement="Destination options in front of the upper layer come to stand inside ESP exactly if a routing "
    "header stands before them; otherwise they travel outside, in clear.",
    clauses=("XFRM-WIRE-001", "XFRM-BUILD-001"),
    mutants={
        "options_are_always_final": _without_routing_seen,
        "final_destination_options_are_passed": _passing_everything_early,
    },
)
def _final_options(scene: Scene) -> Sequence[Claim]:
    before = unknown_chain(scene.context, _CHAIN - 2)
    outside = (HeaderKind.HOP_BY_HOP, HeaderKind.DESTINATION_OPTIONS, HeaderKind.ROUTING)
    chain = (*before, int(HeaderKind.DESTINATION_OPTIONS), int(HeaderKind.UPPER))
    index = insertion_index(chain, scene.rules.ipsec_passes)
    routed = any_of(same(kind, HeaderKind.ROUTING) for kind in before)
    inside = at_most(index, len(before))

    def read(model: Model) -> Witness:
        elements = read_chain(model, chain)

        def holds(_: Profile) -> bool:
            sent = wire_chain(elements, [applied_state(Protocol.ESP)])
            return (Header.DESTINATION_OPTIONS in sent[sent.index(Header.ESP) :]) is (
                Header.ROUTING in elements
            )

        return Witness({"chain": chain_names(elements)}, holds)

    given = [among(kind, outside) for kind in before]
    return [Claim(given, alike(inside, routed), [same(before[0], HeaderKind.HOP_BY_HOP)], read)]


def _routing_behind_home(rules: Rules) -> Rules:
    return replace(rules, routing_passes=rules.ipsec_passes)


def _home_passes_ipsec(rules: Rules) -> Rules:
    def passes(kind: Number, routed: Truth) -> Truth:
        return either(rules.home_address_passes(kind, routed), same(kind, HeaderKind.AUTHENTICATION))

    return replace(rules, home_address_passes=passes)


_ORDER = (Header.RT2, Header.HAO, Header.AH, Header.UDP)


@theorem(
    name="rt2_stands_before_hao_and_both_before_ipsec_in_any_order_up_to_four_states",
    statement="In whatever order states in mode transport and ro are applied to a message, RT2 comes to "
    "stand before HAO and both before AH, ESP and IPComp.",
    clauses=("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-BUILD-001"),
    mutants={"rt2_goes_behind_hao": _routing_behind_home, "hao_goes_behind_ah": _home_passes_ipsec},
)
def _optimising_first(scene: Scene) -> Sequence[Claim]:
    protocols = unknown_protocols(scene.context, 4)
    chain: tuple[Number, ...] = (int(HeaderKind.UPPER),)
    for protocol in protocols:
        chain = with_header_of(chain, protocol, passes_of(scene.rules))
    ordered = all_of(
        negate(both(negate(same(outer, HeaderKind.ROUTING_2)), same(inner, HeaderKind.ROUTING_2)))
        for place, inner in enumerate(chain)
        for outer in chain[:place]
    )
    before_ipsec = all_of(
        implies(same(inner, HeaderKind.HOME_ADDRESS), at_most(outer, HeaderKind.HOME_ADDRESS))
        for place, inner in enumerate(chain)
        for outer in chain[:place]
    )

    def read(model: Model) -> Witness:
        listed = [number(model, protocol) for protocol in protocols]

        def holds(_: Profile) -> bool:
            sent = wire_chain((Header.UDP,), [applied_state(protocol) for protocol in listed])
            ranks = [_ORDER.index(h) if h in _ORDER else 2 for h in sent if isinstance(h, Header)]
            return ranks == sorted(ranks)

        return Witness({"applied": [transform_name(Protocol(protocol)) for protocol in listed]}, holds)

    given = [among(protocol, (*OPTIMISING, *PROTECTING)) for protocol in protocols]
    mixed = [same(protocols[0], Protocol.AH), same(protocols[1], Protocol.DESTINATION_OPTIONS)]
    mixed.append(same(protocols[2], Protocol.ROUTING))
    return [Claim(given, both(ordered, before_ipsec), mixed, read)]
