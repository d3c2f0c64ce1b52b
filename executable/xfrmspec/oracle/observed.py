"""Observations as JSON: what somebody saw of a scenario, step by step, whole or in part."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast

from xfrmspec.scenario.document import VERSION, DocumentError, from_json, to_json
from xfrmspec.scenario.observation import (
    Observation,
    OperationResult,
    StepResult,
    StoredEntry,
)
from xfrmspec.scenario.steps import (
    sorted_identities,
)
from xfrmspec.scenario.terms import DeletePolicy, Scenario, Stimulus
from xfrmspec_terms.policy import PolicyIdentity
from xfrmspec_terms.selector import UINT32_MAX

Json = Any
Path = tuple[str | int, ...]
"""Where a value stands in a document: member names and list indexes, outermost first."""

SPIS = "spis"
_CARRIER = "document.steps[0].identity"


class ObservedError(ValueError):
    """A document is no observation of the scenario; `path` says where, the text what was expected there."""

    def __init__(self, path: Path, expected: str) -> None:
        super().__init__(expected)
        self.path = path


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen: the named members of each step's result, and the final dump, None when not taken."""

    steps: tuple[Mapping[str, Json], ...]
    policies: Sequence[Json] | None = None


def observation_object(observation: Observation) -> dict[str, Json]:
    """Return an observation as JSON values, every member written out."""
    return {
        "results": [result_object(result) for result in observation.results],
        "policies": [entry_object(entry) for entry in observation.policies],
    }


def result_object(result: StepResult) -> dict[str, Json]:
    """Return one result as JSON values: `errno` alone for an operation, every member for a packet."""
    if isinstance(result, OperationResult):
        return {"errno": int(result.errno)}
    return {
        "errno": int(result.errno),
        "used": [identity_object(identity) for identity in result.used],
        "counters": dict(result.counters),
        "wire": [list(chain) for chain in result.wire],
        "delivered": None if result.delivered is None else str(result.delivered),
        "acquires": result.acquires,
        "reports": result.reports,
    }


def entry_object(entry: StoredEntry) -> dict[str, Json]:
    """Return one entry of the final dump as JSON values."""
    shown = {"priority": entry.priority, "action": int(entry.action), "templates": entry.templates}
    return {"identity": identity_object(entry.identity)} | shown


def identity_object(identity: PolicyIdentity) -> dict[str, Json]:
    """Return a policy's identity as scenario documents write it; members of default value are left out."""
    document = json.loads(to_json(Scenario((DeletePolicy(identity),))))
    return cast("dict[str, Json]", document["steps"][0]["identity"])


def read_observation(value: Json, scenario: Scenario) -> Observed:
    """Read what was seen of a scenario; ObservedError where it is no observation of that scenario.

    A member that is left out was not looked at. The list of results has one entry for each step.
    """
    _object(value, (), ("results", "policies"))
    results = _list(value.get("results"), ("results",))
    if len(results) != len(scenario.steps):
        found = f"{len(results)} results for {len(scenario.steps)} steps"
        raise ObservedError(("results",), f"one result for each step; there are {found}")
    steps = tuple(
        _result(entry, ("results", number), packet=isinstance(step, Stimulus))
        for number, (entry, step) in enumerate(zip(results, scenario.steps, strict=True))
    )
    dump = value.get("policies")
    if dump is None:
        return Observed(steps)
    entries = enumerate(_list(dump, ("policies",)))
    return Observed(steps, [_entry(entry, ("policies", number)) for number, entry in entries])


_Reader = Callable[[Json, Path], Json]


def _result(value: Json, path: Path, *, packet: bool) -> Mapping[str, Json]:
    readers = _PACKET_MEMBERS if packet else _OPERATION_MEMBERS
    _object(value, path, readers)
    return {name: readers[name](value[name], (*path, name)) for name in readers if name in value}


def _entry(value: Json, path: Path) -> Json:
    _object(value, path, _ENTRY_MEMBERS)
    missing = [name for name in _ENTRY_MEMBERS if name not in value]
    if missing:
        raise ObservedError(path, f"member {missing[0]!r}")
    return {name: read(value[name], (*path, name)) for name, read in _ENTRY_MEMBERS.items()}


def _object(value: Json, path: Path, known: Sequence[str] | Mapping[str, _Reader]) -> None:
    if not isinstance(value, dict):
        raise ObservedError(path, "an object")
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise ObservedError(path, f"no member {unknown[0]!r}; there are: {', '.join(known)}")


def _list(value: Json, path: Path) -> list[Json]:
    if not isinstance(value, list):
        raise ObservedError(path, "a list")
    return value


def _number(value: Json, path: Path) -> int:
    if type(value) is not int or not 0 <= value <= UINT32_MAX:
        raise ObservedError(path, f"a whole number of 0..{UINT32_MAX}")
    return value


def _text(value: Json, path: Path) -> str:
    if not isinstance(value, str):
        raise ObservedError(path, "a text")
    return value


def _address(value: Json, path: Path) -> str | None:
    if value is None:
        return None
    try:
        return str(ip_address(_text(value, path)))
    except ValueError as error:
        raise ObservedError(path, f"an address or null; {error}") from error


def _counters(value: Json, path: Path) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ObservedError(path, "an object of counter names and how much each grew")
    return {name: _number(value[name], (*path, name)) for name in sorted(value)}


def _wire(value: Json, path: Path) -> list[list[str]]:
    return [_all(_text, chain, (*path, number)) for number, chain in enumerate(_list(value, path))]


def _numbers(value: Json, path: Path) -> list[int]:
    return _all(_number, value, path)


def _all(read: Callable[[Json, Path], Json], value: Json, path: Path) -> list[Json]:
    return [read(item, (*path, number)) for number, item in enumerate(_list(value, path))]


def _identity(value: Json, path: Path) -> PolicyIdentity:
    """Read an identity as the scenario language does, inside a document that holds nothing else."""
    carrier = {"version": VERSION, "steps": [{"do": "delete-policy", "identity": value}]}
    try:
        (step,) = from_json(json.dumps(carrier)).steps
    except DocumentError as error:
        inside, expected = split_complaint(str(error), _CARRIER)
        raise ObservedError((*path, *inside), expected) from error
    return cast("DeletePolicy", step).identity


def _identity_again(value: Json, path: Path) -> Json:
    return identity_object(_identity(value, path))


def _used(value: Json, path: Path) -> list[Json]:
    return [identity_object(identity) for identity in sorted_identities(_all(_identity, value, path))]


def split_complaint(text: str, root: str) -> tuple[Path, str]:
    """Return (path below `root`, what was expected) of a DocumentError's text."""
    place, _, expected = text.partition(": ")
    words = re.findall(r"\.(\w+)|\[(\d+)\]", place.removeprefix(root))
    return tuple(name or int(number) for name, number in words), expected


_OPERATION_MEMBERS: Mapping[str, _Reader] = {"errno": _number}
_PACKET_MEMBERS: Mapping[str, _Reader] = {
    "errno": _number,
    "used": _used,
    "counters": _counters,
    "wire": _wire,
    "delivered": _address,
    "acquires": _number,
    "reports": _number,
    SPIS: _numbers,
}
_ENTRY_MEMBERS: Mapping[str, _Reader] = {
    "identity": _identity_again,
    "priority": _number,
    "action": _number,
    "templates": _number,
}
