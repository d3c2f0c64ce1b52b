"""The join: clause, reference code, model code, theorems, tests, diagram edges, kernel evidence."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType

from xfrmspec_terms.clauses import Clause, Leg, all_clauses


@dataclass(frozen=True, slots=True)
class Row:
    """One clause and everything that supports it, each list sorted."""

    clause: Clause
    code: tuple[str, ...]
    model: tuple[str, ...]
    theorems: tuple[str, ...]
    tests: tuple[str, ...]
    edges: tuple[str, ...]
    observed: tuple[str, ...]

    def as_object(self) -> dict[str, object]:
        """Return the row as plain JSON values."""
        links = {f.name: list(getattr(self, f.name)) for f in fields(self) if f.name != "clause"}
        status = {leg.value: f"{s.excuse.value}: {s.reason}" for leg, s in self.clause.status.items()}
        return {"id": self.clause.id, "title": self.clause.title, **links, "status": status}


def collect(root: Path) -> list[Row]:
    """Join every clause with the code, theorems, tests and edges of the checkout at `root`."""
    code = _marked("xfrmspec")
    model = _marked("xfrmspec_model")
    theorems = _theorems()
    tests = _tests(root)
    edges = _edges()
    return [
        Row(
            clause,
            _sorted(code, name),
            _sorted(model, name),
            _sorted(theorems, name),
            _sorted(tests, name),
            _sorted(edges, name),
            clause.observed,
        )
        for name, clause in all_clauses().items()
    ]


def holes(rows: Sequence[Row]) -> list[str]:
    """Return what is missing without a status that says why, and statuses that excuse nothing missing."""
    found: list[str] = []
    for row in rows:
        support = {
            Leg.CODE: row.code,
            Leg.PROOF: row.theorems + row.tests,
            Leg.KERNEL: row.observed,
        }
        for leg, links in support.items():
            excused = leg in row.clause.status
            if not links and not excused:
                found.append(f"{row.clause.id} ({row.clause.title}) has no {leg.value} and no status")
            if links and excused and leg is not Leg.PROOF:
                found.append(f"{row.clause.id} excuses its {leg.value} although there is some")
    found += [f"{name} is cited but not defined" for name in _undefined(rows)]
    return found


def render(rows: Sequence[Row]) -> str:
    """Return the snapshot: TOML, sorted by clause id, one table a clause."""
    lines = ["# Written by `xfrmspec trace --write`; CI compares it with the sources."]
    for row in rows:
        lines += ["", f"[{row.clause.id}]", f"title = {_quoted(row.clause.title)}"]
        for name in ("code", "model", "theorems", "tests", "edges", "observed"):
            links = getattr(row, name)
            if links:
                lines += [f"{name} = [", *(f"  {_quoted(link)}," for link in links), "]"]
        lines += [
            f"status.{leg.value} = {_quoted(f'{status.excuse.value}: {status.reason}')}"
            for leg, status in sorted(row.clause.status.items(), key=lambda item: item[0].value)
        ]
    return "\n".join(lines) + "\n"


def summary_lines(rows: Sequence[Row]) -> list[str]:
    """Return how many clauses have each support."""
    counts = {
        name: sum(1 for row in rows if getattr(row, name))
        for name in ("code", "model", "theorems", "tests", "edges", "observed")
    }
    shown = ", ".join(f"{count} with {name}" for name, count in counts.items())
    return [f"{len(rows)} clauses: {shown}"]


Links = Mapping[str, set[str]]


def _sorted(links: Links, name: str) -> tuple[str, ...]:
    return tuple(sorted(links.get(name, ())))


def _undefined(rows: Sequence[Row]) -> list[str]:
    known = {row.clause.id for row in rows}
    cited: set[str] = set()
    for links in (_marked("xfrmspec"), _marked("xfrmspec_model"), _theorems(), _edges()):
        cited |= set(links)
    return sorted(cited - known)


def _modules(package: str) -> Iterator[ModuleType]:
    root = importlib.import_module(package)
    yield root
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(info.name)


def _marked(package: str) -> Links:
    """Find functions, classes and methods that carry clause marks, where they are defined."""
    links: dict[str, set[str]] = defaultdict(set)
    for module in _modules(package):
        for subject in vars(module).values():
            if getattr(subject, "__module__", None) != module.__name__:
                continue
            for owner in (subject, *(vars(subject).values() if inspect.isclass(subject) else ())):
                for name in vars(owner).get("__clauses__", ()) if hasattr(owner, "__dict__") else ():
                    links[name].add(f"{module.__name__}:{owner.__qualname__}")
    return links


def _theorems() -> Links:
    from xfrmspec_proofs.theorems import all_theorems

    links: dict[str, set[str]] = defaultdict(set)
    for theorem in all_theorems().values():
        for name in theorem.clauses:
            links[name].add(theorem.name)
    return links


def _edges() -> Links:
    from xfrmspec_terms.machines import MACHINES

    links: dict[str, set[str]] = defaultdict(set)
    for machine in MACHINES:
        for transition in machine.transitions:
            edge = f"{machine.name}: {transition.source} --{transition.event}--> {transition.target}"
            links[transition.clause].add(edge)
    return links


def _tests(root: Path) -> Links:
    """Find `@pytest.mark.clause(...)` on test functions and classes by reading the sources."""
    links: dict[str, set[str]] = defaultdict(set)
    for path in sorted((root / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            for name in _marks(node):
                links[name].add(f"{path.relative_to(root).as_posix()}::{node.name}")
    return links


def _marks(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.clause":
            yield from (arg.value for arg in decorator.args if _is_text(arg))  # type: ignore[attr-defined]


def _is_text(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and isinstance(argument.value, str)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
