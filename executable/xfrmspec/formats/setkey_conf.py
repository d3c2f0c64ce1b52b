"""Reads and writes `setkey.conf`, the language of `setkey -c` and `setkey -f`, as what its commands leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from xfrmspec.formats.dump import Dump, DumpFormat, Heading, InputError, Location, PolicyRecord, StateRecord
from xfrmspec.formats.merging import ordered_lines
from xfrmspec.formats.names import DIRECTIONS
from xfrmspec.formats.setkey_conf_policy import policy_command, policy_lines, read_policy_selector
from xfrmspec.formats.setkey_conf_state import STATE_PROTOCOLS, read_state_key, state_command, state_lines
from xfrmspec.formats.setkey_script import CommandCursor, Script, Word, cursor_over, read_script
from xfrmspec.formats.words import Notes, quoted
from xfrmspec_terms.policy import Policy, identity_of
from xfrmspec_terms.selector import Protocol

_FAMILY_FLAGS = ("-4", "-6", "-46", "-n", "-4n", "-6n", "-46n")


@dataclass(slots=True)
class _Tables:
    """What the commands have left so far, oldest first."""

    file: str
    policies: list[PolicyRecord] = field(default_factory=list)
    states: list[StateRecord] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    notes: Notes = field(default_factory=lambda: Notes(""))

    def keep(self, line: int, text: str) -> None:
        """Keep a comment, or a command that adds nothing, as a heading."""
        self.headings.append(Heading(Location(self.file, line), text, DumpFormat.SETKEY_CONF))


def read_setkey_conf(text: str, file: str) -> Dump:
    """Read a script for setkey and carry its commands out in order, from empty databases.

    Flushes and deletions take away what the script itself has added; they, comments, and commands that only
    read are kept as headings. The result lists the newest policy first, as dumps do. A priority that is not
    written is 0, the strongest. Keys are never kept. InputError for a command that setkey or the kernel
    would refuse, and for a text that ends inside a command.
    """
    script = read_script(text)
    tables = _Tables(file)
    for comment in script.comments:
        tables.keep(comment.line, comment.text)
    for command in script.commands:
        _carry_out(command, tables)
    _refuse_rest(script, file)
    return Dump(
        policies=tuple(reversed(tables.policies)),
        states=tuple(tables.states),
        unknown=tuple(tables.notes.unknown),
        lists_states=bool(tables.states),
        lists_policies=bool(tables.policies) or any(h.text.startswith("spd") for h in tables.headings),
        headings=tuple(sorted(tables.headings, key=lambda heading: heading.at.line)),
    )


def _refuse_rest(script: Script, file: str) -> None:
    if script.rest:
        last = script.rest[-1]
        found = f"{quoted(last.text)} and no end of the command"
        raise InputError(file, last.line, found, "';'", "end every command with a semicolon")


def _carry_out(command: tuple[Word, ...], tables: _Tables) -> None:
    notes = Notes(tables.file)
    cursor = cursor_over(command, notes)
    reader = cursor.choice(_COMMANDS, "a command")
    reader(cursor, tables)
    if not cursor.done:
        raise _unexpected(cursor)
    tables.notes.unknown.extend(notes.unknown)


def _unexpected(cursor: CommandCursor) -> InputError:
    word = cursor.take("a word")
    return cursor.error(word, "the end of the command", "remove it, or end the command before it")


def skip_flags(cursor: CommandCursor) -> None:
    """Step over flags that only choose how names are resolved."""
    while cursor.peek() in _FAMILY_FLAGS:
        cursor.take("a flag")


def _at(cursor: CommandCursor, tables: _Tables) -> Location:
    return Location(tables.file, cursor.line.number)


def _spdadd(cursor: CommandCursor, tables: _Tables) -> None:
    skip_flags(cursor)
    tables.policies.append(policy_command(cursor, _at(cursor, tables)))


def _spdupdate(cursor: CommandCursor, tables: _Tables) -> None:
    """What is replaced keeps its place; there need not be anything."""
    skip_flags(cursor)
    record = policy_command(cursor, _at(cursor, tables))
    identity = identity_of(record.policy)
    places = [n for n, found in enumerate(tables.policies) if identity_of(found.policy) == identity]
    if places:
        tables.policies[places[0]] = record
    else:
        tables.policies.append(record)


def _spddelete(cursor: CommandCursor, tables: _Tables) -> None:
    skip_flags(cursor)
    selector = read_policy_selector(cursor)
    cursor.literal("-P")
    identity = identity_of(Policy(selector, cursor.choice(DIRECTIONS, "a direction")))
    tables.policies = [found for found in tables.policies if identity_of(found.policy) != identity]
    _keep_command(cursor, tables)


def _spdflush(cursor: CommandCursor, tables: _Tables) -> None:
    tables.policies = []
    _keep_command(cursor, tables)


def _add(cursor: CommandCursor, tables: _Tables) -> None:
    skip_flags(cursor)
    tables.states.append(state_command(cursor, _at(cursor, tables)))


def _delete(cursor: CommandCursor, tables: _Tables) -> None:
    skip_flags(cursor)
    key = read_state_key(cursor)
    tables.states = [
        found
        for found in tables.states
        if (found.state.destination, found.state.protocol, found.state.spi)
        != (key.destination, key.protocol, key.spi)
    ]
    _keep_command(cursor, tables)


def _get(cursor: CommandCursor, tables: _Tables) -> None:
    skip_flags(cursor)
    read_state_key(cursor)
    _keep_command(cursor, tables)


def _deleteall(cursor: CommandCursor, tables: _Tables) -> None:
    skip_flags(cursor)
    source, destination = cursor.address("source"), cursor.address("destination")
    protocol = cursor.choice(STATE_PROTOCOLS, "a protocol")
    tables.states = [
        found
        for found in tables.states
        if (found.state.source, found.state.destination, found.state.protocol)
        != (source, destination, protocol)
    ]
    _keep_command(cursor, tables)


def _flush(cursor: CommandCursor, tables: _Tables) -> None:
    protocol = _optional_protocol(cursor)
    tables.states = [found for found in tables.states if protocol not in (None, found.state.protocol)]
    _keep_command(cursor, tables)


def _dump(cursor: CommandCursor, tables: _Tables) -> None:
    _optional_protocol(cursor)
    _keep_command(cursor, tables)


def _spddump(cursor: CommandCursor, tables: _Tables) -> None:
    _keep_command(cursor, tables)


def _optional_protocol(cursor: CommandCursor) -> Protocol | None:
    return None if cursor.done else cursor.choice(STATE_PROTOCOLS, "a protocol")


def _keep_command(cursor: CommandCursor, tables: _Tables) -> None:
    tables.keep(cursor.line.number, f"{cursor.line.text};")


_COMMANDS: Mapping[str, Callable[[CommandCursor, _Tables], None]] = {
    "add": _add,
    "get": _get,
    "delete": _delete,
    "deleteall": _deleteall,
    "flush": _flush,
    "dump": _dump,
    "spdadd": _spdadd,
    "spdupdate": _spdupdate,
    "spddelete": _spddelete,
    "spdflush": _spdflush,
    "spddump": _spddump,
}


def print_setkey_conf(dump: Dump) -> str:
    """Write the records of scripts as commands that setkey reads; keys as a constant that it refuses."""
    oldest_first = replace(dump, policies=tuple(reversed(dump.policies)))
    return ordered_lines(oldest_first, DumpFormat.SETKEY_CONF, policy_lines, state_lines)
