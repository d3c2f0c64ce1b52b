"""Every known deviation of a kernel, named after its switch: the kernel has it, the clean rule has not."""

from __future__ import annotations

import platform
from dataclasses import replace

import pytest

from kernel.conftest import absent
from kernel.exhibits import ALL, assert_clean_rule, assert_settled, assert_shown, exhibits_of, observed
from xfrmspec.cli.finding_report import run_finding
from xfrmspec.findings.ledger import finding_named
from xfrmspec.findings.pieces import (
    ANYWHERE,
    HERE,
    HOME_ADDRESS_OF_PEER,
    NEAR_60,
    NEAR_64,
    SENT,
    THERE,
    allow,
    block,
    esp,
    policy,
    received_state,
)
from xfrmspec.findings.script import as_script
from xfrmspec.findings.shells import missing_tools, run_here, run_in_guest
from xfrmspec.findings.terms import Exhibit, Needs, Sight, sight_of
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.kernel.uml import KernelMissingError, find_kernel
from xfrmspec.scenario.observation import Failure, Observation, PacketResult, Subject, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import AddPolicy, AddState, Receive, Scenario, Send, Step, UpdatePolicy
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import NO_LIMITS, Direction, Mode
from xfrmspec_terms.profile import CLEAN, LINUX_6_1, LINUX_6_18, Profile
from xfrmspec_terms.selector import Flow, Protocol

ONLY_POLICIES = frozenset({Needs.POLICIES})
PROFILES_OF_RELEASES = {"6.1": LINUX_6_1, "6.18": LINUX_6_18}
IN_THE_SHELL = ("F-012", "F-013", "F-017", "F-020", "F-021", "F-022", "F-023")
ABOUT_OCTETS = ("F-027", "F-029", "F-030")
CLEARTEXT = Sight(wire=(("UDP",),))


@pytest.fixture(scope="module")
def running() -> Profile:
    release = ".".join(platform.release().split(".")[:2])
    if release not in PROFILES_OF_RELEASES:
        pytest.skip(f"no profile describes the running kernel {platform.release()}")
    return PROFILES_OF_RELEASES[release]


@pytest.fixture(scope="module")
def guest_lines() -> tuple[str, ...]:
    """What the findings that need a shell print: all of them in two scripts, in one guest."""
    lacking = missing_tools()
    if lacking:
        absent(f"the scripts need more tools: {lacking}")
    try:
        find_kernel()
    except KernelMissingError as missing:
        absent(str(missing))
    scripts = []
    for names in (IN_THE_SHELL, ABOUT_OCTETS):
        findings = [finding_named(name) for name in names]
        exhibits = tuple(exhibit for finding in findings for exhibit in finding.exhibits)
        scripts.append(as_script(replace(findings[0], exhibits=exhibits)))
    runs = run_in_guest(scripts)
    assert {run.code for run in runs} <= {0, 1}, runs
    return tuple(line for run in runs for line in run.output.splitlines())


@pytest.mark.clause("XFRM-CHECK-002")
def test_fwd_main_uses_in(uml: KernelSubject) -> None:
    assert_shown(uml, "F-001")


@pytest.mark.clause("XFRM-LOOKUP-007", "XFRM-LOOKUP-004")
@pytest.mark.parametrize("name", ["F-002", "F-015"])
def test_exact_pos_zero(uml: KernelSubject, name: str) -> None:
    assert_shown(uml, name)


@pytest.mark.clause("XFRM-LOOKUP-008")
def test_update_keeps_seniority_cross_list(netns: KernelSubject, running: Profile) -> None:
    assert_settled(netns, running, "F-003")
    assert_clean_rule("F-003")


@pytest.mark.clause("XFRM-LOOKUP-008")
def test_update_keeps_seniority_cross_list_is_clean_on_6_1(uml: KernelSubject) -> None:
    assert_settled(uml, LINUX_6_1, "F-003")


def same_list_update() -> Scenario:
    older, younger = block(NEAR_64, ANYWHERE), allow(NEAR_60, ANYWHERE)
    return Scenario((AddPolicy(older), AddPolicy(younger), UpdatePolicy(older), Send(SENT)))


