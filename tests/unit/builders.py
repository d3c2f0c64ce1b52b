"""Small builders of policies, templates, states and flows, with the addresses the unit tests share."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from xfrmspec.xfrm.associations import StateKey
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.lookup import best_match
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.policies import PolicyOutcome, add, update
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    ANY_MARK,
    NO_LIMITS,
    Action,
    Direction,
    Limits,
    Mark,
    Mode,
    Policy,
    PolicyFlag,
    PolicyType,
    Share,
    Template,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import (
    ANY_PORT,
    Address,
    Family,
    Flow,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    family_of,
)

ALL_PROFILES = (CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004)
PAIRING_PROFILES = (CLEAN, LINUX_6_1, LINUX_6_18)

LOCAL, REMOTE, OTHER = "2001:db8:1::1", "2001:db8:2::2", "2001:db8:9::9"
HOST_PAIR = (LOCAL, REMOTE)
ANYWHERE = "::/0"
IN, OUT, FWD = Direction.IN, Direction.OUT, Direction.FWD
MAIN, SUB = PolicyType.MAIN, PolicyType.SUB
ALLOW, BLOCK = Action.ALLOW, Action.BLOCK


def flow(
    source: str = LOCAL,
    destination: str = REMOTE,
    protocol: int = Protocol.UDP,
    source_slot: int = 1000,
    destination_slot: int = 5000,
    *,
    oif: int = 0,
    mark: int = 0,
    if_id: int = 0,
) -> Flow:
    """A UDP datagram from LOCAL to REMOTE unless told otherwise."""
    ends = ip_address(source), ip_address(destination)
    return Flow(*ends, protocol, source_slot, destination_slot, oif, mark, if_id)


def received(protocol: int = Protocol.UDP, source_slot: int = 1000, destination_slot: int = 5000) -> Flow:
    """The flow of a packet from REMOTE to LOCAL."""
    return flow(REMOTE, LOCAL, protocol, source_slot, destination_slot)


def selector(
    source: str = ANYWHERE,
    destination: str = ANYWHERE,
    protocol: int = 0,
    *,
    source_port: PortMatch = ANY_PORT,
    destination_port: PortMatch = ANY_PORT,
    ifindex: int = 0,
    user: int = 0,
    family: Family | None = None,
) -> Selector:
    """A selector between two prefixes; its family is that of the addresses unless given."""
    ends = Prefix.parse(source), Prefix.parse(destination)
    own = ends[0].family if family is None else family
    return Selector(*ends, protocol, source_port, destination_port, ifindex, user, own)


def policy(
    source: str = ANYWHERE,
    destination: str = ANYWHERE,
    protocol: int = 0,
    *,
    direction: Direction = OUT,
    type_: PolicyType = MAIN,
    action: Action = ALLOW,
    priority: int = 0,
    templates: tuple[Template, ...] = (),
    source_port: PortMatch = ANY_PORT,
    destination_port: PortMatch = ANY_PORT,
    ifindex: int = 0,
    user: int = 0,
    mark: Mark = ANY_MARK,
    if_id: int = 0,
    index: int = 0,
    flags: PolicyFlag = PolicyFlag.NONE,
    limits: Limits = NO_LIMITS,
    share: Share = Share.ANY,
    security_context: str = "",
) -> Policy:
    """An outbound MAIN policy that allows everything unless told otherwise."""
    whom = selector(
        source,
        destination,
        protocol,
        source_port=source_port,
        destination_port=destination_port,
        ifindex=ifindex,
        user=user,
    )
    return Policy(
        whom,
        direction,
        type_,
        action,
        priority,
        templates,
        mark,
        if_id,
        index,
        flags,
        limits,
        share,
        security_context,
    )


def template(
    protocol: Protocol = Protocol.ESP,
    mode: Mode = Mode.TRANSPORT,
    source: str = "::",
    destination: str = "::",
    *,
    reqid: int = 0,
    spi: int = 0,
    optional: bool = False,
    family: Family = Family.INET6,
) -> Template:
    """A required ESP transport template unless told otherwise."""
    ends = ip_address(source), ip_address(destination)
    return Template(protocol, mode, *ends, spi, reqid, optional, family)


ESP = template()
AH = template(Protocol.AH)
IPCOMP = template(Protocol.IPCOMP)
HAO = template(Protocol.DESTINATION_OPTIONS, Mode.RO)
RT2 = template(Protocol.ROUTING, Mode.RO)
TUNNEL = template(Protocol.ESP, Mode.TUNNEL, LOCAL, OTHER)


def state(
    protocol: Protocol = Protocol.ESP,
    mode: Mode = Mode.TRANSPORT,
    source: str = LOCAL,
    destination: str = REMOTE,
    *,
    spi: int = 0x100,
    reqid: int = 0,
    selector: Selector | None = None,
    mark: Mark = ANY_MARK,
    if_id: int = 0,
    flags: StateFlag = StateFlag.NONE,
    lifecycle: Lifecycle = Lifecycle.VALID,
    dying: bool = False,
    added: int = 0,
    authentication_bit: int = 0,
    internal: bool = False,
) -> SecurityAssociation:
    """A VALID ESP transport state from LOCAL to REMOTE unless told otherwise."""
    ends = ip_address(source), ip_address(destination)
    return SecurityAssociation(
        *ends,
        protocol,
        mode,
        spi=0 if mode is Mode.RO else spi,
        reqid=reqid,
        family=family_of(ends[0]),
        selector=selector,
        mark=mark,
        if_id=if_id,
        flags=flags,
        lifecycle=lifecycle,
        dying=dying,
        added=added,
        authentication_bit=authentication_bit,
        internal=internal,
    )


def state_of(
    template: Template, source: str = LOCAL, destination: str = REMOTE, *, spi: int = 0x100
) -> SecurityAssociation:
    """The state a template asks for, between its own ends in tunnel and beet mode."""
    if template.mode in (Mode.TUNNEL, Mode.BEET):
        source, destination = str(template.source), str(template.destination)
    return state(template.protocol, template.mode, source, destination, spi=spi, reqid=template.reqid)


def stored(outcome: PolicyOutcome) -> PolicyDatabase:
    """The database after an operation that must have succeeded."""
    assert outcome.errno is Errno.OK, outcome.refusal
    return outcome.database


def database(profile: Profile, *policies: Policy) -> PolicyDatabase:
    """A database into which the policies were added in this order."""
    built = PolicyDatabase(profile)
    for entry in policies:
        built = stored(add(built, entry))
    return built


def updated(built: PolicyDatabase, entry: Policy) -> PolicyDatabase:
    """The database after an update."""
    return stored(update(built, entry))


def tables(
    profile: Profile,
    *policies: Policy,
    states: tuple[SecurityAssociation, ...] = (),
    listeners: bool = True,
    larval_drop: bool = True,
) -> XfrmTables:
    """Tables with the policies added in this order and the states in search order."""
    return XfrmTables(database(profile, *policies), states, listeners=listeners, larval_drop=larval_drop)


def winner(built: PolicyDatabase, packet: Flow | None = None, direction: Direction = OUT) -> Policy:
    """The MAIN policy that owns a flow; there must be one."""
    found = best_match(built, packet or flow(), direction, MAIN)
    assert found is not None
    return found.policy


def key(
    packet: Flow | None = None,
    source: str = LOCAL,
    destination: str = REMOTE,
    *,
    mark: Mark = ANY_MARK,
    if_id: int = 0,
) -> StateKey:
    """What a search for a state between two addresses asks for."""
    ends: tuple[Address, Address] = (ip_address(source), ip_address(destination))
    return StateKey(*ends, packet or flow(), mark, if_id)


def optional(entry: Template) -> Template:
    """The same template, not required."""
    return replace(entry, optional=True)


def positions(built: PolicyDatabase) -> list[int]:
    """The position numbers of every entry, oldest object first."""
    return [entry.position for entry in built]


NET_LOCAL, NET_REMOTE = "2001:db8:1::/64", "2001:db8:2::/64"
EXACT_ALLOW = policy(LOCAL, REMOTE, priority=5, action=ALLOW)
INEXACT_BLOCK = policy(NET_LOCAL, NET_REMOTE, priority=5, action=BLOCK)
SIXTY_FOUR = Thresholds(local6=64, remote6=64)

_INWARD = (REMOTE, LOCAL)
ESP_SA, AH_SA, COMP_SA = (state(entry.protocol, Mode.TRANSPORT, *_INWARD) for entry in (ESP, AH, IPCOMP))
HAO_SA, RT2_SA = (state(entry.protocol, Mode.RO, *_INWARD) for entry in (HAO, RT2))
TUNNEL_IN = template(Protocol.ESP, Mode.TUNNEL, OTHER, LOCAL)
TUNNEL_SA = state(mode=Mode.TUNNEL, source=OTHER, destination=LOCAL)
