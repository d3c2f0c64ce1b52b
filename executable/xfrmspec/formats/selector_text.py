"""Selectors as `ip xfrm` writes them: prefixes, protocol, port slots, device and user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from xfrmspec.formats.names import PROTOCOL_NUMBERS, protocol_name
from xfrmspec.formats.words import Cursor, Wording, as_number, is_symbol
from xfrmspec_terms.clauses import clause
from xfrmspec_terms.selector import (
    ANY_PORT,
    PORT_MASK_FULL,
    UINT32_MAX,
    PortMatch,
    Prefix,
    Selector,
    SlotMeaning,
    slot_meaning,
)

_SLOT_BITS = 16
_TOP_PROTOCOL = 0xFF


class _Slot(Enum):
    SOURCE = "source_port"
    DESTINATION = "destination_port"
    BOTH = "key"


_PORT_WORDS = {"sport": _Slot.SOURCE, "dport": _Slot.DESTINATION}
_SLOT_WORDS: Mapping[SlotMeaning, Mapping[str, _Slot]] = {
    SlotMeaning.TYPE_AND_CODE: {"type": _Slot.SOURCE, "code": _Slot.DESTINATION},
    SlotMeaning.MOBILITY_TYPE: {"type": _Slot.SOURCE, "(dport)": _Slot.DESTINATION},
    SlotMeaning.GRE_KEY: {"key": _Slot.BOTH},
}
_KEYWORDS = frozenset({"proto", "dev", "uid", "sport", "dport", "type", "code", "(dport)", "key"})


@dataclass(slots=True)
class Interfaces:
    """Interface indices of one text: names are numbered from 1 by first appearance."""

    indices: dict[str, int] = field(default_factory=dict)

    def index_of(self, name: str) -> int:
        """Return the index that stands for a name."""
        return self.indices.setdefault(name, len(self.indices) + 1)


@dataclass(slots=True)
class SelectorDraft:
    """A selector while its words are read; `verbose` is True once the long form shows itself."""

    source: Prefix
    destination: Prefix
    protocol: int = 0
    ports: dict[_Slot, PortMatch] = field(default_factory=dict)
    interface: str = ""
    ifindex: int = 0
    user: int = 0
    verbose: bool = False

    def value(self) -> Selector:
        """Return the selector that the words mean."""
        return Selector(
            self.source,
            self.destination,
            self.protocol,
            self.ports.get(_Slot.SOURCE, ANY_PORT),
            self.ports.get(_Slot.DESTINATION, ANY_PORT),
            self.ifindex,
            self.user,
            self.source.family,
        )


def swapped(value: int) -> int:
    """Exchange the two octets of a 16-bit number."""
    return (value & 0xFF) << 8 | value >> 8


@clause("XFRM-SEL-002")
def read_selector(cursor: Cursor, interfaces: Interfaces) -> SelectorDraft:
    """Read `src PREFIX dst PREFIX` and the options up to the end of the line.

    A `type`, `code`, port or key that is written has a full mask; one that is not written has mask 0.
    """
    cursor.literal("src")
    source = cursor.prefix("selector.source")
    cursor.literal("dst")
    destination = cursor.prefix("selector.destination")
    if source.family is not destination.family:
        raise cursor.error(str(destination), "two prefixes of one family")
    draft = SelectorDraft(source, destination)
    seen: set[str] = set()
    while not cursor.done:
        word = cursor.peek()
        if word in seen:
            raise cursor.again(word, f"one {word} per selector")
        seen.add(word)
        _read_option(cursor, draft, interfaces)
    return draft


def _read_option(cursor: Cursor, draft: SelectorDraft, interfaces: Interfaces) -> None:
    word = cursor.peek()
    slots = _SLOT_WORDS.get(slot_meaning(draft.protocol), _PORT_WORDS)
    if word in slots:
        cursor.take(word)
        _read_slot(cursor, draft, slots[word], word)
    elif word in _OPTIONS:
        cursor.take(word)
        _OPTIONS[word](cursor, draft, interfaces)
    else:
        cursor.skip_unknown(_KEYWORDS)


def _read_protocol(cursor: Cursor, draft: SelectorDraft, _: Interfaces) -> None:
    word = cursor.take("a protocol")
    number = PROTOCOL_NUMBERS.get(word, as_number(word))
    if number is None or number > _TOP_PROTOCOL:
        raise cursor.error(word, "a protocol name or a number of 0..255")
    cursor.notes.spell("selector.protocol", word, protocol_name(number))
    draft.protocol = number


def _read_device(cursor: Cursor, draft: SelectorDraft, interfaces: Interfaces) -> None:
    draft.interface = cursor.take("the name of an interface")
    draft.ifindex = interfaces.index_of(draft.interface)


def _read_user(cursor: Cursor, draft: SelectorDraft, _: Interfaces) -> None:
    draft.user = cursor.number("selector.user")
    draft.verbose = True


_OPTIONS: Mapping[str, Callable[[Cursor, SelectorDraft, Interfaces], None]] = {
    "proto": _read_protocol,
    "dev": _read_device,
    "uid": _read_user,
}


def _read_slot(cursor: Cursor, draft: SelectorDraft, slot: _Slot, word: str) -> None:
    text = cursor.take("a number")
    if is_symbol(text):
        cursor.notes.mask(f"selector.{slot.value}", text)
        return
    if slot is _Slot.BOTH:
        value, mask = _value_and_mask(cursor, text, UINT32_MAX)
        draft.ports[_Slot.SOURCE] = PortMatch(value >> _SLOT_BITS, mask >> _SLOT_BITS)
        draft.ports[_Slot.DESTINATION] = PortMatch(value & PORT_MASK_FULL, mask & PORT_MASK_FULL)
        return
    value, mask = _value_and_mask(cursor, text, PORT_MASK_FULL)
    if word == "(dport)":
        value = swapped(value)
        draft.verbose = True
    draft.ports[slot] = PortMatch(value, mask)


def _value_and_mask(cursor: Cursor, text: str, full: int) -> tuple[int, int]:
    value_text, slash, mask_text = text.partition("/")
    value = as_number(value_text)
    mask = as_number(mask_text) if slash else full
    if value is None or mask is None or value > full or mask > full:
        raise cursor.error(text, f"a number of 0..{full}")
    return value, mask


def selector_text(selector: Selector, wording: Wording, interface: str, *, verbose: bool) -> str:
    """Write a selector on one line; a mask that is neither 0 nor full is written as `VALUE/0xMASK`."""
    words = [
        f"src {wording.prefix('selector.source', selector.source)}",
        f"dst {wording.prefix('selector.destination', selector.destination)}",
    ]
    if selector.protocol or wording("selector.protocol", ""):
        words.append(f"proto {wording('selector.protocol', protocol_name(selector.protocol))}")
    words += _slot_words(selector, wording, verbose=verbose)
    if selector.ifindex:
        words.append(f"dev {interface or f'if{selector.ifindex}'}")
    if verbose:
        words.append(f"uid {wording('selector.user', str(selector.user))}")
    return " ".join(words)


def _slot_words(selector: Selector, wording: Wording, *, verbose: bool) -> list[str]:
    meaning = slot_meaning(selector.protocol)
    if meaning is SlotMeaning.GRE_KEY:
        return _key_words(selector, wording)
    words = []
    for name, slot in _SLOT_WORDS.get(meaning, _PORT_WORDS).items():
        port = selector.source_port if slot is _Slot.SOURCE else selector.destination_port
        path = f"selector.{slot.value}"
        hidden = name == "(dport)" and not verbose
        if (port.mask or wording.masks(path)) and not hidden:
            text = f"0x{swapped(port.value):04x}" if name == "(dport)" else str(port.value)
            words.append(f"{name} {wording(path, text + _mask_text(port.mask, PORT_MASK_FULL))}")
    return words


def _key_words(selector: Selector, wording: Wording) -> list[str]:
    source, destination = selector.source_port, selector.destination_port
    value = source.value << _SLOT_BITS | destination.value
    mask = source.mask << _SLOT_BITS | destination.mask
    if not mask and not wording.masks("selector.key"):
        return []
    return [f"key {wording('selector.key', str(value) + _mask_text(mask, UINT32_MAX))}"]


def _mask_text(mask: int, full: int) -> str:
    return "" if mask in (0, full) else f"/0x{mask:x}"
