"""PF_KEY, socket options and listings on a kernel: raw steps beside the scenario language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xfrmspec.interfaces.key_codec import decode, encode
from xfrmspec.interfaces.key_message import KeyMessage
from xfrmspec.kernel.netlink import Message, MessageKind, RequestFlag, frame
from xfrmspec.kernel.netlink import decode as decode_netlink
from xfrmspec.kernel.netlink import encode as encode_netlink
from xfrmspec.kernel.netlink_requests import stored_policy
from xfrmspec.kernel.program import compile_scenario
from xfrmspec.kernel.subject import KernelSubject
from xfrmspec.scenario.terms import Scenario
from xfrmspec_terms.policy import Policy

RAW_SECONDS = 10.0
XFRM_OPTION, IPSEC_OPTION = 35, 34
"""IPV6_XFRM_POLICY and IPV6_IPSEC_POLICY."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What sending a PF_KEY message gave: the error number of the call, and the messages that came back."""

    errno: int
    messages: tuple[KeyMessage, ...]


def key_step(*messages: KeyMessage | bytes, socket: int = 0) -> list[Any]:
    """Send PF_KEY messages from one socket, which its number names; empty octets only listen."""
    return ["key", [(m if isinstance(m, bytes) else encode(m)).hex() for m in messages], socket]


def request_step(*messages: Message) -> list[Any]:
    """Send netlink requests."""
    last = len(messages) - 1
    flags = [RequestFlag.REQUEST | (RequestFlag.ACK if n == last else 0) for n in range(len(messages))]
    frames = [
        frame(message.kind, flag, number, encode_netlink(message)).hex()
        for number, (message, flag) in enumerate(zip(messages, flags, strict=True))
    ]
    return ["request", frames]


def listing_step(kind: MessageKind) -> list[Any]:
    """List policies (GETPOLICY) or states (GETSA) by netlink."""
    return ["listing", _dump_frame(kind)]


def _dump_frame(kind: MessageKind) -> str:
    return frame(kind, RequestFlag.REQUEST | RequestFlag.DUMP, 1, b"").hex()


def answer_step(message: Message) -> list[Any]:
    """Send one netlink request that is answered by one message; the payload is what the step gives back."""
    return ["answer", frame(message.kind, RequestFlag.REQUEST, 0, encode_netlink(message)).hex()]


def sysctl_step(name: str, value: str) -> list[Any]:
    """Write a sysctl below /proc/sys; it has its old value again once the steps are done."""
    return ["sysctl", name, value]


def options_step(*options: tuple[int, bytes | None]) -> list[Any]:
    """Set options of one socket in turn; None is a null pointer of length 0."""
    return ["options", [[number, None if value is None else value.hex()] for number, value in options]]


def unprivileged_step(message: Message, option: int, value: bytes) -> list[Any]:
    """Try a netlink request, a PF_KEY socket and a socket option without privileges."""
    wanted = frame(message.kind, RequestFlag.REQUEST | RequestFlag.ACK, 0, encode_netlink(message))
    return ["unprivileged", wanted.hex(), option, value.hex()]


def run_steps(subject: KernelSubject, steps: Sequence[list[Any]]) -> list[Any]:
    """Run raw steps from empty tables on a fit guest; return the agent's answer to each."""
    empty = Scenario(())
    subject.run(empty)
    if subject.guest is None:
        raise RuntimeError("no guest runs")
    program = compile_scenario(empty) | {"steps": list(steps), "crowded": True, "listen": False}
    answers: list[Any] = subject.guest.link.run([program], RAW_SECONDS)[0]
    return answers


def heard(answer: Any) -> tuple[Heard, ...]:
    """Return what a key step's answer amounts to."""
    return tuple(
        Heard(errno, tuple(decode(bytes.fromhex(octets)) for octets in messages))
        for errno, messages in answer
    )


def policies_in(answer: Any) -> tuple[Policy, ...]:
    """Return the policies of a listing, in the order of the kernel (newest first)."""
    return tuple(
        stored_policy(decode_netlink(MessageKind.NEWPOLICY, bytes.fromhex(payload))).policy
        for payload in answer
    )
