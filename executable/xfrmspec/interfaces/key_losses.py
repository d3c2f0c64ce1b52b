"""What PF_KEY cannot say of a policy that netlink can make."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from xfrmspec.interfaces.key_message import ANY_UPPER_PROTOCOL, MANUAL_REQID_MAX
from xfrmspec.interfaces.key_policy import MODES_WRITTEN
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import ANY_MARK, Action, Limits, Mode, Policy, PolicyFlag, PolicyType, Template
from xfrmspec_terms.selector import PORT_MASK_FULL, UINT32_MAX, Family, PortMatch


class Loss(Enum):
    """One thing of a stored policy that is lost, or altered, on its way through PF_KEY."""

    SUB = "type SUB"
    MARK = "a mark"
    IF_ID = "an if_id"
    FLAGS = "a flag"
    PORT_MASK = "a port that is neither a wildcard nor one port but 0"
    PROTOCOL = "upper-layer protocol 255, which means any there"
    INTERFACE = "an interface"
    USER = "a user"
    LIMITS = "a limit of 0, or a number of packets beyond 32 bits"
    BLOCKED_TEMPLATES = "templates of a policy that blocks"
    MODE = "a template of mode ro or in_trigger"
    SPI = "the SPI of a template"
    ENDPOINTS = "addresses or a family of a template that is no tunnel"
    ALGORITHMS = "a set of algorithms"
    OPTIONAL_REQID = "a reqid of an optional template"
    REQID = "a reqid that the kernel wants to make up itself"


@clause("XFRM-IFACE-004")
def losses(policy: Policy) -> tuple[Loss, ...]:
    """Return what of a stored policy PF_KEY cannot say, in the order of the enumeration.

    The index is the database's and no part of it, and neither is a security context.
    """
    found = set(_policy_losses(policy))
    for template in policy.templates:
        found.update(_template_losses(template, policy.family))
    return tuple(loss for loss in Loss if loss in found)


def _policy_losses(policy: Policy) -> Iterator[Loss]:
    selector = policy.selector
    ports = selector.source_port, selector.destination_port
    for loss, lost in (
        (Loss.SUB, policy.type is PolicyType.SUB),
        (Loss.MARK, policy.mark != ANY_MARK),
        (Loss.IF_ID, policy.if_id != 0),
        (Loss.FLAGS, policy.flags is not PolicyFlag.NONE),
        (Loss.PORT_MASK, not all(map(_is_plain, ports))),
        (Loss.PROTOCOL, selector.protocol == ANY_UPPER_PROTOCOL),
        (Loss.INTERFACE, selector.ifindex != 0),
        (Loss.USER, selector.user != 0),
        (Loss.LIMITS, not _fits(policy.limits)),
        (Loss.BLOCKED_TEMPLATES, policy.action is Action.BLOCK and bool(policy.templates)),
    ):
        if lost:
            yield loss


def _is_plain(port: PortMatch) -> bool:
    if port.mask == PORT_MASK_FULL:
        return port.value != 0
    return port.mask == port.value == 0


def _fits(limits: Limits) -> bool:
    packets = limits.soft_packets, limits.hard_packets
    octets = limits.soft_bytes, limits.hard_bytes
    return all(n is None or 0 < n <= UINT32_MAX for n in packets) and 0 not in octets


def _template_losses(template: Template, family: Family) -> Iterator[Loss]:
    named = int(template.source) or int(template.destination) or template.family is not family
    masks = template.encryption_mask, template.authentication_mask, template.compression_mask
    for loss, lost in (
        (Loss.MODE, template.mode not in MODES_WRITTEN),
        (Loss.SPI, template.spi != 0),
        (Loss.ENDPOINTS, template.mode is not Mode.TUNNEL and bool(named)),
        (Loss.ALGORITHMS, set(masks) != {UINT32_MAX}),
        (Loss.OPTIONAL_REQID, template.optional and template.reqid != 0),
        (Loss.REQID, not template.optional and template.reqid > MANUAL_REQID_MAX),
    ):
        if lost:
            yield loss
