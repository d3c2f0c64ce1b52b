"""Attack 15: nobody attacks, but the policy of the tunnel is asked before that of the signalling."""

from __future__ import annotations

from xfrmspec.host.node import Node
from xfrmspec.host.receiving import destination_of, receive
from xfrmspec.mipv6.recipes.terms import Protection
from xfrmspec.wire.mobility import message_of
from xfrmspec.world.attacks.attack import Attack, Run
from xfrmspec.world.attacks.places import moves
from xfrmspec.world.cast import HOME_AGENT, Casting
from xfrmspec.world.sent import Sent
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.headers import MobilityHeader
from xfrmspec_terms.mobility import BindingUpdate
from xfrmspec_terms.policy import Mode


@clause("XFRM-ATTACK-015")
def _succeeded(run: Run) -> tuple[str, ...]:
    """Let the home agent's kernel open each frame of the mobile node, as it would when the frame arrives."""
    return tuple(
        f"update {number} to HA is protected by {_MODES[mode]}"
        for turn in run.turns
        for sent in turn.sent
        if sent.sender == "MN"
        for number, mode in _misprotected(turn.world.stations["HA"].node, sent)
    )


_MODES = {Mode.TUNNEL: "the tunnel's association", None: "no association"}


def _misprotected(agent: Node, sent: Sent) -> tuple[tuple[int, Mode | None], ...]:
    """Return number and protection of an update that does not come under an association in transport mode."""
    arrived = receive(agent, sent.frame.octets, sent.at // SECOND)
    packet = arrived.packet
    if packet is None or destination_of(packet) != HOME_AGENT:
        return ()
    header = packet.headers[-1]
    message = message_of(header) if isinstance(header, MobilityHeader) else None
    modes = {state.mode for state in arrived.path}
    if not isinstance(message, BindingUpdate) or Mode.TRANSPORT in modes:
        return ()
    return ((message.sequence, Mode.TUNNEL if Mode.TUNNEL in modes else None),)


ATTACK = Attack(
    15,
    "The tunnel's policy wins",
    Defence.POLICY_ORDER,
    _succeeded,
    until=9 * SECOND,
    casting=Casting(protection=Protection.PAYLOAD),
    planned=(moves(1 * SECOND, "A"), moves(5 * SECOND, "B")),
)
