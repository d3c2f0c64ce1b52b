"""Reads and writes what OpenBSD's `ipsecctl -s all` prints: flows (policies) and SAs (states)."""

from __future__ import annotations

import re

from xfrmspec.formats.dump import (
    Algorithm,
    Detail,
    Dump,
    DumpFormat,
    Location,
    PolicyRecord,
    Spelling,
    StateRecord,
    detail_of,
)
from xfrmspec.formats.merging import ordered_lines
from xfrmspec.formats.names import PROTOCOL_NUMBERS, address_text, protocol_name
from xfrmspec.formats.reading import Reading
from xfrmspec.formats.words import Cursor, Line, Notes, Wording, as_number, lines_of, spi_text
from xfrmspec_terms.association import SecurityAssociation
from xfrmspec_terms.policy import Action, Direction, Mode, Policy, Template
from xfrmspec_terms.selector import (
    ANY_PORT,
    PORT_MASK_FULL,
    Address,
    PortMatch,
    Prefix,
    Protocol,
    Selector,
    family_of,
    unspecified,
)

_FLOWS = "FLOWS:"
_STATES = "SAD:"
_TITLES = frozenset({_FLOWS, _STATES, "No flows", "No entries"})
_PROTOCOLS = {"esp": Protocol.ESP, "ah": Protocol.AH, "ipcomp": Protocol.IPCOMP, "ipip": Protocol.IPIP}
_TYPES = ("require", "use", "acquire", "dontacq", "bypass", "deny")
_SHOWN = ("protocol", "local", "peer", "srcid", "dstid")
_REQUIRED = frozenset({"require", "acquire"})
_WITHOUT_TEMPLATE = frozenset({"bypass", "deny"})
_FLOW = re.compile(
    r"flow (?P<protocol>esp|ah|ipcomp|ipip) (?P<direction>in|out)(?: proto (?P<upper>\S+))?"
    r" from (?P<source>\S+)(?: port (?P<source_port>\S+))? to (?P<destination>\S+)"
    r"(?: port (?P<destination_port>\S+))?(?: local (?P<local>\S+))?(?: peer (?P<peer>\S+))?"
    r"(?: srcid (?P<srcid>\S+))?(?: dstid (?P<dstid>\S+))?(?: type (?P<type>\S+))(?P<rest>(?: \S+)*)\Z"
)
_SA = re.compile(
    r"(?P<protocol>esp|ah|ipcomp|ipip) (?P<mode>transport|tunnel) from (?P<source>\S+)"
    r" to (?P<destination>\S+) spi (?P<spi>\S+)(?: (?P<udp>udpencap(?: [0-9]{1,5})?))?"
    r"(?: auth (?P<auth>\S+))?(?: enc (?P<enc>\S+))?(?: comp (?P<comp>\S+))?(?P<rest>(?: \S+)*)\Z"
)


def read_ipsecctl(text: str, file: str) -> Dump:
    """Read an ipsecctl listing, sorted or not; errors and unknown words as for `read_ip_xfrm`.

    A flow tells neither mode nor identity of its SA: the template is a tunnel and its mode is in `masked`.
    """
    reading = Reading(file, DumpFormat.IPSECCTL)
    lines = lines_of(text)
    for line in lines:
        notes = Notes(file)
        if _is_heading(line):
            reading.keep_heading(line)
        elif line.words[0] == "flow":
            reading.policies.append(_read_flow(Cursor(line, notes)))
        elif line.words[0] in _PROTOCOLS:
            reading.states.append(_read_sa(Cursor(line, notes)))
        else:
            reading.report(line)
        reading.unknown.extend(notes.unknown)
    reading.check_last_line(lines, text, is_whole=_is_whole)
    return reading.dump(_STATES.__eq__, _FLOWS.__eq__)


def _is_heading(line: Line) -> bool:
    return line.text in _TITLES or line.text.startswith("#") or "ipsecctl" in line.text


def _is_whole(line: Line) -> bool:
    return _is_heading(line) or line.words[-1] in _TYPES


def _read_flow(cursor: Cursor) -> PolicyRecord:
    line, notes = cursor.line, cursor.notes
    match = _FLOW.match(line.text)
    if match is None:
        raise cursor.error(line.text, "'flow PROTOCOL in|out from SOURCE to DESTINATION ... type TYPE'")
    kind = match["type"]
    if kind not in _TYPES:
        raise cursor.error(kind, f"a type: {', '.join(_TYPES)}")
    if match["rest"]:
        notes.report(line, match["rest"].split())
    selector = _read_flow_selector(cursor, match)
    direction = Direction[match["direction"].upper()]
    template = _read_flow_template(cursor, match, selector, direction)
    shown = [
        Detail(name, match[name]) for name in ("protocol", "local", "peer", "srcid", "dstid") if match[name]
    ]
    policy = Policy(
        selector=selector,
        direction=direction,
        action=Action.BLOCK if kind == "deny" else Action.ALLOW,
        templates=() if kind in _WITHOUT_TEMPLATE else (template,),
    )
    return PolicyRecord(
        policy=policy,
        at=Location(notes.file, line.number),
        masked=tuple(notes.masked),
        spellings=(*notes.spellings, Spelling("type", kind)),
        details=tuple(shown),
        shows_type=False,
        format=DumpFormat.IPSECCTL,
    )


