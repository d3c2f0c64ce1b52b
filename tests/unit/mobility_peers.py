"""A mobile node's side of the talk with correspondent node and home agent, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.correspondent_node import step
from xfrmspec.mipv6.correspondent_settings import (
    CorrespondentNode,
    CorrespondentSettings,
    new_correspondent_node,
)
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.home_agent import step as agent_step
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings, HomePrefix
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec_terms.daemon import Heard, Probed, Say, Uniqueness
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    NonceIndices,
)

HOME, ELSE_HOME = IPv6Address("2001:db8:1::1234"), IPv6Address("2001:db8:1::5678")
CARE_A, CARE_B = IPv6Address("2001:db8:a::5"), IPv6Address("2001:db8:b::5")
CORRESPONDENT, AGENT = IPv6Address("2001:db8:c::2"), IPv6Address("2001:db8:1::1")
HOME_LINK = HomePrefix(IPv6Network("2001:db8:1::/64"))
COOKIE = b"cookie 1"
BY_THE_CLAUSES = CorrespondentSettings()
HOME_AGENT = HomeAgentSettings((HOME_LINK,))


def without(*defences: Defence) -> frozenset[Defence]:
    return EVERY_DEFENCE - set(defences)


def correspondent(settings: CorrespondentSettings = BY_THE_CLAUSES) -> CorrespondentNode:
    return new_correspondent_node(Entropy(b"correspondent"), settings)


def agent(settings: HomeAgentSettings = HOME_AGENT) -> HomeAgent:
    return HomeAgent(settings)


@dataclass(frozen=True)
class Tokens:
    """The two tests that a mobile node got."""

    home: HomeTest
    care_of: CareOfTest


@dataclass(frozen=True)
class Wish:
    """The binding update that a mobile node wants to send."""

    sequence: int = 1
    lifetime: int = 200
    home: IPv6Address = HOME
    care_of: IPv6Address = CARE_A
    at_home: bool = False
    acknowledge: bool = True
    alternate: IPv6Address | None = None
    proven_by: tuple[str, ...] = ("home", "care_of")
    flags: dict[str, bool] = field(default_factory=dict)

    @property
    def bound_address(self) -> IPv6Address:
        return self.alternate or (self.home if self.at_home else self.care_of)

    @property
    def deletes(self) -> bool:
        return self.lifetime == 0 or self.bound_address == self.home


def said(answer: Answer[CorrespondentNode] | Answer[HomeAgent]) -> Say:
    (only,) = [effect for effect in answer.effects if isinstance(effect, Say)]
    return only


def status_of(answer: Answer[CorrespondentNode] | Answer[HomeAgent]) -> int:
    message = said(answer).message
    assert isinstance(message, BindingAcknowledgement)
    return int(message.status)


def message_heard(message: MobilityMessage, source: IPv6Address, care_of: IPv6Address | None = None) -> Heard:
    return Heard(message, source, CORRESPONDENT, care_of)


def both_tests(
    node: CorrespondentNode, now: int, home: IPv6Address = HOME, care_of: IPv6Address = CARE_A
) -> tuple[CorrespondentNode, Tokens]:
    """Run both tests; what comes back is given to the mobile node whatever address it went to."""
    first = step(node, message_heard(HomeTestInit(COOKIE), home), now)
    second = step(first.node, message_heard(CareOfTestInit(COOKIE), care_of), now)
    home_test, care_of_test = said(first).message, said(second).message
    assert isinstance(home_test, HomeTest)
    assert isinstance(care_of_test, CareOfTest)
    return second.node, Tokens(home_test, care_of_test)


def update_heard(tokens: Tokens, wish: Wish) -> Heard:
    """Return a signed update; of two tokens a deletion is signed with that of the home address alone."""
    indices = NonceIndices(tokens.home.nonce_index, tokens.care_of.nonce_index)
    alternate = () if wish.alternate is None else (AlternateCareOfAddress(wish.alternate),)
    update = BindingUpdate(
        wish.sequence,
        wish.acknowledge,
        lifetime=wish.lifetime,
        options=(*alternate, indices),
        **wish.flags,
    )
    by = wish.proven_by[:1] if wish.deletes else wish.proven_by
    key = binding_management_key(*(getattr(tokens, name).keygen_token for name in by))
    covered = wish.home if wish.deletes else wish.bound_address
    signed = authorised(update, key, covered, CORRESPONDENT)
    return message_heard(signed, wish.home, None if wish.at_home else wish.care_of)


def updated(node: CorrespondentNode, now: int, wish: Wish = Wish()) -> Answer[CorrespondentNode]:
    """Run both tests and send the update, all at one moment."""
    ready, tokens = both_tests(node, now, wish.home, wish.bound_address)
    return step(ready, update_heard(tokens, wish), now)


def registration_heard(wish: Wish, association: IPv6Address | None = HOME) -> Heard:
    """Return a home registration under an association."""
    alternate = () if wish.alternate is None else (AlternateCareOfAddress(wish.alternate),)
    update = BindingUpdate(
        wish.sequence,
        wish.acknowledge,
        home_registration=True,
        lifetime=wish.lifetime,
        options=alternate,
        **wish.flags,
    )
    return Heard(update, wish.home, AGENT, None if wish.at_home else wish.care_of, association)


def registered(node: HomeAgent, now: int, wish: Wish = Wish()) -> Answer[HomeAgent]:
    """Register a home address that is not registered yet; the probe ends a second later, at `now`."""
    asked = agent_step(node, registration_heard(wish, wish.home), now - 1000)
    return agent_step(asked.node, Probed(wish.home, Uniqueness.UNIQUE), now)


def unprotected(heard: Heard) -> Heard:
    return replace(heard, association=None)
