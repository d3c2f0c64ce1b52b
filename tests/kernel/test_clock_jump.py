"""A clock that jumps: the soft limit comes first all the same, when the reference says."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from kernel.conftest import output_of_script
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_limits import fire_state_timer
from xfrmspec.xfrm.state_operations import add, update
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Limits, Mode
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Protocol
from xfrmspec_terms.state import StateEventKind, StateRequest

SOFT, HARD, UPDATED, JUMP = 12, 18, 5, 40
SCRIPT = f"""\
state() {{
	ip xfrm state $1 src 2001:db8::1 dst 2001:db8:b::1 proto esp spi 0x1001 mode transport \\
		enc 'ecb(cipher_null)' '' auth digest_null '' limit time-soft {SOFT} limit time-hard {HARD} || exit 4
}}
told=$(mktemp)
ip xfrm monitor expire > $told &
listener=$!
count() {{ grep -c Expired $told; }}
state add
sleep {UPDATED}
state update
sleep 3
date -s "@$(($(date +%s) + {JUMP}))" > /dev/null
for seconds in 6 6 6; do
	sleep $seconds
	count
	ip xfrm state | grep -c spi
done
kill $listener
rm $told
"""


@pytest.mark.clause("XFRM-LIFE-006")
def test_after_a_jump_the_soft_limit_waits_as_long_as_the_state_was_old_when_it_was_chosen() -> None:
    """The counts are taken 14, 20 and 26 seconds after the addition."""
    counts = list(map(int, output_of_script(SCRIPT).split()))
    times = dict(expected_events())
    soft, hard = (times[kind] for kind in (StateEventKind.EXPIRE_SOFT, StateEventKind.EXPIRE_HARD))
    assert (soft, hard) == (17, 23)
    assert counts == [0, 1, 1, 1, 2, 0]


def expected_events() -> list[tuple[StateEventKind, int]]:
    """What the timer of the reference announces, by the seconds since the state was added."""
    limits = Limits(soft_add_seconds=SOFT, hard_add_seconds=HARD)
    ends = IPv6Address("2001:db8::1"), IPv6Address("2001:db8:b::1")
    state = SecurityAssociation(*ends, Protocol.ESP, Mode.TRANSPORT, 0x1001, limits=limits)
    database = add(StateDatabase(LINUX_6_1), StateRequest(state), 0).database
    database = update(database, StateRequest(state), UPDATED).database
    events: list[tuple[StateEventKind, int]] = []
    passed, jumped, due = UPDATED, 0, UPDATED + 1
    while len(database):
        passed = due
        jumped = JUMP if passed > UPDATED + 3 else 0
        fired = fire_state_timer(database, database.entries[0], passed + jumped)
        database = fired.database
        events += [(event.kind, passed) for event in fired.events]
        due = 0 if fired.next_check is None else fired.next_check - jumped
    return events
