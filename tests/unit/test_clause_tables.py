"""The clause tables, the chapters and the findings say the same things, and leave nothing out."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from xfrmspec_terms import clauses, profile
from xfrmspec_terms.clauses import Clause, Excuse, Kind, Leg, all_clauses
from xfrmspec_terms.profile import PROFILES, Profile

SPEC = Path(__file__).parents[2] / "spec"
TABLES = sorted((SPEC / "xfrmspec_terms" / "tables").glob("*.toml"))
SWITCHES = {entry.name for entry in fields(Profile)} - {"name"}
HEADING = re.compile(r"^### (XFRM-[A-Z]+-\d{3}) (.+)$", re.MULTILINE)
SWITCH_COMMENT = re.compile(r"^    (\w+): .*?# (.+)$", re.MULTILINE)
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
AUTHORITY = re.compile(r"kernel [\w/.]+\.[ch] \w+ \d+\.\d+(\.\d+)?|paper \d+(\.\d+)?|rfc \d{3,4} \d+(\.\d+)*")

TOPICS = {
    "01-policies": {
        "ARCH": 5, "POL": 3, "SEL": 6, "FLOW": 6, "DB": 10, "LOOKUP": 11,
        "PAIR": 1, "TIMER": 3, "SOCK": 2, "DEFAULT": 2,
    },
    "02-templates": {"TMPL": 9, "SORT": 7, "OUT": 8, "FIND": 5, "WIRE": 5},
    "03-inbound-check": {"CHECK": 14},
    "04-states": {"SAD": 12, "LIFE": 7, "ACQ": 3, "SPI": 2, "MIGR": 6, "EVENT": 3},
    "05-replay": {"REPLAY": 10},
    "06-packets": {"PKT": 5, "OPT": 2, "TUN": 3, "FRAG": 3, "MTU": 1},
    "07-transforms": {"ESP": 7, "AH": 7, "COMP": 3},
    "08-loops": {"BUNDLE": 3, "CACHE": 8, "EMIT": 6, "RECV": 9, "BUILD": 2},
    "09-interfaces": {"IFACE": 9, "KEY": 12},
    "10-mobility-header": {"MH": 9, "TOKEN": 3, "HAO": 7, "ROUTE": 3},
    "11-correspondent-node": {"CN": 40},
    "12-home-agent": {"HA": 34},
    "13-mobile-node": {"MN": 59},
    "14-daemon": {"DAEMON": 43},
    "15-world": {"WORLD": 13, "SAFE": 7, "ATTACK": 16},
}  # fmt: skip

REQUIRED_COVERAGE = (
    {f"K-POL-{n}" for n in (*range(1, 17), *range(20, 25), *range(30, 45))}
    | {f"K-TMPL-{n}" for n in (*range(1, 7), *range(10, 19))}
    | {f"K-OUT-{n}" for n in (*range(1, 9), *range(42, 46), 47)}
    | {f"K-IN-{n}" for n in (5, *range(8, 19))}
    | {f"K-STATE-{n}" for n in (*range(1, 8), *range(10, 13), *range(15, 30))}
    | {f"K-STATE-{n}" for n in (*range(40, 46), *range(50, 53))}
    | {f"P-{n:02}" for n in (*range(1, 7), *range(40, 46))}
    | {f"K-OUT-{n}" for n in (9, 10, *range(20, 23), *range(30, 33), 40, 41, 50, 51)}
    | {f"K-IN-{n}" for n in (*range(1, 5), 6, 7, *range(19, 22))}
    | {f"P-{n:02}" for n in range(7, 15)}
    | {f"K-STATE-{n}" for n in range(30, 36)}
    | {f"K-KEY-{n}" for n in range(1, 10)}
    | {"K-OUT-23", "K-OUT-46", "K-OUT-49", *(f"K-MIP-{n}" for n in (7, 8, 10, 31, 32))}
    | {"P-14"}
    | {"K-MIP-40", "K-RFC-6", "P-15", "P-16", "P-28", "P-34", *(f"P-{n}" for n in range(18, 26))}
    | {"K-OUT-48", "K-MIP-11", "K-RFC-3", "K-RFC-8"}
    | {"P-15", "P-22", "P-24", "P-25", "P-36", *(f"P-{n}" for n in range(27, 36))}
    | {f"K-MIP-{n}" for n in (2, 5, 8, 9, 12, 30, 40, 41)}
    | {"K-MIP-20", "K-MIP-40", *(f"P-{n}" for n in (15, 17, 18, 19, *range(21, 29), 33))}
    | {"K-MIP-40", "P-15", "P-21", "P-26", "P-33"}
    | {f"K-MIP-{n}" for n in (*range(1, 13), 20, 21, *range(30, 34), 40)}
    | {"P-17", "P-26", "K-RFC-5"}
)


def of_chapter(chapter: str) -> list[Clause]:
    return [entry for entry in all_clauses().values() if entry.chapter == chapter]


def ids_in_table_order(chapter: str) -> list[str]:
    table = SPEC / "xfrmspec_terms" / "tables" / f"{chapter}.toml"
    rows = tomllib.loads(table.read_text(encoding="utf-8"))["clause"]
    return [row["id"] for row in rows]


def chapter_text(chapter: str) -> str:
    return (SPEC / f"{chapter}.md").read_text(encoding="utf-8")


def switch_comments() -> dict[str, str]:
    return dict(SWITCH_COMMENT.findall(inspect.getsource(profile.Profile)))


@pytest.mark.parametrize("chapter", sorted(TOPICS))
def test_every_topic_numbers_its_clauses_without_a_gap(chapter: str) -> None:
    found = Counter(entry.id.split("-")[1] for entry in of_chapter(chapter))
    assert found == TOPICS[chapter]
    expected = {f"XFRM-{topic}-{n:03}" for topic, last in TOPICS[chapter].items() for n in range(1, last + 1)}
    assert {entry.id for entry in of_chapter(chapter)} == expected
    numbers: dict[str, list[str]] = {}
    for name in ids_in_table_order(chapter):
        numbers.setdefault(name.split("-")[1], []).append(name)
    assert all(names == sorted(names) for names in numbers.values())


def test_the_first_three_chapters_have_their_tables() -> None:
    assert set(TOPICS) <= {table.stem for table in TABLES}


def test_every_required_fact_and_claim_is_covered() -> None:
    covered = {fact for entry in all_clauses().values() for fact in entry.covers}
    assert sorted(REQUIRED_COVERAGE - covered) == []


def test_every_clause_of_the_first_chapters_covers_a_known_fact_or_claim() -> None:
    for chapter in TOPICS:
        for entry in of_chapter(chapter):
            assert entry.covers, entry.id
            assert set(entry.covers) <= REQUIRED_COVERAGE, entry.id


def test_says_is_one_or_two_plain_sentences() -> None:
    for entry in all_clauses().values():
        assert entry.says.endswith("."), entry.id
        assert 1 <= len(SENTENCE_END.findall(entry.says)) <= 2, entry.id
        assert "\n" not in entry.says, entry.id


def test_titles_are_short_and_belong_to_one_clause() -> None:
    titles = Counter(entry.title for entry in all_clauses().values())
    assert [title for title, count in titles.items() if count > 1] == []
    assert all(len(title) <= 60 and not title.endswith(".") for title in titles)


def test_every_authority_is_a_kernel_function_a_paper_or_an_rfc_section() -> None:
    for entry in all_clauses().values():
        assert entry.authority, entry.id
        for source in entry.authority:
            assert AUTHORITY.fullmatch(source), f"{entry.id}: {source}"


def test_every_switch_of_a_clause_exists() -> None:
    named = {entry.switch for entry in all_clauses().values()} - {""}
    assert named <= SWITCHES


def test_every_switch_says_where_it_belongs() -> None:
    comments = switch_comments()
    assert set(comments) == SWITCHES
    for switch, comment in comments.items():
        if comment.startswith("issue: "):
            continue
        entry = all_clauses()[comment]
        assert switch == entry.switch or switch in entry.why, switch


def test_every_variation_names_a_profile_and_differs_from_the_clean_rule() -> None:
    for entry in all_clauses().values():
        assert set(entry.variation) <= set(PROFILES) - {"clean"}, entry.id
        if not entry.switch:
            continue
        clean = getattr(PROFILES["clean"], entry.switch)
        differing = {name for name, preset in PROFILES.items() if getattr(preset, entry.switch) != clean}
        assert differing <= set(entry.variation), entry.id


def test_kernel_evidence_is_either_observed_or_excused() -> None:
    for entry in all_clauses().values():
        assert bool(entry.observed) != (Leg.KERNEL in entry.status), entry.id
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", release) for release in entry.observed), entry.id


def test_nothing_that_runs_today_is_left_for_later() -> None:
    """Chapters 1 to 9 are about code, proofs and kernels that are there."""
    entries = [entry for entry in all_clauses().values() if entry.chapter < "10"]
    assert len(entries) > 200
    assert [e.id for e in entries if any(s.excuse is Excuse.PLANNED for s in e.status.values())] == []


def test_cross_references_lead_somewhere() -> None:
    texts = [entry.says + entry.why + " ".join(entry.variation.values()) for entry in all_clauses().values()]
    texts += [path.read_text(encoding="utf-8") for path in sorted(SPEC.glob("*.md"))]
    for text in texts:
        named = set(re.findall(r"XFRM-[A-Z]+-\d{3}", text))
        assert named <= set(all_clauses()), named - set(all_clauses())


@pytest.mark.parametrize("chapter", sorted(TOPICS))
def test_the_chapter_has_each_clause_once_under_its_title_with_its_words(chapter: str) -> None:
    text = chapter_text(chapter)
    headings = HEADING.findall(text)
    assert sorted(headings) == sorted((entry.id, entry.title) for entry in of_chapter(chapter))
    parts = HEADING.split(text)[1:]
    for name, body in zip(parts[::3], parts[2::3], strict=True):
        assert body.strip().startswith(all_clauses()[name].says), name


@pytest.mark.parametrize("chapter", sorted(TOPICS))
def test_the_chapter_names_every_switch_of_its_clauses(chapter: str) -> None:
    text = chapter_text(chapter)
    for entry in of_chapter(chapter):
        assert not entry.switch or f"`{entry.switch}`" in text, entry.id


def test_findings_are_numbered_and_complete() -> None:
    text = (SPEC / "findings.md").read_text(encoding="utf-8")
    sections = re.split(r"^## (F-\d{3}) .+$", text, flags=re.MULTILINE)
    numbers, bodies = sections[1::2], sections[2::2]
    assert numbers == [f"F-{n:03}" for n in range(1, len(numbers) + 1)]
    assert re.findall(r"^\| (F-\d{3}) ", text, flags=re.MULTILINE) == numbers
    for number, body in zip(numbers, bodies, strict=True):
        for part in ("**Rule.**", "**Profiles**", "**Clause**", "**For a user.**", "**Smallest scenario.**"):
            assert part in body, f"{number} lacks {part}"
        assert re.search(r"\*\*Status\.\*\* (Observed on|Read in)", body), number


def test_every_deviation_of_a_clause_is_a_finding() -> None:
    text = (SPEC / "findings.md").read_text(encoding="utf-8")
    for entry in all_clauses().values():
        deviates = entry.switch and any(
            getattr(preset, entry.switch) != getattr(PROFILES["clean"], entry.switch)
            for name, preset in PROFILES.items()
            if name.startswith("linux-")
        )
        if deviates:
            pattern = rf"^\| F-\d{{3}} \|.*\| {entry.id} \| `{entry.switch}` \|"
            assert re.search(pattern, text, re.MULTILINE), entry.id


def test_a_malformed_clause_is_refused_with_its_place() -> None:
    row = {"id": "XFRM-SEL-001", "title": "t", "kind": Kind.RULE.value, "level": "must", "says": "s."}
    with pytest.raises(clauses.ClauseTableError, match="99-test: XFRM-SEL-001"):
        clauses._clause("99-test", row)
    whole = {**row, "authority": [], "covers": []}
    assert clauses._clause("99-test", whole).kind is Kind.RULE
    with pytest.raises(clauses.ClauseTableError, match=r"status\.proof"):
        clauses._clause("99-test", {**whole, "status": {"proof": "planned: later"}})
