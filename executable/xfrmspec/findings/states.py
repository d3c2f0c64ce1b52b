"""Findings about the state database: which state is found, and which states can stand side by side."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.findings.pieces import ANYWHERE, HERE, SENT, THERE, allow, esp, policy, received_state
from xfrmspec.findings.tables import BOTH, LINUX_6_1, LINUX_6_18
from xfrmspec.findings.terms import Exhibit, Finding, Needs, ShellExhibit, Sight
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    AddState,
    AllocateSpi,
    LocalAddress,
    Migrate,
    Node,
    Scenario,
    Send,
    Step,
    UpdateState,
    Wait,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.migration import Migration
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import NO_LIMITS, Direction, Mark, Mode, Template, identity_of
from xfrmspec_terms.selector import Protocol

SHARES_A_BUCKET = IPv6Address("2001:db8::b")
"""A source that the hash of 8 buckets files next to the unspecified address, whatever the destination."""

ASKED = Sight(counters=("XfrmOutNoStates",), acquires=1)
NOT_ASKED = Sight(counters=("XfrmOutNoStates",))

_SAME_SPI_TWICE = """\
allocate() {
	ip -n "$NODE" xfrm state allocspi src 2001:db8::1 dst "$1" proto esp mode transport reqid 1 \\
		min 0x100 max 0x100
}
allocate 2001:db8:b::1 >/dev/null || skip "no SPI can be allocated"
if allocate 2001:db8:b::2 >/dev/null 2>&1; then seen="given to two states"; else seen="given once"; fi
check "the only SPI of a range, asked for towards two destinations" "given once" "$seen"
"""


def _foreign_state() -> Scenario:
    foreign = SecurityAssociation(SHARES_A_BUCKET, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
    return Scenario((AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1))), AddState(foreign), Send(SENT)))


def _foreign_acquire() -> Scenario:
    node = Node((LocalAddress(HERE), LocalAddress(SHARES_A_BUCKET)), LABORATORY.inner)
    steps = (
        AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1))),
        Send(replace(SENT, source=SHARES_A_BUCKET)),
        Send(SENT),
    )
    return Scenario(steps, node=node)


def _two_flows_one_template() -> Scenario:
    steps = (
        AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1))),
        Send(SENT),
        Send(replace(SENT, destination_slot=SENT.destination_slot + 1)),
    )
    return Scenario(steps)


def _marks_that_meet() -> Scenario:
    unmarked = received_state(Protocol.ESP, 0x1001, 1)
    marked = replace(unmarked, mark=Mark(1, 0xFF))
    return Scenario((AddState(marked), AddState(unmarked)))


def _twins_in_a_growing_table() -> Scenario:
    """The older twin refuses every packet, so that it can be told from the younger one."""
    younger = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1002, 1)
    older = replace(younger, spi=0x1001, limits=replace(NO_LIMITS, hard_packets=0))
    fillers = tuple(AddState(received_state(Protocol.ESP, 0x5000 + number, 9)) for number in range(8))
    wanted = AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1)))
    steps: tuple[Step, ...] = (wanted, AddState(older), AddState(younger), *fillers, Send(SENT))
    return Scenario(steps, listeners=False, watched=True)


def _hard_limit_after_a_soft_one() -> Scenario:
    """The update comes after the timer has chosen to wait for the soft limit.

    The hard limit is above the two seconds that were left to the soft one: else the timer fires all the time.
    """
    state = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, 0x1001, 1)
    steps = (
        AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1))),
        AddState(replace(state, limits=replace(NO_LIMITS, soft_add_seconds=3))),
        Wait(2),
        UpdateState(replace(state, limits=replace(NO_LIMITS, hard_add_seconds=3))),
        Wait(2),
        Send(SENT),
    )
    return Scenario(steps)


def _allocation_without_an_spi() -> Scenario:
    larval = SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, reqid=1)
    return Scenario((AddPolicy(allow(ANYWHERE, ANYWHERE, esp(1))), AllocateSpi(larval, 0, 0), Send(SENT)))


def _larval_binding_that_moves() -> Scenario:
    """The policy that is migrated has a template for the other entry, or the request would fail anyway."""
    optimised = Template(Protocol.ROUTING, Mode.RO)
    received = AddPolicy(policy(ANYWHERE, ANYWHERE, Direction.IN, templates=(esp(1),)))
    entries = (
        Migration(THERE, HERE, THERE, HERE, Protocol.ESP, Mode.TRANSPORT, 1),
        Migration(HERE, THERE, HERE, THERE, Protocol.ROUTING, Mode.RO),
    )
    asked = (AddPolicy(allow(ANYWHERE, ANYWHERE, optimised)), received, Send(SENT))
    return Scenario((*asked, Migrate(identity_of(received.policy), entries)))


F_007 = Finding(
    "F-007",
    "The second pass over the states does not compare the source.",
    "find_second_pass_ignores_source",
    BOTH,
    (
        Exhibit(_foreign_state(), 2, ASKED, Sight(wire=(("ESP", "UDP"),))),
        Exhibit(_foreign_acquire(), 2, ASKED, NOT_ASKED),
    ),
)
F_008 = Finding(
    "F-008",
    "A larval state holds back every flow of its template, without a look at its selector.",
    "acquire_blocks_other_flows",
    ("clean", *BOTH),
    (Exhibit(_two_flows_one_template(), 2, ASKED, NOT_ASKED),),
)
F_017 = Finding(
    "F-017",
    "An SPI is given to two states of one protocol when their destinations differ.",
    "spi_unique_per",
    (LINUX_6_1,),
    (ShellExhibit(_SAME_SPI_TWICE, Needs.POLICIES),),
)
F_018 = Finding(
    "F-018",
    "Whether two states of one key with and without a mark can both exist depends on who comes first.",
    "mark_locate_asymmetric",
    (LINUX_6_1, LINUX_6_18),
    (Exhibit(_marks_that_meet(), 1, Sight(Errno.EEXIST), Sight(), modelled=False),),
)
F_024 = Finding(
    "F-024",
    "Of two states of one second the older one is taken after the table of states has grown.",
    "same_second_tie_depends_on_table",
    BOTH,
    (
        Exhibit(
            _twins_in_a_growing_table(),
            11,
            Sight(wire=(("ESP", "UDP"),)),
            Sight(Errno.EINVAL, counters=("XfrmOutStateExpired",)),
        ),
    ),
)
F_025 = Finding(
    "F-025",
    "A hard limit of time that an update brings too late never ends a state that awaited its soft one.",
    "update_keeps_soft_wait",
    BOTH,
    (Exhibit(_hard_limit_after_a_soft_one(), 5, ASKED, Sight(wire=(("ESP", "UDP"),))),),
)
F_026 = Finding(
    "F-026",
    "An allocation that finds no SPI leaves the larval state behind that it made.",
    "failed_allocation_leaves_larval",
    BOTH,
    (Exhibit(_allocation_without_an_spi(), 2, ASKED, NOT_ASKED),),
)
F_028 = Finding(
    "F-028",
    "A larval route optimisation state is copied by a migration and becomes VALID without a care-of address.",
    "larval_route_optimisation_migrates",
    (LINUX_6_1,),
    (Exhibit(_larval_binding_that_moves(), 3, Sight(Errno.ENODATA), Sight()),),
)
