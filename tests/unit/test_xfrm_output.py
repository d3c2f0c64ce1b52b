"""Resolution of templates and what becomes of a packet that leaves."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from builders import (
    AH,
    ALL_PROFILES,
    BLOCK,
    ESP,
    HAO,
    IPCOMP,
    LOCAL,
    OTHER,
    PAIRING_PROFILES,
    REMOTE,
    SUB,
    TUNNEL,
    database,
    flow,
    optional,
    policy,
    selector,
    state,
    state_of,
    tables,
    template,
)

from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.resolve import endpoints, resolve
from xfrmspec.xfrm.tables import SocketPolicies, XfrmTables
from xfrmspec_terms.association import Lifecycle, SecurityAssociation
from xfrmspec_terms.outcome import Counter, Decision, Errno
from xfrmspec_terms.packet import Header, header_name
from xfrmspec_terms.policy import Mark, Mode, Template
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, USAGI_2004, Profile
from xfrmspec_terms.selector import Family, Protocol

PROFILES = pytest.mark.parametrize("profile", ALL_PROFILES, ids=lambda p: p.name)
PAIRS = pytest.mark.parametrize("profile", PAIRING_PROFILES, ids=lambda p: p.name)
KERNELS = pytest.mark.parametrize("profile", [LINUX_6_1, LINUX_6_18], ids=lambda p: p.name)

ALL_STATES = tuple(state_of(entry) for entry in (ESP, AH, IPCOMP, HAO, TUNNEL))


def sent(
    profile: Profile,
    main: tuple[Template, ...] | None,
    sub: tuple[Template, ...] | None = None,
    *,
    states: tuple[SecurityAssociation, ...] = ALL_STATES,
    listeners: bool = True,
    larval_drop: bool = True,
) -> OutputDecision:
    """The fate of one datagram under a MAIN and a SUB policy with these templates (None: no such policy)."""
    entries = [policy(templates=main)] if main is not None else []
    if sub is not None:
        entries.append(policy(type_=SUB, templates=sub))
    held = tables(profile, *entries, states=states, listeners=listeners, larval_drop=larval_drop)
    return decide_output(held, flow())


def wire(decided: OutputDecision) -> str:
    return " ".join(header_name(element) for element in decided.chain)


@pytest.mark.clause("XFRM-TMPL-009", "XFRM-SORT-001", "XFRM-SORT-002", "XFRM-SORT-006")
@PAIRS
@pytest.mark.parametrize(
    ("main", "sub", "expected"),
    [
        ((ESP,), None, "ESP UDP"),
        ((AH, ESP), None, "ESP AH UDP"),
        ((ESP, AH), None, "AH ESP UDP"),
        ((AH, ESP), (), "AH ESP UDP"),
        ((AH, ESP), (HAO,), "HAO AH ESP UDP"),
        ((ESP, AH), (HAO,), "HAO AH ESP UDP"),
        ((AH,), (HAO,), "HAO AH UDP"),
        ((ESP,), (TUNNEL,), "ESP IP ESP UDP"),
        ((HAO,), (TUNNEL,), "ESP IP HAO UDP"),
        (None, (HAO,), "HAO UDP"),
    ],
)
def test_what_stands_on_the_wire(
    main: tuple[Template, ...] | None,
    sub: tuple[Template, ...] | None,
    expected: str,
    profile: Profile,
) -> None:
    decided = sent(profile, main, sub)
    assert decided.decision is Decision.TRANSFORM
    assert wire(decided) == expected


@pytest.mark.clause("XFRM-SORT-006")
@PAIRS
def test_ah_is_applied_before_the_option_in_one_policy_although_it_stands_inside_in_both(
    profile: Profile,
) -> None:
    alone, pair = sent(profile, (AH, HAO)), sent(profile, (AH,), (HAO,))
    assert wire(alone) == wire(pair) == "HAO AH UDP"
    assert [entry.protocol for entry in alone.applied] == [Protocol.AH, Protocol.DESTINATION_OPTIONS]
    assert [entry.protocol for entry in pair.applied] == [Protocol.DESTINATION_OPTIONS, Protocol.AH]


@pytest.mark.clause("XFRM-TMPL-003")
def test_which_addresses_a_template_is_looked_up_with() -> None:
    current = ip_address(LOCAL), ip_address(REMOTE)
    own = ip_address(OTHER), ip_address("2001:db8:7::7")
    for mode in (Mode.TUNNEL, Mode.BEET):
        assert endpoints(template(mode=mode, source=str(own[0]), destination=str(own[1])), *current) == own
        open_source = template(mode=mode, destination=str(own[1]))
        assert endpoints(open_source, *current) == (current[0], own[1])
    for mode in (Mode.TRANSPORT, Mode.RO, Mode.IN_TRIGGER):
        foreign = template(mode=mode, source=str(own[0]), destination=str(own[1]))
        assert endpoints(foreign, *current) == current
    ipv4 = template(mode=Mode.TUNNEL, source="0.0.0.0", destination="192.0.2.1", family=Family.INET)
    assert endpoints(ipv4, *current) == (ip_address("0.0.0.0"), ip_address("192.0.2.1"))


@pytest.mark.clause("XFRM-TMPL-003", "XFRM-TMPL-007")
@PROFILES
def test_a_home_address_template_with_foreign_addresses_is_resolved_by_the_flow(profile: Profile) -> None:
    foreign = replace(HAO, source=ip_address(OTHER), destination=ip_address(OTHER))
    assert wire(sent(profile, (foreign,))) == "HAO UDP"


@pytest.mark.clause("XFRM-TMPL-007")
@PROFILES
def test_templates_behind_a_tunnel_are_looked_up_between_its_ends(profile: Profile) -> None:
    outer_transport = state(source=LOCAL, destination=OTHER, spi=0x200)
    inner_transport = state(spi=0x300)
    states = (state_of(TUNNEL), outer_transport, inner_transport)
    after = sent(profile, (TUNNEL, ESP), states=states)
    before = sent(profile, (ESP, TUNNEL), states=states)
    assert [entry.spi for entry in after.applied] == [0x100, 0x200]
    assert [entry.spi for entry in before.applied] == [0x300, 0x100]


@pytest.mark.clause("XFRM-TMPL-007", "XFRM-TMPL-008")
@PROFILES
def test_a_skipped_optional_template_leaves_the_current_addresses(profile: Profile) -> None:
    decided = sent(profile, (optional(AH), ESP), states=(state(),))
    assert [entry.protocol for entry in decided.applied] == [Protocol.ESP]
    assert len(decided.acquires) == 1


@pytest.mark.clause("XFRM-TMPL-009")
@PAIRS
def test_a_tunnel_in_sub_does_not_move_the_addresses_of_main(profile: Profile) -> None:
    decided = sent(profile, (ESP,), (TUNNEL,), states=(state_of(TUNNEL), state(spi=0x300)))
    assert [entry.spi for entry in decided.applied] == [0x300, 0x100]


@pytest.mark.clause("XFRM-TMPL-002", "XFRM-TMPL-008", "XFRM-OUT-006")
@PROFILES
def test_optional_templates_without_states_let_the_packet_leave_in_the_clear(profile: Profile) -> None:
    decided = sent(profile, (optional(ESP), optional(AH)), states=())
    assert (decided.decision, decided.errno, decided.counter) == (Decision.PASS, Errno.OK, None)
    assert [acquire.template for acquire in decided.acquires] == [0, 1]
    assert wire(decided) == "UDP"


@pytest.mark.clause("XFRM-TMPL-002", "XFRM-TMPL-008", "XFRM-OUT-007")
@PROFILES
def test_a_missing_required_state_swallows_the_packet_after_an_acquire(profile: Profile) -> None:
    decided = sent(profile, (ESP,), states=())
    assert (decided.decision, decided.errno) == (Decision.DROP, Errno.OK)
    assert decided.counter is Counter.OUT_NO_STATES
    assert len(decided.acquires) == 1


@pytest.mark.clause("XFRM-OUT-007")
@PROFILES
def test_without_larval_drop_the_sender_is_told_to_try_again(profile: Profile) -> None:
    decided = sent(profile, (ESP,), states=(), larval_drop=False)
    assert (decided.decision, decided.errno) == (Decision.DROP, Errno.EAGAIN)
    assert decided.counter is Counter.OUT_NO_STATES


@pytest.mark.clause("XFRM-TMPL-008", "XFRM-OUT-007")
@PROFILES
def test_nobody_listening_reads_as_try_again(profile: Profile) -> None:
    decided = sent(profile, (ESP,), states=(), listeners=False, larval_drop=False)
    assert (decided.errno, decided.acquires) == (Errno.EAGAIN, ())


@pytest.mark.clause("XFRM-TMPL-008", "XFRM-OUT-007")
@PROFILES
def test_a_pending_acquire_and_a_failed_state_swallow_the_packet_without_another(profile: Profile) -> None:
    for lifecycle in (Lifecycle.ACQ, Lifecycle.ERROR):
        decided = sent(profile, (ESP,), states=(state(lifecycle=lifecycle),))
        assert (decided.counter, decided.acquires) == (Counter.OUT_NO_STATES, ())


@pytest.mark.clause("XFRM-TMPL-008")
@PROFILES
def test_a_required_template_ends_the_walk(profile: Profile) -> None:
    decided = sent(profile, (ESP, optional(AH)), states=())
    assert [acquire.template for acquire in decided.acquires] == [0]


@pytest.mark.clause("XFRM-TMPL-006")
@PROFILES
@pytest.mark.parametrize(
    "wanted",
    [template(mode=Mode.IN_TRIGGER), replace(HAO, mode=Mode.TRANSPORT), replace(IPCOMP, mode=Mode.RO)],
)
def test_templates_no_state_can_meet_raise_acquires_for_ever(wanted: Template, profile: Profile) -> None:
    for _ in range(2):
        assert len(sent(profile, (wanted,)).acquires) == 1


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-OUT-005")
@PAIRS
@pytest.mark.parametrize(
    ("sub", "main", "clean", "kernel"),
    [
        (2, 3, True, True),
        (3, 3, True, False),
        (3, 4, False, False),
        (0, 5, True, True),
        (0, 6, True, False),
        (5, 1, True, False),
    ],
)
def test_how_many_templates_a_pair_may_use(
    sub: int, main: int, clean: bool, kernel: bool, profile: Profile
) -> None:
    decided = sent(profile, (ESP,) * main, (ESP,) * sub)
    if clean if profile is CLEAN else kernel:
        assert (decided.decision, len(decided.applied)) == (Decision.TRANSFORM, sub + main)
    else:
        assert (decided.errno, decided.counter) == (Errno.ENOBUFS, Counter.OUT_POLICY_ERROR)


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-OUT-005")
@KERNELS
def test_six_templates_of_one_policy_are_too_many_even_when_optional(profile: Profile) -> None:
    for templates in ((ESP,) * 6, (optional(ESP),) * 6):
        decided = sent(profile, templates)
        assert (decided.errno, decided.acquires) == (Errno.ENOBUFS, ())


@pytest.mark.clause("XFRM-TMPL-004")
@KERNELS
def test_the_limit_counts_states_found_for_sub_and_templates_declared_by_main(profile: Profile) -> None:
    skipped = sent(profile, (ESP,) * 5, (optional(AH),) * 3, states=(state(),))
    assert (skipped.decision, len(skipped.applied)) == (Decision.TRANSFORM, 5)
    declared = sent(profile, (optional(AH),) * 5, (ESP,), states=(state(),))
    assert declared.errno is Errno.ENOBUFS


@pytest.mark.clause("XFRM-OUT-005")
@KERNELS
def test_sub_is_resolved_before_main_overflows(profile: Profile) -> None:
    missing = sent(profile, (ESP,) * 6, (AH,), states=(state(),))
    assert (missing.counter, missing.errno) == (Counter.OUT_NO_STATES, Errno.OK)
    overflow = sent(profile, (ESP,) * 6, (optional(AH), ESP), states=(state(),))
    assert (overflow.errno, len(overflow.acquires)) == (Errno.ENOBUFS, 1)


@pytest.mark.clause("XFRM-OUT-004")
@PAIRS
def test_a_blocked_pair_raises_no_acquire_and_counts_no_templates(profile: Profile) -> None:
    held = tables(profile, policy(type_=SUB, templates=(ESP,) * 6), policy(action=BLOCK, templates=(ESP,)))
    decided = decide_output(held, flow())
    assert (decided.decision, decided.errno) == (Decision.BLOCK, Errno.EPERM)
    assert (decided.counter, decided.acquires, decided.chain) == (Counter.OUT_POLICY_BLOCK, (), ())


@pytest.mark.clause("XFRM-OUT-003")
@PROFILES
def test_no_templates_in_all_is_no_transformation(profile: Profile) -> None:
    plain = (Header.HOP_BY_HOP, Header.UDP)
    decided = decide_output(tables(profile, policy()), flow(), chain=plain)
    assert (decided.decision, decided.chain) == (Decision.PASS, plain)
    assert decided.reasons[-1].clause == "XFRM-OUT-003"


@pytest.mark.clause("XFRM-OUT-008", "XFRM-FIND-005")
@PROFILES
def test_a_named_spi_held_by_another_state_is_the_senders_error(profile: Profile) -> None:
    decided = sent(profile, (replace(ESP, spi=9),), states=(state(spi=9, reqid=5),))
    assert (decided.decision, decided.errno) == (Decision.DROP, Errno.EEXIST)
    assert decided.counter is Counter.OUT_POLICY_ERROR
    assert decided.reasons[-1].clause == "XFRM-OUT-008"
    skipped = sent(profile, (optional(replace(ESP, spi=9)),), states=(state(spi=9, reqid=5),))
    assert skipped.decision is Decision.PASS


@pytest.mark.clause("XFRM-OUT-002")
@PROFILES
def test_a_socket_policy_without_state_is_told_and_not_counted(profile: Profile) -> None:
    own = SocketPolicies(outbound=policy(templates=(ESP,)))
    decided = decide_output(tables(profile), flow(), own)
    assert (decided.decision, decided.errno, decided.counter) == (Decision.DROP, Errno.EAGAIN, None)
    assert (len(decided.acquires), decided.reasons[-1].clause) == (1, "XFRM-OUT-002")


@pytest.mark.clause("XFRM-OUT-002", "XFRM-SOCK-001")
@PAIRS
def test_a_socket_policy_with_a_state_transforms_whatever_the_databases_say(profile: Profile) -> None:
    own = SocketPolicies(outbound=policy(templates=(ESP,)))
    held = tables(profile, policy(action=BLOCK), policy(type_=SUB, templates=(HAO,)), states=ALL_STATES)
    assert wire(decide_output(held, flow(), own)) == "ESP UDP"


@pytest.mark.clause("XFRM-OUT-002", "XFRM-OUT-005")
def test_a_socket_policy_with_too_many_templates_is_an_error_as_elsewhere() -> None:
    own = SocketPolicies(outbound=policy(templates=(ESP,) * 6))
    decided = decide_output(tables(LINUX_6_1, states=ALL_STATES), flow(), own)
    assert (decided.errno, decided.counter) == (Errno.ENOBUFS, Counter.OUT_POLICY_ERROR)


@pytest.mark.clause("XFRM-TMPL-005", "XFRM-TMPL-007")
@PROFILES
def test_a_template_stored_without_a_family_resolves_like_one_of_the_policys(profile: Profile) -> None:
    assert wire(sent(profile, (replace(ESP, family=Family.UNSPEC),))) == "ESP UDP"


@pytest.mark.clause("XFRM-FIND-001", "XFRM-TMPL-007")
@PROFILES
def test_mark_and_if_id_of_the_policy_go_into_the_search(profile: Profile) -> None:
    marked = policy(mark=Mark(1, 1), if_id=4, templates=(ESP,))
    held = tables(profile, marked, states=(state(mark=Mark(1, 1), if_id=4),))
    assert decide_output(held, flow(mark=1, if_id=4)).decision is Decision.TRANSFORM
    assert decide_output(replace(held, states=(state(),)), flow(mark=1, if_id=4)).decision is Decision.DROP


@pytest.mark.clause("XFRM-FIND-003", "XFRM-OUT-007")
@PROFILES
def test_one_larval_state_swallows_the_packets_of_other_flows(profile: Profile) -> None:
    larval = state(lifecycle=Lifecycle.ACQ, selector=selector(LOCAL, REMOTE, 17), spi=0)
    held = tables(profile, policy(templates=(ESP,)), states=(larval,))
    decided = decide_output(held, flow(protocol=6))
    assert (decided.counter, decided.acquires) == (Counter.OUT_NO_STATES, ())


@pytest.mark.clause("XFRM-TMPL-009")
def test_acquires_tell_which_policy_and_template_raised_them() -> None:
    held = tables(CLEAN, listeners=True)
    pair = (policy(type_=SUB, templates=(optional(HAO),)), policy(templates=(optional(AH), ESP)))
    found = resolve(pair, flow(), held)
    assert [(acquire.policy, acquire.template) for acquire in found.acquires] == [(0, 0), (1, 0), (1, 1)]
    assert found.errno is Errno.EAGAIN


@pytest.mark.clause("XFRM-ARCH-001")
def test_a_state_that_no_template_asks_for_is_never_used() -> None:
    assert sent(USAGI_2004, (AH,)).applied == (state_of(AH),)
    assert sent(USAGI_2004, None).decision is Decision.PASS


@pytest.mark.clause("XFRM-OUT-007", "XFRM-FIND-005")
def test_unless_told_otherwise_a_manager_listens_and_larval_drop_is_on() -> None:
    decided = decide_output(XfrmTables(database(CLEAN, policy(templates=(ESP,)))), flow())
    assert (decided.errno, decided.counter) == (Errno.OK, Counter.OUT_NO_STATES)
    assert len(decided.acquires) == 1
