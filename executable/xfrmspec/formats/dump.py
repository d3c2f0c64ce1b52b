"""What a reader hands over: records with their place, what was masked, and what was not understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Policy


class InputError(ValueError):
    """A text cannot be read; `line` counts from 1 and is 0 when the file as a whole is at fault."""

    def __init__(self, file: str, line: int, found: str, expected: str, advice: str) -> None:
        place = f"{file}:{line}" if line else file
        message = f"{place}: found {found}; expected {expected}; {advice}"
        super().__init__(" ".join(message.split()))
        self.file = file
        self.line = line
        self.found = found
        self.expected = expected
        self.advice = advice


class DumpFormat(Enum):
    """Which tool printed a record; the value is its name."""

    IP_XFRM = "ip xfrm"
    SETKEY = "setkey"
    IPSECCTL = "ipsecctl"
    SETKEY_CONF = "setkey.conf"


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A line of a file; `line` counts from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A symbolic unknown: at `field` (a dotted path such as `templates[0].reqid`) the text holds `text`.

    An empty `text` means that the whole word was left out of the text. The value itself is then 0.
    """

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Spelling:
    """A known value written otherwise than its tool writes it today; kept so that printing is equal."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Detail:
    """A recognised part of a record that no rule reads; `text` is printed back as it is (no keys)."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm line of a state: `kind` is its keyword, `bits` the printed key length, never the key.

    `key` is a placeholder of the text, the constant `0x<redacted>` in place of a real key, or empty.
    `truncation` is the length of the integrity check value in bits.
    """

    kind: str
    name: str
    key: str = ""
    bits: int | None = None
    truncation: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The current lifetime of a record: octets, packets and the printed times of addition and first use."""

    octets: int
    packets: int
    added: str
    used: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A token or line that the reader does not know."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A line around the records: a title, a comment or the echo of a command."""

    at: Location
    text: str
    format: DumpFormat = DumpFormat.IP_XFRM


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """One policy of a text. `interface` is the text after `dev`; the index in the selector stands for it.

    `verbose` is True for the long form (`ip -s`). `shows_type` is False when the text names no database.
    """

    policy: Policy
    at: Location
    socket: bool = False
    masked: tuple[Masked, ...] = ()
    interface: str = ""
    spellings: tuple[Spelling, ...] = ()
    details: tuple[Detail, ...] = ()
    usage: Usage | None = None
    verbose: bool = False
    shows_type: bool = True
    format: DumpFormat = DumpFormat.IP_XFRM


@dataclass(frozen=True, slots=True)
class StateRecord:
    """One state of a text; `interface` is the text after `dev` in its selector. No keys are kept."""

    state: SecurityAssociation
    at: Location
    masked: tuple[Masked, ...] = ()
    interface: str = ""
    spellings: tuple[Spelling, ...] = ()
    algorithms: tuple[Algorithm, ...] = ()
    details: tuple[Detail, ...] = ()
    usage: Usage | None = None
    verbose: bool = False
    format: DumpFormat = DumpFormat.IP_XFRM


Record = PolicyRecord | StateRecord


@dataclass(frozen=True, slots=True)
class Dump:
    """Everything one or more texts say, in the order of the texts (kernels print the newest policy first).

    `lists_states` and `lists_policies` tell "there are none" from "they were not shown".
    """

    policies: tuple[PolicyRecord, ...] = ()
    states: tuple[StateRecord, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    lists_states: bool = False
    lists_policies: bool = False
    headings: tuple[Heading, ...] = ()

    @property
    def interfaces(self) -> Mapping[str, int]:
        """The interface names of the selectors with the indices that stand for them."""
        found = {
            record.interface: record.policy.selector.ifindex for record in self.policies if record.interface
        }
        for entry in self.states:
            if entry.interface and entry.state.selector is not None:
                found[entry.interface] = entry.state.selector.ifindex
        return dict(sorted(found.items()))


def detail_of(details: Iterable[Detail], field: str) -> str:
    """Return the text of the first detail of that field, or an empty text."""
    return next((detail.text for detail in details if detail.field == field), "")


def combine(dumps: Sequence[Dump]) -> Dump:
    """Join dumps in order; one interface name gets one index, by first appearance."""
    interfaces: dict[str, int] = {}
    return Dump(
        policies=tuple(_renumbered_policy(record, interfaces) for dump in dumps for record in dump.policies),
        states=tuple(_renumbered_state(record, interfaces) for dump in dumps for record in dump.states),
        unknown=tuple(entry for dump in dumps for entry in dump.unknown),
        lists_states=any(dump.lists_states for dump in dumps),
        lists_policies=any(dump.lists_policies for dump in dumps),
        headings=tuple(heading for dump in dumps for heading in dump.headings),
    )


def _index_of(name: str, interfaces: dict[str, int]) -> int:
    return interfaces.setdefault(name, len(interfaces) + 1)


def _renumbered_policy(record: PolicyRecord, interfaces: dict[str, int]) -> PolicyRecord:
    if not record.interface:
        return record
    selector = replace(record.policy.selector, ifindex=_index_of(record.interface, interfaces))
    return replace(record, policy=replace(record.policy, selector=selector))


def _renumbered_state(record: StateRecord, interfaces: dict[str, int]) -> StateRecord:
    selector = record.state.selector
    if not record.interface or selector is None:
        return record
    numbered = replace(selector, ifindex=_index_of(record.interface, interfaces))
    return replace(record, state=replace(record.state, selector=numbered))
