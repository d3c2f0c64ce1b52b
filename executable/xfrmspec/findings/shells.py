"""Where generated scripts are run: on the running kernel, or in a user-mode kernel of their own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xfrmspec.kernel.confinement import Confinement
from xfrmspec.kernel.link import Exchange
from xfrmspec.kernel.uml import MEMORY, KernelMissingError, UmlKernel, find_kernel

SCRIPT_SECONDS = 30
"""What one script may take; they take about five in a guest and one elsewhere."""

_STOP_SECONDS = 3
_BOOT_SECONDS = 20
_COARSE_TIMERS = "highres=off"
"""Timers fire with the tick: one that sets itself to the past (F-025) would leave a guest no time at all."""

_BOOT_FASTER = (
    "initcall_blacklist=raid6_select_algo,calibrate_xor_blocks,init_btrfs_fs,init_xfs_fs,init_jfs_fs"
)
_TOOLS = {"ip": "iproute2", "ping": "iputils-ping"}
_DRIVERS = ("veth", "af_key")
_SEPARATOR = "=== "
_START = """import ctypes, contextlib, os, subprocess, sys
sys.path.insert(0, {code!r})
from xfrmspec.kernel.agent_link import load_module, mount
for kind, target in (("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/mnt"), ("tmpfs", "/run")):
    mount("none", target, kind)
with contextlib.suppress(OSError):
    mount("none", "/dev", "devtmpfs")
os.mkdir("/mnt/exchange")
mount("none", "/mnt/exchange", "hostfs", {exchange!r})
mount("none", "/tmp", "tmpfs")
for path in {modules!r}:
    load_module(path)
os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
for name in {scripts!r}:
    with open("/mnt/exchange/" + name + ".out", "wb") as output:
        done = subprocess.run(
            ["/usr/bin/timeout", {limit!r}, "/bin/sh", "/mnt/exchange/" + name],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
        output.write(b"=== %d" % done.returncode)
os.sync()
ctypes.CDLL(None).reboot(ctypes.c_int(0x4321FEDC))
"""


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """What a script printed, and its exit code: 0 passed, 1 failed, 4 skipped, 124 not ended in time."""

    code: int
    output: str


def missing_tools() -> str:
    """Return what the scripts need and this machine lacks, with the install command; empty when nothing."""
    absent = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    return f"apt-get install {' '.join(absent)}" if absent else ""


def run_here(script: str) -> ScriptRun:
    """Run a script on the running kernel; it skips itself where it is not permitted.

    One that takes longer than SCRIPT_SECONDS is asked to clean up and ends with code 124.
    """
    done = subprocess.run(
        ["timeout", "--foreground", str(SCRIPT_SECONDS), "/bin/sh", "-s"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return ScriptRun(done.returncode, done.stdout + done.stderr)


def run_in_guest(scripts: Sequence[str], program: Path | None = None) -> tuple[ScriptRun, ...]:
    """Run scripts one after the other in one user-mode kernel that ends with the last of them.

    `program` is another user-mode kernel than Debian's. KernelMissingError when there is none, or when it
    ends without an answer.
    """
    kernel = find_kernel(program)
    names = [f"script{number}" for number in range(len(scripts))]
    with Exchange() as exchange:
        exchange.install_agent({})
        for name, script in zip(names, scripts, strict=True):
            (exchange.path / name).write_text(script, encoding="utf-8")
        _write_start(exchange, kernel, names)
        _boot(kernel, exchange, _BOOT_SECONDS + SCRIPT_SECONDS * len(scripts))
        return tuple(_answer(exchange.path / f"{name}.out") for name in names)


def _write_start(exchange: Exchange, kernel: UmlKernel, names: Sequence[str]) -> None:
    values = {
        "code": str(exchange.path / "code"),
        "exchange": str(exchange.path),
        "modules": [str(path) for path in (*kernel.modules, *_drivers(kernel))],
        "scripts": list(names),
        "limit": str(SCRIPT_SECONDS),
    }
    exchange.start_file.write_text(_START.format(**values), encoding="utf-8")


def _drivers(kernel: UmlKernel) -> list[Path]:
    """The modules of the devices that the scripts make; none of them needs another module."""
    tree = next(place for place in kernel.modules[0].parents if (place / "modules.dep").exists())
    return [found for name in _DRIVERS for found in sorted(tree.rglob(f"{name}.ko"))]


def _boot(kernel: UmlKernel, exchange: Exchange, seconds: float) -> None:
    command = (
        str(kernel.program),
        f"mem={MEMORY}",
        *("root=none", "rootfstype=hostfs", "rootflags=/", "ro", "quiet", "lsm="),
        *(_COARSE_TIMERS, _BOOT_FASTER),
        f"uml_dir={exchange.path}/uml",
        *("umid=guest", "con=null", "con0=null,fd:1"),
        f"init={kernel.interpreter}",
        *("--", "-S", "-B", str(exchange.start_file)),
    )
    confinement = Confinement.for_child()
    confinement.own(exchange)
    here, there = socket.socketpair()
    with here, there, (exchange.path / "console").open("wb") as console:
        process = confinement.spawn(command, there.fileno(), console, exchange.path)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired as slow:
            raise KernelMissingError(f"the user-mode kernel did not end within {seconds} s") from slow
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM lets the guest end its helper processes."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answer(path: Path) -> ScriptRun:
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    output, separator, code = text.rpartition(_SEPARATOR)
    if not separator:
        raise KernelMissingError(f"the user-mode kernel ended before its script did: {text[-200:]}")
    return ScriptRun(int(code), output)
