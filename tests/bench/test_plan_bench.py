"""One pass against step by step, on the lists that a merged pair of policies really has; prints the ratio."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from taking_turns import fastest

from xfrmspec.wire.ah import AhKeys
from xfrmspec.wire.algorithms import integrity
from xfrmspec.wire.applying import Provision, StateKeys, apply_state
from xfrmspec.wire.build import Application, build
from xfrmspec.wire.encode import encode
from xfrmspec.wire.esp import EspKeys
from xfrmspec.wire.insertion import wire_chain
from xfrmspec.wire.plan import plan_headers, written_at_once
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.headers import IPv6Header, Packet, UdpHeader
from xfrmspec_terms.packet import Header
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.selector import Family, Protocol, unspecified

_ROUNDS = 20_000
_PACKETS = 1000
_PLAIN = (
    Header.HOP_BY_HOP,
    Header.DESTINATION_OPTIONS,
    Header.ROUTING,
    Header.DESTINATION_OPTIONS,
    Header.UDP,
)
_LIST = (
    (Protocol.IPCOMP, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.ESP, Mode.TUNNEL),
)


@pytest.mark.bench
def test_one_pass_is_faster_than_step_by_step() -> None:
    nowhere = unspecified(Family.INET6)
    states = [SecurityAssociation(nowhere, nowhere, protocol, mode) for protocol, mode in _LIST]
    plan = plan_headers(_PLAIN, states)
    assert written_at_once(_PLAIN, plan) == wire_chain(_PLAIN, states)
    stepwise, planned, afresh = fastest(
        _ROUNDS,
        lambda: wire_chain(_PLAIN, states),
        lambda: written_at_once(_PLAIN, plan),
        lambda: written_at_once(_PLAIN, plan_headers(_PLAIN, states)),
    )
    print(
        f"\n{_ROUNDS} packets of six states: step by step {stepwise:.2f} s, planned for each packet"
        f" {afresh:.2f} s (ratio {stepwise / afresh:.2f}), planned once {planned:.2f} s"
        f" (ratio {stepwise / planned:.2f})"
    )
    assert planned < stepwise
    assert afresh < stepwise


@pytest.mark.bench
def test_one_pass_over_the_octets_is_faster_than_step_by_step() -> None:
    here, there = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::2")
    packet = Packet((IPv6Header(here, there), UdpHeader(1, 2)), bytes(200))
    keys: dict[Protocol, StateKeys] = {
        Protocol.ESP: EspKeys(integrity=integrity("hmac(sha256)", Secret(bytes(32)))),
        Protocol.AH: AhKeys(integrity("hmac(sha256)", Secret(bytes(32)))),
    }
    steps = []
    for protocol, mode in _LIST[1:]:
        care_of = here if mode is Mode.RO else None
        state = SecurityAssociation(here, there, protocol, mode, 0 if care_of else 1, care_of=care_of)
        steps.append(Application(state, Provision(keys.get(protocol), 1)))

    def one_after_the_other() -> bytes:
        built = packet
        for step in steps:
            built = apply_state(built, step.state, step.provision).packet
        return encode(built)

    assert build(packet, steps) == one_after_the_other()
    stepwise, at_once = fastest(_PACKETS, one_after_the_other, lambda: build(packet, steps))
    print(
        f"\n{_PACKETS} packets of five states with HMAC: step by step {stepwise:.2f} s, in one pass"
        f" {at_once:.2f} s (ratio {stepwise / at_once:.2f})"
    )
    assert at_once < stepwise
