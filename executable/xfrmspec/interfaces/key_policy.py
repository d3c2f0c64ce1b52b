"""Policies in PF_KEY's words: from a message to a policy, and from a policy to extensions."""

from __future__ import annotations

from collections.abc import Iterable

from xfrmspec.interfaces.key_codec import SOCKADDR_SIZES
from xfrmspec.interfaces.key_message import (
    ANY_UPPER_PROTOCOL,
    MANUAL_REQID_MAX,
    AddressExtension,
    Extension,
    ExtensionType,
    IpsecRequest,
    KeyLevel,
    KeyMessage,
    KeyMode,
    LifetimeExtension,
    PolicyExtension,
    PolicyKind,
)
from xfrmspec.interfaces.key_refusal import KeyRefusal
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import (
    ENDPOINT_MODES,
    MAX_DEPTH,
    TEMPLATE_PROTOCOLS,
    Action,
    Direction,
    Limits,
    Mode,
    Policy,
    PolicyIdentity,
    PolicyType,
    Template,
    identity_of,
)
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import (
    ANY_PORT,
    UINT32_MAX,
    Family,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    family_of,
    unspecified,
)

MODES_READ = {
    KeyMode.ANY: Mode.TRANSPORT,
    KeyMode.TRANSPORT: Mode.TRANSPORT,
    KeyMode.TUNNEL: Mode.TUNNEL,
    KeyMode.BEET: Mode.BEET,
}
MODES_WRITTEN = {
    Mode.TRANSPORT: KeyMode.TRANSPORT,
    Mode.TUNNEL: KeyMode.TUNNEL,
    Mode.BEET: KeyMode.BEET,
}


@clause("XFRM-KEY-003")
def to_policy(
    message: KeyMessage, database: PolicyDatabase, last_reqid: int
) -> tuple[Policy | KeyRefusal, int]:
    """Return the policy that an SPDADD or SPDUPDATE asks for, and the last reqid that was made up.

    `last_reqid` is the kernel's generator, which moves on even when a later request is refused.
    Source: XFRM-KEY-003, -004; kernel pfkey_spdadd.
    """
    selector, asked = to_selector(message), message.policy
    if isinstance(selector, KeyRefusal):
        return selector, last_reqid
    if asked is None:
        return KeyRefusal.NO_POLICY, last_reqid
    if asked.kind > PolicyKind.IPSEC:
        return KeyRefusal.BAD_KIND, last_reqid
    direction = to_direction(asked.direction)
    if direction is None:
        return KeyRefusal.BAD_DIRECTION, last_reqid
    templates: tuple[Template, ...] | KeyRefusal = ()
    if asked.kind == PolicyKind.IPSEC:
        templates, last_reqid = to_templates(asked.requests, direction, selector.family, database, last_reqid)
    if isinstance(templates, KeyRefusal):
        return templates, last_reqid
    policy = Policy(
        selector,
        direction,
        action=Action.BLOCK if asked.kind == PolicyKind.DISCARD else Action.ALLOW,
        priority=asked.priority,
        templates=templates,
        limits=to_limits(message),
    )
    return policy, last_reqid


@clause("XFRM-KEY-003")
def to_selector(message: KeyMessage) -> Selector | KeyRefusal:
    """Return the selector of two address extensions; the protocol is that of the destination.

    A port of 0 is a wildcard and any other has the full mask; protocol 255 stands for any.
    """
    source = message.address(ExtensionType.ADDRESS_SRC)
    destination = message.address(ExtensionType.ADDRESS_DST)
    if source is None or destination is None or source.address.version != destination.address.version:
        return KeyRefusal.NO_ADDRESSES
    protocol = 0 if destination.protocol == ANY_UPPER_PROTOCOL else destination.protocol
    return Selector(
        Prefix(source.address, source.prefix_length),
        Prefix(destination.address, destination.prefix_length),
        protocol,
        _port(source),
        _port(destination),
        family=family_of(source.address),
    )


def _port(address: AddressExtension) -> PortMatch:
    return PortMatch.exactly(address.port) if address.port else ANY_PORT


