"""Reading concrete values of the vocabulary off a solver model."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec_model.entries import Entry
from xfrmspec_model.folding import Number, Truth, alike, among, bit_and, implies, less, negate, same
from xfrmspec_model.selectors import ADDRESS_BITS, FlowTerm, SelectorTerm
from xfrmspec_model.smt import Model, model_number, model_truth
from xfrmspec_model.templates import StateTerm, TemplateTerm
from xfrmspec_proofs.facts import address_from
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import CandidateList, Direction, Mode, PolicyType, Template
from xfrmspec_terms.selector import (
    PORT_MASK_FULL,
    UINT32_MAX,
    Address,
    Family,
    Flow,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
)

_FEW = 8
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


def read_template(model: Model, template: TemplateTerm) -> Template:
    """Return the template that a model assigns to a term."""
    admits_any = truth(model, template.any_algorithm)
    mask = UINT32_MAX if admits_any else number(model, template.authentication_mask)
    return Template(
        Protocol(number(model, template.protocol)),
        Mode(number(model, template.mode)),
        read_address(number(model, template.source), Family.INET6),
        spi=number(model, template.spi),
        reqid=number(model, template.reqid),
        optional=truth(model, template.optional),
        encryption_mask=UINT32_MAX if admits_any else 0,
        authentication_mask=mask,
    )


def read_state(model: Model, state: StateTerm) -> SecurityAssociation:
    """Return the state that a model assigns to a term."""
    return SecurityAssociation(
        read_address(number(model, state.source), Family.INET6),
        IPv6Address(0),
        Protocol(number(model, state.protocol)),
        Mode(number(model, state.mode)),
        spi=number(model, state.spi),
        reqid=number(model, state.reqid),
        if_id=number(model, state.if_id),
        authentication_bit=number(model, state.authentication),
        internal=truth(model, state.internal),
    )


def printable_template(template: TemplateTerm) -> list[Truth]:
    """Assume a template that admits any algorithm and any source, and is told apart by its reqid."""
    return [
        same(template.source, 0),
        same(template.spi, 0),
        less(template.reqid, _FEW),
        same(template.authentication_mask, UINT32_MAX),
        alike(template.any_algorithm, True),
    ]


def printable_state(state: StateTerm) -> list[Truth]:
    """Assume a state that a user made, told apart by its reqid."""
    return [
        same(state.source, 0),
        same(state.spi, 0),
        same(state.if_id, 0),
        same(state.authentication, 0),
        less(state.reqid, _FEW),
        negate(state.internal),
    ]
