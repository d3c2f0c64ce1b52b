"""The rules of the state database on concrete values: each definition folded to a plain Python value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xfrmspec_model.associations import FiniteAssociations, plain_association
from xfrmspec_model.candidates import Search
from xfrmspec_model.evaluate import plain_number, plain_truth
from xfrmspec_model.finding import Finding
from xfrmspec_model.selectors import address_number, plain_flow
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Template
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Flow

Buckets = Sequence[tuple[bool, bool]]
"""For each state, whether it stands in the bucket searched first and in that of the unspecified source."""


def plain_search(
    template: Template, source: Address, destination: Address, flow: Flow, if_id: int, mark: int
) -> Search:
    """Return the search of a template between two addresses as a term."""
    return Search(
        plain_flow(flow),
        address_number(source),
        address_number(destination),
        int(template.protocol),
        int(template.family),
        int(template.mode),
        template.spi,
        template.reqid,
        if_id,
        mark,
    )


def found(
    states: Sequence[SecurityAssociation],
    search: Search,
    listeners: bool,
    profile: Profile,
    buckets: Buckets = (),
) -> tuple[set[int], Errno, bool]:
    """Return the indexes of states that may be found, the error, and whether managers are asked (`finding`).

    `buckets` are needed by profiles in which the hash table matters.
    """
    stands = buckets or [(False, False)] * len(states)
    entries = tuple(
        replace(plain_association(index, state), in_first_bucket=first, in_open_bucket=opened)
        for index, (state, (first, opened)) in enumerate(zip(states, stands, strict=True))
    )
    finding = Finding(FiniteAssociations(entries), search, listeners, profile)
    admitted = {plain_number(entry.identity) for entry in entries if plain_truth(finding.may_be_found(entry))}
    asks = plain_truth(finding.asks_the_managers())
    return admitted, Errno(plain_number(finding.error())), asks
