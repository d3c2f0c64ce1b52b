"""Behind the input loop: the check with the sec_path, forwarding, and the exception for ICMP."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nodes import CARE_OF, ESP_KEYS, GATEWAY, HERE, NOW, PEER, datagram, esp, hao, node, wire

from xfrmspec.host.delivery import check_arrived, flow_of
from xfrmspec.host.receiving import Fate, receive
from xfrmspec.wire.encode import encode
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.headers import DestinationOptionsHeader, IcmpV6Header, IPv6Header, Packet, UdpHeader
from xfrmspec_terms.options import PadN
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import PortMatch, Protocol, Selector

ANYTHING = Selector.between("::/0", "::/0")
ESP = ((esp(), ESP_KEYS),)
NEEDS_ESP = Policy(ANYTHING, Direction.IN, templates=(Template(Protocol.ESP, Mode.TRANSPORT),))
NEEDS_HAO = Policy(ANYTHING, Direction.IN, templates=(Template(Protocol.DESTINATION_OPTIONS, Mode.RO),))


@pytest.mark.clause("XFRM-RECV-005")
def test_the_sec_path_that_the_loop_collected_is_checked() -> None:
    receiver = node(ESP, policies=(NEEDS_ESP,))
    protected = check_arrived(receive(receiver, wire(ESP), NOW))
    assert protected.decision.accepted
    clear = check_arrived(receive(receiver, encode(datagram()), NOW))
    assert clear.counters == (Counter.IN_TEMPLATE_MISMATCH,)
    assert not clear.decision.accepted


@pytest.mark.clause("XFRM-RECV-005")
def test_a_home_address_needs_a_policy_that_asks_for_it() -> None:
    layers = ((hao(), None),)
    assert check_arrived(receive(node(layers, policies=(NEEDS_HAO,)), wire(layers), NOW)).decision.accepted
    unasked = check_arrived(receive(node(layers), wire(layers), NOW))
    assert unasked.counters == (Counter.IN_NO_POLICIES,)
    with pytest.raises(ValueError, match="nothing to check: dropped"):
        check_arrived(receive(node(), wire(layers), NOW))


@pytest.mark.clause("XFRM-RECV-005", "XFRM-FLOW-003")
def test_the_flow_is_that_of_the_upper_layer_but_for_the_quirk() -> None:
    packet = datagram(DestinationOptionsHeader((PadN(bytes(4)),)))
    flow = flow_of(packet, 1, CLEAN)
    assert (flow.source, flow.destination) == (PEER, HERE)
    assert (flow.source_slot, flow.destination_slot) == (4000, 5000)
    confused = flow_of(packet, 1, LINUX_6_1)
    assert (confused.source_slot, confused.destination_slot) != (4000, 5000)


@pytest.mark.clause("XFRM-RECV-007")
def test_forwarding_asks_direction_fwd_and_leaves_direction_in_alone() -> None:
    tunnel = ((esp(7, Mode.TUNNEL), ESP_KEYS),)
    template = Template(Protocol.ESP, Mode.TUNNEL, CARE_OF, GATEWAY)
    forward = Policy(ANYTHING, Direction.FWD, templates=(template,))
    block_in = Policy(ANYTHING, Direction.IN, action=Action.BLOCK)
    router = node(tunnel, policies=(forward, block_in), addresses=(GATEWAY,))
    arrived = receive(router, wire(tunnel), NOW)
    assert arrived.fate is Fate.FORWARD
    assert check_arrived(arrived).decision.accepted
    clear = receive(router, encode(datagram()), NOW)
    assert check_arrived(clear).counters == (Counter.IN_TEMPLATE_MISMATCH,)


def _error(flags: StateFlag) -> tuple[bool, tuple[Counter, ...]]:
    """An error about a packet that HERE sent to PEER, through a state with these flags."""
    layers = ((replace(esp(), flags=flags), ESP_KEYS),)
    quoted = encode(Packet((IPv6Header(HERE, PEER), UdpHeader(5000, 4000)), b"x"))
    error = Packet((IPv6Header(PEER, HERE), IcmpV6Header(1, 4)), quoted)
    only_udp = Policy(
        Selector.between("::/0", "::/0", Protocol.UDP, source_port=PortMatch.exactly(4000)),
        Direction.IN,
        priority=1,
        templates=(Template(Protocol.ESP, Mode.TRANSPORT),),
    )
    rest = Policy(ANYTHING, Direction.IN, action=Action.BLOCK, priority=2)
    receiver = node(layers, policies=(only_udp, rest))
    checked = check_arrived(receive(receiver, wire(layers, error), NOW))
    return checked.decision.accepted, checked.counters


@pytest.mark.clause("XFRM-RECV-008")
def test_an_icmp_error_is_checked_by_what_it_quotes_if_its_state_says_so() -> None:
    assert _error(StateFlag.ICMP) == (True, (Counter.IN_POLICY_BLOCK,))
    assert _error(StateFlag.NONE) == (False, (Counter.IN_POLICY_BLOCK,))


@pytest.mark.clause("XFRM-RECV-009")
def test_a_packet_of_the_node_itself_is_checked_like_any_other() -> None:
    own = Packet((IPv6Header(HERE, HERE), UdpHeader(1, 2)), b"")
    blocking = node(policies=(Policy(ANYTHING, Direction.IN, action=Action.BLOCK),))
    checked = check_arrived(receive(blocking, encode(own), NOW))
    assert checked.counters == (Counter.IN_POLICY_BLOCK,)
