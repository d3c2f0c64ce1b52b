"""What key managers hear, and what a dump shows of states, as observations hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import ANY_MARK, Limits, Mark, Mode, PolicyIdentity
from xfrmspec_terms.selector import Address, Protocol, Selector


class EventKind(StrEnum):
    """The notifications by the names of their messages."""

    ACQUIRE = "ACQUIRE"
    EXPIRE = "EXPIRE"
    NEW_STATE = "NEWSA"
    UPDATE_STATE = "UPDSA"
    DELETE_STATE = "DELSA"
    FLUSH_STATES = "FLUSHSA"
    NEW_POLICY = "NEWPOLICY"
    UPDATE_POLICY = "UPDPOLICY"
    DELETE_POLICY = "DELPOLICY"
    FLUSH_POLICIES = "FLUSHPOLICY"
    POLICY_EXPIRE = "POLEXPIRE"
    REPORT = "REPORT"
    MIGRATE = "MIGRATE"
    COUNTERS = "NEWAE"
    DEFAULTS = "SETDEFAULT"


@dataclass(frozen=True, slots=True)
class StateName:
    """What people tell states apart by; `spi` and `reqid` are 32-bit numbers.

    `mode` is None where a notification does not tell it (ACQUIRE, NEWAE).
    """

    source: Address
    destination: Address
    protocol: Protocol
    mode: Mode | None
    spi: int
    reqid: int = 0
    mark: Mark = ANY_MARK


def name_of(state: SecurityAssociation) -> StateName:
    """Return the name of a state."""
    return StateName(
        state.source,
        state.destination,
        state.protocol,
        state.mode,
        state.spi,
        state.reqid,
        state.mark.masked(),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One notification; members that its kind has no use for keep their defaults.

    `hard` tells the two limits apart. `selector` is the flow of an ACQUIRE or REPORT, or what a MIGRATE was
    about; `protocol` whose states were flushed or which protocol reports; `templates` how many an ACQUIRE
    lists. `sequence` and `out_sequence` are the 32-bit counters of a NEWAE.
    """

    kind: EventKind
    state: StateName | None = None
    policy: PolicyIdentity | None = None
    hard: bool = False
    selector: Selector | None = None
    protocol: int = 0
    templates: int = 0
    entries: tuple[Migration, ...] = ()
    sequence: int = 0
    out_sequence: int = 0


@dataclass(frozen=True, slots=True)
class ReplayShown:
    """The replay counters of a state: 32-bit halves, and the bitmap in 32-bit words (one for legacy)."""

    sequence: int = 0
    out_sequence: int = 0
    bitmap: tuple[int, ...] = (0,)
    sequence_high: int = 0
    out_sequence_high: int = 0
    window: int | None = None


@dataclass(frozen=True, slots=True)
class StoredState:
    """One state of the final dump.

    `added` counts seconds from the first step of a scenario that waits, and is 0 in any other. `used` says
    that a packet went through it; `octets` and `packets` count what did. `too_old`, `replayed` and `forged`
    count refused packets.
    """

    name: StateName
    care_of: Address | None = None
    if_id: int = 0
    flags: int = 0
    limits: Limits | None = None
    replay: ReplayShown = ReplayShown()
    octets: int = 0
    packets: int = 0
    used: bool = False
    added: int = 0
    too_old: int = 0
    replayed: int = 0
    forged: int = 0
