"""Which policy an ICMP error of this node gets: its own, or that of the packet it is about."""

from __future__ import annotations

from dataclasses import replace

from xfrmspec.xfrm.output import OutputDecision, decide_output
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Decision, Errno, Reason
from xfrmspec_terms.packet import ChainElement
from xfrmspec_terms.policy import DefaultAction, Direction, PolicyFlag
from xfrmspec_terms.selector import Flow


@clause("XFRM-EMIT-004", "XFRM-POL-002")
def decide_icmp_error(
    tables: XfrmTables,
    flow: Flow,
    quoted: Flow,
    *,
    chain: tuple[ChainElement, ...] | None = None,
    loopback: bool = False,
) -> OutputDecision:
    """Decide an ICMP error; `quoted` is the flow of the packet quoted in it, reversed.

    Only a first decision that blocks or changes nothing leads to a second lookup, whose policy counts if it
    has the flag for ICMP. Source: XFRM-EMIT-004; kernel icmpv6_route_lookup.
    """
    first = decide_output(tables, flow, chain=chain, loopback=loopback)
    if first.errno is not Errno.EPERM and first.decision is not Decision.PASS:
        return first
    second = decide_output(tables, quoted, chain=chain, loopback=loopback)
    if not second.selection.policies:
        blocked = tables.defaults.of(Direction.OUT) is DefaultAction.BLOCK and not loopback
        return second if blocked else first
    flagged = bool(second.selection.policies[0].flags & PolicyFlag.ICMP)
    found = "has the flag for ICMP" if flagged else "lacks the flag for ICMP"
    reason = Reason("XFRM-EMIT-004", "policy of the quoted packet", flagged, found, "the flag for ICMP")
    chosen = second if flagged else first
    return replace(chosen, reasons=(*chosen.reasons, reason))