@pytest.mark.clause("XFRM-LOOKUP-008")
@pytest.mark.parametrize("kernel", ["uml", "netns"])
def test_update_keeps_seniority_same_list(kernel: str, request: pytest.FixtureRequest) -> None:
    scenario = same_list_update()
    subject: Subject = request.getfixturevalue(kernel)
    kept, given_up = (
        replace(CLEAN, update_keeps_seniority_same_list=keeps, update_keeps_seniority_cross_list=keeps)
        for keeps in (True, False)
    )
    outcome = observed(subject, scenario)
    assert not differences(outcome, ReferenceSubject(kept).run(scenario))
    assert sight_of(outcome.results[-1]).counters == ("XfrmOutPolBlock",)
    assert sight_of(observed(ReferenceSubject(given_up), scenario).results[-1]) == CLEARTEXT


@pytest.mark.clause("XFRM-LOOKUP-009")
def test_rebuild_uses_object_age(uml: KernelSubject) -> None:
    assert_shown(uml, "F-004")


@pytest.mark.clause("XFRM-LOOKUP-009", "XFRM-LOOKUP-004")
def test_threshold_moves_change_ties(uml: KernelSubject) -> None:
    """The policy that moves keeps position 1: with position 0 it would win, as it does by the clean rule."""
    assert LINUX_6_1.threshold_moves_change_ties
    assert not CLEAN.threshold_moves_change_ties
    assert_shown(uml, "F-014")


@pytest.mark.clause("XFRM-FLOW-002")
def test_mh_type_inbound(uml: KernelSubject) -> None:
    assert_shown(uml, "F-005")


@pytest.mark.clause("XFRM-FLOW-003")
def test_ports_behind_extension_header(uml: KernelSubject) -> None:
    assert_shown(uml, "F-006")


@pytest.mark.clause("XFRM-FIND-002")
def test_find_second_pass_ignores_source(uml: KernelSubject) -> None:
    assert_shown(uml, "F-007")


@pytest.mark.clause("XFRM-FIND-003")
def test_acquire_blocks_other_flows(uml: KernelSubject) -> None:
    assert_shown(uml, "F-008")


@pytest.mark.clause("XFRM-SORT-005")
def test_ah_transport_sort_asymmetry(uml: KernelSubject) -> None:
    assert_shown(uml, "F-009")


@pytest.mark.clause("XFRM-TMPL-004", "XFRM-OUT-005")
def test_usable_templates(uml: KernelSubject) -> None:
    assert_shown(uml, "F-010")


@pytest.mark.clause("XFRM-SEL-004", "XFRM-CHECK-003")
def test_selector_family_checked(uml: KernelSubject) -> None:
    assert_shown(uml, "F-011")


def test_sec_path_depth_for_ro(uml: KernelSubject) -> None:
    assert_shown(uml, "F-016")


def test_mark_locate_asymmetric(uml: KernelSubject) -> None:
    """Unmarked first: the marked state is refused. Marked first: the unmarked one is accepted."""
    assert_settled(uml, LINUX_6_1, "F-018")
    (exhibit,) = exhibits_of(finding_named("F-018"), ALL)
    other_order = Scenario(tuple(reversed(exhibit.scenario.steps)))
    assert sight_of(observed(uml, other_order).results[1]) == exhibit.clean


@pytest.mark.clause("XFRM-ROUTE-003")
def test_rt2_looked_up_with_care_of_source(uml: KernelSubject) -> None:
    """The state that the home address should find is missed; keyed by the care-of address it is found."""
    assert_shown(uml, "F-019")
    (exhibit,) = exhibits_of(finding_named("F-019"), ALL)
    wanted, routing, option, packet = exhibit.scenario.steps
    assert isinstance(routing, AddState)
    assert isinstance(option, AddState)
    assert isinstance(packet, Receive)
    assert option.state.care_of is not None
    keyed = replace(routing.state, source=option.state.care_of)
    received = replace(packet, layers=(keyed, option.state))
    steps: tuple[Step, ...] = (wanted, AddState(keyed), option, received)
    assert sight_of(observed(uml, Scenario(steps)).results[-1]) == exhibit.clean


