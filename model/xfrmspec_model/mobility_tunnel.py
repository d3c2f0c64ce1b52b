"""The tunnel between mobile node and home agent under clean: which flows it must carry, at both ends."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec_model.folding import Number, Truth, both
from xfrmspec_model.mobility_clean import CleanOrder, Places, Protection, any_protection
from xfrmspec_model.mobility_rows import MOBILITY, Part, Row
from xfrmspec_model.mobility_times import Defences
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Direction, PolicyType

HOME_TEST_INIT, HOME_TEST = 1, 3


@clause("XFRM-DAEMON-023", "XFRM-DAEMON-026", "XFRM-DAEMON-034")
def agent_rows(
    registered: Truth, places: Places, protection: Protection, order: CleanOrder
) -> tuple[Row, ...]:
    """Return the outbound MAIN policies of a home agent for one home address.

    Source: XFRM-DAEMON-023, XFRM-DAEMON-026, XFRM-DAEMON-034.
    """
    tests, payload = both(protection.tests, registered), both(protection.payload, registered)
    signed, tunnel = any_protection(protection), (Part.TUNNEL,)
    home, agent = places.home, places.agent

    def row(name: str, source: Number | None, protocol: int | None, priority: int, here: Truth) -> Row:
        parts = (Part.ESP,) if name == "signalling" else tunnel
        ends = (source, home)
        return Row(name, PolicyType.MAIN, Direction.OUT, *ends, protocol, None, priority, parts, present=here)

    return (
        row("signalling", agent, MOBILITY, order.signalling, signed),
        row("tests", None, MOBILITY, order.messages, tests),
        row("payload", None, None, order.data, payload),
    )


@clause("XFRM-ATTACK-014")
def protects_tests(protection: Protection, defences: Defences) -> Protection:
    """Return the settings with or without the tests that pass through the home agent.

    Source: XFRM-ATTACK-014.
    """
    if Defence.TEST_IN_TUNNEL in defences:
        return protection
    return replace(protection, tests=False, payload=False, signalling=True)
