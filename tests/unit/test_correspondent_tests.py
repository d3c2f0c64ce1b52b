"""Tests, mistakes and reports at a correspondent node: what is answered, where to, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from mobility_peers import (
    CARE_A,
    CARE_B,
    COOKIE,
    CORRESPONDENT,
    ELSE_HOME,
    HOME,
    Wish,
    both_tests,
    correspondent,
    message_heard,
    said,
    update_heard,
    updated,
    without,
)

from xfrmspec.mipv6.correspondent_node import step
from xfrmspec.mipv6.correspondent_settings import CorrespondentSettings
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.kept_tests import MOST_KEPT_TESTS, KeptTests
from xfrmspec.mipv6.nonces import Nonces, with_current
from xfrmspec.mipv6.tokens import TokenKind, keygen_token
from xfrmspec.wire.mobility import header_of
from xfrmspec_terms.daemon import Heard, Moved, Path, Probed, Say, Unbound, Uniqueness, Woke
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_binding_update import DROPPED, PASSED_OVER
from xfrmspec_terms.mobility import (
    UNSPECIFIED,
    BindingAcknowledgement,
    BindingError,
    BindingErrorStatus,
    BindingRefreshRequest,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessage,
    UnknownMessage,
)

INITS: tuple[MobilityMessage, ...] = (HomeTestInit(COOKIE), CareOfTestInit(COOKIE))
OF_2004 = CorrespondentSettings(without(Defence.STATELESS))


@pytest.mark.clause("XFRM-CN-001", "XFRM-CN-004", "XFRM-CN-005", "XFRM-CN-009")
@pytest.mark.parametrize("path", Path)
def test_a_test_is_answered_once_at_its_source_by_the_path_it_came(path: Path) -> None:
    node = correspondent()
    nonce = with_current(Nonces(), node.entropy, 0)[1]
    for init, kind in zip(INITS, TokenKind, strict=True):
        (only,) = step(node, replace(message_heard(init, HOME), path=path), 0).effects
        token = keygen_token(node.node_key, HOME, nonce.octets, kind)
        answer = HomeTest(0, COOKIE, token) if kind is TokenKind.HOME else CareOfTest(0, COOKIE, token)
        assert only == Say(answer, CORRESPONDENT, HOME, path=path)
    assert len(node.node_key) == 20
    assert correspondent().node_key == node.node_key


@pytest.mark.clause("XFRM-CN-004", "XFRM-CN-028")
def test_a_home_test_does_not_follow_the_binding() -> None:
    node = updated(correspondent(), 0).node
    assert said(step(node, message_heard(INITS[0], HOME), 1)).routed_by is None


@pytest.mark.clause("XFRM-CN-008")
@pytest.mark.parametrize("init", INITS, ids=lambda init: type(init).__name__)
def test_an_answer_is_at_most_eight_octets_longer(init: MobilityMessage) -> None:
    answer = said(step(correspondent(), message_heard(init, HOME), 0)).message
    assert len(header_of(answer).data) - len(header_of(init).data) == 8


@pytest.mark.clause("XFRM-CN-006")
@pytest.mark.parametrize("init", INITS, ids=lambda init: type(init).__name__)
def test_a_test_with_a_home_address_option_is_dropped_and_answered_twice_without_the_defence(
    init: MobilityMessage,
) -> None:
    heard = message_heard(init, HOME, CARE_A)
    dropped = step(correspondent(), heard, 0)
    assert (dropped.effects, dropped.steps[-1].target) == ((), DROPPED)
    assert dropped.node == correspondent()
    doubled = step(correspondent(CorrespondentSettings(without(Defence.ONE_REPLY))), heard, 0)
    assert [effect.destination for effect in doubled.effects if isinstance(effect, Say)] == [HOME, CARE_A]


@pytest.mark.clause("XFRM-CN-010")
@pytest.mark.parametrize("bad", ["::", "::1", "ff02::1", "fe80::1"])
def test_a_source_that_cannot_be_answered_is_not(bad: str) -> None:
    address = IPv6Address(bad)
    for event in (
        message_heard(INITS[0], address),
        message_heard(UnknownMessage(77), address),
        message_heard(UnknownMessage(77), HOME, address),
        message_heard(BindingUpdate(1, home_registration=True, lifetime=1), HOME, address),
        Unbound(address, HOME, CORRESPONDENT),
    ):
        answer = step(correspondent(), event, 0)
        assert (answer.effects, answer.steps[-1].clause) == ((), "XFRM-CN-010")


@pytest.mark.clause("XFRM-CN-002", "XFRM-CN-007")
def test_tests_change_nothing_but_nonces() -> None:
    node = correspondent()
    for now in range(0, 600_000, 1_000):
        source = HOME + now
        answer = step(node, message_heard(INITS[now % 2], source), now)
        assert replace(answer.node, tests=node.tests, entropy=node.entropy) == node
        if node.tests.current(now) is not None:  # type: ignore[union-attr]
            assert answer.node == node
        node = answer.node
        assert isinstance(node.tests, Nonces)
        assert len(node.tests.held) <= 8


@pytest.mark.clause("XFRM-CN-002", "XFRM-CN-003")
def test_a_nonce_is_current_for_30_s_and_valid_for_240_s_from_its_drawing() -> None:
    nonces, first, entropy = with_current(Nonces(), Entropy(b"nonces"), 1000)
    assert with_current(nonces, entropy, 30_999) == (nonces, first, entropy)
    later, second, _ = with_current(nonces, entropy, 31_000)
    assert (first.index, second.index) == (0, 1)
    assert first.octets != second.octets
    assert len(first.octets) == 8
    assert (later.named(0, 240_999), later.named(0, 241_000)) == (first, None)
    assert (later.named(1, 241_000), later.named(2, 241_000)) == (second, None)


@pytest.mark.clause("XFRM-CN-003")
def test_indices_go_round() -> None:
    last = Nonces(next_index=0xFFFF)
    nonces, first, entropy = with_current(last, Entropy(b"nonces"), 0)
    assert (first.index, with_current(nonces, entropy, 30_000)[1].index) == (0xFFFF, 0)


@pytest.mark.clause("XFRM-CN-002")
def test_without_lifetimes_the_first_nonce_stays() -> None:
    nonces, first, entropy = with_current(Nonces(endless=True), Entropy(b"nonces"), 0)
    assert with_current(nonces, entropy, 10**9)[1] == first
    assert nonces.named(0, 10**9) == first


@pytest.mark.clause("XFRM-CN-011")
def test_the_same_nonce_makes_other_tokens_for_other_addresses_and_the_other_kind() -> None:
    node = correspondent()
    tokens = []
    for init in INITS:
        for source in (HOME, ELSE_HOME, CARE_A):
            answer = said(step(node, message_heard(init, source), 0)).message
            assert isinstance(answer, HomeTest | CareOfTest)
            tokens.append(answer.keygen_token)
    assert len(set(tokens)) == 6


@pytest.mark.clause("XFRM-CN-007")
def test_the_node_of_2004_keeps_each_test_and_shuts_others_out_when_it_is_full() -> None:
    node = correspondent(OF_2004)
    for number in range(MOST_KEPT_TESTS):
        node = step(node, message_heard(CareOfTestInit(COOKIE), CARE_B + number), 1).node
    assert isinstance(node.tests, KeptTests)
    assert [test.index for test in node.tests.tests] == list(range(MOST_KEPT_TESTS))
    shut_out = step(node, message_heard(INITS[0], HOME), 240_000)
    assert (shut_out.node, shut_out.effects, shut_out.steps[-1].target) == (node, (), DROPPED)
    ready, tokens = both_tests(node, 240_001)
    assert isinstance(ready.tests, KeptTests)
    assert len(ready.tests.tests) == 2
    assert said(step(ready, update_heard(tokens, Wish()), 240_002)).routed_by == CARE_A


@pytest.mark.clause("XFRM-CN-007")
def test_a_kept_test_answers_for_its_own_kind_and_address_only() -> None:
    node, tokens = both_tests(correspondent(OF_2004), 0)
    assert isinstance(node.tests, KeptTests)
    home, care_of = tokens.home.nonce_index, tokens.care_of.nonce_index
    named = node.tests.named(TokenKind.HOME, HOME, home, 1)
    assert named is not None and named.token == tokens.home.keygen_token
    assert node.tests.named(TokenKind.CARE_OF, HOME, home, 1) is None
    assert node.tests.named(TokenKind.HOME, ELSE_HOME, home, 1) is None
    assert node.tests.named(TokenKind.HOME, HOME, care_of, 1) is None
    assert node.tests.named(TokenKind.HOME, HOME, home, 240_000) is None


@pytest.mark.clause("XFRM-CN-032")
def test_a_home_address_option_without_a_binding_is_complained_about() -> None:
    report = Unbound(CARE_A, HOME, CORRESPONDENT)
    error = BindingError(BindingErrorStatus.UNKNOWN_BINDING, HOME)
    assert step(correspondent(), report, 0).effects == (Say(error, CORRESPONDENT, CARE_A),)
    bound = updated(correspondent(), 0).node
    assert step(bound, report, 1).effects == ()
    assert said(step(bound, replace(report, source=CARE_B), 1)).destination == CARE_B
    unasked = correspondent(CorrespondentSettings(without(Defence.HOME_ADDRESS_OPTION)))
    assert step(unasked, report, 0).effects == ()


@pytest.mark.clause("XFRM-CN-033")
@pytest.mark.parametrize(("care_of", "named", "to"), [(None, UNSPECIFIED, HOME), (CARE_A, HOME, CARE_A)])
def test_an_unknown_type_is_complained_about(
    care_of: IPv6Address | None, named: IPv6Address, to: IPv6Address
) -> None:
    heard = Heard(UnknownMessage(77), HOME, CORRESPONDENT, care_of, path=Path.TUNNEL)
    error = BindingError(BindingErrorStatus.UNRECOGNIZED_MESSAGE_TYPE, named)
    assert step(correspondent(), heard, 0).effects == (Say(error, CORRESPONDENT, to, path=Path.TUNNEL),)


@pytest.mark.clause("XFRM-CN-034")
def test_binding_errors_keep_a_tenth_of_a_second_between_them() -> None:
    unknown = message_heard(UnknownMessage(77), HOME)
    node = step(correspondent(), unknown, 0).node
    early = step(node, Unbound(CARE_A, HOME, CORRESPONDENT), 99)
    assert (early.effects, early.node) == ((), node)
    assert step(early.node, unknown, 100).effects != ()
    hasty = correspondent(CorrespondentSettings(without(Defence.RATE)))
    assert step(step(hasty, unknown, 0).node, unknown, 1).effects != ()


@pytest.mark.clause("XFRM-CN-035")
def test_what_is_for_other_roles_is_passed_over() -> None:
    node = updated(correspondent(), 0).node
    for message in (
        HomeTest(0, COOKIE, COOKIE),
        CareOfTest(0, COOKIE, COOKIE),
        BindingAcknowledgement(0),
        BindingError(1),
        BindingRefreshRequest(),
    ):
        answer = step(node, message_heard(message, HOME), 1)
        assert (answer.node, answer.effects, answer.steps[-1].target) == (node, (), PASSED_OVER)
    for event in (Moved(CARE_A), Woke(), Probed(HOME, Uniqueness.UNIQUE)):
        answer = step(node, event, 1)
        assert (answer.node, answer.effects, answer.steps[-1].clause) == (node, (), "XFRM-CN-035")
