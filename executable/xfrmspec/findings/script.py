"""A finding as a stand-alone shell script that a kernel developer can run without this project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from xfrmspec.findings.frame import (
    CONFIGURE,
    EMPTY_TABLES,
    HEAD,
    INJECT,
    LISTENER,
    NODES,
    PROBES,
    REQUEST,
    SEND_UDP,
    TAIL,
)
from xfrmspec.findings.ip_words import command_of
from xfrmspec.findings.pieces import BEHIND, CARE_OF_THERE, THERE
from xfrmspec.findings.reproduction import expected_sights
from xfrmspec.findings.terms import Exhibit, Finding, Needs, ShellExhibit, Sight
from xfrmspec.kernel.netlink import RequestFlag, encode, frame
from xfrmspec.kernel.operations import operation_message
from xfrmspec.scenario.packets import received_packet
from xfrmspec.scenario.terms import (
    LABORATORY,
    AddPolicy,
    LocalAddress,
    Migrate,
    Receive,
    Scenario,
    Send,
    SetThresholds,
    Step,
    UpdatePolicy,
    Wait,
)
from xfrmspec_terms.selector import Address

_ALL_NEEDS = frozenset(Needs)


def as_script(finding: Finding, abilities: frozenset[Needs] = _ALL_NEEDS) -> str:
    """Return a POSIX shell script that prints PASS or FAIL for each packet and exits with 0, 1 or 4 (skip).

    It makes its own network namespaces and removes them. Exhibits that need more than `abilities` are left
    out; ValueError when none remains.
    """
    exhibits = [exhibit for exhibit in finding.exhibits if exhibit.needs in abilities]
    if not exhibits:
        raise ValueError(f"{finding.name} needs states, which this kernel does not have")
    body = "".join(chain.from_iterable(_exhibit_lines(exhibit, finding) for exhibit in exhibits))
    tools = "iproute2, ping (iputils), awk" + (", python3" if "python3" in body else "")
    head = HEAD.format(name=finding.name, rule=finding.rule, tools=tools)
    nodes = NODES.format(**_addresses(exhibits))
    return head + nodes + PROBES + _helpers(body) + body + "\n" + TAIL


def _addresses(exhibits: Sequence[Exhibit | ShellExhibit]) -> dict[str, str]:
    """The lines of `ip -batch` that give each of the three nodes its addresses."""
    nodes = [exhibit.scenario.node for exhibit in exhibits if isinstance(exhibit, Exhibit)]
    own: dict[LocalAddress, None] = {}
    for node in (LABORATORY, *nodes):
        own.update(dict.fromkeys(node.addresses))
    return {
        "node": "".join(_address(entry.address, "outer", home=entry.home) for entry in own),
        "outside": "".join(_address(address, "outer") for address in (THERE, CARE_OF_THERE)),
        "inside": _address(BEHIND, "inner"),
    }


def _address(address: Address, device: str, *, home: bool = False) -> str:
    return f"address add {address}/128 dev {device}{' home' if home else ''} nodad\n"


def _helpers(body: str) -> str:
    python = [(SEND_UDP, "observe send_udp "), (INJECT, "observe inject "), (REQUEST, "request ")]
    used = [f"\n{text}" for text, name in python if name in body]
    configure = "\n" + CONFIGURE if "\npolicy " in body else ""
    return configure + "\nneed python3\n" * bool(used) + "".join(used)


def _exhibit_lines(exhibit: Exhibit | ShellExhibit, finding: Finding) -> Iterator[str]:
    yield "\n" + EMPTY_TABLES
    if isinstance(exhibit, ShellExhibit):
        yield exhibit.lines
        return
    if _may_acquire(exhibit.scenario):
        yield LISTENER
    expected = expected_sights(exhibit, finding)
    for number, step in enumerate(exhibit.scenario.steps):
        if isinstance(step, Send | Receive):
            yield from _packet_lines(step, exhibit.scenario, expected[number])
        elif isinstance(step, Wait):
            yield f"sleep {step.seconds}\n"
        else:
            yield from _operation_lines(step, expected[number], decides=number == exhibit.deciding)


def _may_acquire(scenario: Scenario) -> bool:
    return scenario.listeners and any(isinstance(step, Send) for step in scenario.steps)


def _operation_lines(step: Step, expected: Sight, *, decides: bool) -> Iterator[str]:
    command, title = _command_and_title(step)
    if decides:
        wanted = "refused" if expected.errno else "accepted"
        yield f"if {command} 2>/dev/null; then seen=accepted; else seen=refused; fi\n"
        yield f'check "{title}" {wanted} "$seen"\n'
        return
    if expected.errno:
        yield f'if {command} 2>/dev/null; then skip "accepted: {title}"; fi\n'
        return
    yield f'{command} || skip "refused: {title}"\n'
    if isinstance(step, SetThresholds):
        yield "sleep 0.3\n"


def _command_and_title(step: Step) -> tuple[str, str]:
    """Return the shell command for an operation, and what it is called in the output."""
    if not isinstance(step, Migrate):
        return f'ip -n "$NODE" xfrm {command_of(step)}', _title(command_of(step))
    message = operation_message(step)
    flags = RequestFlag.REQUEST | RequestFlag.ACK
    octets = frame(message.kind, flags, 0, encode(message))
    return f"request {octets.hex()}", f"a migration with {len(step.entries)} entries"


def _packet_lines(step: Send | Receive, scenario: Scenario, expected: Sight) -> Iterator[str]:
    flow = step.flow
    ends = f"{flow.source} {flow.destination}"
    if isinstance(step, Receive):
        what = f"a packet received from {flow.source} for {flow.destination}"
        plain = not step.layers and _is_blind_to_protocols(scenario)
        probe = f'ping_from "$OUTSIDE" {ends}' if plain else f"inject {received_packet(step).hex()}"
    else:
        what = f"a packet sent from {flow.source} to {flow.destination}"
        ports = f"{flow.source} {flow.source_slot} {flow.destination} {flow.destination_slot}"
        plain = _is_blind_to_protocols(scenario) and not _ports_differ(scenario)
        probe = f'ping_from "$NODE" {ends}' if plain else f"send_udp {ports}"
    yield f"observe {probe}\n"
    yield f'check "{what}" "{_counted(expected)}" "$seen"\n'


def _is_blind_to_protocols(scenario: Scenario) -> bool:
    policies = [step.policy for step in scenario.steps if isinstance(step, AddPolicy | UpdatePolicy)]
    return not any(policy.selector.protocol for policy in policies)


def _ports_differ(scenario: Scenario) -> bool:
    flows = [step.flow for step in scenario.steps if isinstance(step, Send)]
    return len({(flow.source_slot, flow.destination_slot) for flow in flows}) > 1


def _counted(sight: Sight) -> str:
    words = (*sight.counters, *("acquire",) * bool(sight.acquires))
    return " ".join(words) or "nothing counted"


def _title(command: str) -> str:
    return command.replace('"', "")
