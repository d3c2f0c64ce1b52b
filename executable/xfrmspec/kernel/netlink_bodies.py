"""The fixed part of each XFRM message, as values made of terms."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from xfrmspec.kernel.netlink_values import (
    IDENTITY_SIZE,
    LIMITS_SIZE,
    SELECTOR_SIZE,
    UNUSED,
    USAGE_SIZE,
    MalformedMessageError,
    StateIdentity,
    Usage,
    pack_address,
    pack_identity,
    pack_limits,
    pack_selector,
    pack_usage,
    unpack_address,
    unpack_identity,
    unpack_limits,
    unpack_selector,
    unpack_usage,
)
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, PolicyFlag, Share
from xfrmspec_terms.selector import Address, Family, Protocol, Selector

_POLICY_TAIL = struct.Struct("=IIBBBB4x")
_STATE_TAIL = struct.Struct("=IIIIIHBBB7x")
_POLICY_KEY_TAIL = struct.Struct("=IB3x")
_STATE_KEY = struct.Struct("=16s4sHBx")
_SPI_RANGE = struct.Struct("=II")
_WORDS = struct.Struct("=4I")
_ADDRESS_SIZE = 16
_SOCKET_DIRECTIONS = 3

POLICY_SIZE = SELECTOR_SIZE + LIMITS_SIZE + USAGE_SIZE + _POLICY_TAIL.size
STATE_SIZE = SELECTOR_SIZE + IDENTITY_SIZE + _ADDRESS_SIZE + LIMITS_SIZE + USAGE_SIZE + _STATE_TAIL.size


@dataclass(frozen=True, slots=True)
class PolicyBody:
    """xfrm_userpolicy_info: a policy without what attributes carry (templates, type, mark, if_id).

    `socket` says that it belongs to a socket, whose directions are numbered from three.
    """

    policy: Policy
    usage: Usage = UNUSED
    socket: bool = False

    def pack(self) -> bytes:
        """Return the 168 octets of the structure."""
        policy = self.policy
        direction = policy.direction + (_SOCKET_DIRECTIONS if self.socket else 0)
        tail = _POLICY_TAIL.pack(
            policy.priority, policy.index, direction, policy.action, policy.flags, policy.share
        )
        return pack_selector(policy.selector) + pack_limits(policy.limits) + pack_usage(self.usage) + tail

    @classmethod
    def unpack(cls, octets: bytes) -> PolicyBody:
        """Read the structure; MalformedMessageError for numbers without a meaning."""
        parts = _cut(octets, SELECTOR_SIZE, LIMITS_SIZE, USAGE_SIZE, _POLICY_TAIL.size)
        priority, index, direction, action, flags, share = _POLICY_TAIL.unpack(parts[3])
        socket = direction >= _SOCKET_DIRECTIONS
        try:
            policy = Policy(
                unpack_selector(parts[0]),
                Direction(direction - _SOCKET_DIRECTIONS if socket else direction),
                action=Action(action),
                priority=priority,
                index=index,
                flags=PolicyFlag(flags),
                limits=unpack_limits(parts[1]),
                share=Share(share),
            )
        except ValueError as error:
            raise MalformedMessageError(f"policy: {error}") from error
        return cls(policy, unpack_usage(parts[2]), socket)


@dataclass(frozen=True, slots=True)
class PolicyKeyBody:
    """xfrm_userpolicy_id: the selector or, when not zero, the index of a policy of one direction."""

    selector: Selector
    direction: Direction
    index: int = 0

    def pack(self) -> bytes:
        """Return the 64 octets of the structure."""
        return pack_selector(self.selector) + _POLICY_KEY_TAIL.pack(self.index, self.direction)

    @classmethod
    def unpack(cls, octets: bytes) -> PolicyKeyBody:
        """Read the structure; MalformedMessageError for a direction that does not exist."""
        selector, tail = _cut(octets, SELECTOR_SIZE, _POLICY_KEY_TAIL.size)
        index, direction = _POLICY_KEY_TAIL.unpack(tail)
        if direction not in tuple(Direction):
            raise MalformedMessageError(f"policy direction {direction}")
        return cls(unpack_selector(selector), Direction(direction), index)


@dataclass(frozen=True, slots=True)
class StateStatistics:
    """xfrm_stats and the netlink sequence number of an acquire: 32-bit counters."""

    replay_window: int = 0
    replay: int = 0
    integrity_failed: int = 0
    sequence: int = 0


NO_STATISTICS = StateStatistics()


@dataclass(frozen=True, slots=True)
class StateBody:
    """xfrm_usersa_info: a state without what attributes carry (algorithms, mark, if_id, care-of address).

    The state's own selector is kept as it stands, also one that is all zero.
    """

    state: SecurityAssociation
    selector: Selector
    usage: Usage = UNUSED
    statistics: StateStatistics = NO_STATISTICS

    def pack(self) -> bytes:
        """Return the 224 octets of the structure."""
        state, stats = self.state, self.statistics
        tail = _STATE_TAIL.pack(
            stats.replay_window,
            stats.replay,
            stats.integrity_failed,
            stats.sequence,
            state.reqid,
            state.family,
            state.mode,
            state.replay_window,
            state.flags,
        )
        identity = StateIdentity(state.destination, state.spi, state.protocol)
        head = pack_selector(self.selector) + pack_identity(identity) + pack_address(state.source)
        return head + pack_limits(state.limits) + pack_usage(self.usage) + tail

    @classmethod
    def unpack(cls, octets: bytes) -> StateBody:
        """Read the structure; MalformedMessageError for numbers without a meaning."""
        sizes = (SELECTOR_SIZE, IDENTITY_SIZE, _ADDRESS_SIZE, LIMITS_SIZE, USAGE_SIZE, _STATE_TAIL.size)
        selector_part, identity_part, source, limits, usage, tail = _cut(octets, *sizes)
        *counters, reqid, family, mode, window, flags = _STATE_TAIL.unpack(tail)
        identity = unpack_identity(identity_part, family)
        selector = unpack_selector(selector_part)
        try:
            state = SecurityAssociation(
                unpack_address(source, family),
                identity.destination,
                Protocol(identity.protocol),
                Mode(mode),
                identity.spi,
                reqid,
                Family(family),
                None if selector.family is Family.UNSPEC else selector,
                flags=StateFlag(flags),
                limits=unpack_limits(limits),
                replay_window=window,
            )
        except ValueError as error:
            raise MalformedMessageError(f"state: {error}") from error
        statistics = StateStatistics(*counters)
        taken = unpack_usage(usage)
        return cls(replace(state, added=taken.add_time), selector, taken, statistics)


@dataclass(frozen=True, slots=True)
class StateKeyBody:
    """xfrm_usersa_id: destination, SPI, family and protocol."""

    destination: Address
    spi: int
    protocol: int
    family: Family = Family.INET6

    def pack(self) -> bytes:
        """Return the 24 octets of the structure."""
        spi = self.spi.to_bytes(4, "big")
        return _STATE_KEY.pack(pack_address(self.destination), spi, self.family, self.protocol)

    @classmethod
    def unpack(cls, octets: bytes) -> StateKeyBody:
        """Read the structure; MalformedMessageError for a family that does not exist."""
        (part,) = _cut(octets, _STATE_KEY.size)
        destination, spi, family, protocol = _STATE_KEY.unpack(part)
        if family not in tuple(Family):
            raise MalformedMessageError(f"address family {family}")
        address = unpack_address(destination, family)
        return cls(address, int.from_bytes(spi, "big"), protocol, Family(family))


@dataclass(frozen=True, slots=True)
class SpiRangeBody:
    """xfrm_userspi_info: the state to find or create, and the range of SPIs to choose from."""

    state: StateBody
    minimum: int
    maximum: int

    def pack(self) -> bytes:
        """Return the 232 octets of the structure."""
        return self.state.pack() + _SPI_RANGE.pack(self.minimum, self.maximum)

    @classmethod
    def unpack(cls, octets: bytes) -> SpiRangeBody:
        """Read the structure."""
        state, tail = _cut(octets, STATE_SIZE, _SPI_RANGE.size)
        return cls(StateBody.unpack(state), *_SPI_RANGE.unpack(tail))


@dataclass(frozen=True, slots=True)
class AcquireBody:
    """xfrm_user_acquire: the wanted state, the flow as a selector, the policy, and the sequence number."""

    identity: StateIdentity
    source: Address
    selector: Selector
    policy: PolicyBody
    authentication_mask: int
    encryption_mask: int
    compression_mask: int
    sequence: int

    def pack(self) -> bytes:
        """Return the 280 octets of the structure."""
        masks = (self.authentication_mask, self.encryption_mask, self.compression_mask)
        head = pack_identity(self.identity) + pack_address(self.source) + pack_selector(self.selector)
        return head + self.policy.pack() + _WORDS.pack(*masks, self.sequence)

    @classmethod
    def unpack(cls, octets: bytes) -> AcquireBody:
        """Read the structure; the addresses are of the selector's family."""
        sizes = (IDENTITY_SIZE, _ADDRESS_SIZE, SELECTOR_SIZE, POLICY_SIZE, _WORDS.size)
        identity, source, selector_part, policy, tail = _cut(octets, *sizes)
        selector = unpack_selector(selector_part)
        return cls(
            unpack_identity(identity, selector.family),
            unpack_address(source, selector.family),
            selector,
            PolicyBody.unpack(policy),
            *_WORDS.unpack(tail),
        )


