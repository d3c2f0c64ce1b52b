"""Lives with an attacker about: whatever it repeats, damages and forges, nothing is bound without reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.world.attacks.attack import run, without
from xfrmspec.world.attacks.catalogue import ATTACKS
from xfrmspec.world.cast import Casting
from xfrmspec.world.provenance import History, unfounded_in
from xfrmspec.world.sieges import MEDDLINGS, besieged
from xfrmspec_terms.defences import Defence


@pytest.mark.clause("XFRM-SAFE-001", "XFRM-SAFE-002", "XFRM-SAFE-003", "XFRM-SAFE-005")
@pytest.mark.parametrize("protection", list(Protection))
def test_besieged_lives_bind_nothing_without_reason(protection: Protection) -> None:
    for seed in range(1, 7):
        siege = besieged(Casting(protection=protection, seed=seed))
        assert (seed, siege.broken) == (seed, ())
        assert siege.injected >= MEDDLINGS // 2


@pytest.mark.clause("XFRM-SAFE-002")
@pytest.mark.parametrize(("defence", "seed"), [(Defence.BINDING_BY_PROOF, 1), (Defence.HOME_TOKEN, 7)])
def test_the_same_life_breaks_it_once_a_defence_is_off(defence: Defence, seed: int) -> None:
    siege = besieged(Casting(seed=seed, defences=without(defence)))
    assert "XFRM-SAFE-002" in {broken.clause for broken in siege.broken}


@pytest.mark.clause("XFRM-SAFE-001", "XFRM-SAFE-002")
@pytest.mark.parametrize(
    ("number", "clause", "station"),
    [
        (1, "XFRM-SAFE-002", "CN"),
        (2, "XFRM-SAFE-002", "CN"),
        (3, "XFRM-SAFE-002", "CN"),
        (4, "XFRM-SAFE-002", "CN"),
        (13, "XFRM-SAFE-001", "HA"),
    ],
)
def test_an_attack_that_succeeds_is_noticed_and_one_that_fails_breaks_nothing(
    number: int, clause: str, station: str
) -> None:
    attack = ATTACKS[number]
    noticed = unfounded_in(run(attack, without(attack.defence)).turns)
    assert {(one.clause, one.station) for one in noticed} == {(clause, station)}
    assert unfounded_in(run(attack).turns) == ()


@pytest.mark.clause("XFRM-SAFE-002")
def test_a_test_that_no_peer_sent_is_no_receipt() -> None:
    """Receipts count only for tokens that were really given: take the giving away and nothing is left."""
    turns = run(ATTACKS[1]).turns
    history = History()
    for turn in turns:
        silent = replace(turn, handled=tuple(replace(one, said=()) for one in turn.handled))
        history = history.after(silent)
    assert history.receipts == frozenset()
    whole = History()
    for turn in turns:
        whole = whole.after(turn)
    assert {one.receiver for one in whole.receipts} == {"attacker"}


@pytest.mark.clause("XFRM-WORLD-001", "XFRM-WORLD-009")
def test_the_same_seed_gives_the_same_siege() -> None:
    casting = Casting(seed=3, protection=Protection.SIGNALLING)
    assert besieged(casting) == besieged(casting)
    assert besieged(casting) != besieged(replace(casting, seed=4))
