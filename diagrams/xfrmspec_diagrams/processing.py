"""Pictures of packet processing, of acquiring a state, and of a replay window that moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xfrmspec.xfrm.replay import ReplayMode, ReplayState, Verdict, advance, check
from xfrmspec_diagrams.from_machine import Endings, graph_of
from xfrmspec_diagrams.ir import Arrangement, Cluster, Graph, Label, Message, Node, Tone
from xfrmspec_diagrams.ir import Sequence as SequencePicture
from xfrmspec_diagrams.machine_pictures import deviations
from xfrmspec_terms.machine import Machine
from xfrmspec_terms.machines_loops import INBOUND_PROCESSING, OUTBOUND_PROCESSING
from xfrmspec_terms.profile import CLEAN

_TONES: Mapping[str, Tone] = {
    "Sent": Tone.GOOD,
    "Delivered": Tone.GOOD,
    "Forwarded": Tone.GOOD,
    "Dropped": Tone.BAD,
}
_PACKET, _OUTPUT, _STATES, _MANAGER = "packet", "output", "states", "key manager"


def outbound_processing() -> Graph:
    """Draw figure 1 of the paper: from the route lookup to the wire. Source: XFRM-EMIT-001, -BUNDLE-001."""
    return _drawn(OUTBOUND_PROCESSING)


def inbound_processing() -> Graph:
    """Draw figure 2 of the paper: from the wire to the upper layer. Source: XFRM-RECV-001..008."""
    return _drawn(INBOUND_PROCESSING)


def _drawn(machine: Machine) -> Graph:
    heads = {state: state.partition(":")[0] for state in machine.states}
    tones = {state: _TONES[head] for state, head in heads.items() if head in _TONES}
    return graph_of(machine, tones, endings=Endings.REPEATED, notes=deviations(machine))


def acquire_sequence() -> SequencePicture:
    """Draw how a missing state is asked for, answered, and given up. Source: XFRM-FIND-005, XFRM-ACQ-001."""
    told: Sequence[tuple[str, str, str, str]] = (
        (_PACKET, _OUTPUT, "send, a policy wants a state", "OUT-001"),
        (_OUTPUT, _STATES, "search by template and flow", "FIND-001"),
        (_STATES, _MANAGER, "nothing there: ACQUIRE to every manager", "FIND-005"),
        (_MANAGER, _STATES, "one takes it: larval state, ACQ", "ACQ-001"),
        (_STATES, _OUTPUT, "EAGAIN", "FIND-005"),
        (_OUTPUT, _PACKET, "lost, or it waits in the policy", "OUT-007"),
        (_PACKET, _OUTPUT, "a second packet", "OUT-001"),
        (_STATES, _OUTPUT, "pending: EAGAIN, no second ACQUIRE", "FIND-003"),
        (_MANAGER, _STATES, "ALLOCSPI, GETSPI: an SPI", "SPI-001"),
        (_MANAGER, _STATES, "NEWSA, ADD: VALID, the larval state goes", "SAD-012"),
        (_STATES, _OUTPUT, "a third packet: found", "FIND-004"),
        (_OUTPUT, _PACKET, "transformed and sent", "EMIT-001"),
        (_MANAGER, _STATES, "or a refusal by PF_KEY: ERROR", "KEY-006"),
        (_STATES, _MANAGER, "or no answer in time: DEAD, EXPIRE", "ACQ-003"),
    )
    return SequencePicture(
        "Acquiring a state",
        (_PACKET, _OUTPUT, _STATES, _MANAGER),
        tuple(Message(source, to, Label(text, f"XFRM-{name}")) for source, to, text, name in told),
        ("The last two are what may come in place of the answer.",),
    )


_WINDOW = 8
_ARRIVED = (1, 2, 5, 6, 9, 10)
_NEXT = 12
"""Numbers of the example: what has arrived, and what arrives then."""
_VERDICT_TONES: Mapping[Verdict, Tone] = {
    Verdict.ACCEPT: Tone.GOOD,
    Verdict.SEEN: Tone.WAITING,
    Verdict.TOO_OLD: Tone.BAD,
}


def replay_window() -> Graph:
    """Draw which numbers a window of 8 takes, before and after one more. Source: XFRM-REPLAY-002, -003."""
    before = ReplayState(ReplayMode.LEGACY, _WINDOW)
    for number in _ARRIVED:
        before = advance(before, number, CLEAN)
    columns = (("before", before), ("after", advance(before, _NEXT, CLEAN)))
    nodes = [_cell(name, state, number) for name, state in columns for number in _NUMBERS]
    titles = f"highest so far: {max(_ARRIVED)}", f"{_NEXT} has arrived"
    clusters = tuple(
        Cluster(title, tuple(f"{name} {number}" for number in _NUMBERS), Arrangement.COLUMN)
        for (name, _), title in zip(columns, titles, strict=True)
    )
    return Graph(
        f"A replay window of {_WINDOW} numbers",
        tuple(nodes),
        (),
        clusters,
        (
            f"On the left {', '.join(map(str, _ARRIVED))} have arrived. Larger numbers are accepted "
            "(XFRM-REPLAY-002), and the window moves when the ICV was right (XFRM-REPLAY-003).",
        ),
    )


_NUMBERS = range(1, _NEXT + 2)


def _cell(name: str, state: ReplayState, number: int) -> Node:
    verdict = check(state, number, CLEAN)
    words = "accepted" if verdict is Verdict.ACCEPT else verdict.value
    return Node(f"{name} {number}", (str(number), words), _VERDICT_TONES[verdict])
