"""The netlink codec loses nothing: round trips, and the recorded messages of a Mobile IPv6 daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xfrmspec.kernel.netlink import Message, MessageKind, decode, encode, frame, frames
from xfrmspec.kernel.netlink_attributes import (
    Algorithm,
    AttributeKind,
    ReplayEsn,
    algorithm_attribute,
    algorithms_in,
    replay_esn_attribute,
    replay_esn_in,
    split,
    value_of,
)
from xfrmspec.kernel.netlink_bodies import (
    ExpireBody,
    PolicyBody,
    PolicyExpireBody,
    StateBody,
    StateKeyBody,
)
from xfrmspec.kernel.netlink_counters import (
    CountersBody,
    Replay,
    replay_attribute,
    replay_in,
    usage_attribute,
    usage_in,
)
from xfrmspec.kernel.netlink_requests import (
    NULL_CIPHER,
    allocate_spi_message,
    migrate_message,
    policy_key_message,
    policy_message,
    state_message,
    stored_policy,
    stored_state,
)
from xfrmspec.kernel.netlink_small import unpack_migrate
from xfrmspec.kernel.netlink_values import MalformedMessageError, Usage
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.association import Encapsulation, SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.policy import (
    TEMPLATE_PROTOCOLS,
    Action,
    Direction,
    Limits,
    Mark,
    Mode,
    Policy,
    PolicyType,
    Share,
    Template,
    identity_of,
)
from xfrmspec_terms.selector import Family, PortMatch, Prefix, Selector

SAMPLES = Path(__file__).parents[2] / ".." / "shared" / "samples" / "mip6d" / "noipsec" / "netlink"


def recorded() -> Iterator[tuple[str, str, bytes]]:
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            entry = json.loads(line)
            if "hex" in entry:
                yield f"{path.name}:{number}", entry["msg"], bytes.fromhex(entry["hex"])


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="../shared/samples/mip6d is not here")
def test_every_recorded_message_is_encoded_back_to_the_same_octets() -> None:
    seen = 0
    for where, kind, payload in recorded():
        assert encode(decode(MessageKind[kind], payload)) == payload, where
        seen += 1
    assert seen > 200


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="../shared/samples/mip6d is not here")
def test_recorded_requests_are_rebuilt_from_terms_alone() -> None:
    kinds = {"NEWPOLICY", "UPDPOLICY"}
    for where, kind, payload in recorded():
        if kind not in kinds:
            continue
        stored = stored_policy(decode(MessageKind[kind], payload))
        rebuilt = decode(MessageKind[kind], encode(policy_message(stored.policy, MessageKind[kind])))
        assert stored_policy(rebuilt).policy == stored.policy, where


sixteen = st.binary(min_size=16, max_size=16).map(IPv6Address)
words = st.integers(0, 0xFFFFFFFF)
slots = st.integers(0, 0xFFFF)
ports = st.builds(PortMatch, slots, slots)
prefixes = st.builds(Prefix, sixteen, st.integers(0, 128))
selectors = st.builds(
    Selector, prefixes, prefixes, st.integers(0, 255), ports, ports, st.integers(0, 0x7FFFFFFF), words
)
marks = st.builds(Mark, words, words)
templates = st.builds(
    Template,
    st.sampled_from(sorted(TEMPLATE_PROTOCOLS)),
    st.sampled_from(Mode),
    sixteen,
    sixteen,
    words,
    words,
    st.booleans(),
    st.just(Family.INET6),
    st.sampled_from(Share),
    words,
    words,
    words,
)
policies = st.builds(
    Policy,
    selectors,
    st.sampled_from(Direction),
    st.sampled_from(PolicyType),
    st.sampled_from(Action),
    words,
    st.lists(templates, max_size=6).map(tuple),
    marks,
    words,
)
states = st.builds(
    SecurityAssociation,
    sixteen,
    sixteen,
    st.sampled_from(sorted(TEMPLATE_PROTOCOLS)),
    st.sampled_from(Mode),
    words,
    words,
    selector=st.one_of(st.none(), selectors),
    if_id=words,
)

octets = st.integers(0, (1 << 64) - 2)
limits = st.builds(Limits, *[st.one_of(st.none(), octets)] * 4, *[st.integers(0, (1 << 64) - 1)] * 4)


@st.composite
def storable(draw: st.DrawFn) -> Policy:
    policy = draw(policies)
    index = draw(st.integers(0, 1 << 28)) * 8 + policy.direction
    return replace(policy, limits=draw(limits), index=index, share=draw(st.sampled_from(Share)))


@given(storable(), st.sampled_from((MessageKind.NEWPOLICY, MessageKind.UPDPOLICY)))
def test_a_policy_survives_the_round_trip(policy: Policy, kind: MessageKind) -> None:
    message = policy_message(policy, kind)
    assert decode(kind, encode(message)) == message
    assert stored_policy(decode(kind, encode(message))).policy == policy


@given(storable())
def test_a_policy_key_survives_the_round_trip(policy: Policy) -> None:
    message = policy_key_message(identity_of(policy), policy.index)
    assert decode(MessageKind.DELPOLICY, encode(message)) == message


@st.composite
def storable_states(draw: st.DrawFn) -> SecurityAssociation:
    state = draw(states)
    care_of = IPv6Address("2001:db8:c::1") if state.protocol in (43, 60) else None
    return replace(
        state,
        care_of=care_of,
        mark=draw(marks),
        limits=draw(limits),
        replay_window=draw(st.integers(0, 255)),
        encapsulation=draw(st.sampled_from(Encapsulation)),
        output_mark=draw(marks),
    )


@given(storable_states())
def test_a_state_survives_the_round_trip(state: SecurityAssociation) -> None:
    message = state_message(state)
    assert decode(MessageKind.NEWSA, encode(message)) == message
    assert stored_state(decode(MessageKind.NEWSA, encode(message))) == state


@given(st.binary(max_size=64), st.sampled_from((None, 96, 128)))
def test_an_algorithm_survives_the_round_trip_and_never_shows_its_key(key: bytes, icv: int | None) -> None:
    kind = AttributeKind.ALG_CRYPT if icv is None else AttributeKind.ALG_AUTH_TRUNC
    algorithm = Algorithm(kind, "hmac(sha1)", Secret(key), icv)
    attribute = algorithm_attribute(algorithm)
    assert algorithms_in((attribute,)) == (algorithm,)
    assert len(key) < 4 or key.hex() not in repr(attribute) + repr(algorithm)


@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=4), st.integers(0, 0xFFFFFFFF))
def test_an_extended_replay_state_survives_the_round_trip(words: list[int], counter: int) -> None:
    replay = ReplayEsn(counter, 2, 3, 4, 64, tuple(words))
    assert replay_esn_in((replay_esn_attribute(replay),)) == replay


@given(words, words, words)
def test_a_replay_state_survives_the_round_trip(out: int, sequence: int, bitmap: int) -> None:
    replay = Replay(out, sequence, bitmap)
    assert replay_in((replay_attribute(replay),)) == replay


@given(*[st.integers(0, (1 << 64) - 1)] * 4)
def test_usage_survives_the_round_trip(octets: int, packets: int, added: int, used: int) -> None:
    usage = Usage(octets, packets, added, used)
    assert usage_in((usage_attribute(usage),)) == usage


@given(sixteen, sixteen, words, st.integers(0, 255), words, words)
def test_a_counter_event_survives_the_round_trip(
    source: IPv6Address, destination: IPv6Address, spi: int, protocol: int, flags: int, reqid: int
) -> None:
    body = CountersBody(StateKeyBody(destination, spi, protocol), source, flags, reqid)
    message = Message(MessageKind.NEWAE, body, (replay_attribute(Replay(1, 2, 3)),))
    assert decode(MessageKind.NEWAE, encode(message)) == message


migrations = st.builds(
    Migration,
    *(sixteen,) * 4,
    st.sampled_from(sorted(TEMPLATE_PROTOCOLS)),
    st.sampled_from(Mode),
    words,
)


@given(storable(), st.lists(migrations, max_size=6))
def test_a_migration_survives_the_round_trip(policy: Policy, entries: list[Migration]) -> None:
    message = migrate_message(identity_of(policy), entries)
    again = decode(MessageKind.MIGRATE, encode(message))
    assert again == message
    assert unpack_migrate(value_of(again.attributes, AttributeKind.MIGRATE) or b"") == tuple(entries)


@given(storable_states(), words, words)
def test_a_request_for_an_spi_survives_the_round_trip(
    state: SecurityAssociation, low: int, high: int
) -> None:
    message = allocate_spi_message(state, low, high)
    assert decode(MessageKind.ALLOCSPI, encode(message)) == message


@given(storable_states(), st.booleans())
def test_an_expiry_survives_the_round_trip(state: SecurityAssociation, hard: bool) -> None:
    whole = state_message(state)
    assert isinstance(whole.body, StateBody)
    message = Message(MessageKind.EXPIRE, ExpireBody(whole.body, hard), whole.attributes)
    assert decode(MessageKind.EXPIRE, encode(message)) == message


@given(storable(), st.booleans())
def test_the_expiry_of_a_policy_survives_the_round_trip(policy: Policy, hard: bool) -> None:
    whole = policy_message(policy)
    assert isinstance(whole.body, PolicyBody)
    message = Message(MessageKind.POLEXPIRE, PolicyExpireBody(whole.body, hard), whole.attributes)
    assert decode(MessageKind.POLEXPIRE, encode(message)) == message


@given(st.sampled_from(sorted(MessageKind)), st.binary(max_size=400))
def test_arbitrary_octets_are_refused_in_words_or_decoded(kind: MessageKind, payload: bytes) -> None:
    try:
        decode(kind, payload)
    except MalformedMessageError as refusal:
        assert str(refusal)


def test_frames_are_cut_where_their_lengths_say() -> None:
    first = frame(MessageKind.FLUSHSA, 5, 1, b"\0" * 4)
    second = frame(MessageKind.FLUSHPOLICY, 5, 2, b"")
    assert [f.sequence for f in frames(first + second)] == [1, 2]
    with pytest.raises(MalformedMessageError):
        list(frames(first[:-1]))


def test_attributes_with_a_wrong_length_are_refused() -> None:
    with pytest.raises(MalformedMessageError, match="attribute 5"):
        split(b"\x40\x00\x05\x00abcd")


def test_null_cipher_is_named_as_the_kernel_names_it() -> None:
    assert NULL_CIPHER.name == "ecb(cipher_null)"