def to_direction(number: int) -> Direction | None:
    """Return the direction for KAME's number: 1 in, 2 out, 3 forward; None for another."""
    return {1: Direction.IN, 2: Direction.OUT, 3: Direction.FWD}.get(number)


@clause("XFRM-KEY-003")
def to_limits(message: KeyMessage) -> Limits:
    """Return the limits of the hard and soft lifetime extensions; 0 octets or packets are no limit."""
    nothing = LifetimeExtension(ExtensionType.LIFETIME_HARD)
    hard = message.lifetime(ExtensionType.LIFETIME_HARD) or nothing
    soft = message.lifetime(ExtensionType.LIFETIME_SOFT) or nothing
    return Limits(
        soft.octets or None,
        hard.octets or None,
        soft.packets or None,
        hard.packets or None,
        soft.add_seconds,
        hard.add_seconds,
        soft.use_seconds,
        hard.use_seconds,
    )


@clause("XFRM-KEY-004")
def to_templates(
    requests: Iterable[IpsecRequest],
    direction: Direction,
    family: Family,
    database: PolicyDatabase,
    last_reqid: int,
) -> tuple[tuple[Template, ...] | KeyRefusal, int]:
    """Return the templates of a list of requests, and the last reqid made up; `family` is the policy's.

    The list is read from its start, so the first refusal counts. Source: kernel parse_ipsecrequests.
    """
    templates: list[Template] = []
    for request in requests:
        refusal = _request_refusal(request, len(templates), direction)
        if refusal is not None:
            return refusal, last_reqid
        reqid, last_reqid = _reqid(request, database, last_reqid)
        if request.mode == KeyMode.TUNNEL and request.endpoints is None:
            return KeyRefusal.NO_ENDPOINTS, last_reqid
        templates.append(_template(request, reqid, family))
    return tuple(templates), last_reqid


@clause("XFRM-KEY-004", "XFRM-KEY-002")
def _request_refusal(request: IpsecRequest, before: int, direction: Direction) -> KeyRefusal | None:
    if before >= MAX_DEPTH:
        return KeyRefusal.TOO_MANY_REQUESTS
    if request.mode == KeyMode.ANY:
        return KeyRefusal.BAD_REQUEST_MODE
    if request.protocol not in TEMPLATE_PROTOCOLS:
        return KeyRefusal.BAD_REQUEST_PROTOCOL
    if request.mode not in MODES_READ:
        return KeyRefusal.BAD_REQUEST_MODE
    has_ends = MODES_READ[KeyMode(request.mode)] in ENDPOINT_MODES
    if request.level == KeyLevel.USE and has_ends and direction is Direction.OUT:
        return KeyRefusal.OPTIONAL_ENDPOINT_MODE
    return None


@clause("XFRM-KEY-004")
def _reqid(request: IpsecRequest, database: PolicyDatabase, last: int) -> tuple[int, int]:
    if request.level != KeyLevel.UNIQUE:
        return 0, last
    if 0 < request.reqid <= MANUAL_REQID_MAX:
        return request.reqid, last
    made_up = next_reqid(database, last)
    return made_up, made_up


@clause("XFRM-KEY-004")
def next_reqid(database: PolicyDatabase, last: int) -> int:
    """Return the reqid after the last one that no MAIN policy's template has; 0 is never made up.

    Source: kernel gen_reqid.
    """
    mains = (entry.policy for entry in database if entry.policy.type is PolicyType.MAIN)
    taken = {template.reqid for policy in mains for template in policy.templates}
    candidate = last + 1
    while candidate in taken or candidate > UINT32_MAX:
        candidate = MANUAL_REQID_MAX + 1 if candidate > UINT32_MAX else candidate + 1
    return candidate


@clause("XFRM-KEY-004")
def _template(request: IpsecRequest, reqid: int, family: Family) -> Template:
    mode = MODES_READ[KeyMode(request.mode)]
    ends = request.endpoints if mode is Mode.TUNNEL else None
    source, destination = ends or (unspecified(family), unspecified(family))
    return Template(
        Protocol(request.protocol),
        mode,
        source,
        destination,
        reqid=reqid,
        optional=request.level == KeyLevel.USE,
        family=family_of(source),
    )


