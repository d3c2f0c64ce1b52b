"""The suites of scenarios as algorithms of netlink requests."""

from __future__ import annotations

from xfrmspec.kernel.netlink_attributes import Algorithm, AttributeKind
from xfrmspec.kernel.netlink_requests import readable_algorithms
from xfrmspec.scenario.suites import Part, Suite, key_for
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.selector import Protocol


def suite_algorithms(suite: Suite, state: SecurityAssociation) -> tuple[Algorithm, ...]:
    """Return the algorithms of a state, as its protocol needs them.

    ValueError for AH with a combined cipher, which leaves it without an algorithm.
    """
    if suite is Suite.READABLE or state.protocol not in (Protocol.ESP, Protocol.AH):
        return readable_algorithms(state)
    cipher, digest = suite.value.cipher, suite.value.digest
    if state.protocol is Protocol.AH:
        if digest is None:
            raise ValueError(f"AH has no algorithm in the suite {suite.name}")
        return (_algorithm(AttributeKind.ALG_AUTH_TRUNC, suite, state.spi, digest),)
    if digest is None:
        return (_algorithm(AttributeKind.ALG_AEAD, suite, state.spi, cipher),)
    authentic = _algorithm(AttributeKind.ALG_AUTH_TRUNC, suite, state.spi, digest)
    return authentic, _algorithm(AttributeKind.ALG_CRYPT, suite, state.spi, cipher)


def _algorithm(kind: AttributeKind, suite: Suite, spi: int, part: Part) -> Algorithm:
    bits = None if kind is AttributeKind.ALG_CRYPT else part.icv_bits
    return Algorithm(kind, part.name, key_for(suite, spi, part), bits)
