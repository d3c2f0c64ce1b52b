"""What a migration moves: states and template endpoints from one pair of addresses to another."""

from __future__ import annotations

from dataclasses import dataclass

from xfrmspec_terms.policy import Mode, PolicyType
from xfrmspec_terms.selector import Address, Family, Selector


@dataclass(frozen=True, slots=True)
class Migration:
    """One entry of a MIGRATE request: which states and templates move, from which addresses to which.

    `reqid` 0 stands for any. `protocol` is the number as it is sent. Source: kernel xfrm_user_migrate.
    """

    old_source: Address
    old_destination: Address
    new_source: Address
    new_destination: Address
    protocol: int
    mode: Mode
    reqid: int = 0
    old_family: Family = Family.INET6
    new_family: Family = Family.INET6


@dataclass(frozen=True, slots=True)
class MigrationRequest:
    """A request to migrate one policy and its states.

    `direction` is a number, since a request may name one that does not exist; `if_id` 0 stands for any.
    Source: XFRM-MIGR-001; kernel xfrm_do_migrate.
    """

    selector: Selector
    direction: int
    entries: tuple[Migration, ...]
    type: PolicyType = PolicyType.MAIN
    if_id: int = 0
