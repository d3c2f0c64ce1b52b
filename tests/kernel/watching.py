"""Which mutations would matter to a scenario: the sound reference runs, and every wrong rule beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from kernel.mutation import Mutation
from xfrmspec_terms.profile import Profile

_Rule = Callable[..., Any]
_HOOK = "the hook"


def _relay(*values: object, **named: object) -> object:
    """Call the hook that stands in the place of the constant: a function keeps its own global names."""
    hook: Any = "the hook"
    return hook(*values, **named)


@dataclass(slots=True)
class Watch:
    """The names of the mutations that would have made a difference since it was last cleared.

    A rule is a function of its arguments. So as long as a wrong one gives the same results as the right one,
    call for call, the whole run is the same, and the scenario need not be run under that mutation.
    """

    concerned: set[str] = field(default_factory=set)
    _comparing: bool = False

    @contextmanager
    def over(self, mutations: Iterable[Mutation]) -> Iterator[None]:
        """Watch inside the `with` block for these mutations; of switches it notes whether they are read."""
        rewritten: dict[Any, list[Mutation]] = defaultdict(list)
        switches: dict[str, list[str]] = defaultdict(list)
        for mutation in mutations:
            if mutation.rewrite is not None:
                rewritten[mutation.rewrite.subject].append(mutation)
            for switch in mutation.switches:
                switches[switch].append(mutation.name)
        with ExitStack() as stack:
            for subject, planted in rewritten.items():
                stack.enter_context(self._hooked(subject, planted))
            for switch, names in switches.items():
                stack.enter_context(self._read(switch, names))
            yield

    @contextmanager
    def _hooked(self, subject: Any, mutations: list[Mutation]) -> Iterator[None]:
        right = subject.__code__
        wrong = [(m.name, _twin(subject, m.rewrite.code())) for m in mutations if m.rewrite]
        hook = self._comparison(_twin(subject, right), wrong)
        relay = _relay.__code__
        constants = tuple(hook if c == _HOOK else c for c in relay.co_consts)
        subject.__code__ = relay.replace(co_consts=constants, co_name=right.co_name)
        try:
            yield
        finally:
            subject.__code__ = right

    def _comparison(self, right: _Rule, wrong: Sequence[tuple[str, _Rule]]) -> _Rule:
        def compared(*values: object, **named: object) -> object:
            if self._comparing:
                return right(*values, **named)
            try:
                result = right(*values, **named)
            except BaseException:
                self.concerned.update(name for name, _ in wrong)
                raise
            self._comparing = True
            try:
                self.concerned.update(n for n, rule in wrong if _differs(rule, values, named, result))
            finally:
                self._comparing = False
            return result

        return compared

    @contextmanager
    def _read(self, switch: str, names: list[str]) -> Iterator[None]:
        slot = vars(Profile)[switch]

        def reading(profile: Profile) -> object:
            self.concerned.update(names)
            return slot.__get__(profile)

        setattr(Profile, switch, property(reading))
        try:
            yield
        finally:
            setattr(Profile, switch, slot)


def _twin(subject: FunctionType, code: CodeType) -> FunctionType:
    """Return a function like the subject, with its defaults, that runs other code."""
    twin = FunctionType(
        code, subject.__globals__, subject.__name__, subject.__defaults__, subject.__closure__
    )
    twin.__kwdefaults__ = subject.__kwdefaults__
    return twin


def _differs(rule: _Rule, values: tuple[object, ...], named: dict[str, object], result: object) -> bool:
    try:
        found = rule(*values, **named)
    except Exception:
        return True
    return type(found) is not type(result) or bool(found != result)
