"""What a correspondent node does with a message: the questions, and the answers to tests and mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.addresses import is_routable_unicast
from xfrmspec.mipv6.answer import Answer
from xfrmspec.mipv6.binding_cache import binding_of
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.correspondent_tokens import give_token
from xfrmspec.mipv6.course import Reply, decided
from xfrmspec.mipv6.kept_tests import MOST_KEPT_TESTS, KeptTests
from xfrmspec.mipv6.tokens import TokenKind
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import DaemonEvent, Heard, Say, Step, Unbound
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_correspondent import (
    ANY_BINDING,
    CORRESPONDENT_MESSAGE,
    ERROR_GAP,
    HOME_ADDRESS_OPTION,
    MESSAGE_ARRIVES,
    NONCE_CURRENT,
    SOURCE,
    TESTS_KEPT,
    WHICH_ERROR,
    WHICH_TEST,
)
from xfrmspec_terms.mobility import (
    UNSPECIFIED,
    BindingError,
    BindingErrorStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    UnknownMessage,
)
from xfrmspec_terms.mobility_times import BINDING_ERROR_GAP

TestInit = HomeTestInit | CareOfTestInit
Peer = Answer[CorrespondentNode]


@dataclass(frozen=True, slots=True)
class MessageCase:
    """An event before a correspondent node."""

    node: CorrespondentNode
    event: DaemonEvent
    now: int


def judge_message(node: CorrespondentNode, event: DaemonEvent, now: int) -> tuple[Step, ...]:
    """Return the answers to the questions about an event."""
    return decided(CORRESPONDENT_MESSAGE, _QUESTIONS, MessageCase(node, event, now))


@clause("XFRM-CN-035")
def _arrives(case: MessageCase) -> Reply:
    match case.event:
        case Heard():
            return "mobility message", "", type(case.event.message).__name__
        case Unbound():
            return "report of a home address option", "", ""
    return "event for another role", "", type(case.event).__name__


@clause("XFRM-CN-010", "XFRM-CN-035")
def _source(case: MessageCase) -> Reply:
    sources = _sources(case.event)
    if not all(map(is_routable_unicast, sources)):
        return "no", "unspecified, loopback, multicast or link-local", ", ".join(map(str, sources))
    return "yes", _subject(case.event), ", ".join(map(str, sources))


def _sources(event: DaemonEvent) -> tuple[IPv6Address, ...]:
    """Return the source on the wire, and the one that the upper layer sees if it is another."""
    match event:
        case Heard():
            return (event.source,) if event.care_of is None else (event.care_of, event.source)
        case Unbound():
            return (event.source,)
    return ()


def _subject(event: DaemonEvent) -> str:
    match event:
        case Unbound():
            return "report of a home address option"
        case Heard(message=BindingUpdate()):
            return "binding update"
        case Heard(message=HomeTestInit() | CareOfTestInit()):
            return "home test init or care-of test init"
        case Heard(message=UnknownMessage()):
            return "unknown type"
    return "any other type"


@clause("XFRM-CN-006")
def _home_address_option(case: MessageCase) -> Reply:
    with_option = isinstance(case.event, Heard) and case.event.care_of is not None
    if not with_option:
        return "no", "", ""
    alone = Defence.ONE_REPLY in case.node.settings.defences
    return ("yes", "", "") if alone else ("no", "", "there is one, and both addresses are answered")


@clause("XFRM-CN-007")
def _tests_kept(case: MessageCase) -> Reply:
    tests = case.node.tests
    if not isinstance(tests, KeptTests):
        return "no", "", ""
    full = not tests.has_room(case.now)
    return "yes", f"as in 2004, {MOST_KEPT_TESTS} already" if full else "as in 2004, fewer than 64", ""


@clause("XFRM-CN-002")
def _nonce_current(case: MessageCase) -> Reply:
    tests = case.node.tests
    current = None if isinstance(tests, KeptTests) else tests.current(case.now)
    if current is None:
        return "no", "", ""
    return "yes", "drawn less than 30 s ago", f"{case.now - current.drawn_at} ms"


def _which_test(case: MessageCase) -> Reply:
    home = isinstance(case.event, Heard) and isinstance(case.event.message, HomeTestInit)
    return "home test init" if home else "care-of test init", "", ""


@clause("XFRM-CN-032")
def _any_binding(case: MessageCase) -> Reply:
    assert isinstance(case.event, Unbound)
    if Defence.HOME_ADDRESS_OPTION not in case.node.settings.defences:
        return "yes", "", "no binding is asked for"
    binding = binding_of(case.node.entries, case.event.home_address)
    if binding is not None and binding.care_of == case.event.source:
        return "yes", "", ""
    return "no", "", "no binding" if binding is None else f"bound to {binding.care_of}"


@clause("XFRM-CN-034")
def _error_gap(case: MessageCase) -> Reply:
    last = case.node.last_error
    limited = Defence.RATE in case.node.settings.defences
    if limited and last is not None and case.now - last < BINDING_ERROR_GAP:
        return "no", "less than 100 ms ago", f"{case.now - last} ms"
    return "yes", "or none was sent", ""


def _which_error(case: MessageCase) -> Reply:
    return "home address option" if isinstance(case.event, Unbound) else "unknown type", "", ""


_QUESTIONS: Mapping[str, Callable[[MessageCase], Reply]] = {
    MESSAGE_ARRIVES: _arrives,
    SOURCE: _source,
    HOME_ADDRESS_OPTION: _home_address_option,
    TESTS_KEPT: _tests_kept,
    NONCE_CURRENT: _nonce_current,
    WHICH_TEST: _which_test,
    ANY_BINDING: _any_binding,
    ERROR_GAP: _error_gap,
    WHICH_ERROR: _which_error,
}


@clause("XFRM-CN-004", "XFRM-CN-005", "XFRM-CN-006", "XFRM-CN-008", "XFRM-CN-009")
def answer_test(node: CorrespondentNode, heard: Heard, test: TestInit, now: int) -> Peer:
    """Answer a test at its source, and at the address in its home address option if that was let pass.

    Source: RFC 6275 9.4.
    """
    effects: tuple[Say, ...] = ()
    for source in reversed(_sources(heard)):
        kind = TokenKind.HOME if isinstance(test, HomeTestInit) else TokenKind.CARE_OF
        node, given = give_token(node, kind, source, test.cookie, now)
        message = (HomeTest if kind is TokenKind.HOME else CareOfTest)(given.index, test.cookie, given.token)
        effects = (*effects, Say(message, heard.destination, source, path=heard.path))
    return Answer(node, effects)


@clause("XFRM-CN-032")
def answer_report(node: CorrespondentNode, report: Unbound, now: int) -> Peer:
    """Complain about a home address option that no binding stands for. Source: RFC 6275 9.3.3."""
    error = BindingError(BindingErrorStatus.UNKNOWN_BINDING, report.home_address)
    return Answer(replace(node, last_error=now), (Say(error, report.destination, report.source),))


@clause("XFRM-CN-033")
def answer_unknown(node: CorrespondentNode, heard: Heard, now: int) -> Peer:
    """Complain about a message of unknown type. Source: RFC 6275 9.2, 9.3.3."""
    home = UNSPECIFIED if heard.care_of is None else heard.source
    error = BindingError(BindingErrorStatus.UNRECOGNIZED_MESSAGE_TYPE, home)
    said = Say(error, heard.destination, heard.care_of or heard.source, path=heard.path)
    return Answer(replace(node, last_error=now), (said,))
