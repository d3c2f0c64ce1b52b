"""What to send for an operation on terms, and which terms a received message is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.kernel.netlink import Message, MessageKind
from xfrmspec.kernel.netlink_attributes import (
    Algorithm,
    Attribute,
    AttributeKind,
    ThresholdKind,
    address_attribute,
    algorithm_attribute,
    encapsulation_attribute,
    encapsulation_in,
    mark_attribute,
    mark_in,
    policy_type_attribute,
    policy_type_in,
    templates_attribute,
    templates_in,
    value_of,
    word_attribute,
    word_in,
)
from xfrmspec.kernel.netlink_bodies import (
    PolicyBody,
    PolicyKeyBody,
    SpiRangeBody,
    StateBody,
    StateKeyBody,
)
from xfrmspec.kernel.netlink_small import (
    DefaultsBody,
    EmptyBody,
    FlagsBody,
    FlushStatesBody,
    pack_migrate,
)
from xfrmspec.kernel.netlink_values import MalformedMessageError, Usage, unpack_address
from xfrmspec_terms.association import Encapsulation, SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import ANY_MARK, Mark, Policy, PolicyIdentity, PolicyType
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Family, Prefix, Protocol, Selector, unspecified

NULL_CIPHER = Algorithm(AttributeKind.ALG_CRYPT, "ecb(cipher_null)")
NULL_DIGEST = Algorithm(AttributeKind.ALG_AUTH, "digest_null")
DEFLATE = Algorithm(AttributeKind.ALG_COMP, "deflate")
ALL_PROTOCOLS = 0

_ALGORITHMS: dict[int, tuple[Algorithm, ...]] = {
    Protocol.ESP: (NULL_DIGEST, NULL_CIPHER),
    Protocol.AH: (NULL_DIGEST,),
    Protocol.IPCOMP: (DEFLATE,),
}


def readable_algorithms(state: SecurityAssociation) -> tuple[Algorithm, ...]:
    """Return algorithms that leave every octet readable on the wire, as a state's protocol needs them."""
    return _ALGORITHMS.get(state.protocol, ())


def policy_message(policy: Policy, kind: MessageKind = MessageKind.NEWPOLICY) -> Message:
    """Return the NEWPOLICY or UPDPOLICY request for a policy."""
    attributes: list[Attribute] = []
    if policy.templates:
        attributes.append(templates_attribute(policy.templates))
    attributes.extend(_policy_keys(policy.type, policy.mark, policy.if_id))
    return Message(kind, PolicyBody(_bare_policy(policy)), tuple(attributes))


def policy_key_message(
    identity: PolicyIdentity, index: int = 0, kind: MessageKind = MessageKind.DELPOLICY
) -> Message:
    """Return the DELPOLICY or GETPOLICY request for an identity, or for an index when it is not zero."""
    body = PolicyKeyBody(identity.selector, identity.direction, index)
    return Message(kind, body, tuple(_policy_keys(identity.type, identity.mark, identity.if_id)))


def flush_policies_message(type_: PolicyType) -> Message:
    """Return the FLUSHPOLICY request for one type."""
    return Message(MessageKind.FLUSHPOLICY, EmptyBody(), (policy_type_attribute(type_),))


def state_message(
    state: SecurityAssociation,
    algorithms: Sequence[Algorithm] | None = None,
    kind: MessageKind = MessageKind.NEWSA,
    replay: Sequence[Attribute] = (),
) -> Message:
    """Return the NEWSA or UPDSA request for a state; by default with algorithms that hide nothing.

    `replay` are the attributes of its counters.
    """
    chosen = readable_algorithms(state) if algorithms is None else algorithms
    attributes = [algorithm_attribute(algorithm) for algorithm in chosen]
    attributes.extend(replay)
    attributes.extend(_key_attributes(state.mark, state.if_id))
    if state.care_of is not None:
        attributes.append(address_attribute(AttributeKind.COADDR, state.care_of))
    if state.encapsulation is not Encapsulation.NONE:
        attributes.append(encapsulation_attribute(state.encapsulation))
    if state.output_mark != ANY_MARK:
        attributes.append(word_attribute(AttributeKind.SET_MARK, state.output_mark.value))
        attributes.append(word_attribute(AttributeKind.SET_MARK_MASK, state.output_mark.mask))
    return Message(kind, _state_body(state), tuple(attributes))


def state_key_message(state: SecurityAssociation, kind: MessageKind = MessageKind.DELSA) -> Message:
    """Return the DELSA or GETSA request for a state; HAO and RT2 are named by both addresses."""
    attributes = _key_attributes(state.mark, 0)
    if state.protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS):
        attributes.append(address_attribute(AttributeKind.SRCADDR, state.source))
    body = StateKeyBody(state.destination, state.spi, state.protocol, state.family)
    return Message(kind, body, tuple(attributes))


def flush_states_message(protocol: int = ALL_PROTOCOLS) -> Message:
    """Return the FLUSHSA request."""
    return Message(MessageKind.FLUSHSA, FlushStatesBody(protocol))


