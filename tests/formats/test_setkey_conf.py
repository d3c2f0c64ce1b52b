"""Scripts for setkey: what their commands leave, what is refused and where, and no key anywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from dump_samples import PLAIN_POLICY
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from xfrmspec.cli.app import application
from xfrmspec.formats import (
    Dump,
    DumpFormat,
    InputError,
    dump_to_json,
    print_dump,
    read_dump,
    read_ip_xfrm,
    read_setkey_conf,
)
from xfrmspec_terms.policy import Action, Direction, Mode
from xfrmspec_terms.selector import ANY_PORT, PortMatch, Protocol

KEY = "0x00112233445566778899aabbccddeeff"
SECRET = "a planted secret!"
SCRIPT = f"""#!/usr/sbin/setkey -f
flush;
spdflush;  # from empty tables, don't worry
add 2001:db8::1 2001:db8::2 esp 0x1001 -m tunnel -u 7 -r 32
    -lh 3600 -ls 3000 -bh 1000000
    -E aes-cbc
    {KEY}
    -A hmac-sha1 "{SECRET}";
add -6 2001:db8::1 2001:db8::2 ah 300 -A hmac-md5 "{SECRET}" ;
add 10.0.0.1 10.0.0.2 ipcomp 0x1234 -C deflate;
add 10.0.0.1 10.0.0.2 esp-udp 77 -E null;
spdadd 2001:db8::/64[any] 2001:db8:1::/48[53] udp -P out prio high + 10 ipsec
    esp/transport//unique ah/transport//use esp/tunnel/2001:db8::1-2001:db8::2/unique:9;