def _read_flow_selector(cursor: Cursor, match: re.Match[str]) -> Selector:
    source = _prefix(cursor, match["source"], "selector.source")
    destination = _prefix(cursor, match["destination"], "selector.destination")
    if source.family is not destination.family:
        raise cursor.error(match["destination"], "two prefixes of one family")
    upper = match["upper"] or "0"
    protocol = PROTOCOL_NUMBERS.get(upper, as_number(upper))
    if protocol is None or protocol > 0xFF:
        raise cursor.error(upper, "a protocol name or a number of 0..255")
    if match["upper"]:
        cursor.notes.spell("selector.protocol", upper, protocol_name(protocol))
    ports = [_port(cursor, match[name]) for name in ("source_port", "destination_port")]
    return Selector(source, destination, protocol, ports[0], ports[1], family=source.family)


def _prefix(cursor: Cursor, word: str, path: str) -> Prefix:
    address_word, slash, length_word = word.partition("/")
    address = cursor.address_from(address_word, "")
    width = family_of(address).width
    length = as_number(length_word) if slash else width
    if length is None or length > width:
        raise cursor.error(word, f"a prefix length of 0..{width}")
    prefix = Prefix(address, length)
    cursor.notes.spell(path, word, _prefix_text(prefix))
    return prefix


def _prefix_text(prefix: Prefix) -> str:
    length = "" if prefix.length == prefix.family.width else f"/{prefix.length}"
    return f"{address_text(prefix.address)}{length}"


def _port(cursor: Cursor, word: str | None) -> PortMatch:
    if word is None:
        return ANY_PORT
    value = as_number(word)
    if value is None or value > PORT_MASK_FULL:
        raise cursor.error(word, f"a port of 0..{PORT_MASK_FULL}")
    return PortMatch.exactly(value)


def _read_flow_template(
    cursor: Cursor, match: re.Match[str], selector: Selector, direction: Direction
) -> Template:
    cursor.notes.mask("templates[0].mode", "")
    peer = _endpoint(cursor, match["peer"], selector)
    local = _endpoint(cursor, match["local"], selector)
    if peer.version != local.version:
        local = unspecified(family_of(peer))
    source, destination = (peer, local) if direction is Direction.IN else (local, peer)
    return Template(
        _PROTOCOLS[match["protocol"]],
        Mode.TUNNEL,
        source,
        destination,
        optional=match["type"] not in _REQUIRED,
        family=family_of(peer),
    )


def _endpoint(cursor: Cursor, word: str | None, selector: Selector) -> Address:
    return unspecified(selector.family) if word is None else cursor.address_from(word, "")


def _read_sa(cursor: Cursor) -> StateRecord:
    line, notes = cursor.line, cursor.notes
    match = _SA.match(line.text)
    if match is None:
        raise cursor.error(line.text, "'PROTOCOL MODE from SOURCE to DESTINATION spi NUMBER ...'")
    if match["rest"]:
        notes.report(line, match["rest"].split())
    source = cursor.address_from(match["source"], "source")
    destination = cursor.address_from(match["destination"], "destination")
    if source.version != destination.version:
        raise cursor.error(match["destination"], "two addresses of one family")
    state = SecurityAssociation(
        source,
        destination,
        _PROTOCOLS[match["protocol"]],
        Mode[match["mode"].upper()],
        cursor.number_from(match["spi"], "spi", spi_text),
        family=family_of(source),
    )
    return StateRecord(
        state=state,
        at=Location(notes.file, line.number),
        masked=tuple(notes.masked),
        spellings=tuple(notes.spellings),
        algorithms=tuple(Algorithm(kind, match[kind]) for kind in ("auth", "enc", "comp") if match[kind]),
        details=(Detail("encap", match["udp"]),) if match["udp"] else (),
        format=DumpFormat.IPSECCTL,
    )


def print_ipsecctl(dump: Dump) -> str:
    """Write the records that ipsecctl printed as it prints them, in the order of the text."""
    return ordered_lines(dump, DumpFormat.IPSECCTL, _flow_lines, _sa_lines)


def _flow_lines(record: PolicyRecord) -> list[str]:
    policy, wording = record.policy, Wording(record)
    words = [f"flow {detail_of(record.details, 'protocol') or 'esp'} {policy.direction.name.lower()}"]
    selector = policy.selector
    if selector.protocol:
        words.append(f"proto {wording('selector.protocol', protocol_name(selector.protocol))}")
    words.append(f"from {wording('selector.source', _prefix_text(selector.source))}")
    words += [f"port {selector.source_port.value}"] if selector.source_port.mask else []
    words.append(f"to {wording('selector.destination', _prefix_text(selector.destination))}")
    words += [f"port {selector.destination_port.value}"] if selector.destination_port.mask else []
    for name in ("local", "peer", "srcid", "dstid"):
        text = detail_of(record.details, name)
        words += [f"{name} {text}"] if text else []
    return [" ".join([*words, f"type {wording('type', _type_of(policy))}"])]


def _type_of(policy: Policy) -> str:
    if policy.action is Action.BLOCK:
        return "deny"
    if not policy.templates:
        return "bypass"
    return "use" if policy.templates[0].optional else "require"


def _sa_lines(record: StateRecord) -> list[str]:
    state, wording = record.state, Wording(record)
    names = {number: name for name, number in _PROTOCOLS.items()}
    words = [
        f"{names[state.protocol]} {state.mode.name.lower()}",
        f"from {wording.address('source', state.source)}",
        f"to {wording.address('destination', state.destination)}",
        f"spi {wording('spi', spi_text(state.spi))}",
        detail_of(record.details, "encap"),
        *(f"{algorithm.kind} {algorithm.name}" for algorithm in record.algorithms),
    ]
    return [" ".join(filter(None, words))]
