"""What may stand where a binding is kept, by name: policies are known by their slots."""

from __future__ import annotations

from enum import Enum, IntEnum

from xfrmspec_model.recipe_policies import Slot


class Look(IntEnum):
    """What a policy that stands looks like; 0 is a policy that does not."""

    PLAIN = 1
    OPTION = 2
    HEADER = 3
    TRANSPORT = 4
    TUNNEL = 5


class Thing(Enum):
    """What stands besides policies. States, tunnels and ends hold an address, 0 where they are not.

    Ends are those of tunnel associations and of the templates that name them; at home that is the home
    address.
    """

    ANY_OPTION = "the state that takes every home address option"
    BOUND_OPTION = "the state of the option of a binding"
    BOUND_HEADER = "the state of the routing header of a binding"
    DEVICE = "the tunnel device"
    PROXY = "the answering for the home address"
    OUT_END = "the end of the outbound tunnel association"
    IN_END = "the end of the inbound tunnel association"
    OUT_TEMPLATE = "the end in the template of the outbound tunnel policy"
    IN_TEMPLATE = "the end in the template of the inbound tunnel policy"
    FORWARD_TEMPLATE = "the end in the template of the forwarding tunnel policy"


Key = Slot | Thing
