"""Any text may stand in a picture: each drawing language gets it escaped in its own way."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence as Rows

import pytest

from xfrmspec_diagrams import ir
from xfrmspec_diagrams.pictures import picture, picture_names, render, render_svg
from xfrmspec_diagrams.style import LOOKS, wrapped
from xfrmspec_diagrams.svg import SvgText, SvgUnavailable, draw_svg

NASTY = 'a"b|c[d](e){f}<g>&amp; \\ `h` *i* _j_ #k; $l$ \x1b[0m\ttab\n2. end'
STRANGE_TEXTS = ("", " ", "\n", NASTY, "end", "- x", "]]>", "-->", "é→\U0001f600", '"', "\\", "%%{init}%%")

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


def pictures_of(text: str) -> Rows[ir.Picture]:
    nodes = (
        ir.Node("a", (text, text), ir.Tone.START),
        ir.Node("end", (text,), ir.Tone.QUESTION),
        ir.Node("b", (), ir.Tone.BAD),
    )
    edges = (
        ir.Edge("a", "end", (ir.Label(text, "XFRM-OUT-001"), ir.Label(text)), ir.Line.DASHED),
        ir.Edge("a", "a", (ir.Label(text),)),
        ir.Edge("end", "b", (), ir.Line.STRONG),
    )
    columns = (ir.Cluster(text, ("a", "end"), ir.Arrangement.COLUMN),)
    partners = ("A", f"B{text}")
    messages = (ir.Message("A", partners[1], ir.Label(text, "XFRM-OUT-001")),)
    return (
        ir.Graph(text, nodes, edges, columns, (text,), ir.Heading.RIGHT),
        ir.Table(text, (text, "b"), ((text, ""),), (text,)),
        ir.Sequence(text, partners, messages, (text,)),
    )


@needs_dot
@pytest.mark.parametrize("text", STRANGE_TEXTS)
def test_graphviz_accepts_any_text(text: str) -> None:
    for drawn in pictures_of(text):
        assert isinstance(render_svg(drawn), SvgText)


@needs_dot
def test_svg_shows_the_text_that_was_meant() -> None:
    graph = ir.Graph("t", (ir.Node("a", ('<b>"x" & y',)),))
    result = render_svg(graph)
    assert isinstance(result, SvgText)
    assert re.search(r"&lt;b&gt;&quot;x&quot;\s*&amp;(#160;|\s)*y", result.text.replace("&#45;", "-"))


@pytest.mark.parametrize("text", STRANGE_TEXTS)
def test_markdown_rows_keep_their_width(text: str) -> None:
    lines = render(ir.Table("t", ("x", "y"), ((text, text),)), "table").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 3, 3]


def test_markdown_signs_are_escaped_and_names_stay_readable() -> None:
    text = render(ir.Table("t", ("x",), (("*a* `b` <i> [c](d) _e_ sec_path A&B",),)), "table")
    assert "\\*a\\* \\`b\\` &lt;i> [c\\](d) \\_e\\_ sec_path A&amp;B" in text


def mermaid_body(drawn: ir.Picture) -> str:
    """Return a picture's Mermaid text without front matter and comments."""
    body = render(drawn, "mermaid").split("---\n", 2)[2]
    return "\n".join(line for line in body.splitlines() if not line.startswith("%%"))


@pytest.mark.parametrize("text", STRANGE_TEXTS)
def test_mermaid_labels_contain_no_sign_of_the_language(text: str) -> None:
    for drawn in pictures_of(text):
        for label in re.findall(r'"([^"]*)"', mermaid_body(drawn)):
            plain = re.sub(r"#\d+;", "", label.replace("<br/>", ""))
            assert not set(plain) & set('#"<>|`\\;{}*~')
            assert not re.match(r"\s*(\d+[.)]|[-+*]) ", plain)


def test_mermaid_lines_are_whole() -> None:
    for drawn in pictures_of(NASTY):
        assert all(line.count('"') % 2 == 0 for line in mermaid_body(drawn).splitlines())


def test_words_kept_for_the_notes_are_only_in_the_table() -> None:
    edge = ir.Edge("a", "b", (ir.Label("outranks", "XFRM-LOOKUP-001"),), wording=ir.Wording.IN_NOTES)
    graph = ir.Graph("t", (ir.Node("a", ("a",)), ir.Node("b", ("b",))), (edge,))
    assert "outranks" not in render(graph, "dot") + render(graph, "mermaid")
    assert "| a | b | outranks | XFRM-LOOKUP-001 |" in render(graph, "table")


def test_mermaid_colours_the_edge_that_is_meant_behind_columns() -> None:
    nodes = tuple(ir.Node(key, (key,)) for key in "abc")
    edges = (ir.Edge("a", "b"), ir.Edge("b", "c", (), ir.Line.STRONG))
    graph = ir.Graph("t", nodes, edges, (ir.Cluster("k", ("a", "b", "c"), ir.Arrangement.COLUMN),))
    assert "linkStyle 3 stroke" in render(graph, "mermaid")


