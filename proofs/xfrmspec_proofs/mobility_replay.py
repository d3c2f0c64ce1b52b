"""Running the events of a trace through the machines of the executable specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6 import correspondent_node
from xfrmspec.mipv6.binding_cache import Binding, Remembered, entry_of
from xfrmspec.mipv6.correspondent_settings import (
    CorrespondentNode,
    CorrespondentSettings,
    new_correspondent_node,
)
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.nonces import Nonces
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec.wire.mobility import header_of
from xfrmspec_model.mobility_correspondent import Happening
from xfrmspec_model.mobility_keys import TokenKind
from xfrmspec_model.mobility_times import UNIT
from xfrmspec_terms.daemon import DaemonEffect, Heard, Say, Woke
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    NonceIndices,
)

_COOKIE = bytes(8)
_FIXED_OCTETS = 6
_SEED = b"witness"
_GUESS = (0, bytes(8))
"""What somebody without any token signs with."""

Token = tuple[int, int, int]
"""Kind, address and nonce (when it was drawn) of a keygen token."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a trace with plain numbers; the fields are those of the model's `EventTerm`."""

    kind: int
    at: int
    address: int = 0
    number: int = 0
    lifetime: int = 0
    home_nonce: int = 0
    care_of_nonce: int = 0
    attacker: bool = False


def address_of(number: int) -> IPv6Address:
    """Return the address that a small number of the model stands for."""
    return IPv6Address((0x20010DB8 << 96) | (number << 64) | 1)


OWN = address_of(0xFFFF)
"""The address of the node that is asked."""


