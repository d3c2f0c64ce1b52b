"""The front door of the checks: one configuration in, one report out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xfrmspec_proofs.checks.analysis import Analysis
from xfrmspec_proofs.checks.configuration import Configuration
from xfrmspec_proofs.checks.findings import (
    Finding,
    Report,
    Severity,
    Summary,
    count_by_severity,
    grouped,
)
from xfrmspec_proofs.checks.forwarding import families_left_open, tunnels_without_forwarding
from xfrmspec_proofs.checks.negotiation import unmet_templates
from xfrmspec_proofs.checks.ordering import (
    bypasses_inside_protected,
    captured_signalling,
    duplicates,
    hidden_orders,
    shadowed_policies,
    undecided_ties,
)
from xfrmspec_proofs.checks.quirks import (
    evaded_ports,
    fragile_ties,
    misdirected_forwarding,
    unseen_mobility_types,
)
from xfrmspec_proofs.checks.transformations import (
    impossible_templates,
    optional_protection,
    orders_refused_by_peer,
    subs_without_main,
    too_many_templates,
)

Check = Callable[[Analysis], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    undecided_ties,
    shadowed_policies,
    captured_signalling,
    bypasses_inside_protected,
    hidden_orders,
    duplicates,
    impossible_templates,
    unmet_templates,
    too_many_templates,
    optional_protection,
    orders_refused_by_peer,
    subs_without_main,
    tunnels_without_forwarding,
    families_left_open,
    evaded_ports,
    unseen_mobility_types,
    misdirected_forwarding,
    fragile_ties,
)
"""Every check; each yields findings that were replayed through the reference."""


def check_configuration(configuration: Configuration) -> Report:
    """Run every check; the findings are sorted and those of one cause are cut to the first few.

    UnshownClaimError when a check derives something that the reference does not show.
    """
    analysis = Analysis(configuration)
    found = [finding for check in CHECKS for finding in check(analysis)]
    shown = grouped(found)
    counts = count_by_severity(found)
    summary = Summary(
        profile=configuration.profile.name,
        policies=len(configuration.policies),
        states=len(configuration.states),
        states_known=configuration.states_known,
        errors=counts[Severity.ERROR],
        warnings=counts[Severity.WARNING],
        notes=counts[Severity.NOTE],
        shown=len(shown),
        undecided=analysis.undecided,
    )
    return Report(shown, summary)
