"""How the flow of a received packet gets its port slots from a chain of extension headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    among,
    any_of,
    bit_and,
    bit_at,
    bits,
    both,
    choose,
    first_of,
    negate,
    same,
    shift_right,
)
from xfrmspec_model.smt import Context, Expression
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.profile import MobilityTypeDecoding, Profile
from xfrmspec_terms.selector import Protocol, SlotMeaning, slot_meaning

EXTENSION_HEADERS = (
    Protocol.HOP_BY_HOP,
    Protocol.ROUTING,
    Protocol.FRAGMENT,
    Protocol.DESTINATION_OPTIONS,
)
"""The headers that a decoder walks over."""

IMAGE_WORDS = 6
_KEY_PRESENT, _CHECKSUM_PRESENT = 13, 15
_OF_MEANING = {
    meaning: tuple(p for p in range(256) if slot_meaning(p) is meaning and p != Protocol.ICMP)
    for meaning in SlotMeaning
}
"""Which protocols of a received IPv6 packet fill the slots with what; ICMP of IPv4 is not read there."""


@dataclass(frozen=True, slots=True)
class HeaderImage:
    """What stands at the beginning of one header: its protocol number and twelve octets from there on.

    `words` are six 16-bit numbers in the order of the wire, possibly of the headers that follow; what lies
    behind the end of the packet is 0.
    """

    protocol: Number
    words: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class ReceivedChain:
    """The headers behind the IPv6 header of a received packet: extension headers, then the upper layer.

    The node has processed the first `processed` extension headers, none of them a fragment header, when the
    flow is decoded. Both numbers of headers are known; what the headers hold may be unknown.
    """

    headers: tuple[HeaderImage, ...]
    processed: int

    def __post_init__(self) -> None:
        if not 0 <= self.processed < len(self.headers):
            raise ValueError("more extension headers processed than there are")

    @property
    def upper(self) -> HeaderImage:
        """The upper-layer header."""
        return self.headers[-1]


def unknown_chain(context: Context, extension_headers: int, processed: int) -> ReceivedChain:
    """Declare a chain of which only the number of extension headers is known."""

    def image(index: int) -> HeaderImage:
        words: list[Expression] = [bits(context, f"h{index}.word{word}", 16) for word in range(IMAGE_WORDS)]
        return HeaderImage(bits(context, f"h{index}.protocol", 8), tuple(words))

    return ReceivedChain(tuple(image(index) for index in range(extension_headers + 1)), processed)


def unknown_chains_up_to_3(make_context: Callable[[], Context]) -> list[tuple[Context, ReceivedChain]]:
    """Declare every shape of chain with 0 to 3 extension headers, each in a context of its own."""
    return [
        (context, unknown_chain(context, count, processed))
        for count in range(4)
        for processed in range(count + 1)
        for context in (make_context(),)
    ]


def well_formed_chain(chain: ReceivedChain) -> Truth:
    """Tell which chains exist: extension headers, none processed that is a fragment, then an upper layer."""
    walked = tuple(protocol for protocol in EXTENSION_HEADERS if protocol is not Protocol.FRAGMENT)
    extensions = all_of(
        among(image.protocol, walked if index < chain.processed else EXTENSION_HEADERS)
        for index, image in enumerate(chain.headers[:-1])
    )
    return both(extensions, negate(among(chain.upper.protocol, EXTENSION_HEADERS)))


@clause("XFRM-FLOW-003")
def image_read(chain: ReceivedChain, profile: Profile) -> int:
    """Return the index of the header whose octets are taken for the upper layer's. Source: XFRM-FLOW-003."""
    if profile.ports_behind_extension_header:
        return len(chain.headers) - 1
    return _index_reached_in_step(chain)


def _index_reached_in_step(chain: ReceivedChain) -> int:
    """Return where a walk ends that begins at the first header with the protocol behind the processed ones.

    With every extension header processed it ends at once; else the first header it walks over tells it the
    right protocol of the next one again.
    """
    last = len(chain.headers) - 1
    return 0 if chain.processed == last else last


