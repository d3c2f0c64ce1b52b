"""Several guests at once: one process each, stopped and joined whatever happens."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from xfrmspec.conform.plan import Plan, PlanError, opened
from xfrmspec.conform.run import Progress, Tally, Tell, run_job
from xfrmspec.kernel.subject import GuestUnfitError
from xfrmspec.kernel.uml import KernelMissingError

_STOP = "stop"
_PATIENCE_SECONDS = 60.0


class JobLostError(RuntimeError):
    """A job's process ended without a result; the text says what is known of it."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """What a job could not do, in one line."""

    text: str


def run_plan(plan: Plan, tell: Tell) -> Tally:
    """Run a plan to its end and return what came out.

    One job runs in this process, several in a process each. An interrupt ends every guest and goes on to the
    caller. JobLostError when a process dies; PlanError, KernelMissingError and GuestUnfitError from `opened`.
    """
    if plan.jobs > 1:
        return _run_jobs(plan, tell)
    with opened(plan, 0) as bench:
        return run_job(plan, bench, 0, tell, lambda: False)


def _run_jobs(plan: Plan, tell: Tell) -> Tally:
    with _started(plan) as jobs:
        return _collected(jobs, tell)


@contextlib.contextmanager
def _started(plan: Plan) -> Iterator[dict[Connection, BaseProcess]]:
    """Start every job; at the end those that still run are told to stop, and waited for."""
    context = multiprocessing.get_context("spawn")
    jobs: dict[Connection, BaseProcess] = {}
    try:
        for job in range(plan.jobs):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(plan, job, there), daemon=True)
            process.start()
            there.close()
            jobs[here] = process
        yield jobs
    finally:
        for channel in jobs:
            with contextlib.suppress(OSError):
                channel.send(_STOP)
        for channel, process in jobs.items():
            process.join(_PATIENCE_SECONDS)
            if process.is_alive():
                process.terminate()
                process.join()
            channel.close()


def _collected(jobs: dict[Connection, BaseProcess], tell: Tell) -> Tally:
    total, running = Tally(), set(jobs)
    while running:
        for ready in wait(running):
            assert isinstance(ready, Connection)
            try:
                said = ready.recv()
            except EOFError:
                raise JobLostError(f"a job ended early, exit code {jobs[ready].exitcode}") from None
            if isinstance(said, Progress):
                tell(said)
            elif isinstance(said, Tally):
                total.add(said)
                running.discard(ready)
            else:
                raise JobLostError(said.text)
    return total


def _work(plan: Plan, job: int, channel: Connection) -> None:
    """The life of one job; the terminal's interrupt is the parent's business, which then says stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        try:
            with opened(plan, job) as bench:
                channel.send(run_job(plan, bench, job, channel.send, channel.poll))
        except (PlanError, KernelMissingError, GuestUnfitError) as error:
            channel.send(_Refused(str(error)))
