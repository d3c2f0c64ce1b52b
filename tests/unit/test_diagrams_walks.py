"""The reference walks the drawn machines: both come to the same end, for every kind of configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product

import pytest

from xfrmspec.xfrm.check import decide_input
from xfrmspec.xfrm.database import PolicyDatabase
from xfrmspec.xfrm.output import decide_output
from xfrmspec.xfrm.policies import add
from xfrmspec.xfrm.tables import DefaultActions, SocketPolicies, XfrmTables
from xfrmspec.xfrm.template_check import satisfies
from xfrmspec.xfrm.templates import merge_templates
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.machine import Machine
from xfrmspec_terms.machines import INBOUND_CHECK, OUTPUT_DECISION
from xfrmspec_terms.outcome import Decision, Errno
from xfrmspec_terms.policy import (
    Action,
    DefaultAction,
    Direction,
    Mode,
    Policy,
    PolicyType,
    Template,
)
from xfrmspec_terms.selector import Family, Flow, Prefix, Protocol, Selector

HERE = Prefix.parse("2001:db8::1").address
THERE = Prefix.parse("2001:db8::2").address
FLOW = Flow(HERE, THERE, Protocol.UDP)
ANY = Selector.between("::/0", "::/0")
ELSEWHERE = Selector.between("2001:db8::9", "::/0")
ESP = Template(Protocol.ESP, Mode.TRANSPORT, reqid=1)
MISSING = Template(Protocol.AH, Mode.TRANSPORT, reqid=2)
OPTIONAL = Template(Protocol.DESTINATION_OPTIONS, Mode.RO, optional=True)
OTHER_SPI = Template(Protocol.ESP, Mode.TRANSPORT, spi=77, reqid=3)
TUNNEL = Template(Protocol.ESP, Mode.TUNNEL)
STATES = (
    SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, spi=5, reqid=1),
    SecurityAssociation(HERE, THERE, Protocol.ESP, Mode.TRANSPORT, spi=77, reqid=9),
)

Answer = tuple[str, str]
Choice = tuple[Action, tuple[Template, ...]] | None
CHOICES: tuple[Choice, ...] = (
    None,
    (Action.BLOCK, ()),
    (Action.ALLOW, ()),
    (Action.ALLOW, (OPTIONAL,)),
    (Action.ALLOW, (ESP,)),
    (Action.ALLOW, (MISSING,)),
    (Action.ALLOW, (OTHER_SPI,)),
    (Action.ALLOW, (ESP,) * 6),
)


def walk(machine: Machine, answer: Callable[[str], Answer]) -> str:
    """Follow the answers from the initial state to a final one, and return that."""
    state = machine.initial
    for _ in range(100):
        leaving = [t for t in machine.transitions if t.source == state]
        if not leaving:
            return state
        event, guard = answer(state) if len(leaving) > 1 else (leaving[0].event, leaving[0].guard)
        (state,) = (t.target for t in leaving if (t.event, t.guard) == (event, guard))
    raise AssertionError("the walk does not end")


def policy_of(
    choice: Choice, kind: PolicyType, direction: Direction, selector: Selector = ANY
) -> Policy | None:
    if choice is None:
        return None
    return Policy(selector, direction, kind, choice[0], 10, choice[1])


def database_of(*policies: Policy | None) -> PolicyDatabase:
    stored = (policy for policy in policies if policy is not None)
    return reduce(lambda database, policy: add(database, policy).database, stored, PolicyDatabase())


def yes(condition: object) -> Answer:
    return ("yes", "") if condition else ("no, or none", "")


@dataclass
class OutputWalk:
    """What the questions of the output machine are answered from; `taken` counts policies resolved."""

    socket: Policy | None
    sub: Policy | None
    main: Policy | None
    blocks: bool
    drops: bool
    taken: int = 0
    found: int = 0

    @property
    def result(self) -> list[Policy]:
        if self.socket is not None and self.socket.selector is ANY:
            return [self.socket]
        return [policy for policy in (self.sub, self.main) if policy is not None]

    def answer(self, state: str) -> Answer:
        answers: Mapping[str, Callable[[], Answer]] = {
            "Does a policy of the socket match?": lambda: yes(self.socket and self.socket.selector is ANY),
            "Does that policy allow?": lambda: (self.result[0].action.name, ""),
            "Is there anything to search?": self._searchable,
            "Best match in SUB?": lambda: ("found" if self.sub else "none", ""),
            "Does the SUB policy allow?": lambda: (self.result[0].action.name, ""),
            "Best match in MAIN, as second?": lambda: (self.main.action.name if self.main else "none", ""),
            "Best match in MAIN, alone?": lambda: (self.main.action.name if self.main else "none", ""),
            "Default action?": lambda: ("BLOCK", "otherwise") if self.blocks else ("ACCEPT", ""),
            "Any template in the result?": self._any_template,
            "Do the next policy's templates fit?": self._fits,
            "Can they be resolved?": self._resolved,
            "Was any state found?": lambda: ("at least one", "") if self.found else ("none", "all optional"),
            "Who asked for the state?": self._asked,
        }
        return answers[state]()

    def _searchable(self) -> Answer:
        searchable = self.sub or self.main
        return ("yes", "") if searchable else ("no", "no OUT policy and if_id 0, or route exempt")

    def _any_template(self) -> Answer:
        return ("some" if any(policy.templates for policy in self.result) else "none", "")

    def _fits(self) -> Answer:
        total = self.found + len(self.result[self.taken].templates)
        return ("yes" if total <= 6 else "too many", "")

    def _resolved(self) -> Answer:
        templates = self.result[self.taken].templates
        if MISSING in templates:
            return "required: EAGAIN", ""
        if OTHER_SPI in templates:
            return "required: another error", ""
        self.found += templates.count(ESP)
        self.taken += 1
        return "yes", "MAIN remains" if self.taken < len(self.result) else "no policy remains"

    def _asked(self) -> Answer:
        if self.socket in self.result:
            return "policy of the socket", ""
        return "databases", "larval_drop on" if self.drops else "larval_drop off, caller may not"


def output_walks() -> Iterator[OutputWalk]:
    for socket, sub, main in product(CHOICES, repeat=3):
        for matches, blocks, drops in product((True, False), repeat=3):
            yield OutputWalk(
                policy_of(socket, PolicyType.MAIN, Direction.OUT, ANY if matches else ELSEWHERE),
                policy_of(sub, PolicyType.SUB, Direction.OUT),
                policy_of(main, PolicyType.MAIN, Direction.OUT),
                blocks,
                drops,
            )


@pytest.mark.clause(
    "XFRM-OUT-001", "XFRM-OUT-002", "XFRM-OUT-003", "XFRM-OUT-004", "XFRM-OUT-005", "XFRM-OUT-006"
)
@pytest.mark.clause("XFRM-OUT-007", "XFRM-OUT-008", "XFRM-PAIR-001", "XFRM-DEFAULT-001", "XFRM-SOCK-001")
def test_the_reference_ends_where_the_output_machine_ends() -> None:
    endings = set()
    for scene in output_walks():
        default = DefaultAction.BLOCK if scene.blocks else DefaultAction.ACCEPT
        tables = XfrmTables(
            database_of(scene.sub, scene.main),
            STATES,
            DefaultActions(outbound=default),
            larval_drop=scene.drops,
        )
        decided = decide_output(tables, FLOW, SocketPolicies(outbound=scene.socket))
        ending = walk(OUTPUT_DECISION, scene.answer)
        endings.add(ending)
        head, _, words = ending.partition(": ")
        assert head.lower() == decided.decision.value, scene
        assert ("Xfrm" in words) == (decided.counter is not None), scene
        assert decided.counter is None or decided.counter.value in words, scene
        if decided.decision in (Decision.BLOCK, Decision.DROP) and "the error itself" not in words:
            seen = "success" if decided.errno is Errno.OK else decided.errno.name
            assert seen in words, scene
    final = set(OUTPUT_DECISION.states) - {t.source for t in OUTPUT_DECISION.transitions}
    assert final - endings == {"Wait: in the queue of the first policy"}


def state(
    protocol: Protocol, mode: Mode, reqid: int = 0, selector: Selector | None = None
) -> SecurityAssociation:
    return SecurityAssociation(HERE, THERE, protocol, mode, reqid=reqid, selector=selector)


PATHS = tuple(
    tuple(path)
    for length in range(3)
    for path in product(
        (
            state(Protocol.ESP, Mode.TRANSPORT, 1),
            state(Protocol.ESP, Mode.TUNNEL),
            state(Protocol.DESTINATION_OPTIONS, Mode.RO),
            state(Protocol.AH, Mode.TRANSPORT, 2, ELSEWHERE),
        ),
        repeat=length,
    )
)
INPUT_CHOICES: tuple[Choice, ...] = (
    None,
    (Action.BLOCK, ()),
    (Action.ALLOW, ()),
    (Action.ALLOW, (OPTIONAL,)),
    (Action.ALLOW, (ESP, TUNNEL)),
    (Action.ALLOW, (replace(ESP, optional=True), OPTIONAL, TUNNEL)),
    (Action.ALLOW, (ESP,) * 6),
)


@dataclass
class InputWalk:
    """What the questions of the inbound machine are answered from; `k` and `i` are the machine's own."""

    sub: Policy | None
    main: Policy | None
    path: tuple[SecurityAssociation, ...]
    blocks: bool
    verified: int
    counted: int = 0
    templates: int = 0
    k: int = 0
    i: int = 0

    def __post_init__(self) -> None:
        self.result = [policy for policy in (self.sub, self.main) if policy is not None]
        groups = [policy.templates for policy in self.result]
        self.left = list(merge_templates(groups, Family.INET6, PolicyDatabase().profile))

    def answer(self, where: str) -> Answer:
        answers: Mapping[str, Callable[[], Answer]] = {
            "A packet arrived": self._arrival,
            "Do the selectors of all its states match?": self._selectors,
            "Does a policy of the socket match?": lambda: ("no, or none", ""),
            "Best match in SUB?": lambda: ("found" if self.sub else "none", ""),
            "Best match in MAIN, alone?": lambda: ("found" if self.main else "none", ""),
            "Default action?": lambda: ("BLOCK" if self.blocks else "ACCEPT", ""),
            "Are all its states of mode transport?": self._all_transport,
            "Does the first policy allow?": lambda: (self.result[0].action.name, ""),
            "Do the next policy's templates fit?": self._fits,
            "Does the MAIN policy allow?": lambda: (self.result[1].action.name, ""),
            "Is a template left, from the last one on?": self._next_template,
            "Does the entry at index i fit?": self._entry,
            "Is an entry left from index k on?": self._left_over,
        }
        return answers[where]()

    def _arrival(self) -> Answer:
        idle = not (self.sub or self.main or self.path or self.blocks)
        return ("nothing to check", "no policy, no sec_path, default ACCEPT") if idle else ("otherwise", "")

    def _selectors(self) -> Answer:
        return ("no" if any(entry.selector for entry in self.path) else "yes, or no states", "")

    def _all_transport(self) -> Answer:
        others = [entry for entry in self.path if entry.mode is not Mode.TRANSPORT]
        return ("no" if others else "yes, or no states", "")

    def _fits(self) -> Answer:
        self.templates += len(self.result[self.counted].templates)
        self.counted += 1
        if self.templates > 6:
            return "too many", ""
        return "yes", "MAIN remains" if self.counted < len(self.result) else "no policy remains"

    def _next_template(self) -> Answer:
        if not self.left:
            return "none", ""
        if self.left[-1].optional and self.left[-1].mode is Mode.TRANSPORT:
            self.left.pop()
            return "optional transport", ""
        self.i = self.k
        return "any other", ""

    def _entry(self) -> Answer:
        template = self.left[-1]
        if self.i == len(self.path):
            return self._end(template)
        entry = self.path[self.i]
        if satisfies(template, entry, 0):
            self.left.pop()
            self.k = self.i + 1
            return "fits", ""
        if entry.mode is Mode.TRANSPORT or self.i < self.verified:
            transport = entry.mode is Mode.TRANSPORT
            self.i += 1
            return "does not", "mode transport" if transport else "verified earlier"
        if template.optional:
            self.left.pop()
            return "does not", "optional, barrier or end"
        return "does not", "required, barrier"

    def _end(self, template: Template) -> Answer:
        if template.optional:
            self.left.pop()
            return "does not", "optional, barrier or end"
        if not self.path:
            return "no sec_path", "required"
        before = any(satisfies(template, entry, 0) for entry in self.path[: self.k])
        return "end of the sec_path", "required, fits one before k" if before else "required, fits none"

    def _left_over(self) -> Answer:
        others = [entry for entry in self.path[self.k :] if entry.mode is not Mode.TRANSPORT]
        return ("another mode" if others else "none, or mode transport only", "")


