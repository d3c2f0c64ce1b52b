"""Any input at all gives a dump or an InputError: 20,000 inputs in all."""

from __future__ import annotations

import json
import random
from pathlib import Path

from dump_samples import LIFETIME, PLAIN_POLICY, PLAIN_STATE, need_samples, sample_texts
from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.formats import Dump, InputError, dump_to_json, print_dump, read_dump, read_file

_SOUPS = 3_000
_TEXTS = 1_500
_OCTETS = 1_500
_BATCHES = 700
_PER_BATCH = 20
_LINES = 24

_GRAMMAR = f"""
{PLAIN_POLICY} {PLAIN_STATE} {LIFETIME} any prio mode=any [any] ::1 ::/0 ::/129 0x1 REQID -1 in out coa flag
sel flow esp (0x00000001) spid=1 refcnt=1 uid dev key seq=0x0 replay=1 spi=1(0x1) gre 10.0.0.0/8[any] require
type proto mark 1/2 anti-replay esn context: stats: level unique:9 99999999999999999999 / " \u0663 \u00b2
"""
_WORDS = sorted({*_GRAMMAR.split(), "\\", "\x1c"})
_HEADS = ("", "src ::1 dst ::2\n", "src ::/0 dst ::/0\n\tdir in priority 1\n", "::1[any] ::2[any] any\n")


def _read_safely(text: str) -> Dump | None:
    try:
        dump = read_dump(text, "x")
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        return None
    return dump


def _check(text: str) -> None:
    dump = _read_safely(text)
    if dump is None:
        return
    json.dumps(dump_to_json(dump))
    again = _read_safely(print_dump(dump))
    assert again is not None, text
    assert [record.policy for record in again.policies] == [record.policy for record in dump.policies], text
    assert [record.state for record in again.states] == [record.state for record in dump.states], text


@settings(max_examples=_TEXTS, deadline=None)
@given(st.text(max_size=200))
def test_random_text(text: str) -> None:
    _check(text)


@settings(max_examples=_SOUPS, deadline=None)
@given(
    st.lists(st.sampled_from(_WORDS) | st.just("\n"), max_size=40), st.sampled_from(["", "src ::1 dst ::2\n"])
)
def test_words_of_the_grammar_in_any_order(words: list[str], head: str) -> None:
    _check(head + " ".join(words) + "\n")


def test_random_octets_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"

    @settings(max_examples=_OCTETS, deadline=None)
    @given(st.binary(max_size=200))
    def read_any(octets: bytes) -> None:
        path.write_bytes(octets)
        try:
            assert isinstance(read_file(path), Dump)
        except InputError as error:
            assert len(str(error).splitlines()) == 1

    read_any()


def _mutate_line(lines: list[str], source: random.Random) -> None:
    place = source.randrange(len(lines))
    kind = source.randrange(4)
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(place, lines[source.randrange(len(lines))])
    elif kind == 2:
        lines[place] = lines[place][: source.randrange(len(lines[place]) + 1)]
    else:
        _mutate_word(lines, place, source)


def _mutate_word(lines: list[str], place: int, source: random.Random) -> None:
    words = lines[place].split() or [""]
    number = source.randrange(len(words))
    other = source.choice(lines).split() or source.choices(_WORDS)
    words[number] = source.choice([source.choice(_WORDS), source.choice(other), words[number][1:], ""])
    lines[place] = "\t" + " ".join(words)


def _mutated(source: random.Random) -> str:
    lines = source.choice(sample_texts()).split("\n")
    start = source.randrange(max(1, len(lines) - _LINES)) if source.random() < 0.5 else 0
    lines = lines[start : start + _LINES]
    for _ in range(source.randint(1, 4)):
        if lines:
            _mutate_line(lines, source)
    text = "\n".join(lines)
    return text[: source.randrange(len(text) + 1)] if source.random() < 0.2 else text


@settings(max_examples=_BATCHES, deadline=None)
@given(st.integers(0, 2**64))
def test_damaged_samples(seed: int) -> None:
    need_samples()
    source = random.Random(seed)
    for _ in range(_PER_BATCH):
        _check(_mutated(source))


def test_twenty_thousand_inputs_are_run() -> None:
    assert _SOUPS + _TEXTS + _OCTETS + _BATCHES * _PER_BATCH >= 20_000
