"""Whether a correspondent node takes a binding update: the questions, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xfrmspec.mipv6.addresses import is_routable_unicast
from xfrmspec.mipv6.binding_cache import binding_of
from xfrmspec.mipv6.binding_proof import Finding, Proof, proof_of
from xfrmspec.mipv6.binding_request import BindingRequest
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode, Willingness
from xfrmspec.mipv6.course import Reply, decided
from xfrmspec.mipv6.sequence import is_ahead
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Step
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.machines_binding_update import CARE_OF, DELETION, FLAG_H, SEQUENCE, UPDATE_ARRIVES
from xfrmspec_terms.machines_correspondent import (
    AUTHENTICATOR,
    CORRESPONDENT_UPDATE,
    NONCES,
    OPTIONS,
    ROOM,
    WILLING,
)


@dataclass(frozen=True, slots=True)
class UpdateCase:
    """An update before a correspondent node, with what its options prove."""

    node: CorrespondentNode
    request: BindingRequest
    proof: Proof


@clause("XFRM-CN-022")
def judge_update(
    node: CorrespondentNode, request: BindingRequest, now: int
) -> tuple[Proof, tuple[Step, ...]]:
    """Return the proof and the answers to the questions about an update whose source can be answered."""
    case = UpdateCase(node, request, proof_of(node, request, now))
    return case.proof, decided(CORRESPONDENT_UPDATE, _QUESTIONS, case)


def _begin(case: UpdateCase) -> Reply:
    return "source can be answered", "", ""


@clause("XFRM-CN-014")
def _flag_h(case: UpdateCase) -> Reply:
    if not case.request.update.home_registration:
        return "no", "", ""
    stands = case.node.binding(case.request) is not None
    return "yes", "a binding stands" if stands else "no binding stands", ""


@clause("XFRM-CN-015")
def _options(case: UpdateCase) -> Reply:
    if case.proof.finding is Finding.INCOMPLETE:
        return "no", "", ""
    return "yes", "both", _unasked(case)


@clause("XFRM-CN-016")
def _nonces(case: UpdateCase) -> Reply:
    match case.proof.finding:
        case Finding.HOME_INDEX:
            return "not the home index", "the care-of index does, or a deletion", ""
        case Finding.CARE_OF_INDEX:
            return "not the care-of index", "the home index does, no deletion", ""
        case Finding.BOTH_INDICES:
            return "neither", "no deletion", ""
    return "yes", "all that are looked at", _unasked(case)


@clause("XFRM-CN-017")
def _authenticator(case: UpdateCase) -> Reply:
    return ("no", "", "") if case.proof.finding is Finding.FALSE else ("yes", "", _unasked(case))


def _unasked(case: UpdateCase) -> str:
    return case.proof.finding.value if case.proof.finding is Finding.NOT_ASKED else ""


@clause("XFRM-CN-018", "XFRM-CN-037")
def _sequence(case: UpdateCase) -> Reply:
    entry, number = case.node.entry(case.request), case.request.update.sequence
    if entry is None:
        return "yes", "no entry", ""
    because = f"{number} after {entry.sequence}"
    if Defence.SEQUENCE in case.node.settings.defences and not is_ahead(number, entry.sequence):
        return "no", "entry, not 1 to 32767 ahead", because
    return "yes", "entry, 1 to 32767 ahead modulo 2^16", because


@clause("XFRM-CN-013")
def _deletion(case: UpdateCase) -> Reply:
    if case.request.is_deletion:
        return "yes", "lifetime 0, or care-of is home address", ""
    return "no", "", ""


@clause("XFRM-CN-019")
def _willing(case: UpdateCase) -> Reply:
    declines = case.node.settings.willingness is Willingness.DECLINES
    return ("no" if declines else "yes"), "", case.node.settings.willingness.value


@clause("XFRM-CN-020", "XFRM-CN-039")
def _care_of(case: UpdateCase) -> Reply:
    care_of = case.request.care_of
    acyclic = Defence.ACYCLIC in case.node.settings.defences
    leads_on = acyclic and binding_of(case.node.entries, care_of) is not None
    if leads_on or care_of == case.request.own or not is_routable_unicast(care_of):
        return "no", "not routable unicast, own, or bound as a home address", str(care_of)
    return "yes", "", str(care_of)


@clause("XFRM-CN-021")
def _room(case: UpdateCase) -> Reply:
    entries, capacity = case.node.entries, case.node.settings.capacity
    if case.node.entry(case.request) is None and len(entries) >= capacity:
        return "no", "no entry, and the cache is full", f"{len(entries)} of {capacity}"
    return "yes", "", f"{len(entries)} of {capacity}"


_QUESTIONS: Mapping[str, Callable[[UpdateCase], Reply]] = {
    UPDATE_ARRIVES: _begin,
    FLAG_H: _flag_h,
    OPTIONS: _options,
    NONCES: _nonces,
    AUTHENTICATOR: _authenticator,
    SEQUENCE: _sequence,
    DELETION: _deletion,
    WILLING: _willing,
    CARE_OF: _care_of,
    ROOM: _room,
}
