"""Findings about the state database: which state is found, and which states can stand side by side."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

from xfrmspec.findings.pieces import ANYWHERE, HERE, SENT, THERE, allow, esp, received_state
from xfrmspec.findings.tables import BOTH, LINUX_6_1, LINUX_6_18
from xfrmspec.findings.terms import Exhibit, Finding, Needs, ShellExhibit, Sight
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    AddState,
    LocalAddress,
    Node,
    Scenario,
    Send,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, Mode
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
