"""The output loop: every step, its counter, and what it uses up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nodes import AH_KEYS, ESP_KEYS, HERE, NOW, PEER, datagram, esp, hao, node, with_state

from xfrmspec.host.node import Node
from xfrmspec.host.one_state import EMIT_FAILURES, EmitStep
from xfrmspec.host.sending import Emitted, emit
from xfrmspec.wire.chain import chain_of
from xfrmspec.wire.encode import protocol_of
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.sequence import AtMaximum
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.headers import AuthenticationHeader, EspHeader, IPv6Header
from xfrmspec_terms.outcome import Counter, Errno
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import NO_LIMITS, Mode
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import StateEventKind

ESP = ((esp(), ESP_KEYS),)
AH = SecurityAssociation(PEER, HERE, Protocol.AH, Mode.TRANSPORT, 0x300)


def emitted(sender: Node, *ages: int, at_maximum: AtMaximum = AtMaximum.STOP) -> Emitted:
    return emit(sender, datagram(), ages, NOW, lambda octets: bytes(octets), at_maximum)


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-ARCH-003")
def test_states_are_applied_in_order_and_their_headers_go_where_they_belong() -> None:
    held = ((esp(), ESP_KEYS), (hao(), None), (AH, AH_KEYS))
    sent = emitted(node(held), 1, 2, 3)
    assert sent.packet is not None
    assert chain_of(sent.packet)[:2] == (Header.HAO, Header.AH)
    authentication = sent.packet.headers[2]
    assert isinstance(authentication, AuthenticationHeader)
    assert protocol_of(sent.packet.headers[3]) == Protocol.ESP
    outer = sent.packet.headers[0]
    assert isinstance(outer, IPv6Header)
    assert outer.source == hao().care_of


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-REPLAY-008", "XFRM-LIFE-005")
def test_a_packet_uses_up_a_number_and_is_counted() -> None:
    first = emitted(node(ESP), 1)
    second = emitted(first.node, 1)
    for sent, number in ((first, 1), (second, 2)):
        assert sent.packet is not None
        header = sent.packet.headers[1]
        assert isinstance(header, EspHeader)
        assert (header.spi, header.sequence) == (0x100, number)
        assert sent.counter is None
        assert sent.errno is Errno.OK
    entry = second.node.states.entry(1)
    assert entry is not None
    assert (entry.packets, entry.octets) == (2, 2 * (8 + len(b"payload")))


@pytest.mark.clause("XFRM-EMIT-001")
def test_each_step_that_fails_has_its_counter_and_error() -> None:
    whole = node(ESP)
    larval = with_state(whole, 1, lifecycle=Lifecycle.ACQ)
    assert emitted(larval, 1).failed is EmitStep.VALIDITY
    assert emitted(whole, 7).failed is EmitStep.VALIDITY
    spent = with_state(whole, 1, limits=replace(NO_LIMITS, hard_packets=0))
    expired = emitted(spent, 1)
    assert (expired.failed, expired.counter) == (EmitStep.LIMITS, Counter.OUT_STATE_EXPIRED)
    entry = expired.node.states.entry(1)
    assert entry is not None
    assert entry.association.lifecycle is Lifecycle.EXPIRED
    assert emitted(expired.node, 1).failed is EmitStep.VALIDITY
    last = node(ESP, numbers=ReplayState(sent=0xFFFFFFFF))
    overflow = emitted(last, 1)
    assert (overflow.counter, overflow.errno) == (Counter.OUT_STATE_SEQUENCE_ERROR, Errno.EOVERFLOW)
    assert emitted(last, 1, at_maximum=AtMaximum.WRAP).failed is None
    assert set(EMIT_FAILURES) == set(EmitStep)


@pytest.mark.clause("XFRM-EMIT-001")
def test_the_failure_names_the_state_and_what_was_used_up_before_stays_so() -> None:
    held = ((esp(1), ESP_KEYS), (esp(2), ESP_KEYS))
    sender = with_state(node(held), 2, lifecycle=Lifecycle.EXPIRED)
    sent = emitted(sender, 1, 2)
    assert (sent.packet, sent.failed, sent.failed_at) == (None, EmitStep.VALIDITY, 1)
    assert sent.node.of(1).numbers.sent == 1
    entry = sent.node.states.entry(1)
    assert entry is not None
    assert entry.packets == 1


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-LIFE-004")
def test_a_soft_limit_is_told_once_and_the_packet_leaves() -> None:
    soft = with_state(node(ESP), 1, limits=replace(NO_LIMITS, soft_packets=1))
    first = emitted(soft, 1)
    second = emitted(first.node, 1)
    third = emitted(second.node, 1)
    assert [len(sent.events) for sent in (first, second, third)] == [0, 1, 0]
    assert second.events[0].kind is StateEventKind.EXPIRE_SOFT
    assert all(sent.packet is not None for sent in (first, second, third))


@pytest.mark.clause("XFRM-EMIT-006")
def test_without_states_a_packet_leaves_as_it_is() -> None:
    sent = emitted(node(ESP))
    assert sent.packet == datagram()
    assert sent.node == node(ESP)
