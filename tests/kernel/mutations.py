"""Every mutation that the judge is judged by."""

from __future__ import annotations

from kernel.mutations_databases import DATABASES
from kernel.mutations_input import INPUT
from kernel.mutations_numbers import NUMBERS
from kernel.mutations_output import OUTPUT
from kernel.mutations_states import STATES

MUTATIONS = (*DATABASES, *OUTPUT, *INPUT, *STATES, *NUMBERS)
