"""Generators of mobility messages, of every type and with every option."""

from __future__ import annotations

from hypothesis import strategies as st
from packet_strategies import addresses6, half_word, octet, units

from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingErrorStatus,
    BindingRefreshAdvice,
    BindingRefreshRequest,
    BindingStatus,
    BindingUpdate,
    CareOfTest,
    CareOfTestInit,
    HomeTest,
    HomeTestInit,
    MobilityMessageType,
    MobilityOptions,
    MobilityOptionType,
    NonceIndices,
    UnknownMessage,
    UnknownOption,
)

cookies = st.binary(min_size=8, max_size=8)
flags = st.booleans()
unknown_options = st.builds(
    UnknownOption, octet.filter(lambda kind: kind not in set(MobilityOptionType)), st.binary(max_size=20)
)
meaningful_options = st.one_of(
    st.builds(BindingRefreshAdvice, half_word),
    st.builds(AlternateCareOfAddress, addresses6),
    st.builds(NonceIndices, half_word, half_word),
    unknown_options,
)
authorization_data = st.builds(BindingAuthorizationData, st.binary(min_size=12, max_size=12))


@st.composite
def option_lists(draw: st.DrawFn) -> MobilityOptions:
    """Options that mean something, the authorization data last if they are there."""
    return (
        *draw(st.lists(meaningful_options, max_size=4)),
        *draw(st.lists(authorization_data, max_size=1)),
    )


lists = option_lists()
statuses = st.one_of(
    st.sampled_from(BindingStatus), octet.filter(lambda value: value not in set(BindingStatus))
)
error_statuses = st.one_of(
    st.sampled_from(BindingErrorStatus), octet.filter(lambda value: value not in set(BindingErrorStatus))
)
binding_updates = st.builds(BindingUpdate, half_word, flags, flags, flags, flags, half_word, lists)
binding_acknowledgements = st.builds(BindingAcknowledgement, statuses, flags, half_word, half_word, lists)
optioned_messages = st.one_of(
    st.builds(BindingRefreshRequest, lists),
    st.builds(HomeTestInit, cookies, lists),
    st.builds(CareOfTestInit, cookies, lists),
    st.builds(HomeTest, half_word, cookies, cookies, lists),
    st.builds(CareOfTest, half_word, cookies, cookies, lists),
    binding_updates,
    binding_acknowledgements,
    st.builds(BindingError, error_statuses, addresses6, lists),
)
unknown_messages = st.builds(
    UnknownMessage, octet.filter(lambda kind: kind not in set(MobilityMessageType)), units(8, 6)
)
messages = st.one_of(optioned_messages, unknown_messages)
