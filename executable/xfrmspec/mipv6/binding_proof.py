"""Whether a binding update proves that its sender receives at both addresses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xfrmspec.mipv6.binding_request import BindingRequest
from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.correspondent_tokens import known_token
from xfrmspec.mipv6.tokens import TokenKind, binding_management_key, is_authentic
from xfrmspec.wire.mobility import option_of
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.mobility import BindingAuthorizationData, NonceIndices

_HOME = frozenset({TokenKind.HOME})
_CARE_OF = frozenset({TokenKind.CARE_OF})
_KEYS_OF_BINDING = (_HOME | _CARE_OF, _HOME, _CARE_OF)
_KEYS_OF_DELETION = (_HOME, _CARE_OF)


class Finding(Enum):
    """What the proof of an update came to."""

    INCOMPLETE = "an option is missing"
    HOME_INDEX = "the home nonce index names no valid nonce"
    CARE_OF_INDEX = "the care-of nonce index names no valid nonce"
    BOTH_INDICES = "neither nonce index names a valid nonce"
    FALSE = "the authenticator does not match"
    TRUE = "the authenticator matches"
    NOT_ASKED = "no proof is asked for"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found, and the key under which the authenticator matched."""

    finding: Finding
    key: Secret | None = None


@clause("XFRM-CN-015", "XFRM-CN-016", "XFRM-CN-017")
def proof_of(node: CorrespondentNode, request: BindingRequest, now: int) -> Proof:
    """Return what the nonce indices and authorization data of an update prove. Source: RFC 6275 9.5.1."""
    demanded = _demanded(node.settings.defences, request)
    proof = _judged(node, request, demanded, now)
    if Defence.BINDING_BY_PROOF not in node.settings.defences:
        return Proof(Finding.NOT_ASKED, proof.key)
    return proof


def _judged(
    node: CorrespondentNode, request: BindingRequest, demanded: frozenset[TokenKind], now: int
) -> Proof:
    indices = option_of(request.update, NonceIndices)
    if indices is None or option_of(request.update, BindingAuthorizationData) is None:
        return Proof(Finding.INCOMPLETE)
    tokens = _known_tokens(node, request, indices, now)
    lacking = demanded - set(tokens)
    if lacking:
        return Proof(_LACKING[lacking])
    return _matched(request, tokens, demanded)


_LACKING = {
    _HOME: Finding.HOME_INDEX,
    _CARE_OF: Finding.CARE_OF_INDEX,
    _HOME | _CARE_OF: Finding.BOTH_INDICES,
}


def _demanded(defences: frozenset[Defence], request: BindingRequest) -> frozenset[TokenKind]:
    """Return the tokens that the key of an update has to be made from."""
    if request.is_deletion:
        return _HOME if Defence.HOME_TOKEN_AT_RETURN in defences else frozenset()
    home = _HOME if Defence.HOME_TOKEN in defences else frozenset()
    return home | (_CARE_OF if Defence.CARE_OF_TOKEN in defences else frozenset())


def _known_tokens(
    node: CorrespondentNode, request: BindingRequest, indices: NonceIndices, now: int
) -> dict[TokenKind, bytes]:
    found = {
        TokenKind.HOME: known_token(node, TokenKind.HOME, request.home_address, indices.home, now),
        TokenKind.CARE_OF: known_token(node, TokenKind.CARE_OF, request.care_of, indices.care_of, now),
    }
    return {kind: token for kind, token in found.items() if token is not None}


def _matched(
    request: BindingRequest, tokens: dict[TokenKind, bytes], demanded: frozenset[TokenKind]
) -> Proof:
    """Try the keys that have every demanded token in them, the strongest first."""
    header = request.received_header()
    for made_from in _KEYS_OF_DELETION if request.is_deletion else _KEYS_OF_BINDING:
        if demanded <= made_from <= set(tokens):
            key = binding_management_key(*(tokens[kind] for kind in sorted(made_from)))
            if is_authentic(header, key, request.covered_address, request.own):
                return Proof(Finding.TRUE, key)
    return Proof(Finding.FALSE)
