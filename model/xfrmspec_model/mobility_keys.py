"""Who knows which keygen token, and which tokens make a key that a correspondent node believes.

Tokens are opaque: there is no way to one but to read the test that brings it. A token is named by its kind,
the address that it stands for, and the moment at which its nonce was drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from xfrmspec_model.folding import Number, Truth, all_of, any_of, both, choose_truth, either, same
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import Defence

Knows = Callable[[Number, Number, Number], Truth]
"""Whether somebody has read the token of a kind, an address and a nonce."""


class TokenKind(IntEnum):
    """The two tests; the number is the octet that the token is made with (XFRM-TOKEN-001)."""

    HOME = 0
    CARE_OF = 1


def knows_nothing(kind: Number, address: Number, nonce: Number) -> Truth:
    """Say that no token is known."""
    return False


@clause("XFRM-CN-011", "XFRM-CN-004", "XFRM-CN-005")
def learned(knows: Knows, kind: Number, address: Number, nonce: Number, reads: Truth) -> Knows:
    """Return what somebody knows after a test went to an address, if they read what goes there.

    Source: XFRM-CN-004, XFRM-CN-005, XFRM-CN-011.
    """

    def after(other: Number, place: Number, drawn: Number) -> Truth:
        this = all_of((same(other, kind), same(place, address), same(drawn, nonce), reads))
        return either(knows(other, place, drawn), this)

    return after


@clause("XFRM-CN-017", "XFRM-CN-015", "XFRM-TOKEN-002")
def key_does(home_token: Truth, care_of_token: Truth, deletion: Truth, defences: frozenset[Defence]) -> Truth:
    """Tell whether who knows these tokens can sign an update so that it is believed.

    Source: XFRM-CN-015, XFRM-CN-017, XFRM-TOKEN-002.
    """
    unproved = Defence.BINDING_BY_PROOF not in defences
    no_home = both(Defence.HOME_TOKEN not in defences, care_of_token)
    no_care_of = both(Defence.CARE_OF_TOKEN not in defences, home_token)
    no_home_at_return = both(Defence.HOME_TOKEN_AT_RETURN not in defences, care_of_token)
    for_binding = any_of((both(home_token, care_of_token), no_home, no_care_of))
    for_deletion = either(home_token, no_home_at_return)
    return either(unproved, choose_truth(deletion, for_deletion, for_binding))
