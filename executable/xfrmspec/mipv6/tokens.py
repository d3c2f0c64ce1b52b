"""Keygen tokens, the binding management key that two of them make, and the authenticator under it."""

from __future__ import annotations

import hashlib
import hmac
from enum import IntEnum
from ipaddress import IPv6Address
from typing import TypeVar

from xfrmspec.wire.mobility import (
    octets_to_authenticate,
    received_octets_to_authenticate,
    with_authenticator,
    with_padding,
)
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.headers import MobilityHeader
from xfrmspec_terms.mobility import (
    AUTHENTICATOR_OCTETS,
    KEYGEN_TOKEN_OCTETS,
    BindingAcknowledgement,
    BindingUpdate,
)

_Authorised = TypeVar("_Authorised", bound=BindingUpdate | BindingAcknowledgement)


class TokenKind(IntEnum):
    """Which address a token answers for; the value is the octet behind the nonce."""

    HOME = 0
    CARE_OF = 1


@clause("XFRM-TOKEN-001")
def keygen_token(node_key: Secret, address: IPv6Address, nonce: Secret, kind: TokenKind) -> bytes:
    """Return the token of an address, 8 octets, which must not be shown.

    `node_key` is the correspondent's own key (Kcn, 20 octets) and `nonce` one of its nonces.
    Source: RFC 6275 5.2.3, 5.2.5.
    """
    covered = address.packed + nonce.reveal() + bytes((kind,))
    return hmac.digest(node_key.reveal(), covered, hashlib.sha1)[:KEYGEN_TOKEN_OCTETS]


@clause("XFRM-TOKEN-002")
def binding_management_key(home_token: bytes, care_of_token: bytes | None = None) -> Secret:
    """Return the key of a binding (Kbm, 20 octets); without a care-of token the one that deletes it.

    ValueError for a token that has not 8 octets. Source: RFC 6275 5.2.5, 5.2.6.
    """
    tokens = (home_token,) if care_of_token is None else (home_token, care_of_token)
    if any(len(token) != KEYGEN_TOKEN_OCTETS for token in tokens):
        raise ValueError(f"a keygen token has {KEYGEN_TOKEN_OCTETS} octets")
    return Secret(hashlib.sha1(b"".join(tokens)).digest())


@clause("XFRM-TOKEN-003")
def authenticator(key: Secret, covered: bytes) -> bytes:
    """Return the 12 octets that prove the key for the octets covered. Source: RFC 6275 6.2.7."""
    return hmac.digest(key.reveal(), covered, hashlib.sha1)[:AUTHENTICATOR_OCTETS]


@clause("XFRM-TOKEN-003", "XFRM-MH-005")
def authorised(
    message: _Authorised, key: Secret, care_of: IPv6Address, correspondent: IPv6Address
) -> _Authorised:
    """Return the message, aligned, with the authorization data of a key as its last option.

    `care_of` is the address to be bound, or the home address when the binding is to be deleted.
    Source: RFC 6275 6.2.7.
    """
    covered = octets_to_authenticate(care_of, correspondent, message)
    return with_padding(with_authenticator(message, authenticator(key, covered)))


@clause("XFRM-TOKEN-003", "XFRM-MH-005")
def is_authentic(
    header: MobilityHeader, key: Secret, care_of: IPv6Address, correspondent: IPv6Address
) -> bool:
    """Tell whether the authorization data at the end of a received header were made with a key.

    The comparison takes the same time wherever octets differ. Source: RFC 6275 6.2.7.
    """
    covered = received_octets_to_authenticate(care_of, correspondent, header)
    return hmac.compare_digest(header.data[-AUTHENTICATOR_OCTETS:], authenticator(key, covered))
