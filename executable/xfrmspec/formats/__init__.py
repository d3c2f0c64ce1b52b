"""Readers and writers of the dumps that users have; `read_dump` recognises the format."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from xfrmspec.formats.as_json import dump_to_json
from xfrmspec.formats.dump import (
    Algorithm,
    Detail,
    Dump,
    DumpFormat,
    Heading,
    InputError,
    Location,
    Masked,
    PolicyRecord,
    Spelling,
    StateRecord,
    Unknown,
    Usage,
    combine,
)
from xfrmspec.formats.ip_xfrm import print_ip_xfrm, read_ip_xfrm
from xfrmspec.formats.ipsecctl import print_ipsecctl, read_ipsecctl
from xfrmspec.formats.setkey import print_setkey, read_setkey
from xfrmspec.formats.setkey_conf import print_setkey_conf, read_setkey_conf
from xfrmspec.formats.setkey_policy import is_policy_head
from xfrmspec.formats.setkey_state import is_state_head
from xfrmspec.formats.words import Line, lines_of, quoted

__all__ = [
    "Algorithm",
    "Detail",
    "Dump",
    "DumpFormat",
    "Heading",
    "InputError",
    "Location",
    "Masked",
    "PolicyRecord",
    "Spelling",
    "StateRecord",
    "Unknown",
    "Usage",
    "combine",
    "dump_to_json",
    "print_dump",
    "print_ip_xfrm",
    "print_ipsecctl",
    "print_setkey",
    "print_setkey_conf",
    "read_dump",
    "read_file",
    "read_ip_xfrm",
    "read_ipsecctl",
    "read_setkey",
    "read_setkey_conf",
]

_KNOWN_DUMPS = "a dump of ip xfrm, setkey -D, setkey -DP or ipsecctl, or a script for setkey"
_SCRIPT_MARK = re.compile(
    r"#!.*setkey|spd(?:add|update|delete|flush|dump)\b|(?:flush|dump)(?: [a-z-]+)? ?;"
    r"|(?:add|get|delete)(?: -[46n]+)* \S+ \S+ (?:esp|ah|ipcomp)\S*(?: |\Z)"
)
"""How a command of a `setkey.conf` begins; a dump of `ip -s xfrm` has lines that begin with add as well."""
_MARKS: tuple[tuple[DumpFormat, re.Pattern[str]], ...] = (
    (DumpFormat.IP_XFRM, re.compile(r"src \S|XFRM (?:state|policy):|dir (?:in|out|fwd) |socket (?:in|out) ")),
    (DumpFormat.IPSECCTL, re.compile(r"FLOWS:\Z|SAD:\Z|flow \S+ (?:in|out) |.*\bipsecctl\b")),
    (DumpFormat.IPSECCTL, re.compile(r"\S+ (?:tunnel|transport) from \S+ to ")),
    (DumpFormat.SETKEY, re.compile(r"No S[AP]D entries\.|.*\bsetkey -D|\S+ mode=|spid=|sadb_seq=")),
)
_READERS: dict[DumpFormat, Callable[[str, str], Dump]] = {
    DumpFormat.IP_XFRM: read_ip_xfrm,
    DumpFormat.SETKEY: read_setkey,
    DumpFormat.IPSECCTL: read_ipsecctl,
    DumpFormat.SETKEY_CONF: read_setkey_conf,
}
_PRINTERS: dict[DumpFormat, Callable[[Dump], str]] = {
    DumpFormat.IP_XFRM: print_ip_xfrm,
    DumpFormat.SETKEY: print_setkey,
    DumpFormat.IPSECCTL: print_ipsecctl,
    DumpFormat.SETKEY_CONF: print_setkey_conf,
}


def read_dump(text: str, file: str) -> Dump:
    """Read a dump in any known format; InputError when it has none, is cut off, or holds a wrong value.

    An empty text is an empty dump: a kernel without policies prints nothing.
    """
    lines = lines_of(text)
    form = next((found for line in lines if (found := _format_of(line)) is not None), DumpFormat.IP_XFRM)
    if any(_SCRIPT_MARK.match(line.text) for line in lines):
        form = DumpFormat.SETKEY_CONF
    dump = _READERS[form](text, file)
    if dump.unknown and not (dump.policies or dump.states or dump.headings):
        first = dump.unknown[0]
        raise InputError(file, first.line, quoted(first.text), _KNOWN_DUMPS, "give the listing itself")
    return dump


def _format_of(line: Line) -> DumpFormat | None:
    if is_state_head(line) or is_policy_head(line):
        return DumpFormat.SETKEY
    return next((form for form, mark in _MARKS if mark.match(line.text)), None)


def read_file(path: Path) -> Dump:
    """Read the dump in a file; InputError too for a directory and a missing, unreadable or binary file."""
    file = str(path)
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        raise InputError(file, 0, "no such file", "a file with a dump", "check the name") from None
    except IsADirectoryError:
        raise InputError(file, 0, "a directory", "a file with a dump", "name the file inside it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "an impossible name"
        raise InputError(file, 0, reason, "a readable file", "check its name and permissions") from None
    if b"\0" in octets:
        line = octets[: octets.index(b"\0")].count(b"\n") + 1
        raise InputError(file, line, "a binary file (a NUL octet)", "a text file", "give the dump as text")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets[: error.start].count(b"\n") + 1
        raise InputError(
            file, line, "octets that are not UTF-8", "a text file", "give the dump as text"
        ) from None
    return read_dump(text, file)


def print_dump(dump: Dump) -> str:
    """Write a dump in the formats of its records, each format on its own if there are several."""
    return "".join(_PRINTERS[form](dump) for form in DumpFormat)
