"""Concrete values of the vocabulary as plain data, for witnesses that people and machines read."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from xfrmspec_proofs.theorem import Json
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import ANY_MARK, Policy, Template
from xfrmspec_terms.selector import (
    Address,
    Family,
    Flow,
    PortMatch,
    Protocol,
    Selector,
)


def address_from(bits: int, family: Family = Family.INET6) -> Address:
    """Return the address with the given bits, as many as its family has."""
    return IPv4Address(bits) if family is Family.INET else IPv6Address(bits)


def protocol_name(protocol: int) -> str:
    """Return a protocol's name in lower case, or its number where it has none."""
    known = protocol in Protocol._value2member_map_
    return Protocol(protocol).name.lower() if known else str(protocol)


def flow_facts(flow: Flow) -> dict[str, Json]:
    """Return a flow as plain data; values that are zero are left out."""
    facts: dict[str, Json] = {
        "source": str(flow.source),
        "destination": str(flow.destination),
        "protocol": protocol_name(flow.protocol),
    }
    optional = {
        "source_slot": flow.source_slot,
        "destination_slot": flow.destination_slot,
        "oif": flow.oif,
        "mark": flow.mark,
        "if_id": flow.if_id,
    }
    return facts | {name: value for name, value in optional.items() if value}


def selector_facts(selector: Selector) -> dict[str, Json]:
    """Return a selector as plain data; wildcards are left out."""
    facts: dict[str, Json] = {"source": str(selector.source), "destination": str(selector.destination)}
    if selector.protocol:
        facts["protocol"] = protocol_name(selector.protocol)
    for name, match in (
        ("source_port", selector.source_port),
        ("destination_port", selector.destination_port),
    ):
        if match.mask:
            facts[name] = _port_text(match)
    if selector.ifindex:
        facts["ifindex"] = selector.ifindex
    return facts


def _port_text(match: PortMatch) -> str:
    return f"{match.value}/{match.mask:#06x}"


def policy_facts(policy: Policy) -> dict[str, Json]:
    """Return a policy as plain data."""
    facts: dict[str, Json] = {
        "direction": policy.direction.name.lower(),
        "type": policy.type.name.lower(),
        "priority": policy.priority,
        "action": policy.action.name.lower(),
        "selector": selector_facts(policy.selector),
    }
    if policy.mark != ANY_MARK:
        facts["mark"] = f"{policy.mark.value:#x}/{policy.mark.mask:#x}"
    if policy.if_id:
        facts["if_id"] = policy.if_id
    if policy.templates:
        facts["templates"] = [template_facts(template) for template in policy.templates]
    return facts


def template_facts(template: Template) -> dict[str, Json]:
    """Return a template as plain data; wildcards are left out."""
    facts = _transformation(template.protocol, template.mode.name, template.spi, template.reqid)
    if template.optional:
        facts["optional"] = True
    if int(template.source):
        facts["source"] = str(template.source)
    return facts


def state_facts(state: SecurityAssociation) -> dict[str, Json]:
    """Return a state, as a sec_path entry or as applied on output, as plain data."""
    facts = _transformation(state.protocol, state.mode.name, state.spi, state.reqid)
    if int(state.source):
        facts["source"] = str(state.source)
    return facts


def _transformation(protocol: int, mode: str, spi: int, reqid: int) -> dict[str, Json]:
    facts: dict[str, Json] = {"protocol": protocol_name(protocol), "mode": mode.lower()}
    if spi:
        facts["spi"] = spi
    if reqid:
        facts["reqid"] = reqid
    return facts


def policies_facts(policies: Iterable[Policy]) -> list[Json]:
    """Return policies in the order of their insertion as plain data."""
    return [policy_facts(policy) for policy in policies]