def allocate_spi_message(state: SecurityAssociation, minimum: int, maximum: int) -> Message:
    """Return the ALLOCSPI request for a larval state and a range of SPIs."""
    attributes = tuple(_key_attributes(state.mark, state.if_id))
    return Message(MessageKind.ALLOCSPI, SpiRangeBody(_state_body(state), minimum, maximum), attributes)


def defaults_message(inbound: int, forward: int, outbound: int) -> Message:
    """Return the SETDEFAULT request."""
    return Message(MessageKind.SETDEFAULT, DefaultsBody(inbound, forward, outbound))


def thresholds_message(local4: int, remote4: int, local6: int, remote6: int) -> Message:
    """Return the NEWSPDINFO request that sets the prefix lengths (bits) from which policies are hashed."""
    attributes = (
        Attribute(ThresholdKind.IPV4_THRESHOLDS, bytes((local4, remote4))),
        Attribute(ThresholdKind.IPV6_THRESHOLDS, bytes((local6, remote6))),
    )
    return Message(MessageKind.NEWSPDINFO, FlagsBody(), attributes)


def migrate_message(identity: PolicyIdentity, entries: Sequence[Migration]) -> Message:
    """Return the MIGRATE request for one policy and its entries."""
    value = b"".join(pack_migrate(entry) for entry in entries)
    attributes = (Attribute(AttributeKind.MIGRATE, value), policy_type_attribute(identity.type))
    return Message(MessageKind.MIGRATE, PolicyKeyBody(identity.selector, identity.direction), attributes)


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy as a kernel reports it, with its usage; `socket` for a policy of one socket."""

    policy: Policy
    usage: Usage
    socket: bool = False


def stored_policy(message: Message) -> StoredPolicy:
    """Read a NEWPOLICY or UPDPOLICY message; MalformedMessageError for any other."""
    if not isinstance(message.body, PolicyBody):
        raise MalformedMessageError(f"message kind {message.kind} is not a policy")
    attributes = message.attributes
    policy = replace(
        message.body.policy,
        type=policy_type_in(attributes),
        templates=templates_in(attributes),
        mark=mark_in(attributes),
        if_id=word_in(attributes, AttributeKind.IF_ID),
    )
    return StoredPolicy(policy, message.body.usage, message.body.socket)


def stored_state(message: Message) -> SecurityAssociation:
    """Read a NEWSA or UPDSA message; MalformedMessageError for any other."""
    if not isinstance(message.body, StateBody):
        raise MalformedMessageError(f"message kind {message.kind} is not a state")
    state = message.body.state
    care_of = value_of(message.attributes, AttributeKind.COADDR)
    return replace(
        state,
        mark=mark_in(message.attributes),
        if_id=word_in(message.attributes, AttributeKind.IF_ID),
        care_of=None if care_of is None else unpack_address(care_of, state.family),
        encapsulation=encapsulation_in(message.attributes),
        output_mark=Mark(
            word_in(message.attributes, AttributeKind.SET_MARK),
            word_in(message.attributes, AttributeKind.SET_MARK_MASK),
        ),
    )


def open_selector(family: Family) -> Selector:
    """Return the all-zero selector that leaves everything to the kernel."""
    nowhere = Prefix(unspecified(family), 0)
    return Selector(nowhere, nowhere, family=Family.UNSPEC)


def _bare_policy(policy: Policy) -> Policy:
    """Return what the fixed part says of a policy; attributes say the rest."""
    bare = PolicyType.MAIN, ANY_MARK, 0, ()
    if (policy.type, policy.mark, policy.if_id, policy.templates) == bare:
        return policy
    return replace(policy, templates=(), type=PolicyType.MAIN, mark=ANY_MARK, if_id=0)


def _bare_state(state: SecurityAssociation) -> SecurityAssociation:
    """Return what the fixed part says of a state; attributes say the rest."""
    bare = ANY_MARK, ANY_MARK, 0, None, Encapsulation.NONE
    if (state.mark, state.output_mark, state.if_id, state.care_of, state.encapsulation) == bare:
        return state
    return replace(
        state,
        mark=ANY_MARK,
        output_mark=ANY_MARK,
        if_id=0,
        care_of=None,
        encapsulation=Encapsulation.NONE,
    )


def _state_body(state: SecurityAssociation) -> StateBody:
    return StateBody(_bare_state(state), state.selector or open_selector(state.family))


def _policy_keys(type_: PolicyType, mark: Mark, if_id: int) -> list[Attribute]:
    keys = [policy_type_attribute(type_)] if type_ is not PolicyType.MAIN else []
    return keys + _key_attributes(mark, if_id)


def _key_attributes(mark: Mark, if_id: int) -> list[Attribute]:
    keys = [] if mark == ANY_MARK else [mark_attribute(mark)]
    return keys if not if_id else [*keys, word_attribute(AttributeKind.IF_ID, if_id)]
