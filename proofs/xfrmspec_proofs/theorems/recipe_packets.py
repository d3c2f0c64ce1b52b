"""Theorems about packets between the ends of a binding of clean: what is taken, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.output import decide_output
from xfrmspec_model.check import accepts
from xfrmspec_model.folding import Truth, all_of, bits, less, negate, same
from xfrmspec_model.recipe_packets import (
    SIGNALLING,
    AddressesTerm,
    Traffic,
    judged_at_receiver,
    states_received,
)
from xfrmspec_model.smt import Model
from xfrmspec_model.templates import StateTerm, instantiable, unknown_state
from xfrmspec_proofs.facts import state_facts
from xfrmspec_proofs.recipe_runs import (
    AGENT,
    CARE_OF,
    CN,
    HA,
    HOME,
    MN,
    OTHER,
    PEER,
    Standing,
    kept,
    lived,
    mobile,
    settings_of,
    starts,
)
from xfrmspec_proofs.recipe_scenes import with_recipes
from xfrmspec_proofs.theorem import Claim, Mutation, Scene, Witness, theorem
from xfrmspec_proofs.witness import printable_state, read_state
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.daemon import Role, StageKind
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Flow, Protocol

_K = StageKind
_UPDATE, _ANSWER = 5, 6
_HAO, _RT2, _ESP = Protocol.DESTINATION_OPTIONS, Protocol.ROUTING, Protocol.ESP


def _standing(role: Role, protection: Protection, profile: Profile) -> Standing:
    """Return a node with a registration or binding of HOME at CARE_OF, and one of OTHER at a mobile node."""
    settings = settings_of(role, protection)
    stages = starts(settings)
    if role is MN:
        stages += [mobile(_K.REGISTERING), mobile(_K.REGISTERED)]
        stages += [mobile(kind, peer) for peer in (PEER, OTHER) for kind in (_K.TESTING, _K.OPTIMISED)]
        stages.append(kept(_K.BOUND, CN, HOME, OTHER))
    else:
        stages.append(kept(_K.BOUND, role, AGENT if role is HA else PEER))
    return lived(Recipe.CLEAN, settings, stages, profile)


def _message(source: IPv6Address, destination: IPv6Address, kind: int) -> Flow:
    return Flow(source, destination, Protocol.MOBILITY, kind)


def _udp(source: IPv6Address, destination: IPv6Address) -> Flow:
    return Flow(source, destination, Protocol.UDP, 4000, 5000)


_FLOWS: dict[Traffic, tuple[Role, Role, Flow]] = {
    Traffic.UPDATE: (MN, HA, _message(HOME, AGENT, _UPDATE)),
    Traffic.DELETION: (MN, HA, _message(HOME, AGENT, _UPDATE)),
    Traffic.ANSWER: (HA, MN, _message(AGENT, HOME, _ANSWER)),
    Traffic.DATA_TO_PEER: (MN, CN, _udp(HOME, PEER)),
    Traffic.DATA_TO_MOBILE_NODE: (CN, MN, _udp(PEER, HOME)),
    Traffic.BETWEEN_MOBILE_NODES: (MN, MN, _udp(HOME, OTHER)),
    Traffic.TUNNEL_TO_AGENT: (MN, HA, _udp(HOME, PEER)),
    Traffic.TUNNEL_TO_MOBILE_NODE: (HA, MN, _udp(PEER, HOME)),
}
"""Sender, receiver, and a flow of each traffic; between mobile nodes the receiver sees it the other way."""


def _held(
    standing: Standing, protocol: Protocol, mode: Mode, source: IPv6Address | None
) -> SecurityAssociation:
    """Return a state of a node: the receive-only one without a source."""
    for state in standing.node.states.associations:
        if (state.protocol, state.mode) != (protocol, mode):
            continue
        anybody = bool(state.flags & StateFlag.WILDRECV)
        if anybody if source is None else (state.source == source and not anybody):
            return state
    raise LookupError(f"no state {protocol.name} {mode.name} from {source}")


def _path(
    traffic: Traffic, sender: IPv6Address, receiver: Standing, protection: Protection
) -> list[SecurityAssociation]:
    """Return the receiver's states for a packet, outermost first."""
    secured = protection is not Protection.NONE
    esp = [_held(receiver, _ESP, Mode.TRANSPORT, sender)] if secured and traffic in SIGNALLING else []
    match traffic:
        case Traffic.UPDATE:
            return [_held(receiver, _HAO, Mode.RO, None), *esp]
        case Traffic.DELETION:
            return esp
        case Traffic.ANSWER | Traffic.DATA_TO_MOBILE_NODE:
            return [_held(receiver, _RT2, Mode.RO, None), *esp]
        case Traffic.DATA_TO_PEER:
            return [_held(receiver, _HAO, Mode.RO, HOME)]
        case Traffic.BETWEEN_MOBILE_NODES:
            return [_held(receiver, _RT2, Mode.RO, None), _held(receiver, _HAO, Mode.RO, OTHER)]
        case _:
            outer = CARE_OF if traffic is Traffic.TUNNEL_TO_AGENT else AGENT
            return [_held(receiver, _ESP, Mode.TUNNEL, outer)]