def twins(fillers: tuple[AddState, ...] = ()) -> Scenario:
    one = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
    states = (AddState(one), AddState(replace(one, spi=0x1002)), *fillers)
    return Scenario((AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1))), *states, Send(SENT)))


def spi_sent(subject: Subject, scenario: Scenario) -> int:
    """The SPI behind the IPv6 header of the one packet that left."""
    result = observed(subject, scenario).results[-1]
    assert isinstance(result, PacketResult)
    (packet,) = result.octets
    return int.from_bytes(packet[40:44], "big")


@pytest.mark.clause("XFRM-FIND-004")
def test_same_second_tie_depends_on_table(uml: KernelSubject) -> None:
    """The clean rule leaves a tie of one second open; the kernel's answer turns as the table grows."""
    fillers = tuple(AddState(received_state(Protocol.ESP, 0x5000 + number, 9)) for number in range(8))
    small, grown = twins(), twins(fillers)
    answers = set()
    for _ in range(3):
        answers.add((spi_sent(uml, small), spi_sent(uml, grown)))
    assert (0x1002, 0x1001) in answers
    for scenario in (small, grown):
        assert not differences(observed(uml, scenario), ReferenceSubject(CLEAN).run(scenario))


@pytest.mark.clause("XFRM-FIND-004")
def test_a_growing_table_turns_ties(uml: KernelSubject) -> None:
    """Without the states that make the table grow, the younger twin carries the packet as ever."""
    assert_shown(uml, "F-024")
    (exhibit,) = exhibits_of(finding_named("F-024"), ALL)
    steps = exhibit.scenario.steps
    small = replace(exhibit.scenario, steps=(*steps[:3], steps[-1]))
    assert sight_of(observed(uml, small).results[-1]) == exhibit.clean


@pytest.mark.clause("XFRM-LIFE-006", "XFRM-SAD-007")
def test_update_keeps_soft_wait(uml: KernelSubject) -> None:
    """A state that never awaited a soft limit is deleted by the same update."""
    assert_shown(uml, "F-025")
    (exhibit,) = exhibits_of(finding_named("F-025"), ALL)
    steps = list(exhibit.scenario.steps)
    added = steps[1]
    assert isinstance(added, AddState)
    steps[1] = AddState(replace(added.state, limits=NO_LIMITS))
    assert sight_of(observed(uml, Scenario(tuple(steps))).results[-1]) == exhibit.clean


@pytest.mark.clause("XFRM-MIGR-004")
def test_larval_route_optimisation_migrates(uml: KernelSubject) -> None:
    assert_shown(uml, "F-028")


@pytest.mark.clause("XFRM-MIGR-004")
def test_a_packet_for_a_migrated_larval_binding_ends_the_guest(uml: KernelSubject) -> None:
    (exhibit,) = finding_named("F-028").exhibits
    assert isinstance(exhibit, Exhibit)
    deadly = replace(exhibit.scenario, steps=(*exhibit.scenario.steps, Send(SENT)))
    outcome = uml.run(deadly)
    assert isinstance(outcome, Failure)
    assert "kernel ended" in outcome.reason
    assert isinstance(uml.run(exhibit.scenario), Observation)


@pytest.mark.clause("XFRM-SPI-001", "XFRM-FIND-003")
def test_failed_allocation_leaves_larval(uml: KernelSubject) -> None:
    assert_shown(uml, "F-026")


def rejected_behind_home_address(flow: Flow) -> Scenario:
    nothing = policy(ANYWHERE, ANYWHERE, Direction.IN)
    layers = (HOME_ADDRESS_OF_PEER,)
    return Scenario((AddPolicy(nothing), AddState(HOME_ADDRESS_OF_PEER), Receive(flow, layers)))


