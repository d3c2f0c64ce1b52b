"""Randomness as a value: repeatable, never twice the same, and never shown."""

from __future__ import annotations

import pytest

from xfrmspec.mipv6.entropy import Entropy


def test_a_seed_gives_the_same_octets_again_and_another_seed_others() -> None:
    first, left = Entropy(b"seed").take(20)
    assert Entropy(b"seed").take(20) == (first, left)
    assert Entropy(b"sown").take(20)[0] != first
    assert left.take(20)[0] != first
    assert left.drawn == 1


@pytest.mark.parametrize("octets", [0, 1, 8, 32, 33, 100])
def test_as_many_octets_come_as_were_asked_for(octets: int) -> None:
    made, _ = Entropy(b"seed").take(octets)
    assert len(made) == octets
    assert Entropy(b"seed").take(octets + 40)[0].startswith(made)


def test_the_seed_is_not_shown() -> None:
    assert "seed" not in repr(Entropy(b"seed", 3)).replace("seed=", "")
    assert repr(Entropy(b"seed", 3)) == "Entropy(drawn=3)"
