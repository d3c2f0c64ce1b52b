"""Dumps of PF_KEY: how a list is numbered and cut, and states in PF_KEY's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xfrmspec.interfaces.key_message import (
    ANY_UPPER_PROTOCOL,
    AddressExtension,
    Extension,
    ExtensionType,
    KeyMessage,
    LifetimeExtension,
    Sa2Extension,
    SaExtension,
    SaFlag,
    SaType,
    StateLife,
)
from xfrmspec.interfaces.key_policy import MODES_WRITTEN, from_limits
from xfrmspec.interfaces.key_refusal import KeyRefusal, errno_of
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.association import Lifecycle, SecurityAssociation, StateFlag
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import IPSEC_PROTOCOLS
from xfrmspec_terms.selector import Prefix, Protocol, Selector, unspecified
from xfrmspec_terms.state import InstalledState

CUT_ERRNO = -int(Errno.EINVAL) & 0xFF
"""What the last message of a dump that was cut off shows: the negative error number in eight bits."""

SATYPES: Mapping[Protocol, SaType] = {
    Protocol.AH: SaType.AH,
    Protocol.ESP: SaType.ESP,
    Protocol.IPCOMP: SaType.X_IPCOMP,
}
"""Types of state by protocol; the protocols of route optimisation have none."""

FLAGS: Mapping[SaFlag, StateFlag] = {
    SaFlag.NOECN: StateFlag.NOECN,
    SaFlag.DECAP_DSCP: StateFlag.DECAP_DSCP,
    SaFlag.NOPMTUDISC: StateFlag.NOPMTUDISC,
}
"""The flags of a state that PF_KEY has words for."""


@dataclass(frozen=True, slots=True)
class Dumped:
    """What a dump sends to its sender, and why it ended early or had nothing to list, if it did."""

    messages: tuple[KeyMessage, ...]
    refusal: KeyRefusal | None = None


@clause("XFRM-IFACE-005", "XFRM-KEY-012")
def dumped(command: KeyMessage, entries: Iterable[KeyMessage | None], cut: bool) -> Dumped:
    """Number the answers of a dump; None stands for an entry without words, at which it is `cut` or goes on.

    Source: XFRM-IFACE-005, XFRM-KEY-012; kernel pfkey_do_dump.
    """
    met = list(entries)
    if not met:
        return Dumped((_refused(command, KeyRefusal.NOTHING_TO_LIST),), KeyRefusal.NOTHING_TO_LIST)
    ends = cut and None in met
    told = met[: met.index(None)] if ends else met
    listed = [
        replace(answer, sequence=number, errno=0)
        for number, answer in enumerate((answer for answer in told if answer is not None), start=1)
    ]
    if listed:
        listed[-1] = replace(listed[-1], sequence=0, errno=CUT_ERRNO if ends else 0)
    if not ends:
        return Dumped(tuple(listed))
    return Dumped((*listed, _refused(command, KeyRefusal.NOT_DESCRIBABLE)), KeyRefusal.NOT_DESCRIBABLE)


def _refused(command: KeyMessage, refusal: KeyRefusal) -> KeyMessage:
    return replace(command, extensions=(), errno=int(errno_of(refusal)))


@clause("XFRM-KEY-012", "XFRM-IFACE-005")
def dump_states(command: KeyMessage, states: StateDatabase, protocol: int) -> Dumped:
    """List the IPsec states of a protocol (any of them for 255), the newest first.

    Source: XFRM-KEY-012; kernel pfkey_dump, dump_sa.
    """
    asked = IPSEC_PROTOCOLS if protocol == ANY_UPPER_PROTOCOL else {protocol}
    told = [_told(command, entry) for entry in states if entry.association.protocol in asked]
    return dumped(command, told, states.profile.key_dump_is_cut)


def _told(command: KeyMessage, entry: InstalledState) -> KeyMessage | None:
    words = from_state(entry)
    if isinstance(words, KeyRefusal):
        return None
    return replace(command, satype=SATYPES[entry.association.protocol], extensions=words)


@clause("XFRM-KEY-012", "XFRM-KEY-002")
def from_state(entry: InstalledState) -> tuple[Extension, ...] | KeyRefusal:
    """Return the extensions that describe a state, apart from its keys and its algorithm numbers.

    Mark, if_id, care-of address, encapsulation, output mark and the destination of its selector are left
    out; modes ro and in_trigger make it undescribable. Source: kernel __pfkey_xfrm_state2msg.
    """
    state = entry.association
    mode = MODES_WRITTEN.get(state.mode)
    if mode is None:
        return KeyRefusal.NOT_DESCRIBABLE
    width = state.family.width
    return (
        SaExtension(state.spi, state.replay_window, _life(state), flags=_flags(state)),
        *from_limits(state.limits),
        LifetimeExtension(
            ExtensionType.LIFETIME_CURRENT, entry.packets, entry.octets, state.added, entry.used or 0
        ),
        AddressExtension(ExtensionType.ADDRESS_SRC, state.source, width),
        AddressExtension(ExtensionType.ADDRESS_DST, state.destination, width),
        *_proxy(state),
        Sa2Extension(mode, 0, state.reqid),
    )


def _life(state: SecurityAssociation) -> StateLife:
    if state.lifecycle is Lifecycle.ACQ:
        return StateLife.LARVAL
    if state.lifecycle is not Lifecycle.VALID:
        return StateLife.DEAD
    return StateLife.DYING if state.dying else StateLife.MATURE


def _flags(state: SecurityAssociation) -> int:
    return sum(shown for shown, flag in FLAGS.items() if flag in state.flags)


def _proxy(state: SecurityAssociation) -> tuple[AddressExtension, ...]:
    """The source of the selector, where it is another one than that of the state."""
    nothing = Prefix(unspecified(state.family), 0)
    selector = state.selector or Selector(nothing, nothing, family=state.family)
    source, port = selector.source, selector.source_port.value
    if source.address == state.source:
        return ()
    protocol = selector.protocol or ANY_UPPER_PROTOCOL
    return (AddressExtension(ExtensionType.ADDRESS_PROXY, source.address, source.length, protocol, port),)
