"""Inside the guest: PF_KEY, socket options, settings, and what a process without privileges may do."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from xfrmspec.kernel.agent_link import NETLINK_XFRM, Requests, load_module

KEY_STEPS = ("key", "listing", "options", "unprivileged", "answer", "sysctl")
_AF_KEY = 15
_PF_KEY_V2 = 2
_NOBODY = 65534
_RECEIVE_SIZE = 1 << 16


class KeySocket:
    """A PF_KEY socket of a scenario; the kernel learns about PF_KEY when a scenario first asks.

    `modules` are those still to be loaded, one list for all sockets.
    """

    def __init__(self, modules: list[str]) -> None:
        self._modules = modules
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Close the socket, if there is one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def exchange(self, octets: Sequence[str]) -> list[list[Any]]:
        """Send messages; return for each the error number of sending it and everything heard by then."""
        return [self._sent(bytes.fromhex(message)) for message in octets]

    def _sent(self, message: bytes) -> list[Any]:
        if self._socket is None:
            self.load()
            self._socket = socket.socket(_AF_KEY, socket.SOCK_RAW, _PF_KEY_V2)
            self._socket.setblocking(False)
        errno = errno_of(lambda key: key.send(message), self._socket) if message else 0
        heard = []
        while True:
            try:
                heard.append(self._socket.recv(_RECEIVE_SIZE).hex())
            except BlockingIOError:
                return [errno, heard]

    def load(self) -> None:
        """Load the modules of PF_KEY unless they were loaded before."""
        while self._modules:
            load_module(self._modules.pop(0))


class Configuration:
    """The steps that only scenarios about the configuration interfaces have."""

    def __init__(self, requests: Requests, config: dict[str, Any]) -> None:
        self._requests = requests
        self._dump_request = bytes.fromhex(config["dump"])
        self._key_modules = list(config.get("key_modules", ()))
        self._keys: dict[int, KeySocket] = {}
        self._settings: dict[Path, str] = {}

    def close(self) -> None:
        """Close what the steps of a scenario have opened, and undo what they have set."""
        for key in self._keys.values():
            key.close()
        self._keys.clear()
        for path, value in self._settings.items():
            path.write_text(value, encoding="ascii")
        self._settings.clear()

    def step(self, kind: str, arguments: Sequence[Any]) -> list[Any]:
        """Run one of KEY_STEPS."""
        if kind == "key":
            number = arguments[1] if len(arguments) > 1 else 0
            return self._keys.setdefault(number, KeySocket(self._key_modules)).exchange(arguments[0])
        if kind == "listing":
            return [payload.hex() for payload in self._requests.dump(bytes.fromhex(arguments[0]))]
        if kind == "answer":
            return [payload.hex() for payload in self._requests.answer(bytes.fromhex(arguments[0]))]
        if kind == "sysctl":
            return self._set(Path("/proc/sys", arguments[0]), arguments[1])
        if kind == "options":
            return set_options(arguments[0], self._requests, self._dump_request)
        return unprivileged(bytes.fromhex(arguments[0]), arguments[1], arguments[2])

    def _set(self, path: Path, value: str) -> list[Any]:
        self._settings.setdefault(path, path.read_text(encoding="ascii"))
        path.write_text(value, encoding="ascii")
        return []


def errno_of(action: Callable[[Any], object], argument: object) -> int:
    """Return the error number that an action fails with, 0 when it does not."""
    try:
        action(argument)
    except OSError as error:
        return error.errno or -1
    return 0


def set_options(options: Sequence[Sequence[Any]], requests: Requests, dump: bytes) -> list[list[Any]]:
    """Set options of one IPv6 socket in turn; return for each its error number and all policies after it.

    A value of None is a null pointer of length 0.
    """
    results: list[list[Any]] = []
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as owner:
        for number, value in options:
            errno = errno_of(lambda pair: _set_option(owner, *pair), (number, value))
            results.append([errno, [payload.hex() for payload in requests.dump(dump)]])
    return results


def _set_option(owner: socket.socket, number: int, value: str | None) -> None:
    if value is None:
        owner.setsockopt(socket.IPPROTO_IPV6, number, None, 0)
    else:
        owner.setsockopt(socket.IPPROTO_IPV6, number, bytes.fromhex(value))


def unprivileged(frame: bytes, option: int, value: str) -> list[int]:
    """Try the three interfaces as nobody: a netlink request, a PF_KEY socket, a socket option."""
    os.seteuid(_NOBODY)
    try:
        requests = Requests(NETLINK_XFRM)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as owner:
            return [
                requests.acknowledged([frame])[0],
                errno_of(lambda kind: socket.socket(_AF_KEY, kind, _PF_KEY_V2).close(), socket.SOCK_RAW),
                errno_of(lambda pair: _set_option(owner, *pair), (option, value)),
            ]
    finally:
        os.seteuid(0)
