"""The command line as its users meet it: exit codes, one-line errors, JSON that fits its schemas."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from xfrmspec.cli import main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "home-agent"
SCHEMAS = ROOT / "docs" / "schemas"
LIFE_CYCLE = ROOT.parent / "shared" / "samples" / "mip6d" / "noipsec" / "03-foreignA-home-registered"
DUMPS = (str(EXAMPLE / "xfrm-policy.txt"), str(EXAMPLE / "xfrm-state.txt"))

needs_samples = pytest.mark.skipif(
    not LIFE_CYCLE.is_dir(), reason="the recorded life cycle is not beside this checkout (../shared)"
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Finished]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def finish(*words: str) -> Finished:
        monkeypatch.setattr("sys.argv", ["xfrmspec", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Finished(code, captured.out, captured.err)

    return finish


def _fits(value: Any, name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)


def _explain(node: str, direction: str, source: str, destination: str, *words: str) -> list[str]:
    dumps = [str(LIFE_CYCLE / f"{node}.xfrm-{kind}.txt") for kind in ("policy", "state")]
    flow = ["--dir", direction, "--src", source, "--dst", destination, *words]
    return ["explain", *dumps, *flow, "--format", "json"]


HOME, AGENT, ELSEWHERE = "2001:db8:1::1234", "2001:db8:1::1", "2001:db8:c::2"


@needs_samples
@pytest.mark.clause("XFRM-OUT-006", "XFRM-TMPL-008", "XFRM-LOOKUP-010")
@pytest.mark.parametrize(
    ("node", "direction", "destination", "words", "decision", "headers", "priority"),
    [
        ("MN", "out", AGENT, ("--proto", "mh", "--mh-type", "5"), "transform", ["HAO", "MH"], 2),
        ("MN", "out", AGENT, ("--proto", "udp"), "transform", ["HAO", "UDP"], 6),
        ("MN", "out", ELSEWHERE, ("--proto", "udp"), "pass", ["UDP"], 18),
        ("HA", "in", AGENT, ("--proto", "mobility-header", "--mh-type", "5"), "transform", ["HAO", "MH"], 9),
        ("HA", "in", AGENT, ("--proto", "udp", "--dport", "53"), "transform", ["HAO", "UDP"], 16),
    ],
)
def test_the_recorded_life_cycle_is_explained(
    run: Run,
    node: str,
    direction: str,
    destination: str,
    words: tuple[str, ...],
    decision: str,
    headers: list[str],
    priority: int,
) -> None:
    told = run(*_explain(node, direction, HOME, destination, *words))
    assert told.code == 0
    _fits(told.json, "explain")
    assert told.json["decision"] == decision
    assert told.json["headers"] == headers
    assert [(policy["type"], policy["priority"]) for policy in told.json["policies"]] == [("sub", priority)]
    assert told.json["acquires"] == (1 if decision == "pass" else 0)


@needs_samples
def test_binding_acknowledgements_are_expected_with_a_routing_header(run: Run) -> None:
    told = run(*_explain("MN", "in", AGENT, HOME, "--proto", "mh", "--mh-type", "6"))
    assert told.json["headers"] == ["RT2", "MH"]
    assert told.json["cleartext"] == {"accepted": True, "counter": None}


@pytest.mark.clause("XFRM-LOOKUP-010")
def test_check_finds_the_captured_signalling_of_the_example_and_only_there(run: Run) -> None:
    told = run("check", *DUMPS, "--format", "json")
    assert told.code == 1
    _fits(told.json, "check")
    errors = [finding for finding in told.json["findings"] if finding["severity"] == "error"]
    assert {finding["rule"] for finding in errors} == {"signalling-captured"}
    assert all("2001:db8:100::b2" in finding["message"] for finding in errors)


def test_a_sound_configuration_exits_with_zero(run: Run, tmp_path: Path) -> None:
    dump = tmp_path / "sound.txt"
    dump.write_text(
        "src 192.0.2.0/24 dst 198.51.100.0/24 \n\tdir out priority 10 ptype main \n"
        "\ttmpl src 203.0.113.1 dst 203.0.113.2\n\t\tproto esp reqid 1 mode tunnel\n"
        "src 198.51.100.0/24 dst 192.0.2.0/24 \n\tdir in priority 10 ptype main \n"
        "\ttmpl src 203.0.113.2 dst 203.0.113.1\n\t\tproto esp reqid 1 mode tunnel\n"
        "src 198.51.100.0/24 dst 192.0.2.0/24 \n\tdir fwd priority 10 ptype main \n"
        "\ttmpl src 203.0.113.2 dst 203.0.113.1\n\t\tproto esp reqid 1 mode tunnel\n",
        encoding="utf-8",
    )
    told = run("check", str(dump), "--format", "json")
    assert (told.code, [f["rule"] for f in told.json["findings"] if f["severity"] != "note"]) == (0, [])


@pytest.mark.parametrize("profile", ["clean", "linux-6.1", "linux-6.18", "usagi-2004"])
def test_text_output_is_plain_where_there_is_no_terminal(run: Run, profile: str) -> None:
    words = ("--src", "2001:db8:100::1", "--dst", "2001:db8:100::a1", "--proto", "mh", "--mh-type", "6")
    told = run("explain", *DUMPS, *words, "--profile", profile)
    if profile == "usagi-2004":
        assert told.code == 2
        assert "sub policies" in told.err
        return
    assert told.code == 0
    assert "\x1b" not in told.out
    assert "headers   IP / RT2 / ESP / MH" in told.out


def test_parse_lists_policies_states_and_what_it_does_not_know(run: Run) -> None:
    told = run("parse", *DUMPS)
    assert told.code == 0
    _fits(told.json, "parse")
    assert (len(told.json["policies"]), len(told.json["states"]), told.json["unknown"]) == (20, 13, [])


def test_parse_prints_a_dump_back(run: Run) -> None:
    told = run("parse", DUMPS[0], "--format", "text")
    assert told.out.split() == Path(DUMPS[0]).read_text(encoding="utf-8").split()


BAD_INPUTS = {
    "truncated": (b"src ::/0 dst ::/0 \n\tdir out priority 1 ptype main \n\ttmpl src :: dst ::\n", ":3"),
    "cut off in a word": (b"src ::/0 dst ::/0 \n\tdir out priority 1 ptype ma", ":2"),
    "binary": (b"src ::/0\x00\x01\x02 dst", ":1"),
    "not text": (b"\xff\xfe\xfd", ":1"),
    "prefix length": (b"src ::/129 dst ::/0 \n\tdir out priority 1 \n", ":1"),
    "two directions": (b"src ::/0 dst ::/0 \n\tdir out dir in priority 1 \n", ":2"),
    "empty": (b"", ""),
}


@pytest.mark.parametrize("name", sorted(BAD_INPUTS))
@pytest.mark.parametrize("command", ["check", "explain"])
def test_bad_input_ends_in_one_line_with_file_and_line_and_exit_two(
    run: Run, tmp_path: Path, name: str, command: str
) -> None:
    octets, place = BAD_INPUTS[name]
    dump = tmp_path / "dump.txt"
    dump.write_bytes(octets)
    flow = ("--src", "::1", "--dst", "::2", "--proto", "udp") if command == "explain" else ()
    told = run(command, str(dump), *flow)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith(f"xfrmspec: {dump}{place}: found ")
    assert "; expected " in told.err
    assert told.err.count("\n") == 1


def test_a_directory_and_a_missing_file_are_bad_input(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.txt"):
        told = run("check", str(path))
        assert (told.code, told.out) == (2, "")
        assert "expected" in told.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--src", "2001:db8::1/64", "--dst", "::1", "--proto", "udp"), "without a prefix length"),
        (("--src", "192.0.2.1", "--dst", "::1", "--proto", "udp"), "two families"),
        (("--src", "::1", "--dst", "::2", "--proto", "avian"), "unknown protocol"),
        (("--src", "::1", "--dst", "::2", "--proto", "udp", "--mh-type", "5"), "--sport/--dport"),
        (("--src", "::1", "--dst", "::2", "--proto", "mh", "--dport", "5"), "--mh-type"),
        (("--src", "::1", "--dst", "::2", "--proto", "udp", "--mark", "red"), "not a number"),
        (("--src", "::1", "--dst", "::2", "--proto", "udp", "--oif", "eth9"), "no such interface"),
    ],
)
def test_words_that_make_no_flow_are_explained(run: Run, words: tuple[str, ...], complaint: str) -> None:
    told = run("explain", *DUMPS, *words)
    assert (told.code, told.out) == (2, "")
    assert complaint in told.err


def test_unknown_commands_and_missing_options_are_usage_errors(run: Run) -> None:
    assert run("nonsense").code == 2
    assert run("explain", *DUMPS, "--src", "::1").code == 2
    assert run("check").code == 2
    assert run("prove", "no_such_theorem").code == 2
    assert run("diagram", "no-such-picture").code == 2


def test_prove_writes_what_its_schema_says(run: Run) -> None:
    told = run("prove", "a_dead_state_stays_dead", "--jobs", "1", "--format", "json")
    assert told.code == 0
    _fits(told.json, "prove")
    assert [row["profile"] for row in told.json] == ["clean", "linux-6.1", "linux-6.18"]


def test_diagram_lists_and_draws(run: Run) -> None:
    names = run("diagram").out.split()
    assert "policy-map" in names
    drawn = run("diagram", "policy-map", "--dump", DUMPS[0], "--format", "mermaid")
    assert drawn.code == 0
    assert drawn.out.startswith(("flowchart", "graph", "---"))


def test_diagram_draws_a_packet_of_octets_or_of_a_capture(run: Run, tmp_path: Path) -> None:
    from xfrmspec.wire.capture import write_capture

    octets = "60000000000c1140" + "20010db8" * 8 + "0fa10fa2000c0000" + "64617461"
    table = ("--format", "table")
    drawn = run("diagram", "packet", "--octets", octets, *table)
    assert drawn.code == 0
    assert "port 4001 to 4002" in drawn.out
    capture = tmp_path / "one.pcap"
    with capture.open("wb") as stream:
        write_capture(stream, [(0.0, b"\x50"), (1.0, bytes.fromhex(octets))])
    assert (
        "port 4001 to 4002" in run("diagram", "packet", "--pcap", str(capture), "--number", "2", *table).out
    )
    assert "octet 0: the version" in run("diagram", "packet", "--pcap", str(capture), *table).out
    for words, complaint in (
        ((), "give it with"),
        (("--octets", "6x"), "hexadecimal"),
        (("--octets", "60", "--pcap", str(capture)), "give it with"),
        (("--pcap", str(capture), "--number", "3"), "record 3 is no IP packet"),
        (("--pcap", str(tmp_path / "none")), "No such file"),
        (("--pcap", DUMPS[0]), "no pcap file"),
    ):
        told = run("diagram", "packet", *words)
        assert (told.code, told.out) == (2, "")
        assert complaint in told.err.replace("\n", " ")
