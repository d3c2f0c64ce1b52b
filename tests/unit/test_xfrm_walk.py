"""One template against one sec_path entry, and the walk of a template list over a sec_path."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from builders import (
    AH_SA,
    COMP_SA,
    ESP,
    ESP_SA,
    HAO,
    HAO_SA,
    IPCOMP,
    LOCAL,
    OTHER,
    REMOTE,
    RT2,
    RT2_SA,
    TUNNEL_IN,
    TUNNEL_SA,
    optional,
    state,
)

from xfrmspec.xfrm.template_check import check_path, first_barrier, satisfies, walk_template
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Mode, Template
from xfrmspec_terms.selector import Protocol


@pytest.mark.clause("XFRM-CHECK-007")
def test_an_optional_transport_template_consumes_nothing_and_other_optional_ones_do() -> None:
    assert walk_template(optional(ESP), (ESP_SA,), 0, 0, 0).start == 0
    assert walk_template(optional(HAO), (HAO_SA,), 0, 0, 0).start == 1
    assert walk_template(optional(HAO), (TUNNEL_SA, HAO_SA), 0, 0, 0).start == 0
    assert walk_template(optional(HAO), (ESP_SA, HAO_SA), 0, 0, 0).start == 2
    assert walk_template(optional(TUNNEL_IN), (ESP_SA,), 0, 0, 0).start == 0
    assert walk_template(optional(TUNNEL_IN), (), 0, 0, 0).start == 0


@pytest.mark.clause("XFRM-CHECK-008")
@pytest.mark.parametrize(
    ("wanted", "held", "fits"),
    [
        (ESP, ESP_SA, True),
        (ESP, AH_SA, False),
        (replace(ESP, spi=0x100), ESP_SA, True),
        (replace(ESP, spi=0x101), ESP_SA, False),
        (ESP, replace(ESP_SA, reqid=9), True),
        (replace(ESP, reqid=9), replace(ESP_SA, reqid=9), True),
        (replace(ESP, reqid=9), ESP_SA, False),
        (replace(ESP, mode=Mode.TUNNEL), ESP_SA, False),
        (replace(ESP, source=ip_address(OTHER), destination=ip_address(OTHER)), ESP_SA, True),
        (replace(TUNNEL_IN, source=ip_address(REMOTE)), TUNNEL_SA, False),
        (replace(TUNNEL_IN, source=ip_address("::")), TUNNEL_SA, True),
        (replace(TUNNEL_IN, destination=ip_address(OTHER)), TUNNEL_SA, True),
        (replace(RT2, source=ip_address(OTHER)), RT2_SA, False),
        (replace(ESP, authentication_mask=1 << 3), replace(ESP_SA, authentication_bit=3), True),
        (replace(ESP, authentication_mask=1 << 3), replace(ESP_SA, authentication_bit=2), False),
        (replace(ESP, encryption_mask=0), replace(ESP_SA, authentication_bit=2), True),
        (replace(HAO, authentication_mask=0), HAO_SA, True),
        (replace(IPCOMP, authentication_mask=0), COMP_SA, False),
    ],
)
def test_what_a_template_asks_of_a_sec_path_entry(
    wanted: Template, held: SecurityAssociation, fits: bool
) -> None:
    assert satisfies(wanted, held, 0) is fits


@pytest.mark.clause("XFRM-CHECK-008")
def test_a_kernel_internal_state_meets_optional_templates_with_its_source_only() -> None:
    helper = state(Protocol.IPV6, Mode.TUNNEL, OTHER, LOCAL, internal=True)
    assert satisfies(optional(TUNNEL_IN), helper, 7)
    assert satisfies(optional(replace(TUNNEL_IN, source=ip_address("::"))), helper, 0)
    assert not satisfies(TUNNEL_IN, helper, 0)
    assert not satisfies(optional(replace(TUNNEL_IN, source=ip_address(REMOTE))), helper, 0)


@pytest.mark.clause("XFRM-CHECK-006")
def test_the_pure_walk_counts_what_it_accepted() -> None:
    assert check_path((ESP, HAO), (HAO_SA, AH_SA, ESP_SA), 0, 0).verified == 3
    failed = check_path((ESP, HAO), (HAO_SA,), 0, 0)
    assert (failed.accepted, failed.failed, failed.culprit) == (False, 0, None)
    assert first_barrier((ESP_SA, HAO_SA, TUNNEL_SA), 2) == 2
    assert first_barrier((ESP_SA,), 0) is None
