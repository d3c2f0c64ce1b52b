"""The pictures of the machines: which state means what to the reader."""

from __future__ import annotations

from collections.abc import Mapping

from xfrmspec_diagrams.from_machine import Endings, graph_of
from xfrmspec_diagrams.ir import Graph, Tone
from xfrmspec_terms.clauses import all_clauses
from xfrmspec_terms.machine import Machine
from xfrmspec_terms.machines import INBOUND_CHECK, OUTPUT_DECISION, POLICY_LIFECYCLE
from xfrmspec_terms.machines_caches import BUNDLE_CACHE, BUNDLED, NOTHING, PLAIN, STALE
from xfrmspec_terms.machines_states import (
    DEAD,
    DYING,
    EXPIRED,
    FAILED,
    LARVAL,
    STATE_LIFECYCLE,
    VALID,
)

_LIFE_TONES: Mapping[str, Tone] = {
    "in force": Tone.GOOD,
    "in force: past a soft limit": Tone.WAITING,
    "gone: no lookup finds it": Tone.BAD,
}
_STATE_TONES: Mapping[str, Tone] = {
    VALID: Tone.GOOD,
    LARVAL: Tone.WAITING,
    DYING: Tone.WAITING,
    EXPIRED: Tone.WAITING,
    FAILED: Tone.BAD,
    DEAD: Tone.BAD,
}
_CACHE_TONES: Mapping[str, Tone] = {
    NOTHING: Tone.START,
    PLAIN: Tone.GOOD,
    BUNDLED: Tone.GOOD,
    STALE: Tone.BAD,
}
_ENDING_TONES: Mapping[str, Tone] = {
    "Accept": Tone.GOOD,
    "Pass": Tone.GOOD,
    "Transform": Tone.GOOD,
    "Wait": Tone.WAITING,
    "Block": Tone.BAD,
    "Drop": Tone.BAD,
}


def policy_lifecycle() -> Graph:
    """Draw how a policy enters the database, expires, is replaced and leaves. Source: XFRM-DB-007, -008."""
    return graph_of(POLICY_LIFECYCLE, _LIFE_TONES, notes=deviations(POLICY_LIFECYCLE))


def state_lifecycle() -> Graph:
    """Draw how a state comes, is used, expires and ends. Source: XFRM-LIFE-002, XFRM-SAD-005, -007."""
    return graph_of(STATE_LIFECYCLE, _STATE_TONES, notes=deviations(STATE_LIFECYCLE))


def bundle_cache() -> Graph:
    """Draw what a connected socket remembers, and what ends it. Source: XFRM-CACHE-001..008."""
    return graph_of(BUNDLE_CACHE, _CACHE_TONES, notes=deviations(BUNDLE_CACHE))


def output_decision() -> Graph:
    """Draw what becomes of a packet that leaves. Source: XFRM-OUT-001..008, XFRM-PAIR-001."""
    return _decision(OUTPUT_DECISION)


def inbound_check() -> Graph:
    """Draw what becomes of a packet that arrived. Source: XFRM-CHECK-001..013."""
    return _decision(INBOUND_CHECK)


def deviations(machine: Machine) -> tuple[str, ...]:
    """Return one sentence for each way in which profiles differ on a clause of a machine, by clause."""
    known = all_clauses()
    sentences = []
    for name in sorted({transition.clause for transition in machine.transitions} & set(known)):
        profiles: dict[str, list[str]] = {}
        for profile, words in sorted(known[name].variation.items()):
            profiles.setdefault(words, []).append(profile)
        sentences += [f"{name} on {' and '.join(names)}: {words}." for words, names in profiles.items()]
    return tuple(sentences)


def _decision(machine: Machine) -> Graph:
    tones = {
        state: _ENDING_TONES[head]
        for state in machine.states
        if (head := state.partition(":")[0]) in _ENDING_TONES
    }
    return graph_of(machine, tones, endings=Endings.REPEATED, notes=deviations(machine))
