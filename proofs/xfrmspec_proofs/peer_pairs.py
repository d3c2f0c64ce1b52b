"""A mobile node and a correspondent node in the reference, with a network that a witness decides about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xfrmspec.mipv6 import correspondent_node
from xfrmspec.mipv6.binding_cache import binding_of
from xfrmspec.mipv6.correspondent_settings import (
    CorrespondentNode,
    CorrespondentSettings,
    new_correspondent_node,
)
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec_model.mobility_pair import PairHappening
from xfrmspec_proofs.mobility import HOME
from xfrmspec_proofs.mobility_replay import OWN, address_of
from xfrmspec_proofs.pairs import MobileRun, NotReplayedError, PairHappened
from xfrmspec_terms.daemon import Heard, Path, Say, Wanted
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingStatus,
    BindingUpdate,
    CareOfTestInit,
    HomeTestInit,
)

_SEED = b"peer"
_PEER = address_of(0xFFFE)
_GRANTED = 900


@dataclass(slots=True)
class PeerPairRun:
    """Both ends, the updates that were sent by number, and the correspondent node's yes to each.

    Tests are answered at once, and so is the home agent; only updates and their answers are in the
    network's hands.
    """

    defences: frozenset[Defence]
    mobile: MobileRun = field(init=False)
    peer: CorrespondentNode = field(init=False)
    updates: dict[int, Say] = field(default_factory=dict)
    answers: dict[int, Heard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with both ends new."""
        self.mobile = MobileRun(self.defences)
        self.peer = new_correspondent_node(Entropy(_SEED), CorrespondentSettings(self.defences))

    def run(self, events: Sequence[PairHappened]) -> PeerPairRun:
        """Let events happen one after the other; NotReplayedError if another update is sent."""
        for event in events:
            match event.kind:
                case PairHappening.SENT:
                    self._move(event)
                case PairHappening.ARRIVED:
                    self._arrive(self.updates[event.count], event.at)
                case PairHappening.ANSWERED:
                    answer = self.answers.get(max(self.updates, default=0))
                    if answer is not None:
                        self.mobile.step(answer, event.at)
        return self

    def agree(self) -> bool:
        """Tell whether the peer holds what the mobile node counts as acknowledged, unless it waits."""
        route = self.mobile.node.route_to(_PEER)
        if route is None or route.entry.awaited or route.entry.acknowledged_until is None:
            return True
        binding = binding_of(self.peer.entries, address_of(HOME))
        if binding is None or binding.care_of != route.entry.bound:
            return False
        return binding.ends_at is None or binding.ends_at >= route.entry.acknowledged_until

    def _move(self, event: PairHappened) -> None:
        """Let the node move, register, want the peer, and be tested, until its update goes."""
        said = self.mobile.go(event.care_of, event.at)
        asked = next(say.message for say in said if isinstance(say.message, BindingUpdate))
        yes = BindingAcknowledgement(BindingStatus.ACCEPTED, sequence=asked.sequence, lifetime=_GRANTED)
        home = address_of(HOME)
        said = self.mobile.step(Heard(yes, OWN, home, None, home), event.at)
        if not self.updates:
            said = self.mobile.step(Wanted(_PEER), event.at)
        told = [say for test in said for say in self._tested(test, event)]
        updates = [say for say in told if isinstance(say.message, BindingUpdate)]
        numbers = [say.message.sequence for say in updates if isinstance(say.message, BindingUpdate)]
        if numbers != [event.count]:
            raise NotReplayedError(f"{numbers} instead of {event.count}")
        self.updates[event.count] = updates[0]

    def _tested(self, test: Say, event: PairHappened) -> list[Say]:
        """Bring a test to the peer and its answer back; return what the mobile node says then."""
        if not isinstance(test.message, HomeTestInit | CareOfTestInit):
            return []
        said: list[Say] = []
        for answer in self._at_peer(Heard(test.message, test.source, _PEER), event.at):
            path = Path.TUNNEL if isinstance(test.message, HomeTestInit) else Path.DIRECT
            heard = Heard(answer.message, _PEER, answer.destination, path=path)
            said += self.mobile.step(heard, event.at)
        return said

    def _arrive(self, update: Say, at: int) -> None:
        heard = Heard(update.message, update.source, _PEER, update.care_of)
        for answer in self._at_peer(heard, at):
            message = answer.message
            if isinstance(message, BindingAcknowledgement) and int(message.status) == 0:
                self.answers[message.sequence] = Heard(message, _PEER, answer.destination)

    def _at_peer(self, heard: Heard, at: int) -> list[Say]:
        answer = correspondent_node.step(self.peer, heard, at)
        self.peer = answer.node
        return [effect for effect in answer.effects if isinstance(effect, Say)]
