"""Binding updates at a correspondent node: what is believed, and what is refused with which status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv6Address

import pytest
from mobility_peers import (
    CARE_A,
    CARE_B,
    CORRESPONDENT,
    ELSE_HOME,
    HOME,
    Tokens,
    Wish,
    both_tests,
    correspondent,
    message_heard,
    said,
    status_of,
    update_heard,
    updated,
    without,
)

from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import Binding, Remembered
from xfrmspec.mipv6.correspondent_node import step
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode, CorrespondentSettings, Willingness
from xfrmspec.mipv6.sequence import is_ahead
from xfrmspec.mipv6.tokens import binding_management_key, is_authentic
from xfrmspec.wire.mobility import header_of, message_of, with_padding
from xfrmspec_terms.daemon import Heard, Path, Role, Stage, StageKind
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import MobilityHeader
from xfrmspec_terms.machines_binding_update import DROPPED
from xfrmspec_terms.machines_correspondent import CORRESPONDENT_UPDATE
from xfrmspec_terms.mobility import (
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingUpdate,
    MobilityOption,
    NonceIndices,
)


def only_entry(answer: Answer[CorrespondentNode]) -> Binding | Remembered:
    (entry,) = answer.node.entries
    return entry


def binding(answer: Answer[CorrespondentNode]) -> Binding:
    entry = only_entry(answer)
    assert isinstance(entry, Binding)
    return entry


def acknowledgement(answer: Answer[CorrespondentNode]) -> BindingAcknowledgement:
    message = said(answer).message
    assert isinstance(message, BindingAcknowledgement)
    return message


def sent(node: CorrespondentNode, wish: Wish, now: int = 0) -> Answer[CorrespondentNode]:
    return updated(node, now, wish)


def forged(settings: CorrespondentSettings, wish: Wish) -> Answer[CorrespondentNode]:
    """Send an update with tokens that were fetched for HOME and CARE_A, whatever it wishes."""
    ready, tokens = both_tests(correspondent(settings), 0)
    return step(ready, update_heard(tokens, wish), 0)


def with_options(heard: Heard, keep: Callable[[MobilityOption], bool]) -> Heard:
    update = heard.message
    assert isinstance(update, BindingUpdate)
    return replace(heard, message=replace(update, options=tuple(filter(keep, update.options))))


def is_signed(answer: Answer[CorrespondentNode], tokens: Tokens, covered: IPv6Address, deletes: bool) -> bool:
    home, care_of = tokens.home.keygen_token, tokens.care_of.keygen_token
    key = binding_management_key(home, None if deletes else care_of)
    return is_authentic(header_of(acknowledgement(answer)), key, covered, CORRESPONDENT)


@pytest.mark.clause("XFRM-CN-023", "XFRM-CN-024", "XFRM-CN-027", "XFRM-CN-028", "XFRM-CN-029")
def test_a_proven_update_is_bound_and_acknowledged_by_way_of_the_care_of_address() -> None:
    ready, tokens = both_tests(correspondent(), 1000)
    answer = step(ready, update_heard(tokens, Wish(sequence=7)), 5000)
    assert binding(answer) == Binding(HOME, CARE_A, CORRESPONDENT, 7, 5000, 420_000, 425_000)
    stage = Stage(StageKind.BOUND, Role.CORRESPONDENT_NODE, HOME, HOME, CARE_A, None, CORRESPONDENT)
    assert answer.effects == (stage, said(answer))
    assert replace(acknowledgement(answer), options=()) == BindingAcknowledgement(0, False, 7, 105)
    assert is_signed(answer, tokens, CARE_A, deletes=False)
    assert (said(answer).source, said(answer).destination) == (CORRESPONDENT, HOME)
    assert said(answer).routed_by == CARE_A


@pytest.mark.clause("XFRM-CN-023", "XFRM-CN-036")
@pytest.mark.parametrize(("units", "granted"), [(1, 4_000), (105, 420_000), (106, 420_000), (65535, 420_000)])
def test_what_is_granted_is_never_more_than_asked_and_never_more_than_420_s(units: int, granted: int) -> None:
    answer = sent(correspondent(), Wish(lifetime=units))
    assert (binding(answer).granted, acknowledgement(answer).lifetime) == (granted, granted // 4000)
    endless = correspondent(CorrespondentSettings(without(Defence.LIFETIMES)))
    assert binding(sent(endless, Wish(lifetime=units))).granted == units * 4000


@pytest.mark.clause("XFRM-CN-024")
def test_only_another_care_of_address_is_told_to_the_kernel() -> None:
    node = sent(correspondent(), Wish()).node
    assert [e for e in sent(node, Wish(2)).effects if isinstance(e, Stage)] == []
    (stage,) = [e for e in sent(node, Wish(2, care_of=CARE_B)).effects if isinstance(e, Stage)]
    assert (stage.kind, stage.care_of, stage.previous) == (StageKind.REBOUND, CARE_B, CARE_A)


@pytest.mark.clause("XFRM-CN-012")
def test_the_alternate_care_of_address_is_bound_and_the_answer_goes_to_the_wire_source() -> None:
    answer = sent(correspondent(), Wish(alternate=CARE_B))
    assert (binding(answer).care_of, said(answer).routed_by) == (CARE_B, CARE_A)


@pytest.mark.clause("XFRM-CN-013", "XFRM-CN-025", "XFRM-CN-028")
@pytest.mark.parametrize(
    ("wish", "routed_by"),
    [
        (Wish(2, lifetime=0), CARE_A),
        (Wish(2, at_home=True), None),
        (Wish(2, lifetime=0, at_home=True), None),
        (Wish(2, alternate=HOME), CARE_A),
    ],
)
def test_lifetime_zero_or_the_home_address_ends_the_binding(
    wish: Wish, routed_by: IPv6Address | None
) -> None:
    node = sent(correspondent(), Wish()).node
    ready, tokens = both_tests(node, 9)
    answer = step(ready, update_heard(tokens, wish), 9)
    assert only_entry(answer) == Remembered(HOME, 2, 9)
    (stage,) = [e for e in answer.effects if isinstance(e, Stage)]
    assert (stage.kind, stage.care_of) == (StageKind.RELEASED, CARE_A)
    assert replace(acknowledgement(answer), options=()) == BindingAcknowledgement(0, False, 2, 0)
    assert is_signed(answer, tokens, HOME, deletes=True)
    assert said(answer).routed_by == routed_by


@pytest.mark.clause("XFRM-CN-025")
def test_a_deletion_without_a_binding_is_remembered_and_tells_the_kernel_nothing() -> None:
    answer = sent(correspondent(), Wish(5, lifetime=0))
    assert only_entry(answer) == Remembered(HOME, 5, 0)
    assert answer.effects == (said(answer),)
    assert status_of(sent(answer.node, Wish(5))) == 135


@pytest.mark.clause("XFRM-CN-014", "XFRM-CN-029")
def test_a_home_registration_is_refused_with_131_and_with_139_over_a_binding() -> None:
    update = message_heard(BindingUpdate(9, True, home_registration=True, lifetime=9), HOME, CARE_A)
    for node, status in ((correspondent(), 131), (sent(correspondent(), Wish()).node, 139)):
        answer = step(node, update, 1)
        assert answer.node == node
        assert acknowledgement(answer) == BindingAcknowledgement(status, False, 9)


@pytest.mark.clause("XFRM-CN-015")
@pytest.mark.parametrize("missing", [NonceIndices, BindingAuthorizationData])
def test_without_one_of_the_options_an_update_is_dropped_and_believed_without_the_defence(
    missing: type[MobilityOption],
) -> None:
    ready, tokens = both_tests(correspondent(), 0)
    bare = with_options(update_heard(tokens, Wish()), lambda option: not isinstance(option, missing))
    answer = step(ready, bare, 0)
    assert (answer.effects, answer.node, answer.steps[-1].target) == ((), ready, DROPPED)
    believing = correspondent(CorrespondentSettings(without(Defence.BINDING_BY_PROOF)))
    assert binding(step(believing, bare, 0)).care_of == CARE_A


@pytest.mark.clause("XFRM-CN-016", "XFRM-CN-029")
@pytest.mark.parametrize(("home", "care_of", "status"), [(9, 0, 136), (0, 9, 137), (9, 9, 138), (0, 0, 0)])
def test_indices_that_name_no_nonce_are_told_apart(home: int, care_of: int, status: int) -> None:
    ready, tokens = both_tests(correspondent(), 0)
    given = Tokens(replace(tokens.home, nonce_index=home), replace(tokens.care_of, nonce_index=care_of))
    answer = step(ready, update_heard(given, Wish()), 0)
    assert status_of(answer) == status
    unsigned = [o for o in acknowledgement(answer).options if isinstance(o, BindingAuthorizationData)] == []
    assert unsigned == (status != 0)


@pytest.mark.clause("XFRM-CN-016", "XFRM-CN-013")
def test_a_deletion_is_asked_for_the_home_nonce_only() -> None:
    ready, tokens = both_tests(correspondent(), 0)
    stale = Tokens(tokens.home, replace(tokens.care_of, nonce_index=9))
    assert status_of(step(ready, update_heard(stale, Wish(lifetime=0)), 0)) == 0
    stale = Tokens(replace(tokens.home, nonce_index=9), replace(tokens.care_of, nonce_index=9))
    assert status_of(step(ready, update_heard(stale, Wish(lifetime=0)), 0)) == 136


@pytest.mark.clause("XFRM-CN-002", "XFRM-CN-016")
def test_tokens_are_good_until_their_nonce_is_240_s_old() -> None:
    ready, tokens = both_tests(correspondent(), 29_999)
    assert status_of(step(ready, update_heard(tokens, Wish()), 269_998)) == 0
    assert status_of(step(ready, update_heard(tokens, Wish()), 269_999)) == 138


@pytest.mark.clause("XFRM-CN-017", "XFRM-CN-011")
@pytest.mark.parametrize(
    "spoilt",
    [
        Wish(proven_by=("home",)),
        Wish(proven_by=("care_of",)),
        Wish(lifetime=0, proven_by=("care_of",)),
        Wish(care_of=CARE_B),
        Wish(home=ELSE_HOME),
    ],
)
def test_without_both_tokens_for_these_addresses_an_update_is_dropped(spoilt: Wish) -> None:
    answer = forged(CorrespondentSettings(), spoilt)
    assert (answer.effects, answer.node.entries, answer.steps[-1].clause) == ((), (), "XFRM-CN-017")


@pytest.mark.clause("XFRM-CN-017")
@pytest.mark.parametrize(
    ("defence", "wish"),
    [
        (Defence.HOME_TOKEN, Wish(home=ELSE_HOME, proven_by=("care_of",))),
        (Defence.CARE_OF_TOKEN, Wish(care_of=CARE_B, proven_by=("home",))),
        (Defence.HOME_TOKEN_AT_RETURN, Wish(home=ELSE_HOME, lifetime=0, proven_by=("care_of",))),
    ],
)
def test_each_token_is_a_defence_of_its_own(defence: Defence, wish: Wish) -> None:
    off = forged(CorrespondentSettings(without(defence)), wish)
    assert status_of(off) == 0
    others = [other for other in Defence if other not in (defence, Defence.BINDING_BY_PROOF)]
    assert forged(CorrespondentSettings(without(*others)), wish).node.entries == ()
    honest = updated(correspondent(CorrespondentSettings(without(defence))), 0)
    assert status_of(honest) == 0


@pytest.mark.clause("XFRM-CN-017")
def test_an_update_is_judged_by_the_octets_that_arrived() -> None:
    ready, tokens = both_tests(correspondent(), 0)
    heard = update_heard(tokens, Wish())
    assert isinstance(heard.message, BindingUpdate)
    header = header_of(heard.message)
    reserved = MobilityHeader(header.type, bytes((*header.data[:3], 0x40, *header.data[4:])))
    read = message_of(reserved)
    assert read == with_padding(heard.message)
    assert isinstance(read, BindingUpdate)
    assert step(ready, replace(heard, message=read, header=header), 0).effects != ()
    assert step(ready, replace(heard, message=read, header=reserved), 0).effects == ()


@pytest.mark.clause("XFRM-CN-018", "XFRM-CN-037", "XFRM-HA-007")
@pytest.mark.parametrize(
    ("number", "last", "ahead"),
    [
        (1, 0, True),
        (0, 0, False),
        (32767, 0, True),
        (32768, 0, False),
        (65535, 0, False),
        (0, 65535, True),
        (32766, 65535, True),
        (32767, 65535, False),
    ],
)
def test_a_number_is_ahead_by_1_to_32767_around_the_circle(number: int, last: int, ahead: bool) -> None:
    assert is_ahead(number, last) is ahead
    answer = sent(sent(correspondent(), Wish(last)).node, Wish(number))
    assert (status_of(answer), binding(answer).sequence) == ((0, number) if ahead else (135, last))


@pytest.mark.clause("XFRM-CN-018")
def test_the_last_number_is_told_and_any_number_is_taken_first_and_without_the_defence() -> None:
    first = sent(correspondent(), Wish(40_000))
    assert binding(first).sequence == 40_000
    assert acknowledgement(sent(first.node, Wish(39_999))).sequence == 40_000
    careless = sent(correspondent(CorrespondentSettings(without(Defence.SEQUENCE))), Wish(40_000)).node
    assert status_of(sent(careless, Wish(39_999))) == 0


@pytest.mark.clause("XFRM-CN-018", "XFRM-CN-026", "XFRM-CN-037")
def test_an_old_update_is_not_accepted_again_after_its_binding_ended() -> None:
    ready, tokens = both_tests(correspondent(), 0)
    old = update_heard(tokens, Wish(5, lifetime=1))
    node = step(ready, old, 1000).node
    for now in range(1001, 300_000, 997):
        answer = step(node, old, now)
        assert status_of(answer) >= 128
        node = answer.node


@pytest.mark.clause("XFRM-CN-019")
def test_a_node_that_declines_refuses_bindings_and_takes_deletions() -> None:
    node = correspondent(CorrespondentSettings(willingness=Willingness.DECLINES))
    assert status_of(sent(node, Wish())) == 129
    assert status_of(sent(node, Wish(lifetime=0))) == 0


@pytest.mark.clause("XFRM-CN-020")
@pytest.mark.parametrize("bad", ["::", "::1", "ff02::1", "fe80::1", str(CORRESPONDENT)])
def test_care_of_addresses_that_cannot_be_bound(bad: str) -> None:
    by_home_token = CorrespondentSettings(without(Defence.CARE_OF_TOKEN))
    wish = Wish(alternate=IPv6Address(bad), proven_by=("home",))
    assert status_of(forged(by_home_token, wish)) == 174


@pytest.mark.clause("XFRM-CN-020", "XFRM-CN-039")
def test_a_care_of_address_that_leads_on_is_refused_while_its_binding_stands() -> None:
    circle = Wish(home=CARE_A, care_of=HOME)
    node = sent(correspondent(), Wish()).node
    assert status_of(sent(node, circle)) == 174
    assert status_of(sent(sent(node, Wish(2, lifetime=0)).node, circle)) == 0
    trusting = sent(correspondent(CorrespondentSettings(without(Defence.ACYCLIC))), Wish()).node
    assert status_of(sent(trusting, circle)) == 0


@pytest.mark.clause("XFRM-CN-021")
def test_a_full_cache_refuses_new_home_addresses_only() -> None:
    node = sent(correspondent(CorrespondentSettings(capacity=1)), Wish()).node
    assert status_of(sent(node, Wish(home=ELSE_HOME))) == 130
    assert status_of(sent(node, Wish(home=ELSE_HOME, lifetime=0))) == 130
    assert status_of(sent(node, Wish(2))) == 0
    remembering = sent(node, Wish(2, lifetime=0)).node
    assert status_of(sent(remembering, Wish(home=ELSE_HOME))) == 130


@pytest.mark.clause("XFRM-CN-022")
def test_the_first_answer_that_is_against_an_update_decides() -> None:
    answers = {
        131: Wish(flags={"home_registration": True}),
        135: Wish(0, alternate=CORRESPONDENT),
        129: Wish(2, home=HOME, alternate=CORRESPONDENT),
    }
    node = sent(correspondent(CorrespondentSettings(capacity=1)), Wish()).node
    declining = replace(node, settings=CorrespondentSettings(willingness=Willingness.DECLINES, capacity=1))
    assert status_of(sent(declining, answers[135])) == 135
    assert status_of(sent(declining, answers[129])) == 129
    assert status_of(sent(node, Wish(home=ELSE_HOME, alternate=CORRESPONDENT))) == 174
    order = [
        step.source
        for step in sent(correspondent(), Wish()).steps
        if step.machine == CORRESPONDENT_UPDATE.name
    ]
    assert order == list(CORRESPONDENT_UPDATE.states[:10])
    assert status_of(sent(correspondent(), answers[131])) == 131


@pytest.mark.clause("XFRM-CN-027")
def test_success_is_acknowledged_on_request_and_refusal_always() -> None:
    quiet = sent(correspondent(), Wish(acknowledge=False))
    assert quiet.effects == (quiet.effects[0],)
    assert isinstance(quiet.effects[0], Stage)
    assert status_of(sent(quiet.node, Wish(1, acknowledge=False))) == 135


@pytest.mark.clause("XFRM-CN-029")
def test_a_refusal_is_signed_if_the_update_was_proven() -> None:
    node = sent(correspondent(), Wish()).node
    ready, tokens = both_tests(node, 1)
    answer = step(ready, update_heard(tokens, Wish(1)), 1)
    assert status_of(answer) == 135
    assert is_signed(answer, tokens, CARE_A, deletes=False)


@pytest.mark.clause("XFRM-CN-009")
def test_a_correspondent_that_is_mobile_itself_answers_through_its_tunnel() -> None:
    ready, tokens = both_tests(correspondent(), 0)
    answer = step(ready, replace(update_heard(tokens, Wish()), path=Path.TUNNEL), 0)
    assert (said(answer).path, said(answer).source) == (Path.TUNNEL, CORRESPONDENT)
