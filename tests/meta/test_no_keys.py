"""No key anywhere: recognisable keys are planted wherever one enters, and looked for in what comes out."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from ipaddress import IPv6Address
from pathlib import Path
from random import Random

import pytest

import xfrmspec.formats.words as format_words
from xfrmspec.cli import main
from xfrmspec.conform import jobs
from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.conform.octets import octet_scenario
from xfrmspec.conform.plan import Backend, Bench, Plan
from xfrmspec.conform.run import run_job
from xfrmspec.findings.ledger import FINDINGS
from xfrmspec.findings.script import as_script
from xfrmspec.host.node import Node, Secured
from xfrmspec.interfaces.key_codec import MalformedKeyMessageError
from xfrmspec.interfaces.key_codec import decode as decode_key
from xfrmspec.interfaces.key_codec import encode as encode_key
from xfrmspec.interfaces.key_message import (
    AddressExtension,
    ExtensionType,
    KeyExtension,
    KeyMessage,
    MessageType,
    SaExtension,
    SaType,
)
from xfrmspec.interfaces.key_state import KeyStateTables
from xfrmspec.interfaces.key_state import carry_out as carry_out_key
from xfrmspec.kernel.netlink import MessageKind
from xfrmspec.kernel.netlink import decode as decode_netlink
from xfrmspec.kernel.netlink import encode as encode_netlink
from xfrmspec.kernel.netlink_attributes import Algorithm, AttributeKind
from xfrmspec.kernel.netlink_requests import state_message
from xfrmspec.kernel.netlink_values import MalformedMessageError
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.suites import Suite, key_for, keys_of
from xfrmspec.scenario.terms import AddState
from xfrmspec.wire import applying
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import AlgorithmError, encryption, integrity
from xfrmspec.wire.esp import EspKeys, seal
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol

ROOT = Path(__file__).resolve().parents[2]
POLICIES = str(ROOT / "docs" / "examples" / "home-agent" / "xfrm-policy.txt")
KEY = bytes.fromhex("d1c7e93fa55b0e6482f9713dbc08a647")
OTHER = bytes.fromhex("9ee4510fc3782bd66a17f58c04b9e32d60d57a11")
WINDOW = 6
_BETWEEN = re.compile(r"\\x|0x|[\s:;,.'\"_|-]")


def shown_keys(said: str | bytes, *keys: bytes) -> list[str]:
    """Return in which form a key, or six octets of it, is in what was said."""
    text = said.decode("latin-1") if isinstance(said, bytes) else said
    digits = _BETWEEN.sub("", text).lower()
    found: list[str] = []
    for key in dict.fromkeys(keys or (KEY, OTHER)):
        pieces = [key[at : at + WINDOW] for at in range(len(key) - WINDOW + 1)]
        found += ["hexadecimal"] * any(piece.hex() in digits for piece in pieces)
        found += ["octets"] * any(piece.decode("latin-1") in text for piece in pieces)
        found += ["escaped octets"] * any(repr(piece)[2:-1] in text for piece in pieces)
        found += ["base64"] * (base64.b64encode(key).decode("ascii").rstrip("=")[:-1] in text)
    return found


@pytest.mark.parametrize(
    "said",
    [
        KEY.hex(),
        KEY.hex().upper(),
        KEY.hex(":"),
        KEY.hex(" ", 4),
        f"error: {KEY!r}",
        base64.b64encode(KEY).decode(),
        KEY,
        f"0x{KEY[4:12].hex()}",
    ],
)
def test_the_search_finds_a_key_in_every_form(said: str | bytes) -> None:
    assert shown_keys(said)


IP_XFRM = f"""src 2001:db8::1 dst 2001:db8:b::1
\tproto esp spi 0x00001001 reqid 1 mode transport
\treplay-window 32
\tauth-trunc hmac(sha1) 0x{OTHER.hex()} 96
\tenc cbc(aes) 0x{KEY.hex()}
\tsel src ::/0 dst ::/0
"""
SETKEY_D = (
    "2001:db8::1 2001:db8:b::1\n\tesp mode=transport spi=4097(0x00001001) reqid=1(0x00000001)\n"
    f"\tE: aes-cbc  {KEY.hex(' ', 4)}\n\tA: hmac-sha1  {OTHER.hex(' ', 4)}\n"
    "\tseq=0x00000000 replay=4 flags=0x00000000 state=mature\n\tsadb_seq=1 pid=7 refcnt=0\n"
)
SETKEY_CONF = (
    f"add 2001:db8::1 2001:db8:b::1 esp 0x1001 -m transport -E aes-cbc 0x{KEY.hex()} "
    f"-A hmac-sha1 0x{OTHER.hex()};\n"
)
INPUTS = {"xfrm-state.txt": IP_XFRM, "setkey-d.txt": SETKEY_D, "setkey.conf": SETKEY_CONF}
DAMAGES: dict[str, Callable[[str], str]] = {
    "whole": lambda text: text,
    "cut": lambda text: text[: text.rindex(OTHER.hex(" ", 4)[:8]) + 8] if " " in text else text[:-9],
    "unknown word": lambda text: text.replace("aes", "rot13").replace("hmac", "kmac"),
    "misplaced": lambda text: text.replace("esp", KEY.hex()).replace("spi", f"0x{KEY.hex()}"),
    "odd digits": lambda text: text.replace(KEY.hex(), KEY.hex() + "g").replace("0x", "0x0"),
}
COMMANDS = (
    ("parse",),
    ("parse", "--format", "json"),
    ("check",),
    ("check", "--format", "json"),
    ("explain", "--dir", "out", "--src", "2001:db8::1", "--dst", "2001:db8:b::1", "--proto", "udp"),
    ("diagram", "policymap"),
    ("diagram", "lifecycle"),
    ("oracle",),
)


def said_by(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr("sys.argv", ["xfrmspec", *words])
    end: object = 0
    try:
        main()
    except SystemExit as stop:
        end = stop.code
    captured = capsys.readouterr()
    assert captured.out or captured.err, words
    return f"{captured.out}{captured.err}{end}"


@pytest.mark.parametrize("damage", sorted(DAMAGES))
@pytest.mark.parametrize("name", sorted(INPUTS))
def test_no_command_shows_a_key_of_its_input(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    damage: str,
) -> None:
    planted = tmp_path / name
    planted.write_text(DAMAGES[damage](INPUTS[name]), encoding="utf-8")
    for command in COMMANDS:
        said = said_by(capsys, monkeypatch, *command, POLICIES, str(planted))
        said += said_by(capsys, monkeypatch, *command, str(planted))
        assert shown_keys(said) == [], command


def test_without_redaction_the_same_commands_are_caught(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(format_words, "redacted_words", lambda text, **_: tuple(text.split()))
    planted, caught = tmp_path / "xfrm-state.txt", []
    for damage in sorted(DAMAGES):
        planted.write_text(DAMAGES[damage](IP_XFRM), encoding="utf-8")
        caught += shown_keys(said_by(capsys, monkeypatch, "parse", str(planted)))
    assert caught


HERE, THERE = IPv6Address("2001:db8::1"), IPv6Address("2001:db8:b::1")
STATE = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)


ALGORITHMS = (
    Algorithm(AttributeKind.ALG_AUTH_TRUNC, "hmac(sha1)", Secret(OTHER), 96),
    Algorithm(AttributeKind.ALG_CRYPT, "cbc(aes)", Secret(KEY)),
)
KEY_MESSAGE = KeyMessage(
    MessageType.ADD,
    satype=SaType.ESP,
    extensions=(
        SaExtension(0x1001, authentication=3, encryption=12),
        AddressExtension(ExtensionType.ADDRESS_SRC, HERE, 128),
        AddressExtension(ExtensionType.ADDRESS_DST, THERE, 128),
        KeyExtension(ExtensionType.KEY_AUTH, 160, Secret(OTHER)),
        KeyExtension(ExtensionType.KEY_ENCRYPT, 128, Secret(KEY)),
    ),
)


def holders() -> dict[str, object]:
    esp = EspKeys(encryption("cbc(aes)", Secret(KEY)), integrity("hmac(sha1)", Secret(OTHER)))
    ah = AhKeys(integrity("hmac(sha1)", Secret(OTHER)))
    node = Node(XfrmTables(), StateDatabase(LINUX_6_1), {1: Secured(esp), 2: Secured(ah)})
    request = state_message(STATE, ALGORITHMS)
    return {
        "secret": Secret(KEY),
        "esp": esp,
        "ah": ah,
        "secured": Secured(esp),
        "node": node,
        "algorithm": ALGORITHMS[1],
        "request": request,
        "answer": decode_netlink(MessageKind.NEWSA, encode_netlink(request)),
        "PF_KEY message": KEY_MESSAGE,
        "PF_KEY answer": decode_key(encode_key(KEY_MESSAGE)),
    }


@pytest.mark.parametrize("name", sorted(holders()))
def test_no_value_shows_its_key(name: str, caplog: pytest.LogCaptureFixture) -> None:
    value = holders()[name]
    texts = [repr(value), str(value), f"{value}", f"{value!r:>9}", repr([value]), repr(copy.deepcopy(value))]
    if name != "secret":
        texts.append(repr(asdict(value)))  # type: ignore[call-overload]
    logging.getLogger("keys").warning("held: %s %r", value, value)
    for write in (pickle.dumps, json.dumps, lambda held: 1 / held, lambda held: {}[held]):
        try:
            texts.append(str(write(value)))
        except Exception:
            texts.append(traceback.format_exc())
    assert shown_keys(" ".join(texts) + caplog.text) == []
    with pytest.raises(TypeError):
        pickle.dumps(value)


def test_a_secret_that_showed_itself_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Secret, "__repr__", lambda self: f"Secret({self.reveal().hex()})")
    assert all(shown_keys(repr(value)) for value in holders().values())


@pytest.mark.parametrize("size", [1, 15, 17])
def test_a_key_of_a_wrong_length_is_not_in_the_complaint(size: int) -> None:
    key = (KEY * 2)[:size]
    for name in ("cbc(aes)", "rfc4106(gcm(aes))", "rfc7539esp(chacha20,poly1305)", "none of these"):
        with pytest.raises(AlgorithmError) as refused:
            encryption(name, Secret(key))
        told = "".join(traceback.format_exception(refused.value)) + repr(refused.value.args)
        assert shown_keys(told, KEY) == []
    with pytest.raises(AlgorithmError) as refused:
        integrity("hmac(sha1)", Secret(KEY), 7)
    assert shown_keys(str(refused.value), KEY) == []
    esp = EspKeys(encryption("cbc(aes)", Secret(KEY)))
    with pytest.raises(ValueError, match="IV") as wrong:
        seal(esp, 1, 1, 17, b"", b"short")
    assert shown_keys("".join(traceback.format_exception(wrong.value)), KEY) == []


def test_what_is_sent_to_a_kernel_has_the_key_that_was_planted() -> None:
    """Without it the tests of messages would look for something that was never there."""
    assert KEY in encode_netlink(state_message(STATE, ALGORITHMS))
    assert OTHER in encode_key(KEY_MESSAGE)


def test_no_damaged_message_is_complained_about_with_its_key() -> None:
    netlink, pf_key = encode_netlink(state_message(STATE, ALGORITHMS)), encode_key(KEY_MESSAGE)
    complaints = 0
    for read, octets in ((lambda got: decode_netlink(MessageKind.NEWSA, got), netlink), (decode_key, pf_key)):
        for at in range(len(octets)):
            for damaged in (octets[:at], octets[:at] + b"\xff" + octets[at + 1 :]):
                try:
                    said = repr(read(damaged))
                except (ValueError, MalformedMessageError, MalformedKeyMessageError) as error:
                    said = "".join(traceback.format_exception(error)) + repr(error.args)
                    complaints += 1
                assert shown_keys(said) == [], at
    assert complaints > 100


@pytest.mark.parametrize("type_", [MessageType.ADD, MessageType.UPDATE, MessageType.GET, MessageType.DELETE])
def test_nothing_that_pf_key_answers_or_keeps_shows_a_key(type_: MessageType) -> None:
    tables = KeyStateTables(StateDatabase(LINUX_6_1), PolicyDatabase(LINUX_6_1))
    stored = carry_out_key(KEY_MESSAGE, tables, 1)
    assert len(stored.tables.states) == 1
    answer = carry_out_key(replace(KEY_MESSAGE, type=type_), stored.tables, 2)
    for one in (stored, answer):
        assert shown_keys(repr(one) + repr(asdict(one))) == []


def test_scenarios_name_suites_and_hold_no_key() -> None:
    reference = ReferenceSubject(LINUX_6_1)
    for number in range(25):
        scenario = octet_scenario(Random(number))
        keys = derived_keys([step for step in scenario.steps if isinstance(step, AddState)])
        said = [
            to_json(scenario),
            repr(scenario),
            repr(reference.run(scenario)),
            repr(pickle.dumps(scenario)),
        ]
        assert all(shown_keys(text, *keys) == [] for text in said) or not keys


SEVERAL = 50


def conform(count: int, *words: str) -> tuple[str, ...]:
    return ("conform", "--campaign", "octets", "--scenarios", str(count), "--backend", "reference", *words)


def keys_of_campaign(count: int) -> list[bytes]:
    scenarios = (scenario_number(CAMPAIGNS[CampaignName.OCTETS], 1, number) for number in range(count))
    return derived_keys([step for s in scenarios for step in s.steps if isinstance(step, AddState)])


@contextmanager
def disagreeing(plan: Plan, job: int) -> Iterator[Bench]:
    """A bench on which the two sides differ now and then, so that there is something to tell."""
    other = replace(LINUX_6_1, ah_padding_is_stale=False, repeated_headers_reserved_twice=False)
    yield Bench(ReferenceSubject(LINUX_6_1), ReferenceSubject(other), "6.1.176", LINUX_6_1.name)


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_campaign_tells_and_files_mismatches_without_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str
) -> None:
    monkeypatch.setattr(jobs, "opened", disagreeing)
    report, filed = tmp_path / "report.json", tmp_path / "filed"
    words = ("--report", str(report), "--file-mismatches", str(filed), "--format", output)
    said = said_by(capsys, monkeypatch, *conform(SEVERAL, *words))
    written = [path.read_text(encoding="utf-8") for path in sorted(filed.iterdir())]
    assert len(written) >= 2
    keys = keys_of_campaign(SEVERAL)
    assert len(keys) > 20
    for text in (said, report.read_text(encoding="utf-8"), *written):
        assert shown_keys(text, *keys) == []


def test_a_campaign_whose_scenarios_fail_tells_no_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the sealing of a packet raises ends up in what the reference says of the scenario."""

    def broken(keys: object, *rest: object) -> bytes:
        raise ValueError(f"cannot seal with {keys!r} and {rest!r}")

    monkeypatch.setattr(applying, "seal", broken)
    said = said_by(capsys, monkeypatch, *conform(60))
    outcome = ReferenceSubject(LINUX_6_1).run(scenario_number(CAMPAIGNS[CampaignName.OCTETS], 1, 0))
    assert shown_keys(said + caplog.text + repr(outcome), *keys_of_campaign(60)) == []


