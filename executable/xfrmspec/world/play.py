"""A play: what a scenario file of `xfrmspec simulate` says, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Optimisation, Protection
from xfrmspec.world.cast import CORRESPONDENT, HOME_ADDRESS, HOME_AGENT, LINKS, SECOND_HOME_ADDRESS, Casting
from xfrmspec.world.links import Plug
from xfrmspec.world.plan import Action, Ping, Planned, Replug
from xfrmspec.world.weather import Weather
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.profile import PROFILES

ADDRESSES = {"MN": HOME_ADDRESS, "M2": SECOND_HOME_ADDRESS, "HA": HOME_AGENT, "CN": CORRESPONDENT}
NOWHERE = "nowhere"
_LINK_NAMES = tuple(link.name for link in LINKS)
_SETTINGS = ("recipe", "protection", "optimisation", "profile", "mobiles", "seed", "without", "weather")
_KNOWN = frozenset({*_SETTINGS, "until", "at"})
_Named = TypeVar("_Named", bound=Enum)


class PlayError(ValueError):
    """A scenario file that cannot be read; the text says where, what was found, and what was expected."""


@dataclass(frozen=True, slots=True)
class Dump:
    """A moment (ms) at which policies and states of every node are written down, under a name."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Play:
    """Who plays, what is planned, when tables are written down, and when it ends (ms)."""

    casting: Casting
    planned: tuple[Planned, ...]
    dumps: tuple[Dump, ...]
    until: int


def read_play(text: str, file: str) -> Play:
    """Read a scenario; PlayError names the place."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlayError(f"{file}: {error}; expected a TOML document") from error
    return _Reader(file).play(table)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file

    def _fail(self, where: str, found: object, expected: str) -> PlayError:
        return PlayError(f"{self._file}: {where}: found {found!r}; expected {expected}")

    def play(self, table: Mapping[str, object]) -> Play:
        for key in sorted(set(table) - _KNOWN):
            raise self._fail(key, table[key], f"one of {', '.join(sorted(_KNOWN))}")
        casting = self._casting(table)
        steps = table.get("at", [])
        if not isinstance(steps, list):
            raise self._fail("at", steps, "tables [[at]]")
        planned: list[Planned] = []
        dumps: list[Dump] = []
        for number, step in enumerate(steps, 1):
            read = self._step(f"[[at]] number {number}", step, casting, number)
            (dumps if isinstance(read, Dump) else planned).append(read)  # type: ignore[arg-type]
        last = max([*(one.at for one in planned), *(one.at for one in dumps)], default=0)
        until = self._time("until", table.get("until", last / SECOND + 5))
        return Play(casting, tuple(planned), tuple(sorted(dumps, key=lambda one: one.at)), until)

    def _casting(self, table: Mapping[str, object]) -> Casting:
        mobiles = table.get("mobiles", ["MN"])
        if mobiles not in (["MN"], ["MN", "M2"]):
            raise self._fail("mobiles", mobiles, '["MN"] or ["MN", "M2"]')
        assert isinstance(mobiles, list)
        profile = table.get("profile", "clean")
        if profile not in PROFILES:
            raise self._fail("profile", profile, f"one of {', '.join(sorted(PROFILES))}")
        seed = table.get("seed", 1)
        if not isinstance(seed, int):
            raise self._fail("seed", seed, "a whole number")
        return Casting(
            self._named("recipe", table.get("recipe", "clean"), Recipe),
            self._named("protection", table.get("protection", "none"), Protection),
            self._named("optimisation", table.get("optimisation", "wanted"), Optimisation),
            PROFILES[str(profile)],
            self._defences(table.get("without", [])),
            tuple(mobiles),
            self._weather(table.get("weather", {})),
            seed,
        )

    def _named(self, where: str, found: object, kind: type[_Named]) -> _Named:
        by_value = {str(member.value): member for member in kind}
        if found not in by_value:
            raise self._fail(where, found, f"one of {', '.join(by_value)}")
        return by_value[str(found)]

    def _defences(self, found: object) -> frozenset[Defence]:
        names = [defence.name for defence in Defence]
        if not isinstance(found, list) or any(name not in names for name in found):
            raise self._fail("without", found, f"a list of {', '.join(names)}")
        return EVERY_DEFENCE - {Defence[name] for name in found}

    def _weather(self, found: object) -> dict[str, Weather]:
        if not isinstance(found, dict):
            raise self._fail("weather", found, "a table of links")
        weather: dict[str, Weather] = {}
        for name, words in found.items():
            if name not in (*_LINK_NAMES, "everywhere"):
                raise self._fail("weather", name, f"everywhere or one of {', '.join(_LINK_NAMES)}")
            one = self._one_weather(f"weather.{name}", words)
            weather |= dict.fromkeys(_LINK_NAMES if name == "everywhere" else (name,), one)
        return weather

    def _one_weather(self, where: str, words: object) -> Weather:
        keys = {"loss", "copies", "least_delay", "most_delay"}
        if not isinstance(words, dict) or set(words) - keys:
            raise self._fail(where, words, f"some of {', '.join(sorted(keys))}")
        try:
            return Weather(**words)
        except (TypeError, ValueError) as error:
            raise self._fail(where, words, str(error)) from error

    def _step(self, where: str, step: object, casting: Casting, number: int) -> Planned | Dump:
        if not isinstance(step, dict) or "time" not in step:
            raise self._fail(where, step, "a table with `time` and `move`, `ping` or `dump`")
        at = self._time(f"{where}, time", step["time"])
        match {key: value for key, value in step.items() if key != "time"}:
            case {"dump": str(name), **rest} if not rest:
                return Dump(at, name)
            case {"move": str(node), "to": str(link), **rest} if not rest:
                return Planned(at, self._move(where, node, link, casting))
            case {"ping": str(node), "to": str(peer), **rest} if not rest:
                return Planned(at, self._ping(where, node, peer, number))
            case found:
                raise self._fail(where, found, "`move` with `to`, `ping` with `to`, or `dump`")

    def _move(self, where: str, node: str, link: str, casting: Casting) -> Action:
        if node not in casting.mobiles:
            raise self._fail(f"{where}, move", node, f"one of {', '.join(casting.mobiles)}")
        if link not in (*_LINK_NAMES, NOWHERE):
            raise self._fail(f"{where}, to", link, f"{NOWHERE} or one of {', '.join(_LINK_NAMES)}")
        return Replug(Plug(node, "eth0"), None if link == NOWHERE else link)

    def _ping(self, where: str, node: str, peer: str, number: int) -> Action:
        for name in (node, peer):
            if name not in ADDRESSES:
                raise self._fail(f"{where}, ping", name, f"one of {', '.join(ADDRESSES)}")
        return Ping(node, ADDRESSES[node], ADDRESSES[peer], number)

    def _time(self, where: str, found: object) -> int:
        if isinstance(found, bool) or not isinstance(found, int | float) or found < 0:
            raise self._fail(where, found, "seconds, 0 or more")
        return round(found * SECOND)
