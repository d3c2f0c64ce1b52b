"""Return routability at the mobile node: cookies out, tokens in, and the key that two tokens make."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec.mipv6.tokens import authorised, binding_management_key
from xfrmspec.wire.secret import Secret
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Heard, Path
from xfrmspec_terms.mobility import BindingUpdate, CareOfTest, HomeTest, NonceIndices


@dataclass(frozen=True, slots=True)
class Token:
    """A keygen token, the index of its nonce (16 bits), and when its test arrived (milliseconds)."""

    value: Secret
    nonce_index: int
    arrived: int


@clause("XFRM-MN-005")
@dataclass(frozen=True, slots=True)
class Evidence:
    """The cookies that may still come back, and the tokens had, for one peer; none of them is shown."""

    home_cookie: Secret | None = field(default=None)
    care_of_cookie: Secret | None = field(default=None)
    home: Token | None = field(default=None)
    care_of: Token | None = field(default=None)

    def without_cookies(self) -> Evidence:
        """Return them with nothing awaited any more."""
        return replace(self, home_cookie=None, care_of_cookie=None)

    def without_care_of(self) -> Evidence:
        """Return what is left after the care-of address or the attempt has changed."""
        return Evidence(home=self.home)


@clause("XFRM-MN-029")
def is_valid(token: Token | None, settings: MobileSettings, now: int) -> bool:
    """Tell whether a token may be used."""
    return token is not None and now < token.arrived + settings.token_lifetime


def both_valid(evidence: Evidence, settings: MobileSettings, now: int) -> bool:
    """Tell whether a binding could be signed."""
    return is_valid(evidence.home, settings, now) and is_valid(evidence.care_of, settings, now)


@dataclass(frozen=True, slots=True)
class Ends:
    """The two addresses of the mobile node and its correspondent; without care-of address it is at home."""

    home_address: IPv6Address
    peer: IPv6Address
    care_of: IPv6Address | None

    @property
    def bound(self) -> IPv6Address:
        """Return the address that an update binds: the care-of address, or at home the home address."""
        return self.care_of or self.home_address

    @property
    def path_home(self) -> Path:
        """Return the way of home tests: through the tunnel while away."""
        return Path.TUNNEL if self.care_of else Path.DIRECT


@clause("XFRM-MN-028")
def with_home_test(evidence: Evidence, heard: Heard, ends: Ends, now: int) -> Evidence | None:
    """Return the tests with the token of a home test, or None if it is not believed."""
    message, cookie = heard.message, evidence.home_cookie
    if not isinstance(message, HomeTest) or cookie is None or cookie != Secret(message.cookie):
        return None
    if (heard.source, heard.destination) != (ends.peer, ends.home_address) or heard.path != ends.path_home:
        return None
    token = Token(Secret(message.keygen_token), message.nonce_index, now)
    return replace(evidence, home_cookie=None, home=token)


@clause("XFRM-MN-028")
def with_care_of_test(evidence: Evidence, heard: Heard, ends: Ends, now: int) -> Evidence | None:
    """Return the tests with the token of a care-of test, or None if it is not believed."""
    message, cookie = heard.message, evidence.care_of_cookie
    if not isinstance(message, CareOfTest) or cookie is None or cookie != Secret(message.cookie):
        return None
    if (heard.source, heard.destination) != (ends.peer, ends.care_of) or heard.path != Path.DIRECT:
        return None
    token = Token(Secret(message.keygen_token), message.nonce_index, now)
    return replace(evidence, care_of_cookie=None, care_of=token)


@clause("XFRM-MN-030", "XFRM-MN-044")
def signed_update(
    evidence: Evidence, ends: Ends, sequence: int, lifetime: int
) -> tuple[BindingUpdate, Secret]:
    """Return an update for a peer and the key that signed it; `lifetime` in units of 4 s, 0 to end a binding.

    ValueError without the tokens that it needs. Source: RFC 6275 5.2.5, 5.2.6, 6.2.7, 11.7.2.
    """
    home = evidence.home
    care_of = evidence.care_of if lifetime else None
    if home is None or (lifetime and care_of is None):
        raise ValueError(
            "an update needs the token of the home address, and to bind that of the care-of address"
        )
    key = binding_management_key(home.value.reveal(), care_of.value.reveal() if care_of else None)
    indices = NonceIndices(home.nonce_index, care_of.nonce_index if care_of else 0)
    update = BindingUpdate(sequence, acknowledge=True, lifetime=lifetime, options=(indices,))
    return authorised(update, key, ends.bound, ends.peer), key
