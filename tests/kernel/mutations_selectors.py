"""Wrong rules about selectors, and about the lists that thresholds put policies into."""

from __future__ import annotations

from kernel.mutation import Mutation, switched, wrong
from xfrmspec.xfrm import database, match, placement, policies
from xfrmspec_terms.policy import Mark
from xfrmspec_terms.selector import PortMatch, Prefix

_ONLY_IPV6 = "not generated: no state has a selector of the other family"


SELECTORS: tuple[Mutation, ...] = (
    wrong(
        "the source prefix is not compared",
        "SEL-001",
        match.selector_mismatch,
        "if not _covers(selector.source, flow.source):",
        "if False:",
    ),
    wrong(
        "the destination prefix is not compared",
        "SEL-001",
        match.selector_mismatch,
        "if not _covers(selector.destination, flow.destination):",
        "if False:",
    ),
    wrong(
        "source and destination prefix are exchanged",
        "SEL-001",
        match.selector_mismatch,
        "_covers(selector.source, flow.source)",
        "_covers(selector.source, flow.destination)",
    ),
    wrong(
        "a prefix is one bit shorter than it says",
        "SEL-001",
        Prefix.contains,
        "& self.mask == 0",
        ">> self.family.width - max(self.length - 1, 0) == 0",
    ),
    wrong(
        "a prefix is one bit longer than it says",
        "SEL-001",
        Prefix.contains,
        "& self.mask == 0",
        ">> max(self.family.width - self.length - 1, 0) == 0",
    ),
    wrong(
        "a prefix of length zero means its address alone",
        "SEL-001",
        Prefix.contains,
        "& self.mask == 0",
        "& (self.mask or -1) == 0",
    ),
    wrong(
        "the protocol is not compared",
        "SEL-001",
        match.selector_mismatch,
        "if selector.protocol not in (ANY_PROTOCOL, flow.protocol):",
        "if False:",
    ),
    wrong(
        "protocol zero is no wildcard",
        "SEL-001",
        match.selector_mismatch,
        "selector.protocol not in (ANY_PROTOCOL, flow.protocol)",
        "selector.protocol != flow.protocol",
    ),
    wrong(
        "the source port is not compared",
        "SEL-002",
        match.selector_mismatch,
        "if not selector.source_port.matches(flow.source_slot):",
        "if False:",
    ),
    wrong(
        "the destination port is not compared",
        "SEL-002",
        match.selector_mismatch,
        "if not selector.destination_port.matches(flow.destination_slot):",
        "if False:",
    ),
    wrong(
        "the source port is compared with the destination's",
        "SEL-002",
        match.selector_mismatch,
        "selector.source_port.matches(flow.source_slot)",
        "selector.source_port.matches(flow.destination_slot)",
    ),
    wrong(
        "ports need not be compared when no protocol is named",
        "SEL-002",
        match.selector_mismatch,
        "if not selector.source_port.matches(flow.source_slot):",
        "if selector.protocol and not selector.source_port.matches(flow.source_slot):",
    ),
    wrong(
        "a port mask is all or nothing",
        "SEL-002",
        PortMatch.matches,
        "(slot ^ self.value) & self.mask == 0",
        "slot == self.value or self.mask == 0",
    ),
    wrong(
        "the interface is not compared",
        "SEL-003",
        match.selector_mismatch,
        "if selector.ifindex not in (0, flow.oif):",
        "if False:",
    ),
    wrong(
        "interface zero is no wildcard",
        "SEL-003",
        match.selector_mismatch,
        "selector.ifindex not in (0, flow.oif)",
        "selector.ifindex != flow.oif",
    ),
    wrong(
        "a flow without an interface meets every interface",
        "SEL-003",
        match.selector_mismatch,
        "selector.ifindex not in (0, flow.oif)",
        "flow.oif and selector.ifindex not in (0, flow.oif)",
    ),
    switched(
        "a state selector of the other family never matches",
        "SEL-004",
        unseen=_ONLY_IPV6,
        selector_family_checked=True,
    ),
    wrong(
        "the policy's family is not compared",
        "SEL-004",
        match.policy_mismatch,
        "if policy.family is not flow.family:",
        "if False:",
    ),
    wrong(
        "the mark is not compared",
        "SEL-005",
        match.policy_mismatch,
        "if not policy.mark.masked().matches(flow.mark):",
        "if False:",
    ),
    wrong(
        "the mark's mask is all or nothing",
        "SEL-005",
        Mark.matches,
        "mark & self.mask == self.value",
        "mark == self.value or self.mask == 0",
    ),
    wrong(
        "a mark matches when any masked bit does",
        "SEL-005",
        Mark.matches,
        "mark & self.mask == self.value",
        "mark & self.mask & self.value or self.value == 0",
    ),
    wrong(
        "the interface id is not compared",
        "SEL-006",
        match.policy_mismatch,
        "if policy.if_id != flow.if_id:",
        "if False:",
    ),
)


THRESHOLDS: tuple[Mutation, ...] = (
    wrong(
        "local and remote thresholds are exchanged",
        "DB-002",
        placement.Thresholds.bits,
        "direction is Direction.OUT",
        "direction is not Direction.OUT",
    ),
    wrong(
        "inbound thresholds are read like outbound ones",
        "DB-002",
        placement.Thresholds.bits,
        "(local, remote) if direction is Direction.OUT else (remote, local)",
        "(local, remote)",
    ),
    wrong(
        "one long prefix makes a policy exact",
        "DB-002",
        placement.candidate_list,
        "source_bits and selector",
        "source_bits or selector",
    ),
    wrong(
        "a prefix as long as the threshold is not hashed",
        "DB-002",
        placement.candidate_list,
        "selector.source.length >= source_bits",
        "selector.source.length > source_bits",
    ),
    wrong(
        "thresholds count at the next rebuild only",
        "DB-002",
        database.install,
        "candidate_list(policy, database.thresholds)",
        "candidate_list(policy, type(database.thresholds)())",
    ),
    wrong(
        "a rebuild moves no policy to another list",
        "DB-002",
        database.rebuild,
        "candidate_list(e.policy, database.thresholds)",
        "e.list",
    ),
    wrong(
        "new thresholds do not rebuild",
        "LOOKUP-009",
        policies.set_thresholds,
        "rebuild(replace(database, thresholds=thresholds))",
        "replace(database, thresholds=thresholds)",
    ),
)
