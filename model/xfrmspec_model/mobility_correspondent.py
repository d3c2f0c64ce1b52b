"""A correspondent node and one home address: tests, updates, and the life of the entry, as terms.

Times are milliseconds, lifetimes too. The tokens of an update are those that its sender knows; nobody else
can sign with them. What an update says about other home addresses is in `mobility_cycles`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    at_most,
    both,
    choose_integer,
    choose_truth,
    either,
    first_integer_of,
    less,
    negate,
    same,
)
from xfrmspec_model.mobility_keys import Knows, TokenKind, knows_nothing, learned
from xfrmspec_model.mobility_rules import MOBILITY_RULES, MobilityRules
from xfrmspec_model.mobility_times import LONG_AGO
from xfrmspec_model.mobility_verdicts import ACCEPTED, DROPPED
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence


class Happening(IntEnum):
    """What can reach a correspondent node about one home address."""

    HOME_TEST = 0
    CARE_OF_TEST = 1
    UPDATE = 2
    NOTHING = 3


@dataclass(frozen=True, slots=True)
class EntryTerm:
    """The entry for the home address, and by whom and with which nonces its last update was signed."""

    bound: Truth = False
    remembered: Truth = False
    care_of: Number = 0
    number: Number = 0
    accepted: Number = LONG_AGO
    asked: Number = 0
    granted: Number = 0
    ends: Number = LONG_AGO
    by_attacker: Truth = False
    home_nonce: Number = LONG_AGO
    care_of_nonce: Number = LONG_AGO


ENTRY_NUMBERS = ("care_of", "number", "accepted", "asked", "granted", "ends", "home_nonce", "care_of_nonce")
ENTRY_TRUTHS = ("bound", "remembered", "by_attacker")


@dataclass(frozen=True, slots=True)
class EventTerm:
    """Something that happens at a time.

    Of a test `address` is where it came from. Of an update `address` is its care-of address, `number` and
    `lifetime` are as it says, the nonces those that its indices name. `attacker` tells who sends it.
    """

    kind: Number
    at: Number
    address: Number = 0
    number: Number = 0
    lifetime: Number = 0
    home_nonce: Number = LONG_AGO
    care_of_nonce: Number = LONG_AGO
    attacker: Truth = False


@dataclass(frozen=True, slots=True)
class CorrespondentTerm:
    """A correspondent node with what an attacker and the owner of the home address have read.

    `newest` is when the newest nonce was drawn, `verdict` what became of the last update.
    """

    home: Number
    entry: EntryTerm = EntryTerm()
    newest: Number = LONG_AGO
    attacker_knows: Knows = knows_nothing
    owner_knows: Knows = knows_nothing
    verdict: Number = DROPPED


@dataclass(frozen=True, slots=True)
class Onlookers:
    """Who reads what goes to an address at a time: the attacker, and the owner of the home address."""

    attacker: Knows
    owner: Knows


@clause("XFRM-CN-026", "XFRM-CN-030")
def entry_at(entry: EntryTerm, now: Number, rules: MobilityRules = MOBILITY_RULES) -> EntryTerm:
    """Return an entry as it is at a time, if nothing came for it. Source: XFRM-CN-026, XFRM-CN-030."""
    ended = both(entry.bound, rules.is_over(entry.ends, now, rules.defences))
    forgotten = rules.is_forgotten(entry.accepted, now, rules.defences)
    return replace(
        entry,
        bound=both(entry.bound, negate(ended)),
        remembered=both(either(entry.remembered, ended), negate(forgotten)),
    )


@clause("XFRM-CN-013")
def is_deletion(update: EventTerm, home: Number) -> Truth:
    """Tell whether an update asks for the end of a binding. Source: XFRM-CN-013."""
    return either(same(update.lifetime, 0), same(update.address, home))


@clause("XFRM-CN-016", "XFRM-CN-017", "XFRM-CN-018", "XFRM-CN-022")
def verdict_about(
    node: CorrespondentTerm, update: EventTerm, rules: MobilityRules = MOBILITY_RULES
) -> Number:
    """Return the status of an update without flag H and with both options: nonces, key, number.

    Source: XFRM-CN-016 to XFRM-CN-018, XFRM-CN-022.
    """
    entry, deletion = node.entry, is_deletion(update, node.home)
    home_ok = _names_a_nonce(node, update.home_nonce, update.at, rules)
    care_of_named = _names_a_nonce(node, update.care_of_nonce, update.at, rules)
    care_of_ok = either(deletion, care_of_named)
    known = [
        choose_truth(
            update.attacker, node.attacker_knows(kind, place, nonce), node.owner_knows(kind, place, nonce)
        )
        for kind, place, nonce in (
            (TokenKind.HOME, node.home, update.home_nonce),
            (TokenKind.CARE_OF, update.address, update.care_of_nonce),
        )
    ]
    unproved = Defence.BINDING_BY_PROOF not in rules.defences
    fresh = either(
        negate(either(entry.bound, entry.remembered)),
        either(Defence.SEQUENCE not in rules.defences, rules.is_ahead(update.number, entry.number)),
    )
    cases: list[tuple[Truth, Number]] = [
        (all_of((not unproved, negate(home_ok), negate(care_of_ok))), 138),
        (all_of((not unproved, negate(home_ok))), 136),
        (all_of((not unproved, negate(care_of_ok))), 137),
        (negate(rules.key_does(known[0], both(known[1], care_of_named), deletion, rules.defences)), DROPPED),
        (negate(fresh), 135),
    ]
    return first_integer_of(cases, ACCEPTED)


@clause("XFRM-CN-003")
def _names_a_nonce(node: CorrespondentTerm, drawn: Number, now: Number, rules: MobilityRules) -> Truth:
    """Tell whether an index of a nonce drawn then names it; any moment up to the newest may be one."""
    made = both(less(LONG_AGO, drawn), at_most(drawn, node.newest))
    return both(made, rules.is_valid(drawn, now, rules.defences))


@clause("XFRM-CN-023", "XFRM-CN-025")
def entry_after(
    entry: EntryTerm, update: EventTerm, home: Number, rules: MobilityRules = MOBILITY_RULES
) -> EntryTerm:
    """Return the entry that an accepted update leaves. Source: XFRM-CN-023, XFRM-CN-025."""
    deletion = is_deletion(update, home)
    granted = rules.granted_by_correspondent(update.lifetime, rules.defences)
    return EntryTerm(
        bound=negate(deletion),
        remembered=deletion,
        care_of=choose_integer(deletion, entry.care_of, update.address),
        number=update.number,
        accepted=update.at,
        asked=update.lifetime,
        granted=granted,
        ends=update.at + granted,
        by_attacker=update.attacker,
        home_nonce=update.home_nonce,
        care_of_nonce=update.care_of_nonce,
    )


@clause("XFRM-CN-002", "XFRM-CN-007")
def after_event(
    node: CorrespondentTerm,
    event: EventTerm,
    onlookers: Onlookers,
    rules: MobilityRules = MOBILITY_RULES,
) -> CorrespondentTerm:
    """Return a correspondent node after something happened. Source: XFRM-CN-002, XFRM-CN-007."""
    present = replace(node, entry=entry_at(node.entry, event.at, rules))
    is_test = either(same(event.kind, Happening.HOME_TEST), same(event.kind, Happening.CARE_OF_TEST))
    is_update = same(event.kind, Happening.UPDATE)
    draws = both(is_test, negate(rules.is_current(node.newest, event.at, rules.defences)))
    newest = choose_integer(draws, event.at, node.newest)
    verdict = choose_integer(is_update, verdict_about(present, event, rules), DROPPED)
    taken = both(is_update, same(verdict, ACCEPTED))
    changed = entry_after(present.entry, event, node.home, rules)

    def reads(knows: Knows, sees: Knows) -> Knows:
        seen = both(is_test, sees(event.kind, event.address, event.at))
        return learned(knows, event.kind, event.address, newest, seen)

    return CorrespondentTerm(
        node.home,
        chosen_entry(taken, changed, present.entry),
        newest,
        reads(node.attacker_knows, onlookers.attacker),
        reads(node.owner_knows, onlookers.owner),
        verdict,
    )


def chosen_entry(condition: Truth, then: EntryTerm, otherwise: EntryTerm) -> EntryTerm:
    """Return one of two entries, part by part."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    numbers = {
        part: choose_integer(condition, getattr(then, part), getattr(otherwise, part))
        for part in ENTRY_NUMBERS
    }
    truths = {
        part: choose_truth(condition, getattr(then, part), getattr(otherwise, part)) for part in ENTRY_TRUTHS
    }
    return EntryTerm(**numbers, **truths)
