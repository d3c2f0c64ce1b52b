"""Printing is the inverse of reading for every policy and state that text can carry."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given, settings
from hypothesis import strategies as st

from xfrmspec.formats import Dump, Location, PolicyRecord, StateRecord, print_ip_xfrm, read_ip_xfrm
from xfrmspec_terms.association import SecurityAssociation, StateFlag
from xfrmspec_terms.policy import (
    TEMPLATE_PROTOCOLS,
    Action,
    Direction,
    Limits,
    Mark,
    Mode,
    Policy,
    PolicyFlag,
    PolicyType,
    Share,
    Template,
)
from xfrmspec_terms.selector import (
    ANY_PORT,
    UINT32_MAX,
    Address,
    Family,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
)

_AT = Location("x", 1)
_WORD = st.integers(0, UINT32_MAX)
_LONG = st.integers(0, 0xFFFFFFFFFFFFFFFF)
_SLOT = st.integers(0, 0xFFFF)
_PORT = st.one_of(st.just(ANY_PORT), st.builds(PortMatch, _SLOT, st.integers(1, 0xFFFF)))
_LIMITS = st.builds(
    Limits,
    st.none() | _LONG,
    st.none() | _LONG,
    st.none() | _LONG,
    st.none() | _LONG,
    _LONG,
    _LONG,
    _LONG,
    _LONG,
)


def _addresses(family: Family) -> st.SearchStrategy[Address]:
    if family is Family.INET:
        return st.builds(IPv4Address, _WORD)
    return st.builds(IPv6Address, st.integers(0, 2**128 - 1) | _WORD | st.just(0xFFFF << 32 | 7))


def _prefixes(family: Family) -> st.SearchStrategy[Prefix]:
    return st.builds(Prefix, _addresses(family), st.integers(0, family.width))


@st.composite
def _selectors(draw: st.DrawFn, family: Family, *, long: bool) -> Selector:
    protocol = draw(st.sampled_from([0, *Protocol]) | st.integers(0, 255))
    hides_destination = protocol == Protocol.MOBILITY and not long
    destination_port = ANY_PORT if hides_destination else draw(_PORT)
    if protocol == Protocol.MOBILITY and destination_port.mask:
        destination_port = PortMatch.exactly(destination_port.value)
    source_port = draw(_PORT)
    if protocol == Protocol.GRE:
        source_port = PortMatch(source_port.value, source_port.mask or 1)
        destination_port = PortMatch(destination_port.value, destination_port.mask or 1)
    return Selector(
        draw(_prefixes(family)),
        draw(_prefixes(family)),
        protocol,
        source_port,
        destination_port,
        draw(st.sampled_from([0, 1])),
        draw(_WORD) if long else 0,
        family,
    )


@st.composite
def _templates(draw: st.DrawFn, *, long: bool) -> Template:
    family = draw(st.sampled_from([Family.INET, Family.INET6]))
    masks = [draw(_WORD) if long else UINT32_MAX for _ in range(3)]
    return Template(
        draw(st.sampled_from(sorted(TEMPLATE_PROTOCOLS))),
        draw(st.sampled_from(Mode)),
        draw(_addresses(family)),
        draw(_addresses(family)),
        draw(_WORD),
        draw(_WORD),
        draw(st.booleans()),
        family,
        draw(st.sampled_from(Share)) if long else Share.ANY,
        *masks,
    )


@st.composite
def _policies(draw: st.DrawFn) -> PolicyRecord:
    long = draw(st.booleans())
    family = draw(st.sampled_from([Family.INET, Family.INET6]))
    policy = Policy(
        draw(_selectors(family, long=long)),
        draw(st.sampled_from(Direction)),
        draw(st.sampled_from(PolicyType)),
        draw(st.sampled_from(Action)),
        draw(_WORD),
        tuple(draw(st.lists(_templates(long=long), max_size=6))),
        draw(st.builds(Mark, _WORD, _WORD)),
        draw(_WORD),
        draw(_WORD) if long else 0,
        draw(st.sampled_from([PolicyFlag(value) for value in range(4)])),
        draw(_LIMITS) if long else Limits(),
        draw(st.sampled_from(Share)) if long else Share.ANY,
        draw(st.sampled_from(["", "system_u:object_r:ipsec_spd_t:s0"])),
    )
    interface = "eth0" if policy.selector.ifindex else ""
    return PolicyRecord(policy, _AT, draw(st.booleans()), interface=interface, verbose=long)


@st.composite
def _states(draw: st.DrawFn) -> StateRecord:
    long = draw(st.booleans())
    family = draw(st.sampled_from([Family.INET, Family.INET6]))
    selector = draw(st.none() | _selectors(family, long=long))
    state = SecurityAssociation(
        draw(_addresses(family)),
        draw(_addresses(family)),
        draw(st.sampled_from(sorted(TEMPLATE_PROTOCOLS))),
        draw(st.sampled_from(Mode)),
        draw(_WORD),
        draw(_WORD),
        family,
        selector,
        draw(st.builds(Mark, _WORD, _WORD)),
        draw(_WORD),
        StateFlag(draw(st.integers(0, 255))),
        draw(st.none() | _addresses(family)),
        limits=draw(_LIMITS) if long else Limits(),
        replay_window=draw(_WORD),
    )
    interface = "eth0" if selector is not None and selector.ifindex else ""
    return StateRecord(state, _AT, interface=interface, verbose=long)


@settings(max_examples=300, deadline=None)
@given(st.lists(_policies(), max_size=3))
def test_policies_print_and_read_back_equal(records: list[PolicyRecord]) -> None:
    text = print_ip_xfrm(Dump(policies=tuple(records)))
    dump = read_ip_xfrm(text, "x")
    assert dump.unknown == ()
    assert [found.policy for found in dump.policies] == [record.policy for record in records]
    assert [(found.socket, found.verbose) for found in dump.policies] == [
        (record.socket, record.verbose) for record in records
    ]
    assert print_ip_xfrm(dump) == text


@settings(max_examples=300, deadline=None)
@given(st.lists(_states(), max_size=3))
def test_states_print_and_read_back_equal(records: list[StateRecord]) -> None:
    text = print_ip_xfrm(Dump(states=tuple(records)))
    dump = read_ip_xfrm(text, "x")
    assert dump.unknown == ()
    assert [found.state for found in dump.states] == [record.state for record in records]
    assert print_ip_xfrm(dump) == text
