"""A mutation: one rule of the reference broken on purpose, planted for a while and taken out again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from textwrap import dedent
from types import CodeType, FunctionType
from typing import Any

from xfrmspec_terms.profile import LINUX_6_1, Profile

_WHERE = "<mutation>"


class MutationError(ValueError):
    """A mutation does not fit the reference any more; the text says what was looked for, and where."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One place in the text of one function of the reference, and what stands there instead."""

    function: Callable[..., Any]
    before: str
    after: str

    def code(self) -> CodeType:
        """Return the function's code with the place rewritten; MutationError unless it occurs once.

        The text is read once, so that a long run does not see what happens to it meanwhile.
        """
        return _rewritten(self)

    @property
    def subject(self) -> FunctionType:
        """The function itself, which everyone who imported it shares."""
        assert isinstance(self.function, FunctionType)
        return self.function


@cache
def _rewritten(change: Rewrite) -> CodeType:
    function, before = change.subject, change.before
    text = dedent(inspect.getsource(function))
    if text.count(before) != 1:
        found = f"{text.count(before)} times in {function.__module__}.{function.__qualname__}"
        raise MutationError(f"{before!r} occurs {found}")
    changed = "from __future__ import annotations\n" + text.replace(before, change.after)
    module = compile(changed, _WHERE, "exec", dont_inherit=True)
    return next(
        constant
        for constant in module.co_consts
        if isinstance(constant, CodeType) and constant.co_name == function.__name__
    )


@dataclass(frozen=True, slots=True)
class Mutation:
    """One wrong rule.

    `name` states the wrong rule, `clause` is the one it breaks. It breaks either the text of a function or
    `switches` of the profile whose rules it is about. `unseen` says why no scenario can show it; a mutation
    without these words has to be caught.
    """

    name: str
    clause: str
    rewrite: Rewrite | None = None
    switches: Mapping[str, object] = field(default_factory=dict)
    profile: Profile = LINUX_6_1
    unseen: str = ""

    @contextmanager
    def planted(self) -> Iterator[Profile]:
        """Break the reference inside the `with` block, and yield the profile to run it under."""
        if self.rewrite is None:
            yield replace(self.profile, **self.switches)  # type: ignore[arg-type]
            return
        subject, wrong = self.rewrite.subject, self.rewrite.code()
        right = subject.__code__
        subject.__code__ = wrong  # type: ignore[misc]
        try:
            yield self.profile
        finally:
            subject.__code__ = right  # type: ignore[misc]


def wrong(
    name: str, clause: str, function: Callable[..., Any], before: str, after: str, *, unseen: str = ""
) -> Mutation:
    """Return a mutation of a function; `clause` without its XFRM- prefix."""
    return Mutation(name, f"XFRM-{clause}", Rewrite(function, before, after), unseen=unseen)


def switched(
    name: str, clause: str, profile: Profile = LINUX_6_1, *, unseen: str = "", **switches: object
) -> Mutation:
    """Return a mutation of a profile's switches; `clause` without its XFRM- prefix."""
    return Mutation(name, f"XFRM-{clause}", None, switches, profile, unseen)
