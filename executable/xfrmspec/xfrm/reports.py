"""Reports: what key managers hear of a home address option that the policies refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xfrmspec.xfrm.check import InputDecision
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.mobility import MobilityMessageType
from xfrmspec_terms.profile import Profile
from xfrmspec_terms.selector import Address, Flow, Protocol


@clause("XFRM-HAO-004")
def is_reported(
    decision: InputDecision, path: Sequence[SecurityAssociation], flow: Flow, profile: Profile
) -> bool:
    """Tell whether a rejected packet is reported: it stopped at a home address option and is no known MH.

    Whether its report is one too many is the limiter's matter. Source: K-MIP-20, K-MIP-21; kernel
    mip6_destopt_reject.
    """
    if decision.reported is None:
        return False
    if path[decision.reported].protocol is not Protocol.DESTINATION_OPTIONS:
        return False
    known = flow.protocol == Protocol.MOBILITY and flow.source_slot <= max(MobilityMessageType)
    return not (known and profile.report_suppressed_for_known_mh)


@dataclass(frozen=True, slots=True)
class Reported:
    """What the limiter compares: when the packet came (in nanoseconds), where, for whom, and its option.

    `option` is the address in the home address option once exchanged, the sender's care-of address.
    """

    stamp: int
    interface: int
    destination: Address
    option: Address


@dataclass(frozen=True, slots=True)
class ReportLimiter:
    """One place for the whole kernel, all namespaces together: the last packet that was reported."""

    last: Reported | None = None

    @clause("XFRM-HAO-005")
    def allows(self, packet: Reported) -> tuple[ReportLimiter, bool]:
        """Return the limiter behind a packet, and whether its report is sent.

        Source: K-MIP-20; kernel mip6_report_rl_allow.
        """
        if packet == self.last:
            return self, False
        return ReportLimiter(packet), True
