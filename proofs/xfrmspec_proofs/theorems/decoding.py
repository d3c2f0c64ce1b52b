"""Theorems about the flow of a received packet: which octets become port slots and mobility types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import z3

from xfrmspec.xfrm.session import ReceivedHeaders, decode_session
from xfrmspec_model.decoding import (
    ReceivedChain,
    has_fragment_header,
    slots_of_received,
    unknown_chain,
    well_formed_chain,
)
from xfrmspec_model.folding import Number, Truth, among, bit_and, both, choose, negate, same, shift_right
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Model
from xfrmspec_proofs.facts import protocol_name
from xfrmspec_proofs.theorem import Claim, Scene, Witness, everywhere, only_in, theorem
from xfrmspec_proofs.witness import number
from xfrmspec_terms.profile import LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Protocol, SlotMeaning, slot_meaning

_MOST_EXTENSION_HEADERS = 3
_EXTENSION_WORDS = 4
_OCTET = 0xFF
_WITH_PORTS = tuple(p for p in range(256) if slot_meaning(p) is SlotMeaning.PORTS)

Slots = tuple[Number, Number]


def _shapes() -> list[tuple[int, int]]:
    """Return every number of extension headers with every number of them processed."""
    counts = range(_MOST_EXTENSION_HEADERS + 1)
    return [(count, processed) for count in counts for processed in range(count + 1)]


def _slots(scene: Scene, chain: ReceivedChain) -> Slots:
    return slots_of_received(chain, scene.profile, scene.rules.image_read, scene.rules.mobility_type)


def _encodable(scene: Scene, chain: ReceivedChain) -> list[Truth]:
    """Assume extension headers of eight octets, so that the images are those of one packet."""
    parts: list[Truth] = []
    for header, following in zip(chain.headers, chain.headers[1:], strict=False):
        length = z3.BitVecVal(0, 8, ctx=scene.context)
        parts.append(same(header.words[0], z3.Concat(following.protocol, length)))
        parts += [same(header.words[_EXTENSION_WORDS + i], following.words[i]) for i in range(2)]
    return parts


def _payload(model: Model, chain: ReceivedChain) -> bytes:
    *extensions, upper = chain.headers
    words = [word for header in extensions for word in header.words[:_EXTENSION_WORDS]]
    return b"".join(number(model, word).to_bytes(2, "big") for word in (*words, *upper.words))


def _decoding_witness(chain: ReceivedChain, expected: Slots) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        first = number(model, chain.headers[0].protocol)
        headers = ReceivedHeaders(first, _payload(model, chain), chain.processed)
        wanted = tuple(number(model, slot) for slot in expected)

        def holds(profile: Profile) -> bool:
            key = decode_session(headers, profile)
            return (key.source_slot, key.destination_slot) == wanted

        facts = {
            "headers": [protocol_name(number(model, header.protocol)) for header in chain.headers],
            "processed": chain.processed,
            "octets": headers.payload.hex(),
            "right_slots": list(wanted),
        }
        return Witness(facts, holds)

    return read


def _claim(
    scene: Scene, shape: tuple[int, int], protocols: Sequence[int], right: Callable[[ReceivedChain], Slots]
) -> Claim:
    """State that the slots of one shape of chain are right when its upper layer is one of the protocols."""
    chain = unknown_chain(scene.context, *shape)
    wanted = right(chain)
    found = _slots(scene, chain)
    hypotheses = [well_formed_chain(chain), among(chain.upper.protocol, protocols)]
    conclusion = both(same(found[0], wanted[0]), same(found[1], wanted[1]))
    instance = [*_encodable(scene, chain), negate(has_fragment_header(chain)), negate(same(wanted[0], 0))]
    return Claim(hypotheses, conclusion, instance, _decoding_witness(chain, wanted))


def _hidden_claim(scene: Scene, shape: tuple[int, int]) -> Claim:
    """State that a fragment header hides the ports behind it."""
    chain = unknown_chain(scene.context, *shape)
    hypotheses = [
        well_formed_chain(chain),
        among(chain.upper.protocol, _WITH_PORTS),
        has_fragment_header(chain),
    ]
    conclusion = both(*(same(slot, 0) for slot in _slots(scene, chain)))
    instance = [*_encodable(scene, chain), *(negate(same(word, 0)) for word in chain.upper.words[:2])]
    return Claim(hypotheses, conclusion, instance, _decoding_witness(chain, (0, 0)))


def _hidden_by_fragment(chain: ReceivedChain, slots: Slots) -> Slots:
    """Return slots, or zeros where a fragment header stands before them."""
    fragment = has_fragment_header(chain)
    return choose(fragment, 0, slots[0], 16), choose(fragment, 0, slots[1], 16)


def _ports(chain: ReceivedChain) -> Slots:
    return _hidden_by_fragment(chain, (chain.upper.words[0], chain.upper.words[1]))


def _type_and_code(chain: ReceivedChain) -> Slots:
    first = chain.upper.words[0]
    return _hidden_by_fragment(chain, (shift_right(first, 8), bit_and(first, _OCTET)))


def _mobility_type(chain: ReceivedChain) -> Slots:
    return _hidden_by_fragment(chain, (shift_right(chain.upper.words[1], 8), 0))


def _first_header_read(rules: Rules) -> Rules:
    return replace(rules, image_read=lambda chain, profile: 0)


def _type_from_first_header(rules: Rules) -> Rules:
    return replace(rules, mobility_type=lambda chain, profile: shift_right(chain.headers[0].words[1], 8))


def _type_from_first_octet(rules: Rules) -> Rules:
    return replace(rules, mobility_type=lambda chain, profile: shift_right(chain.upper.words[0], 8))


@theorem(
    name="ports_come_from_the_upper_layer_up_to_three_extension_headers",
    statement="The slots of a received packet of a protocol with ports are the ports of its upper-layer "
    "header, or 0 behind a fragment header.",
    clauses=("XFRM-FLOW-001", "XFRM-FLOW-003", "XFRM-FLOW-004"),
    mutants={"the_first_header_is_read": _first_header_read},
    refuted_by=only_in(LINUX_6_1, "ports_behind_extension_header"),
)
def _ports_theorem(scene: Scene) -> Sequence[Claim]:
    return [_claim(scene, shape, _WITH_PORTS, _ports) for shape in _shapes()]


@theorem(
    name="ports_are_right_unless_every_extension_header_was_processed_up_to_three",
    statement="The slots of a received packet of a protocol with ports are right in every profile when no "
    "extension header stands before its upper layer, or the node has left one of them for later.",
    clauses=("XFRM-FLOW-001", "XFRM-FLOW-003", "XFRM-FLOW-004"),
    mutants={"the_first_header_is_read": _first_header_read},
)
def _ports_elsewhere_theorem(scene: Scene) -> Sequence[Claim]:
    shapes = [(count, processed) for count, processed in _shapes() if count == 0 or processed < count]
    hidden = [_hidden_claim(scene, shape) for shape in ((1, 0), (2, 0), (2, 1))]
    return [*(_claim(scene, shape, _WITH_PORTS, _ports) for shape in shapes), *hidden]


@theorem(
    name="icmpv6_type_and_code_come_from_the_upper_layer_up_to_three_extension_headers",
    statement="The slots of a received ICMPv6 message are its type and its code, or 0 behind a "
    "fragment header.",
    clauses=("XFRM-FLOW-001", "XFRM-FLOW-003", "XFRM-FLOW-004", "XFRM-SEL-002"),
    mutants={"the_first_header_is_read": _first_header_read},
    refuted_by=only_in(LINUX_6_1, "ports_behind_extension_header"),
)
def _icmp_theorem(scene: Scene) -> Sequence[Claim]:
    return [_claim(scene, shape, (Protocol.ICMPV6,), _type_and_code) for shape in _shapes()]


@theorem(
    name="the_mobility_type_comes_from_the_mobility_header_up_to_three_extension_headers",
    statement="The source slot of a received mobility header is its type, or 0 behind a fragment header.",
    clauses=("XFRM-FLOW-001", "XFRM-FLOW-002", "XFRM-FLOW-004"),
    mutants={
        "the_first_header_is_read": _type_from_first_header,
        "the_first_octet_is_read": _type_from_first_octet,
    },
    refuted_by=everywhere("mh_type_inbound"),
)
def _mobility_theorem(scene: Scene) -> Sequence[Claim]:
    return [_claim(scene, shape, (Protocol.MOBILITY,), _mobility_type) for shape in _shapes()]


@theorem(
    name="the_mobility_type_is_right_behind_one_processed_extension_header",
    statement="The source slot of a mobility header that is received behind exactly one processed extension "
    "header is its type.",
    clauses=("XFRM-FLOW-002",),
    mutants={"the_first_octet_is_read": _type_from_first_octet},
    refuted_by=only_in(LINUX_6_18, "mh_type_inbound"),
)
def _one_header_theorem(scene: Scene) -> Sequence[Claim]:
    return [_claim(scene, (1, 1), (Protocol.MOBILITY,), _mobility_type)]


@theorem(
    name="a_plain_mobility_header_is_read_with_its_own_type",
    statement="The source slot of a mobility header that is received without extension headers is its type.",
    clauses=("XFRM-FLOW-001", "XFRM-FLOW-002"),
    mutants={"the_first_octet_is_read": _type_from_first_octet},
    refuted_by=everywhere("mh_type_inbound"),
)
def _plain_header_theorem(scene: Scene) -> Sequence[Claim]:
    return [_claim(scene, (0, 0), (Protocol.MOBILITY,), _mobility_type)]
