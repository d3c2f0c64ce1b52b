"""Tokens that a correspondent node gives out, and knows again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.correspondent_settings import CorrespondentNode
from xfrmspec.mipv6.kept_tests import KeptTests, with_test
from xfrmspec.mipv6.nonces import with_current
from xfrmspec.mipv6.tokens import TokenKind, keygen_token
from xfrmspec_terms.clauses import clause


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token (8 octets, never shown) and the index by which it is known again (16 bits)."""

    index: int
    token: bytes = field(repr=False)


@clause("XFRM-CN-007", "XFRM-CN-011")
def give_token(
    node: CorrespondentNode, kind: TokenKind, source: IPv6Address, cookie: bytes, now: int
) -> tuple[CorrespondentNode, GivenToken]:
    """Return the token of an address, and the node afterwards."""
    if isinstance(node.tests, KeptTests):
        kept, test, left = with_test(node.tests, kind, source, cookie, node.entropy, now)
        return replace(node, tests=kept, entropy=left), GivenToken(test.index, test.token)
    nonces, nonce, left = with_current(node.tests, node.entropy, now)
    token = keygen_token(node.node_key, source, nonce.octets, kind)
    return replace(node, tests=nonces, entropy=left), GivenToken(nonce.index, token)


@clause("XFRM-CN-003", "XFRM-CN-017")
def known_token(
    node: CorrespondentNode, kind: TokenKind, source: IPv6Address, index: int, now: int
) -> bytes | None:
    """Return the token that an index stands for, None if it stands for none any more."""
    if isinstance(node.tests, KeptTests):
        test = node.tests.named(kind, source, index, now)
        return None if test is None else test.token
    nonce = node.tests.named(index, now)
    return None if nonce is None else keygen_token(node.node_key, source, nonce.octets, kind)
