"""Bad input gives the file, the line, what was expected and what to do, on one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from dump_samples import LIFETIME, PLAIN_POLICY, PLAIN_STATE

from xfrmspec.formats import Dump, InputError, read_dump, read_file

_LONG_HEAD = (
    "src ::/0 dst ::/0 uid 0\n"
    "\tdir in action allow index 8 priority 1 ptype main share any flag  (0x00000000)\n"
)
_BAD_TEXTS = {
    "prefix length": (PLAIN_POLICY.replace("10.0.2.0/24", "::/129"), 1, "0..128"),
    "IPv4 prefix length": (PLAIN_POLICY.replace("10.0.2.0/24", "10.0.2.0/33"), 1, "0..32"),
    "two directions on two lines": (PLAIN_POLICY + "\tdir in priority 7\n", 5, "one direction per policy"),
    "two directions on one line": (PLAIN_POLICY.replace("dir out", "dir out dir in"), 2, "one direction"),
    "socket and direction": (PLAIN_POLICY + "\tsocket in priority 0\n", 5, "one direction per policy"),
    "address": (PLAIN_POLICY.replace("10.0.1.0", "10.0.1.256"), 1, "an IPv4 or IPv6 address"),
    "scope": (PLAIN_STATE.replace("src 192.0.2.1", "src fe80::1%eth0"), 1, "without a scope"),
    "families": (PLAIN_POLICY.replace("10.0.2.0/24", "::/0"), 1, "one family"),
    "template families": (PLAIN_POLICY.replace("dst 192.0.2.2", "dst ::1"), 3, "one family"),
    "mode": (PLAIN_POLICY.replace("mode tunnel", "mode tunnle"), 4, "transport, tunnel, ro"),
    "template protocol": (PLAIN_POLICY.replace("proto esp", "proto exp"), 4, "esp, ah, comp"),
    "selector protocol": (PLAIN_POLICY.replace("\n", " proto nothing\n", 1), 1, "0..255"),
    "port": (PLAIN_POLICY.replace("\n", " proto udp sport 65536\n", 1), 1, "0..65535"),
    "priority": (PLAIN_POLICY.replace("priority 7", "priority 4294967296"), 2, "0..4294967295"),
    "doubled number": (PLAIN_POLICY.replace("reqid 1", "reqid 1(0x00000002)"), 4, "two notations"),
    "policy type": (PLAIN_POLICY.replace("ptype main", "ptype any"), 2, "main, sub"),
    "no direction line": ("src ::/0 dst ::/0\n", 1, "'dir in'"),
    "no priority": ("src ::/0 dst ::/0\n\tdir in\n", 2, "'priority N'"),
    "no protocol line of a state": ("src ::1 dst ::2\n\treplay-window 0\n", 1, "'proto"),
    "no window line of a state": (
        "src ::1 dst ::2\n\tproto esp spi 0x1 reqid 0 mode tunnel\n",
        1,
        "replay-window",
    ),
    "template cut at the end": ("".join(PLAIN_POLICY.splitlines(keepends=True)[:3]), 3, "'proto"),
    "mode missing": (PLAIN_POLICY.replace(" mode tunnel", ""), 4, "'mode'"),
    "long form without lifetime": (_LONG_HEAD, 1, "'lifetime config:'"),
    "lifetime cut": (_LONG_HEAD + "".join(LIFETIME.splitlines(keepends=True)[:3]), 5, "lifetime"),
    "long template cut": (
        _LONG_HEAD
        + LIFETIME
        + "\ttmpl src :: dst ::\n\t\tproto esp spi 0x00000000(0) reqid 0(0x00000000) mode ro\n",
        1,
        "'level",
    ),
    "long state without statistics": (
        "src ::1 dst ::2\n\tproto esp spi 0x00000001(1) reqid 0(0x00000000) mode tunnel\n"
        "\treplay-window 0 seq 0x00000000 flag  (0x00000000)\n" + LIFETIME,
        1,
        "'stats:'",
    ),
    "bitmap cut": (
        PLAIN_STATE + "\tanti-replay esn context:\n\t seq-hi 0x0, seq 0x1, oseq-hi 0x0, oseq 0x0\n"
        "\t replay_window 64, bitmap-length 2\n\t 00000000\n",
        7,
        "2 words",
    ),
    "body without a head": ("\tdir in priority 3 ptype main\n", 1, "'src"),
    "not a dump": ("hello world\n", 1, "a dump of ip xfrm"),
    "setkey mode": ("10.0.0.1 10.0.0.2\n\tesp mode=ro spi=1(0x00000001) reqid=0(0x00000000)\n", 2, "a mode"),
    "setkey state cut": (
        "10.0.0.1 10.0.0.2\n\tesp mode=any spi=1(0x00000001) reqid=0(0x00000000)\n",
        1,
        "seq=",
    ),
    "setkey policy cut": ("10.0.0.0/24[any] 10.0.1.0/24[any] any\n\tin none\n", 1, "spid="),
    "setkey two directions": ("::1[any] ::2[any] any\n\tin none\n\tout none\n", 3, "one direction"),
    "ipsecctl flow": ("flow esp in from 10.0.0.0/24 to 10.0.1.0/24 peer 10.0.0.1\n", 1, "type TYPE"),
    "ipsecctl length": ("flow esp in from ::/129 to ::/0 peer ::1 type use\n", 1, "0..128"),
}


@pytest.mark.parametrize("name", _BAD_TEXTS)
def test_bad_text_names_line_and_expectation(name: str) -> None:
    text, line, expected = _BAD_TEXTS[name]
    with pytest.raises(InputError) as caught:
        read_dump(text, "home.txt")
    error = caught.value
    assert (error.file, error.line) == ("home.txt", line)
    assert expected in error.expected
    assert error.advice
    assert str(error).startswith(f"home.txt:{line}: found ")
    assert len(str(error).splitlines()) == 1


def test_second_direction_reads_as_advised() -> None:
    with pytest.raises(InputError) as caught:
        read_dump(PLAIN_POLICY + "\tdir in priority 7\n", "home.txt")
    assert str(caught.value) == (
        "home.txt:5: found 'dir' again; expected one direction per policy; remove one of them"
    )


@pytest.mark.parametrize(
    "text",
    [
        "src ::/0 dst ::/0\n\tdir in priority 12",
        "src ::1 dst ::2\n\tproto esp spi 0x00000001 reqid 0 mode tunnel\n\treplay-window 3",
        PLAIN_POLICY + "\tif_id 0x1",
        PLAIN_POLICY.rstrip("\n")[:-2],
        "::1 ::2\n\tesp mode=any spi=1(0x00000001) reqid=0(0x00000000)\n\tseq=0x0 replay=0 flags=0x0 "
        "state=mature\n\tsadb_seq=1 pid=2 refcnt=1",
        "esp tunnel from ::1 to ::2 spi 0x00001000 auth hmac-sha2-2",
    ],
)
def test_last_line_without_line_end_counts_as_cut_off(text: str) -> None:
    with pytest.raises(InputError):
        read_dump(text, "home.txt")


def test_last_line_that_ends_in_a_whole_word_needs_no_line_end() -> None:
    assert len(read_dump(PLAIN_POLICY.rstrip("\n"), "home.txt").policies) == 1


def test_a_cut_sample_never_reads_as_more_than_its_whole_records() -> None:
    whole = read_dump(PLAIN_POLICY * 2, "x").policies
    for end in range(len(PLAIN_POLICY) + 1, 2 * len(PLAIN_POLICY)):
        try:
            found = read_dump((PLAIN_POLICY * 2)[:end], "x").policies
        except InputError:
            continue
        assert found[0] == whole[0]


def test_empty_text_is_an_empty_dump() -> None:
    assert read_dump("", "x") == Dump()
    assert read_dump(" \n\n", "x") == Dump()


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [(b"src ::/0\n\0\x01", 2, "NUL"), (b"src \xff\xfe\n", 1, "not UTF-8")],
)
def test_binary_file_is_refused(tmp_path: Path, content: bytes, line: int, found: str) -> None:
    path = tmp_path / "dump.txt"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert caught.value.line == line
    assert found in str(caught.value)


def test_directory_missing_and_impossible_names_are_refused(tmp_path: Path) -> None:
    for path, found in (
        (tmp_path, "a directory"),
        (tmp_path / "none.txt", "no such file"),
        (tmp_path / "a\0b", "impossible name"),
        (Path("/proc/self/mem"), "Input/output error"),
    ):
        with pytest.raises(InputError) as caught:
            read_file(path)
        assert found in str(caught.value)
        assert caught.value.line == 0


def test_unknown_words_are_reported_and_the_record_is_kept() -> None:
    text = PLAIN_POLICY.replace("priority 7", "colour blue priority 7").replace(
        "mode tunnel", "mode tunnel soon"
    )
    dump = read_dump(text + "\tweather fine\n", "home.txt")
    assert [(entry.line, entry.text) for entry in dump.unknown] == [
        (2, "colour blue"),
        (4, "soon"),
        (5, "weather fine"),
    ]
    assert dump.policies[0].policy.priority == 7
