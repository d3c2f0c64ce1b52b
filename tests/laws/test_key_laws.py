"""Laws of PF_KEY: octets and values are the same thing, and what it cannot say is exactly what is lost."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.interfaces.key_codec import MalformedKeyMessageError, decode, encode, type_of
from xfrmspec.interfaces.key_losses import Loss, losses
from xfrmspec.interfaces.key_message import (
    ADDRESS_TYPES,
    KEY_TYPES,
    LIFETIME_TYPES,
    MANUAL_REQID_MAX,
    SUPPORTED_TYPES,
    AddressExtension,
    Extension,
    ExtensionType,
    IpsecRequest,
    KeyExtension,
    KeyMessage,
    LifetimeExtension,
    MessageType,
    OpaqueExtension,
    PolicyExtension,
    Sa2Extension,
    SaExtension,
    SpiRangeExtension,
    SupportedAlgorithm,
    SupportedExtension,
)
from xfrmspec.interfaces.key_policy import from_policy, next_reqid, to_policy
from xfrmspec.interfaces.key_refusal import KeyRefusal
from xfrmspec.wire.secret import Secret
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.policies import link_new
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import (
    Action,
    Direction,
    Limits,
    Mark,
    Mode,
    Policy,
    PolicyFlag,
    PolicyType,
    Template,
)
from xfrmspec_terms.selector import (
    UINT32_MAX,
    Address,
    Family,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    family_of,
    unspecified,
)

_Value = TypeVar("_Value")

octet = st.integers(0, 0xFF)
half = st.integers(0, 0xFFFF)
word = st.integers(0, UINT32_MAX)
long = st.integers(0, (1 << 64) - 1)
ipv4 = st.builds(IPv4Address, word)
ipv6 = st.builds(IPv6Address, st.integers(0, (1 << 128) - 1))


@st.composite
def _addresses(draw: st.DrawFn) -> AddressExtension:
    address: Address = draw(st.one_of(ipv4, ipv6))
    length = draw(st.integers(0, family_of(address).width))
    kind = draw(st.sampled_from(sorted(ADDRESS_TYPES)))
    return AddressExtension(kind, address, length, draw(octet), draw(half))


@st.composite
def _keys(draw: st.DrawFn) -> KeyExtension:
    octets = draw(st.binary(max_size=40))
    bits = max(0, len(octets) * 8 - draw(st.integers(0, 7)))
    return KeyExtension(draw(st.sampled_from(sorted(KEY_TYPES))), bits, Secret(octets))


_ends = st.one_of(st.none(), st.tuples(ipv4, ipv4), st.tuples(ipv6, ipv6))
_requests = st.builds(IpsecRequest, half, octet, octet, word, _ends)
_whole_units = st.integers(0, 8).flatmap(lambda n: st.binary(min_size=8 * n + 4, max_size=8 * n + 4))
_opaque_types = st.sampled_from(
    (ExtensionType.IDENTITY_SRC, ExtensionType.PROPOSAL, ExtensionType.X_KMADDRESS, 99)
)
_algorithms = st.lists(st.builds(SupportedAlgorithm, octet, octet, half, half), max_size=4).map(tuple)
_extensions: st.SearchStrategy[Extension] = st.one_of(
    st.builds(SaExtension, word, octet, octet, octet, octet, word),
    st.builds(LifetimeExtension, st.sampled_from(sorted(LIFETIME_TYPES)), word, long, long, long),
    _addresses(),
    _keys(),
    st.builds(SpiRangeExtension, word, word),
    st.builds(PolicyExtension, half, octet, word, word, st.lists(_requests, max_size=7).map(tuple)),
    st.builds(Sa2Extension, octet, word, word),
    st.builds(SupportedExtension, st.sampled_from(sorted(SUPPORTED_TYPES)), _algorithms),
    st.builds(OpaqueExtension, _opaque_types, _whole_units.map(Secret)),
)
_messages = st.builds(
    KeyMessage,
    st.sampled_from(MessageType),
    octet,
    st.lists(_extensions, max_size=6, unique_by=type_of).map(tuple),
    octet,
    word,
    word,
    half,
)


@given(_messages)
@pytest.mark.clause("XFRM-KEY-001", "XFRM-IFACE-009")
def test_a_message_survives_its_octets_and_says_its_own_length(message: KeyMessage) -> None:
    octets = encode(message)
    assert int.from_bytes(octets[4:6], "little") * 8 == len(octets)
    assert decode(octets) == message


@given(_messages, st.integers(1, 40))
@pytest.mark.clause("XFRM-KEY-001")
def test_a_message_of_another_length_than_it_says_is_refused(message: KeyMessage, more: int) -> None:
    with pytest.raises(MalformedKeyMessageError) as refused:
        decode(encode(message) + bytes(8 * more))
    assert refused.value.errno is Errno.EMSGSIZE


@given(_messages, _extensions)
@pytest.mark.clause("XFRM-KEY-001")
def test_an_extension_that_stands_twice_is_refused(message: KeyMessage, extension: Extension) -> None:
    others = tuple(entry for entry in message.extensions if type_of(entry) != type_of(extension))
    twice = replace(message, extensions=(*others, extension, extension))
    if type_of(extension) > max(ExtensionType):
        assert decode(encode(twice)) == twice
    else:
        with pytest.raises(MalformedKeyMessageError, match="twice"):
            decode(encode(twice))


@given(st.binary(max_size=200))
@pytest.mark.clause("XFRM-KEY-001")
def test_octets_are_read_whole_or_refused(octets: bytes) -> None:
    try:
        message = decode(octets)
    except MalformedKeyMessageError as refused:
        assert refused.errno in (Errno.EINVAL, Errno.EMSGSIZE)
    else:
        assert decode(encode(message)) == message


ODD_ONE_OUT = 9
"""One in so many values is one that PF_KEY has no words for."""


def _rarely(usual: st.SearchStrategy[_Value], odd: st.SearchStrategy[_Value]) -> st.SearchStrategy[_Value]:
    return st.integers(0, ODD_ONE_OUT).flatmap(lambda number: usual if number else odd)


def _ports() -> st.SearchStrategy[PortMatch]:
    plain = st.one_of(st.just(PortMatch()), st.integers(1, 0xFFFF).map(PortMatch.exactly))
    return _rarely(plain, st.builds(PortMatch, half, half))


def _pairs(family: Family) -> st.SearchStrategy[tuple[Address, Address]]:
    addresses: st.SearchStrategy[Address] = ipv6 if family is Family.INET6 else ipv4
    return st.tuples(addresses, addresses)


@st.composite
def _template(draw: st.DrawFn, family: Family, direction: Direction) -> Template:
    mode = draw(_rarely(st.sampled_from((Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)), st.sampled_from(Mode)))
    optional = draw(st.booleans()) and not (direction is Direction.OUT and mode in (Mode.TUNNEL, Mode.BEET))
    ends = _pairs(family)
    nowhere = st.just((unspecified(family), unspecified(family)))
    source, destination = draw(ends if mode is Mode.TUNNEL else _rarely(nowhere, ends))
    unchanged = st.just(UINT32_MAX)
    masks = [draw(_rarely(unchanged, word)) for _ in range(3)]
    reqid = draw(_rarely(st.integers(0, 0 if optional else MANUAL_REQID_MAX), word))
    return Template(
        draw(st.sampled_from((Protocol.AH, Protocol.ESP, Protocol.IPCOMP, Protocol.ROUTING))),
        mode,
        source,
        destination,
        draw(_rarely(st.just(0), word)),
        reqid,
        optional,
        family,
        encryption_mask=masks[0],
        authentication_mask=masks[1],
        compression_mask=masks[2],
    )


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    family = draw(st.sampled_from((Family.INET, Family.INET6)))
    addresses = ipv6 if family is Family.INET6 else ipv4
    prefixes = st.builds(Prefix, addresses, st.integers(0, family.width))
    none_or = st.one_of(st.none(), st.integers(1, UINT32_MAX))
    limits = _rarely(
        st.builds(Limits, none_or, none_or, none_or, none_or, word, word, word, word),
        st.builds(Limits, st.just(0), none_or, st.just(UINT32_MAX + 1), none_or),
    )
    selector = Selector(
        draw(prefixes),
        draw(prefixes),
        draw(_rarely(st.integers(0, 254), octet)),
        draw(_ports()),
        draw(_ports()),
        draw(_rarely(st.just(0), word)),
        draw(_rarely(st.just(0), word)),
        family,
    )
    direction = draw(st.sampled_from(Direction))
    action = draw(st.sampled_from(Action))
    allows = action is Action.ALLOW or draw(st.integers(0, ODD_ONE_OUT)) == 0
    return Policy(
        selector,
        direction,
        draw(_rarely(st.just(PolicyType.MAIN), st.sampled_from(PolicyType))),
        action,
        draw(word),
        tuple(draw(st.lists(_template(family, direction), max_size=6 if allows else 0))),
        draw(_rarely(st.just(Mark()), st.builds(Mark, word, word).map(Mark.masked))),
        draw(_rarely(st.just(0), word)),
        flags=draw(_rarely(st.just(PolicyFlag.NONE), st.sampled_from(PolicyFlag))),
        limits=draw(limits),
    )


@given(_policies())
@pytest.mark.clause("XFRM-IFACE-004", "XFRM-KEY-003", "XFRM-KEY-004", "XFRM-KEY-009")
def test_a_policy_survives_pf_key_exactly_when_nothing_of_it_is_lost(policy: Policy) -> None:
    words = from_policy(policy)
    lost = losses(policy)
    assert isinstance(words, KeyRefusal) is (Loss.MODE in lost)
    if isinstance(words, KeyRefusal):
        return
    heard = decode(encode(KeyMessage(MessageType.X_SPDADD, extensions=words)))
    read, _ = to_policy(heard, PolicyDatabase(), MANUAL_REQID_MAX)
    assert (read == policy) is (not lost)


@given(st.lists(st.integers(MANUAL_REQID_MAX + 1, MANUAL_REQID_MAX + 6), max_size=6))
@pytest.mark.clause("XFRM-KEY-004")
def test_a_reqid_that_is_made_up_belongs_to_no_main_template(reqids: list[int]) -> None:
    templates = tuple(Template(Protocol.ESP, Mode.TRANSPORT, reqid=reqid) for reqid in reqids)
    anything = Selector.between("::/0", "::/0")
    database = link_new(PolicyDatabase(), Policy(anything, Direction.OUT, templates=templates)).database
    found = next_reqid(database, MANUAL_REQID_MAX)
    assert found not in reqids
    assert set(range(MANUAL_REQID_MAX + 1, found)) <= set(reqids)
    sub = Policy(anything, Direction.OUT, PolicyType.SUB, templates=templates)
    elsewhere = link_new(PolicyDatabase(), sub).database
    assert next_reqid(elsewhere, MANUAL_REQID_MAX) == MANUAL_REQID_MAX + 1
    assert next_reqid(elsewhere, UINT32_MAX) == MANUAL_REQID_MAX + 1
