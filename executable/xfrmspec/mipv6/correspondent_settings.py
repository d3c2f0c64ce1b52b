"""What a correspondent node is set to, and what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xfrmspec.mipv6.binding_cache import Binding, Remembered, binding_of, entry_of
from xfrmspec.mipv6.binding_request import BindingRequest
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.kept_tests import KeptTests
from xfrmspec.mipv6.nonces import Nonces
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.mobility_times import MAX_RR_BINDING_LIFETIME

NODE_KEY_OCTETS = 20
MOST_ENTRIES = 1024


class Willingness(Enum):
    """Whether a correspondent node takes part in route optimisation (XFRM-CN-019)."""

    TAKES_PART = "takes part"
    DECLINES = "declines"


@dataclass(frozen=True, slots=True)
class CorrespondentSettings:
    """The defences that are on, whether the node takes part, and for how many home addresses it has room."""

    defences: frozenset[Defence] = EVERY_DEFENCE
    willingness: Willingness = Willingness.TAKES_PART
    capacity: int = MOST_ENTRIES

    @property
    def endless(self) -> bool:
        """Tell whether nonces, tokens and what is remembered of bindings never end."""
        return Defence.LIFETIMES not in self.defences

    @clause("XFRM-CN-023", "XFRM-CN-036")
    def granted(self, asked: int) -> int:
        """Return the lifetime of a binding for which `asked` (ms) was asked."""
        return asked if self.endless else min(asked, MAX_RR_BINDING_LIFETIME)

    def ends_at(self, now: int, granted: int) -> int | None:
        """Return when a binding granted at `now` ends, None for never."""
        return now + granted if Defence.REFRESH in self.defences else None


CorrespondentEntry = Binding | Remembered
TestMemory = Nonces | KeptTests
"""What is needed to know a token again: nonces, or, as in the paper, the tests themselves."""


@dataclass(frozen=True, slots=True)
class CorrespondentNode:
    """A correspondent node: its secret key, randomness, test memory, and entries sorted by home address.

    `last_error` is when it last sent a binding error (ms).
    """

    node_key: Secret
    entropy: Entropy
    tests: TestMemory
    settings: CorrespondentSettings = CorrespondentSettings()
    entries: tuple[CorrespondentEntry, ...] = ()
    last_error: int | None = None

    def entry(self, request: BindingRequest) -> CorrespondentEntry | None:
        """Return the entry of the request's home address."""
        return entry_of(self.entries, request.home_address)

    def binding(self, request: BindingRequest) -> Binding | None:
        """Return the binding that stands for the request's home address."""
        return binding_of(self.entries, request.home_address)


@clause("XFRM-CN-001", "XFRM-CN-007")
def new_correspondent_node(
    entropy: Entropy, settings: CorrespondentSettings = CorrespondentSettings()
) -> CorrespondentNode:
    """Return a correspondent node with a fresh node key. Source: RFC 6275 5.2.1."""
    key, left = entropy.take(NODE_KEY_OCTETS)
    stateless = Defence.STATELESS in settings.defences
    tests: TestMemory = Nonces(settings.endless) if stateless else KeptTests(settings.endless)
    return CorrespondentNode(Secret(key), left, tests, settings)
