"""The recipe clean in the model and in the reference: the same policies, and the same after every history."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Protection as Protected
from xfrmspec_model.evaluate import plain_number
from xfrmspec_model.recipe_bindings import AGENT_STAGES, SettingsTerm, StageTerm, agent_started
from xfrmspec_model.recipe_keys import Thing
from xfrmspec_model.recipe_policies import (
    PRIORITIES,
    Ends,
    Meaning,
    Pattern,
    Protection,
    Slot,
    patterns_of,
)
from xfrmspec_model.recipe_rules import RECIPE_RULES
from xfrmspec_model.recipe_tables import KEYS, Tables, begun, empty_tables
from xfrmspec_model.selectors import address_number, plain_selector
from xfrmspec_proofs.recipe_runs import (
    AGENT,
    CARE_OF,
    CN,
    HA,
    HOME,
    LAST,
    MN,
    NEXT,
    OTHER,
    PEER,
    Standing,
    full_life,
    kept,
    lived,
    settings_of,
    starts,
)
from xfrmspec_terms.association import StateFlag
from xfrmspec_terms.daemon import Role, StageKind
from xfrmspec_terms.policy import Direction, Mode, Policy
from xfrmspec_terms.profile import CLEAN
from xfrmspec_terms.selector import Protocol

_K = StageKind
_NODES = [(role, protection) for role in (MN, HA) for protection in Protected] + [(CN, Protected.NONE)]
_OWN = {MN: HOME, HA: AGENT, CN: PEER}
_PEERS = {MN: (PEER, OTHER), HA: (HOME, OTHER), CN: (HOME, OTHER)}
_BINDING = frozenset({Slot.BOUND_IN, Slot.BOUND_OUT})
Entry = tuple[object, ...]


def stored(policies: Iterable[Policy]) -> set[Entry]:
    """Policies by what the model says of them."""
    return {(p.direction, p.type, plain_selector(p.selector), p.priority) for p in policies}


def written(pattern: Pattern, ends: Ends) -> Entry:
    """A pattern in the same form."""
    return pattern.direction, pattern.type, pattern.selector(ends), PRIORITIES[pattern.meaning]


def ends_of(role: Role, peer: IPv6Address) -> Ends:
    return Ends(*(address_number(address) for address in (_OWN[role], AGENT, peer)))


def stands(role: Role, pattern: Pattern, protection: Protected, peer: IPv6Address, *, pending: bool) -> bool:
    """Whether a full life leaves the pattern for a peer."""
    if Protection[protection.name] not in pattern.protections:
        return False
    if pattern.slot is Slot.GATE:
        return (pattern.meaning is Meaning.BLOCK) is pending
    return not (role is MN and pattern.slot in _BINDING) or peer == OTHER


@pytest.mark.clause(
    "XFRM-DAEMON-019",
    "XFRM-DAEMON-021",
    "XFRM-DAEMON-022",
    "XFRM-DAEMON-023",
    "XFRM-DAEMON-026",
    "XFRM-DAEMON-028",
)
@pytest.mark.parametrize("pending", [False, True], ids=["open", "pending"])
@pytest.mark.parametrize(("role", "protection"), _NODES)
def test_the_model_lists_exactly_the_policies_that_the_recipe_makes(
    role: Role, protection: Protected, pending: bool
) -> None:
    node = settings_of(role, protection)
    standing = lived(Recipe.CLEAN, node, full_life(role, node, pending=pending), CLEAN)
    expected = {
        written(pattern, ends_of(role, peer))
        for peer in _PEERS[role]
        for pattern in patterns_of(role)
        if stands(role, pattern, protection, peer, pending=pending)
    }
    assert stored(standing.policies) == expected


def modelled(protection: Protected, stages: list[tuple[StageKind, IPv6Address]]) -> Tables:
    """What the model leaves at a home agent for HOME."""
    told = SettingsTerm(int(Protection[protection.name]))
    home = int(HOME)
    tables = agent_started(
        begun(_K.STARTED, empty_tables(home), RECIPE_RULES), StageTerm(home, 0), told
    ).tables
    for stage, care_of in stages:
        work = begun(stage, tables, RECIPE_RULES)
        tables = AGENT_STAGES[stage](work, StageTerm(home, int(care_of)), told).tables
    return tables


def found(standing: Standing) -> dict[Slot | Thing, int]:
    """What the reference holds for the same objects: addresses, and 1 for what only stands or does not."""
    held = standing.node.states.associations
    ends = ends_of(HA, HOME)
    there = stored(standing.policies)
    answer: dict[Slot | Thing, int] = {
        pattern.slot: int(written(pattern, ends) in there) for pattern in patterns_of(HA)
    }
    routes = {
        (state.protocol, bool(state.flags & StateFlag.WILDRECV)): int(state.care_of or 0)
        for state in held
        if state.mode is Mode.RO
    }
    answer[Thing.ANY_OPTION] = int((Protocol.DESTINATION_OPTIONS, True) in routes)
    answer[Thing.BOUND_OPTION] = routes.get((Protocol.DESTINATION_OPTIONS, False), 0)
    answer[Thing.BOUND_HEADER] = routes.get((Protocol.ROUTING, False), 0)
    device = standing.memory.tunnel(HOME)
    answer[Thing.DEVICE] = 0 if device is None else int(device.remote)
    answer[Thing.PROXY] = int(HOME in standing.memory.stands_in_for)
    tunnels = [state for state in held if state.mode is Mode.TUNNEL]
    answer[Thing.OUT_END] = next((int(s.destination) for s in tunnels if s.source == AGENT), int(HOME))
    answer[Thing.IN_END] = next((int(s.source) for s in tunnels if s.destination == AGENT), int(HOME))
    for thing, direction in (
        (Thing.OUT_TEMPLATE, Direction.OUT),
        (Thing.IN_TEMPLATE, Direction.IN),
        (Thing.FORWARD_TEMPLATE, Direction.FWD),
    ):
        answer[thing] = template_end(standing.policies, direction)
    return answer


def template_end(policies: Iterable[Policy], direction: Direction) -> int:
    """The mobile node's end in the tunnel template of a direction, 0 without one."""
    for policy in policies:
        for template in policy.templates:
            if policy.direction is direction and template.mode is Mode.TUNNEL:
                return int(template.destination if direction is Direction.OUT else template.source)
    return 0


