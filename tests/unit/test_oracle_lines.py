"""Lines in, lines out: every line is answered, errors say where, nothing stops the stream."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from xfrmspec.oracle.lines import Answer, answers
from xfrmspec.oracle.position import position_of
from xfrmspec.scenario.acquires import acquire_scenario
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.histories import lookup_scenario
from xfrmspec.scenario.protection import output_scenario
from xfrmspec.scenario.reception import input_scenario
from xfrmspec_terms.profile import LINUX_6_1

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "oracle.schema.json").read_text(encoding="utf-8")
)
ANSWER = jsonschema.Draft202012Validator(SCHEMA)
OBSERVATION = jsonschema.Draft202012Validator(SCHEMA | {"oneOf": [{"$ref": "#/$defs/observation"}]})
GENERATORS = (lookup_scenario, output_scenario, input_scenario, acquire_scenario)
SEND = {"source": "2001:db8::1", "destination": "2001:db8:b::1", "protocol": 17}
BLOCK_ALL = {
    "selector": {"source": "::/0", "destination": "::/0"},
    "direction": "out",
    "action": "block",
}
EMPTY = b'{"version": 1, "steps": []}'


def document(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "steps": list(steps)}


def line_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def ask(*lines: bytes, judging: bool = False) -> list[Any]:
    return [json.loads(answer.text) for answer in answers(lines, LINUX_6_1, judging=judging)]


def codes(*lines: bytes, judging: bool = False) -> list[int]:
    return [answer.code for answer in answers(lines, LINUX_6_1, judging=judging)]


def random_documents(count: int, seed: int) -> Iterator[dict[str, Any]]:
    random = Random(seed)
    for number in range(count):
        scenario: dict[str, Any] = json.loads(to_json(GENERATORS[number % len(GENERATORS)](random)))
        yield scenario


def observation_of(answer: Any) -> dict[str, Any]:
    return {"results": [step["result"] for step in answer["steps"]], "policies": answer["policies"]}


def test_answers_and_observations_fit_the_schema_and_answers_judge_themselves_accepted() -> None:
    for scenario in random_documents(60, seed=1):
        (answer,) = ask(line_of(scenario))
        ANSWER.validate(answer)
        observation = observation_of(answer)
        OBSERVATION.validate(observation)
        (judgement,) = ask(line_of({"scenario": scenario, "observation": observation}), judging=True)
        ANSWER.validate(judgement)
        assert judgement["verdict"] == "accepted"
        observation["results"][-1]["errno"] += 1
        (judgement,) = ask(line_of({"scenario": scenario, "observation": observation}), judging=True)
        ANSWER.validate(judgement)
        assert (judgement["verdict"], judgement["step"]) == ("refused", len(scenario["steps"]) - 1)


def test_a_refused_packet_is_answered_with_guard_values_and_clause() -> None:
    (answer,) = ask(
        line_of(document({"do": "add-policy", "policy": BLOCK_ALL}, {"do": "send", "flow": SEND}))
    )
    sent = answer["steps"][1]
    assert (answer["verdict"], sent["verdict"], sent["decision"]) == ("refused", "refused", "block")
    assert (sent["result"]["errno"], sent["result"]["counters"]) == (1, {"XfrmOutPolBlock": 1})
    assert sent["tried"][-1] == {
        "clause": "XFRM-OUT-004",
        "guard": "out main policy of priority 0",
        "found": "action block",
        "expected": "action allow",
    }
    assert sent["nearest"] == "XFRM-OUT-004"


@pytest.mark.parametrize(
    ("line", "position", "path", "message"),
    [
        (b"", 1, "", "JSON"),
        (b'{"version": 1, "steps": [}', 26, "", "JSON"),
        (b'{"version": 1, "steps": []} x', 29, "", "JSON"),
        ('{"version": 1, "ä": "'.encode() + b"\xff" + b'"}', 22, "", "UTF-8"),
        (b"[]", 1, "", "an object with version 1"),
        (b'  {"version": 2}', 3, "", "an object with version 1"),
        (b'{"version": 1, "steps": [{"do": "rest"}]}', 26, "steps[0]", "an object whose 'do'"),
        (
            b'{"version": 1, "steps": [{"do": "flush-states" , "protocol" :  true}]}',
            64,
            "steps[0].protocol",
            "a whole number",
        ),
        (
            b'{"version": 1, "steps": [{"do": "flush-states", "protocol": 256}]}',
            61,
            "steps[0].protocol",
            "a whole number of 0..255",
        ),
        (
            b'{"version": 1, "steps": [{"do": "flush-states", "protocol": ' + b"9" * 5000 + b"}]}",
            61,
            "steps[0].protocol",
            "a whole number",
        ),
        (b'{"version": 1, "steps": ' + b"[" * 100_000, 1, "", "nested less deeply"),
    ],
)
def test_a_malformed_line_is_answered_with_its_position(
    line: bytes, position: int, path: str, message: str
) -> None:
    broken, fine = ask(line, EMPTY)
    ANSWER.validate(broken)
    assert broken["line"] == 1
    assert (broken["error"]["position"], broken["error"]["path"]) == (position, path)
    assert message in broken["error"]["message"]
    assert (fine["line"], fine["verdict"]) == (2, "accepted")


def test_a_step_that_cannot_happen_is_pointed_at() -> None:
    forward = {**BLOCK_ALL, "direction": "fwd"}
    line = line_of(document({"do": "flush-policies"}, {"do": "send", "flow": SEND, "outbound": forward}))
    (answer,) = ask(line)
    assert answer["error"]["path"] == "steps[1]"
    assert line[answer["error"]["position"] - 1 :].startswith(b'{"do": "send"')
    (answer,) = ask(
        line_of({"scenario": json.loads(line), "observation": {"results": [{}, {}]}}), judging=True
    )
    assert answer["error"]["path"] == "scenario.steps[1]"


def test_the_judge_points_into_the_observation() -> None:
    line = b'{"scenario": {"version": 1, "steps": []}, "observation": {"results": [], "policies": [7]}}'
    (answer,) = ask(line, judging=True)
    assert answer["error"]["path"] == "observation.policies[0]"
    assert line[answer["error"]["position"] - 1 :].startswith(b"7")
    (answer,) = ask(EMPTY, judging=True)
    assert "'scenario' and 'observation'" in answer["error"]["message"]


def test_codes_rank_malformed_above_refused_above_accepted() -> None:
    blocked = document({"do": "add-policy", "policy": BLOCK_ALL}, {"do": "send", "flow": SEND})
    assert codes(line_of(blocked), b"?") == [0, 2]
    seen: list[dict[str, Any]] = [{"results": [{}, {"errno": errno}]} for errno in (1, 0)]
    lines = [line_of({"scenario": blocked, "observation": observation}) for observation in seen]
    assert codes(*lines, b"?", judging=True) == [0, 1, 2]


def test_a_position_is_that_of_the_last_value_that_exists() -> None:
    text = ' {"a": [1, {"b\\u0041": "x"} , 3], "a": [ [ ] , 5 ]}'
    assert text[position_of(text, ("a", 1)) :].startswith("5")
    assert text[position_of(text, ("a", 0, 4)) :].startswith("[ ]")
    assert text[position_of(text, ("c",)) :].startswith('{"a"')


def test_the_same_lines_give_the_same_octets() -> None:
    lines = [line_of(scenario) for scenario in random_documents(20, seed=2)]

    def once() -> list[Answer]:
        return list(answers(lines, LINUX_6_1, judging=False))

    assert once() == once()


Spoiler = Callable[[Random, bytes], bytes]


def _cut(random: Random, line: bytes) -> bytes:
    return line[: random.randrange(len(line))]


def _scramble(random: Random, line: bytes) -> bytes:
    octets = bytearray(line)
    for _ in range(random.randint(1, 4)):
        octets[random.randrange(len(octets))] = random.choice((*SIGNS, random.randrange(256)))
    return bytes(octets)


def _noise(random: Random, line: bytes) -> bytes:
    return random.randbytes(random.randrange(60))


def _exchange(random: Random, line: bytes) -> bytes:
    """Put a value that no field expects, or that few expect, in place of some values."""
    value = json.loads(line)
    for _ in range(random.randint(1, 3)):
        _exchange_one(random, value)
    return line_of(value)


def _exchange_one(random: Random, value: Any) -> None:
    while isinstance(value, dict | list) and value:
        key = random.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if random.random() < 0.25 or not isinstance(value[key], dict | list):
            value[key] = copy.deepcopy(random.choice(ODD_VALUES))
            return
        value = value[key]


def _recombine(random: Random, line: bytes) -> bytes:
    """Exchange members of the same name between the steps, so that types fit and meanings do not."""
    value = json.loads(line)
    by_name: dict[str, list[Any]] = {}
    _collect(value, by_name)
    _spread(random, value, by_name)
    return line_of(value)


def _collect(value: Any, by_name: dict[str, list[Any]]) -> None:
    for name, member in value.items() if isinstance(value, dict) else ():
        by_name.setdefault(name, []).append(member)
        _collect(member, by_name)
    for member in value if isinstance(value, list) else ():
        _collect(member, by_name)


def _spread(random: Random, value: Any, by_name: dict[str, list[Any]]) -> None:
    for name in list(value) if isinstance(value, dict) else ():
        if name not in ("do", "steps", "version") and random.random() < 0.1:
            others = [*by_name.get(name, ()), *WORDS.get(name, ())]
            fitting = [other for other in others if _shape(other) == _shape(value[name])]
            value[name] = copy.deepcopy(random.choice([value[name], *fitting]))
        _spread(random, value[name], by_name)
    for member in value if isinstance(value, list) else ():
        _spread(random, member, by_name)


def _shape(value: Any) -> tuple[type, bool]:
    """Tell prefixes from addresses, whose members have the same names."""
    return type(value), isinstance(value, str) and "/" in value


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 6, 255, 256, 65_536, 2**32 - 1, 2**32, 2**64, 10**30, 1.5, float("nan")),
    *("", "::", "::/0", "10.0.0.1", "10.0.0.0/8", "2001:db8::1", "x", "\ud800", [], {}, [[]], [{}]),
)
SIGNS = b'"{}[]:,0 19-.etx' * 2
MODES = ("transport", "tunnel", "ro", "in_trigger", "beet")
WORDS: dict[str, tuple[Any, ...]] = {
    "destination": ("10.0.0.1", "10.0.0.0/8", "::/0", "::1"),
    "source": ("10.0.0.1", "10.0.0.0/8", "::/0", "::1"),
    "direction": ("in", "out", "fwd"),
    "family": ("inet", "inet6", "unspec"),
    "layers": (["hop_by_hop"], ["routing"], ["fragment"], ["esp"]),
    "mode": MODES,
    "protocol": (0, 4, 17, 47, 58, 135, 255, "esp", "ah", "ipcomp", "routing", "udp", "gre"),
    "spi": (0, 1, 2**32 - 1),
    "source_slot": (0, 65_535),
    "templates": ([], [{"protocol": "esp", "mode": "beet", "destination": "10.0.0.1", "family": "inet"}]),
}
SPOILERS: tuple[Spoiler, ...] = (_cut, _scramble, _noise, _exchange, _recombine)


@pytest.mark.parametrize("judging", [False, True], ids=["told", "judged"])
def test_a_thousand_spoilt_lines_are_each_answered(judging: bool) -> None:
    random = Random(7)
    lines = [_fuzzed(random, scenario, judging) for scenario in random_documents(1000, seed=3)]
    given = list(answers(lines, LINUX_6_1, judging=judging))
    assert len(given) == len(lines)
    for number, answer in enumerate(given, start=1):
        value = json.loads(answer.text)
        ANSWER.validate(value)
        assert value["line"] == number
    assert {answer.code for answer in given} == ({0, 1, 2} if judging else {0, 2})


def _fuzzed(random: Random, scenario: dict[str, Any], judging: bool) -> bytes:
    spoil = random.choice(SPOILERS)
    if not judging:
        return spoil(random, line_of(scenario))
    observation = observation_of(ask(line_of(scenario))[0])
    return spoil(random, line_of({"scenario": scenario, "observation": observation}))


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from xfrmspec.cli import main; main()", "oracle", *words]


def test_the_command_answers_each_line_before_the_next_is_written() -> None:
    with subprocess.Popen(
        command("--profile", "clean"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for line, key in ((EMPTY, "verdict"), (b"?", "error"), (EMPTY, "verdict")):
            running.stdin.write(line + b"\n")
            running.stdin.flush()
            assert key in json.loads(running.stdout.readline())
        running.stdin.close()
        assert running.stdout.read() == b""
        assert running.wait(timeout=30) == 2


def test_the_command_ends_with_the_gravest_code() -> None:
    wrong = {"scenario": document({"do": "flush-states"}), "observation": {"results": [{"errno": 3}]}}
    right = {"scenario": document({"do": "flush-states"}), "observation": {"results": [{"errno": 0}]}}
    for lines, code in (([right], 0), ([wrong, right], 1)):
        text = b"".join(line_of(line) + b"\n" for line in lines)
        done = subprocess.run(command("--judge"), input=text, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (code, b"")
        assert len(done.stdout.splitlines()) == len(lines)
    assert subprocess.run(command("--loud"), capture_output=True, check=False).returncode == 2
