"""From what a dump says to the tables that decisions look at, without losing where each line stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xfrmspec.formats.dump import Dump, InputError, Location, PolicyRecord
from xfrmspec.xfrm.bulk import install_all, with_fitting_index
from xfrmspec.xfrm.policies import refusal_of
from xfrmspec.xfrm.tables import DefaultActions, XfrmTables
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.policy import Policy, PolicyErrorReason, PolicyIdentity, identity_of
from xfrmspec_terms.profile import Profile


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the result should know about the input, with its place."""

    at: Location
    text: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """The policies and states of one host as its dumps show them.

    `records` finds the dump record of a stored policy by its identity. `states_known` is False when no
    dump lists states, so that nothing may be concluded from their absence. `interfaces` maps the names of
    the dump to the indexes that stand for them.
    """

    tables: XfrmTables
    records: Mapping[PolicyIdentity, PolicyRecord] = field(default_factory=dict)
    sockets: tuple[PolicyRecord, ...] = ()
    states_known: bool = True
    interfaces: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def record_of(self, policy: Policy) -> PolicyRecord | None:
        """Return the dump record a stored policy came from, or None for one that no dump shows."""
        return self.records.get(identity_of(policy))


@clause("XFRM-DB-001")
def configuration_of(
    dump: Dump,
    profile: Profile,
    *,
    defaults: DefaultActions | None = None,
    states_known: bool | None = None,
) -> Configuration:
    """Install a dump's policies in the order in which the kernel must have got them: last line first.

    Socket policies are kept aside, since a dump does not say whose they are. `states_known` overrides
    what the dump says of itself. InputError when a policy could not exist under the profile.
    Source: XFRM-DB-001 (dumps list the newest policy first).
    """
    records: dict[PolicyIdentity, PolicyRecord] = {}
    policies: list[Policy] = []
    notes: list[Note] = []
    for record in reversed([record for record in dump.policies if not record.socket]):
        policy = with_fitting_index(record.policy)
        identity = identity_of(policy)
        if identity in records:
            notes.append(_duplicate_note(record, records[identity]))
            continue
        refusal = refusal_of(policy, profile)
        if refusal is not None:
            raise impossible(record.at, refusal, profile)
        records[identity] = record
        policies.append(policy)
    tables = XfrmTables(
        install_all(policies, profile),
        tuple(record.state for record in dump.states),
        defaults or DefaultActions(),
    )
    known = dump.lists_states if states_known is None else states_known
    sockets = tuple(record for record in dump.policies if record.socket)
    return Configuration(tables, records, sockets, known, dump.interfaces, tuple(notes))


def _duplicate_note(record: PolicyRecord, first: PolicyRecord) -> Note:
    text = f"the same policy stands at {first.at.file}:{first.at.line}; this copy is left out"
    return Note(record.at, text)


def impossible(at: Location, refusal: PolicyErrorReason, profile: Profile) -> InputError:
    """Return the error for a policy of a dump that no kernel of the profile can hold."""
    return InputError(
        at.file,
        at.line,
        f"a policy that a kernel of profile {profile.name} refuses ({refusal.value})",
        "a policy that can be stored",
        "check the dump, or choose another profile",
    )