@clause("XFRM-FLOW-002")
def mobility_type(chain: ReceivedChain, profile: Profile) -> Number:
    """Return what is taken for the mobility header type, 8 bits wide in value. Source: XFRM-FLOW-002."""
    if profile.mh_type_inbound is MobilityTypeDecoding.ALWAYS_ZERO:
        return 0
    if profile.mh_type_inbound is MobilityTypeDecoding.CORRECT:
        return _third_octet(chain.upper)
    one_too_far = _index_reached_in_step(chain) + 1
    return 0 if one_too_far == len(chain.headers) else _third_octet(chain.headers[one_too_far])


def _third_octet(image: HeaderImage) -> Number:
    return shift_right(image.words[1], 8)


@clause("XFRM-FLOW-004")
def has_fragment_header(chain: ReceivedChain) -> Truth:
    """Tell whether the walk meets a fragment header. Source: XFRM-FLOW-004."""
    return any_of(same(image.protocol, Protocol.FRAGMENT) for image in chain.headers[:-1])


ImageRead = Callable[[ReceivedChain, Profile], int]
MobilityType = Callable[[ReceivedChain, Profile], Number]


@clause("XFRM-FLOW-001", "XFRM-SEL-002")
def slots_of_received(
    chain: ReceivedChain,
    profile: Profile,
    image_read: ImageRead = image_read,
    mobility_type: MobilityType = mobility_type,
) -> tuple[Number, Number]:
    """Return the (source, destination) slots of a received chain, 16 bits each.

    The protocol of the flow is that of the upper layer in every profile.
    Source: XFRM-FLOW-001..004, XFRM-SEL-002.
    """
    words = chain.headers[image_read(chain, profile)].words
    high_half, low_half = _key_halves(words)
    by_meaning: dict[SlotMeaning, tuple[Number, Number]] = {
        SlotMeaning.PORTS: (words[0], words[1]),
        SlotMeaning.TYPE_AND_CODE: (shift_right(words[0], 8), bit_and(words[0], 0xFF)),
        SlotMeaning.MOBILITY_TYPE: (mobility_type(chain, profile), 0),
        SlotMeaning.GRE_KEY: (high_half, low_half),
    }
    visible = negate(has_fragment_header(chain))
    cases = [
        (both(visible, among(chain.upper.protocol, _OF_MEANING[meaning])), pair)
        for meaning, pair in by_meaning.items()
    ]
    return (
        first_of([(condition, pair[0]) for condition, pair in cases], 0, 16),
        first_of([(condition, pair[1]) for condition, pair in cases], 0, 16),
    )


def _key_halves(words: tuple[Number, ...]) -> tuple[Number, Number]:
    has_key, behind_checksum = bit_at(words[0], _KEY_PRESENT), bit_at(words[0], _CHECKSUM_PRESENT)

    def half(early: Number, late: Number) -> Number:
        return choose(has_key, choose(behind_checksum, late, early, 16), 0, 16)

    return half(words[2], words[4]), half(words[3], words[5])


def plain_chain(payload: bytes, first_protocol: int, processed: int | None = None) -> ReceivedChain:
    """Read the headers behind an IPv6 header.

    `payload` begins directly behind the IPv6 header, whose next header is `first_protocol` (0..255).
    `processed` counts the extension headers that the node has processed, by default all of them. Octets
    behind the end of the payload read as 0. ValueError if an extension header does not fit in the payload.
    """
    images, offset, protocol = [], 0, first_protocol
    while protocol in EXTENSION_HEADERS:
        if offset + 8 > len(payload):
            raise ValueError(f"extension header {protocol} at octet {offset} is cut off")
        images.append(_image(payload, offset, protocol))
        length = 8 if protocol == Protocol.FRAGMENT else (payload[offset + 1] + 1) * 8
        protocol, offset = payload[offset], offset + length
    if offset > len(payload):
        raise ValueError(f"the last extension header ends {offset - len(payload)} octets behind the payload")
    images.append(_image(payload, offset, protocol))
    return ReceivedChain(tuple(images), len(images) - 1 if processed is None else processed)


def _image(payload: bytes, offset: int, protocol: int) -> HeaderImage:
    octets = payload[offset : offset + 2 * IMAGE_WORDS].ljust(2 * IMAGE_WORDS, b"\0")
    words = tuple(int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets), 2))
    return HeaderImage(protocol, words)
