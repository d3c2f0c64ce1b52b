"""Reading what the command line names: dumps, profiles, output formats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import typer

from xfrmspec.configuration import Configuration, configuration_of
from xfrmspec.formats import read_file
from xfrmspec.formats.dump import Dump, InputError, combine
from xfrmspec_terms.profile import PROFILES, Profile, profile_named


class UsageError(ValueError):
    """The words of a command do not make sense; the text says what to change."""


class OutputFormat(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"


class ProfileName(StrEnum):
    """The presets, for the command line's own checking."""

    CLEAN = "clean"
    LINUX_6_1 = "linux-6.1"
    LINUX_6_18 = "linux-6.18"
    USAGI_2004 = "usagi-2004"

    @property
    def profile(self) -> Profile:
        """The preset itself."""
        return profile_named(self.value)


assert {name.value for name in ProfileName} == set(PROFILES)


def read_dumps(paths: Sequence[Path]) -> tuple[Dump, bool]:
    """Read dumps and say whether states are known; InputError for unreadable or jointly empty input.

    A file without any content is what `ip xfrm state` prints of an empty database, so beside a policy
    dump it says that there are no states.
    """
    dumps = [read_file(path) for path in paths]
    joined = combine(dumps)
    if not joined.policies and not joined.states and not joined.unknown:
        raise InputError(
            ", ".join(str(path) for path in paths),
            0,
            "no policy and no state",
            "the output of `ip xfrm policy` or `ip xfrm state`",
            "take the dump as root on the host in question",
        )
    silent = any(not dump.lists_policies and not dump.lists_states for dump in dumps)
    return joined, joined.lists_states or silent


def read_configuration(paths: Sequence[Path], profile: Profile) -> tuple[Configuration, Dump]:
    """Read dumps and install their policies under a profile; InputError as `read_dumps`."""
    dump, states_known = read_dumps(paths)
    return configuration_of(dump, profile, states_known=states_known), dump


def warn_unknown(dump: Dump) -> None:
    """Tell on standard error which tokens the reader did not know."""
    for entry in dump.unknown:
        typer.echo(f"xfrmspec: {entry.file}:{entry.line}: not understood: {entry.text}", err=True)


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """Write one JSON document, keys in the order given, two spaces of indentation."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
