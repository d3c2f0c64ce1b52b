"""Laws of sorting, merging and checking templates."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import HOSTS, states, templates

from xfrmspec.wire.insertion import insert, wire_chain
from xfrmspec.xfrm.template_check import check_path
from xfrmspec.xfrm.templates import merge_states, merge_templates, sort_by_class, state_class
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import TRANSFORM_HEADERS, Header
from xfrmspec_terms.policy import Mode, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1
from xfrmspec_terms.selector import Family, Protocol

paths = st.lists(states(), max_size=6)
vectors = st.lists(templates(), max_size=4)


@pytest.mark.clause("XFRM-SORT-001", "XFRM-SORT-004")
@given(st.lists(st.integers(1, 4), max_size=6))
def test_the_sort_is_a_stable_idempotent_permutation(classes: list[int]) -> None:
    items = [(number, index) for index, number in enumerate(classes)]
    once = sort_by_class(items, classes)
    assert sorted(once) == sorted(items)
    assert list(once) == sorted(items, key=lambda item: (item[0], item[1]))
    assert sort_by_class(once, [item[0] for item in once]) == once


@pytest.mark.clause("XFRM-TMPL-009", "XFRM-SORT-002", "XFRM-SORT-007")
@given(paths, paths)
def test_two_policies_put_transport_inside_ro_inside_ah_inside_tunnels(
    sub: list[SecurityAssociation], main: list[SecurityAssociation]
) -> None:
    merged = merge_states([sub, main], Family.INET6)
    classes = [state_class(state.protocol, state.mode) for state in merged]
    assert classes == sorted(classes)
    assert merge_states([sub + main], Family.INET6) == (*sub, *main)
    assert merge_states([sub, main], Family.INET) == (*sub, *main)


@pytest.mark.clause("XFRM-WIRE-001", "XFRM-WIRE-002", "XFRM-WIRE-003", "XFRM-WIRE-004", "XFRM-WIRE-005")
@given(paths)
def test_every_insertion_adds_its_header_and_keeps_the_order_of_the_others(
    applied: list[SecurityAssociation],
) -> None:
    plain = (Header.HOP_BY_HOP, Header.UDP)
    chain = wire_chain(plain, applied)
    added = sum(2 if state.mode is Mode.TUNNEL else 1 for state in applied)
    assert len(chain) == len(plain) + added
    remaining = iter(chain)
    assert all(any(element is wanted for element in remaining) for wanted in plain)


@pytest.mark.clause("XFRM-WIRE-004")
@given(st.permutations([(Protocol.ROUTING, Mode.RO), (Protocol.DESTINATION_OPTIONS, Mode.RO)]))
def test_rt2_precedes_hao_whatever_the_order_of_application(order: list[tuple[Protocol, Mode]]) -> None:
    chain: tuple[Header, ...] = (Header.MOBILITY,)
    for protocol, mode in order:
        chain = insert(chain, protocol, mode)  # type: ignore[assignment]
    assert chain == (Header.RT2, Header.HAO, Header.MOBILITY)


@pytest.mark.clause("XFRM-CHECK-009", "XFRM-CHECK-012")
@given(vectors, paths)
@settings(deadline=None)
def test_an_extra_transport_state_at_the_end_never_hurts(
    vector: list[Template], path: list[SecurityAssociation]
) -> None:
    extra = SecurityAssociation(HOSTS[0], HOSTS[1], Protocol.ESP, Mode.TRANSPORT, spi=9, reqid=77)
    if check_path(vector, path, 0, 0).accepted:
        assert check_path(vector, [*path, extra], 0, 0).accepted


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-CHECK-009")
@given(vectors, paths)
@settings(deadline=None)
def test_an_unasked_route_optimisation_state_at_the_end_is_always_refused(
    vector: list[Template], path: list[SecurityAssociation]
) -> None:
    asked = [replace(t, protocol=Protocol.ESP, mode=Mode.TRANSPORT) for t in vector]
    extra = SecurityAssociation(HOSTS[0], HOSTS[1], Protocol.DESTINATION_OPTIONS, Mode.RO)
    assert not check_path(asked, [*path, extra], 0, 0).accepted


@pytest.mark.clause("XFRM-CHECK-007")
@given(vectors, paths, st.integers(0, 4))
@settings(deadline=None)
def test_an_optional_transport_template_never_changes_the_verdict(
    vector: list[Template], path: list[SecurityAssociation], place: int
) -> None:
    optional = Template(Protocol.ESP, Mode.TRANSPORT, optional=True)
    longer = [*vector[:place], optional, *vector[place:]]
    assert check_path(longer, path, 0, 0).accepted == check_path(vector, path, 0, 0).accepted


@pytest.mark.clause("XFRM-CHECK-013")
@given(vectors)
def test_cleartext_is_accepted_exactly_when_no_template_is_required(vector: list[Template]) -> None:
    assert check_path(vector, (), 0, 0).accepted == all(template.optional for template in vector)


@pytest.mark.clause("XFRM-CHECK-011")
@given(st.sampled_from((Mode.TRANSPORT, Mode.TUNNEL)))
def test_one_state_does_not_serve_two_required_templates(mode: Mode) -> None:
    template = Template(Protocol.ESP, mode)
    state = SecurityAssociation(HOSTS[0], HOSTS[1], Protocol.ESP, mode, spi=1)
    assert check_path([template], [state], 0, 0).accepted
    assert not check_path([template, template], [state], 0, 0).accepted
    assert check_path([template, template], [state, state], 0, 0).accepted


@pytest.mark.clause("XFRM-SORT-003", "XFRM-SORT-005", "XFRM-CHECK-010")
@given(st.permutations([Protocol.AH, Protocol.ESP]))
def test_a_mirrored_peer_accepts_ah_and_esp_under_a_sub_policy_in_any_order_only_clean(
    order: list[Protocol],
) -> None:
    sub = [Template(Protocol.DESTINATION_OPTIONS, Mode.RO)]
    main = [Template(protocol, Mode.TRANSPORT) for protocol in order]
    sent = merge_states([[_state(t) for t in sub], [_state(t) for t in main]], Family.INET6)
    wire = wire_chain((Header.UDP,), sent)
    path = tuple(state for header in wire for state in sent if TRANSFORM_HEADERS[state.protocol] is header)
    accepted = {
        profile.name: check_path(merge_templates([sub, main], Family.INET6, profile), path, 0, 0).accepted
        for profile in (CLEAN, LINUX_6_1)
    }
    assert accepted == {"clean": True, "linux-6.1": order == [Protocol.ESP, Protocol.AH]}


def _state(template: Template) -> SecurityAssociation:
    return SecurityAssociation(HOSTS[0], HOSTS[1], template.protocol, template.mode)
