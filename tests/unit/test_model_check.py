"""Templates, sorts, the inbound check, headers and decoding of the model on known cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from xfrmspec_model import evaluate, headers, templates
from xfrmspec_model.folding import all_of, among, as_formula, at_most, bits, count_of, negate, same
from xfrmspec_model.headers import HeaderKind
from xfrmspec_model.pairs import (
    Decider,
    Verdict,
    decider_of_output,
    input_is_unchecked,
    output_without_policy,
)
from xfrmspec_model.smt import Answer, check, fresh_context
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import Header, UpperLayer
from xfrmspec_terms.policy import DefaultAction, Mode, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Family, Flow, Protocol, Selector

Listed = Sequence[Template] | None

SOURCE, DESTINATION = ip_address("2001:db8::1"), ip_address("2001:db8::2")
ESP = Template(Protocol.ESP, Mode.TRANSPORT)
AH = Template(Protocol.AH, Mode.TRANSPORT)
HAO = Template(Protocol.DESTINATION_OPTIONS, Mode.RO)
TUNNEL = Template(Protocol.ESP, Mode.TUNNEL)


def state(template: Template, **fields: Any) -> SecurityAssociation:
    return SecurityAssociation(SOURCE, DESTINATION, template.protocol, template.mode, **fields)


def check_of(
    sub: Listed, main: Listed, *path: SecurityAssociation, profile: Profile = CLEAN, **options: Any
) -> tuple[bool, Counter | None, int]:
    return evaluate.inbound_check(sub, main, path, profile, **options)


PASSED = (True, None)
MISMATCH = (False, Counter.IN_TEMPLATE_MISMATCH)


@pytest.mark.clause("XFRM-SORT-002", "XFRM-SORT-003", "XFRM-SORT-005")
def test_the_two_sorts_of_ah_esp_and_ro() -> None:
    merged = [HAO, AH, ESP]
    assert evaluate.sort_states([(t.protocol, t.mode) for t in merged]) == [2, 0, 1]
    assert evaluate.sort_templates(merged, CLEAN) == [2, 1, 0]
    assert evaluate.sort_templates(merged, LINUX_6_1) == [1, 2, 0]


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-004")
def test_the_sort_of_6_unknown_states_is_a_permutation() -> None:
    context = fresh_context()
    listed = [templates.unknown_template(context, f"t{index}") for index in range(6)]
    classes = [templates.state_class(template.protocol, template.mode) for template in listed]
    places = templates.sorted_places(classes)
    claim = as_formula(context, negate(templates.is_permutation(places)))
    assert check(context, [claim]).answer is Answer.UNSATISFIABLE


@pytest.mark.clause("XFRM-TMPL-006")
def test_in_trigger_has_no_state_and_ro_belongs_to_mobile_ipv6() -> None:
    pairs = [(p, m) for p in (Protocol.ESP, Protocol.AH, Protocol.ROUTING) for m in Mode]
    found = {(p, m) for p, m in pairs if evaluate.can_be_a_state(p, m)}
    assert (Protocol.ROUTING, Mode.RO) in found and (Protocol.AH, Mode.RO) not in found
    assert not any(mode is Mode.IN_TRIGGER for _, mode in found)


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-CHECK-010", "XFRM-CHECK-012")
def test_the_outermost_entry_meets_the_last_template() -> None:
    assert check_of([HAO], [ESP], state(HAO), state(ESP)) == (*PASSED, 2)
    assert check_of([HAO], [ESP], state(ESP), state(HAO), verified=1) == (*MISMATCH, 1)
    assert check_of([ESP], [HAO], state(HAO), state(ESP)) == (*PASSED, 2)
    assert check_of(None, [HAO, ESP], state(HAO), state(ESP))[:2] == MISMATCH


@pytest.mark.clause("XFRM-SORT-001")
def test_an_ipv4_pair_is_not_sorted() -> None:
    assert check_of([HAO], [ESP], state(HAO), state(ESP), family=Family.INET)[:2] == MISMATCH


@pytest.mark.clause("XFRM-CHECK-007", "XFRM-CHECK-013")
def test_optional_templates_protect_nothing() -> None:
    optional = replace(ESP, optional=True)
    assert check_of(None, [optional]) == (*PASSED, 0)
    assert check_of(None, [optional], state(ESP)) == (*PASSED, 0)
    assert check_of(None, [replace(HAO, optional=True)], state(HAO)) == (*PASSED, 1)
    assert check_of(None, [ESP])[:2] == MISMATCH


@pytest.mark.clause("XFRM-CHECK-009", "XFRM-CHECK-011", "XFRM-CHECK-012")
def test_entries_beyond_the_templates() -> None:
    assert check_of([HAO], None, state(HAO), state(ESP)) == (*PASSED, 1)
    assert check_of(None, [ESP], state(HAO), state(ESP))[:2] == MISMATCH
    assert check_of(None, [ESP], state(HAO), state(ESP), verified=1) == (*PASSED, 2)
    assert check_of(None, [], state(TUNNEL))[:2] == MISMATCH
    assert check_of(None, [ESP, ESP], state(ESP))[:2] == MISMATCH


@pytest.mark.clause("XFRM-CHECK-006")
def test_the_entry_at_fault_is_reported_if_there_is_one() -> None:
    def reported(sub: Listed, main: Listed, *path: SecurityAssociation) -> int | None:
        return evaluate.inbound_judgement(sub, main, path, CLEAN)[2]

    assert reported(None, [ESP], state(HAO), state(ESP)) == 0
    assert reported([HAO], [ESP], state(HAO)) is None
    assert reported([HAO], [ESP], state(ESP), state(HAO)) is None
    assert reported(None, [], state(ESP), state(HAO)) == 1
    assert reported(None, None, state(ESP), state(HAO)) == 1


@pytest.mark.clause("XFRM-CHECK-008", "XFRM-TMPL-001", "XFRM-TMPL-003")
def test_what_satisfies_a_template() -> None:
    home = replace(HAO, source=SOURCE)
    assert check_of(None, [home], state(HAO))[:2] == PASSED
    assert check_of(None, [replace(home, source=DESTINATION)], state(HAO))[:2] == MISMATCH
    assert check_of(None, [replace(ESP, source=DESTINATION)], state(ESP))[:2] == PASSED
    assert check_of(None, [replace(ESP, reqid=1)], state(ESP, reqid=2))[:2] == MISMATCH
    assert check_of(None, [ESP], state(ESP, spi=9, reqid=2))[:2] == PASSED
    picky = replace(ESP, authentication_mask=1 << 3)
    assert check_of(None, [picky], state(ESP, authentication_bit=3))[:2] == PASSED
    assert check_of(None, [picky], state(ESP, authentication_bit=2))[:2] == MISMATCH
    assert check_of(None, [TUNNEL], state(TUNNEL, internal=True))[:2] == MISMATCH
    assert check_of(None, [replace(TUNNEL, optional=True)], state(TUNNEL, internal=True))[:2] == PASSED
    assert check_of(None, [ESP], state(ESP), if_id=4)[:2] == MISMATCH


@pytest.mark.clause("XFRM-CHECK-004", "XFRM-CHECK-005", "XFRM-TMPL-004")
def test_refusals_before_templates_are_matched() -> None:
    blocked, overflow = (False, Counter.IN_POLICY_BLOCK), (False, Counter.IN_BUFFER_ERROR)
    assert check_of(None, None, state(ESP)) == (*PASSED, 0)
    assert check_of(None, None, state(HAO))[:2] == (False, Counter.IN_NO_POLICIES)
    assert check_of(None, None, default_action=DefaultAction.BLOCK)[:2] == (False, Counter.IN_NO_POLICIES)
    assert check_of([ESP] * 7, [], sub_allows=False)[:2] == blocked
    assert check_of([ESP] * 7, [], main_allows=False)[:2] == overflow
    assert check_of([ESP] * 3, [ESP] * 4, main_allows=False)[:2] == blocked
    six = [replace(ESP, optional=True)] * 6
    assert check_of(six[:3], six[3:])[:2] == PASSED
    assert check_of(six[:3], six[3:], profile=LINUX_6_1)[:2] == overflow


@pytest.mark.clause("XFRM-CHECK-003")
def test_selectors_of_states_must_fit_the_flow() -> None:
    flow = Flow(SOURCE, DESTINATION, Protocol.UDP)
    path = [state(ESP, selector=Selector.between("2001:db8::/32", "::/0")), state(HAO)]
    assert evaluate.state_selectors(path, flow, CLEAN)
    assert not evaluate.state_selectors(path, replace(flow, source=ip_address("fe80::1")), CLEAN)


@pytest.mark.clause("XFRM-OUT-001", "XFRM-SOCK-001", "XFRM-DEFAULT-001", "XFRM-DEFAULT-002")
def test_who_decides_without_or_before_the_databases() -> None:
    assert decider_of_output(True, False, 0, False) == Decider.SOCKET
    assert decider_of_output(False, False, 0, False) == Decider.NOBODY
    assert decider_of_output(False, False, 1, False) == Decider.DATABASES
    assert output_without_policy(DefaultAction.BLOCK, True) == Verdict.ACCEPT
    assert output_without_policy(DefaultAction.BLOCK, False) == Verdict.BLOCKED_WITHOUT_COUNTER
    accept = int(DefaultAction.ACCEPT)
    assert input_is_unchecked(False, False, False, accept, False) is True
    assert input_is_unchecked(False, False, True, accept, False) is False
    assert input_is_unchecked(True, False, False, accept, True) is False


UDP, FINAL = Header.UDP, Header.DESTINATION_OPTIONS


@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-WIRE-004")
def test_places_of_headers() -> None:
    routed = [Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.ROUTING, FINAL, UDP]
    both = [(Protocol.ESP, Mode.TRANSPORT), (Protocol.DESTINATION_OPTIONS, Mode.RO)]
    names = [kind.name for kind in evaluate.header_chain(routed, [*both, (Protocol.ROUTING, Mode.RO)])]
    assert names == [
        "HOP_BY_HOP",
        "DESTINATION_OPTIONS",
        "ROUTING_2",
        "ROUTING",
        "HOME_ADDRESS",
        "ENCRYPTION",
        "DESTINATION_OPTIONS",
        "UPPER",
    ]
    assert evaluate.insertion_index([FINAL, UDP], Protocol.ESP) == 1
    assert evaluate.insertion_index([Header.HAO, UDP], Protocol.DESTINATION_OPTIONS) == 0
    assert evaluate.insertion_index([Header.HAO, Header.AH, UpperLayer(200)], Protocol.ESP) == 1


@pytest.mark.clause("XFRM-WIRE-005", "XFRM-SORT-007")
def test_a_tunnel_wraps_everything_so_far() -> None:
    chain = evaluate.header_chain(
        [UDP], [(Protocol.DESTINATION_OPTIONS, Mode.RO), (Protocol.ESP, Mode.TUNNEL)]
    )
    expected = [HeaderKind.ENCRYPTION, HeaderKind.INNER_IP, HeaderKind.HOME_ADDRESS, HeaderKind.UPPER]
    assert chain == expected
    assert headers.legal_order(chain) is True


@pytest.mark.clause("XFRM-WIRE-004")
def test_legal_orders() -> None:
    hop, options, rt2, hao, ah, esp, upper = (
        HeaderKind.HOP_BY_HOP,
        HeaderKind.DESTINATION_OPTIONS,
        HeaderKind.ROUTING_2,
        HeaderKind.HOME_ADDRESS,
        HeaderKind.AUTHENTICATION,
        HeaderKind.ENCRYPTION,
        HeaderKind.UPPER,
    )
    assert headers.legal_order((hop, options, rt2, hao, ah, esp, options, upper)) is True
    for wrong in ((hao, rt2, upper), (esp, ah, upper), (hao, options, esp, upper), (upper, esp), (hao, hao)):
        assert headers.legal_order(wrong) is False


@pytest.mark.clause("XFRM-WIRE-004", "XFRM-SORT-002")
@pytest.mark.parametrize("in_sorted_order", (True, False))
def test_4_sorted_states_without_tunnels_make_a_legal_order(in_sorted_order: bool) -> None:
    context, size = fresh_context(), 4
    protocols = [bits(context, f"p{index}", 8) for index in range(size)]
    modes = [bits(context, f"m{index}", 3) for index in range(size)]
    pairs = list(zip(protocols, modes, strict=True))
    places = templates.sorted_places([templates.state_class(*pair) for pair in pairs])
    chain: tuple[Any, ...] = (int(HeaderKind.UPPER),)
    for wanted in range(size):
        index = templates.entry_at(places, wanted) if in_sorted_order else wanted
        chain = headers.with_header_of(chain, templates.pick(protocols, index, 8))
    exist = all_of(templates.instantiable(*pair) for pair in pairs)
    no_tunnel = all_of(among(mode, (Mode.TRANSPORT, Mode.RO)) for mode in modes)
    once = all_of(
        at_most(count_of(same(p, number) for p in protocols), 1)
        for number in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS)
    )
    wrong = negate(headers.legal_order(chain))
    claim = [as_formula(context, truth) for truth in (exist, no_tunnel, once, wrong)]
    expected = Answer.UNSATISFIABLE if in_sorted_order else Answer.SATISFIABLE
    assert check(context, claim).answer is expected


OPTIONS = bytes((17, 2, 1, 2)) + bytes(20)
DATAGRAM = (4096).to_bytes(2, "big") + (5000).to_bytes(2, "big") + bytes(4)
BINDING_UPDATE = bytes((59, 1, 5, 0)) + bytes(12)


def before(next_header: int, extension: bytes = OPTIONS) -> bytes:
    return bytes((next_header,)) + extension[1:]


@pytest.mark.clause("XFRM-FLOW-001", "XFRM-FLOW-003")
def test_ports_behind_a_processed_extension_header() -> None:
    packet = before(Protocol.UDP) + DATAGRAM
    assert evaluate.decode_flow_slots(packet, 60, CLEAN) == (17, 4096, 5000)
    assert evaluate.decode_flow_slots(packet, 60, LINUX_6_18) == (17, 4096, 5000)
    assert evaluate.decode_flow_slots(packet, 60, LINUX_6_1) == (17, 4354, 258)
    assert evaluate.decode_flow_slots(packet, 60, LINUX_6_1, processed=0) == (17, 4096, 5000)
    assert evaluate.decode_flow_slots(DATAGRAM, 17, LINUX_6_1) == (17, 4096, 5000)


@pytest.mark.clause("XFRM-FLOW-002")
def test_mobility_types_behind_extension_headers() -> None:
    one, two = before(135) + BINDING_UPDATE, before(60) + before(135) + BINDING_UPDATE
    types = {
        profile.name: [
            evaluate.decode_flow_slots(packet, first, profile)[1]
            for packet, first in ((BINDING_UPDATE, 135), (one, 60), (two, 60))
        ]
        for profile in (CLEAN, LINUX_6_1, LINUX_6_18)
    }
    assert types == {"clean": [5, 5, 5], "linux-6.1": [0, 5, 1], "linux-6.18": [0, 0, 0]}


@pytest.mark.clause("XFRM-FLOW-004")
def test_a_fragment_header_hides_the_slots() -> None:
    packet = bytes((17,)) + bytes(7) + DATAGRAM
    for profile in (CLEAN, LINUX_6_1, LINUX_6_18):
        assert evaluate.decode_flow_slots(packet, 44, profile, processed=0) == (17, 0, 0)


@pytest.mark.clause("XFRM-SEL-002")
def test_gre_shows_its_key() -> None:
    key = bytes((0x20, 0, 0, 0)) + (0x00050007).to_bytes(4, "big") + bytes(4)
    summed = bytes((0xA0, 0, 0, 0)) + bytes(4) + (0x00050007).to_bytes(4, "big")
    for packet in (key, summed):
        assert evaluate.decode_flow_slots(packet, 47, CLEAN) == (47, 5, 7)
    assert evaluate.decode_flow_slots(bytes(12), 47, CLEAN) == (47, 0, 0)


def test_a_cut_off_extension_header_is_refused() -> None:
    with pytest.raises(ValueError, match="cut off"):
        evaluate.decode_flow_slots(bytes(3), 60, CLEAN)