def _put_on(traffic: Traffic, protection: Protection) -> list[tuple[Protocol, Mode]]:
    """Return what the sender's policies put on, first applied first; the daemon adds an answer's header."""
    esp = [(_ESP, Mode.TRANSPORT)] if protection is not Protection.NONE and traffic in SIGNALLING else []
    return {
        Traffic.UPDATE: [*esp, (_HAO, Mode.RO)],
        Traffic.ANSWER: esp,
        Traffic.DATA_TO_PEER: [(_HAO, Mode.RO)],
        Traffic.DATA_TO_MOBILE_NODE: [(_RT2, Mode.RO)],
        Traffic.BETWEEN_MOBILE_NODES: [(_HAO, Mode.RO), (_RT2, Mode.RO)],
    }.get(traffic, [(_ESP, Mode.TUNNEL)])


def _passes(traffic: Traffic, protection: Protection, profile: Profile) -> bool:
    """Tell whether what one node sends has the expected headers and is taken by the other."""
    by, to, flow = _FLOWS[traffic]
    sender, receiver = (_standing(role, protection, profile) for role in (by, to))
    if traffic is Traffic.DELETION:
        back = _returning(protection, profile)
        put_on = [(_ESP, Mode.TRANSPORT)] if protection is not Protection.NONE else []
        sent = decide_output(back.node.view(), flow)
    else:
        put_on = _put_on(traffic, protection)
        sent = decide_output(sender.node.view(), flow)
    applied = [(Protocol(state.protocol), state.mode) for state in sent.applied]
    arriving = flow
    if traffic is Traffic.BETWEEN_MOBILE_NODES:
        arriving = replace(flow, source=flow.destination, destination=flow.source)
    path = _path(traffic, AGENT if by is HA else HOME, receiver, protection)
    return applied == put_on and decide_input(receiver.node.view(), arriving, path).accepted


def _returning(protection: Protection, profile: Profile) -> Standing:
    """Return a mobile node that is on its way home."""
    settings = settings_of(MN, protection)
    stages = [*starts(settings), mobile(_K.REGISTERING), mobile(_K.REGISTERED)]
    return lived(Recipe.CLEAN, settings, [*stages, mobile(_K.RETURNING, care_of=None)], profile)


def _addresses(scene: Scene) -> AddressesTerm:
    names = (("home", 128), ("care_of", 128), ("agent", 128), ("signalling", 32), ("tunnel", 32))
    return AddressesTerm(**{name: bits(scene.context, name, width) for name, width in names})


def _rules(**changes: object) -> Mutation:
    return lambda rules: replace(rules, **changes)  # type: ignore[arg-type]


_CASES = tuple(
    (traffic, protected)
    for traffic in Traffic
    for protected in ((False, True) if traffic in SIGNALLING else (True,))
)


def _protection_for(traffic: Traffic, *, protected: bool) -> Protection:
    if traffic in SIGNALLING:
        return Protection.SIGNALLING if protected else Protection.NONE
    tunnelled = traffic in (Traffic.TUNNEL_TO_AGENT, Traffic.TUNNEL_TO_MOBILE_NODE)
    return Protection.PAYLOAD if tunnelled else Protection.NONE


