"""The running kernel as a subject, in a network namespace that nothing else uses; policies only."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from xfrmspec.kernel.confinement import Confinement
from xfrmspec.kernel.link import AgentLink, AgentLostError, Exchange
from xfrmspec.kernel.program import node_configuration
from xfrmspec.kernel.uml import KernelMissingError
from xfrmspec.scenario.terms import LABORATORY, Node

START_SECONDS = 10.0
_STOP_SECONDS = 3.0
_TUN = Path("/dev/net/tun")


def why_unavailable() -> str:
    """Return why no private namespace can be made here, empty when one can."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return "unshare is missing: apt-get install util-linux"
    if not _TUN.exists():
        return f"{_TUN} does not exist: modprobe tun"
    tried = subprocess.run([unshare, "--net", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "network namespaces are not permitted: run as root"


class NamespaceGuest:
    """An agent in a child process with its own network namespace; ended when closed."""

    def __init__(self, node: Node = LABORATORY) -> None:
        reason = why_unavailable()
        if reason:
            raise KernelMissingError(reason)
        self._exchange = Exchange()
        self._process: subprocess.Popen[bytes] | None = None
        self._output = self._exchange.path / "output"
        atexit.register(self.close)
        try:
            self._start(node)
        except BaseException:
            self.close()
            raise

    def _start(self, node: Node) -> None:
        here, there = socket.socketpair()
        config = node_configuration(node) | {
            "guest": False,
            "exchange": str(self._exchange.path),
            "channel": there.fileno(),
            "tun": str(_TUN),
        }
        self._exchange.install_agent(config)
        confinement = Confinement(None, None, max(os.sched_getaffinity(0)))
        start = ("-I", "-S", "-B", str(self._exchange.start_file))
        command = (shutil.which("unshare") or "unshare", "--net", sys.executable, *start)
        with there, self._output.open("wb") as output:
            self._process = confinement.spawn(command, there.fileno(), output, self._exchange.path)
        self.link = AgentLink(here, self._exchange, self._process.pid)
        try:
            self.release = self.link.wait_ready(START_SECONDS)
        except AgentLostError as lost:
            raise AgentLostError(f"{lost.reason}; {self.console_tail()}", 0) from lost

    @property
    def pid(self) -> int:
        """The process that was started, 0 when none runs."""
        return self._process.pid if self._process else 0

    def console_tail(self) -> str:
        """Return the last words of the child on one line."""
        if not self._output.exists():
            return ""
        return " ".join(self._output.read_text(encoding="utf-8", errors="replace")[-400:].split())

    def close(self) -> None:
        """End the child; its namespace goes with it, and so does its directory."""
        atexit.unregister(self.close)
        link = getattr(self, "link", None)
        if link is not None:
            link.close()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._exchange.close()

    def __enter__(self) -> NamespaceGuest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
