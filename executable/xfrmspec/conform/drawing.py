"""Values drawn from whole types, with no thought of what makes sense together."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address
from random import Random

from xfrmspec.scenario.choices import (
    BEHIND,
    LENGTHS,
    LOCAL,
    MARKS,
    MOBILITY_TYPES,
    PRIORITIES,
    REMOTE,
    UDP_PORTS,
)
from xfrmspec.scenario.terms import INNER_INDEX, LOOPBACK_INDEX, OUTER_INDEX
from xfrmspec_terms.policy import ENDPOINT_MODES, Action, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import ANY_PORT, PortMatch, Prefix, Protocol, Selector

TRANSFORMS = (
    Protocol.ESP,
    Protocol.AH,
    Protocol.IPCOMP,
    Protocol.ROUTING,
    Protocol.DESTINATION_OPTIONS,
)
ADDRESSES = (*LOCAL, *REMOTE, *BEHIND)
_PROTOCOLS = (0, 0, 6, 17, 33, 41, 43, 44, 47, 50, 58, 60, 132, 135, 136, 200, 255)
_MASKS = (0xFFFF, 0xFFFF, 0xFF00, 0x00FF, 1, 0x8000, 0)
_MODES, _TYPES, _ALL_PROTOCOLS = tuple(Mode), tuple(PolicyType), tuple(Protocol)
_INTERFACES = (0,) * 12 + (LOOPBACK_INDEX, OUTER_INDEX, INNER_INDEX, 99)


def any_prefix(random: Random, hosts: Sequence[IPv6Address] = ADDRESSES) -> Prefix:
    """Return a prefix of any usual length around any host, its host bits kept half of the time."""
    host, length = random.choice(hosts), random.choice(LENGTHS)
    if random.random() < 0.5:
        return Prefix(host, length)
    ignored = 128 - length
    return Prefix(IPv6Address(int(host) >> ignored << ignored), length)


def any_port_match(random: Random) -> PortMatch:
    """Return any match of a 16-bit slot, open half of the time."""
    if random.random() < 0.5:
        return ANY_PORT
    values = (*UDP_PORTS, *MOBILITY_TYPES, 129, random.randrange(1 << 16))
    return PortMatch(random.choice(values), random.choice(_MASKS))


def any_selector(random: Random) -> Selector:
    """Return any IPv6 selector; every third is open, so that something matches."""
    if random.random() < 0.3:
        return Selector.between("::/0", "::/0", random.choice(_PROTOCOLS))
    return Selector(
        any_prefix(random),
        any_prefix(random),
        random.choice(_PROTOCOLS),
        any_port_match(random),
        any_port_match(random),
        random.choice(_INTERFACES),
        random.choice((0, 0, 0, 1000)),
    )


def any_template(random: Random) -> Template:
    """Return any template: every protocol with every mode, whether or not a state of the pair can exist.

    Two in a hundred are of any protocol at all, which a policy may not ask for unless it transforms.

    A tunnel ends elsewhere, for one that ends at the node itself would come back in; and it names its source,
    for the choice of a source address is no rule of XFRM.
    """
    mode = random.choice(_MODES)
    ends = mode in ENDPOINT_MODES
    return Template(
        random.choice(TRANSFORMS if random.random() < 0.98 else _ALL_PROTOCOLS),
        mode,
        random.choice((*LOCAL, *REMOTE) if ends else (IPv6Address(0), *LOCAL, *REMOTE)),
        random.choice(REMOTE if ends else (IPv6Address(0), *REMOTE, *LOCAL)),
        random.choice((0, 0, 0, 0x1001, 0x1002)),
        random.choice((0, 0, 1, 2)),
        optional=random.random() < 0.3,
    )


def any_templates(random: Random, count: int) -> tuple[Template, ...]:
    """Return any templates, IPComp among them at most once: what is compressed does not shrink again."""
    drawn: list[Template] = []
    compressed = False
    for _ in range(count):
        template = any_template(random)
        if compressed and template.protocol is Protocol.IPCOMP:
            template = replace(template, protocol=Protocol.ESP)
        compressed = compressed or template.protocol is Protocol.IPCOMP
        drawn.append(template)
    return tuple(drawn)


def any_policy(random: Random, direction: Direction, templates: tuple[Template, ...] = ()) -> Policy:
    """Return any policy of a direction with the given templates."""
    return Policy(
        any_selector(random),
        direction,
        random.choice(_TYPES),
        random.choice((Action.ALLOW, Action.ALLOW, Action.BLOCK)),
        random.choice((*PRIORITIES, random.randrange(1 << 32))),
        templates,
        random.choice(MARKS),
        random.choice((0, 0, 0, 0, 0, 1)),
    )
