"""F-025 costs processor time as well: the timer of one state fires whenever it can, until the state is gone.

The guest's timers fire with its tick of 10 ms; with finer ones its processor may get to nothing else.
"""

from __future__ import annotations

import pytest

from kernel.conftest import output_of_script

TICKS = 100
"""Of the guest's clock in a second."""

SCRIPT = """\
state() {
	ip xfrm state $1 src 2001:db8::1 dst 2001:db8:b::1 proto esp spi 0x1001 mode transport \\
		enc 'ecb(cipher_null)' '' auth digest_null '' limit $2 $3 || exit 4
}
fired() {
	before=$(awk '/ HRTIMER:/ {print $2}' /proc/softirqs)
	sleep 1
	awk -v before="$before" '/ HRTIMER:/ {print $2 - before}' /proc/softirqs
}
state add time-soft 100
sleep 2
fired
state update time-hard 1
sleep 2
fired
ip xfrm state flush
fired
"""


@pytest.mark.clause("XFRM-LIFE-006")
def test_the_timer_of_a_state_with_a_late_hard_limit_never_rests() -> None:
    waiting, late, gone = map(int, output_of_script(SCRIPT).split())
    assert max(waiting, gone) < TICKS / 4
    assert TICKS / 2 < late < TICKS * 2
