"""The sockets of PF_KEY: who is registered, who listens to everything, and who hears which message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from xfrmspec.interfaces.key_message import (
    AuthenticationAlgorithm,
    EncryptionAlgorithm,
    ExtensionType,
    KeyMessage,
    MessageType,
    SaType,
    SupportedAlgorithm,
    SupportedExtension,
)
from xfrmspec.interfaces.key_refusal import KeyRefusal, errno_of
from xfrmspec_terms.clauses import clause

LARGEST_SATYPE = max(SaType)
"""Every smaller number can be registered for, with or without states of that type."""

Supported = tuple[SupportedExtension, ...]
"""The algorithms of a kernel that PF_KEY has numbers for: authentication, then encryption."""

LABORATORY_ALGORITHMS: Supported = (
    SupportedExtension(
        ExtensionType.SUPPORTED_AUTH,
        (
            SupportedAlgorithm(AuthenticationAlgorithm.NULL, 0, 0, 0),
            SupportedAlgorithm(AuthenticationAlgorithm.MD5_HMAC, 0, 128, 128),
            SupportedAlgorithm(AuthenticationAlgorithm.SHA1_HMAC, 0, 160, 160),
            SupportedAlgorithm(AuthenticationAlgorithm.SHA2_256_HMAC, 0, 256, 256),
            SupportedAlgorithm(AuthenticationAlgorithm.SHA2_384_HMAC, 0, 384, 384),
            SupportedAlgorithm(AuthenticationAlgorithm.SHA2_512_HMAC, 0, 512, 512),
        ),
    ),
    SupportedExtension(
        ExtensionType.SUPPORTED_ENCRYPT,
        (
            SupportedAlgorithm(EncryptionAlgorithm.NULL, 0, 0, 0),
            SupportedAlgorithm(EncryptionAlgorithm.AES_CBC, 8, 128, 256),
            SupportedAlgorithm(EncryptionAlgorithm.AES_CTR, 8, 160, 288),
        ),
    ),
)
"""What Debian's user mode kernel 6.1.176 has with the modules that the laboratory gives it.

Its table says that an IV of AES-CBC has 8 octets; packets carry 16.
"""


class Audience(Enum):
    """Which sockets a message is for; sockets in promiscuous mode hear it besides."""

    EVERYBODY = "every socket"
    REGISTERED = "sockets registered for any type, and the sender if there is one"
    SENDER = "the sender"
    NOBODY = "no socket"


@dataclass(frozen=True, slots=True)
class KeySocket:
    """One socket: the types of state it is registered for, and whether it listens to everything."""

    registered: frozenset[int] = frozenset()
    promiscuous: bool = False


@dataclass(frozen=True, slots=True)
class KeySockets:
    """The open sockets of a network namespace by number, and what each has heard, the oldest first."""

    sockets: Mapping[int, KeySocket] = field(default_factory=dict)
    heard: Mapping[int, tuple[KeyMessage, ...]] = field(default_factory=dict)
    supported: Supported = LABORATORY_ALGORITHMS

    @property
    def manager_listens(self) -> bool:
        """Tell whether an acquire has somebody to go to. Source: kernel pfkey_is_alive."""
        return any(socket.registered for socket in self.sockets.values())

    def opened(self, number: int) -> KeySockets:
        """Return the sockets with one more that is neither registered nor promiscuous."""
        return replace(self, sockets={**self.sockets, number: KeySocket()})

    @clause("XFRM-KEY-011", "XFRM-KEY-006", "XFRM-KEY-010")
    def told(self, message: KeyMessage, audience: Audience, sender: int | None = None) -> KeySockets:
        """Return the sockets after a message went to its audience.

        A promiscuous socket hears it once more than it would otherwise. Source: XFRM-KEY-006, -010, -011;
        kernel pfkey_broadcast.
        """
        copies = {number: self._copies(number, audience, sender) for number in sorted(self.sockets)}
        heard = {
            number: (*self.heard.get(number, ()), *(message,) * count) for number, count in copies.items()
        }
        return replace(self, heard=heard)

    def _copies(self, number: int, audience: Audience, sender: int | None) -> int:
        socket = self.sockets[number]
        meant = {
            Audience.EVERYBODY: True,
            Audience.REGISTERED: bool(socket.registered) or number == sender,
            Audience.SENDER: number == sender,
            Audience.NOBODY: False,
        }[audience]
        return int(meant) + int(socket.promiscuous)

    @clause("XFRM-KEY-011", "XFRM-KEY-001")
    def requested(self, command: KeyMessage, sender: int) -> KeySockets:
        """Return the sockets after one sent a request, before it is carried out.

        Source: XFRM-KEY-011; kernel pfkey_process.
        """
        return self.told(command, Audience.NOBODY, sender)

    @clause("XFRM-KEY-010")
    def register(self, command: KeyMessage, sender: int) -> KeySockets:
        """Register a socket for a type of state, none for type 0, and tell what algorithms there are.

        Source: XFRM-KEY-010; kernel pfkey_register.
        """
        socket, satype = self.sockets[sender], command.satype
        if satype > LARGEST_SATYPE:
            return self.refuse(command, sender, KeyRefusal.BAD_SA_TYPE)
        if satype in socket.registered:
            return self.refuse(command, sender, KeyRefusal.REGISTERED)
        types = socket.registered | ({satype} if satype != SaType.UNSPEC else set())
        changed = self._with(sender, replace(socket, registered=frozenset(types)))
        answer = replace(command, extensions=self.supported, errno=0)
        return changed.told(answer, Audience.REGISTERED, sender)

    @clause("XFRM-KEY-011")
    def set_promiscuity(self, command: KeyMessage, sender: int) -> KeySockets:
        """Turn promiscuous mode on (1) or off (0), or pass a message with extensions on to everybody.

        Source: XFRM-KEY-011; kernel pfkey_promisc.
        """
        if command.extensions:
            return self.told(command, Audience.EVERYBODY)
        if command.satype not in (0, 1):
            return self.refuse(command, sender, KeyRefusal.BAD_PROMISCUITY)
        socket = replace(self.sockets[sender], promiscuous=bool(command.satype))
        return self._with(sender, socket).told(replace(command, errno=0), Audience.EVERYBODY)

    def refuse(self, command: KeyMessage, sender: int, refusal: KeyRefusal) -> KeySockets:
        """Return the sockets after the header of a command came back to its sender with an error number."""
        answer = replace(command, extensions=(), errno=int(errno_of(refusal)))
        return self.told(answer, Audience.SENDER, sender)

    def _with(self, number: int, socket: KeySocket) -> KeySockets:
        return replace(self, sockets={**self.sockets, number: socket})


@clause("XFRM-KEY-010", "XFRM-KEY-011")
def carry_out(command: KeyMessage, sockets: KeySockets, sender: int) -> KeySockets:
    """Carry out REGISTER or X_PROMISC; any other type is refused with EOPNOTSUPP.

    Source: XFRM-KEY-001, -010, -011.
    """
    asked = sockets.requested(command, sender)
    if command.type is MessageType.REGISTER:
        return asked.register(command, sender)
    if command.type is MessageType.X_PROMISC:
        return asked.set_promiscuity(command, sender)
    return asked.refuse(command, sender, KeyRefusal.NOT_HANDLED)