@dataclass(frozen=True, slots=True)
class ExpireBody:
    """xfrm_user_expire: the state, and whether the hard limit was reached."""

    state: StateBody
    hard: bool

    def pack(self) -> bytes:
        """Return the 232 octets of the structure."""
        return self.state.pack() + struct.pack("=B7x", int(self.hard))

    @classmethod
    def unpack(cls, octets: bytes) -> ExpireBody:
        """Read the structure."""
        state, tail = _cut(octets, STATE_SIZE, 8)
        return cls(StateBody.unpack(state), bool(tail[0]))


@dataclass(frozen=True, slots=True)
class PolicyExpireBody:
    """xfrm_user_polexpire: the policy, and whether the hard limit was reached."""

    policy: PolicyBody
    hard: bool

    def pack(self) -> bytes:
        """Return the 176 octets of the structure."""
        return self.policy.pack() + struct.pack("=B7x", int(self.hard))

    @classmethod
    def unpack(cls, octets: bytes) -> PolicyExpireBody:
        """Read the structure."""
        policy, tail = _cut(octets, POLICY_SIZE, 8)
        return cls(PolicyBody.unpack(policy), bool(tail[0]))


def _cut(octets: bytes, *sizes: int) -> list[bytes]:
    """Cut octets into parts; the last part may lack trailing padding only if it is still complete."""
    if len(octets) < sum(sizes):
        raise MalformedMessageError(f"{len(octets)} octets where a message needs {sum(sizes)}")
    parts, start = [], 0
    for size in sizes:
        parts.append(octets[start : start + size])
        start += size
    return parts