def test_what_a_job_hands_over_is_told_and_holds_no_key() -> None:
    """Outcomes about octets hold keys and cannot be pickled; what several jobs say of them can."""
    plan = Plan(CampaignName.OCTETS, SEVERAL, 1, backend=Backend.REFERENCE)
    with disagreeing(plan, 0) as bench:
        tally = run_job(plan, bench, 0, lambda progress: None, lambda: False)
    assert tally.mismatches
    handed = pickle.dumps(tally)
    assert pickle.loads(handed).mismatches == tally.mismatches
    assert shown_keys(handed, *keys_of_campaign(SEVERAL)) == []


def derived_keys(steps: list[AddState]) -> list[bytes]:
    parts = [
        (s.suite, s.state.spi, part) for s in steps for part in (s.suite.value.cipher, s.suite.value.digest)
    ]
    return [key_for(suite, spi, p).reveal() for suite, spi, p in parts if p is not None and p.key_octets]


def test_keys_of_scenarios_hide_like_any_other() -> None:
    for suite in Suite:
        keys = keys_of(suite, replace(STATE, spi=77))
        assert (
            shown_keys(repr(keys), *derived_keys([AddState(replace(STATE, spi=77), suite=suite)]) or (KEY,))
            == []
        )


@pytest.mark.parametrize("name", list(FINDINGS))
def test_generated_scripts_hold_no_key(name: str) -> None:
    script = as_script(FINDINGS[name])
    assert re.findall(r"(?:enc|auth|aead|auth-trunc) \"?[a-z0-9()_,]+\"? \"?0x", script) == []