@theorem(
    name="what_one_end_of_a_binding_of_clean_sends_the_other_end_takes",
    statement="What the policies of clean at one end of a binding put on a packet passes the check at the "
    "other end, whatever the addresses: updates, deletions and acknowledgements with protection and without, "
    "data with the option, the routing header or both, and payload in the tunnel.",
    clauses=(
        "XFRM-DAEMON-021",
        "XFRM-DAEMON-022",
        "XFRM-DAEMON-023",
        "XFRM-DAEMON-026",
        "XFRM-DAEMON-034",
        "XFRM-DAEMON-035",
        "XFRM-DAEMON-037",
    ),
    mutants={
        "the_routing_header_is_asked_for_before_the_option": with_recipes(option_stands_first=False),
        "the_option_passes_only_where_it_is_asked_for_from_nobody": _rules(
            satisfies=lambda template, state, if_id: all_of(
                (same(template.source, 0), same(template.protocol, state.protocol))
            )
        ),
    },
)
def _taken(scene: Scene) -> Sequence[Claim]:
    return [_taken_claim(scene, *case) for case in _CASES]


def _taken_claim(scene: Scene, traffic: Traffic, protected: bool) -> Claim:
    at = _addresses(scene)
    path = states_received(traffic, at, protected=protected)[::-1]
    verdict = judged_at_receiver(traffic, at, path, scene.profile, scene.rules, protected=protected)
    protection = _protection_for(traffic, protected=protected)

    def read(_: Model) -> Witness:
        facts = {"traffic": traffic.value, "protection": protection.value}
        return Witness(facts, lambda profile: _passes(traffic, protection, profile))

    hypotheses = [negate(same(at.home, 0)), less(0, at.signalling), less(0, at.tunnel)]
    return Claim(hypotheses, accepts(verdict), [], read)


@theorem(
    name="no_signalling_of_clean_is_taken_without_its_association_up_to_three_states",
    statement="With protection, a home agent takes no binding update and a mobile node no acknowledgement of "
    "its home agent that was not protected by an ESP transport association with the reqid for signalling, "
    "whatever else was on the packet, up to three headers.",
    clauses=("XFRM-DAEMON-023", "XFRM-DAEMON-040"),
    mutants={
        "the_association_is_optional": with_recipes(signalling_is_required=False),
        "nothing_is_asked_of_a_packet": _rules(consumes_nothing=lambda template: True),
    },
)
def _unprotected(scene: Scene) -> Sequence[Claim]:
    return [_unprotected_claim(scene, traffic) for traffic in SIGNALLING]


_STRANGE = {Traffic.UPDATE: _HAO, Traffic.DELETION: _ESP, Traffic.ANSWER: _RT2}
"""What is on the packet of a witness instead: an ESP header under another reqid, or one that is no ESP."""


def _unprotected_claim(scene: Scene, traffic: Traffic) -> Claim:
    at = _addresses(scene)
    states = [unknown_state(scene.context, f"state{place}") for place in range(3)]
    path = states[:1] if scene.small else states
    verdict = judged_at_receiver(traffic, at, path, scene.profile, scene.rules, protected=True)
    hypotheses = [less(0, at.signalling), *(negate(_is_signalling(state, at)) for state in path)]
    hypotheses += [instantiable(state.protocol, state.mode) for state in path]
    instance = [*printable_state(path[0]), same(path[0].protocol, _STRANGE[traffic])]

    def read(model: Model) -> Witness:
        told = [read_state(model, state) for state in path]

        def refused(profile: Profile) -> bool:
            _, to, flow = _FLOWS[traffic]
            receiver = _standing(to, Protection.SIGNALLING, profile)
            return not decide_input(receiver.node.view(), flow, told).accepted

        return Witness({"traffic": traffic.value, "path": [state_facts(state) for state in told]}, refused)

    return Claim(hypotheses, negate(accepts(verdict)), instance, read)


def _is_signalling(state: StateTerm, at: AddressesTerm) -> Truth:
    parts = ((state.protocol, _ESP), (state.mode, Mode.TRANSPORT), (state.reqid, at.signalling))
    return all_of(same(*part) for part in parts)
