"""Operations of a scenario as `ip xfrm` command lines for a POSIX shell."""

from __future__ import annotations

from functools import singledispatch

from xfrmspec.scenario.terms import (
    AddPolicy,
    AddState,
    AllocateSpi,
    DeletePolicy,
    SetThresholds,
    UpdatePolicy,
    UpdateState,
)
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import ANY_MARK, Action, Direction, Limits, Mark, Policy, PolicyType, Template
from xfrmspec_terms.selector import PORT_MASK_FULL, Prefix, Protocol, Selector

_PROTOCOLS = {
    Protocol.ESP: "esp",
    Protocol.AH: "ah",
    Protocol.IPCOMP: "comp",
    Protocol.ROUTING: "route2",
    Protocol.DESTINATION_OPTIONS: "hao",
}
_ALGORITHMS = {
    Protocol.ESP: ' enc "ecb(cipher_null)" "" auth digest_null ""',
    Protocol.AH: ' auth digest_null ""',
    Protocol.IPCOMP: " comp deflate",
}


@singledispatch
def command_of(operation: object) -> str:
    """Return the words behind `ip xfrm` for an operation; TypeError for one that findings do not use."""
    raise TypeError(f"no command line is written for {type(operation).__name__}")


@command_of.register
def _(operation: AddPolicy) -> str:
    return f"policy add {policy_words(operation.policy)}"


@command_of.register
def _(operation: UpdatePolicy) -> str:
    return f"policy update {policy_words(operation.policy)}"


@command_of.register
def _(operation: DeletePolicy) -> str:
    identity = operation.identity
    key = f"{selector_words(identity.selector)}{_direction(identity.direction, identity.type)}"
    return f"policy delete {key}"


@command_of.register
def _(operation: SetThresholds) -> str:
    return f"policy set hthresh6 {operation.thresholds.local6} {operation.thresholds.remote6}"


@command_of.register
def _(operation: AddState) -> str:
    return f"state add {state_words(operation.state)}"


@command_of.register
def _(operation: UpdateState) -> str:
    return f"state update {state_words(operation.state)}"


@command_of.register
def _(operation: AllocateSpi) -> str:
    state = operation.state
    words = f"src {state.source} dst {state.destination} proto {_PROTOCOLS[state.protocol]}"
    words += f" mode {state.mode.name.lower()} reqid {state.reqid}"
    return f"state allocspi {words} min {operation.minimum:#x} max {operation.maximum:#x}"


def policy_words(policy: Policy) -> str:
    """Return the words that describe a policy."""
    words = selector_words(policy.selector) + _direction(policy.direction, policy.type)
    words += " action block" if policy.action is Action.BLOCK else ""
    words += f" priority {policy.priority}" + _mark(policy.mark)
    return words + "".join(map(_template, policy.templates))


def selector_words(selector: Selector) -> str:
    """Return the words of a selector; its port slots are written for UDP and the mobility header only."""
    words = f"src {_prefix(selector.source)} dst {_prefix(selector.destination)}"
    if not selector.protocol:
        return words
    if selector.protocol == Protocol.MOBILITY:
        words += " proto mobility-header"
        return words + (f" type {selector.source_port.value}" if selector.source_port.mask else "")
    words += f" proto {Protocol(selector.protocol).name.lower()}"
    for name, port in (("sport", selector.source_port), ("dport", selector.destination_port)):
        words += f" {name} {port.value}" if port.mask == PORT_MASK_FULL else ""
    return words


def state_words(state: SecurityAssociation) -> str:
    """Return the words that describe a state, with algorithms that hide nothing."""
    words = f"src {state.source} dst {state.destination} proto {_PROTOCOLS[state.protocol]}"
    words += f" spi {state.spi:#x}" if state.spi else ""
    words += f" mode {state.mode.name.lower()}"
    words += f" reqid {state.reqid}" if state.reqid else ""
    words += _mark(state.mark) + _ALGORITHMS.get(state.protocol, "")
    words += f" coa {state.care_of}" if state.care_of is not None else ""
    words += _limits(state.limits)
    return words + (f" sel {selector_words(state.selector)}" if state.selector is not None else "")


def _limits(limits: Limits) -> str:
    """The limits that findings use."""
    seconds = {"time-soft": limits.soft_add_seconds, "time-hard": limits.hard_add_seconds}
    words = "".join(f" limit {name} {value}" for name, value in seconds.items() if value)
    packets = limits.hard_packets
    return words if packets is None else f"{words} limit packet-hard {packets}"


def _direction(direction: Direction, type_: PolicyType) -> str:
    return f" dir {direction.name.lower()}" + (" ptype sub" if type_ is PolicyType.SUB else "")


def _prefix(prefix: Prefix) -> str:
    return str(prefix)


def _mark(mark: Mark) -> str:
    return "" if mark == ANY_MARK else f" mark {mark.value:#x} mask {mark.mask:#x}"


def _template(template: Template) -> str:
    words = f" tmpl proto {_PROTOCOLS[template.protocol]} mode {template.mode.name.lower()}"
    words += f" reqid {template.reqid}" if template.reqid else ""
    return words + (" level use" if template.optional else "")
