"""Where each transformation puts its header."""

from __future__ import annotations

import pytest
from builders import AH, ESP, HAO, IPCOMP, RT2, TUNNEL, state_of, template

from xfrmspec.wire.insertion import Chain, insert, insertion_point, wire_chain
from xfrmspec_terms.packet import Header, UpperLayer, header_name, upper_header
from xfrmspec_terms.policy import Mode, Template
from xfrmspec_terms.selector import Protocol

HBH, DST, RH, UDP, FRAG = (
    Header.HOP_BY_HOP,
    Header.DESTINATION_OPTIONS,
    Header.ROUTING,
    Header.UDP,
    Header.FRAGMENT,
)


def chain_of(plain: Chain, *templates: Template) -> list[str]:
    states = [state_of(entry) for entry in templates]
    return [header_name(element) for element in wire_chain(plain, states)]


@pytest.mark.clause("XFRM-WIRE-001")
@pytest.mark.parametrize("header", [Header.ESP, Header.AH, Header.IPCOMP])
@pytest.mark.parametrize(
    ("chain", "place"),
    [
        ((UDP,), 0),
        ((HBH, UDP), 1),
        ((HBH, DST, UDP), 2),
        ((DST, UDP), 1),
        ((RH, UDP), 1),
        ((DST, RH, DST, UDP), 2),
        ((RH, Header.HAO, DST, UDP), 2),
        ((Header.RT2, Header.HAO, UDP), 2),
        ((Header.HAO, DST, UDP), 2),
        ((FRAG, UDP), 0),
        ((HBH, Header.AH, UDP), 1),
        ((Header.ESP, UDP), 0),
        ((Header.MOBILITY,), 0),
        ((UpperLayer(253),), 0),
        ((HBH,), 1),
    ],
)
def test_where_transport_headers_go(chain: Chain, place: int, header: Header) -> None:
    assert insertion_point(chain, header) == place


@pytest.mark.clause("XFRM-WIRE-002")
@pytest.mark.parametrize(
    ("chain", "place"),
    [
        ((UDP,), 0),
        ((HBH, DST, UDP), 2),
        ((DST, RH, DST, UDP), 2),
        ((Header.RT2, UDP), 1),
        ((Header.RT2, RH, DST, UDP), 2),
        ((HBH, Header.HAO, UDP), 1),
        ((RH, Header.HAO, DST, UDP), 1),
        ((FRAG, UDP), 0),
        ((Header.ESP, UDP), 0),
        ((HBH,), 1),
    ],
)
def test_where_the_home_address_option_goes(chain: Chain, place: int) -> None:
    assert insertion_point(chain, Header.HAO) == place


@pytest.mark.clause("XFRM-WIRE-003")
@pytest.mark.parametrize(
    ("chain", "place"),
    [
        ((UDP,), 0),
        ((HBH, DST, UDP), 2),
        ((HBH, DST, RH, DST, UDP), 2),
        ((Header.RT2, UDP), 0),
        ((HBH, Header.HAO, UDP), 1),
        ((Header.AH, UDP), 0),
        ((HBH, DST), 2),
    ],
)
def test_where_the_type_two_routing_header_goes(chain: Chain, place: int) -> None:
    assert insertion_point(chain, Header.RT2) == place


@pytest.mark.clause("XFRM-WIRE-004")
def test_the_full_order_with_a_routing_header_of_the_sender() -> None:
    plain = (HBH, DST, RH, DST, UDP)
    assert chain_of(plain, IPCOMP, ESP, AH, HAO, RT2) == [
        "HBH", "DSTOPT", "RT2", "RH", "HAO", "AH", "ESP", "IPCOMP", "DSTOPT", "UDP",
    ]  # fmt: skip


@pytest.mark.clause("XFRM-WIRE-004")
def test_final_destination_options_travel_outside_esp_without_a_routing_header() -> None:
    assert chain_of((HBH, DST, UDP), ESP, HAO, RT2) == ["HBH", "DSTOPT", "RT2", "HAO", "ESP", "UDP"]


@pytest.mark.clause("XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-WIRE-004")
@pytest.mark.parametrize("templates", [(HAO, RT2), (RT2, HAO)], ids=["hao rt2", "rt2 hao"])
def test_rt2_precedes_hao_whatever_the_order_of_the_templates(templates: tuple[Template, ...]) -> None:
    assert chain_of((UDP,), *templates) == ["RT2", "HAO", "UDP"]


@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-002")
@pytest.mark.parametrize("templates", [(ESP, HAO), (HAO, ESP)], ids=["esp hao", "hao esp"])
def test_hao_precedes_esp_whatever_the_order_of_the_templates(templates: tuple[Template, ...]) -> None:
    assert chain_of((UDP,), *templates) == ["HAO", "ESP", "UDP"]


@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-004")
def test_of_transport_headers_the_one_applied_last_is_outermost() -> None:
    assert chain_of((UDP,), AH, ESP) == ["ESP", "AH", "UDP"]
    assert chain_of((UDP,), ESP, AH) == ["AH", "ESP", "UDP"]


@pytest.mark.clause("XFRM-WIRE-002")
def test_a_second_home_address_option_goes_in_front_of_the_first() -> None:
    chain = insert((Header.HAO, Header.DESTINATION_OPTIONS, UDP), Protocol.DESTINATION_OPTIONS, Mode.RO)
    assert chain[:3] == (Header.HAO, Header.HAO, Header.DESTINATION_OPTIONS)


@pytest.mark.clause("XFRM-WIRE-005", "XFRM-ARCH-003")
def test_a_tunnel_wraps_everything_and_what_follows_works_on_the_outer_packet() -> None:
    assert chain_of((HBH, UDP), HAO, TUNNEL) == ["ESP", "IP", "HBH", "HAO", "UDP"]
    assert chain_of((HBH, UDP), TUNNEL, HAO, AH) == ["HAO", "AH", "ESP", "IP", "HBH", "UDP"]
    assert chain_of((UDP,), TUNNEL, TUNNEL) == ["ESP", "IP", "ESP", "IP", "UDP"]


@pytest.mark.clause("XFRM-WIRE-005")
def test_beet_puts_its_header_right_behind_the_ip_header_and_adds_none() -> None:
    beet = template(mode=Mode.BEET, source="2001:db8::1", destination="2001:db8::2")
    assert chain_of((UDP,), beet) == ["ESP", "UDP"]
    assert chain_of((HBH, UDP), beet) == ["ESP", "HBH", "UDP"]


@pytest.mark.clause("XFRM-WIRE-001")
def test_esp_in_mode_ro_is_placed_like_esp_in_transport() -> None:
    chain = insert((HBH, Header.HAO, UDP), Protocol.ESP, Mode.RO)
    assert chain == (HBH, Header.HAO, Header.ESP, UDP)


@pytest.mark.clause("XFRM-WIRE-004")
def test_without_states_the_chain_stays_as_it_is() -> None:
    assert wire_chain((HBH, UDP), ()) == (HBH, UDP)


@pytest.mark.clause("XFRM-WIRE-001")
def test_upper_layers_have_names_or_numbers() -> None:
    assert upper_header(Protocol.UDP) is UDP
    assert upper_header(Protocol.ESP) == UpperLayer(50)
    assert header_name(upper_header(253)) == "PROTO-253"
