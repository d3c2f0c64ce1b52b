"""Packets that leave: decided anew, or by what a socket that stays remembers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xfrmspec.scenario.connections import OWN_POLICY, Connection, Kept
from xfrmspec.scenario.living_run import LivingRun
from xfrmspec.scenario.observation import PacketResult, chain_names
from xfrmspec.scenario.steps import sent, used_identities
from xfrmspec.scenario.terms import Node, Open, Send
from xfrmspec.scenario.traffic import ask_managers, carry_out
from xfrmspec.xfrm.bundle import (
    Bundle,
    BundleError,
    PolicyStamp,
    Route,
    Stamped,
    StateStamp,
    make_bundle,
)
from xfrmspec.xfrm.bundle_cache import Present, Remembered, Standing, staleness
from xfrmspec.xfrm.output import OutputDecision
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Decision, Errno
from xfrmspec_terms.policy import identity_of


@dataclass(frozen=True, slots=True)
class Usable:
    """A remembered decision that still holds, and the ages of its states in the order they are applied."""

    decision: OutputDecision
    ages: tuple[int, ...]


def present(living: LivingRun) -> Present:
    """Return the databases of a host as its caches see them."""
    tables = living.run.tables
    generations = {entry.age: entry.generation for entry in tables.policies}
    standings = {
        entry.age: Standing(entry.association.lifecycle, entry.generation) for entry in living.states
    }
    own = {OWN_POLICY.age: OWN_POLICY.generation}
    route_generation = tables.policies.generations.ipv6
    return Present(tables.profile, route_generation, generations | own, standings, living.state_changes)


@clause("XFRM-CACHE-007")
def connect(living: LivingRun, step: Open) -> PacketResult:
    """Open a socket: connecting makes the first lookup, whose error leaves it without a destination.

    A socket that had the number is closed first.
    """
    old = living.sockets.pop(step.socket, None)
    closed = None if old is None else _unlocked(living, old)
    decided = decide(living, packet_of(step))
    connection = Connection(step, decided.result.errno == Errno.OK, decided.kept)
    again = _unlocked(living, connection)
    living.sockets[step.socket] = connection if again is None else replace(connection, kept=again.kept)
    results = [looked.result for looked in (closed, decided, again) if looked is not None]
    return replace(decided.result, **_sums(results), used=used_identities(living.run), wire=())


@clause("XFRM-CACHE-007")
def _unlocked(living: LivingRun, connection: Connection) -> Decided | None:
    """Return what a socket looks up once it has been connected, or before it is closed, if anything."""
    if connection.kept is None or still_usable(living, connection) is not None:
        return None
    decided = decide(living, packet_of(connection.opened))
    return decided if decided.kept is not None else replace(decided, kept=connection.kept)


def _sums(results: Sequence[PacketResult]) -> dict[str, Any]:
    counters: Counter[str] = Counter()
    for result in results:
        counters.update(dict(result.counters))
    return {"counters": tuple(sorted(counters.items())), "acquires": sum(r.acquires for r in results)}


def still_usable(living: LivingRun, connection: Connection) -> Usable | None:
    """Return what the next packet of a socket goes by without a lookup, or None if it needs one."""
    kept = connection.kept
    if kept is None or kept.remembered is None or staleness(kept.remembered, present(living)) is not None:
        return None
    bundle = kept.remembered.bundle
    return Usable(kept.decision, () if bundle is None else tuple(e.stamp.age for e in bundle.elements))


def send_on(living: LivingRun, number: int) -> PacketResult:
    """Let a socket that stays send one packet, by what it remembers if that still holds."""
    connection = living.sockets.get(number)
    if connection is None:
        return PacketResult(Errno.ENOTCONN, used_identities(living.run))
    if not connection.connected:
        return PacketResult(Errno.EDESTADDRREQ, used_identities(living.run))
    usable = still_usable(living, connection)
    if usable is not None:
        return _sent_as_before(living, connection.opened, usable)
    packet = packet_of(connection.opened)
    decided = decide(living, packet)
    living.sockets[number] = replace(connection, kept=decided.kept)
    return carry_out(living, packet, decided.decision.applied, decided.result)


def send(living: LivingRun, step: Send) -> PacketResult:
    """Let a fresh socket send one packet, and every state that it meets take part."""
    decided = decide(living, step)
    return carry_out(living, step, decided.decision.applied, decided.result)


@clause("XFRM-CACHE-001")
def _sent_as_before(living: LivingRun, opened: Open, usable: Usable) -> PacketResult:
    """No lookup is made: no policy is used anew, and nothing is asked for."""
    entries = map(living.states.entry, usable.ages)
    applied = tuple(entry.association for entry in entries if entry is not None)
    result = PacketResult(used=used_identities(living.run), wire=(chain_names(usable.decision.chain),))
    return carry_out(living, packet_of(opened), applied, result)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision made anew, what is seen of it, and what a connected socket remembers of it."""

    decision: OutputDecision
    result: PacketResult
    kept: Kept | None = None


@clause("XFRM-BUNDLE-001", "XFRM-EMIT-003", "XFRM-CACHE-008")
def decide(living: LivingRun, step: Send) -> Decided:
    """Look a packet up, ask for missing states, and chain those that were found.

    A bundle that cannot be made leaves the policies unused.
    """
    before = living.run
    living.run, decision, result = sent(step, before)
    living.state_changes += len(decision.larvals)
    ask_managers(living, decision)
    bundle = _bundle(living, step, decision)
    if isinstance(bundle, BundleError):
        tables = replace(living.run.tables, policies=before.tables.policies)
        living.run = replace(living.run, used=before.used, tables=tables)
        failed = replace(decision, applied=())
        counters = ((bundle.counter.value, 1),)
        used = used_identities(living.run)
        return Decided(failed, replace(result, errno=bundle.errno, counters=counters, wire=(), used=used))
    if decision.decision not in (Decision.PASS, Decision.TRANSFORM):
        return Decided(decision, result, None if result.errno else Kept(decision, None))
    now = present(living)
    remembered = Remembered(bundle, now.route_generation, now.state_changes)
    return Decided(decision, result, Kept(decision, remembered))


def _bundle(living: LivingRun, step: Send, decision: OutputDecision) -> Bundle | BundleError | None:
    if decision.decision is not Decision.TRANSFORM:
        return None
    entries = [living.states.entry_of(state) for state in decision.applied]
    found = [
        Stamped(entry.association, StateStamp(entry.age, entry.generation))
        for entry in entries
        if entry is not None
    ]
    plain = Route(step.flow.source, step.flow.destination)
    return make_bundle(found, _policy_stamps(living, decision), plain, _routes_of(living.run.node))


def _policy_stamps(living: LivingRun, decision: OutputDecision) -> tuple[PolicyStamp, ...]:
    if decision.selection.from_socket:
        return (OWN_POLICY,)
    found = [living.run.tables.policies.find(identity_of(policy)) for policy in decision.selection.policies]
    return tuple(PolicyStamp(entry.age, entry.generation) for entry in found if entry is not None)


def packet_of(opened: Open) -> Send:
    """Return the packet that a socket sends each time."""
    return Send(opened.flow, opened.inbound, opened.outbound)


def _routes_of(node: Node) -> Callable[[Route], Errno]:
    """Return the routing table of a node, which knows no IPv4."""

    def reachable(route: Route) -> Errno:
        end = route.destination
        known = any(prefix.contains(end) for prefix in (node.inner, node.outside))
        return Errno.OK if known else Errno.ENETUNREACH

    return reachable
