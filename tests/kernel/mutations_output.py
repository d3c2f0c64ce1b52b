"""Wrong rules about output: all of them, and here decisions, the order of states, and what leaves."""

from __future__ import annotations

from kernel.mutation import Mutation, wrong
from kernel.mutations_search import RESOLUTION, SEARCH
from xfrmspec.wire import insertion
from xfrmspec.xfrm import output, templates

_NO_ROUTING_BEFORE = (
    "not generated: senders ask for no routing header, and RT2 goes behind their destination options"
)


DECISIONS: tuple[Mutation, ...] = (
    wrong(
        "the outbound default is ignored",
        "DEFAULT-001",
        output._without_policy,
        "default is DefaultAction.BLOCK and not loopback",
        "False",
    ),
    wrong(
        "a default block counts as a policy's block",
        "DEFAULT-001",
        output._without_policy,
        "Errno.EPERM, reasons",
        "Errno.EPERM, Counter.OUT_POLICY_BLOCK, reasons",
    ),
    wrong(
        "MAIN's block does not count beside SUB",
        "OUT-003",
        output.decide_output,
        "if selection.blocking is not None:",
        "if selection.blocking is selection.policies[0]:",
    ),
    wrong(
        "a blocked sender sees EHOSTUNREACH", "OUT-004", output._blocked, "Errno.EPERM", "Errno.EHOSTUNREACH"
    ),
    wrong(
        "a block counts as a policy error",
        "OUT-004",
        output._blocked,
        "Counter.OUT_POLICY_BLOCK",
        "Counter.OUT_POLICY_ERROR",
    ),
    wrong(
        "a packet whose optional states are all missing is blocked",
        "OUT-006",
        output._transformed,
        "Decision.PASS",
        "Decision.BLOCK",
    ),
    wrong(
        "a socket policy without states drops silently",
        "OUT-002",
        output._failure,
        "if errno is Errno.EAGAIN and selection.from_socket:",
        "if False:",
    ),
    wrong(
        "a socket policy without states is counted",
        "OUT-002",
        output._failure,
        "return Errno.EAGAIN, None,",
        "return Errno.EAGAIN, Counter.OUT_NO_STATES,",
    ),
    wrong(
        "the sender sees EAGAIN for a missing state",
        "OUT-007",
        output._failure,
        "Errno.OK if tables.larval_drop else Errno.EAGAIN",
        "Errno.EAGAIN",
    ),
    wrong(
        "a missing state counts as a policy error",
        "OUT-007",
        output._failure,
        "Counter.OUT_NO_STATES",
        "Counter.OUT_POLICY_ERROR",
    ),
    wrong(
        "too many templates count as a missing state",
        "OUT-005",
        output._failure,
        "return errno, Counter.OUT_POLICY_ERROR, name",
        "return errno, Counter.OUT_NO_STATES, name",
    ),
    wrong(
        "other resolution errors pass the packet silently",
        "OUT-008",
        output._failure,
        "return errno, Counter.OUT_POLICY_ERROR, name",
        "return Errno.OK, Counter.OUT_POLICY_ERROR, name",
    ),
)


