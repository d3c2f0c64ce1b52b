"""In which order templates are applied and checked: the table of classes, and one packet per profile."""

from __future__ import annotations

from xfrmspec.wire.insertion import insert
from xfrmspec.xfrm.template_check import walk_template
from xfrmspec.xfrm.templates import instantiable, merge_states, merge_templates, state_class, template_class
from xfrmspec_diagrams.ir import Cluster, Edge, Graph, Label, Line, Node, Table, Tone
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.packet import ChainElement, Header, header_name
from xfrmspec_terms.policy import TEMPLATE_PROTOCOLS, Mode, Template
from xfrmspec_terms.profile import PROFILES, Profile
from xfrmspec_terms.selector import Family, Protocol, unspecified

_NAMES = {
    Protocol.AH: "AH",
    Protocol.ESP: "ESP",
    Protocol.IPCOMP: "IPComp",
    Protocol.ROUTING: "RT2",
    Protocol.DESTINATION_OPTIONS: "HAO",
}

_PROTOCOLS = tuple(sorted(TEMPLATE_PROTOCOLS, key=lambda protocol: _NAMES[protocol]))

_SUB = (Template(Protocol.DESTINATION_OPTIONS, Mode.RO), Template(Protocol.ROUTING, Mode.RO))
_MAIN = (
    Template(Protocol.AH, Mode.TRANSPORT),
    Template(Protocol.ESP, Mode.TRANSPORT),
    Template(Protocol.ESP, Mode.TUNNEL),
)


def template_classes() -> Table:
    """Draw the sort classes of every protocol and mode. Source: XFRM-SORT-002, -003, -005, XFRM-TMPL-006."""
    names, profiles = _sorting_profiles()
    rows = tuple(
        _class_row(mode, protocols, profiles) for mode in Mode for protocols in _alike(mode, profiles)
    )
    return Table(
        "Sort classes of states and templates",
        ("Mode", "Protocol", "Output", *(f"Input on {name}" for name in names)),
        rows,
        (
            "A smaller class is applied earlier and stands further inside (XFRM-SORT-002, XFRM-SORT-003); "
            "numbers of one column are compared with each other only.",
            "Classes sort the pair of a SUB and a MAIN policy for IPv6, and nothing else (XFRM-SORT-001). "
            "Where a profile expects AH elsewhere, that is XFRM-SORT-005.",
            "In parentheses: no state can have this protocol and mode (XFRM-TMPL-006).",
        ),
    )


def template_order(profile: Profile) -> Graph:
    """Draw one packet from its templates to the wire and through the check of a peer with mirrored policies.

    Source: XFRM-TMPL-009, XFRM-SORT-001..005, XFRM-WIRE-004, XFRM-CHECK-006.
    """
    groups = (_SUB, _MAIN) if profile.sub_policies else ((*_SUB, *_MAIN),)
    origins = _origins(groups, profile)
    sent = merge_states([[_state(template) for template in group] for group in groups], Family.INET6)
    sending, wire = _sending(sent, origins, profile)
    path = _sec_path(wire, sent)
    receiving = _receiving(groups, path, origins, profile)
    bridge = Edge(sending.nodes[-1].key, receiving.nodes[0].key, (Label("over the wire", "XFRM-WIRE-004"),))
    return Graph(
        f"Order of templates, profile {profile.name}",
        (*sending.nodes, *receiving.nodes),
        (*sending.edges, bridge, *receiving.edges),
        (
            Cluster("Sender", tuple(node.key for node in sending.nodes)),
            Cluster("Receiver", tuple(node.key for node in receiving.nodes)),
        ),
        _notes(profile),
    )


def _sorting_profiles() -> tuple[tuple[str, ...], tuple[Profile, ...]]:
    """Return the input columns: names of the profiles that sort alike, and one profile of each kind."""
    kinds: dict[tuple[int, ...], list[Profile]] = {}
    for _, profile in sorted(PROFILES.items()):
        if profile.sub_policies:
            classes = tuple(template_class(p, mode, profile) for mode in Mode for p in _PROTOCOLS)
            kinds.setdefault(classes, []).append(profile)
    names = tuple(", ".join(profile.name for profile in alike) for alike in kinds.values())
    return names, tuple(alike[0] for alike in kinds.values())


def _classes(protocol: Protocol, mode: Mode, profiles: tuple[Profile, ...]) -> tuple[int, ...]:
    inputs = (template_class(protocol, mode, profile) for profile in profiles)
    return (state_class(protocol, mode), *inputs)


def _alike(mode: Mode, profiles: tuple[Profile, ...]) -> tuple[tuple[Protocol, ...], ...]:
    """Return the protocols of a mode in groups of equal classes."""
    groups: dict[tuple[int, ...], list[Protocol]] = {}
    for protocol in _PROTOCOLS:
        groups.setdefault(_classes(protocol, mode, profiles), []).append(protocol)
    return tuple(tuple(group) for group in groups.values())


