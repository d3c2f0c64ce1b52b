"""Every mutation that the judge is judged by."""

from __future__ import annotations

from kernel.mutations_databases import DATABASES
from kernel.mutations_input import INPUT
from kernel.mutations_numbers import NUMBERS
from kernel.mutations_output import OUTPUT
from kernel.mutations_states import STATES

NOBODY_CAN_TELL = {
    "a socket's mark is not compared (XFRM-SOCK-001)": "the socket option has no room for a mark, so the "
    "mark of a socket's policy is open whoever made it, and compared or not it always fits",
}
"""Mutations that were planted once and are none: whatever a host does, both rules have the same effect."""

MUTATIONS = (*DATABASES, *OUTPUT, *INPUT, *STATES, *NUMBERS)
