"""A mobile node on a stage: what it is told, what it says, and the other ends that answer it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.binding_update_list import UpdateEntry
from xfrmspec.mipv6.correspondent_route import Route
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.mobile_node import MobileNode, deadline, step
from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec_terms.daemon import (
    DaemonEffect,
    DaemonEvent,
    Heard,
    Moved,
    Path,
    Say,
    Stage,
    StageKind,
    Step,
    Wanted,
    Woke,
)
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingError,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    MobilityOptions,
)

HOME = IPv6Address("2001:db8:1::1234")
AGENT = IPv6Address("2001:db8:1::1")
PEER = IPv6Address("2001:db8:c::2")
OTHER = IPv6Address("2001:db8:c::3")
ON_A = IPv6Address("2001:db8:a::ff:fe00:505")
ON_B = IPv6Address("2001:db8:b::ff:fe00:505")
SETTINGS = MobileSettings(HOME, AGENT)
HOME_TOKEN, CARE_OF_TOKEN = b"\x5aHm#tok1", b"\x5aCo#tok2"


@dataclass
class Scene:
    """One mobile node, the time in milliseconds, and everything said, staged and taken so far."""

    settings: MobileSettings = SETTINGS
    now: int = 0
    node: MobileNode = field(init=False)
    effects: list[DaemonEffect] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    sent: list[tuple[int, Say]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.node = MobileNode(self.settings, Entropy(b"seed"))

    @property
    def state(self) -> str:
        return self.node.registration.state

    def route(self, peer: IPv6Address = PEER) -> Route:
        return self.node.route_to(peer) or Route(peer)

    def tell(self, event: DaemonEvent) -> list[DaemonEffect]:
        """Tell the node one event now and return what it does."""
        answer = step(self.node, event, self.now)
        self.node = answer.node
        self.effects += answer.effects
        self.steps += answer.steps
        self.sent += [(self.now, effect) for effect in answer.effects if isinstance(effect, Say)]
        wakes = deadline(self.node)
        assert wakes is None or wakes > self.now
        return list(answer.effects)

    def wait(self, milliseconds: int) -> list[DaemonEffect]:
        """Let time pass, waking the node at each of its deadlines."""
        done: list[DaemonEffect] = []
        end = self.now + milliseconds
        while (due := deadline(self.node)) is not None and due <= end:
            self.now = due
            done += self.tell(Woke())
        self.now = end
        return done

    def said(self, kind: type[MobilityMessage], to: IPv6Address | None = None) -> list[Say]:
        """Return every message of a kind that was sent, oldest first."""
        found = [say for _, say in self.sent if isinstance(say.message, kind)]
        return [say for say in found if to is None or say.destination == to]

    def times(self, kind: type[MobilityMessage], to: IPv6Address) -> list[int]:
        """Return when messages of a kind were sent to a destination."""
        return [at for at, say in self.sent if isinstance(say.message, kind) and say.destination == to]

    def stages(self, peer: IPv6Address) -> list[StageKind]:
        """Return the kinds of the stages for a peer, in order."""
        return [effect.kind for effect in self.effects if isinstance(effect, Stage) and effect.peer == peer]

    def last_update(self, to: IPv6Address) -> BindingUpdate:
        message = self.said(BindingUpdate, to)[-1].message
        assert isinstance(message, BindingUpdate)
        return message

    def agent_says(
        self,
        status: int = 0,
        lifetime: int | None = None,
        sequence: int | None = None,
        options: MobilityOptions = (),
    ) -> list[DaemonEffect]:
        """Let the home agent acknowledge the last update."""
        update = self.last_update(AGENT)
        message = BindingAcknowledgement(
            status,
            sequence=update.sequence if sequence is None else sequence,
            lifetime=update.lifetime if lifetime is None else lifetime,
            options=options,
        )
        return self.tell(Heard(message, AGENT, HOME, association=HOME))

    def peer_acknowledges(
        self,
        status: int = 0,
        lifetime: int | None = None,
        sequence: int | None = None,
        peer: IPv6Address = PEER,
    ) -> list[DaemonEffect]:
        """Let a correspondent node acknowledge the last update, signed as the tokens of this scene allow."""
        update = self.last_update(peer)
        message = BindingAcknowledgement(
            status,
            sequence=update.sequence if sequence is None else sequence,
            lifetime=update.lifetime if lifetime is None else lifetime,
        )
        return self.tell(Heard(self.signed(message, peer), peer, HOME))

    def signed(self, message: BindingAcknowledgement, peer: IPv6Address = PEER) -> BindingAcknowledgement:
        care_of = self.said(BindingUpdate, peer)[-1].care_of
        key = binding_management_key(HOME_TOKEN, CARE_OF_TOKEN if care_of else None)
        return authorised(message, key, care_of or HOME, peer)

    def home_test(self, peer: IPv6Address = PEER, index: int = 7) -> list[DaemonEffect]:
        """Let a peer answer the last home test init, on the path by which it came."""
        asked = self.said(HomeTestInit, peer)[-1]
        assert isinstance(asked.message, HomeTestInit)
        return self.tell(
            Heard(HomeTest(index, asked.message.cookie, HOME_TOKEN), peer, HOME, path=asked.path)
        )

    def care_of_test(self, peer: IPv6Address = PEER, index: int = 8) -> list[DaemonEffect]:
        """Let a peer answer the last care-of test init."""
        asked = self.said(CareOfTestInit, peer)[-1]
        assert isinstance(asked.message, CareOfTestInit)
        return self.tell(Heard(CareOfTest(index, asked.message.cookie, CARE_OF_TOKEN), peer, asked.source))

    def complains(
        self, status: int, source: IPv6Address = PEER, home: IPv6Address = HOME
    ) -> list[DaemonEffect]:
        """Let someone send a binding error to the care-of address."""
        care_of = self.node.registration.care_of or HOME
        return self.tell(Heard(BindingError(status, home), source, care_of))

    def register(self, care_of: IPv6Address = ON_A) -> None:
        """Move and be acknowledged."""
        self.tell(Moved(care_of))
        self.agent_says()

    def test(self) -> None:
        """Register, and begin tests with the peer."""
        self.register()
        self.tell(Wanted(PEER))

    def bind(self) -> None:
        """Go as far as the update to the peer."""
        self.test()
        self.home_test()
        self.care_of_test()

    def optimise(self) -> None:
        """Go as far as the optimised route."""
        self.bind()
        self.peer_acknowledges()

    def number_from(self, sequence: int) -> None:
        """Let the node have sent this number last, to its home agent."""
        entry: UpdateEntry = replace(self.node.registration.entry, sequence=sequence)
        self.node = replace(self.node, registration=replace(self.node.registration, entry=entry))


def scene(**settings: int) -> Scene:
    """Return a scene whose node differs in some numbers."""
    return Scene(replace(SETTINGS, **settings))  # type: ignore[arg-type]


__all__ = ["BindingStatus", "Path"]
