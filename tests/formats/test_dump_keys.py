"""A key never survives in any object, print or message."""

from __future__ import annotations

import json
import pickle
import random

import pytest
from dump_samples import PLAIN_STATE, sample

from xfrmspec.formats import Dump, InputError, dump_to_json, print_dump, read_dump

_KEY = "8a19f3c27be04d5562aa90cc17f0e4b3"
_GROUPS = "8a19f3c2 7be04d55 62aa90cc 17f0e4b3"


def _traces(text: str) -> str:
    try:
        dump = read_dump(text, "x")
    except InputError as error:
        return f"{error} {error.found} {error.expected} {error.advice} {error.args}"
    return _everything(dump)


def _everything(dump: Dump) -> str:
    stored = pickle.dumps(dump).decode("latin-1")
    return " ".join([repr(dump), print_dump(dump), json.dumps(dump_to_json(dump)), stored])


def _survives(traces: str, key: str) -> bool:
    return any(key[start : start + 8] in traces for start in range(0, len(key) - 7, 4))


@pytest.mark.parametrize(
    "line",
    [
        f"enc cbc(aes) 0x{_KEY}",
        f"enc cbc(aes) 0x{_KEY} (128 bits)",
        f"auth hmac(sha1) 0x{_KEY}",
        f"auth-trunc hmac(sha256) 0x{_KEY} 128",
        f"auth-trunc hmac(sha256) 0x{_KEY} (128 bits) 128",
        f"aead rfc4106(gcm(aes)) 0x{_KEY} 128",
        f"comp deflate 0x{_KEY}",
        f"enc 0x{_KEY}",
        f'enc cbc(aes) "{_KEY}"',
        f"something else 0x{_KEY}",
        f"colour enc cbc(aes) 0x{_KEY[:8]}",
        f"enc cbc(aes)\n\t0x{_KEY}",
        f"enc cbc(aes) 0x{_KEY[:16]}\n\t{_KEY[16:]}",
        f"enc cbc(aes) 0x{_KEY[:9]}g{_KEY[9:]}",
        f"if_id 0x{_KEY}",
        f"output-mark 0x{_KEY}",
        f"coa {_KEY}",
        f"replay-window 0x{_KEY}",
    ],
)
def test_planted_key_does_not_survive(line: str) -> None:
    assert not _survives(_traces(f"{PLAIN_STATE.replace('enc ecb(cipher_null)', line)}"), _KEY)


def test_redacted_key_prints_as_the_constant() -> None:
    text = PLAIN_STATE.replace("enc ecb(cipher_null)", f"enc cbc(aes) 0x{_KEY}")
    assert "enc cbc(aes) 0x<redacted>\n" in print_dump(read_dump(text, "x"))


def test_short_key_in_the_place_of_a_key_is_redacted() -> None:
    text = PLAIN_STATE.replace("enc ecb(cipher_null)", "enc cbc(des) 0x1234abcd")
    assert "1234abcd" not in _traces(text)


def test_hidden_keys_print_back_equal() -> None:
    text = PLAIN_STATE.replace("enc ecb(cipher_null)", "aead rfc4106(gcm(aes)) <<Keys hidden>> 128")
    assert print_dump(read_dump(text, "x")).split() == text.split()


@pytest.mark.parametrize("wrapped", [_GROUPS, f"{_GROUPS}\n {_GROUPS}", f"{_GROUPS[:17]}\n{_GROUPS[18:]}"])
def test_groups_of_setkey_do_not_survive(wrapped: str) -> None:
    text = (
        "10.0.0.1 10.0.0.2\n\tesp mode=tunnel spi=1(0x00000001) reqid=0(0x00000000)\n"
        f"\tE: aes-cbc  {wrapped}\n\tA: hmac-sha1  {_GROUPS}\n"
        "\tseq=0x00000000 replay=4 flags=0x00000000 state=mature\n\tsadb_seq=1 pid=7 refcnt=0\n"
    )
    dump = read_dump(text, "x")
    assert dump.unknown == ()
    assert len(dump.states) == 1
    assert not any(group in _everything(dump) for group in _GROUPS.split())
    assert not any(group in _traces(text.replace("E: aes-cbc", "")) for group in _GROUPS.split())


def test_keys_shown_by_ipsecctl_do_not_survive() -> None:
    text = "SAD:\nesp tunnel from ::1 to ::2 spi 0x00001000 auth hmac-sha1 enc aes\n"
    text += f"\t\tauthkey 0x{_KEY}\n\t\tenckey 0x12345678\n"
    traces = _traces(text)
    assert not _survives(traces, _KEY)
    assert "12345678" not in traces


def test_keys_survive_no_damage_to_the_text() -> None:
    text = sample("libreswan-00106.txt").replace("0xENCAUTHKEY", f"0x{_KEY}")
    source = random.Random(7)
    for _ in range(400):
        damaged = list(text)
        for _ in range(source.randint(1, 12)):
            place = source.randrange(len(damaged))
            damaged[place] = source.choice(["", " ", "\n", "x", "0", "|", damaged[place] * 2])
        assert _KEY not in _traces("".join(damaged))