spdadd ::/0 ::/0 icmp6 128,0 -P in none; spdadd 10.0.0.1 10.0.0.2 any -P fwd discard;
"""


def read(text: str) -> Dump:
    return read_setkey_conf(text, "setkey.conf")


def test_a_script_is_recognised_and_becomes_records() -> None:
    dump = read_dump(SCRIPT, "setkey.conf")
    assert {record.format for record in dump.policies} == {DumpFormat.SETKEY_CONF}
    assert dump.unknown == ()
    assert [record.at.line for record in dump.policies] == [14, 14, 12]
    first = dump.policies[-1].policy
    assert (first.direction, first.action, first.priority) == (Direction.OUT, Action.ALLOW, 0x40000000 - 10)
    assert (first.selector.source_port, first.selector.destination_port) == (ANY_PORT, PortMatch.exactly(53))
    modes = [(t.protocol, t.mode, t.reqid, t.optional) for t in first.templates]
    assert modes == [
        (Protocol.ESP, Mode.TRANSPORT, 0, False),
        (Protocol.AH, Mode.TRANSPORT, 0, True),
        (Protocol.ESP, Mode.TUNNEL, 9, False),
    ]
    assert [(entry.field, entry.text) for entry in dump.policies[-1].masked] == [
        ("templates[0].reqid", "unique")
    ]


def test_the_states_of_a_script_are_those_of_pf_key() -> None:
    states = [record.state for record in read(SCRIPT).states]
    assert [state.protocol for state in states] == [
        Protocol.ESP,
        Protocol.AH,
        Protocol.IPCOMP,
        Protocol.ESP,
    ]
    first = states[0]
    assert (first.mode, first.reqid, first.spi, first.replay_window) == (Mode.TUNNEL, 7, 0x1001, 32)
    assert (first.limits.hard_add_seconds, first.limits.soft_add_seconds) == (3600, 3000)
    assert (first.limits.hard_bytes, first.limits.soft_bytes) == (1_000_000, None)
    assert read("add ::1 ::2 esp 9 -r 200 -E null;").states[0].state.replay_window == 32


@pytest.mark.parametrize("text", [SCRIPT, SCRIPT.replace("\n", " \n ").replace(";", " ;")])
def test_what_is_printed_reads_back_the_same_and_holds_no_key(text: str) -> None:
    dump = read(text)
    printed = print_dump(dump)
    again = read(printed)
    assert [r.policy for r in again.policies] == [r.policy for r in dump.policies]
    assert [r.state for r in again.states] == [r.state for r in dump.states]
    assert [h.text for h in again.headings] == [h.text for h in dump.headings]
    assert print_dump(again) == printed
    for shown in (printed, repr(dump), json.dumps(dump_to_json(dump))):
        assert KEY not in shown
        assert KEY[2:] not in shown
        assert "planted" not in shown
        assert "secret!" not in shown


def test_commands_take_away_what_the_script_added() -> None:
    adds = "spdadd ::1 ::2 any -P out none; spdadd ::1 ::3 any -P out none;\n"
    states = "add ::1 ::2 esp 1 -E null; add ::1 ::2 ah 1 -A null; add ::1 ::3 esp 2 -E null;\n"
    left = {
        "spddelete ::1 ::2 any -P out;": (1, 3),
        "spddelete ::1 ::2 any -P in;": (2, 3),
        "spdflush;": (0, 3),
        "flush;": (2, 0),
        "flush esp;": (2, 1),
        "delete ::9 ::2 esp 1;": (2, 2),
        "deleteall ::1 ::2 ah;": (2, 2),
        "get ::1 ::2 esp 1; dump ah; spddump; dump;": (2, 3),
        "spdupdate ::1 ::2 any -P out discard;": (2, 3),
        "spdupdate ::1 ::4 any -P out discard;": (3, 3),
    }
    for command, (policies, remaining) in left.items():
        dump = read(adds + states + command)
        assert (len(dump.policies), len(dump.states)) == (policies, remaining), command
    replaced = read(f"{adds}spdupdate ::1 ::2 any -P out discard;").policies
    assert [record.policy.action for record in replaced] == [Action.ALLOW, Action.BLOCK]


REFUSED = {
    "spdadd ::1 ::2 any -P out none": (1, "no end of the command"),
    "spdadd ::1 10.0.0.1 any -P out none;": (1, "one family"),
    "spdadd ::1 ::2/129 any -P out none;": (1, "prefix length"),
    "spdadd ::1\n ::2[99999] any -P out none;": (2, "port"),
    "spdadd ::1 ::2 any -P\n sideways none;": (2, "direction"),
    "spdadd ::1 ::2 any -P out bypass;": (1, "discard, none or ipsec"),
    "spdadd ::1 ::2 any -P out ipsec esp/any//require;": (1, "transport, tunnel"),
    "spdadd ::1 ::2 any -P out ipsec\n\nesp/tunnel//require;": (3, "endpoints"),
    "spdadd ::1 ::2 any -P out ipsec hao/transport//require;": (1, "PROTOCOL/MODE"),
    "spdadd ::1 ::2 tcp 1,2 -P out none;": (1, "only ICMP"),
    "spdadd ::1 ::2 any -P out none extra;": (1, "'extra'"),
    "add ::1 ::2 esp 1 -E;": (1, "encryption algorithm"),
    "add ::1 ::2 esp 1 -E aes-cbc;": (1, "a key"),
    "add ::1 ::2 esp 1 -A hmac-md5 0x1;": (1, "'-E'"),
    "add ::1 ::2 ipcomp 1;": (1, "'-C'"),
    "add ::1 ::2 esp one -E null;": (1, "number"),
    "add ::1 ::2 sctp 1 -E null;": (1, "a protocol"),
    "add host.example ::2 esp 1 -E null;": (1, "IPv4 or IPv6 address"),
    "spdadd ::1 ::2 any -P out none;\nspdfoo;": (2, "a command"),
}


@pytest.mark.parametrize("text", sorted(REFUSED))
def test_a_wrong_command_is_refused_with_its_line_and_advice(text: str) -> None:
    line, part = REFUSED[text]
    with pytest.raises(InputError) as refused:
        read(text)
    assert refused.value.line == line
    assert part in str(refused.value)
    assert refused.value.advice
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        f'add ::1 ::2 esp 1 -E "{SECRET}";',
        f"add ::1 ::2 esp 1 -E {KEY};",
        "add ::1 ::2 esp 1 -E aes-cbc\n\n0xfeedbeef extra;",
        "add ::1 ::2 esp 1 -E aes-cbc 0xfeedbeef",
        "add ::1 ::2 esp 1 -E 0xfeedbeef 0xfeedbeef;",
        f'add ::1 ::2 esp 1 "{SECRET}\n{SECRET}";',
        "add ::1 ::2 esp 1 -A hmac-md5\n 0xfeedbeef -A hmac-md5 0xfeedbeef;",
        f'# "{SECRET}" -E des-cbc 0xfeedbeef\nspdadd "{SECRET}";',
    ],
)
def test_no_error_shows_a_key(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_dump(text + ("" if ";" in text else "\n"), "x")
    assert "planted" not in str(refused.value)
    assert "feedbeef" not in str(refused.value)
    assert KEY[4:20] not in str(refused.value)


def test_a_quote_in_a_comment_opens_no_string() -> None:
    dump = read('# don"t\nspdadd ::1 ::2 any -P out none; # "x"\n')
    assert len(dump.policies) == 1
    assert [heading.at.line for heading in dump.headings] == [1, 2]


def test_a_listing_with_times_of_addition_is_no_script() -> None:
    listing = PLAIN_POLICY + "\tlifetime current:\n\t  0(bytes), 0(packets)\n"
    listing += "\t  add 2024-01-01 10:00:00 use -\n"
    assert read_dump(PLAIN_POLICY, "x") == read_ip_xfrm(PLAIN_POLICY, "x")
    try:
        read_dump(listing, "x")
    except InputError as error:
        assert "a command" not in str(error)


_WORDS = sorted(
    {*SCRIPT.replace(KEY, "0x12").replace('"', " ").replace(";", " ; ").split(), "-f", "zero-pad", "#", '"'}
)


@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from(_WORDS) | st.just("\n"), max_size=40))
def test_any_words_give_a_dump_that_reads_back_or_an_error(words: list[str]) -> None:
    text = " ".join(["spdadd" if len(words) % 2 else "add", *words])
    try:
        dump = read(text)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
        return
    again = read(print_dump(dump))
    assert [replace(r.policy, index=0) for r in again.policies] == [r.policy for r in dump.policies]
    assert [r.state for r in again.states] == [r.state for r in dump.states]


_FLOW = ("--src", "2001:db8::5", "--dst", "2001:db8:1::9", "--proto", "udp", "--dport", "53", "--sport", "9")


def test_the_command_line_checks_a_script(tmp_path: Path) -> None:
    script = tmp_path / "setkey.conf"
    script.write_text(SCRIPT, encoding="utf-8")
    for command in ("check", "parse"):
        result = CliRunner().invoke(application, [command, str(script)])
        assert result.exit_code in (0, 1), result.output
        assert "planted" not in result.output
        assert KEY[4:20] not in result.output
    explained = CliRunner().invoke(application, ["explain", str(script), *_FLOW])
    assert f"{script}:12" in " ".join(explained.output.split())
