"""The fields of a mobility message in words; cookies, tokens and authenticators are never shown."""

from __future__ import annotations

from collections.abc import Iterator

from xfrmspec_terms.mobility import (
    AlternateCareOfAddress,
    BindingAcknowledgement,
    BindingAuthorizationData,
    BindingError,
    BindingRefreshAdvice,
    BindingUpdate,
    CareOfTest,
    HomeTest,
    MobilityMessage,
    MobilityOption,
    NonceIndices,
)

_LIFETIME_UNIT = 4


def message_lines(message: MobilityMessage) -> tuple[str, ...]:
    """Return the numbers of a message and its options, but for padding, one line each; times in seconds."""
    options = (_option_line(option) for option in getattr(message, "options", ()))
    return (*_lines(message), *filter(None, options))


def _lines(message: MobilityMessage) -> Iterator[str]:
    match message:
        case BindingUpdate():
            flags = (
                ("A", message.acknowledge),
                ("H", message.home_registration),
                ("L", message.link_local_compatibility),
                ("K", message.key_management_mobility),
            )
            yield f"sequence {message.sequence}"
            yield f"flags {' '.join(name for name, on in flags if on) or 'none'}"
            yield f"lifetime {message.lifetime * _LIFETIME_UNIT} s"
        case BindingAcknowledgement():
            yield f"status {int(message.status)}"
            yield f"sequence {message.sequence}"
            yield f"lifetime {message.lifetime * _LIFETIME_UNIT} s"
        case BindingError():
            yield f"status {int(message.status)}"
            yield f"home address {message.home_address}"
        case HomeTest() | CareOfTest():
            yield f"nonce index {message.nonce_index}"
        case _:
            pass


def _option_line(option: MobilityOption) -> str:
    match option:
        case AlternateCareOfAddress():
            return f"care-of address {option.address}"
        case NonceIndices():
            return f"nonce indices {option.home} and {option.care_of}"
        case BindingAuthorizationData():
            return f"authenticator {len(option.authenticator)} octets"
        case BindingRefreshAdvice():
            return f"refresh after {option.interval * _LIFETIME_UNIT} s"
        case _:
            return ""
