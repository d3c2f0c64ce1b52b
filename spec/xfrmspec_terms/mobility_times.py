"""Times of Mobile IPv6 that both ends have to agree on, in milliseconds. Source: RFC 6275 12 and 5.2.3."""

from __future__ import annotations

from xfrmspec_terms.daemon import SECOND

MAX_NONCE_LIFETIME = 240 * SECOND
"""How long a nonce is believed, counted from its drawing."""

MAX_TOKEN_LIFETIME = 210 * SECOND
"""How long a mobile node may use a token, counted from its arrival."""

NONCE_CURRENT = MAX_NONCE_LIFETIME - MAX_TOKEN_LIFETIME
"""How long tokens are made from a nonce."""

MAX_RR_BINDING_LIFETIME = 420 * SECOND
"""The longest binding at a correspondent node."""

BINDING_ERROR_GAP = SECOND // 10
"""The shortest time between two binding errors of one node."""
