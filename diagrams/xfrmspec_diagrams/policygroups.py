"""Policies that one box can stand for: the same selector, or, when space is short, the same shape."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from xfrmspec_terms.policy import Policy, Template
from xfrmspec_terms.selector import Selector

Labelled = tuple[Policy, str]


@dataclass(frozen=True, slots=True)
class Group:
    """Policies drawn as one box; `first` is the place of the first in search order, counted from 1.

    `alike` says that they differ in addresses or reqids and that the first stands for all.
    """

    first: int
    members: tuple[Labelled, ...]
    alike: bool = False

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies without their labels."""
        return tuple(policy for policy, _ in self.members)


def search_order(members: Sequence[Labelled]) -> list[Labelled]:
    """Sort by priority number, equal ones in the order given. Source: XFRM-LOOKUP-001."""
    return sorted(members, key=lambda member: member[0].priority)


def grouped(ordered: Sequence[Labelled], space: int) -> list[Group]:
    """Put policies of one selector together, and of one shape too if there would be more than `space` boxes.

    Grouped policies agree in priority, action and templates; two of one shape also agree in everything of
    their selectors but addresses, and in their templates but addresses and reqid.
    """
    same = _by(ordered, lambda policy: (policy.selector, policy.templates))
    if len(same) <= space:
        return same
    return _by(ordered, _shape)


def _by(ordered: Sequence[Labelled], key: Callable[[Policy], Hashable]) -> list[Group]:
    members: dict[Hashable, list[tuple[int, Labelled]]] = {}
    for place, member in enumerate(ordered, 1):
        policy = member[0]
        members.setdefault((policy.priority, policy.action, key(policy)), []).append((place, member))
    return [_group(entries) for entries in members.values()]


def _group(entries: Sequence[tuple[int, Labelled]]) -> Group:
    members = tuple(member for _, member in entries)
    alike = len({(policy.selector, policy.templates) for policy, _ in members}) > 1
    return Group(entries[0][0], members, alike)


def _shape(policy: Policy) -> Hashable:
    return _selector_shape(policy.selector), tuple(_template_shape(template) for template in policy.templates)


def _selector_shape(selector: Selector) -> Hashable:
    lengths = (selector.source.length, selector.destination.length, selector.family)
    return (*lengths, selector.protocol, selector.source_port, selector.destination_port, selector.ifindex)


def _template_shape(template: Template) -> Hashable:
    return template.protocol, template.mode, template.optional
