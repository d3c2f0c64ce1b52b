"""Proving theorems: claims, witnesses and mutants, each in a fresh context with a counted budget."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

import z3

from xfrmspec_model.folding import as_formula, negate
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.smt import Answer, Formula, Model, Result, check, fresh_context
from xfrmspec_proofs.theorem import Claim, Outcome, Scene, Theorem, Witness
from xfrmspec_proofs.theorems import all_theorems
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.profile import CLEAN, Profile, profile_named

BUDGET = 40_000_000
"""Solver resource units for one check; the unit is z3's rlimit, the same on every machine."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one theorem in one profile.

    `cost` is the sum of the solver's resource units over all checks, exactly repeatable for one version of
    the solver. `problems` say in words what is wrong with the proof itself; empty when it can be believed.
    """

    theorem: str
    statement: str
    profile: str
    outcome: Outcome
    expected: Outcome
    clauses: tuple[str, ...]
    cost: int
    mutants: int
    survivors: tuple[str, ...] = ()
    witness: Mapping[str, object] | None = None
    problems: tuple[str, ...] = ()
    attacks: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when the outcome is the expected one, every mutant died and nothing else is wrong."""
        return self.outcome is self.expected and not self.survivors and not self.problems

    def as_json(self) -> dict[str, object]:
        """Return the verdict in the stable form of `prove --format json`."""
        return {
            "theorem": self.theorem,
            "statement": self.statement,
            "profile": self.profile,
            "outcome": self.outcome.value,
            "clauses": list(self.clauses),
            "cost": self.cost,
            "mutants": {"killed": self.mutants - len(self.survivors), "total": self.mutants},
            "witness": self.witness,
            "attacks": self.attacks,
        }


def prove(theorem: Theorem, profile: Profile) -> Verdict:
    """Try a theorem in one profile and say what came of it, with a witness that the reference replayed.

    A refutation is also traced to the switches that the theorem blames: in the profile without them it
    must hold, and the mutants are tried there.
    """
    with _no_garbage_collection():
        trial = _Trial(theorem, profile)
        outcome, witness = trial.outcome()
        sound = trial if outcome is not Outcome.REFUTED else _Trial(theorem, _repaired(theorem, profile))
        problems: tuple[str, ...] = ()
        if sound is not trial and sound.outcome()[0] is not Outcome.PROVED:
            problems = ("it is refuted without the switches to blame, too",)
        survivors = tuple(name for name in sorted(theorem.mutants) if not sound.kills(name))
        attacks = [_attacked(theorem, sound.profile, defence) for defence in theorem.needs]
        problems += tuple(problem for attack in attacks for problem in attack.problems)
        cost = trial.cost + (sound.cost if sound is not trial else 0) + sum(a.cost for a in attacks)
    return Verdict(
        theorem.name,
        theorem.statement,
        profile.name,
        outcome,
        theorem.expected(profile),
        theorem.clauses,
        cost,
        len(theorem.mutants),
        survivors,
        witness.facts if witness else None,
        problems,
        {attack.defence.name.lower(): attack.facts for attack in attacks if attack.facts is not None},
    )


def prove_all(
    names: Sequence[str] = (), profiles: Sequence[Profile] | None = None, jobs: int = 1
) -> list[Verdict]:
    """Prove the named theorems (all when none is named) in each profile, in order of theorem and profile.

    Without profiles every theorem is tried in its own, else in those of them that are given. `jobs` processes
    share the work; neither the order nor the costs depend on their number. KeyError for an unknown name.
    """
    theorems = all_theorems()
    chosen = sorted(set(names)) if names else sorted(theorems)
    unknown = [name for name in chosen if name not in theorems]
    if unknown:
        raise KeyError(f"no theorem is named {', '.join(unknown)}")
    tasks = sorted(
        (name, profile.name)
        for name in chosen
        for profile in theorems[name].tried_in
        if profiles is None or profile in profiles
    )
    if jobs <= 1:
        return [_prove_named(task) for task in tasks]
    with get_context("spawn").Pool(jobs) as pool:
        return pool.map(_prove_named, tasks, chunksize=1)


