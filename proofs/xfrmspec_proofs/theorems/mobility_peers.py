"""Theorems about what mobile node and correspondent node know of each other over an unreliable network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec_model.folding import (
    Number,
    Truth,
    alike,
    all_of,
    among,
    at_most,
    both,
    choose_integer,
    either,
    implies,
    integer,
    less,
    negate,
    same,
)
from xfrmspec_model.mobility_agent import AgentTerm
from xfrmspec_model.mobility_correspondent import CorrespondentTerm
from xfrmspec_model.mobility_pair import PairEventTerm, PairHappening, PairTerm
from xfrmspec_model.mobility_peer_pair import PeerPairTerm, peer_pair_after
from xfrmspec_model.mobility_rules import MobilityRules
from xfrmspec_model.mobility_times import UNIT
from xfrmspec_model.mobility_verdicts import ACCEPTED
from xfrmspec_model.smt import Model
from xfrmspec_proofs.mobility import ATTACKER, CARE_OF, HOME, unknown_node, with_mobility
from xfrmspec_proofs.pair_terms import any_event, any_mobile_node, arrives_as_sent, happened, same_update
from xfrmspec_proofs.peer_pairs import PeerPairRun
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN, Profile

_ASKED = 105 * UNIT
_SOON = 900


@dataclass(frozen=True, slots=True)
class _Course:
    events: tuple[PairEventTerm, ...]
    before: PeerPairTerm
    after: PeerPairTerm
    given: tuple[Truth, ...]


def _possible(pair: PeerPairTerm, event: PairEventTerm) -> Truth:
    """Say that an update is sent with a new number, and that only sent ones arrive."""
    new, last, home = event.update, pair.mobile.last, pair.peer.home
    asks = both(at_most(0, new.asked), alike(same(new.asked, 0), same(new.care_of, home)))
    sent = all_of((less(last.count, new.count), same(new.sent, event.at), asks))
    was = all_of((less(new.count, last.count), at_most(new.sent, event.at), asks))
    arrived = both(at_most(1, new.count), either(same_update(new, last), was))
    return all_of(
        (
            among(event.kind, sorted(PairHappening)),
            at_most(0, event.at),
            implies(same(event.kind, PairHappening.SENT), sent),
            implies(same(event.kind, PairHappening.ARRIVED), arrived),
        )
    )


def _only_newer(
    before: PeerPairTerm, after: PeerPairTerm, event: PairEventTerm, rules: MobilityRules
) -> Truth:
    """Say that no update is taken again nor one that is older, which is a theorem that needs SEQUENCE."""
    taken = both(same(event.kind, PairHappening.ARRIVED), same(after.peer.verdict, ACCEPTED))
    kept = less(before.mobile.held.count, event.update.count)
    return implies(taken, either(Defence.SEQUENCE not in rules.defences, kept))


def _course(scene: Scene, length: int) -> _Course:
    rules, context = scene.rules.mobility, scene.context
    events = [any_event(context, f"event{place}") for place in range(length if scene.small else 1)]
    pair = _new(HOME, 0) if scene.small else _any_pair(scene)
    before, given = pair, list[Truth]()
    nonce: Number = 0 if scene.small else integer(context, "used_nonce")
    since: Number = 0 if scene.small else integer(context, "since")
    for event in events:
        before = pair
        given += [_possible(before, event), at_most(since, event.at)]
        pair, since = peer_pair_after(before, event, nonce, rules), event.at
        if not scene.small:
            given.append(_only_newer(before, pair, event, rules))
    given.append(_replayable(events) if scene.small else _known(before, integer(context, "since")))
    return _Course(tuple(events), before, pair, tuple(given))


def _new(home: Number, newest: Number) -> PeerPairTerm:
    """Return new ends; the owner of the home address has read whatever it needs."""
    peer = CorrespondentTerm(home, newest=newest, owner_knows=lambda kind, place, drawn: True)
    return PeerPairTerm(peer, PairTerm(AgentTerm(home, 0, 0)))


def _any_pair(scene: Scene) -> PeerPairTerm:
    context, home = scene.context, integer(scene.context, "home")
    mobile = any_mobile_node(context, AgentTerm(home, 0, 0))
    return PeerPairTerm(unknown_node(context, home), mobile)


def _replayable(events: Sequence[PairEventTerm]) -> Truth:
    """Say that events follow each other within a second, each update asks for another place."""
    parts: list[Truth] = [less(events[-1].at, _SOON), less(0, events[0].at)]
    count: Number = 0
    place: Number = HOME
    kinds = (PairHappening.SENT, PairHappening.ARRIVED, PairHappening.ANSWERED)
    for position, event in enumerate(events):
        sends, update = same(event.kind, PairHappening.SENT), event.update
        parts += [among(event.kind, kinds), among(update.care_of, (ATTACKER, CARE_OF))]
        parts.append(same(update.asked, _ASKED))
        parts.append(implies(sends, both(same(update.count, count + 1), negate(same(update.care_of, place)))))
        count, place = choose_integer(sends, count + 1, count), choose_integer(sends, update.care_of, place)
        parts += [arrives_as_sent(earlier, event) for earlier in events[:position]]
    return all_of(parts)


def _known(pair: PeerPairTerm, now: Number) -> Truth:
    """Say what both ends know of each other at a time, whatever the network did."""
    entry, mobile = pair.peer.entry, pair.mobile
    last, held, counted = mobile.last, mobile.held, mobile.counted
    order = all_of((at_most(0, held.count), at_most(held.count, last.count), at_most(last.sent, now)))
    newest = implies(same(held.count, last.count), same_update(held, last))
    kept = all_of(
        (
            same(entry.granted, mobile.granted),
            same(entry.care_of, last.care_of),
            at_most(last.sent + mobile.granted, entry.ends),
            implies(less(now, entry.ends), entry.bound),
        )
    )
    said = implies(mobile.answered, both(same_update(held, last), implies(less(0, last.asked), kept)))
    least = choose_integer(less(mobile.granted, last.asked), mobile.granted, last.asked)
    ends = both(same(mobile.counted_end, last.sent + least), less(now, mobile.counted_end))
    settled = all_of((mobile.answered, same_update(counted, last), ends, less(0, last.asked)))
    counts = implies(both(mobile.counts, negate(mobile.waits)), settled)
    asks = either(alike(same(last.asked, 0), same(last.care_of, pair.peer.home)), same(last.count, 0))
    return all_of((order, newest, said, counts, at_most(0, last.asked), asks))


def _agree(pair: PeerPairTerm) -> Truth:
    """Say that a binding which the mobile node counts while it waits for nothing is held, and as long."""
    entry, mobile = pair.peer.entry, pair.mobile
    held = both(entry.bound, same(entry.care_of, mobile.counted.care_of))
    return implies(
        both(mobile.counts, negate(mobile.waits)), both(held, at_most(mobile.counted_end, entry.ends))
    )


@theorem(
    name="mobile_node_and_correspondent_node_agree_when_nobody_waits",
    statement="However the network loses, delays, copies and reorders, if no update is taken after a later "
    "one, a binding that a mobile node counts as acknowledged while it waits for no answer is held by its "
    "correspondent node with the same care-of address, and ends there no earlier.",
    clauses=("XFRM-SAFE-004", "XFRM-MN-007", "XFRM-MN-032", "XFRM-CN-023", "XFRM-CN-030"),
    mutants={"every_number_does": with_mobility(is_ahead=lambda _: lambda new, last: True)},
    tried_in=(CLEAN,),
    needs=(Defence.SEQUENCE,),
)
def _agreement(scene: Scene) -> Sequence[Claim]:
    told = _course(scene, 5)
    goal = _agree(told.after)
    if not scene.small:
        home = integer(scene.context, "home")
        goal = all_of((goal, _known(told.after, told.events[-1].at), _known(_new(home, 0), 0)))
    settled = [told.after.mobile.counts, negate(told.after.mobile.waits)]

    def read(model: Model) -> Witness:
        events = happened(model, told.events)
        facts = [
            {"at": one.at, "event": PairHappening(one.kind).name.lower(), "number": one.count}
            for one in events
        ]

        def holds(_: Profile) -> bool:
            return PeerPairRun(scene.rules.mobility.defences).run(events).agree()

        return Witness({"events": facts}, holds)

    return [Claim(list(told.given), goal, settled, read)]
