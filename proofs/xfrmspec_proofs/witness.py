"""Reading concrete values of the vocabulary off a solver model."""

from __future__ import annotations

from xfrmspec_model.entries import Entry
from xfrmspec_model.folding import Number, Truth, among, bit_and, implies, same
from xfrmspec_model.selectors import ADDRESS_BITS, FlowTerm, SelectorTerm
from xfrmspec_model.smt import Model, model_number, model_truth
from xfrmspec_proofs.facts import address_from
from xfrmspec_terms.policy import CandidateList, Direction, PolicyType
from xfrmspec_terms.selector import PORT_MASK_FULL, Address, Family, Flow, PortMatch, Prefix, Selector

_DOCUMENTATION = 0x20010DB8 << 96
_ALL_BUT_LAST_16 = (1 << 128) - (1 << 16)
_COMMON_MASKS = tuple((1 << 128) - (1 << (128 - length)) for length in (0, 32, 112, 120, 128))


def number(model: Model, term: Number) -> int:
    """Return the value of a number that may be plain already."""
    return term if isinstance(term, int) else model_number(model, term)


def truth(model: Model, term: Truth) -> bool:
    """Return the value of a truth that may be plain already."""
    return term if isinstance(term, bool) else model_truth(model, term)


def read_address(bits: int, family: Family) -> Address:
    """Return the address that a left-aligned 128-bit number stands for."""
    return address_from(bits >> (ADDRESS_BITS - family.width), family)


def read_flow(model: Model, flow: FlowTerm) -> Flow:
    """Return the flow that a model assigns to a term."""
    family = Family(number(model, flow.family))
    return Flow(
        read_address(number(model, flow.source), family),
        read_address(number(model, flow.destination), family),
        number(model, flow.protocol),
        number(model, flow.source_slot),
        number(model, flow.destination_slot),
        number(model, flow.oif),
        number(model, flow.mark),
        number(model, flow.if_id),
    )


def read_selector(model: Model, selector: SelectorTerm) -> Selector:
    """Return the selector that a model assigns to a term."""
    family = Family(number(model, selector.family))
    return Selector(
        _prefix(number(model, selector.source), number(model, selector.source_mask), family),
        _prefix(number(model, selector.destination), number(model, selector.destination_mask), family),
        number(model, selector.protocol),
        PortMatch(number(model, selector.source_port), number(model, selector.source_port_mask)),
        PortMatch(number(model, selector.destination_port), number(model, selector.destination_port_mask)),
        number(model, selector.ifindex),
        family=family,
    )


def _prefix(address: int, mask: int, family: Family) -> Prefix:
    return Prefix(read_address(address, family), mask.bit_count())


def printable_flow(flow: FlowTerm) -> list[Truth]:
    """Assume an IPv6 flow between documentation addresses without interface, mark or if_id."""
    return [
        same(flow.family, Family.INET6),
        documentation(flow.source),
        documentation(flow.destination),
        *(same(part, 0) for part in (flow.oif, flow.mark, flow.if_id)),
    ]


def documentation(address: Number) -> Truth:
    """Assume an address 2001:db8::n, left-aligned, with a number n of 16 bits."""
    return same(bit_and(address, _ALL_BUT_LAST_16), _DOCUMENTATION)


def printable_selector(selector: SelectorTerm) -> list[Truth]:
    """Assume documentation addresses, common prefix lengths, port masks of all or nothing, no interface."""
    return [
        documentation(selector.source),
        documentation(selector.destination),
        among(selector.source_mask, _COMMON_MASKS),
        among(selector.destination_mask, _COMMON_MASKS),
        among(selector.source_port_mask, (0, PORT_MASK_FULL)),
        among(selector.destination_port_mask, (0, PORT_MASK_FULL)),
        implies(same(selector.source_port_mask, 0), same(selector.source_port, 0)),
        implies(same(selector.destination_port_mask, 0), same(selector.destination_port, 0)),
        same(selector.ifindex, 0),
        same(selector.family, Family.INET6),
    ]


def plain_policy_entry(identity: int, selector: SelectorTerm) -> Entry:
    """Return the only policy of a database, outbound and of type MAIN, with an unknown selector."""
    return Entry(
        identity=identity,
        installed=True,
        selector=selector,
        mark_value=0,
        mark_mask=0,
        if_id=0,
        direction=int(Direction.OUT),
        type=int(PolicyType.MAIN),
        allows=True,
        priority=0,
        list=int(CandidateList.ANY),
        rank=identity,
        position=identity,
        age=identity,
    )
