"""Who may configure: one question before every command of the three interfaces."""

from __future__ import annotations

from enum import Enum

from xfrmspec_terms.clauses import clause
from xfrmspec_terms.outcome import Errno


class Privilege(Enum):
    """Whether a process may administer the network of its namespace (CAP_NET_ADMIN)."""

    ADMINISTRATOR = "may administer the network"
    NOBODY = "may not administer the network"


@clause("XFRM-IFACE-002")
def admission(privilege: Privilege) -> Errno:
    """Return EPERM for a process without the privilege, whichever interface it uses and whatever it asks.

    Source: XFRM-IFACE-002; kernel xfrm_user_rcv_msg, pfkey_create, do_ipv6_setsockopt.
    """
    return Errno.OK if privilege is Privilege.ADMINISTRATOR else Errno.EPERM
