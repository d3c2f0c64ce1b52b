"""What tests of findings ask of a kernel: the quirk where the profile has it, the clean rule otherwise."""

from __future__ import annotations

from xfrmspec.findings.ledger import finding_named
from xfrmspec.findings.reproduction import deciding_sight, run_settled, without_quirk
from xfrmspec.findings.terms import Exhibit, Finding, Needs
from xfrmspec.scenario.observation import Observation, Subject, differences
from xfrmspec.scenario.reference import ReferenceSubject
from xfrmspec.scenario.terms import Scenario
from xfrmspec_terms.profile import LINUX_6_1, Profile

ALL = frozenset(Needs)


def observed(subject: Subject, scenario: Scenario) -> Observation:
    outcome = subject.run(scenario)
    assert isinstance(outcome, Observation), outcome
    return outcome


def exhibits_of(finding: Finding, abilities: frozenset[Needs]) -> list[Exhibit]:
    found = [e for e in finding.exhibits if isinstance(e, Exhibit) and e.needs in abilities]
    assert found, f"{finding.name} shows nothing here"
    return found


def assert_settled(subject: Subject, profile: Profile, name: str, abilities: frozenset[Needs] = ALL) -> None:
    """The kernel has the finding exactly if its profile says so, and agrees with the reference throughout."""
    finding = finding_named(name)
    for exhibit in exhibits_of(finding, abilities):
        outcome = run_settled(exhibit, subject)
        assert isinstance(outcome, Observation), outcome
        expected = exhibit.quirky if profile.name in finding.profiles else exhibit.clean
        assert deciding_sight(exhibit, outcome) == expected
        if exhibit.modelled:
            assert not differences(outcome, ReferenceSubject(profile).run(exhibit.scenario))


def assert_clean_rule(name: str) -> None:
    """The clean reference says what the finding says that it says, and that is not what was observed."""
    finding = finding_named(name)
    for exhibit in exhibits_of(finding, ALL):
        clean = observed(ReferenceSubject(without_quirk(finding)), exhibit.scenario)
        assert deciding_sight(exhibit, clean) == exhibit.clean != exhibit.quirky


def assert_shown(uml: Subject, name: str) -> None:
    assert_settled(uml, LINUX_6_1, name)
    assert_clean_rule(name)
