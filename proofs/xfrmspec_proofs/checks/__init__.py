"""Checks of one configuration: every finding carries a flow that was replayed through the reference."""

from xfrmspec_proofs.checks.configuration import (
    Configuration,
    PlacedPolicy,
    PlacedState,
    build_configuration,
    configuration_of,
)
from xfrmspec_proofs.checks.findings import (
    Finding,
    Involved,
    Report,
    Severity,
    Summary,
    findings_to_json,
    report_to_json,
)
from xfrmspec_proofs.checks.replay import Replay, Scenario, replay
from xfrmspec_proofs.checks.report import check_configuration
from xfrmspec_proofs.checks.rules import RULES, Rule

__all__ = [
    "RULES",
    "Configuration",
    "Finding",
    "Involved",
    "PlacedPolicy",
    "PlacedState",
    "Replay",
    "Report",
    "Rule",
    "Scenario",
    "Severity",
    "Summary",
    "build_configuration",
    "check_configuration",
    "configuration_of",
    "findings_to_json",
    "replay",
    "report_to_json",
]
