"""Random scenarios about merged lists: SUB and MAIN both transform, and every template finds its state."""

from __future__ import annotations

from random import Random

from xfrmspec.conform.drawing import TRANSFORMS
from xfrmspec.conform.raw import sent_headers, states_for
from xfrmspec.scenario.choices import LOCAL, REMOTE, Way, random_flow
from xfrmspec.scenario.terms import AddPolicy, AddState, Scenario, Send, Step
from xfrmspec.xfrm.templates import instantiable
from xfrmspec_terms.policy import ENDPOINT_MODES, Direction, Mode, Policy, PolicyType, Template
from xfrmspec_terms.replacing import replace
from xfrmspec_terms.selector import Protocol, Selector

_FIRST_SPI = 0x1001
_TRANSFORMATIONS = tuple(
    (protocol, mode) for protocol in TRANSFORMS for mode in Mode if instantiable(protocol, mode)
)
_USUAL = (
    (Protocol.ESP, Mode.TRANSPORT),
    (Protocol.AH, Mode.TRANSPORT),
    (Protocol.DESTINATION_OPTIONS, Mode.RO),
    (Protocol.ROUTING, Mode.RO),
    (Protocol.ESP, Mode.TUNNEL),
)


def pair_scenario(random: Random) -> Scenario:
    """Return a SUB and a MAIN policy with up to six templates together, and one packet that leaves.

    Some are optional and have no state, now and then all of them. What every state counted tells in which
    order they were applied, so some are watched; how far IPComp compresses is not told in advance.
    """
    flow = replace(random_flow(random, Way.OUT), oif=0)
    total = random.choice((2, 2, 3, 3, 4, 5, 6, 6))
    drawn = tuple(_template(random, number) for number in range(total))
    hopeless = random.random() < 0.06
    if hopeless:
        drawn = tuple(replace(t, optional=True) for t in drawn if t.mode not in ENDPOINT_MODES)
    elif random.random() < 0.3:
        drawn = tuple(replace(t, optional=t.mode not in ENDPOINT_MODES) for t in drawn)
    cut = random.randint(0, len(drawn))
    steps: list[Step] = []
    states: list[Step] = []
    for type_, templates, spi in (
        (PolicyType.SUB, drawn[:cut], _FIRST_SPI),
        (PolicyType.MAIN, drawn[cut:], _FIRST_SPI + cut),
    ):
        selector = Selector.between("::/0", "::/0")
        steps.append(AddPolicy(Policy(selector, Direction.OUT, type_, templates=templates)))
        sought = tuple(t for t in templates if not t.optional or random.random() < 0.7)
        found = () if hopeless else states_for(random, flow, sought, spi)
        states += [AddState(state) for state in found]
    random.shuffle(states)
    sending = Send(flow, headers=sent_headers(random, flow))
    compressed = any(template.protocol is Protocol.IPCOMP for template in drawn)
    return Scenario((*steps, *states, sending), watched=not compressed and random.random() < 0.3)


def _template(random: Random, number: int) -> Template:
    """Return a template with a reqid of its own, so that each gets its own state."""
    protocol, mode = random.choice(_USUAL if random.random() < 0.7 else _TRANSFORMATIONS)
    if protocol is Protocol.IPCOMP and number:
        protocol, mode = Protocol.ESP, Mode.TRANSPORT
    return Template(protocol, mode, random.choice(LOCAL), random.choice(REMOTE), reqid=number)
