"""The recipe `clean`: the tunnel between mobile node and home agent, as a device and as policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.clean_entries import Priority
from xfrmspec.mipv6.recipes.entries import (
    BINDING_ACKNOWLEDGEMENT,
    BINDING_UPDATE,
    Traffic,
    inbound,
    mobility,
    outbound,
    tunnel,
)
from xfrmspec.mipv6.recipes.terms import (
    CloseTunnel,
    MoveTunnel,
    OpenTunnel,
    Protection,
    Settings,
    tunnel_reqid,
)
from xfrmspec.mipv6.recipes.work import Work
from xfrmspec.scenario.terms import Migrate
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import Direction, Policy, PolicyType, identity_of


@dataclass(frozen=True, slots=True)
class _Ends:
    """The two ends of a tunnel as one of its nodes sees them."""

    home: IPv6Address
    agent: IPv6Address
    role: Role


def to_home(home: IPv6Address) -> Traffic:
    """Return everything to a home address."""
    return Traffic(None, home)


@clause("XFRM-DAEMON-026")
def _tunnelled(settings: Settings, ends: _Ends) -> tuple[Policy, ...]:
    """Return the tunnel policies with the ends that associations have at home, OUT before IN before FWD."""
    match settings.protection:
        case Protection.TESTS:
            outwards, priority = mobility(ends.home, None), Priority.MOBILITY
        case Protection.PAYLOAD:
            outwards, priority = Traffic(ends.home, None), Priority.DATA
        case _:
            return ()
    reqid = tunnel_reqid(settings, ends.home)
    to_agent, to_mobile = tunnel(ends.home, ends.agent, reqid), tunnel(ends.agent, ends.home, reqid)
    main = PolicyType.MAIN
    if ends.role is Role.MOBILE_NODE:
        out = outbound(outwards, priority, to_agent, type_=main)
        return out, inbound(outwards.reverse, priority, to_mobile, type_=main)
    back = outbound(outwards.reverse, priority, to_mobile, type_=main)
    local = inbound(outwards, priority, to_agent, type_=main)
    return back, local, replace(local, direction=Direction.FWD)


@clause("XFRM-DAEMON-026")
def _beside(settings: Settings, ends: _Ends) -> tuple[Policy, ...]:
    """Return what lets binding updates and acknowledgements of correspondent nodes pass the tunnel by."""
    if settings.protection is not Protection.TESTS or ends.role is not Role.MOBILE_NODE:
        return ()
    main, priority = PolicyType.MAIN, Priority.PEER_SIGNALLING
    return (
        outbound(mobility(ends.home, None, BINDING_UPDATE), priority, type_=main),
        inbound(mobility(None, ends.home, BINDING_ACKNOWLEDGEMENT), priority, type_=main),
    )


@clause("XFRM-DAEMON-027", "XFRM-DAEMON-041")
def _move(work: Work, wanted: Policy, home: IPv6Address, care_of: IPv6Address) -> Work:
    """Move one tunnel policy, and the association it names, to a care-of address or home again."""
    identity = identity_of(wanted)
    stands = work.memory.policy(identity)
    if stands is None:
        raise ValueError("a tunnel policy moves only once it stands")
    (now,), (plan,) = stands.templates, wanted.templates
    source = care_of if plan.source == home else plan.source
    destination = care_of if plan.destination == home else plan.destination
    if (now.source, now.destination) == (source, destination):
        return work
    entry = Migration(now.source, now.destination, source, destination, now.protocol, now.mode, now.reqid)
    return work.do(Migrate(identity, (entry,)))


def _has_device(settings: Settings) -> bool:
    return settings.protection is not Protection.PAYLOAD


def open_from(
    work: Work, settings: Settings, home: IPv6Address, agent: IPv6Address, care_of: IPv6Address
) -> Work:
    """Set up the mobile node's tunnel from a care-of address, or move it there."""
    work = _device(work, settings, home, care_of, agent)
    return _policies(work, settings, _Ends(home, agent, Role.MOBILE_NODE), care_of)


def open_to(
    work: Work, settings: Settings, home: IPv6Address, agent: IPv6Address, care_of: IPv6Address
) -> Work:
    """Set up the home agent's tunnel to a care-of address, or move it there."""
    work = _device(work, settings, home, agent, care_of)
    return _policies(work, settings, _Ends(home, agent, Role.HOME_AGENT), care_of)


def _device(
    work: Work, settings: Settings, home: IPv6Address, local: IPv6Address, remote: IPv6Address
) -> Work:
    stands = work.memory.tunnel(home)
    if not _has_device(settings) or stands == OpenTunnel(home, local, remote):
        return work
    make = OpenTunnel if stands is None else MoveTunnel
    return work.do(make(home, local, remote))


def _policies(work: Work, settings: Settings, ends: _Ends, care_of: IPv6Address) -> Work:
    wanted = _tunnelled(settings, ends)
    missing = [policy for policy in wanted if work.memory.policy(identity_of(policy)) is None]
    work = work.put(*missing)
    for policy in wanted:
        work = _move(work, policy, ends.home, care_of)
    return work.put(*_beside(settings, ends))


def close(work: Work, settings: Settings, home: IPv6Address) -> Work:
    """Take the tunnel of a home address down: associations go home, policies and device go."""
    ends = _ends_of(settings, home)
    if ends is not None:
        wanted = _tunnelled(settings, ends)
        standing = [policy for policy in wanted if work.memory.policy(identity_of(policy)) is not None]
        for policy in standing:
            work = _move(work, policy, home, home)
        work = work.drop(*standing, *_beside(settings, ends))
    return work if work.memory.tunnel(home) is None else work.do(CloseTunnel(home))


def _ends_of(settings: Settings, home: IPv6Address) -> _Ends | None:
    if Role.MOBILE_NODE not in settings.roles:
        return _Ends(home, settings.address, Role.HOME_AGENT)
    if settings.home_agent is None:
        return None
    return _Ends(home, settings.home_agent, Role.MOBILE_NODE)
