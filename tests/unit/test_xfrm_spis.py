"""Allocation of SPIs, by example."""

from __future__ import annotations

from dataclasses import replace

import pytest
from state_builders import ASKED, ESP, A, B, C, holding

from xfrmspec.xfrm.spi import SpiChoice, allocate_spi, spi_choice
from xfrmspec.xfrm.state_acquire import raise_acquire
from xfrmspec.xfrm.state_database import StateDatabase
from xfrmspec_terms.association import Lifecycle
from xfrmspec_terms.outcome import Errno
from xfrmspec_terms.policy import Mark, Mode
from xfrmspec_terms.profile import LINUX_6_1
from xfrmspec_terms.selector import Family, Protocol
from xfrmspec_terms.state import (
    SpiRequest,
    StateRefusal,
)


def wanted(**changes: object) -> SpiRequest:
    return replace(SpiRequest(A, B, Protocol.ESP, Mode.TRANSPORT, 0x100, 0x102, 7), **changes)  # type: ignore[arg-type]


def choice(database: StateDatabase, request: SpiRequest) -> SpiChoice:
    found = spi_choice(database, request)
    assert isinstance(found, SpiChoice)
    return found


@pytest.mark.clause("XFRM-SPI-001")
def test_an_spi_goes_to_the_larval_state_of_the_number_or_the_key_or_a_new_one() -> None:
    larval = raise_acquire(StateDatabase(), replace(ESP, spi=0), ASKED).database
    by_number = allocate_spi(larval, wanted(sequence=5, reqid=99), 0x101).database
    assert [e.association.spi for e in by_number] == [0x101]
    assert [e.association.spi for e in allocate_spi(larval, wanted(), 0x101).database] == [0x101]
    made = allocate_spi(larval, wanted(reqid=99), 0x102).database
    assert [e.association.spi for e in made] == [0x102, 0]
    again = allocate_spi(by_number, wanted(sequence=5), 0x101).database
    assert again.entries == by_number.entries
    (entry,) = allocate_spi(StateDatabase(), wanted(), 0x100, 3).database
    assert entry.association.selector is not None
    assert entry.association.selector.family is Family.UNSPEC
    assert (entry.association.lifecycle, entry.next_check) == (Lifecycle.ACQ, 33)


@pytest.mark.clause("XFRM-SPI-001")
def test_ranges_of_spis_are_checked() -> None:
    for bad in (
        {"minimum": 5, "maximum": 4},
        {"protocol": Protocol.ROUTING},
        {"protocol": Protocol.IPCOMP, "maximum": 1 << 16},
    ):
        assert spi_choice(StateDatabase(), wanted(**bad)) is StateRefusal.BAD_RANGE


@pytest.mark.clause("XFRM-SPI-002")
def test_an_spi_is_free_by_protocol_or_by_destination_as_the_profile_says() -> None:
    elsewhere = replace(ESP, destination=C)
    assert not choice(holding(elsewhere), wanted()).admits(0x100)
    assert choice(holding(elsewhere, profile=LINUX_6_1), wanted()).admits(0x100)
    assert not choice(holding(ESP, profile=LINUX_6_1), wanted()).admits(0x100)
    marked = holding(replace(ESP, mark=Mark(1, 1)), profile=LINUX_6_1)
    assert choice(marked, wanted()).admits(0x100)
    assert choice(holding(replace(ESP, protocol=Protocol.AH)), wanted()).admits(0x100)


@pytest.mark.clause("XFRM-SPI-002")
def test_a_draw_fails_if_none_is_left_and_may_fail_if_one_is_taken() -> None:
    one = wanted(maximum=0x100)
    full = allocate_spi(holding(ESP), one, None)
    assert full.errno is Errno.ENOENT
    assert [e.association.spi for e in full.database] == [0x100]
    left = allocate_spi(holding(ESP, profile=LINUX_6_1), one, None).database.entries[0]
    assert (left.association.lifecycle, left.association.spi) == (Lifecycle.ACQ, 0)
    assert choice(holding(ESP), one).exhausted
    assert choice(holding(ESP), wanted()).may_fail
    with pytest.raises(ValueError, match="free with certainty"):
        allocate_spi(StateDatabase(), one, None)
    with pytest.raises(ValueError, match="cannot be given"):
        allocate_spi(holding(ESP), one, 0x100)
    zero = choice(StateDatabase(), wanted(minimum=0, maximum=0))
    assert (zero.exhausted, zero.admits(0)) == (True, False)
