"""States as the database keeps them: use, lifetimes, requests, events, and why a request is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import ANY_MARK, Mark, Mode
from xfrmspec_terms.selector import Address, Family

ACQUIRE_SECONDS = 30
"""How long a larval state lives unless the host says otherwise (sysctl xfrm_acq_expires)."""

FIRST_CHECK_SECONDS = 1
"""When the timer of a new or updated state fires for the first time."""

SMALL_SPI_LIMIT = 1 << 16
"""Every SPI of IPComp is below this number (XFRM-SAD-011)."""


class Algorithm(IntFlag):
    """The kinds of algorithm that come with a state, without names or keys (XFRM-SAD-011)."""

    NONE = 0
    AUTHENTICATION = 1
    ENCRYPTION = 2
    COMBINED = 4
    COMPRESSION = 8


@dataclass(frozen=True, slots=True)
class StateRequest:
    """What an operation is given to add or to update a state.

    `sequence` is the key manager's 32-bit number, 0 for none. `algorithms` None means those that the
    protocol needs.
    """

    state: SecurityAssociation
    sequence: int = 0
    algorithms: Algorithm | None = None


@dataclass(frozen=True, slots=True)
class InstalledState:
    """A state with its place in the database and its use so far.

    `age` names the object: a larger one is a younger object. `spi_age` grows with every state that gets an
    SPI and is 0 for a state that no lookup by SPI finds. `used` is the second of the first use; `octets` and
    `packets` were carried. `next_check` is the second in which its timer fires, None when it stands still.
    `soft_wait` is how many seconds were left to the soft limit since addition when the timer chose to wait
    for it. Source: XFRM-SAD-001, -002, XFRM-LIFE-006.
    """

    association: SecurityAssociation
    age: int
    spi_age: int = 0
    sequence: int = 0
    generation: int = 0
    used: int | None = None
    octets: int = 0
    packets: int = 0
    next_check: int | None = None
    soft_wait: int | None = None


class StateEventKind(Enum):
    """What key managers are told about states."""

    ACQUIRE = "ACQUIRE"
    EXPIRE_SOFT = "EXPIRE soft"
    EXPIRE_HARD = "EXPIRE hard"
    NEW = "NEWSA"
    UPDATE = "UPDSA"
    DELETE = "DELSA"
    FLUSH = "FLUSHSA"
    REPLAY = "AEVENT"
    MIGRATE = "MIGRATE"


@dataclass(frozen=True, slots=True)
class StateEvent:
    """One notification (XFRM-EVENT-001).

    `state` is None for a flush, which names a `protocol`, and for a migration. `sequence` is set for an
    acquire.
    """

    kind: StateEventKind
    state: SecurityAssociation | None = None
    sequence: int = 0
    protocol: int = 0
    migration: MigrationRequest | None = None


class StateRefusal(Enum):
    """Why an operation on states was refused: the clause's own words, and the error number."""

    BAD_FAMILY = ("the state has no family", Errno.EINVAL)
    BAD_PREFIX = ("a prefix of the selector is too long for its family", Errno.EINVAL)
    BAD_PROTOCOL = ("no state can have this protocol", Errno.EINVAL)
    BAD_ALGORITHMS = ("the algorithms do not fit the protocol", Errno.EINVAL)
    BIG_SPI = ("the SPI is too large for IPComp", Errno.EINVAL)
    NO_CARE_OF = ("a route optimisation state without a care-of address", Errno.EINVAL)
    ENCAPSULATED = ("a route optimisation state with an encapsulation", Errno.EINVAL)
    BAD_MODE = ("the protocol does not have this mode", Errno.EINVAL)
    UNWANTED_SPI = ("a route optimisation state with an SPI", Errno.EINVAL)
    NO_SUCH_TRANSFORM = ("the family does not have this transformation", Errno.EPROTONOSUPPORT)
    FAMILY_CHANGE = ("only tunnel and beet may change the family", Errno.EPROTONOSUPPORT)
    COLLIDES = ("a state with this key exists", Errno.EEXIST)
    NOT_FOUND = ("no state has this key", Errno.ESRCH)
    NOTHING_TO_EXPIRE = ("no state has this SPI", Errno.ENOENT)
    INTERNAL_UPDATE = ("the state belongs to the kernel", Errno.EEXIST)
    INTERNAL_DELETE = ("the state belongs to the kernel and goes with its user", Errno.EPERM)
    NOT_VALID = ("the state is neither larval nor valid", Errno.EINVAL)
    OTHER_ENCAPSULATION = ("the state has another encapsulation", Errno.EINVAL)
    NO_SOURCE = ("a key by addresses needs a source", Errno.EINVAL)
    LIMIT_REACHED = ("a hard limit of octets or packets is reached", Errno.EINVAL)
    NO_MANAGER = ("no key manager takes the acquire", Errno.ESRCH)
    BAD_RANGE = ("the range of SPIs is empty or too large", Errno.EINVAL)
    NO_SPI = ("no SPI of the range is free", Errno.ENOENT)
    BAD_MIGRATION = ("the migration is malformed", Errno.EINVAL)
    NO_POLICY = ("no policy has this selector", Errno.ENOENT)
    NOTHING_MIGRATES = ("no template matches, or a state cannot be copied", Errno.ENODATA)

    @property
    def text(self) -> str:
        """The reason in words."""
        return str(self.value[0])

    @property
    def errno(self) -> Errno:
        """The error number that the caller sees."""
        return Errno(self.value[1])


@dataclass(frozen=True, slots=True)
class StateKey:
    """What a deletion names a state by: SPI for AH, ESP and IPComp, else both addresses.

    `mark` is used as the mark of a packet. Source: XFRM-SAD-009.
    """

    destination: Address
    protocol: int
    spi: int = 0
    source: Address | None = None
    mark: Mark = ANY_MARK
    family: Family = Family.INET6


@dataclass(frozen=True, slots=True)
class SpiRequest:
    """A request for an SPI of `minimum`..`maximum` (both included); `sequence` 0 names no larval state.

    Source: XFRM-SPI-001; kernel xfrm_alloc_userspi.
    """

    source: Address
    destination: Address
    protocol: int
    mode: Mode
    minimum: int
    maximum: int
    reqid: int = 0
    sequence: int = 0
    mark: Mark = ANY_MARK
    if_id: int = 0
    family: Family = Family.INET6
