"""What a theorem is: a sentence, its claims in a fresh context, a replayable witness, and its mutants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from xfrmspec_model.folding import Truth
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.smt import Context, Model
from xfrmspec_terms.clauses import clause as mark_clauses
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]
Mutation = Callable[[Rules], Rules]

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
PROVED_IN = (CLEAN, LINUX_6_1, LINUX_6_18)
"""The profiles that a theorem is tried in unless it names others."""


class Outcome(Enum):
    """What came of trying to prove a theorem in one profile; the last three are failures."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    VACUOUS = "vacuous"
    NOT_REPLAYED = "not replayed"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a theorem is stated: a fresh solver context, a profile, and the rules (or mutated rules).

    `small` asks for an instance: databases of a few policies instead of unboundedly many, so that the
    solver finds one that can be printed and replayed. A proof is never made in a small scene.
    """

    context: Context
    profile: Profile
    rules: Rules = RULES
    small: bool = False


@dataclass(frozen=True, slots=True)
class Witness:
    """One concrete instance of a claim: facts for people, and a replay through the reference.

    `holds` runs the instance in the executable specification and tells whether the claim's conclusion is
    true of what came out, so it is true for a witness of a proof and false for one of a refutation.
    """

    facts: Mapping[str, object]
    holds: Callable[[Profile], bool]


@dataclass(frozen=True, slots=True)
class Claim:
    """Hypotheses that imply a conclusion, for every value of the free symbols.

    `instance` are extra assumptions of small scenes only: they keep a witness printable, and such that the
    reference can be brought into it. `witness` reads it off a solver model.
    """

    hypotheses: Sequence[Truth]
    conclusion: Truth
    instance: Sequence[Truth]
    witness: Callable[[Model], Witness]


ClaimsOf = Callable[[Scene], Sequence[Claim]]


@dataclass(frozen=True, slots=True)
class Theorem:
    """A statement about every configuration, with everything needed to believe it.

    `refuted_by` maps the name of a profile that breaks the theorem to the switches that are to blame: with
    these set to the clean rule the theorem holds in that profile. `mutants` are named changes of the rules,
    each of which must break it. `tried_in` are the profiles that have what it speaks of. Without a defence of
    `needs` it must be refuted by an attack that the reference replays. A bound on sizes is part of the name.
    """

    name: str
    statement: str
    clauses: tuple[str, ...]
    claims: ClaimsOf
    mutants: Mapping[str, Mutation]
    refuted_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tried_in: tuple[Profile, ...] = PROVED_IN
    needs: tuple[Defence, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"{self.name!r} is not a theorem name")
        if not self.statement.endswith(".") or not self.clauses or not self.mutants:
            raise ValueError(f"{self.name}: a theorem has a sentence, clauses and mutants")

    def expected(self, profile: Profile) -> Outcome:
        """Return the outcome that the clauses promise for a profile."""
        return Outcome.REFUTED if profile.name in self.refuted_by else Outcome.PROVED


_REGISTRY: dict[str, Theorem] = {}


def theorem(
    *,
    name: str,
    statement: str,
    clauses: tuple[str, ...],
    mutants: Mapping[str, Mutation],
    refuted_by: Mapping[str, tuple[str, ...]] | None = None,
    tried_in: tuple[Profile, ...] = PROVED_IN,
    needs: tuple[Defence, ...] = (),
) -> Callable[[ClaimsOf], ClaimsOf]:
    """Register the decorated function as the claims of a theorem; ValueError for a repeated name."""

    def register(claims: ClaimsOf) -> ClaimsOf:
        if name in _REGISTRY:
            raise ValueError(f"two theorems are named {name}")
        blamed = refuted_by or {}
        _REGISTRY[name] = Theorem(name, statement, clauses, claims, mutants, blamed, tried_in, needs)
        marked: ClaimsOf = mark_clauses(*clauses)(claims)
        return marked

    return register


def registered() -> Mapping[str, Theorem]:
    """Return the theorems registered so far, sorted by name."""
    return dict(sorted(_REGISTRY.items()))


def everywhere(*switches: str) -> Mapping[str, tuple[str, ...]]:
    """Return a `refuted_by` for both kernels with the same switches to blame."""
    return {profile.name: switches for profile in (LINUX_6_1, LINUX_6_18)}


def only_in(profile: Profile, *switches: str) -> Mapping[str, tuple[str, ...]]:
    """Return a `refuted_by` for a single profile."""
    return {profile.name: switches}
