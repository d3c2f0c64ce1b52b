"""The model on concrete values: each definition folded down to a plain Python value, for comparisons.

Nothing here decides anything: every function hands plain values to a definition of another module and
returns what it folds to. No solver runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec_model import check, decoding, headers, matching, policies, selectors, templates
from xfrmspec_model.entries import Entry, plain_database
from xfrmspec_model.folding import Number, Truth
from xfrmspec_model.pairs import COUNTER_OF_INPUT, Verdict
from xfrmspec_model.rules import RULES, Rules
from xfrmspec_model.selectors import FlowTerm, plain_flow, plain_selector
from xfrmspec_model.templates import plain_state, plain_template
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Counter
from xfrmspec_terms.packet import ChainElement
from xfrmspec_terms.policy import (
    CandidateList,
    DefaultAction,
    Direction,
    InstalledPolicy,
    Mode,
    PolicyType,
    Template,
)
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Family, Flow, Protocol, Selector


def plain_truth(value: Truth) -> bool:
    """Return a truth that has folded; TypeError for a formula."""
    if not isinstance(value, bool):
        raise TypeError(f"a definition did not fold on plain values: {value}")
    return value


def plain_number(value: Number) -> int:
    """Return a number that has folded; TypeError for a term."""
    if not isinstance(value, int):
        raise TypeError(f"a definition did not fold on plain values: {value}")
    return int(value)


def selector_matches(selector: Selector, flow: Flow, profile: Profile) -> bool:
    """Tell whether a selector matches a flow (`selectors.selector_matches`)."""
    return plain_truth(selectors.selector_matches(plain_selector(selector), plain_flow(flow), profile))


def has_well_formed_slots(flow: Flow) -> bool:
    """Tell whether a flow's slots can occur with its protocol (`selectors.well_formed_slots`)."""
    return plain_truth(selectors.well_formed_slots(plain_flow(flow)))


def candidate_list(selector: Selector, destination_bits: int, source_bits: int) -> CandidateList:
    """Return the list of a policy under thresholds in bits (`selectors.candidate_list`)."""
    number = selectors.candidate_list(plain_selector(selector), destination_bits, source_bits)
    return CandidateList(plain_number(number))


def _remembering(rules: Rules) -> Rules:
    """Return rules that work out only once whether an entry matches; good for one flow."""
    known: dict[tuple[Number, Number, Number], Truth] = {}

    def matches(entry: Entry, flow: FlowTerm, direction: Number, kind: Number, profile: Profile) -> Truth:
        key = (entry.identity, direction, kind)
        if key not in known:
            known[key] = rules.policy_matches(entry, flow, direction, kind, profile)
        return known[key]

    return replace(rules, policy_matches=matches)


def winner(
    entries: Sequence[InstalledPolicy],
    flow: Flow,
    direction: Direction,
    policy_type: PolicyType,
    profile: Profile,
) -> int | None:
    """Return the index of the entry that a search finds, None for no match (`policies.Lookup.wins`).

    In each candidate list ranks must differ and follow priorities, as they do in every real database.
    """
    database = plain_database(entries)
    rules = _remembering(RULES)
    lookup = policies.Lookup(database, plain_flow(flow), int(direction), int(policy_type), profile, rules)
    return next((plain_number(entry.identity) for entry in database if plain_truth(lookup.wins(entry))), None)


def pair(
    entries: Sequence[InstalledPolicy], flow: Flow, direction: Direction, profile: Profile
) -> tuple[int | None, int | None, bool]:
    """Return the indexes of primary and completing policy, and whether they block (`policies.Pairing`)."""
    database = plain_database(entries)
    pairing = policies.pairing(database, plain_flow(flow), int(direction), profile, _remembering(RULES))
    primary = next((plain_number(e.identity) for e in database if plain_truth(pairing.is_primary(e))), None)
    secondary = next(
        (plain_number(e.identity) for e in database if plain_truth(pairing.is_secondary(e))), None
    )
    return primary, secondary, plain_truth(pairing.blocks())


def _order(classes: Sequence[Number]) -> list[int]:
    places = templates.sorted_places(classes)
    return [plain_number(templates.entry_at(places, wanted)) for wanted in range(len(classes))]


def sort_states(states: Sequence[tuple[Protocol, Mode]]) -> list[int]:
    """Return the indexes of a pair's merged states in the order of application (`templates.state_class`)."""
    return _order([templates.state_class(int(protocol), int(mode)) for protocol, mode in states])


def sort_templates(merged: Sequence[Template], profile: Profile) -> list[int]:
    """Return the indexes of a pair's merged templates in sorted order (`templates.template_class`).

    The list is checked from its end.
    """
    classes = [templates.template_class(int(t.protocol), int(t.mode), profile) for t in merged]
    return _order(classes)


def can_be_a_state(protocol: Protocol, mode: Mode) -> bool:
    """Tell whether a state of this protocol and mode can exist (`templates.instantiable`)."""
    return plain_truth(templates.instantiable(int(protocol), int(mode)))


