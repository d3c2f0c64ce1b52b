"""When a message goes: back-off while nobody answers, and the limit on messages of one type."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence

Pace = tuple[int, ...]
"""When the last messages of one type went to one destination, in milliseconds, oldest first."""


@clause("XFRM-MN-004")
@dataclass(frozen=True, slots=True)
class Repetition:
    """A message that awaits its answer, or its turn if it was put off.

    `timeout` is what follows the next sending and `due` when something is to be done (milliseconds); `sent`
    counts the messages since the back-off began. Source: RFC 6275 11.8.
    """

    timeout: int
    due: int = 0
    sent: int = 0
    put_off: bool = False

    def sent_at(self, now: int, longest: int) -> Repetition:
        """Return it after a sending: the answer is awaited for the timeout, the next one is twice as long."""
        return Repetition(min(2 * self.timeout, longest), now + min(self.timeout, longest), self.sent + 1)

    def put_off_until(self, time: int) -> Repetition:
        """Return it waiting for its turn."""
        return replace(self, due=time, put_off=True)


@clause("XFRM-MN-006")
def free_at(pace: Pace, settings: MobileSettings, now: int) -> int:
    """Return the first time from `now` on at which another message of the type may go."""
    if Defence.RATE not in settings.defences or len(pace) < settings.update_rate:
        return now
    return max(now, pace[-settings.update_rate] + SECOND)


def paced(pace: Pace, settings: MobileSettings, now: int) -> Pace:
    """Return the times after another message has gone; older ones no longer matter."""
    return (*pace, now)[-settings.update_rate :]
