"""What to run: the plan of a campaign, and the two subjects it needs."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from xfrmspec.conform.campaigns import Campaign, CampaignName, members
from xfrmspec.kernel.backends import namespace_subject, uml_subject
from xfrmspec.kernel.namespace import why_unavailable
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.kernel.uml import KernelMissingError, find_kernel
from xfrmspec.scenario.observation import Subject
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.selftest import self_test
from xfrmspec_terms.profile import LINUX_6_1, PROFILES, Profile

_PROFILES_OF_RELEASES = {"6.1": "linux-6.1", "6.18": "linux-6.18"}


class Backend(StrEnum):
    """What the reference is compared with; `reference` is the harness against itself."""

    UML = "uml"
    NETNS = "netns"
    REFERENCE = "reference"


class PlanError(ValueError):
    """The words of a plan do not go together; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: scenarios 0 to `scenarios` - 1 of a seed, shared among `jobs` guests.

    `kernel` is another user-mode kernel than Debian's; `profile` None takes the one of the kernel's release.
    """

    campaign: CampaignName
    scenarios: int
    seed: int
    jobs: int = 1
    backend: Backend = Backend.UML
    kernel: Path | None = None
    profile: str | None = None

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns that take turns."""
        return members(self.campaign, with_states=self.backend is not Backend.NETNS)


@dataclass(frozen=True, slots=True)
class Bench:
    """The reference and what it is compared with, ready to run; `release` is empty without a kernel."""

    reference: Subject
    other: Subject
    release: str
    profile: str


def checked(plan: Plan) -> Plan:
    """Return the plan; PlanError when it cannot be carried out, KernelMissingError without the kernel."""
    if plan.scenarios < 1 or plan.jobs < 1:
        raise PlanError("--scenarios and --jobs are at least 1")
    if plan.backend is Backend.NETNS and any(campaign.needs_states for campaign in plan.campaigns):
        raise PlanError(f"campaign {plan.campaign} transforms packets, backend netns cannot; use uml")
    if plan.backend is not Backend.UML and plan.kernel is not None:
        raise PlanError("--kernel names a user-mode kernel; it goes with --backend uml")
    if plan.backend is Backend.UML:
        _find_kernel(plan.kernel)
    if plan.backend is Backend.NETNS and (reason := why_unavailable()):
        raise KernelMissingError(reason)
    return plan


def _find_kernel(program: Path | None) -> None:
    try:
        find_kernel(program)
    except (OSError, subprocess.SubprocessError) as error:
        raise PlanError(f"{program} is no user-mode kernel with modules: {error}") from error


@contextmanager
def opened(plan: Plan, job: int) -> Iterator[Bench]:
    """Open the subjects of one job; its guest has a processor core of its own as far as there are enough."""
    if plan.backend is Backend.REFERENCE:
        profile = PROFILES[plan.profile or LINUX_6_1.name]
        yield Bench(ReferenceSubject(profile), ReferenceSubject(profile), "", profile.name)
        return
    with _kernel(plan, job) as kernel:
        kernel.run(self_test(states=False)[0])
        release = kernel.guest.release if kernel.guest else platform.release()
        profile = _profile(plan.profile, release)
        yield Bench(ReferenceSubject(profile), kernel, release, profile.name)


def _kernel(plan: Plan, job: int) -> KernelSubject:
    if plan.backend is Backend.NETNS:
        return namespace_subject()
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    return uml_subject(plan.kernel, cores[job % len(cores)])


def _profile(wanted: str | None, release: str) -> Profile:
    if wanted is not None:
        return PROFILES[wanted]
    series = ".".join(release.split(".")[:2])
    if series not in _PROFILES_OF_RELEASES:
        raise PlanError(f"no profile describes kernel {release}; choose one with --profile")
    return PROFILES[_PROFILES_OF_RELEASES[series]]