def to_identity(message: KeyMessage) -> PolicyIdentity | KeyRefusal:
    """Return the identity that an SPDDELETE names; mark and if_id are always 0."""
    selector, asked = to_selector(message), message.policy
    if isinstance(selector, KeyRefusal):
        return selector
    if asked is None:
        return KeyRefusal.NO_POLICY
    direction = to_direction(asked.direction)
    if direction is None:
        return KeyRefusal.BAD_DIRECTION
    return identity_of(Policy(selector, direction))


@clause("XFRM-KEY-003", "XFRM-KEY-005")
def from_policy(
    policy: Policy, added: int = 0, used: int | None = None
) -> tuple[Extension, ...] | KeyRefusal:
    """Return the extensions that describe a stored policy; what PF_KEY has no words for is left out.

    Mark, if_id, interface, user, flags, port masks, SPIs, algorithm sets and the ends of BEET are left out;
    a template of mode RO or IN_TRIGGER makes the policy undescribable. `added` and `used` are in seconds.
    Source: kernel pfkey_xfrm_policy2msg.
    """
    requests = []
    for template in policy.templates:
        request = _from_template(template)
        if request is None:
            return KeyRefusal.NOT_DESCRIBABLE
        requests.append(request)
    selector = policy.selector
    protocol = selector.protocol or ANY_UPPER_PROTOCOL
    ends = (
        (ExtensionType.ADDRESS_SRC, selector.source, selector.source_port),
        (ExtensionType.ADDRESS_DST, selector.destination, selector.destination_port),
    )
    return (
        *(AddressExtension(t, end.address, end.length, protocol, port.value) for t, end, port in ends),
        *from_limits(policy.limits),
        LifetimeExtension(ExtensionType.LIFETIME_CURRENT, 0, 0, added, used or 0),
        PolicyExtension(
            kind_of(policy), policy.direction + 1, policy.index, policy.priority, tuple(requests)
        ),
    )


def kind_of(policy: Policy) -> PolicyKind:
    """Return how PF_KEY calls what a policy does."""
    if policy.action is Action.BLOCK:
        return PolicyKind.DISCARD
    return PolicyKind.IPSEC if policy.templates else PolicyKind.NONE


def from_limits(limits: Limits) -> tuple[LifetimeExtension, LifetimeExtension]:
    """Return the hard and the soft lifetime; packets are cut down to 32 bits."""
    hard_packets, soft_packets = (
        (count or 0) & UINT32_MAX for count in (limits.hard_packets, limits.soft_packets)
    )
    hard_times = limits.hard_add_seconds, limits.hard_use_seconds
    soft_times = limits.soft_add_seconds, limits.soft_use_seconds
    return (
        LifetimeExtension(ExtensionType.LIFETIME_HARD, hard_packets, limits.hard_bytes or 0, *hard_times),
        LifetimeExtension(ExtensionType.LIFETIME_SOFT, soft_packets, limits.soft_bytes or 0, *soft_times),
    )


@clause("XFRM-KEY-002")
def _from_template(template: Template) -> IpsecRequest | None:
    mode = MODES_WRITTEN.get(template.mode)
    if mode is None:
        return None
    level = KeyLevel.UNIQUE if template.reqid else KeyLevel.REQUIRE
    if template.optional:
        level = KeyLevel.USE
    ends = (template.source, template.destination) if mode is KeyMode.TUNNEL else None
    return IpsecRequest(template.protocol, mode, level, template.reqid, ends)


@clause("XFRM-IFACE-009")
def announced_octets(octets: bytes, policy: Policy, profile: Profile) -> int:
    """Return the length, in octets, that the header of an answer about a policy claims.

    `octets` is the right message. Source: XFRM-IFACE-009; kernel pfkey_xfrm_policy2msg.
    """
    if not profile.key_length_of_last_tunnel:
        return len(octets)
    taken_off, size = SOCKADDR_SIZES[policy.family], len(octets)
    for template in policy.templates:
        own = SOCKADDR_SIZES[template.family]
        if template.mode is Mode.TUNNEL:
            taken_off = own
        else:
            size += 2 * (own - taken_off)
    return size
