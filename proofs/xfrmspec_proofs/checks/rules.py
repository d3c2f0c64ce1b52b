"""The closed list of things the checks look for."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_proofs.checks.findings import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding: its stable id, title, gravest severity, explanation and clauses."""

    id: str
    title: str
    severity: Severity
    explanation: str
    clauses: tuple[str, ...]


UNDECIDED_TIE = Rule(
    "undecided-tie",
    "Two policies of equal priority disagree about a flow",
    Severity.ERROR,
    "Both match, nothing stronger does, and they want different things. Who wins hangs on the order of "
    "insertion or on the list a policy is kept in, which daemons do not control.",
    ("XFRM-LOOKUP-005", "XFRM-LOOKUP-006", "XFRM-LOOKUP-007", "XFRM-LOOKUP-011"),
)
SHADOWED_POLICY = Rule(
    "shadowed-policy",
    "No flow is left for a policy",
    Severity.WARNING,
    "Stronger policies of the same direction and type, one or several together, take every flow that it "
    "matches. A note when they all want the same as the policy itself.",
    ("XFRM-LOOKUP-001",),
)
SIGNALLING_CAPTURED = Rule(
    "signalling-captured",
    "A tunnel policy takes mobility signalling",
    Severity.ERROR,
    "A policy for the mobility header is meant to decide, but a tunnel policy that is as strong or "
    "stronger takes some of its messages, so that registration travels in the tunnel it should set up.",
    ("XFRM-LOOKUP-010",),
)
UNSATISFIABLE_TEMPLATE = Rule(
    "unsatisfiable-template",
    "No state can meet a template",
    Severity.ERROR,
    "The protocol and mode of the template cannot exist together in a state, or the states are listed and "
    "none of them fits. In-trigger templates exist to raise acquires and give a note.",
    ("XFRM-TMPL-006", "XFRM-FIND-001", "XFRM-CHECK-008", "XFRM-OUT-007"),
)
TOO_MANY_TEMPLATES = Rule(
    "too-many-templates",
    "More templates than the kernel can use",
    Severity.ERROR,
    "The templates of a policy, or of a SUB policy together with the MAIN policy of the same flow, exceed "
    "what a lookup accepts. Every such packet is dropped.",
    ("XFRM-TMPL-004", "XFRM-OUT-005"),
)
OPTIONAL_CLEARTEXT = Rule(
    "optional-cleartext",
    "Optional protection lets cleartext pass",
    Severity.WARNING,
    "Every ESP and AH template of the policy is optional: without a state packets leave unprotected, and "
    "received cleartext is accepted.",
    ("XFRM-TMPL-002", "XFRM-OUT-006", "XFRM-CHECK-013"),
)
BYPASS_INSIDE_PROTECTED = Rule(
    "bypass-inside-protected",
    "A bypass takes flows out of a protected range",
    Severity.WARNING,
    "A policy that allows without templates is stronger than a protecting policy of the same range. A note "
    "for neighbour discovery, mobility signalling and key exchange, which are usually meant to pass.",
    ("XFRM-LOOKUP-001", "XFRM-OUT-003"),
)
SUB_WITHOUT_MAIN = Rule(
    "sub-without-main",
    "Route optimisation without IPsec",
    Severity.NOTE,
    "A flow of a SUB policy meets no MAIN policy, so nothing asks for its protection. Usual where Mobile "
    "IPv6 runs without IPsec.",
    ("XFRM-PAIR-001", "XFRM-OUT-003"),
)
TUNNEL_IN_WITHOUT_FWD = Rule(
    "tunnel-in-without-fwd",
    "Tunnelled packets cannot be forwarded",
    Severity.WARNING,
    "An in policy with a tunnel has no fwd policy beside it. A packet that leaves the tunnel and is to be "
    "forwarded meets no policy and is dropped. A note when the selector names a single destination.",
    ("XFRM-CHECK-001", "XFRM-CHECK-004"),
)
ORDER_REFUSED_BY_PEER = Rule(
    "order-refused-by-peer",
    "A mirrored peer drops what is sent",
    Severity.ERROR,
    "The headers go out in an order that the same policies, read as inbound ones by the other end, do not "
    "accept.",
    ("XFRM-SORT-005", "XFRM-SORT-004", "XFRM-CHECK-010"),
)
FAMILY_LEFT_OPEN = Rule(
    "family-left-open",
    "A catch-all for IPv4 leaves IPv6 open",
    Severity.WARNING,
    "A policy blocks or protects all IPv4 traffic, and IPv6 traffic of the same direction meets no policy.",
    ("XFRM-SEL-004", "XFRM-DEFAULT-001"),
)
SELECTOR_MATCHES_NOTHING = Rule(
    "selector-matches-nothing",
    "No packet can match a selector",
    Severity.WARNING,
    "The selector wants a port or type in a slot that packets of its protocol always have at zero.",
    ("XFRM-SEL-002",),
)
DUPLICATE_IDENTITY = Rule(
    "duplicate-identity",
    "Two policies of one identity",
    Severity.NOTE,
    "A database holds one policy of an identity; the newer one of the text was left out of every check.",
    ("XFRM-DB-006", "XFRM-DB-007"),
)
MASKED_VALUES = Rule(
    "masked-values",
    "Hidden values leave flows undecided",
    Severity.NOTE,
    "Policies overlap and disagree, but the text hides what decides between them. Nothing is claimed.",
    ("XFRM-LOOKUP-001",),
)
QUIRK_PORTS = Rule(
    "profile-quirk-ports-behind-extension-header",
    "A port selector is evaded by an extension header",
    Severity.ERROR,
    "This kernel reads the ports of a received packet out of the extension header in front of them. A "
    "cleartext packet with one such header misses the policy that would stop it.",
    ("XFRM-FLOW-003",),
)
QUIRK_MOBILITY = Rule(
    "profile-quirk-mobility-type-inbound",
    "A mobility header type is not seen on input",
    Severity.WARNING,
    "This kernel does not find the type of a received mobility header, so the policy for that type does "
    "not decide and the packet fares differently.",
    ("XFRM-FLOW-002",),
)
QUIRK_FWD_PAIRING = Rule(
    "profile-quirk-fwd-pairing",
    "Forwarding is judged by an in policy",
    Severity.ERROR,
    "Beside a SUB fwd policy this kernel asks MAIN for direction in, so that MAIN fwd policies are passed "
    "over and in policies decide about forwarded packets.",
    ("XFRM-CHECK-002",),
)
QUIRK_EXACT_TIE = Rule(
    "profile-quirk-exact-tie",
    "An unrelated policy decides a tie",
    Severity.WARNING,
    "A hashed and an unhashed policy tie, and the unhashed one wins only as long as it is the first of its "
    "kind. Any unrelated policy before it turns the result round.",
    ("XFRM-LOOKUP-007",),
)
QUIRK_TEMPLATE_LIMIT = Rule(
    "profile-quirk-template-limit",
    "Storable templates that cannot be used",
    Severity.ERROR,
    "The kernel stores six templates but uses fewer; by the clean rules the packet would pass.",
    ("XFRM-TMPL-004",),
)

RULES = tuple(
    sorted(
        (
            UNDECIDED_TIE,
            SHADOWED_POLICY,
            SIGNALLING_CAPTURED,
            UNSATISFIABLE_TEMPLATE,
            TOO_MANY_TEMPLATES,
            OPTIONAL_CLEARTEXT,
            BYPASS_INSIDE_PROTECTED,
            SUB_WITHOUT_MAIN,
            TUNNEL_IN_WITHOUT_FWD,
            ORDER_REFUSED_BY_PEER,
            FAMILY_LEFT_OPEN,
            SELECTOR_MATCHES_NOTHING,
            DUPLICATE_IDENTITY,
            MASKED_VALUES,
            QUIRK_PORTS,
            QUIRK_MOBILITY,
            QUIRK_FWD_PAIRING,
            QUIRK_EXACT_TIE,
            QUIRK_TEMPLATE_LIMIT,
        ),
        key=lambda rule: rule.id,
    )
)
"""Every rule, by id."""
