"""The recipe `clean` where bindings are kept: home agent and correspondent node."""

from __future__ import annotations

from ipaddress import IPv6Address

from xfrmspec.mipv6.recipes import clean_tunnel
from xfrmspec.mipv6.recipes.clean_entries import Priority, with_data, without_data
from xfrmspec.mipv6.recipes.entries import (
    NOWHERE,
    Traffic,
    home_option,
    home_state,
    inbound,
    routing,
    routing_state,
)
from xfrmspec.mipv6.recipes.terms import Protection, Settings, StandAside, StandIn, own_end
from xfrmspec.mipv6.recipes.work import Work
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.daemon import Role, Stage
from xfrmspec_terms.policy import Policy
from xfrmspec_terms.selector import Protocol


def _home(stage: Stage) -> IPv6Address:
    home = stage.home_address or stage.peer
    if home is None:
        raise ValueError("a stage of a binding names no home address")
    return home


@clause("XFRM-DAEMON-034", "XFRM-DAEMON-036", "XFRM-DAEMON-041")
def bound(work: Work, settings: Settings, stage: Stage) -> Work:
    """Make a binding stand, or move it to its new care-of address."""
    home, care_of = _home(stage), stage.care_of
    if care_of is None:
        raise ValueError("a binding has a care-of address")
    here = own_end(settings, stage)
    if stage.role is not Role.HOME_AGENT:
        return _routes(work, settings, here, home, care_of)
    protected = settings.protection is Protection.PAYLOAD
    if not protected:
        work = work.put_states(*_states(here, home, care_of))
    work = clean_tunnel.open_to(work, settings, home, here, care_of)
    if home not in work.memory.stands_in_for:
        work = work.do(StandIn(home))
    return work if protected else _routes(work, settings, here, home, care_of)


@clause("XFRM-DAEMON-035", "XFRM-DAEMON-036")
def _routes(
    work: Work, settings: Settings, here: IPv6Address, home: IPv6Address, care_of: IPv6Address
) -> Work:
    work = work.put_states(*_states(here, home, care_of)).put(_from_home(settings, here, home))
    return with_data(work, here, home, routing(optional=True))


def _states(
    here: IPv6Address, home: IPv6Address, care_of: IPv6Address = NOWHERE
) -> tuple[SecurityAssociation, SecurityAssociation]:
    return home_state(home, here, care_of), routing_state(here, home, care_of)


@clause("XFRM-DAEMON-035", "XFRM-DAEMON-037")
def _from_home(settings: Settings, here: IPv6Address, home: IPv6Address) -> Policy:
    """Return the IN policy of a binding; that a mobile node's peer also sends RT2 is allowed for."""
    option = home_option(home, here, optional=True)
    also = (routing(optional=True),) if Role.MOBILE_NODE in settings.roles else ()
    return inbound(Traffic(home, here), Priority.DATA, option, *also)


@clause("XFRM-DAEMON-036", "XFRM-DAEMON-039")
def released(work: Work, settings: Settings, stage: Stage) -> Work:
    """Make everything of a binding go: policies, states, tunnel, and the answering for its home address."""
    home, here = _home(stage), own_end(settings, stage)
    work = work.drop(_from_home(settings, here, home))
    work = without_data(work, here, home, Protocol.ROUTING)
    work = work.drop_states(*_states(here, home))
    if stage.role is not Role.HOME_AGENT:
        return work
    return stand_aside(clean_tunnel.close(work, settings, home), home)


def stand_aside(work: Work, home: IPv6Address) -> Work:
    """Answer for a home address no longer."""
    return work.do(StandAside(home)) if home in work.memory.stands_in_for else work
