"""Several guests at once: one process each, stopped and joined whatever happens."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from xfrmspec.conform.plan import Plan, PlanError, opened
from xfrmspec.conform.run import Progress, Tally, Tell, run_job
from xfrmspec.kernel.link import ExchangeFullError
from xfrmspec.kernel.subject import GuestUnfitError
from xfrmspec.kernel.uml import KernelMissingError

_STOP = "stop"
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2


class JobLostError(RuntimeError):
    """A job's process ended without a result; the text says what is known of it."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """What a job could not do, in one line."""

    text: str


def run_plan(plan: Plan, tell: Tell, stopped: Callable[[], bool] = lambda: False) -> Tally:
    """Run a plan to its end, or until it is `stopped`, and return what came out.

    One job runs in this process, several in a process each; every guest has ended on return. JobLostError
    when a process dies or cannot start; otherwise the errors that `opened` raises.
    """
    if plan.jobs > 1:
        with _started(plan) as jobs:
            return _collected(jobs, tell, stopped)
    with opened(plan, 0) as bench:
        return run_job(plan, bench, 0, tell, stopped)


@contextlib.contextmanager
def _started(plan: Plan) -> Iterator[dict[Connection, BaseProcess]]:
    """Start every job; at the end those that still run are told to stop, and waited for."""
    context = multiprocessing.get_context("spawn")
    jobs: dict[Connection, BaseProcess] = {}
    try:
        for job in range(plan.jobs):
            here, there = context.Pipe()
            process: BaseProcess = context.Process(target=_work, args=(plan, job, there), daemon=True)
            process.start()
            there.close()
            jobs[here] = process
        yield jobs
    finally:
        _stop(jobs)
        for channel, process in jobs.items():
            process.join(_PATIENCE_SECONDS)
            if process.is_alive():
                process.terminate()
                process.join()
            channel.close()


def _collected(jobs: dict[Connection, BaseProcess], tell: Tell, stopped: Callable[[], bool]) -> Tally:
    total, running, told_to_stop = Tally(), set(jobs), False
    while running:
        if stopped() and not told_to_stop:
            told_to_stop = True
            _stop(running)
        for ready in wait(running, _POLL_SECONDS):
            assert isinstance(ready, Connection)
            said = _received(ready, jobs[ready])
            if isinstance(said, Progress):
                tell(said)
            else:
                total.add(said)
                running.discard(ready)
    return total


def _stop(channels: Iterable[Connection]) -> None:
    for channel in channels:
        with contextlib.suppress(OSError):
            channel.send(_STOP)


def _received(channel: Connection, process: BaseProcess) -> Progress | Tally:
    try:
        said: Progress | Tally | _Refused = channel.recv()
    except (EOFError, ConnectionResetError):
        process.join(_POLL_SECONDS)
        raise JobLostError(f"a job ended early, exit code {process.exitcode}") from None
    if isinstance(said, _Refused):
        raise JobLostError(said.text)
    return said


def _work(plan: Plan, job: int, channel: Connection) -> None:
    """The life of one job; the terminal's interrupt is the parent's business, which then says stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        try:
            with opened(plan, job) as bench:
                channel.send(run_job(plan, bench, job, channel.send, channel.poll))
        except (PlanError, KernelMissingError, GuestUnfitError, ExchangeFullError) as error:
            channel.send(_Refused(str(error)))
