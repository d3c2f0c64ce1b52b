"""How often a mobile node sends: back-off of what is not answered, and the limit of messages of one type."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_model.folding import Number, Truth, choose_integer
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO
from xfrmspec_terms.clauses import clause


@dataclass(frozen=True, slots=True)
class SentTerm:
    """When the last three messages of one type went to one destination, the oldest first."""

    first: Number = LONG_AGO
    second: Number = LONG_AGO
    third: Number = LONG_AGO


@clause("XFRM-MN-006")
def sent_after(sent: SentTerm, wanted: Number, rules: MobilityRules = MOBILITY_RULES) -> SentTerm:
    """Return the last three messages after one more that is wanted at a time. Source: XFRM-MN-006."""
    return SentTerm(sent.second, sent.third, rules.goes_at(sent.first, wanted, rules.defences))


@clause("XFRM-MN-004")
def first_timeout(registers_anew: Truth) -> Number:
    """Return how long the first message of an attempt awaits its answer. Source: XFRM-MN-004."""
    return choose_integer(registers_anew, 1500, 1000)


@dataclass(frozen=True, slots=True)
class AwaitingTerm:
    """A message that awaits its answer: when it was sent, and for how long it waits."""

    sent: Number
    timeout: Number


@clause("XFRM-MN-004", "XFRM-MN-016", "XFRM-MN-035")
def repeated(awaiting: AwaitingTerm, rules: MobilityRules = MOBILITY_RULES) -> AwaitingTerm:
    """Return a message after its repetition at the end of its timeout.

    Source: XFRM-MN-004, XFRM-MN-016, XFRM-MN-035.
    """
    return AwaitingTerm(awaiting.sent + awaiting.timeout, rules.next_timeout(awaiting.timeout))