@dataclass(slots=True)
class CorrespondentRun:
    """A correspondent node of the reference, with the tokens that its tests brought to whom.

    `sees` tells whether the attacker reads what goes to an address at a time, `owned` which addresses are
    the owner's. `values` are other numbers of the witness. `statuses` has one element for each update: the
    status acknowledged, None for silence; `numbers` are those of the updates.
    """

    home: int
    sees: Callable[[int, int], bool]
    owned: frozenset[int]
    defences: frozenset[Defence]
    values: Mapping[str, int] = field(default_factory=dict)
    node: CorrespondentNode = field(init=False)
    tokens: dict[Token, tuple[int, bytes]] = field(default_factory=dict)
    attacker_has: set[Token] = field(default_factory=set)
    statuses: list[int | None] = field(default_factory=list)
    effects: list[DaemonEffect] = field(default_factory=list)
    by_attacker: bool = False
    numbers: list[int] = field(default_factory=list)
    asked: int = 0
    now: int = 0

    def __post_init__(self) -> None:
        """Begin with a new node."""
        settings = CorrespondentSettings(self.defences)
        self.node = new_correspondent_node(Entropy(_SEED), settings)

    def run(self, events: Sequence[Happened]) -> CorrespondentRun:
        """Let events happen one after the other."""
        for event in events:
            self._happen(event)
        return self

    @property
    def entry(self) -> Binding | Remembered | None:
        """Return the entry of the home address."""
        return entry_of(self.node.entries, address_of(self.home))

    @property
    def binding(self) -> Binding | None:
        """Return the binding of the home address."""
        entry = self.entry
        return entry if isinstance(entry, Binding) else None

    @property
    def home_address(self) -> IPv6Address:
        """Return the home address."""
        return address_of(self.home)

    def reads_now(self, address: IPv6Address) -> bool:
        """Tell whether the attacker reads what goes to an address now."""
        return self.sees(int(address) >> 64 & 0xFFFF, self.now)

    @property
    def stolen(self) -> Binding | None:
        """Return the binding of the home address if the attacker made it."""
        return self.binding if self.by_attacker else None

    def _happen(self, event: Happened) -> None:
        self.now = event.at
        match event.kind:
            case Happening.UPDATE:
                self._update(event)
            case Happening.HOME_TEST:
                self._test(event, HomeTestInit(_COOKIE))
            case Happening.CARE_OF_TEST:
                self._test(event, CareOfTestInit(_COOKIE))
            case _:
                self._step(Woke(), event.at)

    def _step(self, event: Heard | Woke, at: int) -> tuple[DaemonEffect, ...]:
        answer = correspondent_node.step(self.node, event, at)
        self.node = answer.node
        self.effects += answer.effects
        return answer.effects

    def _test(self, event: Happened, message: HomeTestInit | CareOfTestInit) -> None:
        for effect in self._step(Heard(message, address_of(event.address), OWN), event.at):
            if not isinstance(effect, Say) or not isinstance(effect.message, HomeTest | CareOfTest):
                continue
            assert effect.destination == address_of(event.address)
            held = self.node.tests
            drawn = held.held[-1].drawn_at if isinstance(held, Nonces) else event.at
            token = (event.kind, event.address, drawn)
            self.tokens[token] = effect.message.nonce_index, effect.message.keygen_token
            if self.sees(event.address, event.at):
                self.attacker_has.add(token)

    def _update(self, event: Happened) -> None:
        update = self._signed(event)
        care_of = None if event.address == self.home else address_of(event.address)
        heard = Heard(update, address_of(self.home), OWN, care_of)
        said = [effect for effect in self._step(heard, event.at) if isinstance(effect, Say)]
        answers = [say.message for say in said if isinstance(say.message, BindingAcknowledgement)]
        status = int(answers[0].status) if answers else None
        self.statuses.append(status)
        self.numbers.append(event.number)
        if status == 0:
            self.by_attacker, self.asked = event.attacker, event.lifetime

    def _signed(self, event: Happened) -> BindingUpdate:
        """Return the update with the best key that its sender can make."""
        update = BindingUpdate(event.number, acknowledge=True, lifetime=event.lifetime // UNIT)
        names = (
            (int(TokenKind.HOME), self.home, event.home_nonce),
            (int(TokenKind.CARE_OF), event.address, event.care_of_nonce),
        )
        home, care_of = (self._known(name, attacker=event.attacker) for name in names)
        deletion = event.lifetime == 0 or event.address == self.home
        shares = [known for known in (home, care_of) if known is not None] or [_GUESS]
        indices = NonceIndices(*(self._index(name) for name in names))
        used = shares[:1] if deletion else shares
        key = binding_management_key(*(token for _, token in used))
        covered = address_of(self.home if deletion else event.address)
        return authorised(replace(update, options=(indices,)), key, covered, OWN)

    def _known(self, name: Token, *, attacker: bool) -> tuple[int, bytes] | None:
        reads = name in self.attacker_has if attacker else name[1] in self.owned
        return self.tokens.get(name) if reads else None

    def _index(self, name: Token) -> int:
        """Return the index of a nonce; of one that nobody asked for, that of the newest."""
        made = {drawn: index for (_, _, drawn), (index, _) in self.tokens.items()}
        return made.get(name[2], max(made.values(), default=0))


def answers_to_test(
    source: int, wire_source: int | None, defences: frozenset[Defence]
) -> list[tuple[int, int]]:
    """Return where the answers to a home test init go, and how many octets their mobility headers have."""
    node = new_correspondent_node(Entropy(_SEED), CorrespondentSettings(defences))
    wire = None if wire_source is None else address_of(wire_source)
    heard = Heard(HomeTestInit(_COOKIE), address_of(source), OWN, wire)
    said = [effect for effect in correspondent_node.step(node, heard, 0).effects if isinstance(effect, Say)]
    return [(int(say.destination) >> 64 & 0xFFFF, octets_of(say.message)) for say in said]


def octets_of(message: MobilityMessage) -> int:
    """Return how many octets the mobility header of a message has."""
    return _FIXED_OCTETS + len(header_of(message).data)


def peer_bindings(edges: Sequence[tuple[int, int]], defences: frozenset[Defence]) -> dict[int, int]:
    """Return what a correspondent node binds when every edge is asked for by who reads everything.

    An edge is a home address and a care-of address; so is the answer.
    """
    owned = frozenset(address for edge in edges for address in edge)
    run = CorrespondentRun(0, lambda place, at: False, owned, defences)
    for at, (home, care_of) in enumerate(edges):
        run.home = home
        tests = [Happened(Happening.HOME_TEST, at, home), Happened(Happening.CARE_OF_TEST, at, care_of)]
        run.run([*tests, Happened(Happening.UPDATE, at, care_of, at, UNIT)])
    bindings = [entry for entry in run.node.entries if isinstance(entry, Binding)]
    return {number_of(binding.home_address): number_of(binding.care_of) for binding in bindings}


def number_of(address: IPv6Address) -> int:
    """Return the small number that an address stands for."""
    return int(address) >> 64 & 0xFFFF
