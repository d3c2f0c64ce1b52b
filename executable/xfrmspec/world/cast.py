"""The usual world: a mobile node, its home agent, a correspondent node, and a router between four links.

```
home 2001:db8:1::/64 ---- HA ---- core 2001:db8:f::/64 ---- R ---- A 2001:db8:a::/64
                                                            R ---- B 2001:db8:b::/64
                                                            R ---- C 2001:db8:c::/64 ---- CN
```

Addresses and links are those of the observed life cycle of mip6d.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, IPv6Network

from xfrmspec.host.node import AddressKind, Node, RoutingHeaders, Secured
from xfrmspec.mipv6.correspondent_settings import (
    CorrespondentNode,
    CorrespondentSettings,
    new_correspondent_node,
)
from xfrmspec.mipv6.daemon import Daemon
from xfrmspec.mipv6.entropy import Entropy
from xfrmspec.mipv6.home_agent_settings import HomeAgent, HomeAgentSettings, HomePrefix
from xfrmspec.mipv6.mobile_node import MobileNode
from xfrmspec.mipv6.mobile_settings import MobileSettings
from xfrmspec.mipv6.movement import Detector, interface_identifier
from xfrmspec.mipv6.recipes.recipe import Recipe
from xfrmspec.mipv6.recipes.terms import Optimisation, Protection, Reqid, Settings, tunnel_reqid
from xfrmspec.scenario.suites import Suite, keys_of
from xfrmspec.world.links import Link, Plug, topology
from xfrmspec.world.plan import Advertise, Planned
from xfrmspec.world.station import Forwarding, Route, Station
from xfrmspec.world.weather import Weather
from xfrmspec.world.world import World
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.replay import ReplayState
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec.xfrm.state_operations import add
from xfrmspec.xfrm.tables import XfrmTables
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import SECOND, Role
from xfrmspec_terms.defences import EVERY_DEFENCE, Defence
from xfrmspec_terms.policy import Mode
from xfrmspec_terms.profile import CLEAN, Profile
from xfrmspec_terms.selector import Address, Protocol
from xfrmspec_terms.state import StateRequest

HOME_PREFIX = IPv6Network("2001:db8:1::/64")
HOME_AGENT = IPv6Address("2001:db8:1::1")
HOME_AGENT_OUTSIDE = IPv6Address("2001:db8:f::1")
HOME_ADDRESS = IPv6Address("2001:db8:1::1234")
SECOND_HOME_ADDRESS = IPv6Address("2001:db8:1::5678")
CORRESPONDENT = IPv6Address("2001:db8:c::2")
ROUTER_INSIDE = IPv6Address("2001:db8:f::2")

LINKS = (
    Link("home", HOME_PREFIX, HOME_AGENT),
    Link("core", IPv6Network("2001:db8:f::/64"), ROUTER_INSIDE),
    Link("A", IPv6Network("2001:db8:a::/64"), IPv6Address("2001:db8:a::1")),
    Link("B", IPv6Network("2001:db8:b::/64"), IPv6Address("2001:db8:b::1")),
    Link("C", IPv6Network("2001:db8:c::/64"), IPv6Address("2001:db8:c::1")),
)
MOBILE_PLUG = Plug("MN", "eth0")
SECOND_PLUG = Plug("M2", "eth0")
_ADVERTISED = ("A", "B", "home")
_INTERVAL = 3 * SECOND
_MACS = {"MN": bytes.fromhex("020000000505"), "M2": bytes.fromhex("020000000606")}
_HOMES = {"MN": HOME_ADDRESS, "M2": SECOND_HOME_ADDRESS}
_REPLAY_WINDOW = 32


@dataclass(frozen=True, slots=True)
class Casting:
    """What the usual world is made with; `mobiles` names the mobile nodes, MN alone or MN and M2."""

    recipe: Recipe = Recipe.CLEAN
    protection: Protection = Protection.NONE
    optimisation: Optimisation = Optimisation.WANTED
    profile: Profile = CLEAN
    defences: frozenset[Defence] = EVERY_DEFENCE
    mobiles: tuple[str, ...] = ("MN",)
    weather: Mapping[str, Weather] = field(default_factory=dict)
    seed: int = 1

    @property
    def effective_defences(self) -> frozenset[Defence]:
        """Return the defences that are on: without IPsec no association can be asked for."""
        unprotected = self.protection is Protection.NONE
        return self.defences - {Defence.ASSOCIATION} if unprotected else self.defences

    @property
    @clause("XFRM-WORLD-010")
    def effective_protection(self) -> Protection:
        """Return the protection: that of tests is nothing but that of signalling without TEST_IN_TUNNEL."""
        tests_in_the_clear = Defence.TEST_IN_TUNNEL not in self.defences
        if tests_in_the_clear and self.protection is Protection.TESTS:
            return Protection.SIGNALLING
        return self.protection

    @property
    @clause("XFRM-WORLD-011")
    def routing_headers(self) -> RoutingHeaders:
        """Return what every node does with a type 2 routing header to somebody else."""
        defended = Defence.ROUTING_HEADER in self.defences
        return RoutingHeaders.OWN_HOME_ADDRESS if defended else RoutingHeaders.ANY_ADDRESS

    def settings(
        self,
        address: IPv6Address,
        roles: frozenset[Role],
        home_agent: IPv6Address | None = None,
        mobile_nodes: tuple[IPv6Address, ...] = (),
    ) -> Settings:
        """Return what the recipe of one node knows."""
        return Settings(
            address,
            roles,
            home_agent,
            mobile_nodes,
            self.effective_protection,
            self.optimisation,
            self.effective_defences,
        )

    def entropy(self, purpose: str) -> Entropy:
        """Return the stream of chance for one purpose."""
        return Entropy(f"{self.seed} {purpose}".encode("ascii"))


def usual_world(casting: Casting = Casting()) -> World:
    """Return the world at time 0, every mobile node at home and no daemon started yet."""
    stations = [_home_agent(casting), _router(casting), _correspondent(casting)]
    stations += [_mobile(casting, name) for name in casting.mobiles]
    plugs = {
        Plug("HA", "eth0"): "home",
        Plug("HA", "eth1"): "core",
        Plug("R", "core"): "core",
        Plug("R", "a"): "A",
        Plug("R", "b"): "B",
        Plug("R", "c"): "C",
        Plug("CN", "eth0"): "C",
    }
    plugs |= {Plug(name, "eth0"): "home" for name in casting.mobiles}
    planned = tuple(Planned(1, Advertise(name, _INTERVAL)) for name in _ADVERTISED)
    by_name = {station.name: station for station in sorted(stations, key=lambda one: one.name)}
    return World(topology(LINKS, plugs), by_name, planned, casting.weather, casting.entropy("network"))


def _node(casting: Casting, *addresses: IPv6Address, home: IPv6Address | None = None) -> Node:
    kinds: dict[Address, AddressKind] = dict.fromkeys(addresses, AddressKind.PLAIN)
    if home is not None:
        kinds[home] = AddressKind.HOME
    tables = XfrmTables(PolicyDatabase(casting.profile))
    states = StateDatabase(casting.profile)
    return Node(tables, states, addresses=kinds, routing_headers=casting.routing_headers)


def _peer(casting: Casting, name: str) -> CorrespondentNode:
    """Return the correspondent node that a station is as well."""
    settings = CorrespondentSettings(casting.effective_defences)
    return new_correspondent_node(casting.entropy(f"{name} peer"), settings)


def _home_agent(casting: Casting) -> Station:
    homes = tuple(_HOMES[name] for name in casting.mobiles)
    roles = frozenset({Role.HOME_AGENT, Role.CORRESPONDENT_NODE})
    settings = casting.settings(HOME_AGENT, roles, None, homes)
    serving = (HomePrefix(HOME_PREFIX),)
    agent = HomeAgent(HomeAgentSettings(serving, defences=casting.effective_defences))
    peer = _peer(casting, "HA")
    daemon = Daemon(casting.recipe, settings, None, agent, peer)
    node = _node(casting, HOME_AGENT, HOME_AGENT_OUTSIDE)
    for home in homes:
        node = _associated(casting, node, home, tunnel_reqid(settings, home))
    return Station(
        "HA",
        node,
        daemon,
        routes=(Route(IPv6Network("::/0"), "eth1", ROUTER_INSIDE),),
        forwarding=Forwarding.ROUTER,
        entropy=casting.entropy("HA"),
    )


def _router(casting: Casting) -> Station:
    own = [link.router for link in LINKS if link.name != "home"]
    routes = (Route(HOME_PREFIX, "core", HOME_AGENT_OUTSIDE),)
    return Station("R", _node(casting, *own), routes=routes, forwarding=Forwarding.ROUTER)


def _correspondent(casting: Casting) -> Station:
    roles = frozenset({Role.CORRESPONDENT_NODE})
    settings = replace(casting.settings(CORRESPONDENT, roles), protection=Protection.NONE)
    peer = _peer(casting, "CN")
    daemon = Daemon(casting.recipe, settings, None, None, peer)
    return Station("CN", _node(casting, CORRESPONDENT), daemon, entropy=casting.entropy("CN"))


def _mobile(casting: Casting, name: str) -> Station:
    home = _HOMES[name]
    both = len(casting.mobiles) > 1
    roles = {Role.MOBILE_NODE} | ({Role.CORRESPONDENT_NODE} if both else set())
    settings = casting.settings(home, frozenset(roles), HOME_AGENT)
    mobile = MobileNode(
        MobileSettings(home, HOME_AGENT, casting.effective_defences), casting.entropy(f"{name} mobile")
    )
    peer = _peer(casting, name)
    daemon = Daemon(casting.recipe, settings, mobile, None, peer if both else None)
    node = _associated(casting, _node(casting, home=home), home, tunnel_reqid(settings, home))
    detector = Detector(HOME_PREFIX, interface_identifier(_MACS[name]))
    return Station(name, node, daemon, detector, entropy=casting.entropy(name))


def _associated(casting: Casting, node: Node, home: IPv6Address, reqid: int) -> Node:
    """Return the node with the associations that an administrator set up for one mobile node.

    `reqid` is that of its tunnel.
    """
    if casting.protection is Protection.NONE:
        return node
    spi = 0x1000 + int(home) % 0x10000
    pairs = ((home, HOME_AGENT, 0), (HOME_AGENT, home, 1))
    for source, destination, way in pairs:
        node = _with(
            node,
            SecurityAssociation(
                source,
                destination,
                Protocol.ESP,
                Mode.TRANSPORT,
                spi=spi + way,
                reqid=Reqid.SIGNALLING,
            ),
        )
    if casting.effective_protection in (Protection.TESTS, Protection.PAYLOAD):
        for source, destination, way in pairs:
            node = _with(
                node,
                SecurityAssociation(
                    source,
                    destination,
                    Protocol.ESP,
                    Mode.TUNNEL,
                    spi=spi + 0x10000 + way,
                    reqid=reqid,
                ),
            )
    return node


def _with(node: Node, state: SecurityAssociation) -> Node:
    outcome = add(node.states, StateRequest(state))
    assert outcome.found is not None
    secured = Secured(keys_of(Suite.CBC128_SHA1, state), ReplayState(window=_REPLAY_WINDOW))
    return replace(node, states=outcome.database).with_secured(outcome.found.age, secured)
