"""The kernels that scenarios can be run on, by name."""

from __future__ import annotations

from pathlib import Path

from xfrmspec.kernel.namespace import NamespaceGuest
from xfrmspec.kernel.subject import BATCH_SECONDS, Abilities, KernelSubject
from xfrmspec.kernel.uml import UmlGuest, find_kernel
from xfrmspec.kernel.world_subject import WorldSubject


def uml_subject(
    program: Path | None = None, core: int | None = None, patience: float = BATCH_SECONDS
) -> KernelSubject:
    """Return a user-mode kernel as a subject; KernelMissingError with the install command without one.

    `program` is another user-mode kernel than Debian's, `core` the processor core it is pinned to, and
    `patience` how many seconds a batch may take.
    """
    kernel = find_kernel(program)
    return KernelSubject("uml", lambda node: UmlGuest(kernel, node, core), Abilities(states=True), patience)


def uml_worlds(program: Path | None = None, core: int | None = None) -> WorldSubject:
    """Return a user-mode kernel that worlds are played on; KernelMissingError with the install command."""
    kernel = find_kernel(program)
    return WorldSubject(lambda: UmlGuest(kernel, core=core, program="agent_world"))


def namespace_subject() -> KernelSubject:
    """Return the running kernel in a private network namespace: policies only."""
    return KernelSubject("netns", NamespaceGuest, Abilities(states=False))