ORDER: tuple[Mutation, ...] = (
    wrong(
        "AH transport sorts like route optimisation",
        "SORT-002",
        templates.state_class,
        "return 3 if protocol",
        "return 2 if protocol",
    ),
    wrong(
        "AH transport sorts like ESP",
        "SORT-005",
        templates.state_class,
        "return 3 if protocol == Protocol.AH else 1",
        "return 1",
    ),
    wrong(
        "AH transport sorts like a tunnel",
        "SORT-002",
        templates.state_class,
        "return 3 if protocol",
        "return 4 if protocol",
    ),
    wrong(
        "ESP transport sorts like route optimisation", "SORT-002", templates.state_class, "else 1", "else 2"
    ),
    wrong("ESP transport sorts like AH", "SORT-002", templates.state_class, "else 1", "else 3"),
    wrong("route optimisation sorts like ESP", "SORT-002", templates.state_class, "return 2", "return 1"),
    wrong("route optimisation sorts like AH", "SORT-002", templates.state_class, "return 2", "return 3"),
    wrong(
        "route optimisation sorts like a tunnel", "SORT-002", templates.state_class, "return 2", "return 4"
    ),
    wrong("a tunnel sorts like AH", "SORT-002", templates.state_class, "return 4", "return 3"),
    wrong("a tunnel sorts like ESP transport", "SORT-007", templates.state_class, "return 4", "return 1"),
    wrong(
        "the sort turns equals round",
        "SORT-001",
        templates.sort_by_class,
        "classes[index]",
        "(classes[index], -index)",
    ),
    wrong(
        "the sort puts the largest class first",
        "SORT-004",
        templates.sort_by_class,
        "classes[index]",
        "-classes[index]",
    ),
    wrong(
        "the states of one policy are sorted", "SORT-001", templates.merge_states, "len(groups) < 2 or", ""
    ),
    wrong(
        "the states of two policies are not sorted",
        "TMPL-009",
        templates.merge_states,
        "len(groups) < 2 or",
        "True or",
    ),
    wrong(
        "MAIN's states come before SUB's",
        "TMPL-009",
        templates.merge_states,
        "for group in groups for",
        "for group in reversed(groups) for",
    ),
    wrong(
        "ESP states may have the inbound trigger mode",
        "TMPL-006",
        templates.instantiable,
        "mode is not Mode.IN_TRIGGER",
        "True",
        unseen="not observable: a request for a state of that mode is malformed before anything starts",
    ),
    wrong(
        "AH states may have any mode",
        "TMPL-006",
        templates.instantiable,
        "return mode in (Mode.TRANSPORT, Mode.TUNNEL, Mode.BEET)",
        "return True",
    ),
    wrong(
        "route optimisation states may have any mode",
        "TMPL-006",
        templates.instantiable,
        "and mode is Mode.RO",
        "",
    ),
)


WIRE: tuple[Mutation, ...] = (
    wrong(
        "the first state is the outermost",
        "WIRE-004",
        insertion.wire_chain,
        "for state in states:",
        "for state in reversed(states):",
    ),
    wrong(
        "a tunnel puts no IP header",
        "WIRE-005",
        insertion.insert,
        "(header, Header.IP, *chain)",
        "(header, *chain)",
    ),
    wrong(
        "a BEET header goes where a transport header would",
        "WIRE-005",
        insertion.insert,
        "0 if mode is Mode.BEET else insertion_point(chain, header)",
        "insertion_point(chain, header)",
    ),
    wrong(
        "every header goes right behind the IP header",
        "WIRE-001",
        insertion.insert,
        "0 if mode is Mode.BEET else insertion_point(chain, header)",
        "0",
    ),
    wrong(
        "RT2 goes where ESP would",
        "WIRE-003",
        insertion.insertion_point,
        "if header is Header.RT2:",
        "if False:",
    ),
    wrong(
        "ESP goes where RT2 would",
        "WIRE-001",
        insertion.insertion_point,
        "if header is Header.RT2:",
        "if header in (Header.RT2, Header.ESP):",
    ),
    wrong(
        "HAO goes behind another HAO",
        "WIRE-002",
        insertion.insertion_point,
        "header is Header.HAO",
        "False",
    ),
    wrong(
        "ESP and AH go before HAO",
        "WIRE-001",
        insertion.insertion_point,
        "stops_at_home_address=header is Header.HAO",
        "stops_at_home_address=True",
    ),
    wrong(
        "headers go behind destination options after a routing header",
        "WIRE-001",
        insertion._scan,
        "routing_seen = True",
        "pass",
        unseen=_NO_ROUTING_BEFORE,
    ),
    wrong(
        "headers go before destination options", "WIRE-001", insertion._scan, "if routing_seen:", "if True:"
    ),
    wrong(
        "headers go before a hop-by-hop header",
        "WIRE-001",
        insertion._scan,
        "elif element is not Header.HOP_BY_HOP:",
        "else:",
    ),
    wrong(
        "headers go before a routing header",
        "WIRE-001",
        insertion._scan,
        "if element in _ROUTING_HEADERS:",
        "if element in _ROUTING_HEADERS:\n            return index\n        elif element is None:",
    ),
    wrong(
        "RT2 goes before destination options",
        "WIRE-003",
        insertion._routing_point,
        "(Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS)",
        "(Header.HOP_BY_HOP,)",
    ),
    wrong(
        "RT2 goes behind HAO",
        "WIRE-003",
        insertion._routing_point,
        "(Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS)",
        "(Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.HAO)",
    ),
    wrong(
        "RT2 goes behind another RT2",
        "WIRE-003",
        insertion._routing_point,
        "(Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS)",
        "(Header.HOP_BY_HOP, Header.DESTINATION_OPTIONS, Header.RT2)",
    ),
)


OUTPUT = (*DECISIONS, *RESOLUTION, *SEARCH, *ORDER, *WIRE)