def test_sequences_keep_time_order() -> None:
    label = ir.Label("acquire", "XFRM-FIND-005")
    sequence = ir.Sequence("t", ("kernel", "ike"), (ir.Message("kernel", "ike", label),))
    assert "p0->>p1: acquire (XFRM-FIND-005)" in render(sequence, "mermaid")
    assert "| 1 | kernel | ike | acquire | XFRM-FIND-005 |" in render(sequence, "table")
    assert re.search(r"p0_1 -> p1_1 .*XFRM-FIND-005", render(sequence, "dot"))


def test_parts_of_a_sequence_have_titles_and_steps_are_counted_through() -> None:
    there, back = ir.Message("a", "c", ir.Label("there")), ir.Message("c", "a", ir.Label("back"))
    note = ir.Message("b", "b", ir.Label("thinks", "XFRM-OUT-001"))
    parts = (ir.Section(1, "the_middle"),)
    sequence = ir.Sequence("t", ("a", "b", "c"), (there, note, back), (), parts)
    mermaid = mermaid_body(sequence).splitlines()
    assert mermaid[-4:] == [
        "  p0->>p2: there",
        "  Note over p0,p2: the_middle",
        "  Note over p1: thinks (XFRM-OUT-001)",
        "  p2->>p0: back",
    ]
    table = render(sequence, "table").splitlines()
    assert [line for line in table if line.startswith(("#", "| 1", "| 2", "| 3"))] == [
        "## t",
        "| 1 | a | c | there |  |",
        "### the_middle",
        "| 2 | b | b | thinks | XFRM-OUT-001 |",
        "| 3 | c | a | back |  |",
    ]
    dot = render(sequence, "dot")
    assert re.search(r"p0_1 -> p1_1 \[label=.*there.*arrowhead=none", dot)
    assert re.search(r"p1_1 -> p2_1 \[(?!label).*arrowhead=normal", dot)
    assert re.search(r"p0_2 -> p1_2 \[label=<<B>.*the_middle", dot)
    assert re.search(r"p1_3 \[shape=note .*thinks", dot)
    assert "p1_3 -> p1_3" not in dot


def test_svg_without_graphviz_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = render_svg(picture("policy-lifecycle"))
    assert isinstance(result, SvgUnavailable)
    assert "install Graphviz" in result.note


@needs_dot
def test_svg_of_broken_dot_is_a_note() -> None:
    result = draw_svg("digraph {")
    assert isinstance(result, SvgUnavailable)
    assert "failed" in result.note


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="policy-lifecycle"):
        picture("nothing")
    with pytest.raises(ValueError, match="mermaid"):
        render(picture("policy-lifecycle"), "png")


SAID = ir.Message("a", "a", ir.Label("x"))
FIRST = ir.Section(0, "first")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ir.Graph("t", (ir.Node("a", ("a",)),), (ir.Edge("a", "b"),)), "no node has the key 'b'"),
        (
            lambda: ir.Graph("t", (ir.Node("a", ("a",)),), (), (ir.Cluster("k", ("c",)),)),
            "no node has the key",
        ),
        (lambda: ir.Graph("t", (ir.Node("a", ("a",)), ir.Node("a", ("b",)))), "same key"),
        (
            lambda: ir.Graph(
                "t", (ir.Node("a", ("a",)),), (), (ir.Cluster("k", ("a",)), ir.Cluster("l", ("a",)))
            ),
            "two clusters",
        ),
        (lambda: ir.Table("t", ("a",), (("1", "2"),)), "1 cells wide"),
        (lambda: ir.Sequence("t", ("a",), (ir.Message("a", "b", ir.Label("x")),)), "does not take part"),
        (lambda: ir.Sequence("t", ("a", "a"), ()), "named twice"),
        (lambda: ir.Sequence("t", ("a",), (SAID, SAID), (), (FIRST, ir.Section(2, "late"))), "empty or out"),
        (lambda: ir.Sequence("t", ("a",), (SAID, SAID), (), (ir.Section(1, "late"), FIRST)), "empty or out"),
    ],
)
def test_malformed_pictures_are_refused(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=words):
        make()


def luminance(color: str) -> float:
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("tone", list(ir.Tone))
def test_text_stands_out_from_its_box(tone: ir.Tone) -> None:
    look = LOOKS[tone]
    light, dark = sorted((luminance(look.fill), luminance(look.text)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 7


def test_lines_are_balanced_and_keep_every_word() -> None:
    text = "the usable number is five, so a policy with six templates can be stored"
    lines = wrapped(text, 40)
    assert " ".join(lines) == text
    assert len(lines) == 2
    assert abs(len(lines[0]) - len(lines[1])) < 10


def test_every_picture_is_written_in_every_language() -> None:
    for name in picture_names():
        drawn = picture(name)
        assert render(drawn, "dot").startswith("digraph ")
        assert render(drawn, "mermaid").startswith("---\ntitle: ")
        assert render(drawn, "table").startswith("## ")


@needs_dot
@pytest.mark.parametrize("name", picture_names())
def test_pictures_fit_a_page(name: str) -> None:
    result = render_svg(picture(name))
    assert isinstance(result, SvgText)
    size = re.search(r'<svg width="(\d+)pt" height="(\d+)pt"', result.text)
    assert size is not None
    width, height = (int(part) for part in size.groups())
    assert width <= 1500
    assert height <= 1500
