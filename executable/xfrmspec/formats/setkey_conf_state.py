"""States in a `setkey.conf`: the command `add`, as the kernel reads it from PF_KEY."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xfrmspec.formats.dump import Algorithm, Detail, DumpFormat, Location, Spelling, StateRecord, detail_of
from xfrmspec.formats.redaction import REDACTED
from xfrmspec.formats.setkey_script import CommandCursor
from xfrmspec.formats.words import Wording, hex_text, quoted
from xfrmspec.interfaces.key_message import WINDOW_MAX
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import NO_LIMITS, Limits, Mode
from xfrmspec_terms.selector import Protocol, family_of

STATE_PROTOCOLS: Mapping[str, Protocol] = {
    "esp": Protocol.ESP,
    "esp-old": Protocol.ESP,
    "esp-udp": Protocol.ESP,
    "ah": Protocol.AH,
    "ah-old": Protocol.AH,
    "ipcomp": Protocol.IPCOMP,
}
"""Protocols of states by the names of setkey."""
_MODES = {"any": Mode.TRANSPORT, "transport": Mode.TRANSPORT, "tunnel": Mode.TUNNEL, "beet": Mode.BEET}
_KEYED = {"-E": "an encryption algorithm", "-A": "an authentication algorithm"}
_ALGORITHM = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_PADDING = ("zero-pad", "random-pad", "seq-pad", "nocyclic-seq")
_SECONDS_TOP = (1 << 64) - 1


@dataclass(slots=True)
class _Draft:
    """A state while the words of its command are read."""

    state: SecurityAssociation
    limits: Limits = NO_LIMITS
    algorithms: list[Algorithm] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)


def read_state_key(cursor: CommandCursor) -> SecurityAssociation:
    """Read source, destination, protocol and SPI."""
    source, word = cursor.address("source"), cursor.peek()
    destination = cursor.address("destination")
    if source.version != destination.version:
        raise cursor.error(word, "two addresses of one family")
    word = cursor.peek()
    protocol = cursor.choice(STATE_PROTOCOLS, "a protocol")
    cursor.notes.spell("protocol", word, _protocol_name(protocol))
    spi = cursor.number("spi", hex_text)
    family = family_of(source)
    return SecurityAssociation(source, destination, protocol, Mode.TRANSPORT, spi, family=family)


def _protocol_name(protocol: Protocol) -> str:
    return next(name for name, number in STATE_PROTOCOLS.items() if number is protocol)


def state_command(cursor: CommandCursor, at: Location) -> StateRecord:
    """Read what follows `add`; the keys are not kept. InputError for what setkey would refuse."""
    draft = _Draft(read_state_key(cursor))
    while not cursor.done:
        word = cursor.peek()
        if word in _KEYED:
            _read_algorithm(cursor, draft)
        else:
            reader = cursor.choice(_OPTIONS, "an option")
            reader(cursor, draft)
    _require_algorithms(cursor, draft)
    return StateRecord(
        replace(draft.state, limits=draft.limits),
        at,
        masked=tuple(cursor.notes.masked),
        spellings=tuple(cursor.notes.spellings),
        algorithms=tuple(draft.algorithms),
        details=tuple(draft.details),
        format=DumpFormat.SETKEY_CONF,
    )


def _require_algorithms(cursor: CommandCursor, draft: _Draft) -> None:
    """The algorithm that makes the protocol must be there (XFRM-KEY-007)."""
    wanted = {Protocol.ESP: "-E", Protocol.AH: "-A", Protocol.IPCOMP: "-C"}[draft.state.protocol]
    if all(algorithm.kind != wanted for algorithm in draft.algorithms):
        protocol = _protocol_name(draft.state.protocol)
        raise cursor.error(cursor.line.words[-1], f"'{wanted}' and an algorithm, which {protocol} needs")


def _read_algorithm(cursor: CommandCursor, draft: _Draft) -> None:
    kind = cursor.take("an option")
    _once(cursor, draft, kind)
    name = cursor.take(_KEYED[kind])
    if not _ALGORITHM.match(name):
        raise cursor.error(name, _KEYED[kind], "write the algorithm in front of its key")
    key = "" if name == "null" and cursor.peek() != REDACTED else cursor.take("a key")
    if key not in ("", REDACTED):
        raise cursor.error(key, "a key", "write it as 0x and hexadecimal digits, or in quotes")
    draft.algorithms.append(Algorithm(kind, name, key))


def _once(cursor: CommandCursor, draft: _Draft, kind: str) -> None:
    if any(algorithm.kind == kind for algorithm in draft.algorithms):
        raise cursor.again(kind, f"one {quoted(kind)} per state")


def _read_compression(cursor: CommandCursor, draft: _Draft) -> None:
    _once(cursor, draft, "-C")
    name = cursor.take("a compression algorithm")
    raw = ""
    if cursor.peek() == "-R":
        raw = f" {cursor.take('an option')}"
    draft.algorithms.append(Algorithm("-C", f"{name}{raw}"))


def _read_mode(cursor: CommandCursor, draft: _Draft) -> None:
    word = cursor.peek()
    mode = cursor.choice(_MODES, "a mode")
    cursor.notes.spellings.append(Spelling("mode", word))
    draft.state = replace(draft.state, mode=mode)


def _read_window(cursor: CommandCursor, draft: _Draft) -> None:
    """The kernel takes the number for packets, whatever the tool calls it, and cuts it down."""
    size = cursor.number("", str, 0xFF)
    draft.details.append(Detail("replay_window", f"-r {size}"))
    draft.state = replace(draft.state, replay_window=min(size, WINDOW_MAX))


def _read_reqid(cursor: CommandCursor, draft: _Draft) -> None:
    draft.state = replace(draft.state, reqid=cursor.number("reqid", str))


def _limit(name: str) -> Callable[[CommandCursor, _Draft], None]:
    def read(cursor: CommandCursor, draft: _Draft) -> None:
        value = cursor.number("", str, _SECONDS_TOP)
        unlimited = None if name.endswith("bytes") else 0
        changed: dict[str, Any] = {name: value or unlimited}
        draft.limits = replace(draft.limits, **changed)

    return read


def _read_padding(cursor: CommandCursor, draft: _Draft) -> None:
    word = cursor.take(f"one of {', '.join(_PADDING)}")
    if word not in _PADDING:
        raise cursor.error(word, f"one of {', '.join(_PADDING)}")
    draft.details.append(Detail("padding", f"-f {word}"))


def _read_context(cursor: CommandCursor, draft: _Draft) -> None:
    words = [cursor.take("a security context") for _ in range(3)]
    draft.details.append(Detail("security_context", f"-ctx {' '.join(words)}"))


_LIMIT_OPTIONS = {
    "-lh": "hard_add_seconds",
    "-ls": "soft_add_seconds",
    "-bh": "hard_bytes",
    "-bs": "soft_bytes",
}
_OPTIONS: Mapping[str, Callable[[CommandCursor, _Draft], None]] = {
    "-m": _read_mode,
    "-r": _read_window,
    "-u": _read_reqid,
    "-f": _read_padding,
    "-ctx": _read_context,
    "-C": _read_compression,
    **{option: _limit(name) for option, name in _LIMIT_OPTIONS.items()},
}


def state_lines(record: StateRecord) -> list[str]:
    """Write one state as an `add` command, without its keys."""
    state, wording = record.state, Wording(record)
    words = ["add", str(state.source), str(state.destination)]
    words += [wording("protocol", _protocol_name(state.protocol)), wording("spi", hex_text(state.spi))]
    mode = wording("mode", "" if state.mode is Mode.TRANSPORT else state.mode.name.lower())
    words += [f"-m {mode}"] if mode else []
    reqid = wording("reqid", str(state.reqid))
    words += [f"-u {reqid}"] if reqid != "0" else []
    words += [
        text
        for name in ("replay_window", "padding", "security_context")
        if (text := detail_of(record.details, name))
    ]
    for option, name in _LIMIT_OPTIONS.items():
        value = getattr(state.limits, name)
        words += [f"{option} {value}"] if value else []
    words += [" ".join(filter(None, (entry.kind, entry.name, entry.key))) for entry in record.algorithms]
    return [" ".join(words) + ";"]
