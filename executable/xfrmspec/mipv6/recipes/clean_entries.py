"""The order of the policies of `clean`, and entries that several of its parts share."""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.entries import BINDING_UPDATE, Traffic, inbound, mobility, outbound, transport
from xfrmspec.mipv6.recipes.terms import Settings
from xfrmspec.mipv6.recipes.work import Work
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Direction, Policy, PolicyIdentity, PolicyType, Template, identity_of
from xfrmspec_terms.selector import Protocol


@clause("XFRM-DAEMON-019", "XFRM-DAEMON-040")
class Priority(IntEnum):
    """The priorities of `clean`, the strongest first."""

    DISCOVERY = 10
    HOME_SIGNALLING = 20
    BLOCK = 30
    PEER_SIGNALLING = 40
    MOBILITY = 50
    DATA = 60
    TRIGGER = 70
    GENERAL = 80
    MISPLACED = 90


@clause("XFRM-DAEMON-023", "XFRM-DAEMON-043", "XFRM-WORLD-010")
def transport_pair(settings: Settings, there: IPv6Address) -> tuple[Policy, Policy]:
    """Return the MAIN policies that protect all mobility messages with another node, OUT first.

    On a mobile node without the defence POLICY_ORDER they come behind every other.
    """
    messages = mobility(settings.address, there)
    misplaced = Role.MOBILE_NODE in settings.roles and Defence.POLICY_ORDER not in settings.defences
    priority = Priority.MISPLACED if misplaced else Priority.HOME_SIGNALLING
    out = outbound(messages, priority, transport(), type_=PolicyType.MAIN)
    return out, inbound(messages.reverse, priority, transport(), type_=PolicyType.MAIN)


def data_identity(here: IPv6Address, peer: IPv6Address) -> PolicyIdentity:
    """Return the identity of the OUT policy for everything from here to a peer."""
    return identity_of(outbound(Traffic(here, peer), Priority.DATA))


@clause("XFRM-DAEMON-037")
def with_data(work: Work, here: IPv6Address, peer: IPv6Address, template: Template) -> Work:
    """Give the OUT policy for everything to a peer this template besides those it has; HAO stands first."""
    stands = work.memory.policy(data_identity(here, peer))
    others = () if stands is None else _others(stands, template.protocol)
    ordered = sorted((*others, template), key=lambda one: -one.protocol)
    return work.put(outbound(Traffic(here, peer), Priority.DATA, *ordered))


@clause("XFRM-DAEMON-037")
def without_data(work: Work, here: IPv6Address, peer: IPv6Address, protocol: Protocol) -> Work:
    """Take the template of this protocol from the OUT policy to a peer, and the policy if none is left.

    While the peer is tested the policy stays without templates, so that its traffic asks for no second test.
    """
    stands = work.memory.policy(data_identity(here, peer))
    if stands is None or not stands.templates:
        return work
    others = _others(stands, protocol)
    update = outbound(mobility(here, peer, BINDING_UPDATE), Priority.PEER_SIGNALLING)
    is_tested = protocol == Protocol.ROUTING and work.memory.policy(identity_of(update)) is not None
    if others or is_tested:
        return work.put(outbound(Traffic(here, peer), Priority.DATA, *others))
    return work.drop(stands)


def _others(policy: Policy, protocol: Protocol) -> tuple[Template, ...]:
    return tuple(template for template in policy.templates if template.protocol != protocol)


def peers_out(work: Work, here: IPv6Address) -> tuple[IPv6Address, ...]:
    """Return to which single addresses some OUT policy of the recipe leads from here, sorted."""
    found = {
        policy.selector.destination.address
        for policy in work.memory.policies
        if policy.direction is Direction.OUT
        and policy.type is PolicyType.SUB
        and policy.selector.source.address == here
        and policy.selector.destination.length > 0
    }
    return tuple(sorted(address for address in found if isinstance(address, IPv6Address)))
