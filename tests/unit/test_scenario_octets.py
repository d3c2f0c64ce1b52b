"""Scenarios about octets: suites, packets open where chance decides, and what a packet taken apart shows."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from random import Random

import pytest

from xfrmspec.conform.campaigns import CAMPAIGNS, CampaignName, scenario_number
from xfrmspec.host.departures import Departures, peel
from xfrmspec.scenario.document import DocumentError, from_json, to_json
from xfrmspec.scenario.observation import Failure, Observation, PacketResult, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.suites import AH_SUITES, ESP_SUITES, Suite, key_for, keys_of
from xfrmspec.scenario.terms import AddPolicy, AddState, Arrive, FlushPolicies, Scenario, Send
from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.decode import decode
from xfrmspec.wire.esp import EspKeys
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.headers import EspHeader, Packet
from xfrmspec_terms.policy import Direction, Mode, Policy, Template
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Flow, Protocol, Selector

HERE, THERE = IPv6Address("2001:db8::1"), IPv6Address("2001:db8:b::1")
FLOW = Flow(HERE, THERE, Protocol.UDP, 5000, 5001)
ESP = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001)
AH = SecurityAssociation(HERE, THERE, Protocol.AH, Mode.TRANSPORT, 0x1002)
REFERENCE = ReferenceSubject(LINUX_6_1)


def allow(*states: SecurityAssociation) -> AddPolicy:
    templates = tuple(Template(state.protocol, state.mode) for state in states)
    return AddPolicy(Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=templates))


def departures(
    suite: Suite, *states: SecurityAssociation, packets: int = 1, size: int = 320
) -> list[Departures]:
    added = tuple(AddState(state, suite=suite) for state in states)
    sends = (Send(FLOW, size=size),) * packets
    outcome = REFERENCE.run(Scenario((allow(*states), *added, *sends), octets=True))
    assert isinstance(outcome, Observation)
    results = [result for result in outcome.results if isinstance(result, PacketResult)]
    leaving = [result.allowed for result in results if isinstance(result.allowed, Departures)]
    assert len(leaving) == packets
    return leaving


@pytest.mark.parametrize("suite", list(Suite))
def test_keys_follow_from_suite_and_spi_alone(suite: Suite) -> None:
    keys = keys_of(suite, ESP)
    assert isinstance(keys, EspKeys)
    assert keys == keys_of(suite, replace(ESP, source=THERE))
    if suite is not Suite.READABLE:
        assert keys != keys_of(suite, replace(ESP, spi=0x1003))
        part = suite.value.cipher if suite.value.cipher.key_octets else suite.value.digest
        assert part is not None
        assert len(key_for(suite, ESP.spi, part)) == part.key_octets


def test_ah_takes_the_digest_and_has_none_beside_a_combined_cipher() -> None:
    assert all(isinstance(keys_of(suite, AH), AhKeys) for suite in AH_SUITES)
    with pytest.raises(ValueError, match="GCM128"):
        keys_of(Suite.GCM128, AH)


@pytest.mark.clause("XFRM-EMIT-001", "XFRM-ESP-006")
@pytest.mark.parametrize("suite", [suite for suite in ESP_SUITES if suite in AH_SUITES])
def test_what_a_packet_shows_of_chance_brings_the_same_packet_back(suite: Suite) -> None:
    for leaving in departures(suite, ESP, AH, packets=3):
        random = Random(7)
        node, drawn = leaving.node, []
        for age in leaving.ages:
            keys = node.of(age).keys
            octets = keys.encryption.iv_octets if isinstance(keys, EspKeys) else keys.padding_octets  # type: ignore[union-attr]
            drawn.append(random.randbytes(octets))
        sent = leaving.with_chance(drawn)
        assert leaving.nearest(sent) == sent
        taken = peel(sent[0], [node.of(age).keys for age in leaving.ages], (0, 0), LINUX_6_1)
        assert taken.drawn == tuple(drawn)


@pytest.mark.clause("XFRM-REPLAY-008")
def test_numbers_go_on_from_packet_to_packet() -> None:
    found = []
    for leaving in departures(Suite.GCM128, ESP, packets=3):
        packet = decode(leaving.with_chance(())[0])
        assert isinstance(packet, Packet)
        header = packet.headers[1]
        assert isinstance(header, EspHeader)
        found.append(header.sequence)
    assert found == [1, 2, 3]


@pytest.mark.clause("XFRM-EMIT-001")
def test_an_octet_that_is_not_by_chance_must_be_right() -> None:
    (leaving,) = departures(Suite.CBC256_SHA256, ESP)
    (sent,) = leaving.with_chance((bytes(range(16)),))
    for at in (7, 30, 41, 45, len(sent) - 1):
        wrong = sent[:at] + bytes((sent[at] ^ 1,)) + sent[at + 1 :]
        assert leaving.nearest((wrong,)) != (wrong,)


@pytest.mark.clause("XFRM-FRAG-001", "XFRM-MTU-001")
def test_a_tunnel_seals_fragments_and_transport_mode_is_cut_behind() -> None:
    tunnel = replace(ESP, mode=Mode.TUNNEL)
    template = Template(Protocol.ESP, Mode.TUNNEL, HERE, THERE)
    policy = AddPolicy(Policy(Selector.between("::/0", "::/0"), Direction.OUT, templates=(template,)))
    steps = (policy, AddState(tunnel, suite=Suite.GCM128), Send(FLOW, size=2000))
    outcome = REFERENCE.run(Scenario(steps, octets=True))
    assert isinstance(outcome, Observation)
    result = outcome.results[-1]
    assert isinstance(result, PacketResult)
    assert isinstance(result.allowed, Departures)
    first, second = result.allowed.with_chance(())
    assert (first[6], second[6]) == (Protocol.ESP, Protocol.ESP)
    assert len(first) <= 1500
    (cut,) = departures(Suite.GCM128, ESP, size=2000)
    assert [piece[6] for piece in cut.with_chance(())] == [Protocol.FRAGMENT] * 2


def test_a_scenario_with_octets_refuses_steps_that_it_does_not_know() -> None:
    assert isinstance(REFERENCE.run(Scenario((FlushPolicies(),), octets=True)), Failure)
    with pytest.raises(ValueError, match="octets"):
        REFERENCE.run(Scenario((Arrive(b"", 17),)))


@pytest.mark.parametrize("name", [CampaignName.OCTETS, CampaignName.ARRIVALS])
def test_documents_hold_suites_and_octets_and_agree_with_themselves(name: CampaignName) -> None:
    for number in range(30):
        scenario = scenario_number(CAMPAIGNS[name], 3, number)
        assert from_json(to_json(scenario)) == scenario
        assert differences(REFERENCE.run(scenario), REFERENCE.run(scenario)) == ()


def test_a_document_with_broken_octets_says_where() -> None:
    text = to_json(Scenario((Arrive(b"\x60", 17),), octets=True)).replace('"60"', '"6x"')
    with pytest.raises(DocumentError, match=r"steps\[0\].octets"):
        from_json(text)