class _Trial:
    """One theorem in one profile; counts what its checks cost."""

    def __init__(self, theorem: Theorem, profile: Profile, rules: Rules = RULES) -> None:
        self.theorem, self.profile, self.cost = theorem, profile, 0
        self._general = self._stated(rules, small=False)
        self._small = self._stated(rules, small=True)

    def outcome(self) -> tuple[Outcome, Witness | None]:
        """Return the outcome with the witness that was replayed."""
        for general, small in zip(self._general, self._small, strict=True):
            if self._ask(general, negated=True).answer is Answer.UNSATISFIABLE:
                continue
            model = self._ask(small, negated=True).model
            if model is None:
                return Outcome.UNKNOWN, None
            return self._replayed(small.claim, model, Outcome.REFUTED)
        return self._witnessed()

    def kills(self, mutant: str) -> bool:
        """Tell whether some claim has a small counterexample under a mutant's rules."""
        claims = self._stated(self.theorem.mutants[mutant](RULES), small=True)
        answers = (self._ask(claim, negated=True).answer for claim in claims)
        return any(answer is Answer.SATISFIABLE for answer in answers)

    def _witnessed(self) -> tuple[Outcome, Witness | None]:
        """Replay one instance of every claim; return the first."""
        witnesses: list[Witness] = []
        for claim in self._small:
            model = self._ask(claim, negated=False).model
            if model is None:
                return Outcome.VACUOUS, None
            outcome, witness = self._replayed(claim.claim, model, Outcome.PROVED)
            if outcome is not Outcome.PROVED:
                return outcome, witness
            witnesses.append(witness)
        return Outcome.PROVED, witnesses[0]

    def _replayed(self, claim: Claim, model: Model, outcome: Outcome) -> tuple[Outcome, Witness]:
        witness = claim.witness(model)
        confirmed = witness.holds(self.profile) is (outcome is Outcome.PROVED)
        return (outcome if confirmed else Outcome.NOT_REPLAYED), witness

    def _stated(self, rules: Rules, *, small: bool) -> list[_Stated]:
        scene = Scene(fresh_context(), self.profile, rules, small)
        return [_Stated(scene, claim) for claim in self.theorem.claims(scene)]

    def _ask(self, stated: _Stated, *, negated: bool) -> Result:
        """Ask about one claim in a fresh context; the model comes back in the context of the claim."""
        context = fresh_context()
        formulas = [formula.translate(context) for formula in stated.formulas(negated=negated)]
        result = check(context, formulas, BUDGET)
        self.cost += result.cost
        if result.model is None:
            return result
        return replace(result, model=result.model.translate(stated.scene.context))


@dataclass(frozen=True, slots=True)
class _Attack:
    """What came of a theorem without a defence: the trace that the reference replayed, or what is wrong."""

    defence: Defence
    cost: int
    facts: Mapping[str, object] | None
    problems: tuple[str, ...]


def _attacked(theorem: Theorem, profile: Profile, defence: Defence) -> _Attack:
    left = RULES.mobility.defences - {defence}
    trial = _Trial(theorem, profile, replace(RULES, mobility=replace(RULES.mobility, defences=left)))
    outcome, witness = trial.outcome()
    if outcome is Outcome.REFUTED and witness is not None:
        return _Attack(defence, trial.cost, witness.facts, ())
    problem = f"without {defence.name} it is {outcome.value}, not refuted"
    return _Attack(defence, trial.cost, None, (problem,))


@dataclass(frozen=True, slots=True)
class _Stated:
    """A claim with the scene it is stated in."""

    scene: Scene
    claim: Claim

    def formulas(self, *, negated: bool) -> list[Formula]:
        """Return the hypotheses, in a small scene those of an instance too, and the conclusion."""
        conclusion = negate(self.claim.conclusion) if negated else self.claim.conclusion
        instance = self.claim.instance if self.scene.small else ()
        truths = (*self.claim.hypotheses, *instance, conclusion)
        return [as_formula(self.scene.context, truth) for truth in truths]


def _prove_named(task: tuple[str, str]) -> Verdict:
    name, profile = task
    with _without_argument_checks():
        return prove(all_theorems()[name], profile_named(profile))


def _repaired(theorem: Theorem, profile: Profile) -> Profile:
    switches = theorem.refuted_by.get(profile.name, ())
    return replace(profile, **{switch: getattr(CLEAN, switch) for switch in switches})


@contextmanager
def _without_argument_checks() -> Iterator[None]:
    """Build terms without z3py's own argument checks, a fifth of the time; unit tests run with them."""
    checked = z3.z3.Z3_DEBUG
    z3.z3.Z3_DEBUG = False
    try:
        yield
    finally:
        z3.z3.Z3_DEBUG = checked


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep the collector from freeing solver terms at moments that depend on what ran before."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
