"""Operations on the policy database: identity, indexes, refusals, flush, generations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    ALL_PROFILES,
    ANYWHERE,
    BLOCK,
    ESP,
    FWD,
    HAO,
    IN,
    LOCAL,
    MAIN,
    OUT,
    PAIRING_PROFILES,
    REMOTE,
    SUB,
    TUNNEL,
    database,
    policy,
    stored,
    template,
    updated,
)

from xfrmspec.xfrm.database import PolicyDatabase, RouteGenerations
from xfrmspec.xfrm.placement import Thresholds
from xfrmspec.xfrm.policies import PolicyEventKind, add, delete, flush, get, set_thresholds, update
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    Direction,
    Mark,
    Mode,
    Policy,
    PolicyErrorReason,
    PolicyIdentity,
    Template,
    identity_of,
)
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import Family, PortMatch, Protocol

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)


def indexes(built: PolicyDatabase) -> list[int]:
    return [entry.policy.index for entry in built]


@pytest.mark.clause("XFRM-DB-001", "XFRM-ARCH-001")
def test_counts_include_both_types_and_families_and_iteration_is_by_age() -> None:
    four, sub, inward = policy("0.0.0.0/0", "0.0.0.0/0"), policy(type_=SUB), policy(direction=IN)
    built = database(CLEAN, policy(priority=9), four, sub, inward)
    assert [built.count(direction) for direction in Direction] == [1, 3, 0]
    assert [entry.age for entry in built] == [0, 1, 2, 3]
    assert indexes(updated(built, policy(priority=9)))[-1] == 1, "a replacement is the youngest object"


@pytest.mark.clause("XFRM-DB-003")
def test_generated_indexes_step_by_eight_and_share_one_counter() -> None:
    outward = [policy(priority=n, protocol=n + 1) for n in range(3)]
    assert indexes(database(CLEAN, *outward)) == [1, 9, 17]
    inward = [replace(entry, direction=IN) for entry in outward]
    assert indexes(database(CLEAN, *inward)) == [8, 16, 24]
    mixed = database(CLEAN, outward[0], inward[0], policy(direction=FWD))
    assert indexes(mixed) == [1, 8, 18]


@pytest.mark.clause("XFRM-DB-003")
def test_the_second_inbound_index_costs_the_generator_two_steps() -> None:
    built = database(CLEAN, policy(direction=IN), policy(LOCAL, direction=IN))
    assert indexes(built) == [8, 16]
    assert built.next_index == 24


@pytest.mark.clause("XFRM-DB-003", "XFRM-DB-004")
def test_a_wanted_index_is_taken_if_free_and_replaced_silently_if_not() -> None:
    built = database(CLEAN, policy(index=73), policy(LOCAL, index=73), policy(REMOTE, index=1))
    assert indexes(built) == [73, 1, 9]
    assert len(set(indexes(built))) == 3


@pytest.mark.clause("XFRM-DB-004")
def test_indexes_are_unique_across_types_and_families() -> None:
    four = policy("0.0.0.0/0", "0.0.0.0/0", index=9)
    assert indexes(database(CLEAN, policy(type_=SUB, index=9), four)) == [9, 1]


@pytest.mark.clause("XFRM-DB-003")
@pytest.mark.parametrize(
    ("index", "direction", "fits"),
    [(9, OUT, True), (9, IN, False), (8, IN, True), (10, FWD, True), (4, OUT, False)],
)
def test_the_low_bits_of_a_wanted_index_are_the_direction(
    index: int, direction: Direction, fits: bool
) -> None:
    outcome = add(PolicyDatabase(), policy(direction=direction, index=index))
    assert (outcome.refusal is None) is fits
    if not fits:
        assert (outcome.errno, outcome.refusal) == (Errno.EINVAL, PolicyErrorReason.BAD_INDEX)


@pytest.mark.clause("XFRM-DB-003", "XFRM-DB-007")
def test_a_replacement_inherits_the_index_whatever_it_asks_for() -> None:
    built = updated(database(CLEAN, policy(index=73)), policy(index=81, action=BLOCK))
    assert indexes(built) == [73]


@pytest.mark.clause("XFRM-DB-005")
def test_a_policy_is_found_by_its_identity_or_its_index() -> None:
    built = database(CLEAN, policy(), policy(LOCAL, action=BLOCK))
    blocking = identity_of(policy(LOCAL))
    found = get(built, blocking).found
    assert found is not None
    assert found.policy.action is BLOCK
    assert get(built, identity_of(policy(REMOTE)), index=9).found == found


@pytest.mark.clause("XFRM-DB-005")
@pytest.mark.parametrize(
    "key",
    [
        replace(identity_of(policy()), type=SUB),
        replace(identity_of(policy()), if_id=1),
        replace(identity_of(policy()), mark=Mark(0, 1)),
        replace(identity_of(policy()), direction=IN),
    ],
    ids=["type", "if_id", "mark", "direction"],
)
@pytest.mark.parametrize("index", [0, 1], ids=["by selector", "by index"])
def test_each_part_of_the_key_must_be_equal(key: PolicyIdentity, index: int) -> None:
    built = database(CLEAN, policy())
    for operation in (get, delete):
        outcome = operation(built, key, index)
        assert (outcome.errno, outcome.refusal) == (Errno.ENOENT, PolicyErrorReason.NOT_FOUND)
        assert outcome.database == built
        assert not outcome.events


@pytest.mark.clause("XFRM-DB-005", "XFRM-SEL-005")
@pytest.mark.parametrize("index", [0, 1], ids=["by selector", "by index"])
def test_a_request_with_mark_bits_outside_its_mask_finds_nothing(index: int) -> None:
    built = database(CLEAN, policy(mark=Mark(0x17, 0x0F)))
    exact = replace(identity_of(policy()), mark=Mark(0x07, 0x0F))
    assert get(built, exact, index).errno is Errno.OK
    assert get(built, replace(exact, mark=Mark(0x17, 0x0F)), index).errno is Errno.ENOENT


@pytest.mark.clause("XFRM-DB-006")
@pytest.mark.parametrize(
    "other",
    [
        policy("::1/0"),
        policy(user=7),
        policy(ifindex=2),
        policy(if_id=1),
        policy(type_=SUB),
        policy(direction=FWD),
        policy(mark=Mark(0, 1)),
        policy(security_context="system_u"),
        policy(source_port=PortMatch(7, 0)),
        policy(protocol=17),
    ],
    ids=["host bits", "user", "ifindex", "if_id", "type", "direction", "mask", "context", "port", "proto"],
)
def test_policies_with_another_identity_coexist(other: Policy) -> None:
    assert add(database(CLEAN, policy()), other).errno is Errno.OK


@pytest.mark.clause("XFRM-DB-006", "XFRM-DB-007")
@pytest.mark.parametrize(
    "other",
    [policy(priority=9), policy(action=BLOCK), policy(templates=(ESP,)), policy(index=73)],
    ids=["priority", "action", "templates", "index"],
)
@PROFILES
def test_the_same_identity_cannot_be_added_twice(other: Policy, profile: Profile) -> None:
    built = database(profile, policy())
    outcome = add(built, other)
    assert (outcome.errno, outcome.refusal) == (Errno.EEXIST, PolicyErrorReason.EXISTS)
    assert outcome.database == built
    assert not outcome.events


@pytest.mark.clause("XFRM-DB-007")
def test_an_update_replaces_or_inserts_and_says_update_either_way() -> None:
    first = update(PolicyDatabase(), policy(priority=5))
    second = update(stored(first), policy(priority=6, action=BLOCK))
    assert [event.kind for event in first.events + second.events] == [PolicyEventKind.UPDATE] * 2
    assert second.database.count(OUT) == 1
    assert second.found is not None
    assert (second.found.policy.priority, second.found.policy.action) == (6, BLOCK)


@pytest.mark.clause("XFRM-DB-007")
def test_events_carry_the_stored_policy() -> None:
    event = add(PolicyDatabase(), policy()).events[0]
    assert event.kind is PolicyEventKind.NEW
    assert event.policy is not None
    assert event.policy.index == 1


@pytest.mark.clause("XFRM-DB-008")
def test_an_insertion_sets_its_time_and_invalidates_the_routes_of_its_family() -> None:
    outcome = add(PolicyDatabase(), policy(), now=77)
    assert outcome.found is not None
    assert (outcome.found.added, outcome.found.used) == (77, None)
    assert outcome.database.generations == RouteGenerations(0, 1)
    four = add(outcome.database, policy("0.0.0.0/0", "0.0.0.0/0"))
    assert four.database.generations == RouteGenerations(1, 1)


@pytest.mark.clause("XFRM-DB-008")
@pytest.mark.parametrize(
    ("profile", "bumped"), [(CLEAN, 2), (LINUX_6_1, 1), (LINUX_6_18, 1)], ids=["clean", "6.1", "6.18"]
)
def test_kernels_forget_to_invalidate_routes_on_deletion(profile: Profile, bumped: int) -> None:
    outcome = delete(database(profile, policy()), identity_of(policy()))
    assert outcome.database.generations.ipv6 == bumped
    assert [event.kind for event in outcome.events] == [PolicyEventKind.DELETE]
    assert outcome.database.count(OUT) == 0


@pytest.mark.clause("XFRM-DB-008")
@PROFILES
def test_an_update_always_invalidates_routes(profile: Profile) -> None:
    assert updated(database(profile, policy()), policy()).generations.ipv6 == 2


@pytest.mark.clause("XFRM-DB-008")
def test_a_replacement_forgets_the_time_of_use() -> None:
    built = stored(add(PolicyDatabase(), policy(), now=1))
    outcome = update(built, policy(), now=9)
    assert outcome.found is not None
    assert (outcome.found.added, outcome.found.used) == (9, None)


@pytest.mark.clause("XFRM-DB-009")
def test_a_selector_without_a_family_is_refused() -> None:
    open_family = replace(policy(), selector=replace(policy().selector, family=Family.UNSPEC))
    assert add(PolicyDatabase(), open_family).refusal is PolicyErrorReason.BAD_FAMILY
    mixed = replace(policy(), selector=replace(policy().selector, family=Family.INET))
    assert update(PolicyDatabase(), mixed).refusal is PolicyErrorReason.BAD_PREFIX


@pytest.mark.clause("XFRM-DB-009")
def test_a_block_policy_may_carry_templates() -> None:
    assert add(PolicyDatabase(), policy(action=BLOCK, templates=(ESP,))).errno is Errno.OK


@pytest.mark.clause("XFRM-ARCH-004")
def test_a_kernel_without_sub_policies_refuses_every_operation_that_names_one() -> None:
    empty, sub = PolicyDatabase(USAGI_2004), policy(type_=SUB)
    outcomes = (
        add(empty, sub),
        update(empty, sub),
        get(empty, identity_of(sub)),
        delete(empty, identity_of(sub), index=1),
        flush(empty, SUB),
    )
    for outcome in outcomes:
        assert (outcome.errno, outcome.refusal) == (Errno.EINVAL, PolicyErrorReason.BAD_TYPE)
        assert outcome.database == empty


@pytest.mark.clause("XFRM-ARCH-004")
@pytest.mark.parametrize("profile", PAIRING_PROFILES, ids=lambda p: p.name)
def test_the_two_databases_are_separate(profile: Profile) -> None:
    built = database(profile, policy(), policy(type_=SUB))
    assert built.count(OUT) == 2
    assert stored(delete(built, identity_of(policy(type_=SUB)))).find(identity_of(policy())) is not None


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-DB-009")
@PROFILES
def test_six_templates_can_be_stored_and_seven_cannot(profile: Profile) -> None:
    assert add(PolicyDatabase(profile), policy(templates=(ESP,) * 6)).errno is Errno.OK
    seven = add(PolicyDatabase(profile), policy(templates=(ESP,) * 7))
    assert (seven.errno, seven.refusal) == (Errno.EINVAL, PolicyErrorReason.TOO_MANY_TEMPLATES)


IPV4_TUNNEL = replace(TUNNEL, family=Family.INET)


@pytest.mark.clause("XFRM-TMPL-005")
@pytest.mark.parametrize(
    ("direction", "templates", "refusal"),
    [
        (OUT, (replace(TUNNEL, optional=True),), PolicyErrorReason.OPTIONAL_ENDPOINT_MODE),
        (OUT, (replace(TUNNEL, optional=True, mode=Mode.BEET),), PolicyErrorReason.OPTIONAL_ENDPOINT_MODE),
        (IN, (replace(TUNNEL, optional=True),), None),
        (FWD, (replace(TUNNEL, optional=True),), None),
        (OUT, (replace(HAO, optional=True),), None),
        (OUT, (replace(ESP, optional=True),), None),
        (OUT, (replace(ESP, family=Family.INET),), PolicyErrorReason.FAMILY_CHANGE),
        (OUT, (IPV4_TUNNEL, ESP), PolicyErrorReason.FAMILY_CHANGE),
        (OUT, (IPV4_TUNNEL, replace(ESP, family=Family.INET)), None),
        (OUT, (IPV4_TUNNEL, TUNNEL), None),
        (OUT, (replace(ESP, family=Family.UNSPEC),), None),
        (OUT, (IPV4_TUNNEL, replace(ESP, family=Family.UNSPEC)), PolicyErrorReason.FAMILY_CHANGE),
        (OUT, (template(Protocol.IPV6, Mode.TUNNEL),), PolicyErrorReason.BAD_TEMPLATE_PROTOCOL),
        (OUT, (template(Protocol.UDP),), PolicyErrorReason.BAD_TEMPLATE_PROTOCOL),
    ],
)
def test_which_template_lists_are_refused(
    direction: Direction, templates: tuple[Template, ...], refusal: PolicyErrorReason | None
) -> None:
    outcome = add(PolicyDatabase(), policy(direction=direction, templates=templates))
    assert outcome.refusal is refusal
    assert outcome.errno is (Errno.OK if refusal is None else Errno.EINVAL)


@pytest.mark.clause("XFRM-TMPL-005")
@pytest.mark.parametrize(
    "protocol", [Protocol.DESTINATION_OPTIONS, Protocol.ROUTING, Protocol.ESP, Protocol.IPCOMP]
)
@pytest.mark.parametrize("mode", list(Mode))
def test_no_combination_of_protocol_and_mode_is_refused(protocol: Protocol, mode: Mode) -> None:
    assert add(PolicyDatabase(), policy(templates=(template(protocol, mode),))).errno is Errno.OK


@pytest.mark.clause("XFRM-TMPL-005")
def test_a_template_without_a_family_gets_the_policys() -> None:
    outcome = add(PolicyDatabase(), policy(templates=(replace(ESP, family=Family.UNSPEC), ESP)))
    assert outcome.found is not None
    assert [entry.family for entry in outcome.found.policy.templates] == [Family.INET6, Family.INET6]


@pytest.mark.clause("XFRM-DB-010")
@PROFILES
def test_a_flush_removes_one_type_in_every_direction_and_family(profile: Profile) -> None:
    four = policy("0.0.0.0/0", "0.0.0.0/0", direction=IN)
    sub = [policy(type_=SUB)] if profile.sub_policies else []
    built = database(profile, policy(), four, policy(direction=FWD), *sub)
    outcome = flush(built)
    assert [event.kind for event in outcome.events] == [PolicyEventKind.FLUSH]
    assert outcome.events[0].policy is None
    assert [entry.policy.type for entry in outcome.database] == [SUB] * len(sub)


@pytest.mark.clause("XFRM-DB-010")
def test_flushing_nothing_succeeds_without_an_event() -> None:
    built = database(CLEAN, policy(type_=SUB))
    outcome = flush(built, MAIN)
    assert (outcome.errno, outcome.events, outcome.database) == (Errno.OK, (), built)
    assert flush(built, SUB).database.count(OUT) == 0


@pytest.mark.clause("XFRM-DB-002")
@pytest.mark.parametrize(
    ("direction", "family", "bits"),
    [
        (OUT, Family.INET6, (1, 2)),
        (IN, Family.INET6, (2, 1)),
        (FWD, Family.INET6, (2, 1)),
        (OUT, Family.INET, (3, 4)),
        (IN, Family.INET, (4, 3)),
    ],
)
def test_thresholds_map_local_and_remote_by_direction(
    direction: Direction, family: Family, bits: tuple[int, int]
) -> None:
    thresholds = Thresholds(local4=3, remote4=4, local6=1, remote6=2)
    assert thresholds.bits(direction, family) == bits


@pytest.mark.clause("XFRM-DB-002")
def test_setting_thresholds_moves_policies_and_announces_nothing() -> None:
    built = database(CLEAN, policy("2001:db8:1::/64", "2001:db8:2::/64"))
    outcome = set_thresholds(built, Thresholds(local6=64, remote6=64))
    assert not outcome.events
    assert [entry.list.name for entry in built] == ["BOTH"]
    assert [entry.list.name for entry in outcome.database] == ["EXACT"]
    assert outcome.database.generations == built.generations


@pytest.mark.clause("XFRM-DB-005")
def test_a_policy_is_still_found_after_its_list_changed() -> None:
    built = database(CLEAN, policy("2001:db8:1::/64", "2001:db8:2::/64"), policy(ANYWHERE))
    moved = stored(set_thresholds(built, Thresholds(local6=64, remote6=64)))
    assert stored(delete(moved, identity_of(policy("2001:db8:1::/64", "2001:db8:2::/64")))).count(OUT) == 1