def _class_row(mode: Mode, protocols: tuple[Protocol, ...], profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    names = [_NAMES[p] if instantiable(p, mode) else f"({_NAMES[p]})" for p in protocols]
    numbers = (str(number) for number in _classes(protocols[0], mode, profiles))
    return (mode.name.lower(), " ".join(names), *numbers)


def _origins(groups: tuple[tuple[Template, ...], ...], profile: Profile) -> dict[tuple[Protocol, Mode], str]:
    """Return where each transformation stands: database and place, counted from 1."""
    names = ("SUB", "MAIN") if profile.sub_policies else ("policy",)
    return {
        (template.protocol, template.mode): f"{name} {place}"
        for name, group in zip(names, groups, strict=True)
        for place, template in enumerate(group, 1)
    }


def _state(template: Template) -> SecurityAssociation:
    anywhere = unspecified(Family.INET6)
    return SecurityAssociation(anywhere, anywhere, template.protocol, template.mode)


def _title(protocol: Protocol, mode: Mode) -> str:
    return f"{_NAMES[protocol]} {mode.name.lower()}"


def _chain_text(chain: tuple[ChainElement, ...]) -> str:
    return " \N{MIDDLE DOT} ".join(("IP", *(header_name(element) for element in chain)))


def _sending(
    states: tuple[SecurityAssociation, ...], origins: dict[tuple[Protocol, Mode], str], profile: Profile
) -> tuple[Graph, tuple[ChainElement, ...]]:
    chain: tuple[ChainElement, ...] = (Header.UDP,)
    nodes = [Node("send 0", ("Packet of the sender", _chain_text(chain)), Tone.START)]
    edges = []
    for step, state in enumerate(states, 1):
        chain = insert(chain, state.protocol, state.mode)
        origin = origins[state.protocol, state.mode]
        tone = Tone.SUB if origin.startswith("SUB") else Tone.MAIN
        nodes.append(Node(f"send {step}", (_title(state.protocol, state.mode), _chain_text(chain)), tone))
        sorting = f"class {state_class(state.protocol, state.mode)}, " if profile.sub_policies else ""
        clause = "XFRM-SORT-002" if profile.sub_policies else "XFRM-TMPL-009"
        edges.append(Edge(f"send {step - 1}", f"send {step}", (Label(f"{sorting}{origin}", clause),)))
    return Graph("sender", tuple(nodes), tuple(edges)), chain


def _sec_path(
    wire: tuple[ChainElement, ...], states: tuple[SecurityAssociation, ...]
) -> tuple[SecurityAssociation, ...]:
    """Return the states in the order in which a receiver meets their headers.

    States of one protocol nest, so of two equal headers the outer one belongs to the state applied later.
    """
    waiting = list(reversed(states))
    path = []
    for element in wire:
        found = next((state for state in waiting if _NAMES[state.protocol] == header_name(element)), None)
        if found is not None:
            waiting.remove(found)
            path.append(found)
    return tuple(path)


def _receiving(
    groups: tuple[tuple[Template, ...], ...],
    path: tuple[SecurityAssociation, ...],
    origins: dict[tuple[Protocol, Mode], str],
    profile: Profile,
) -> Graph:
    """Walk the sorted templates from the last to the first, until one is not met."""
    templates = merge_templates(groups, Family.INET6, profile)
    names = ", ".join(_title(state.protocol, state.mode) for state in path)
    nodes = [Node("check 0", ("sec_path", names), Tone.START)]
    edges = []
    start: int | None = 0
    for step, template in enumerate(reversed(templates), 1):
        walk = walk_template(template, path, start or 0, 0, 0)
        start = walk.start
        title = f"{_title(template.protocol, template.mode)} expected"
        found = "dropped: XfrmInTmplMismatch" if start is None else f"met by entry {start}"
        nodes.append(Node(f"check {step}", (title, found), Tone.BAD if start is None else Tone.GOOD))
        label = Label(_input_words(template, origins, profile), _input_clause(template, profile))
        line = Line.STRONG if start is None else Line.PLAIN
        edges.append(Edge(f"check {step - 1}", f"check {step}", (label,), line))
        if start is None:
            break
    else:
        nodes.append(Node("accepted", ("accepted", "no entry is left over"), Tone.GOOD))
        edges.append(Edge(nodes[-2].key, "accepted", (Label("no template left", "XFRM-CHECK-009"),)))
    return Graph("receiver", tuple(nodes), tuple(edges))


def _input_words(template: Template, origins: dict[tuple[Protocol, Mode], str], profile: Profile) -> str:
    origin = origins[template.protocol, template.mode]
    if not profile.sub_policies:
        return origin
    return f"class {template_class(template.protocol, template.mode, profile)}, {origin}"


def _input_clause(template: Template, profile: Profile) -> str:
    if not profile.sub_policies:
        return "XFRM-CHECK-006"
    ah_transport = template.protocol is Protocol.AH and template.mode is Mode.TRANSPORT
    return "XFRM-SORT-005" if ah_transport else "XFRM-SORT-003"


def _notes(profile: Profile) -> tuple[str, ...]:
    if not profile.sub_policies:
        return (
            "One database: a single policy is never sorted (XFRM-TMPL-009), its author must know the order.",
        )
    stored = "SUB [HAO ro, RT2 ro] and MAIN [AH transport, ESP transport, ESP tunnel]"
    notes = [f"Stored: {stored}; the receiver has the same templates in mirrored policies."]
    if profile.ah_transport_sort_asymmetry:
        notes.append("Input puts AH transport among the other transport templates (XFRM-SORT-005).")
    return tuple(notes)
