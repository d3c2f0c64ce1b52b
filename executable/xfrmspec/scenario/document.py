"""Scenarios as JSON documents, and the JSON Schema that describes them; both follow the types."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum, IntFlag
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Union, get_args, get_origin, get_type_hints

from xfrmspec.scenario.terms import Operation, Scenario, Step, Stimulus, Wait
from xfrmspec_terms.selector import Prefix

VERSION = 1
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"
_TAG = "do"


class DocumentError(ValueError):
    """A document is no scenario; the text is a path into it and what was expected there."""


def to_json(scenario: Scenario) -> str:
    """Return a scenario as a JSON document; members with their default value are left out."""
    return json.dumps({"version": VERSION} | _members(scenario), indent=2)


def from_json(text: str) -> Scenario:
    """Read a JSON document; DocumentError names the place and what was expected there."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DocumentError(f"document: {error}") from error
    if not isinstance(document, dict) or document.pop("version", None) != VERSION:
        raise DocumentError(f"document: an object with version {VERSION}")
    scenario: Scenario = _read_members(Scenario, document, "document")
    return scenario


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario documents."""
    definitions: dict[str, Any] = {}
    top = _object_schema(Scenario, definitions)
    top["properties"] = {"version": {"const": VERSION}} | top["properties"]
    top["required"] = ["version", *top.get("required", [])]
    return {"$schema": SCHEMA_ID, "title": "xfrmspec scenario"} | top | {"$defs": definitions}


def step_name(kind: type[Any]) -> str:
    """Return what a document calls a kind of step: its class name in lower case with dashes."""
    return "".join("-" + c.lower() if c.isupper() else c for c in kind.__name__).lstrip("-")


@cache
def _steps() -> Mapping[str, type[Any]]:
    return {step_name(kind): kind for kind in (*get_args(Operation), *get_args(Stimulus), Wait)}


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def _members(value: Any) -> dict[str, Any]:
    hints = _hints(type(value))
    members = {entry.name: (getattr(value, entry.name), _default(entry)) for entry in fields(value)}
    return {
        name: int(member) if hints[name] is int else _value(member)
        for name, (member, default) in members.items()
        if member != default
    }


def _default(entry: Field[Any]) -> Any:
    return entry.default_factory() if entry.default_factory is not MISSING else entry.default


def _value(value: Any) -> Any:
    if isinstance(value, IntFlag):
        return int(value)
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Prefix | IPv6Address | IPv4Address):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if not is_dataclass(value):
        return value
    if type(value) in _steps().values():
        return {_TAG: step_name(type(value))} | _members(value)
    return _members(value)


def _read(kind: Any, value: Any, place: str) -> Any:
    """Read one value as a type; DocumentError where it does not fit."""
    if kind is Step:
        return _read_step(value, place)
    if get_origin(kind) in (Union, types.UnionType):
        return _read_union(get_args(kind), value, place)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise DocumentError(f"{place}: a list")
        return tuple(_read(get_args(kind)[0], item, f"{place}[{i}]") for i, item in enumerate(value))
    if is_dataclass(kind) and isinstance(kind, type) and kind is not Prefix:
        if not isinstance(value, dict):
            raise DocumentError(f"{place}: an object")
        return _read_members(kind, value, place)
    return _read_scalar(kind, value, place)


def _read_step(value: Any, place: str) -> Any:
    kind = _steps().get(str(value.get(_TAG))) if isinstance(value, dict) else None
    if kind is None:
        raise DocumentError(f"{place}: an object whose '{_TAG}' is one of {', '.join(sorted(_steps()))}")
    members = {name: member for name, member in value.items() if name != _TAG}
    return _read_members(kind, members, place)


def _read_members(kind: type[Any], value: Mapping[str, Any], place: str) -> Any:
    known = {entry.name: entry for entry in fields(kind)}
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise DocumentError(f"{place}: no member {unknown[0]!r}; there are: {', '.join(known)}")
    missing = [name for name, entry in known.items() if name not in value and _default(entry) is MISSING]
    if missing:
        raise DocumentError(f"{place}: member {missing[0]!r}")
    hints = _hints(kind)
    members = {name: _read(hints[name], member, f"{place}.{name}") for name, member in value.items()}
    try:
        return kind(**members)
    except ValueError as error:
        raise DocumentError(f"{place}: {error}") from error


def _read_union(options: tuple[Any, ...], value: Any, place: str) -> Any:
    """Of the types that could be meant, the last complaint is the one about the value's own shape."""
    if value is None and type(None) in options:
        return None
    complaint = DocumentError(f"{place}: a value")
    for option in options:
        if option is type(None):
            continue
        try:
            return _read(option, value, place)
        except DocumentError as refusal:
            complaint = refusal
    raise complaint


def _read_scalar(kind: Any, value: Any, place: str) -> Any:
    if kind is bool or kind is int:
        if type(value) is not kind:
            raise DocumentError(f"{place}: {'true or false' if kind is bool else 'a whole number'}")
        return value
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, value, place)
    if not isinstance(value, str):
        raise DocumentError(f"{place}: a text")
    if kind is str:
        return value
    try:
        if kind is bytes:
            return bytes.fromhex(value)
        read = Prefix.parse(value) if kind is Prefix else ip_address(value)
    except ValueError as error:
        raise DocumentError(f"{place}: {error}") from error
    if kind is not Prefix and not isinstance(read, kind):
        raise DocumentError(f"{place}: an {kind.__name__}")
    return read


def _read_enum(kind: type[Enum], value: Any, place: str) -> Enum:
    if issubclass(kind, IntFlag):
        if type(value) is int:
            return kind(value)
        raise DocumentError(f"{place}: a whole number")
    by_name = {member.name.lower(): member for member in kind}
    if not isinstance(value, str) or value not in by_name:
        raise DocumentError(f"{place}: one of {', '.join(by_name)}")
    return by_name[value]


def _type_schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind is Step:
        return {"oneOf": [_reference(step, definitions) for step in _steps().values()]}
    if get_origin(kind) in (Union, types.UnionType):
        return {"anyOf": [_type_schema(option, definitions) for option in get_args(kind)]}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _type_schema(get_args(kind)[0], definitions)}
    if is_dataclass(kind) and isinstance(kind, type) and kind is not Prefix:
        return _reference(kind, definitions)
    return _scalar_schema(kind)


def _scalar_schema(kind: Any) -> dict[str, Any]:
    simple = {bool: "boolean", int: "integer", type(None): "null"}
    if kind in simple:
        return {"type": simple[kind]}
    if isinstance(kind, type) and issubclass(kind, IntFlag):
        return {"type": "integer"}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.name.lower() for member in kind]}
    described = {
        Prefix: "ADDRESS/LENGTH",
        IPv6Address: "an IPv6 address",
        IPv4Address: "an IPv4 address",
        bytes: "octets in hexadecimal digits",
    }
    return {"type": "string"} | ({"description": described[kind]} if kind in described else {})


def _reference(kind: type[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        definitions[kind.__name__] = _object_schema(kind, definitions)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _object_schema(kind: type[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    hints = _hints(kind)
    properties = {entry.name: _type_schema(hints[entry.name], definitions) for entry in fields(kind)}
    required = [entry.name for entry in fields(kind) if _default(entry) is MISSING]
    if kind in _steps().values():
        properties = {_TAG: {"const": step_name(kind)}} | properties
        required = [_TAG, *required]
    shown = {"description": (kind.__doc__ or "").split("\n")[0], "type": "object"}
    return shown | {"properties": properties, "required": required, "additionalProperties": False}