def _policy_term(listed: Sequence[Template] | None, allows: bool) -> check.PolicyTerm | None:
    if listed is None:
        return None
    return check.PolicyTerm(allows, tuple(plain_template(template) for template in listed))


def _sec_path(sec_path: Sequence[SecurityAssociation]) -> matching.SecPathTerm:
    return check.sec_path_up_to_6([plain_state(state) for state in sec_path])


def inbound_judgement(
    sub: Sequence[Template] | None,
    main: Sequence[Template] | None,
    sec_path: Sequence[SecurityAssociation],
    profile: Profile,
    verified: int = 0,
    if_id: int = 0,
    *,
    sub_allows: bool = True,
    main_allows: bool = True,
    default_action: DefaultAction = DefaultAction.ACCEPT,
    family: Family = Family.INET6,
) -> tuple[Verdict, int, int | None]:
    """Return verdict, verified count afterwards, and index of the entry to report (`check.judged`).

    `sub` and `main` are the templates of the policies found, in stored order; None means that there is no
    such policy. `sec_path` lists states outermost first. State selectors are not looked at.
    """
    term = check.Check(
        sub=_policy_term(sub, sub_allows),
        main=_policy_term(main, main_allows),
        path=_sec_path(sec_path),
        verified=verified,
        if_id=if_id,
        profile=profile,
        sorts=family is Family.INET6,
        default_action=int(default_action),
    )
    judgement = check.judged(term)
    reported = plain_number(judgement.reported)
    nobody = reported == matching.NOWHERE
    return (
        Verdict(plain_number(judgement.verdict)),
        plain_number(judgement.verified),
        None if nobody else reported,
    )


def inbound_check(
    sub: Sequence[Template] | None,
    main: Sequence[Template] | None,
    sec_path: Sequence[SecurityAssociation],
    profile: Profile,
    verified: int = 0,
    if_id: int = 0,
    *,
    sub_allows: bool = True,
    main_allows: bool = True,
    default_action: DefaultAction = DefaultAction.ACCEPT,
    family: Family = Family.INET6,
) -> tuple[bool, Counter | None, int]:
    """Return whether a packet is accepted, the counter if not, and the verified count afterwards.

    Arguments are those of `inbound_judgement`. A packet that is dropped leaves the count as it was.
    """
    verdict, count, _ = inbound_judgement(
        sub,
        main,
        sec_path,
        profile,
        verified,
        if_id,
        sub_allows=sub_allows,
        main_allows=main_allows,
        default_action=default_action,
        family=family,
    )
    return verdict is Verdict.ACCEPT, COUNTER_OF_INPUT.get(verdict), count


def state_selectors(sec_path: Sequence[SecurityAssociation], flow: Flow, profile: Profile) -> bool:
    """Tell whether the selectors of all states in a sec_path match the flow (`check.states_fit`)."""
    return plain_truth(check.states_fit(_sec_path(sec_path), plain_flow(flow), profile))


def decode_flow_slots(
    payload: bytes, first_protocol: int, profile: Profile, processed: int | None = None
) -> tuple[int, int, int]:
    """Return protocol and (source, destination) slots of a received IPv6 packet (`decoding`).

    `payload` is what stands behind the IPv6 header, as octets of the wire; `first_protocol` is the next
    header number of the IPv6 header. `processed` counts the extension headers that the node has processed
    when the flow is decoded (None: all of them, as for local delivery). Octets behind the end of the payload
    read as 0. ValueError if an extension header is cut off.
    """
    chain = decoding.plain_chain(payload, first_protocol, processed)
    source, destination = decoding.slots_of_received(chain, profile)
    return plain_number(chain.upper.protocol), plain_number(source), plain_number(destination)


def insertion_index(chain: Sequence[ChainElement], protocol: Protocol) -> int:
    """Return the index in front of which a state of a protocol puts its header (`headers`).

    The chain begins behind the outermost IP header. KeyError for a protocol that no state has.
    """
    kinds: list[Number] = [int(headers.kind_of(element)) for element in chain]
    return plain_number(
        headers.insertion_index(kinds, headers.passes_for(headers.KIND_OF_PROTOCOL[protocol]))
    )


def header_chain(
    chain: Sequence[ChainElement], states: Sequence[tuple[Protocol, Mode]]
) -> list[headers.HeaderKind]:
    """Return the kinds of the headers after states, given in the order of application, have been applied.

    Kinds are listed outermost first, behind the outermost IP header. ValueError for mode beet, of which no
    clause says where its headers go.
    """
    kinds: tuple[Number, ...] = tuple(int(headers.kind_of(element)) for element in chain)
    for protocol, mode in states:
        kind = headers.KIND_OF_PROTOCOL[protocol]
        if mode is Mode.BEET:
            raise ValueError("no clause places the headers of mode beet")
        if mode is Mode.TUNNEL:
            kinds = headers.tunnelled(kinds, kind)
        else:
            kinds = headers.inserted(kinds, headers.insertion_index(kinds, headers.passes_for(kind)), kind)
    return [headers.HeaderKind(plain_number(kind)) for kind in kinds]
