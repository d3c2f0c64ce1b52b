"""Theorems about Figure 6 of the paper as printed, and about recipes without IPsec."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xfrmspec.mipv6.recipes import recipe as executable
from xfrmspec.mipv6.recipes.counting import policies_of_registration
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec_model.folding import Truth, all_of, implies, less, negate, same
from xfrmspec_model.recipe_figure import (
    Figure,
    FigurePolicy,
    Recipe,
    number_of_policies,
    policies_at_the_end,
    promised_number,
)
from xfrmspec_model.recipe_policies import UPDATE, Ends
from xfrmspec_model.selectors import FlowTerm
from xfrmspec_model.smt import Model
from xfrmspec_proofs.facts import flow_facts
from xfrmspec_proofs.recipe_runs import (
    AGENT,
    HA,
    HOME,
    MN,
    Standing,
    kept,
    lived,
    mobile,
    settings_of,
    starts,
)
from xfrmspec_proofs.recipe_scenes import (
    is_message,
    matching,
    some_flow,
    unknown_ends,
    with_recipes,
)
from xfrmspec_proofs.theorem import Claim, Scene, Witness, theorem
from xfrmspec_proofs.witness import read_flow
from xfrmspec_terms.daemon import Role, StageKind
from xfrmspec_terms.policy import Direction, Policy, PolicyType
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Flow, Protocol

_PAPERS = (Recipe.PAPER, Recipe.PAPER_CORRECTED)
_PLACES = ((MN, Direction.OUT), (HA, Direction.IN))
_PROFILE = (CLEAN,)
"""What recipes ask for depends on no profile."""


def _ends_of_figure(scene: Scene) -> Ends:
    """Declare home address and home agent, which are two."""
    return unknown_ends(scene, MN)


def _registered(recipe: Recipe, role: Role, protection: Protection, profile: Profile) -> Standing:
    settings = settings_of(role, protection, keeps=False)
    stages = starts(settings)
    if role is MN:
        stages += [mobile(StageKind.REGISTERING), mobile(StageKind.REGISTERED)]
    else:
        stages += [kept(StageKind.BOUND, HA, AGENT)]
    return lived(executable.Recipe(recipe.value), settings, stages, profile)


def _is_protected(policy: Policy) -> bool:
    return any(template.protocol is Protocol.ESP for template in policy.templates)


@theorem(
    name="figure_6_as_printed_gives_updates_to_the_entries_for_data",
    statement="With IPsec, once a mobile node is registered by Figure 6 as printed, every binding update to "
    "its home agent meets, at both nodes, the entry for data as the strictly strongest match, which has no "
    "ESP template: it leaves and is taken without protection.",
    clauses=("XFRM-DAEMON-007", "XFRM-DAEMON-010", "XFRM-ATTACK-015"),
    mutants={
        "signalling_is_high_and_data_normal_in_print": with_recipes(figure_signalling=10, figure_data=20),
        "both_are_as_strong": with_recipes(figure_signalling=10, figure_data=10),
        "the_tunnel_is_stronger_than_either": with_recipes(figure_signalling=50, figure_data=40),
    },
    tried_in=_PROFILE,
)
def _order(scene: Scene) -> Sequence[Claim]:
    return [_order_claim(scene, *place) for place in _PLACES]


def _order_claim(scene: Scene, role: Role, direction: Direction) -> Claim:
    recipe = Recipe.PAPER
    ends = _ends_of_figure(scene)
    flow, exists, printable = some_flow(scene)
    policies = policies_at_the_end(recipe, role, True, scene.rules.recipes)
    here = [policy for policy in policies if policy.direction is direction]
    hypotheses = [
        *exists,
        *is_message(flow, ends.own, ends.agent, UPDATE),
        negate(same(ends.own, ends.agent)),
    ]
    (owner,) = (policy for policy in here if policy.option is True and policy.protection is False)

    def owns(policy: FigurePolicy) -> Truth:
        others = [other for other in here if other is not policy]
        alone = (
            implies(other.matches(flow, ends, scene.profile), less(policy.priority, other.priority))
            for other in others
        )
        return all_of((policy.matches(flow, ends, scene.profile), *alone))

    def meets(profile: Profile, packet: Flow) -> bool:
        standing = _registered(recipe, role, Protection.PAYLOAD, profile)
        found = matching(standing, packet, direction, PolicyType.MAIN)
        return (
            not _is_protected(found[0]) and _is_protected(found[1]) and found[0].priority < found[1].priority
        )

    return Claim(hypotheses, owns(owner), printable, _flow_witness(flow, recipe, role, meets))


def _flow_witness(
    flow: FlowTerm, recipe: Recipe, role: Role, holds: Callable[[Profile, Flow], bool]
) -> Callable[[Model], Witness]:
    def read(model: Model) -> Witness:
        packet = read_flow(model, flow)
        facts = {"recipe": recipe.value, "role": role.value, "flow": flow_facts(packet)}
        return Witness(facts, lambda profile: holds(profile, packet))

    return read


@theorem(
    name="the_recipes_of_the_paper_block_nothing_while_a_registration_is_pending",
    statement="While its registration is pending, a mobile node of either recipe of the paper has no "
    "outbound policy for a flow from its home address to anybody but its home agent: it leaves as it is.",
    clauses=("XFRM-DAEMON-005", "XFRM-DAEMON-010", "XFRM-DAEMON-011", "XFRM-DAEMON-038"),
    mutants={"they_block_what_has_the_home_address": with_recipes(paper_blocks=True)},
    tried_in=_PROFILE,
)
def _unblocked(scene: Scene) -> Sequence[Claim]:
    return [_unblocked_claim(scene, recipe) for recipe in _PAPERS]


def _unblocked_claim(scene: Scene, recipe: Recipe) -> Claim:
    ends = _ends_of_figure(scene)
    flow, exists, printable = some_flow(scene)
    figure = Figure(recipe is Recipe.PAPER_CORRECTED, True, scene.rules.recipes)
    out = [policy for policy in figure.first_at_mobile_node() if policy.direction is Direction.OUT]
    hypotheses = [*exists, same(flow.source, ends.own), negate(same(flow.destination, ends.agent))]
    conclusion = all_of(negate(policy.matches(flow, ends, scene.profile)) for policy in out)

    def free(profile: Profile, packet: Flow) -> bool:
        settings = settings_of(MN, Protection.PAYLOAD, keeps=False)
        stages = [*starts(settings), mobile(StageKind.REGISTERING)]
        standing = lived(executable.Recipe(recipe.value), settings, stages, profile)
        found = [matching(standing, packet, Direction.OUT, kind) for kind in PolicyType]
        return not any(found)

    return Claim(hypotheses, conclusion, printable, _flow_witness(flow, recipe, MN, free))


@theorem(
    name="without_ipsec_a_home_registration_takes_four_policies_or_fewer",
    statement="Without IPsec, when a home registration ends, a mobile node has exactly four policies in "
    "paper, paper_corrected and mip6d by the paper's way of counting, and its home agent four in "
    "paper_corrected, three in paper and two in mip6d.",
    clauses=("XFRM-DAEMON-009", "XFRM-DAEMON-010", "XFRM-DAEMON-014", "XFRM-DAEMON-017"),
    mutants={"what_has_no_template_counts_too": with_recipes(counts_bare=True)},
    tried_in=_PROFILE,
)
def _few(scene: Scene) -> Sequence[Claim]:
    return [_count_claim(scene, recipe, role) for recipe in Recipe for role in (MN, HA)]


def _count_claim(scene: Scene, recipe: Recipe, role: Role) -> Claim:
    rules = scene.rules.recipes
    count = number_of_policies(policies_at_the_end(recipe, role, False, rules), rules)

    def read(_: Model) -> Witness:
        def holds(profile: Profile) -> bool:
            standing = _registered(recipe, role, Protection.NONE, profile)
            return policies_of_registration(standing.policies, HOME, AGENT) == promised_number(recipe, role)

        return Witness({"recipe": recipe.value, "role": role.value}, holds)

    return Claim([], same(count, promised_number(recipe, role)), [], read)
