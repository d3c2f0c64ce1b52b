"""The attacks on Mobile IPv6 as a table: where each comes from, what keeps it out, what happens without."""

from __future__ import annotations

from xfrmspec.world.attacks.attack import Attack, run, without
from xfrmspec.world.attacks.catalogue import ATTACKS
from xfrmspec.world.cast import usual_world
from xfrmspec_diagrams.ir import Table

_COLUMNS = ("No.", "Attack", "Where it is", "Defence", "What happened without it", "Clause")


def attack_table() -> Table:
    """Draw all attacks, each played without its defence. Source: XFRM-ATTACK-001..016."""
    return Table(
        "Attacks on Mobile IPv6, and what keeps each out",
        _COLUMNS,
        tuple(_row(attack) for _, attack in sorted(ATTACKS.items())),
        (
            "Each was played with real octets: what the fifth column says happened in a run with every other "
            "defence on. With all defences on nothing of the kind happens.",
        ),
    )


def _row(attack: Attack) -> tuple[str, ...]:
    attackers = attack.placed(usual_world(attack.casting)).attackers
    links = sorted({link for attacker in attackers for link in attacker.links})
    where = f"link{'s' if len(links) > 1 else ''} {', '.join(links)}" if links else "nobody attacks"
    happened = attack.succeeded(run(attack, without(attack.defence)))
    return (str(attack.number), attack.title, where, attack.defence.value, happened[0], attack.clause)
