"""A user-mode Linux kernel as a subject: an unprivileged child process with a root of its own inside."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from xfrmspec.kernel.confinement import Confinement
from xfrmspec.kernel.link import AgentLink, AgentLostError, Exchange
from xfrmspec.kernel.program import node_configuration
from xfrmspec.scenario.terms import LABORATORY, Node

INSTALL_COMMAND = "apt-get install user-mode-linux python3"
BOOT_SECONDS = 20.0
MEMORY = "128M"
_STOP_SECONDS = 3.0
_CONSOLE_TAIL = 400
_INTERPRETERS = ("/usr/bin/python3", "/usr/local/bin/python3")
_MODULES = (
    *("xfrm_algo", "xfrm_user", "ipv6", "authenc", "authencesn", "hmac", "cbc", "ecb", "sha512_generic"),
    *("ctr", "gcm", "ghash_generic", "chacha20poly1305", "chacha_generic", "poly1305_generic"),
    *("jitterentropy_rng", "drbg", "seqiv", "echainiv", "deflate", "tunnel6", "xfrm6_tunnel"),
    *("xfrm_ipcomp", "esp6", "ah6", "ipcomp6", "mip6", "tun"),
)
_KEY_MODULES = ("af_key",)
"""Loaded when a scenario first speaks PF_KEY: another manager changes the errors of socket options."""
_TUNNEL_MODULES = ("ip6_tunnel",)
"""Loaded by the agent of a world alone: the first of them makes a device in every namespace."""
_QUIET = (
    "con=null",
    "con0=null,fd:1",
    "quiet",
    "lsm=",
    "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,init_btrfs_fs,init_xfs_fs,init_jfs_fs",
)
_STEADY_MEMORY = ("PYTHONMALLOC=malloc", "MALLOC_TOP_PAD_=33554432", "MALLOC_TRIM_THRESHOLD_=1000000000")
"""Page faults are dear inside: the agent keeps the memory that it once had."""


class KernelMissingError(RuntimeError):
    """There is no user-mode kernel, or no interpreter for its guest; the text says what to install."""


@dataclass(frozen=True, slots=True)
class UmlKernel:
    """A user-mode kernel: the program, and module files in order: loaded first, for PF_KEY, for tunnels."""

    program: Path
    modules: tuple[Path, ...]
    interpreter: Path
    key_modules: tuple[Path, ...] = ()
    tunnel_modules: tuple[Path, ...] = ()


def find_kernel(program: Path | None = None) -> UmlKernel:
    """Find a user-mode kernel with its modules; KernelMissingError with the install command otherwise."""
    chosen = program or Path("/usr/bin/linux.uml")
    if not os.access(chosen, os.X_OK):
        raise KernelMissingError(f"no user-mode kernel at {chosen}: {INSTALL_COMMAND}")
    interpreter = next((Path(p) for p in _INTERPRETERS if _readable_by_all(Path(p))), None)
    if interpreter is None:
        raise KernelMissingError(f"no Python that every user may read: {INSTALL_COMMAND}")
    release = subprocess.run([chosen, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    directory = Path("/usr/lib/uml/modules") / release
    extra = (module_files(directory, names) for names in (_KEY_MODULES, _TUNNEL_MODULES))
    return UmlKernel(chosen, module_files(directory), interpreter, *extra)


def _readable_by_all(path: Path) -> bool:
    real = path.resolve()
    return real.exists() and all(place.stat().st_mode & 0o005 == 0o005 for place in (real, *real.parents))


def module_files(directory: Path, names: Sequence[str] = _MODULES) -> tuple[Path, ...]:
    """Return the wanted modules with what they need, dependencies first; built-in ones are left out."""
    needs: dict[str, tuple[str, list[str]]] = {}
    for line in (directory / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, rest = line.partition(":")
        needs[Path(path).stem.replace("-", "_")] = (path, rest.split())
    ordered: dict[Path, None] = {}
    for name in names:
        if name in needs:
            path, dependencies = needs[name]
            ordered.update(dict.fromkeys(directory / needed for needed in reversed(dependencies)))
            ordered[directory / path] = None
    return tuple(ordered)


class UmlGuest:
    """One running guest with its agent; stopped, and its directory removed, when closed."""

    def __init__(
        self, kernel: UmlKernel, node: Node = LABORATORY, core: int | None = None, program: str = "agent"
    ) -> None:
        self._program = program
        self._exchange = Exchange()
        self._process: subprocess.Popen[bytes] | None = None
        self._console = self._exchange.path / "console"
        atexit.register(self.close)
        try:
            self._start(kernel, node, Confinement.for_child(core))
        except BaseException:
            self.close()
            raise

    def _start(self, kernel: UmlKernel, node: Node, confinement: Confinement) -> None:
        config: dict[str, Any] = node_configuration(node) | {
            "guest": True,
            "exchange": str(self._exchange.path),
            "modules": [str(path) for path in kernel.modules],
            "key_modules": [str(path) for path in kernel.key_modules],
            "tunnel_modules": [str(path) for path in kernel.tunnel_modules],
            "tun": "/mnt/tun",
        }
        self._exchange.install_agent(config, self._program)
        here, there = socket.socketpair()
        with there, self._console.open("wb") as console:
            confinement.own(self._exchange)
            self._process = confinement.spawn(
                _command(kernel, self._exchange, there.fileno()), there.fileno(), console, self._exchange.path
            )
        self.link = AgentLink(here, self._exchange, self._process.pid)
        confinement.own_batches(self.link)
        self.release = self._ready()

    def _ready(self) -> str:
        try:
            return self.link.wait_ready(BOOT_SECONDS)
        except AgentLostError as lost:
            raise AgentLostError(f"{lost.reason}; console: {self.console_tail()}", 0) from lost

    @property
    def pid(self) -> int:
        """The process that was started, 0 when none runs."""
        return self._process.pid if self._process else 0

    def console_tail(self) -> str:
        """Return the last words of the guest's console on one line."""
        if not self._console.exists():
            return ""
        text = self._console.read_bytes()[-_CONSOLE_TAIL:].decode("ascii", "replace")
        return " ".join(text.split())

    def close(self) -> None:
        """End the guest and every process of its session, and remove its directory."""
        atexit.unregister(self.close)
        if self._process is not None:
            _end(self._process)
            self._process = None
        link = getattr(self, "link", None)
        if link is not None:
            link.close()
        self._exchange.close()

    def __enter__(self) -> UmlGuest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _command(kernel: UmlKernel, exchange: Exchange, channel: int) -> Sequence[str]:
    return (
        str(kernel.program),
        f"mem={MEMORY}",
        "root=none",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        f"uml_dir={exchange.path}/uml",
        "umid=guest",
        f"con1=fd:{channel},fd:{channel}",
        *_QUIET,
        *_STEADY_MEMORY,
        f"init={kernel.interpreter}",
        "--",
        "-S",
        "-B",
        str(exchange.start_file),
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM lets the guest end its helper processes; whatever of its session remains is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for helper in _session_members(process.pid):
        os.kill(helper, signal.SIGKILL)


def _session_members(session: int) -> list[int]:
    """Return the processes whose session was started by the guest, and by nothing else."""
    members = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.getsid(int(entry.name)) == session:
                members.append(int(entry.name))
        except ProcessLookupError:
            continue
    return members
