"""`xfrmspec lives`: many random lives of a mobile node in bad weather, and whatever did not hold."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from xfrmspec.cli.inputs import ProfileName
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.world.cast import Casting
from xfrmspec.world.lives import Life, live

EXIT_BROKEN = 1
_BLOCK = 50


class Protections(StrEnum):
    """What IPsec protects in the lives; `each` takes one after the other."""

    NONE = "none"
    SIGNALLING = "signalling"
    TESTS = "tests"
    PAYLOAD = "payload"
    EACH = "each"


def run(
    lives: Annotated[int, typer.Option("--lives", min=1, help="How many lives.")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="The seed of the first life; each next adds one.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="How many at once, one core each.")] = 1,
    protection: Annotated[Protections, typer.Option("--protection")] = Protections.EACH,
    profile: Annotated[ProfileName, typer.Option("--profile")] = ProfileName.LINUX_6_1,
) -> None:
    """Live random lives with up to 30 % loss and check every invariant after every event.

    A life is one seed: `--lives 1 --seed N` with the same protection and profile brings it back. Exit 1 when
    something did not hold.
    """
    began = time.monotonic()
    count = events = failed = 0
    for life in _lived(_castings(lives, seed, protection, profile), jobs):
        count, events = count + 1, events + life.events
        if life.broken or not life.answered:
            failed += 1
            _complain(life)
    took = time.monotonic() - began
    typer.echo(f"{count} lives, {events} events, {failed} with something broken; {count / took:.1f} lives/s")
    if failed:
        raise typer.Exit(EXIT_BROKEN)


def _castings(lives: int, seed: int, protection: Protections, profile: ProfileName) -> Iterator[Casting]:
    each = protection is Protections.EACH
    kinds = tuple(Protection) if each else (Protection(protection.value),)
    plain = Casting(profile=profile.profile)
    for number in range(seed, seed + lives):
        yield replace(plain, seed=number, protection=kinds[number % len(kinds)])


def _lived(castings: Iterator[Casting], jobs: int) -> Iterator[Life]:
    if jobs == 1:
        yield from map(live, castings)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(live, castings, chunksize=_BLOCK)


def _complain(life: Life) -> None:
    answered = "" if life.answered else "; the last question was not answered"
    typer.echo(f"life {life.seed}: ends at {life.schedule.place}{answered}")
    for broken in life.broken:
        typer.echo(f"  {broken.clause} at {broken.station}: {broken.found}")