def input_walks() -> Iterator[InputWalk]:
    for sub, main, path in product(INPUT_CHOICES, INPUT_CHOICES, PATHS):
        for blocks, verified in product((True, False), (0, 1)):
            yield InputWalk(
                policy_of(sub, PolicyType.SUB, Direction.IN),
                policy_of(main, PolicyType.MAIN, Direction.IN),
                path,
                blocks,
                verified,
            )


@pytest.mark.clause("XFRM-CHECK-001", "XFRM-CHECK-003", "XFRM-CHECK-004", "XFRM-CHECK-005", "XFRM-CHECK-006")
@pytest.mark.clause("XFRM-CHECK-007", "XFRM-CHECK-009", "XFRM-CHECK-010", "XFRM-CHECK-012", "XFRM-CHECK-013")
def test_the_reference_ends_where_the_inbound_machine_ends() -> None:
    endings = set()
    for scene in input_walks():
        default = DefaultAction.BLOCK if scene.blocks else DefaultAction.ACCEPT
        tables = XfrmTables(database_of(scene.sub, scene.main), defaults=DefaultActions(inbound=default))
        decided = decide_input(tables, FLOW, scene.path, verified=scene.verified)
        ending = walk(INBOUND_CHECK, scene.answer)
        endings.add(ending)
        assert ending.startswith("Accept") == decided.accepted, scene
        assert decided.counter is None or ending == f"Drop: {decided.counter.value}", scene
        assert not ending.endswith("verified count") or scene.k == decided.verified, scene
    assert endings == set(INBOUND_CHECK.states) - {t.source for t in INBOUND_CHECK.transitions}
