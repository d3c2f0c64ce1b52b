"""No key anywhere: recognisable keys are planted wherever one enters, and looked for in what comes out."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import re
import traceback
from collections.abc import Callable
from dataclasses import asdict, replace
from ipaddress import IPv6Address
from pathlib import Path
from random import Random

import pytest

import xfrmspec.formats.words as format_words
from xfrmspec.cli import main
from xfrmspec.conform.campaigns import CampaignName, Numbered
from xfrmspec.conform.filing import file_mismatches
from xfrmspec.conform.octets import octet_scenario
from xfrmspec.conform.plan import Backend, Plan
from xfrmspec.conform.run import Mismatch, Tally
from xfrmspec.conform.shrinking import Minimal
from xfrmspec.findings.ledger import FINDINGS
from xfrmspec.findings.script import as_script
from xfrmspec.host.node import Node, Secured
from xfrmspec.kernel.netlink_attributes import Algorithm, AttributeKind
from xfrmspec.kernel.netlink_requests import state_message
from xfrmspec.scenario.document import to_json
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.suites import Suite, key_for, keys_of
from xfrmspec.scenario.terms import AddState
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import AlgorithmError, encryption, integrity
from xfrmspec.wire.esp import EspKeys, seal
from xfrmspec.wire.secret import Secret
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
    for key in keys or (KEY, OTHER):
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


def holders() -> dict[str, object]:
    esp = EspKeys(encryption("cbc(aes)", Secret(KEY)), integrity("hmac(sha1)", Secret(OTHER)))
    ah = AhKeys(integrity("hmac(sha1)", Secret(OTHER)))
    node = Node(XfrmTables(), StateDatabase(LINUX_6_1), {1: Secured(esp), 2: Secured(ah)})
    return {"secret": Secret(KEY), "esp": esp, "ah": ah, "secured": Secured(esp), "node": node}


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


def test_no_request_to_a_kernel_prints_its_key() -> None:
    algorithms = (
        Algorithm(AttributeKind.ALG_AUTH_TRUNC, "hmac(sha1)", OTHER, 96),
        Algorithm(AttributeKind.ALG_CRYPT, "cbc(aes)", KEY),
    )
    assert shown_keys(repr(algorithms) + str(algorithms)) == []
    message = state_message(STATE, algorithms)
    assert shown_keys(repr(message)) == []


def test_scenarios_and_filed_mismatches_name_suites_and_hold_no_key(tmp_path: Path) -> None:
    reference = ReferenceSubject(LINUX_6_1)
    for number in range(25):
        scenario = octet_scenario(Random(number))
        outcome = reference.run(scenario)
        came_up = Numbered(CampaignName.OCTETS, 1, number, scenario)
        tally = Tally("6.1.176", LINUX_6_1.name)
        tally.mismatches.append(Mismatch(came_up, Minimal(scenario, outcome, outcome, repeated=True)))
        plan = Plan(CampaignName.OCTETS, 1, 1, backend=Backend.UML)
        written = [path.read_text() for path in file_mismatches(plan, tally, tmp_path)]
        keys = derived_keys([step for step in scenario.steps if isinstance(step, AddState)])
        said = [to_json(scenario), repr(scenario), repr(outcome), *written]
        assert all(shown_keys(text, *keys) == [] for text in said) or not keys


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
