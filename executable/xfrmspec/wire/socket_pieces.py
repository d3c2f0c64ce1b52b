"""What a sending socket cuts before any transform, and when its pieces stay as fragments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_terms.clauses import clause

UNIT = 8
FRAGMENT_OCTETS = 8


@dataclass(frozen=True, slots=True)
class Pieces:
    """How a packet lies in memory: octets of each piece behind the headers that every fragment repeats.

    `repeated` is what the socket took for those headers, in octets, the IP header among them; `appended` is
    what transforms have put behind the last piece since.
    """

    sizes: tuple[int, ...]
    repeated: int
    appended: int = 0

    @clause("XFRM-FRAG-003")
    def kept(self, octets: int, headers: int, room: int) -> tuple[int, ...]:
        """Return the sizes of the fragments if the pieces stay, none if the packet is cut anew.

        `octets` stand behind `headers` octets of repeated headers by now, `room` of them fit into a fragment;
        what transforms have put in front belongs to the first piece. Source: kernel ip6_fragment.
        """
        if len(self.sizes) < 2 or headers > self.repeated:
            return ()
        rest = (*self.sizes[1:-1], self.sizes[-1] + self.appended)
        sizes = (octets - sum(rest), *rest)
        fitting = all(0 < size <= room for size in sizes)
        return sizes if fitting and not any(size % UNIT for size in sizes[:-1]) else ()


@clause("XFRM-FRAG-003")
def socket_pieces(octets: int, repeated: int, first_mtu: int, mtu: int) -> Pieces:
    """Cut a packet with `octets` behind `repeated` octets of headers, as its socket does.

    `first_mtu` leaves room for the headers of the bundle, which stand in the first piece alone.
    Source: kernel __ip6_append_data, ip6_append_data_mtu.
    """
    first, following = (_whole_units(room - repeated) for room in (first_mtu, mtu))
    if octets <= first_mtu - repeated or first <= 0:
        return Pieces((octets,), repeated)
    last = mtu - repeated if octets <= mtu else following
    sizes, left = [first], octets - first
    while left > last:
        sizes.append(following)
        left -= following
    return Pieces((*sizes, left), repeated)


def cut_full(octets: int, room: int) -> tuple[int, ...]:
    """Return the sizes of fragments that are as full as `room` octets allow, the last with what is left."""
    sizes: list[int] = []
    while octets > room:
        sizes.append(room // UNIT * UNIT)
        octets -= sizes[-1]
    return (*sizes, octets)


def starts_of(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return at which octet each fragment starts."""
    return tuple(sum(sizes[:place]) for place in range(len(sizes)))


def _whole_units(room: int) -> int:
    """What of some room can be used once a fragment header has its place."""
    return room // UNIT * UNIT - FRAGMENT_OCTETS