@pytest.mark.clause("XFRM-CHECK-006", "XFRM-HAO-004")
@pytest.mark.parametrize(("type_", "reports"), [(5, 0), (99, 1)])
def test_report_suppressed_for_known_mh(uml: KernelSubject, type_: int, reports: int) -> None:
    """A known mobility message that is rejected is not reported; an unknown one is. Kernel and rule agree."""
    scenario = rejected_behind_home_address(Flow(THERE, HERE, Protocol.MOBILITY, type_))
    outcome = observed(uml, scenario)
    last = outcome.results[-1]
    assert isinstance(last, PacketResult)
    assert last.reports == reports
    for profile in (CLEAN, LINUX_6_1):
        assert not differences(outcome, ReferenceSubject(profile).run(scenario))


def assert_departs(lines: tuple[str, ...], what: str, times: int = 1) -> None:
    verdicts = [line.partition(": ")[0] for line in lines if what in line]
    assert verdicts == ["FAIL"] * times, lines


@pytest.mark.clause("XFRM-CACHE-002", "XFRM-CACHE-005")
def test_bundle_checks_first_policy_only(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "after the MAIN policy")


@pytest.mark.clause("XFRM-DB-008")
def test_delete_bumps_route_generation(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "after the exception", times=2)


@pytest.mark.clause("XFRM-CACHE-006")
def test_cache_misses_state_changes(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "after the state for an optional template")


def test_spi_unique_per(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "the only SPI of a range")


@pytest.mark.clause("XFRM-REPLAY-004")
def test_replay_ring_by_low_half(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "the first packet once more")


@pytest.mark.clause("XFRM-AH-007")
def test_ah_covers_old_next_header(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "AH inside ESP of transport mode")


@pytest.mark.clause("XFRM-AH-001")
def test_ah_padding_is_stale(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "padding of AH")


@pytest.mark.clause("XFRM-FRAG-003", "XFRM-BUNDLE-003")
def test_repeated_headers_reserved_twice(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "first fragment behind a home address option: 1400 octets")
    assert "PASS: first fragment once compression was tried: 1424 octets" in guest_lines


@pytest.mark.clause("XFRM-IFACE-005")
def test_key_dump_is_cut(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "policies in a dump behind one of mode ro")


@pytest.mark.clause("XFRM-IFACE-009")
def test_key_length_of_last_tunnel(guest_lines: tuple[str, ...]) -> None:
    assert_departs(guest_lines, "length of the answer in octets")


@pytest.mark.clause("XFRM-CHECK-002", "XFRM-LOOKUP-007", "XFRM-LOOKUP-009", "XFRM-FLOW-002")
@pytest.mark.clause("XFRM-FLOW-003", "XFRM-FIND-002", "XFRM-FIND-003", "XFRM-TMPL-004", "XFRM-LOOKUP-004")
@pytest.mark.parametrize(
    "name",
    ["F-001", "F-002", "F-004", "F-005", "F-006", "F-007", "F-008", "F-010", "F-014", "F-015", "F-026"],
)
def test_what_policies_can_show_on_the_running_kernel(
    netns: KernelSubject, running: Profile, name: str
) -> None:
    assert_settled(netns, running, name, ONLY_POLICIES)


@pytest.mark.clause("XFRM-DB-008")
@pytest.mark.parametrize("name", ["F-001", "F-013", "F-017"])
def test_scripts_say_the_same_of_the_running_kernel(running: Profile, name: str) -> None:
    if missing_tools():
        pytest.skip(f"the scripts need more tools: {missing_tools()}")
    finding = finding_named(name)
    run = run_here(as_script(finding, ONLY_POLICIES))
    if run.code == 4:
        pytest.skip(run.output)
    assert run.code == int(running.name in finding.profiles), run.output


def test_a_reported_finding_ends_with_what_the_kernel_did(
    netns: KernelSubject, running: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    has_it = running.name in finding_named("F-001").profiles
    assert run_finding("f-001", "netns", None) == (0 if has_it else 1)
    *_, clean, seen, verdict = capsys.readouterr().out.splitlines()
    assert clean.strip() == "clean rule: XfrmInPolBlock"
    assert seen.strip() == "observed:   leaves as UDP"
    assert verdict.endswith(": shown")
