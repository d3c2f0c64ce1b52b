"""States in PF_KEY's words: ADD, UPDATE, DELETE, FLUSH, GETSPI, MIGRATE, and a refusal of an acquire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_dump import FLAGS, dump_states
from xfrmspec.interfaces.key_message import (
    WINDOW_MAX,
    AddressExtension,
    AuthenticationAlgorithm,
    EncryptionAlgorithm,
    ExtensionType,
    IpsecRequest,
    KeyMessage,
    MessageType,
    SaExtension,
    SaType,
    SpiRangeExtension,
)
from xfrmspec.interfaces.key_policy import MODES_READ, to_limits, to_selector
from xfrmspec.interfaces.key_refusal import KeyRefusal, errno_of
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.migrate import migrate
from xfrmspec.xfrm.spi import allocate_spi, spi_choice
from xfrmspec.xfrm.state_acquire import refuse_acquire
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add, delete, flush, update
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.migration import Migration, MigrationRequest
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Prefix, Protocol, Selector, family_of, unspecified
from xfrmspec_terms.state import Algorithm, SpiRequest, StateKey, StateRefusal, StateRequest

_AUTHENTICATION_MAX, _ENCRYPTION_MAX, _COMPRESSION_MAX = 251, 253, 4
_COMPRESSIONS = frozenset({2, 3, 4})
_ANY_IPSEC = 255
_USUAL_SPIS = SpiRangeExtension(0x100, 0x0FFFFFFF)
_PROTOCOLS: Mapping[int, int] = {
    SaType.UNSPEC: _ANY_IPSEC,
    SaType.AH: Protocol.AH,
    SaType.ESP: Protocol.ESP,
    SaType.X_IPCOMP: Protocol.IPCOMP,
}


@dataclass(frozen=True, slots=True)
class KeyStateTables:
    """What messages about states work on; only migration looks at policies."""

    states: StateDatabase
    policies: PolicyDatabase


@dataclass(frozen=True, slots=True)
class KeyStateAnswer:
    """What a message left behind, its error number, and what a dump lists."""

    tables: KeyStateTables
    errno: Errno = Errno.OK
    messages: tuple[KeyMessage, ...] = ()


@clause("XFRM-KEY-007", "XFRM-KEY-006", "XFRM-KEY-008")
def carry_out(command: KeyMessage, tables: KeyStateTables, now: int = 0) -> KeyStateAnswer:
    """Carry out a message about states; `now` is in seconds. EOPNOTSUPP for types that are not about them.

    Source: XFRM-KEY-001, -006, -007, -008; kernel pfkey_process.
    """
    handler = _HANDLERS.get(command.type)
    if handler is None:
        return KeyStateAnswer(tables, Errno.EOPNOTSUPP)
    return handler(command, tables, now)


@clause("XFRM-KEY-007", "XFRM-KEY-002")
def to_state(message: KeyMessage) -> StateRequest | KeyRefusal:
    """Return the state that an ADD or UPDATE describes; its keys are no part of it.

    Source: XFRM-KEY-007; kernel pfkey_msg2xfrm_state.
    """
    refusal = _state_refusal(message)
    if refusal is not None:
        return refusal
    sa, second = message.sa, message.sa2
    source = message.address(ExtensionType.ADDRESS_SRC)
    destination = message.address(ExtensionType.ADDRESS_DST)
    if sa is None or source is None or destination is None:
        return KeyRefusal.NO_ADDRESSES
    mode = MODES_READ.get(second.mode) if second else Mode.TRANSPORT  # type: ignore[call-overload]
    if mode is None:
        return KeyRefusal.BAD_STATE_MODE
    if message.satype == SaType.UNSPEC:
        return KeyRefusal.NO_TRANSFORM
    algorithms = _algorithms(message, sa)
    if not _makes_state(message.satype, algorithms):
        return KeyRefusal.BAD_STATE
    state = SecurityAssociation(
        source.address,
        destination.address,
        Protocol(_PROTOCOLS[message.satype]),
        mode,
        sa.spi,
        second.reqid if second else 0,
        family_of(source.address),
        _selector(message, source),
        flags=_flags(sa),
        limits=to_limits(message),
        replay_window=min(sa.replay, WINDOW_MAX),
        authentication_bit=sa.authentication,
    )
    return StateRequest(state, message.sequence, algorithms)


@clause("XFRM-KEY-007")
def _state_refusal(message: KeyMessage) -> KeyRefusal | None:
    sa = message.sa
    if sa is None:
        return KeyRefusal.NO_SA
    if isinstance(to_selector(message), KeyRefusal):
        return KeyRefusal.NO_ADDRESSES
    wanted = {SaType.ESP: ExtensionType.KEY_ENCRYPT, SaType.AH: ExtensionType.KEY_AUTH}
    kind = wanted.get(message.satype)  # type: ignore[call-overload]
    if kind is not None and message.key(kind) is None:
        return KeyRefusal.NO_KEY
    lifetimes = (ExtensionType.LIFETIME_HARD, ExtensionType.LIFETIME_SOFT)
    if len({message.lifetime(entry) is None for entry in lifetimes}) > 1:
        return KeyRefusal.ONE_LIFETIME
    if message.satype not in _PROTOCOLS:
        return KeyRefusal.BAD_SA_TYPE
    return _algorithm_refusal(message, sa)


@clause("XFRM-KEY-007")
def _algorithm_refusal(message: KeyMessage, sa: SaExtension) -> KeyRefusal | None:
    compresses = message.satype == SaType.X_IPCOMP
    top = _COMPRESSION_MAX if compresses else _ENCRYPTION_MAX
    if sa.authentication > _AUTHENTICATION_MAX or sa.encryption > top:
        return KeyRefusal.BAD_ALGORITHM_NUMBER
    for kind, number, null in (
        (ExtensionType.KEY_AUTH, sa.authentication, AuthenticationAlgorithm.NULL),
        (ExtensionType.KEY_ENCRYPT, sa.encryption, EncryptionAlgorithm.NULL),
    ):
        key = message.key(kind)
        if key is not None and number != null and not key.bits:
            return KeyRefusal.EMPTY_KEY
    encryptions: frozenset[int] = _COMPRESSIONS if compresses else frozenset(EncryptionAlgorithm)
    if sa.authentication not in frozenset(AuthenticationAlgorithm):
        return KeyRefusal.UNKNOWN_ALGORITHM
    return None if sa.encryption in {0, *encryptions} else KeyRefusal.UNKNOWN_ALGORITHM


def _algorithms(message: KeyMessage, sa: SaExtension) -> Algorithm:
    found = Algorithm.AUTHENTICATION if sa.authentication else Algorithm.NONE
    if sa.encryption:
        compresses = message.satype == SaType.X_IPCOMP
        found |= Algorithm.COMPRESSION if compresses else Algorithm.ENCRYPTION
    return found


def _makes_state(satype: int, algorithms: Algorithm) -> bool:
    """ESP needs encryption, AH authentication, IPComp compression; more than that does no harm."""
    wanted = {
        SaType.ESP: Algorithm.ENCRYPTION,
        SaType.AH: Algorithm.AUTHENTICATION,
        SaType.X_IPCOMP: Algorithm.COMPRESSION,
    }
    return bool(algorithms & wanted[SaType(satype)])


def _selector(message: KeyMessage, source: AddressExtension) -> Selector:
    """Any flow of the family, or from the source that a proxy address names."""
    family = family_of(source.address)
    anything = Prefix(unspecified(family), 0)
    proxy = message.address(ExtensionType.ADDRESS_PROXY)
    first = Prefix(proxy.address, proxy.prefix_length) if proxy else anything
    return Selector(first, anything, family=family)


def _flags(sa: SaExtension) -> StateFlag:
    found = StateFlag.NONE
    for bit, flag in FLAGS.items():
        if sa.flags & bit:
            found |= flag
    return found


def _add(command: KeyMessage, tables: KeyStateTables, now: int) -> KeyStateAnswer:
    request = to_state(command)
    if isinstance(request, KeyRefusal):
        return KeyStateAnswer(tables, errno_of(request))
    operation = add if command.type is MessageType.ADD else update
    outcome = operation(tables.states, replace(request, algorithms=None), now)
    return KeyStateAnswer(replace(tables, states=outcome.database), outcome.errno)


def _delete(command: KeyMessage, tables: KeyStateTables, _: int) -> KeyStateAnswer:
    destination = command.address(ExtensionType.ADDRESS_DST)
    if command.sa is None or destination is None or isinstance(to_selector(command), KeyRefusal):
        return KeyStateAnswer(tables, Errno.EINVAL)
    protocol = _PROTOCOLS.get(command.satype, _ANY_IPSEC)
    if protocol == _ANY_IPSEC:
        return KeyStateAnswer(tables, Errno.ESRCH)
    address = destination.address
    key = StateKey(address, protocol, command.sa.spi, family=family_of(address))
    outcome = delete(tables.states, key)
    return KeyStateAnswer(replace(tables, states=outcome.database), outcome.errno)


def _flush(command: KeyMessage, tables: KeyStateTables, _: int) -> KeyStateAnswer:
    protocol = _PROTOCOLS.get(command.satype)
    if protocol is None:
        return KeyStateAnswer(tables, Errno.EINVAL)
    return KeyStateAnswer(replace(tables, states=flush(tables.states, protocol).database))


@clause("XFRM-KEY-012")
def _dump(command: KeyMessage, tables: KeyStateTables, _: int) -> KeyStateAnswer:
    protocol = _PROTOCOLS.get(command.satype)
    if protocol is None:
        return KeyStateAnswer(tables, Errno.EINVAL)
    told = dump_states(command, tables.states, protocol)
    errno = Errno.OK if told.refusal is None else errno_of(told.refusal)
    return KeyStateAnswer(tables, errno, told.messages)


@clause("XFRM-KEY-006")
def _refuse(command: KeyMessage, tables: KeyStateTables, _: int) -> KeyStateAnswer:
    if command.extensions:
        return KeyStateAnswer(tables, Errno.EOPNOTSUPP)
    if not command.sequence or not command.errno:
        return KeyStateAnswer(tables)
    outcome = refuse_acquire(tables.states, command.sequence)
    return KeyStateAnswer(replace(tables, states=outcome.database))


@clause("XFRM-SPI-001")
def to_spi_request(message: KeyMessage) -> SpiRequest | KeyRefusal:
    """Return the request that a GETSPI describes: 0x100 to 0x0fffffff without a range, no mark and no if_id.

    Source: XFRM-SPI-001; kernel pfkey_getspi.
    """
    source = message.address(ExtensionType.ADDRESS_SRC)
    destination = message.address(ExtensionType.ADDRESS_DST)
    if isinstance(to_selector(message), KeyRefusal) or source is None or destination is None:
        return KeyRefusal.NO_ADDRESSES
    if message.satype not in _PROTOCOLS:
        return KeyRefusal.BAD_SA_TYPE
    second, asked = message.sa2, message.spi_range or _USUAL_SPIS
    mode = MODES_READ.get(second.mode) if second else Mode.TRANSPORT  # type: ignore[call-overload]
    if mode is None:
        return KeyRefusal.BAD_STATE_MODE
    return SpiRequest(
        source.address,
        destination.address,
        _PROTOCOLS[message.satype],
        mode,
        asked.minimum,
        asked.maximum,
        second.reqid if second else 0,
        message.sequence,
        family=family_of(source.address),
    )


@clause("XFRM-SPI-001", "XFRM-SPI-002")
def _get_spi(command: KeyMessage, tables: KeyStateTables, now: int) -> KeyStateAnswer:
    """Give the smallest SPI that is allowed; which one a kernel draws is its own choice."""
    request = to_spi_request(command)
    if isinstance(request, KeyRefusal):
        return KeyStateAnswer(tables, errno_of(request))
    choice = spi_choice(tables.states, request, now)
    if isinstance(choice, StateRefusal):
        return KeyStateAnswer(replace(tables, states=_left_behind(request, tables.states, now)), choice.errno)
    outcome = allocate_spi(tables.states, request, choice.smallest(), now)
    return KeyStateAnswer(replace(tables, states=outcome.database), outcome.errno)


@clause("XFRM-SPI-001")
def _left_behind(request: SpiRequest, states: StateDatabase, now: int) -> StateDatabase:
    """Return what a refused range leaves: PF_KEY makes the larval state before it looks at the range.

    The state for all protocols that a kernel makes for a message of no type is left out.
    """
    if not states.profile.failed_allocation_leaves_larval:
        return states
    made = spi_choice(states, replace(request, minimum=1, maximum=1), now)
    return states if isinstance(made, StateRefusal) else made.database


@clause("XFRM-KEY-008")
def to_migration(message: KeyMessage) -> MigrationRequest | KeyRefusal:
    """Return the migration that an X_MIGRATE describes: pairs of requests, old endpoints and then new ones.

    Source: XFRM-KEY-008; kernel pfkey_migrate.
    """
    selector, asked = to_selector(message), message.policy
    if isinstance(selector, KeyRefusal):
        return selector
    if asked is None:
        return KeyRefusal.NO_POLICY
    if not 1 <= asked.direction <= 3:
        return KeyRefusal.BAD_DIRECTION
    if not asked.requests or len(asked.requests) % 2:
        return KeyRefusal.NO_ENDPOINTS
    entries = [_migration(*pair) for pair in zip(asked.requests[::2], asked.requests[1::2], strict=True)]
    whole = tuple(entry for entry in entries if entry is not None)
    if len(whole) < len(entries):
        return KeyRefusal.NO_ENDPOINTS
    return MigrationRequest(selector, asked.direction - 1, whole)


def _migration(old: IpsecRequest, new: IpsecRequest) -> Migration | None:
    same = (old.protocol, old.mode, old.reqid) == (new.protocol, new.mode, new.reqid)
    if not same or old.mode not in MODES_READ or old.endpoints is None or new.endpoints is None:
        return None
    mode = next(mode for number, mode in MODES_READ.items() if number == old.mode)
    families = family_of(old.endpoints[0]), family_of(new.endpoints[0])
    return Migration(*old.endpoints, *new.endpoints, old.protocol, mode, old.reqid, *families)


@clause("XFRM-KEY-008")
def _migrate(command: KeyMessage, tables: KeyStateTables, now: int) -> KeyStateAnswer:
    wanted = to_migration(command)
    if isinstance(wanted, KeyRefusal):
        return KeyStateAnswer(tables, errno_of(wanted))
    outcome = migrate(tables.policies, tables.states, wanted, now)
    moved = replace(tables, policies=outcome.policies, states=outcome.states)
    return KeyStateAnswer(moved, outcome.errno)


_HANDLERS: Mapping[MessageType, Callable[[KeyMessage, KeyStateTables, int], KeyStateAnswer]] = {
    MessageType.ADD: _add,
    MessageType.UPDATE: _add,
    MessageType.DELETE: _delete,
    MessageType.FLUSH: _flush,
    MessageType.DUMP: _dump,
    MessageType.ACQUIRE: _refuse,
    MessageType.X_MIGRATE: _migrate,
    MessageType.GETSPI: _get_spi,
}
