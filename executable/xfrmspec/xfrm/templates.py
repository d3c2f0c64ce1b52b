"""Templates: how many are usable, in which order states are applied and templates are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Mode, Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Family, Protocol

_Item = TypeVar("_Item")


@clause("XFRM-SORT-002")
def state_class(protocol: int, mode: Mode) -> int:
    """Return the output sort class of a state, 1 (applied first, innermost) to 4.

    Source: XFRM-SORT-002; kernel __xfrm6_state_sort_cmp.
    """
    if mode is Mode.TRANSPORT:
        return 3 if protocol == Protocol.AH else 1
    if mode in (Mode.RO, Mode.IN_TRIGGER):
        return 2
    return 4


@clause("XFRM-SORT-003", "XFRM-SORT-005")
def template_class(protocol: int, mode: Mode, profile: Profile) -> int:
    """Return the input sort class of a template; the largest class meets the outermost header.

    The clean rule follows the wire: AH is outside other transport headers and inside route optimisation.
    Source: XFRM-SORT-003, -005; kernel __xfrm6_tmpl_sort_cmp.
    """
    own_class_for_ah = 0 if profile.ah_transport_sort_asymmetry else 1
    if mode is Mode.TRANSPORT:
        return 1 + own_class_for_ah if protocol == Protocol.AH else 1
    return (2 if mode in (Mode.RO, Mode.IN_TRIGGER) else 3) + own_class_for_ah


@clause("XFRM-SORT-001", "XFRM-SORT-004", "XFRM-SORT-007")
def sort_by_class(items: Sequence[_Item], classes: Sequence[int]) -> tuple[_Item, ...]:
    """Sort items stably by class: equals keep their order, SUB's before MAIN's.

    Source: XFRM-SORT-001; kernel __xfrm6_sort.
    """
    order = sorted(range(len(items)), key=lambda index: classes[index])
    return tuple(items[index] for index in order)


@clause("XFRM-TMPL-009", "XFRM-SORT-001")
def merge_states(
    groups: Sequence[Sequence[SecurityAssociation]], family: Family
) -> tuple[SecurityAssociation, ...]:
    """Return the states of one or two policies in application order, innermost first.

    Only two policies, and only IPv6, are sorted; one policy keeps its own order.
    Source: XFRM-TMPL-009; kernel xfrm_tmpl_resolve.
    """
    states = tuple(state for group in groups for state in group)
    if len(groups) < 2 or family is not Family.INET6:
        return states
    return sort_by_class(states, [state_class(state.protocol, state.mode) for state in states])


@clause("XFRM-CHECK-006", "XFRM-SORT-001")
def merge_templates(
    groups: Sequence[Sequence[Template]], family: Family, profile: Profile
) -> tuple[Template, ...]:
    """Return the templates of one or two policies in list order; the check walks it from the end.

    Source: XFRM-CHECK-006; kernel xfrm_tmpl_sort.
    """
    templates = tuple(template for group in groups for template in group)
    if len(groups) < 2 or family is not Family.INET6:
        return templates
    classes = [template_class(template.protocol, template.mode, profile) for template in templates]
    return sort_by_class(templates, classes)


@clause("XFRM-TMPL-004")
def exceeds_usable(already: int, declared: int, profile: Profile) -> bool:
    """Tell whether a policy's declared templates on top of `already` are more than the kernel can use.

    Source: XFRM-TMPL-004; kernel xfrm_tmpl_resolve, __xfrm_policy_check.
    """
    return already + declared > profile.usable_templates


@clause("XFRM-TMPL-006")
def instantiable(protocol: int, mode: Mode) -> bool:
    """Tell whether a state of this protocol and mode can exist (IPv6, netlink).

    Source: XFRM-TMPL-006; kernel verify_newsa_info, xfrm_init_state.
    """
    if protocol == Protocol.ESP:
        return mode is not Mode.IN_TRIGGER
    if protocol == Protocol.AH:
        return mode in (Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)
    if protocol == Protocol.IPCOMP:
        return mode in (Mode.TRANSPORT, Mode.TUNNEL)
    return protocol in (Protocol.ROUTING, Protocol.DESTINATION_OPTIONS) and mode is Mode.RO