@some.composite
def courses(draw: some.DrawFn) -> list[tuple[StageKind, IPv6Address]]:
    """Stages of one registration that a home agent may be told, in order."""
    stages: list[tuple[StageKind, IPv6Address]] = []
    bound = False
    for _ in range(draw(some.integers(1, 6))):
        kinds = [_K.REBOUND, _K.RELEASED, _K.PROBING] if bound else [_K.BOUND, _K.RELEASED, _K.PROBING]
        kind = draw(some.sampled_from(kinds))
        bound = kind in (_K.BOUND, _K.REBOUND) or (bound and kind is _K.PROBING)
        stages.append((kind, draw(some.sampled_from([CARE_OF, NEXT, LAST]))))
    return stages


@pytest.mark.clause("XFRM-DAEMON-027", "XFRM-DAEMON-034", "XFRM-DAEMON-036", "XFRM-DAEMON-041")
@settings(max_examples=60, deadline=None)
@given(protection=some.sampled_from(list(Protected)), stages=courses())
def test_the_model_leaves_at_a_home_agent_what_the_recipe_leaves(
    protection: Protected, stages: list[tuple[StageKind, IPv6Address]]
) -> None:
    node = settings_of(HA, protection)
    told = [kept(kind, HA, AGENT, HOME, care_of) for kind, care_of in stages]
    reference = found(lived(Recipe.CLEAN, node, [*starts(node), *told], CLEAN))
    tables = modelled(protection, stages)
    for key in KEYS:
        number = plain_number(tables[key])
        assert reference[key] == (number if isinstance(key, Thing) else int(number > 0)), key
