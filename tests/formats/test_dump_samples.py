"""Every sample is understood to the last word and prints back equal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dump_samples import sample, sample_paths

from xfrmspec.formats import DumpFormat, Masked, combine, dump_to_json, print_dump, read_dump, read_file
from xfrmspec_terms.policy import Action, Direction, Mode, PolicyType
from xfrmspec_terms.selector import ANY_PORT, PORT_MASK_FULL, PortMatch, Protocol

_PATHS = sample_paths()


@pytest.mark.skipif(not _PATHS, reason="the shared samples are not there")
@pytest.mark.parametrize("path", _PATHS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_sample_is_understood_and_prints_back_equal(path: Path) -> None:
    dump = read_file(path)
    assert dump.unknown == ()
    assert print_dump(dump).split() == path.read_text(encoding="utf-8").split()
    json.dumps(dump_to_json(dump))


@pytest.mark.skipif(not _PATHS, reason="the shared samples are not there")
def test_all_samples_together_keep_every_record() -> None:
    dumps = [read_file(path) for path in _PATHS]
    joined = combine(dumps)
    assert len(joined.policies) == sum(len(dump.policies) for dump in dumps)
    assert len(joined.states) == sum(len(dump.states) for dump in dumps)
    assert {record.format for record in joined.policies} == set(DumpFormat) - {DumpFormat.SETKEY_CONF}


def test_masked_numbers_are_zero_and_listed() -> None:
    record = read_dump(sample("libreswan-02352.txt"), "x").policies[0]
    assert record.policy.priority == 0
    assert record.policy.templates[0].reqid == 0
    assert record.masked == (Masked("priority", "PRIORITY"), Masked("templates[0].reqid", "REQID"))


def test_template_without_its_second_line_is_masked_in_the_middle_of_a_text() -> None:
    dump = read_dump(sample("libreswan-01188.txt"), "x")
    assert Masked("templates[0].protocol", "") in dump.policies[0].masked


def test_no_states_differs_from_states_not_shown() -> None:
    shown = read_dump(sample("libreswan-00879.txt"), "x")
    assert shown.lists_states
    assert shown.states == ()
    assert not read_dump(sample("libreswan-02041.txt"), "x").lists_states


def test_block_and_socket_policies() -> None:
    blocked = read_dump(sample("libreswan-00879.txt"), "x").policies[0]
    assert blocked.policy.action is Action.BLOCK
    sockets = read_dump(sample("libreswan-00106.txt"), "x").policies[3:]
    assert all(record.socket for record in sockets)
    assert {record.policy.direction for record in sockets} == {Direction.IN, Direction.OUT}


@pytest.mark.clause("XFRM-SEL-002")
def test_mobility_type_is_the_source_slot_and_a_missing_word_is_a_wildcard() -> None:
    path = next((path for path in _PATHS if path.match("*/03-*/MN.xfrm-policy.txt")), None)
    if path is None:
        pytest.skip("the shared samples are not there")
    policies = [record.policy for record in read_file(path).policies]
    update = next(policy for policy in policies if policy.priority == 2)
    assert update.selector.protocol == Protocol.MOBILITY
    assert update.selector.source_port == PortMatch(5, PORT_MASK_FULL)
    assert update.selector.destination_port == ANY_PORT
    assert update.type is PolicyType.SUB
    trigger = next(policy for policy in policies if policy.priority == 18)
    assert trigger.templates[0].mode is Mode.IN_TRIGGER
    assert trigger.templates[0].optional
    request = next(policy for policy in policies if policy.selector.protocol == Protocol.ICMPV6)
    assert request.selector.source_port.mask == PORT_MASK_FULL
    assert request.selector.destination_port == ANY_PORT


def test_port_selectors_of_a_state() -> None:
    selector = read_dump(sample("libreswan-01480.txt"), "x").states[0].state.selector
    assert selector is not None
    assert (selector.source_port, selector.destination_port) == (
        PortMatch.exactly(1702),
        PortMatch.exactly(1701),
    )


def test_the_long_form_gives_masks_and_limits() -> None:
    path = next((path for path in _PATHS if path.match("*/03-*/MN.xfrm-policy-s.txt")), None)
    if path is None:
        pytest.skip("the shared samples are not there")
    record = read_file(path).policies[0]
    assert record.verbose
    assert not record.policy.templates[0].any_algorithm
    assert record.policy.index == 112


def test_other_systems_become_policies_and_states() -> None:
    openbsd = read_dump(sample("libreswan-01170.txt"), "x")
    assert [record.policy.direction for record in openbsd.policies] == [Direction.IN, Direction.OUT]
    assert str(openbsd.policies[1].policy.templates[0].destination) == "192.1.2.45"
    freebsd = read_dump(sample("libreswan-02116.txt"), "x")
    assert freebsd.policies[0].policy.templates[0].protocol is Protocol.ESP
    states = read_dump(sample("libreswan-02635.txt"), "x").states
    assert [record.state.protocol for record in states[:2]] == [Protocol.IPCOMP, Protocol.AH]
    assert states[0].state.limits.hard_add_seconds == 28800
