"""Histories of correspondent node and home agent: honest talk, replays, forgeries and noise, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from hypothesis import strategies as st
from mobility_strategies import messages

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.correspondent_node import step
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec_terms.daemon import (
    CameHome,
    DaemonEvent,
    Heard,
    Moved,
    Path,
    Probed,
    Say,
    Unbound,
    Uniqueness,
    Unsupported,
    Used,
    Wanted,
    Woke,
)
from xfrmspec_terms.mobility import (
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    NonceIndices,
)

OWN = IPv6Address("2001:db8:c::2")
ADDRESSES = tuple(map(IPv6Address, ("2001:db8:1::5", "2001:db8:1::6", "2001:db8:a::5", "2001:db8:b::5")))
ODD = tuple(map(IPv6Address, ("::", "::1", "ff02::1", "fe80::1", "2001:db8:c::2")))

ordinary = st.sampled_from(ADDRESSES)
anywhere = st.one_of(ordinary, st.sampled_from(ODD))
pauses = st.sampled_from((0, 1, 99, 100, 1_000, 5_000, 29_999, 30_000, 60_000, 210_000, 240_000, 420_000))
numbers = st.sampled_from((0, 1, 2, 3, 32_766, 32_767, 32_768, 65_534, 65_535))
lifetimes = st.sampled_from((0, 1, 2, 60, 105, 106, 65_535))


@dataclass(frozen=True)
class Talk:
    """A mobile node fetches its tokens and sends an update `ahead` of its last one, `late` ms later."""

    home: IPv6Address
    care_of: IPv6Address
    ahead: int
    lifetime: int
    late: int
    at_home: bool
    steals_from: IPv6Address | None


@dataclass(frozen=True)
class Again:
    """An attacker plays one of the updates heard so far again."""

    which: int


Act = Talk | Again | DaemonEvent
Test = HomeTest | CareOfTest

talks = st.builds(
    Talk,
    ordinary,
    ordinary,
    st.integers(1, 3),
    lifetimes,
    st.sampled_from((0, 0, 5_000, 200_000, 250_000)),
    st.booleans(),
    st.sampled_from((None, None, None, *ADDRESSES[:2])),
)
heard = st.builds(
    Heard,
    messages,
    anywhere,
    st.just(OWN),
    st.one_of(st.none(), anywhere),
    st.one_of(st.none(), ordinary),
    st.sampled_from(Path),
)
events: st.SearchStrategy[DaemonEvent] = st.one_of(
    heard,
    st.just(Woke()),
    st.just(CameHome()),
    st.builds(Moved, ordinary),
    st.builds(Wanted, ordinary),
    st.builds(Used, ordinary),
    st.builds(Unsupported, ordinary),
    st.builds(Unbound, anywhere, anywhere, st.just(OWN)),
    st.builds(Probed, ordinary, st.sampled_from(Uniqueness)),
)
acts: st.SearchStrategy[Act] = st.one_of(talks, talks, talks, st.builds(Again, st.integers(0, 9)), events)
histories = st.lists(st.tuples(pauses, acts), min_size=4, max_size=30)

close_talks = st.builds(
    Talk, ordinary, ordinary, st.just(1), st.sampled_from((1, 105)), st.just(0), st.just(False), st.none()
)
close_acts: st.SearchStrategy[Act] = st.one_of(close_talks, st.builds(Again, st.integers(-3, -1)))
close_histories = st.lists(
    st.tuples(st.sampled_from((0, 1_000, 4_000, 50_000)), close_acts), min_size=2, max_size=12
)
"""Few addresses, honest updates, short pauses and early replays: where numbers and cycles matter."""


@dataclass
class Told:
    """One event that a correspondent node was told, before and after; is it an update that lies?"""

    before: CorrespondentNode
    event: DaemonEvent
    now: int
    answer: Answer[CorrespondentNode]
    stolen: bool


@dataclass
class Run:
    """A correspondent node in the middle of a history."""

    node: CorrespondentNode
    now: int = 0
    counters: dict[IPv6Address, int] = field(default_factory=dict)
    updates: list[Heard] = field(default_factory=list)
    stolen: list[DaemonEvent] = field(default_factory=list)

    def tell(self, event: DaemonEvent) -> Told:
        answer = step(self.node, event, self.now)
        told = Told(self.node, event, self.now, answer, event in self.stolen)
        self.node = answer.node
        return told

    def act(self, act: Act) -> Iterator[Told]:
        match act:
            case Talk():
                yield from self.talk(act)
            case Again():
                if self.updates:
                    yield self.tell(self.updates[act.which % len(self.updates)])
            case _:
                yield self.tell(act)

    def talk(self, talk: Talk) -> Iterator[Told]:
        """With `steals_from` the home test goes to another node's address, and the update lies about it."""
        fetched: list[Test] = []
        for init, source in ((HomeTestInit(bytes(8)), talk.home), (CareOfTestInit(bytes(8)), talk.care_of)):
            told = self.tell(Heard(init, source, OWN))
            yield told
            said = [effect.message for effect in told.answer.effects if isinstance(effect, Say)]
            fetched += [message for message in said if isinstance(message, HomeTest | CareOfTest)]
        self.now += talk.late
        update = self.signed(talk, fetched[0], fetched[1])
        self.updates.append(update)
        if talk.steals_from not in (None, talk.home):
            self.stolen.append(update)
        yield self.tell(update)

    def signed(self, talk: Talk, home_test: Test, care_of_test: Test) -> Heard:
        home = talk.steals_from or talk.home
        number = (self.counters.get(home, 65_530) + talk.ahead) % 65_536
        self.counters[home] = number
        care_of = home if talk.at_home else talk.care_of
        deletes = care_of == home or talk.lifetime == 0
        indices = NonceIndices(home_test.nonce_index, care_of_test.nonce_index)
        update = BindingUpdate(number, True, lifetime=talk.lifetime, options=(indices,))
        tokens = (home_test.keygen_token, *(() if deletes else (care_of_test.keygen_token,)))
        covered = home if deletes else care_of
        signed = authorised(update, binding_management_key(*tokens), covered, OWN)
        return Heard(signed, home, OWN, None if talk.at_home else care_of)


def told_in(node: CorrespondentNode, history: list[tuple[int, Act]]) -> Iterator[Told]:
    """Yield everything that a correspondent node is told in a history."""
    run = Run(node)
    for pause, act in history:
        run.now += pause
        yield from run.act(act)
