"""Key material that cannot be shown by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn, final


@final
class Secret:
    """Octets of a key: only `reveal` gives them away, and no text, pickle or error ever does."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = bytes(octets)

    def reveal(self) -> bytes:
        """Return the octets, for an algorithm and nothing else."""
        return self._octets

    def __len__(self) -> int:
        return len(self._octets)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        return hash(self._octets)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memory: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is never written down: it cannot be pickled")


NO_KEY = Secret(b"")
