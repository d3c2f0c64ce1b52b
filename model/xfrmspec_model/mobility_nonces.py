"""Nonces over many tests, what else a test leaves behind, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xfrmspec_model.folding import Number, Truth, all_of, at_most, both, choose_integer, negate, same
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence

MOST_KEPT = 64
"""How many tests are kept by a correspondent node that keeps them."""

FIRST = 0
TEST_OCTETS = 16
ANSWER_OCTETS = 24
"""Octets of the mobility header of a test without options, and of its answer."""


@dataclass(frozen=True, slots=True)
class NoncesTerm:
    """The nonces: the newest has index `newest` (counted without end, -1 for none), each its moment.

    `kept` counts the tests that a correspondent node of the paper's kind keeps.
    """

    newest: Number
    drawn: Callable[[Number], Number]
    kept: Number = 0


@clause("XFRM-CN-002")
def is_held(nonces: NoncesTerm, index: Number, rules: MobilityRules = MOBILITY_RULES) -> Truth:
    """Tell whether a nonce was still valid when the newest one was drawn. Source: XFRM-CN-002."""
    valid = rules.is_valid(nonces.drawn(index), nonces.drawn(nonces.newest), rules.defences)
    return all_of((at_most(FIRST, index), at_most(index, nonces.newest), valid))


@clause("XFRM-CN-002", "XFRM-CN-003", "XFRM-CN-007")
def after_test(nonces: NoncesTerm, now: Number, rules: MobilityRules = MOBILITY_RULES) -> NoncesTerm:
    """Return the nonces after a test was answered. Source: XFRM-CN-002, XFRM-CN-003, XFRM-CN-007."""
    there = at_most(FIRST, nonces.newest)
    serves = both(there, rules.is_current(nonces.drawn(nonces.newest), now, rules.defences))
    newest = choose_integer(serves, nonces.newest, nonces.newest + 1)

    def drawn(index: Number) -> Number:
        return choose_integer(both(negate(serves), same(index, newest)), now, nonces.drawn(index))

    kept = rules.kept_after_test(nonces.kept, rules.defences)
    return NoncesTerm(newest, drawn, kept)


@dataclass(frozen=True, slots=True)
class TestTerm:
    """A test as it arrives: its source, that on the wire if it has a home address option, its octets."""

    source: Number
    has_option: Truth
    wire_source: Number
    octets: Number


@dataclass(frozen=True, slots=True)
class ReplyTerm:
    """A message that may answer a test: whether it is sent, where to, and the octets of its header."""

    sent: Truth
    destination: Number
    octets: Number


@clause("XFRM-CN-004", "XFRM-CN-005", "XFRM-CN-006", "XFRM-CN-008")
def replies_to(test: TestTerm, rules: MobilityRules = MOBILITY_RULES) -> tuple[ReplyTerm, ReplyTerm]:
    """Return what answers a test: at its source, and without ONE_REPLY at the other address as well.

    Source: XFRM-CN-004 to XFRM-CN-006, XFRM-CN-008.
    """
    first = ReplyTerm(rules.is_answered(test.has_option, rules.defences), test.source, ANSWER_OCTETS)
    second = both(test.has_option, Defence.ONE_REPLY not in rules.defences)
    return first, ReplyTerm(second, test.wire_source, ANSWER_OCTETS)
