"""Chains of headers and lists of states as theorems state them, and how they are read off a model."""

from __future__ import annotations

from collections.abc import Sequence

from xfrmspec_model.folding import Number, Truth, at_most, bits
from xfrmspec_model.headers import KIND_BITS, KIND_OF_HEADER, HeaderKind, Passes
from xfrmspec_model.rules import Rules
from xfrmspec_model.smt import Context, Model
from xfrmspec_proofs.witness import number
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import ChainElement, Header, header_name
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family, Protocol, unspecified

OPTIMISING = (Protocol.DESTINATION_OPTIONS, Protocol.ROUTING)
PROTECTING = (Protocol.AH, Protocol.ESP, Protocol.IPCOMP)
SENT = tuple(kind for kind in HeaderKind if kind is not HeaderKind.ROUTING_0)
"""Kinds of headers that the reference has a name for."""

_NOBODY = unspecified(Family.INET6)
_NAMED = {kind: header for header, kind in KIND_OF_HEADER.items()} | {HeaderKind.UPPER: Header.UDP}


def unknown_chain(context: Context, count: int) -> tuple[Number, ...]:
    """Declare the kinds of the headers of a packet; `existing_kinds` says which there are."""
    return tuple(bits(context, f"h{index}", KIND_BITS) for index in range(count))


def existing_kinds(chain: Sequence[Number]) -> list[Truth]:
    """Assume header kinds that exist."""
    return [at_most(kind, max(HeaderKind)) for kind in chain]


def read_chain(model: Model, chain: Sequence[Number]) -> tuple[ChainElement, ...]:
    """Return the headers that a model assigns; KeyError for a kind not in `SENT`."""
    return tuple(_NAMED[HeaderKind(number(model, kind))] for kind in chain)


def chain_names(chain: Sequence[ChainElement]) -> list[str]:
    """Return headers as plain data."""
    return [header_name(element) for element in chain]


def applied_state(protocol: int) -> SecurityAssociation:
    """Return a state of a protocol, ro for HAO and RT2 and transport for the others."""
    mode = Mode.RO if protocol in OPTIMISING else Mode.TRANSPORT
    return SecurityAssociation(_NOBODY, _NOBODY, Protocol(protocol), mode)


def unknown_protocols(context: Context, count: int) -> list[Number]:
    """Declare the protocols of states in application order."""
    return [bits(context, f"x{index}.protocol", 8) for index in range(count)]


def passes_of(rules: Rules) -> tuple[Passes, Passes, Passes]:
    """Return the rules of insertion for IPsec headers, HAO and RT2."""
    return rules.ipsec_passes, rules.home_address_passes, rules.routing_passes
