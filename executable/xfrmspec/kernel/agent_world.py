"""Inside the guest: a world of stations, each a network namespace, with cables that the host works."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

from xfrmspec.kernel.agent import Channel, open_line, read_batch, serve_to_the_end, write_answers
from xfrmspec.kernel.agent_cables import Cables
from xfrmspec.kernel.agent_link import load_module
from xfrmspec.kernel.agent_node import enter_guest, move_to, this_namespace
from xfrmspec.kernel.agent_quiet import GuestQuiet
from xfrmspec.kernel.agent_space import Space


class World:
    """Stations by name, and the cables between them."""

    def __init__(self) -> None:
        self._home = this_namespace()
        self._quiet = GuestQuiet()
        self._spaces: dict[str, Space] = {}
        self._cables = Cables()

    def _clear(self) -> None:
        self._cables.close()
        for space in self._spaces.values():
            space.close()
        self._spaces = {}

    def step(self, kind: str, *arguments: Any) -> Any:
        """Carry out one command of the host, and return its answer."""
        if kind == "station":
            return self._station(*arguments)
        if kind == "plug":
            return self._plug(*arguments)
        if kind == "release":
            return self._cables.release(arguments[0])
        if kind == "inject":
            link, packet, stations = arguments
            return self._cables.inject(link, bytes.fromhex(packet), stations)
        if kind == "seen":
            return self._seen()
        if kind == "clear":
            return self._clear()
        return self._on_station(kind, *arguments)

    def _station(self, name: str, config: dict[str, Any]) -> None:
        self._spaces[name] = Space(name, config)
        self._cables.ports += self._spaces[name].ports
        move_to(self._home)

    def _plug(self, name: str, interface: str, link: str | None) -> None:
        """Move a cable; whoever is on the new link asks anew for everybody there."""
        self._cables.plug(name, interface, link)
        self._spaces[name].forget_neighbours(interface)
        for port in self._cables.ports:
            if port.link == link:
                self._spaces[port.station].forget_neighbours(port.interface)

    def _on_station(self, kind: str, name: str, *arguments: Any) -> Any:
        space = self._spaces[name]
        if kind == "request":
            return space.request(arguments[0], bytes.fromhex(arguments[1]))
        if kind == "send":
            return space.send(arguments[0])
        return space.dump(bytes.fromhex(arguments[0]))

    def _seen(self) -> dict[str, Any]:
        """Return everything that can be seen once nothing moves any more."""
        frames: list[Any] = []
        moved = True
        while moved:
            self._quiet.wait()
            passed = self._cables.passed
            found = self._cables.gathered()
            moved = bool(found) or self._cables.passed > passed or self._cables.answer_for_strangers()
            frames += [[number, *rest, packet.hex()] for number, *rest, packet in found]
        return {"frames": frames, "stations": {name: space.seen() for name, space in self._spaces.items()}}


def _serve(channel: Channel, exchange: Path) -> None:
    world = World()
    channel.say(f"ready {os.uname().release}")
    while name := channel.line():
        results = [world.step(*command) for command in read_batch(exchange, name)]
        write_answers(exchange, name, results)
        channel.say(f"done {name}")


def main(config_path: str) -> None:
    """Mount and load what a world needs, then serve batches of commands until the host goes away."""
    config = json.loads(Path(config_path).read_text(encoding="utf-8"))
    enter_guest(config)
    for path in config["tunnel_modules"]:
        load_module(path)
    gc.disable()
    channel = Channel(open_line())
    serve_to_the_end(channel, lambda: _serve(channel, Path("/mnt/exchange")), True)
