"""Pictures of packet processing: the figures of the paper, an acquire, and a replay window."""

from __future__ import annotations

import pytest

from xfrmspec_diagrams.dot import to_dot
from xfrmspec_diagrams.ir import Tone
from xfrmspec_diagrams.processing import (
    acquire_sequence,
    inbound_processing,
    outbound_processing,
    replay_window,
)
from xfrmspec_terms.machine import Machine
from xfrmspec_terms.machines_loops import INBOUND_PROCESSING, OUTBOUND_PROCESSING


@pytest.mark.clause("XFRM-REPLAY-002", "XFRM-REPLAY-003")
def test_the_window_of_the_picture_is_the_window_of_the_reference() -> None:
    picture = replay_window()
    tones = {node.key: node.tone for node in picture.nodes}
    refused = {key for key, tone in tones.items() if tone is Tone.BAD}
    seen = {key for key, tone in tones.items() if tone is Tone.WAITING}
    assert refused == {"before 1", "before 2", *(f"after {n}" for n in range(1, 5))}
    assert seen == {f"{side} {n}" for side in ("before", "after") for n in (5, 6, 9, 10)} | {"after 12"}


@pytest.mark.clause("XFRM-ACQ-001", "XFRM-ACQ-003", "XFRM-FIND-003")
def test_one_missing_state_is_asked_for_once_and_ends_in_one_of_three_ways() -> None:
    messages = acquire_sequence().messages
    asked = [m for m in messages if m.target == "key manager" and m.label.text.startswith("nothing there")]
    assert len(asked) == 1
    endings = [m.label.clause for m in messages if any(w in m.label.text for w in ("VALID", "ERROR", "DEAD"))]
    assert endings == ["XFRM-SAD-012", "XFRM-KEY-006", "XFRM-ACQ-003"]


def test_participants_stand_in_the_order_of_the_sequence() -> None:
    assert "p0_0 -> p1_0 -> p2_0 -> p3_0 [style=invis" in to_dot(acquire_sequence())


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-RECV-001")
@pytest.mark.parametrize(
    ("machine", "again"),
    [
        (OUTBOUND_PROCESSING, "Is a state left in the chain?"),
        (INBOUND_PROCESSING, "Which header is next?"),
    ],
    ids=["out", "in"],
)
def test_each_loop_counts_every_failure_and_comes_back(machine: Machine, again: str) -> None:
    picture = outbound_processing() if machine is OUTBOUND_PROCESSING else inbound_processing()
    bad = [node.lines[1] for node in picture.nodes if node.tone is Tone.BAD and "Xfrm" in node.lines[1]]
    prefix = "XfrmOut" if machine is OUTBOUND_PROCESSING else "XfrmIn"
    assert all(prefix in words or "XfrmAcquireError" in words for words in bad)
    assert len([edge for edge in picture.edges if edge.target == again]) == (3 if "chain" in again else 2)
