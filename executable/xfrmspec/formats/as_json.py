"""A dump as plain objects for `parse --format json`: no keys, stable order."""

from __future__ import annotations

from xfrmspec.formats.dump import Dump, Masked, PolicyRecord, StateRecord
from xfrmspec.formats.names import address_text, protocol_name, transform_name
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.policy import Limits, Mark, PolicyFlag, Template
from xfrmspec_terms.selector import PortMatch, Prefix, Selector

JsonObject = dict[str, object]


def dump_to_json(dump: Dump) -> JsonObject:
    """Return `policies`, `states` and `unknown` as lists of plain objects, in the order of the texts.

    Numbers are numbers (0 where masked); `masked` maps the path of each symbolic unknown to its text.
    """
    return {
        "policies": [_policy(record) for record in dump.policies],
        "states": [_state(record) for record in dump.states],
        "unknown": [{"file": entry.file, "line": entry.line, "text": entry.text} for entry in dump.unknown],
    }


def _policy(record: PolicyRecord) -> JsonObject:
    policy = record.policy
    return {
        "file": record.at.file,
        "line": record.at.line,
        "format": record.format.value,
        "dir": policy.direction.name.lower(),
        "type": policy.type.name.lower(),
        "action": policy.action.name.lower(),
        "priority": policy.priority,
        "index": policy.index,
        "socket": record.socket,
        "selector": _selector(policy.selector, record.interface),
        "mark": _mark(policy.mark),
        "if_id": policy.if_id,
        "flags": [flag.name.lower() for flag in PolicyFlag if flag & policy.flags and flag.name],
        "share": policy.share.name.lower(),
        "limits": _limits(policy.limits),
        "security_context": policy.security_context,
        "templates": [_template(template) for template in policy.templates],
        "masked": _masked(record.masked),
    }


def _state(record: StateRecord) -> JsonObject:
    state = record.state
    return {
        "file": record.at.file,
        "line": record.at.line,
        "format": record.format.value,
        "src": address_text(state.source),
        "dst": address_text(state.destination),
        "proto": transform_name(state.protocol),
        "mode": state.mode.name.lower(),
        "spi": state.spi,
        "reqid": state.reqid,
        "selector": None if state.selector is None else _selector(state.selector, record.interface),
        "mark": _mark(state.mark),
        "if_id": state.if_id,
        "flags": [flag.name.lower() for flag in StateFlag if flag & state.flags and flag.name],
        "care_of": None if state.care_of is None else address_text(state.care_of),
        "replay_window": state.replay_window,
        "limits": _limits(state.limits),
        "algorithms": [{"kind": entry.kind, "name": entry.name} for entry in record.algorithms],
        "masked": _masked(record.masked),
    }


def _selector(selector: Selector, interface: str) -> JsonObject:
    return {
        "src": _prefix(selector.source),
        "dst": _prefix(selector.destination),
        "proto": protocol_name(selector.protocol) if selector.protocol else "any",
        "sport": _port(selector.source_port),
        "dport": _port(selector.destination_port),
        "dev": interface or None,
    }


def _prefix(prefix: Prefix) -> str:
    return f"{address_text(prefix.address)}/{prefix.length}"


def _port(port: PortMatch) -> JsonObject | None:
    return {"value": port.value, "mask": port.mask} if port.mask else None


def _mark(mark: Mark) -> JsonObject:
    return {"value": mark.value, "mask": mark.mask}


def _limits(limits: Limits) -> JsonObject:
    return {
        "soft_bytes": limits.soft_bytes,
        "hard_bytes": limits.hard_bytes,
        "soft_packets": limits.soft_packets,
        "hard_packets": limits.hard_packets,
        "soft_add_seconds": limits.soft_add_seconds,
        "hard_add_seconds": limits.hard_add_seconds,
        "soft_use_seconds": limits.soft_use_seconds,
        "hard_use_seconds": limits.hard_use_seconds,
    }


def _template(template: Template) -> JsonObject:
    return {
        "src": address_text(template.source),
        "dst": address_text(template.destination),
        "proto": transform_name(template.protocol),
        "mode": template.mode.name.lower(),
        "spi": template.spi,
        "reqid": template.reqid,
        "level": "use" if template.optional else "required",
        "share": template.share.name.lower(),
        "enc_mask": template.encryption_mask,
        "auth_mask": template.authentication_mask,
        "comp_mask": template.compression_mask,
    }


def _masked(entries: tuple[Masked, ...]) -> JsonObject:
    return {entry.field: entry.text for entry in sorted(entries, key=lambda entry: entry.field)}
