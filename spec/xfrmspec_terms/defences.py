"""The defences of Mobile IPv6 as switches, so that an attack can be shown with its defence off."""

from __future__ import annotations

from enum import Enum


class Defence(Enum):
    """A rule that keeps an attack out; each machine asks for it at the one place where the rule lives.

    Source: RFC 4225; RFC 6275 section 15.
    """

    HOME_TOKEN = "a binding at a correspondent node needs the home keygen token"
    BINDING_BY_PROOF = "a correspondent node believes no unauthorised binding update"
    LIFETIMES = "tokens, nonces and bindings at a correspondent node end early"
    CARE_OF_TOKEN = "a binding at a correspondent node needs the care-of keygen token"
    HOME_TOKEN_AT_RETURN = "ending a binding needs the home keygen token too"
    SEQUENCE = "sequence numbers of binding updates only go forward"
    REFRESH = "bindings end, are refreshed, and errors end what is stale"
    RATE = "updates and tests are limited in number"
    STATELESS = "a correspondent node keeps nothing before a valid binding update"
    ONE_REPLY = "a test gets one reply of its own size, to its source"
    HOME_ADDRESS_OPTION = "a home address option needs a binding"
    ROUTING_HEADER = "a type 2 routing header holds one own home address"
    ASSOCIATION = "a home registration comes under the association of its home address"
    TEST_IN_TUNNEL = "home tests are encrypted between mobile node and home agent"
    POLICY_ORDER = "the policy for signalling outranks the tunnel's"
    ACYCLIC = "bindings make no cycle"


EVERY_DEFENCE = frozenset(Defence)
"""All defences on: what the clauses say."""
