"""The life of a policy as drawn is its life in the reference: operations and the timer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.policies import PolicyOutcome, add, delete, flush, set_thresholds, update
from xfrmspec.xfrm.timers import fire_timer
from xfrmspec_terms.machines import POLICY_LIFECYCLE
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Direction, Limits, Policy, identity_of
from xfrmspec_terms.selector import Selector

ANY = Selector.between("::/0", "::/0")
TIMED = Policy(ANY, Direction.OUT, limits=Limits(soft_use_seconds=10, hard_add_seconds=100))


def stored(database: PolicyDatabase) -> bool:
    return database.find(identity_of(TIMED)) is not None


OPERATIONS: Mapping[str, Callable[[PolicyDatabase], PolicyOutcome]] = {
    "add": lambda database: add(database, TIMED, 3),
    "update": lambda database: update(database, TIMED, 3),
    "delete": lambda database: delete(database, identity_of(TIMED)),
    "flush": flush,
    "rebuild": lambda database: set_thresholds(database, Thresholds(local6=0, remote6=0)),
}


@pytest.mark.clause("XFRM-DB-007", "XFRM-DB-008", "XFRM-DB-010", "XFRM-LOOKUP-009")
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_operations_keep_or_end_a_policy_as_drawn(operation: str) -> None:
    before = add(PolicyDatabase(), TIMED, 0).database
    (old,) = before
    after = OPERATIONS[operation](before)
    (drawn,) = POLICY_LIFECYCLE.successors("in force", operation)
    lives_on = any(entry.age == old.age for entry in after.database)
    assert lives_on == (drawn.target == "in force")
    assert stored(after.database) == (operation in ("add", "update", "rebuild"))
    assert (after.errno is Errno.EEXIST) == ("EEXIST" in drawn.effect)


@pytest.mark.clause("XFRM-DB-005", "XFRM-DB-007", "XFRM-DB-010")
@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - {"rebuild"}))
def test_operations_on_an_absent_policy_as_drawn(operation: str) -> None:
    after = OPERATIONS[operation](PolicyDatabase())
    (drawn,) = POLICY_LIFECYCLE.successors("absent", operation)
    assert stored(after.database) == (drawn.target == "accepted")
    assert (after.errno is Errno.ENOENT) == (drawn.effect == "ENOENT")


@pytest.mark.clause("XFRM-TIMER-001", "XFRM-TIMER-002")
@pytest.mark.parametrize(
    ("source", "guard", "now"),
    [
        ("in force", "no limit", 1),
        ("in force", "soft limit", 10),
        ("in force", "hard limit", 100),
        ("in force: past a soft limit", "after 30 s, still reached", 40),
        ("in force: past a soft limit", "hard limit", 100),
    ],
)
def test_the_timer_announces_and_ends_as_drawn(source: str, guard: str, now: int) -> None:
    database = add(PolicyDatabase(), TIMED, 0).database
    (entry,) = database
    fired = fire_timer(database, entry, now)
    (drawn,) = (t for t in POLICY_LIFECYCLE.successors(source, "timer") if t.guard == guard)
    assert stored(fired.database) == (not drawn.target.startswith("gone"))
    announced = "".join(event.kind.value for event in fired.events)
    assert ("soft" in announced, "hard" in announced) == ("soft" in drawn.effect, "hard" in drawn.effect)
    if guard == "soft limit":
        assert fired.next_check == now + 30
