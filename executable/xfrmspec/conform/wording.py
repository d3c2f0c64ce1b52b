"""Differences in few words."""

from __future__ import annotations

from dataclasses import fields

from xfrmspec.scenario.events import Event, StateName, StoredState
from xfrmspec.scenario.observation import Difference, Failure, Observation, StoredEntry
from xfrmspec_terms.policy import ANY_MARK, PolicyIdentity
from xfrmspec_terms.selector import ANY_PORT, ANY_PROTOCOL, Selector


def difference_line(difference: Difference) -> str:
    """Return one line: the step (from 0), what differs, the reference's value, the kernel's."""
    place = "at the end" if difference.step is None else f"step {difference.step}"
    return f"{place}, {difference.what}: {words(difference.first)}, but {words(difference.second)}"


def words(value: object) -> str:
    """Return an observed value as people read it."""
    if isinstance(value, tuple):
        return f"[{' '.join(words(item) for item in value)}]" if value else "nothing"
    if isinstance(value, PolicyIdentity):
        return _identity_words(value)
    if isinstance(value, StoredEntry):
        return f"({_identity_words(value.identity)} priority {value.priority})"
    if isinstance(value, Event):
        return _event_words(value)
    if isinstance(value, StoredState):
        return _stored_words(value)
    if isinstance(value, Observation):
        return "an observation"
    if isinstance(value, Failure):
        return f"no answer ({value.reason})"
    return _plain_words(value)


def _plain_words(value: object) -> str:
    if isinstance(value, int):
        return str(int(value))
    return value.hex() if isinstance(value, bytes) else str(value)


def _event_words(event: Event) -> str:
    told = [event.kind.value.lower(), *(["hard"] if event.hard else [])]
    if event.state is not None:
        told.append(_name_words(event.state))
    if event.policy is not None:
        told.append(_identity_words(event.policy))
    if event.selector is not None:
        told += _selector_words(event.selector)
    numbers = {"proto": event.protocol, "templates": event.templates, "entries": len(event.entries)}
    numbers |= {"seq": event.sequence, "oseq": event.out_sequence}
    told += [f"{name} {number}" for name, number in numbers.items() if number]
    return f"({' '.join(told)})"


def _name_words(name: StateName) -> str:
    mode = "" if name.mode is None else f" {name.mode.name.lower()}"
    told = f"{name.protocol.name.lower()}{mode} {name.source}->{name.destination} spi {name.spi:#x}"
    told += f" reqid {name.reqid}" if name.reqid else ""
    return told if name.mark == ANY_MARK else f"{told} mark {name.mark.value:#x}/{name.mark.mask:#x}"


def _stored_words(state: StoredState) -> str:
    """Return a dumped state with the members that are not at their defaults."""
    plain = StoredState(state.name)
    told = [
        f"{entry.name} {getattr(state, entry.name)}"
        for entry in fields(state)
        if getattr(state, entry.name) != getattr(plain, entry.name)
    ]
    return f"({' '.join((_name_words(state.name), *told))})"


def _identity_words(identity: PolicyIdentity) -> str:
    told = [identity.direction.name.lower(), identity.type.name.lower(), *_selector_words(identity.selector)]
    if identity.mark != ANY_MARK:
        told.append(f"mark {identity.mark.value:#x}/{identity.mark.mask:#x}")
    if identity.if_id:
        told.append(f"if_id {identity.if_id}")
    return " ".join(told)


def _selector_words(selector: Selector) -> list[str]:
    told = [f"{selector.source}->{selector.destination}"]
    if selector.protocol != ANY_PROTOCOL:
        told.append(f"proto {int(selector.protocol)}")
    for name, match in (("sport", selector.source_port), ("dport", selector.destination_port)):
        if match != ANY_PORT:
            told.append(f"{name} {match.value:#x}/{match.mask:#x}")
    told += [f"dev {selector.ifindex}"] if selector.ifindex else []
    return told + ([f"user {selector.user}"] if selector.user else [])
