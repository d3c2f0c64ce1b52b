"""A mobile node and its home agent in the reference, with a network that a witness decides about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Network

from xfrmspec.mipv6 import home_agent, mobile_node
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings, HomePrefix, registration_of
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec_model.mobility_pair import PairHappening
from xfrmspec_proofs.mobility import HOME
from xfrmspec_proofs.mobility_replay import OWN, address_of
from xfrmspec_terms.daemon import CameHome, DaemonEvent, Heard, Moved, Probed, Say, Uniqueness, Woke
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingAcknowledgement, BindingUpdate

_SEED = b"mobile"


@dataclass(frozen=True, slots=True)
class PairHappened:
    """An event of a trace: of SENT and ARRIVED the number of the update, of SENT its care-of address."""

    kind: int
    at: int
    count: int = 0
    care_of: int = 0


class NotReplayedError(ValueError):
    """The reference did not send what a trace says."""


@dataclass(slots=True)
class MobileRun:
    """A mobile node of the reference; `sent` are its messages with their moments."""

    defences: frozenset[Defence]
    node: MobileNode = field(init=False)
    sent: list[tuple[int, Say]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin at home."""
        settings = MobileSettings(address_of(HOME), OWN, self.defences)
        self.node = MobileNode(settings, Entropy(_SEED))

    def step(self, event: DaemonEvent, at: int) -> list[Say]:
        """Tell the node something, and return the messages that it sends."""
        answer = mobile_node.step(self.node, event, at)
        self.node = answer.node
        said = [effect for effect in answer.effects if isinstance(effect, Say)]
        self.sent += [(at, say) for say in said]
        return said

    def go(self, care_of: int, at: int) -> list[Say]:
        """Let the node move to a care-of address, or come home."""
        return self.step(CameHome() if care_of == HOME else Moved(address_of(care_of)), at)

    def wait(self, until: int) -> None:
        """Let the node do what is due until a moment."""
        due = mobile_node.deadline(self.node)
        while due is not None and due <= until:
            self.step(Woke(), due)
            due = mobile_node.deadline(self.node)

    def updates(self) -> list[tuple[int, BindingUpdate]]:
        """Return the binding updates that were sent, with their moments."""
        return [(at, say.message) for at, say in self.sent if isinstance(say.message, BindingUpdate)]


@dataclass(slots=True)
class PairRun:
    """Both ends, the updates that were sent by number, and the home agent's yes to each."""

    limit: int
    defences: frozenset[Defence]
    mobile: MobileRun = field(init=False)
    agent: HomeAgent = field(init=False)
    updates: dict[int, Say] = field(default_factory=dict)
    answers: dict[int, Heard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with both ends new."""
        self.mobile = MobileRun(self.defences)
        prefix = HomePrefix(IPv6Network((address_of(HOME), 64), strict=False))
        self.agent = HomeAgent(HomeAgentSettings((prefix,), limit=self.limit, defences=self.defences))

    def run(self, events: Sequence[PairHappened]) -> PairRun:
        """Let events happen one after the other; NotReplayedError if another update is sent."""
        for event in events:
            self._happen(event)
        return self

    def agree(self) -> bool:
        """Tell whether the agent holds what the mobile node counts as acknowledged, unless it waits."""
        registration = self.mobile.node.registration
        entry, binding = registration.entry, registration_of(self.agent, address_of(HOME))
        if entry.awaited or entry.acknowledged_until is None:
            return True
        same_place = binding is not None and binding.care_of == registration.care_of
        ends = binding.ends_at if binding is not None else None
        return same_place and (ends is None or ends >= entry.acknowledged_until)

    def _happen(self, event: PairHappened) -> None:
        match event.kind:
            case PairHappening.SENT:
                said = self.mobile.go(event.care_of, event.at)
                numbers = [say.message.sequence for say in said if isinstance(say.message, BindingUpdate)]
                if numbers != [event.count]:
                    raise NotReplayedError(f"{numbers} instead of {event.count}")
                self.updates[event.count] = said[0]
            case PairHappening.ARRIVED:
                say = self.updates[event.count]
                heard = Heard(say.message, say.source, say.destination, say.care_of, address_of(HOME))
                self._at_agent(heard, event.at)
            case PairHappening.UNIQUE | PairHappening.DUPLICATE:
                unique = event.kind == PairHappening.UNIQUE
                found = Uniqueness.UNIQUE if unique else Uniqueness.DUPLICATE
                self._at_agent(Probed(address_of(HOME), found), event.at)
            case PairHappening.ANSWERED:
                answer = self.answers.get(max(self.updates, default=0))
                if answer is not None:
                    self.mobile.step(answer, event.at)
            case _:
                self.mobile.wait(event.at)
                self._at_agent(Woke(), event.at)

    def _at_agent(self, event: DaemonEvent, at: int) -> None:
        answer = home_agent.step(self.agent, event, at)
        self.agent = answer.node
        for effect in answer.effects:
            if not isinstance(effect, Say) or not isinstance(effect.message, BindingAcknowledgement):
                continue
            if int(effect.message.status) == 0:
                heard = Heard(effect.message, effect.source, effect.destination, None, address_of(HOME))
                self.answers[effect.message.sequence] = heard
