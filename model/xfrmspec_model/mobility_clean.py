"""The recipe clean on a mobile node, with one home agent and one correspondent node of any number.

What the recipe has installed is a value; a stage is a sequence of operations, so a value after another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from xfrmspec_model.folding import (
    Number,
    Truth,
    all_of,
    both,
    choose_integer,
    either,
    negate,
    same,
)
from xfrmspec_model.mobility_rows import (
    ACKNOWLEDGEMENT,
    ADVERTISEMENT,
    DISCOVERY,
    MOBILITY,
    SOLICITATION,
    UPDATE,
    Part,
    Row,
)
from xfrmspec_model.mobility_times import Defences
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import StageKind
from xfrmspec_terms.defences import Defence
from xfrmspec_terms.policy import Direction, PolicyType

NOWHERE = 0
"""The care-of address of what is not installed."""


class Shield(IntEnum):
    """What stands for HoA -> any: nothing, the block, or the trigger."""

    NONE = 0
    BLOCK = 1
    TRIGGER = 2


class Kept(IntEnum):
    """Whether a policy is not installed, has no template, or has its template."""

    ABSENT = 0
    BARE = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Protection:
    """What the settings of a recipe protect; `optimises` tells whether they want route optimisation."""

    signalling: Truth
    tests: Truth
    payload: Truth
    optimises: Truth = True


@dataclass(frozen=True, slots=True)
class CleanTerm:
    """What `clean` has installed on a mobile node beside what stands from the start.

    `agent_state`, `peer_state` and `tunnel` are the care-of addresses of the two HAO states and the tunnel,
    NOWHERE for none; `tunnel_end` is where the tunnel's associations end. The policies are those for BU and
    data to the home agent and to the correspondent node.
    """

    shield: Number = int(Shield.NONE)
    agent_state: Number = NOWHERE
    agent_update: Number = int(Kept.ABSENT)
    agent_data: Number = int(Kept.ABSENT)
    tunnel: Number = NOWHERE
    tunnel_end: Number = NOWHERE
    peer_state: Number = NOWHERE
    peer_update: Number = int(Kept.ABSENT)
    peer_data: Number = int(Kept.ABSENT)


CLEAN_PARTS = tuple(CleanTerm.__dataclass_fields__)
HOME_STAGES = (
    StageKind.REGISTERING,
    StageKind.REGISTERED,
    StageKind.REFUSED,
    StageKind.RETURNING,
    StageKind.RETURNED,
)
ROUTE_STAGES = (StageKind.TESTING, StageKind.OPTIMISED, StageKind.FELL_BACK)


@clause("XFRM-DAEMON-020", "XFRM-DAEMON-024", "XFRM-DAEMON-025", "XFRM-DAEMON-027", "XFRM-DAEMON-029")
def home_stage(
    table: CleanTerm, stage: StageKind, care_of: Number, protection: Protection
) -> tuple[CleanTerm, ...]:
    """Return the tables after each operation of a stage of the home registration, the last one last.

    Source: XFRM-DAEMON-020, XFRM-DAEMON-024 to XFRM-DAEMON-029, XFRM-DAEMON-033.
    """
    blocked = replace(table, shield=int(Shield.BLOCK))
    match stage:
        case StageKind.REGISTERING:
            stated = replace(blocked, agent_state=care_of)
            return blocked, stated, replace(stated, agent_update=int(Kept.FULL))
        case StageKind.REGISTERED:
            return _registered(table, care_of, protection)
        case StageKind.REFUSED:
            bare = replace(blocked, agent_data=int(Kept.ABSENT))
            return blocked, bare, without_tunnel(bare)
        case StageKind.RETURNING:
            return _returning(blocked)
        case StageKind.RETURNED:
            return _returned(table)
    return (table,)


def _registered(table: CleanTerm, care_of: Number, protection: Protection) -> tuple[CleanTerm, ...]:
    kept = choose_integer(protection.payload, Kept.ABSENT, Kept.FULL)
    tunnelled = replace(table, tunnel=care_of, tunnel_end=care_of)
    data = replace(tunnelled, agent_data=kept)
    open_ = both(protection.optimises, negate(protection.payload))
    return tunnelled, data, replace(data, shield=choose_integer(open_, Shield.TRIGGER, Shield.NONE))


@clause("XFRM-DAEMON-033", "XFRM-DAEMON-032")
def _returning(blocked: CleanTerm) -> tuple[CleanTerm, ...]:
    alone = without_tunnel(blocked)
    bare = replace(alone, agent_update=int(Kept.BARE))
    dataless = replace(bare, agent_data=int(Kept.ABSENT))
    peerless = without_peer(dataless)
    return blocked, alone, bare, dataless, peerless, replace(peerless, agent_state=NOWHERE)


@clause("XFRM-DAEMON-033")
def _returned(table: CleanTerm) -> tuple[CleanTerm, ...]:
    """Return the tables of RETURNED, which may come without RETURNING before it."""
    left = _returning(table)[-1]
    unsigned = replace(left, agent_update=int(Kept.ABSENT))
    return left, unsigned, replace(unsigned, shield=int(Shield.NONE))


@clause("XFRM-DAEMON-027")
def without_tunnel(table: CleanTerm) -> CleanTerm:
    """Return a table without the tunnel, its associations back at home. Source: XFRM-DAEMON-027."""
    return replace(table, tunnel=NOWHERE, tunnel_end=NOWHERE)


@clause("XFRM-DAEMON-032")
def without_peer(table: CleanTerm) -> CleanTerm:
    """Return a table without anything of the correspondent node. Source: XFRM-DAEMON-032."""
    absent = int(Kept.ABSENT)
    return replace(table, peer_data=absent, peer_update=absent, peer_state=NOWHERE)


@clause("XFRM-DAEMON-030", "XFRM-DAEMON-031", "XFRM-DAEMON-032")
def route_stage(
    table: CleanTerm, stage: StageKind, care_of: Number, protection: Protection
) -> tuple[CleanTerm, ...]:
    """Return the tables after each operation of a stage of the route to the correspondent node.

    Source: XFRM-DAEMON-030 to XFRM-DAEMON-032.
    """
    stated = replace(table, peer_state=_unless(protection.payload, table.peer_state, care_of))
    match stage:
        case StageKind.TESTING:
            signed = replace(
                stated, peer_update=_unless(protection.payload, table.peer_update, int(Kept.FULL))
            )
            missing = both(same(table.peer_data, Kept.ABSENT), negate(protection.payload))
            return (
                stated,
                signed,
                replace(signed, peer_data=choose_integer(missing, Kept.BARE, table.peer_data)),
            )
        case StageKind.OPTIMISED:
            full = _unless(protection.payload, table.peer_data, int(Kept.FULL))
            return stated, replace(stated, peer_data=full)
        case StageKind.FELL_BACK:
            return (without_peer(table),)
    return (table,)


def _unless(condition: Truth, kept: Number, new: Number) -> Number:
    return choose_integer(condition, kept, new)


@dataclass(frozen=True, slots=True)
class Places:
    """The home address, the address of the home agent, and that of the correspondent node."""

    home: Number
    agent: Number
    peer: Number


@clause("XFRM-DAEMON-019", "XFRM-DAEMON-021", "XFRM-DAEMON-024", "XFRM-DAEMON-025", "XFRM-DAEMON-030")
def sub_rows(table: CleanTerm, places: Places, order: CleanOrder) -> tuple[Row, ...]:
    """Return the outbound SUB policies of a mobile node. Source: XFRM-DAEMON-019 to XFRM-DAEMON-031."""
    home, agent, peer = places.home, places.agent, places.peer
    option = (Part.HOME_ADDRESS,)
    shield, update = table.shield, table.agent_update
    return (
        _out("solicitation", None, None, DISCOVERY, SOLICITATION, order.discovery),
        _out("advertisement", None, None, DISCOVERY, ADVERTISEMENT, order.discovery),
        _out("update", home, agent, MOBILITY, UPDATE, order.signalling, option, same(update, Kept.FULL)),
        _out("bare update", home, agent, MOBILITY, UPDATE, order.signalling, (), same(update, Kept.BARE)),
        Row(
            "block",
            PolicyType.SUB,
            Direction.OUT,
            home,
            None,
            None,
            None,
            order.block,
            blocks=True,
            present=same(shield, Shield.BLOCK),
        ),
        _out(
            "peer update",
            home,
            peer,
            MOBILITY,
            UPDATE,
            order.peer_signalling,
            option,
            same(table.peer_update, Kept.FULL),
        ),
        _out("messages", None, None, MOBILITY, None, order.messages),
        _out(
            "data",
            home,
            agent,
            None,
            None,
            order.data,
            (Part.OPTIONAL_HOME_ADDRESS,),
            same(table.agent_data, Kept.FULL),
        ),
        _out(
            "peer data",
            home,
            peer,
            None,
            None,
            order.data,
            (Part.OPTIONAL_HOME_ADDRESS,),
            same(table.peer_data, Kept.FULL),
        ),
        _out("bare peer data", home, peer, None, None, order.data, (), same(table.peer_data, Kept.BARE)),
        _out("trigger", home, None, None, None, order.trigger, (Part.TRIGGER,), same(shield, Shield.TRIGGER)),
    )


@clause("XFRM-DAEMON-023", "XFRM-DAEMON-026", "XFRM-DAEMON-028")
def main_rows(table: CleanTerm, places: Places, protection: Protection, order: CleanOrder) -> tuple[Row, ...]:
    """Return the outbound MAIN policies of a mobile node. Source: XFRM-DAEMON-023, -026, -028."""
    home, agent = places.home, places.agent
    up = negate(same(table.tunnel, NOWHERE))
    tests, payload = both(protection.tests, up), both(protection.payload, up)
    tunnel = (Part.TUNNEL,)
    rows = (
        _out("solicitation", None, None, DISCOVERY, SOLICITATION, order.discovery, (), protection.payload),
        _out("advertisement", None, None, DISCOVERY, ADVERTISEMENT, order.discovery, (), protection.payload),
        _out(
            "signalling",
            home,
            agent,
            MOBILITY,
            None,
            order.protected,
            (Part.ESP,),
            any_protection(protection),
        ),
        _out("peer update", home, None, MOBILITY, UPDATE, order.peer_signalling, (), tests),
        _out("tests", home, None, MOBILITY, None, order.messages, tunnel, tests),
        _out("payload", home, None, None, None, order.data, tunnel, payload),
    )
    return tuple(replace(row, database=PolicyType.MAIN) for row in rows)


@clause("XFRM-DAEMON-023", "XFRM-DAEMON-026")
def inbound_rows(
    table: CleanTerm, places: Places, protection: Protection, order: CleanOrder
) -> tuple[Row, ...]:
    """Return the inbound MAIN policies of a mobile node. Source: XFRM-DAEMON-023, XFRM-DAEMON-026."""
    home, agent = places.home, places.agent
    up = negate(same(table.tunnel, NOWHERE))
    tests, payload = both(protection.tests, up), both(protection.payload, up)
    esp, tunnel = (Part.ESP,), (Part.TUNNEL,)
    rows = (
        _out("signalling", agent, home, MOBILITY, None, order.protected, esp, any_protection(protection)),
        _out("peer acknowledgement", None, home, MOBILITY, ACKNOWLEDGEMENT, order.peer_signalling, (), tests),
        _out("tests", None, home, MOBILITY, None, order.messages, tunnel, tests),
        _out("payload", None, home, None, None, order.data, tunnel, payload),
    )
    return tuple(replace(row, database=PolicyType.MAIN, direction=Direction.IN) for row in rows)


def any_protection(protection: Protection) -> Truth:
    """Tell whether anything is protected."""
    return either(protection.signalling, either(protection.tests, protection.payload))


def _out(
    name: str,
    source: Number | None,
    destination: Number | None,
    protocol: int | None,
    kind: int | None,
    priority: Number,
    templates: tuple[Part, ...] = (),
    present: Truth = True,
) -> Row:
    return Row(
        name,
        PolicyType.SUB,
        Direction.OUT,
        source,
        destination,
        protocol,
        kind,
        priority,
        templates,
        present=present,
    )


@dataclass(frozen=True, slots=True)
class CleanOrder:
    """The priorities of `clean`; the same names and numbers in SUB and MAIN.

    `protected` is that of signalling with transport ESP. Source: XFRM-DAEMON-019.
    """

    discovery: int = 10
    signalling: int = 20
    protected: int = 20
    block: int = 30
    peer_signalling: int = 40
    messages: int = 50
    data: int = 60
    trigger: int = 70


CLEAN_ORDER = CleanOrder()
"""What the clause says."""


_BEHIND_EVERY_OTHER = 90


@clause("XFRM-WORLD-010", "XFRM-ATTACK-015")
def order_under(order: CleanOrder, defences: Defences) -> CleanOrder:
    """Return the priorities on a mobile node, with or without POLICY_ORDER. Source: XFRM-WORLD-010."""
    if Defence.POLICY_ORDER in defences:
        return order
    return replace(order, protected=_BEHIND_EVERY_OTHER)


def nothing_left(table: CleanTerm) -> Truth:
    """Tell whether a table is that of the start."""
    return all_of(same(getattr(table, part), getattr(CleanTerm(), part)) for part in CLEAN_PARTS)
