"""Does a flow match a selector, and if not, which part of it said no."""

from __future__ import annotations

from enum import Enum

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Policy
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import ANY_PROTOCOL, Address, Family, Flow, Prefix, Selector


class Mismatch(Enum):
    """The first part of a policy or selector that a flow does not meet."""

    FAMILY = "address family"
    IF_ID = "if_id"
    MARK = "mark"
    SOURCE = "source prefix"
    DESTINATION = "destination prefix"
    PROTOCOL = "protocol"
    SOURCE_PORT = "source port slot"
    DESTINATION_PORT = "destination port slot"
    INTERFACE = "interface"


@clause("XFRM-SEL-001", "XFRM-SEL-002", "XFRM-SEL-003", "XFRM-SEL-004")
def selector_mismatch(selector: Selector, flow: Flow, profile: Profile) -> Mismatch | None:
    """Return the first part of a selector that rejects the flow, or None when it matches.

    Source: XFRM-SEL-001..004; kernel xfrm_selector_match.
    """
    if profile.selector_family_checked and selector.family not in (Family.UNSPEC, flow.family):
        return Mismatch.FAMILY
    if not _covers(selector.source, flow.source):
        return Mismatch.SOURCE
    if not _covers(selector.destination, flow.destination):
        return Mismatch.DESTINATION
    if selector.protocol not in (ANY_PROTOCOL, flow.protocol):
        return Mismatch.PROTOCOL
    if not selector.source_port.matches(flow.source_slot):
        return Mismatch.SOURCE_PORT
    if not selector.destination_port.matches(flow.destination_slot):
        return Mismatch.DESTINATION_PORT
    if selector.ifindex not in (0, flow.oif):
        return Mismatch.INTERFACE
    return None


@clause("XFRM-SEL-005", "XFRM-SEL-006", "XFRM-POL-001")
def policy_mismatch(policy: Policy, flow: Flow, profile: Profile) -> Mismatch | None:
    """Return the first part of a policy that rejects the flow, or None when it matches.

    Direction, type and liveness are the container's business. Source: kernel xfrm_policy_match.
    """
    if policy.family is not flow.family:
        return Mismatch.FAMILY
    if policy.if_id != flow.if_id:
        return Mismatch.IF_ID
    if not policy.mark.masked().matches(flow.mark):
        return Mismatch.MARK
    return selector_mismatch(policy.selector, flow, profile)


def _covers(prefix: Prefix, address: Address) -> bool:
    """Compare the first bits; a prefix of the other family is read as raw octets, padded with zeros."""
    if prefix.address.version == address.version:
        return prefix.contains(address)
    width = 32 if address.version == 4 else 128
    octets = prefix.address.packed.ljust(16, b"\0")[: width // 8]
    ignored = width - min(prefix.length, width)
    return (int.from_bytes(octets, "big") ^ int(address)) >> ignored == 0
