"""Theorems about where headers go: the plan of all headers at once, and what AH covers of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from xfrmspec.wire.insertion import wire_chain
from xfrmspec_model.building import PLAIN_ROW, Key, WireRules
from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    any_of,
    at_most,
    count_of,
    first_of,
    implies,
    negate,
    same,
    smaller_key,
)
from xfrmspec_model.headers import (
    KIND_BITS,
    HeaderKind,
    Passes,
    inserted,
    insertion_index,
    kind_of,
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
from xfrmspec_proofs.octets import authentic
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import TRANSFORM_HEADERS, ChainElement, transform_name
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Protocol

_PLAN = (4, 4)
"""Headers of the plain chain and states of the list."""
_COVERED = 5
_Three = tuple[Passes, Passes, Passes]


def _stepwise(
    chain: Sequence[Number], protocols: Sequence[Number], keys: Sequence[Key], rules: Rules
) -> list[Key]:
    """Insert header by header, and return the keys that the plan gave in the order of the headers."""
    kinds = tuple(chain)
    parts: list[tuple[Number, ...]] = [tuple(range(len(chain))), (PLAIN_ROW,) * len(chain), (0,) * len(chain)]
    for protocol, key in zip(protocols, keys, strict=True):
        index = _index_for(kinds, protocol, rules)
        kinds = with_header_of(kinds, protocol, passes_of(rules))
        parts = [inserted(part, index, value) for part, value in zip(parts, key, strict=True)]
    return list(zip(*parts, strict=True))


def _index_for(kinds: Sequence[Number], protocol: Number, rules: Rules) -> Number:
    home, routing = Protocol.DESTINATION_OPTIONS, Protocol.ROUTING
    by_protocol: list[tuple[Truth, Number]] = [
        (same(protocol, home), insertion_index(kinds, rules.home_address_passes)),
        (same(protocol, routing), insertion_index(kinds, rules.routing_passes)),
    ]
    return first_of(by_protocol, insertion_index(kinds, rules.ipsec_passes), KIND_BITS)


def _three_fixed_places(rules: Rules) -> Rules:
    def planned(chain: Sequence[Number], protocols: Sequence[Number], passes: _Three) -> list[Key]:
        alone = [rules.wire.planned(chain, [protocol], passes)[0] for protocol in protocols]
        return [(key[0], key[1], len(protocols) - place) for place, key in enumerate(alone)]

    return replace(rules, wire=replace(rules.wire, planned=planned))


def _in_order_of_application(rules: Rules) -> Rules:
    def planned(chain: Sequence[Number], protocols: Sequence[Number], passes: _Three) -> list[Key]:
        keys = rules.wire.planned(chain, protocols, passes)
        return [(place, row, index) for index, (place, row, _) in enumerate(keys)]

    return replace(rules, wire=replace(rules.wire, planned=planned))


@theorem(
    name="planning_at_once_equals_inserting_step_by_step_up_to_four_headers_and_four_states",
    statement="Whatever headers a sender put into a packet and in whatever order states in mode transport "
    "and ro are applied, the plan made in one look at the packet gives the chain that insertion one by one "
    "gives.",
    clauses=("XFRM-BUILD-001", "XFRM-BUILD-002"),
    mutants={
        "a_routing_header_put_in_changes_no_place": _three_fixed_places,
        "headers_of_one_place_keep_the_order_of_application": _in_order_of_application,
    },
)
def _plan(scene: Scene) -> Sequence[Claim]:
    headers, states = _PLAN
    chain, protocols = unknown_chain(scene.context, headers), unknown_protocols(scene.context, states)
    keys = scene.rules.wire.planned(chain, protocols, passes_of(scene.rules))
    sequence = _stepwise(chain, protocols, keys, scene.rules)
    sorted_already = all_of(smaller_key(first, second) for first, second in pairwise(sequence))

    def read(model: Model) -> Witness:
        plain = read_chain(model, chain)
        listed = [applied_state(number(model, protocol)) for protocol in protocols]

        def holds(_: Profile) -> bool:
            return wire_chain(plain, listed) == by_plan(plain, listed, scene.rules)

        applied = [transform_name(state.protocol) for state in listed]
        return Witness({"chain": chain_names(plain), "applied": applied}, holds)

    given = [*existing_kinds(chain), *(among(protocol, (*OPTIMISING, *PROTECTING)) for protocol in protocols)]
    named = [among(kind, SENT) for kind in chain]
    return [Claim(given, sorted_already, [*named, same(protocols[0], Protocol.ROUTING)], read)]


def by_plan(
    plain: Sequence[ChainElement], states: Sequence[SecurityAssociation], rules: Rules
) -> tuple[ChainElement, ...]:
    """Return the chain that the plan of the model describes."""
    kinds: list[Number] = [int(kind_of(element)) for element in plain]
    keys = rules.wire.planned(kinds, [int(state.protocol) for state in states], passes_of(rules))
    own = [((index, PLAIN_ROW, 0), element) for index, element in enumerate(plain)]
    new = [(key, TRANSFORM_HEADERS[state.protocol]) for key, state in zip(keys, states, strict=True)]
    return tuple(element for _, element in sorted([*own, *new], key=lambda pair: pair[0]))


def sender_covers_all(rules: Rules) -> Rules:
    """Mutate the rules so that a sender covers headers that are put in later, too."""
    return replace(rules, wire=replace(rules.wire, covered_by_sender=lambda index, other: True))


def _receiver_leaves_options_out(rules: Rules) -> Rules:
    wire = replace(rules.wire, covered_by_receiver=lambda _, outside: negate(outside))
    return replace(rules, wire=wire)


def verifies(protocols: Sequence[Number], index: int, keys: Sequence[Key], wire: WireRules) -> Truth:
    """Tell whether sender and receiver cover the same headers with the value of the AH state at an index."""
    return all_of(
        alike(
            wire.covered_by_sender(index, other),
            wire.covered_by_receiver(protocol, smaller_key(keys[other], keys[index])),
        )
        for other, protocol in enumerate(protocols)
        if other != index
    )


@theorem(
    name="ah_verifies_exactly_if_no_hao_or_rt2_is_applied_after_it_up_to_five_states",
    statement="The receiver's integrity value of AH is the sender's exactly if no home address option and no "
    "type 2 routing header was applied after AH; AH, ESP and IPComp may be applied before or after.",
    clauses=("XFRM-AH-002", "XFRM-AH-004", "XFRM-WIRE-002", "XFRM-WIRE-003"),
    mutants={
        "the_sender_foresees_what_is_put_in_later": sender_covers_all,
        "the_receiver_leaves_options_out": _receiver_leaves_options_out,
    },
)
def _coverage(scene: Scene) -> Sequence[Claim]:
    protocols = unknown_protocols(scene.context, _COVERED)
    rules = scene.rules
    keys = rules.wire.planned((int(HeaderKind.UPPER),), protocols, passes_of(rules))
    exactly = all_of(
        implies(
            same(protocol, Protocol.AH),
            alike(
                verifies(protocols, index, keys, rules.wire),
                negate(any_of(among(later, OPTIMISING) for later in protocols[index + 1 :])),
            ),
        )
        for index, protocol in enumerate(protocols)
    )

    def read(model: Model) -> Witness:
        listed = [Protocol(number(model, protocol)) for protocol in protocols]
        last_first = [
            place for place, protocol in reversed(list(enumerate(listed))) if protocol is Protocol.AH
        ]
        expected = [not any(p in OPTIMISING for p in listed[place:]) for place in last_first]
        whole = expected[: expected.index(False) + 1] if False in expected else expected
        facts = {"applied": [transform_name(protocol) for protocol in listed]}
        return Witness(facts, lambda _: authentic(listed) == whole)

    return [Claim(_listed(protocols), exactly, [same(protocols[1], Protocol.AH)], read)]


def _listed(protocols: Sequence[Number]) -> list[Truth]:
    """Assume states in mode transport and ro, HAO and RT2 at most once."""
    once = [
        at_most(count_of((same(protocol, wanted) for protocol in protocols), KIND_BITS), 1)
        for wanted in OPTIMISING
    ]
    return [*(among(protocol, (*OPTIMISING, *PROTECTING)) for protocol in protocols), *once]
