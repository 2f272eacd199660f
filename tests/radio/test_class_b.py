from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.radio import class_b, region
from fuota.radio.class_b import (
    beacon_time_at_or_after,
    beacon_time_of,
    hop,
    next_ping_slot_us,
    ping_nb,
    ping_offset,
    ping_period_slots,
    ping_slots_us,
)

_VECTORS = Path(__file__).parents[1] / "vectors"
_FILE = json.loads((_VECTORS / "classb.json").read_text())
_PERIODICITIES = json.loads((_VECTORS / "regions.json").read_text())["common"]["class_b"]["periodicity"]
_TTN, _CHIRPSTACK = _FILE["published_expectations"].values()
BEACONS = st.integers(0, 2**32 // 128 - 1).map(lambda index: index * 128)
ADDRESSES = st.integers(0, 2**32 - 1)
PERIODICITIES = st.integers(0, 7)


def test_constants_equal_the_vectors() -> None:
    assert _FILE["constants"] == {
        "beacon_period_ms": class_b.BEACON_PERIOD_US // 1000,
        "beacon_reserved_ms": class_b.BEACON_RESERVED_US // 1000,
        "beacon_window_ms": class_b.BEACON_WINDOW_US // 1000,
        "beacon_guard_ms": class_b.BEACON_GUARD_US // 1000,
        "slot_ms": class_b.SLOT_US // 1000,
        "slots": class_b.SLOTS,
    }
    assert class_b.BEACON_PERIOD_S * 1_000_000 == class_b.BEACON_PERIOD_US
    assert class_b.SLOTS * class_b.SLOT_US == class_b.BEACON_WINDOW_US


@pytest.mark.parametrize("row", _PERIODICITIES)
def test_periodicities_equal_the_dataset(row: dict[str, int]) -> None:
    periodicity = row["periodicity"]
    assert (ping_nb(periodicity), ping_period_slots(periodicity)) == (row["ping_nb"], row["ping_period_slots"])
    assert ping_period_slots(periodicity) * class_b.SLOT_US == row["spacing_ms"] * 1000


@pytest.mark.parametrize("vector", _FILE["ping_offset_vectors"])
def test_offset_and_first_slot_equal_the_vector(vector: dict[str, Any]) -> None:
    arguments = (vector["beacon_time_s"], int(vector["dev_addr"], 16), vector["periodicity"])
    assert ping_nb(vector["periodicity"]) == vector["ping_nb"]
    assert ping_offset(*arguments) == vector["ping_offset"]
    slots = ping_slots_us(*arguments)
    assert len(slots) == vector["ping_nb"]
    assert slots[0] == vector["first_slot_ms_after_beacon"] * 1000


@pytest.mark.parametrize("vector", _TTN)
def test_offset_equals_a_published_offset(vector: dict[str, Any]) -> None:
    (periodicity,) = (value for value in range(8) if ping_period_slots(value) == vector["ping_period_slots"])
    assert ping_offset(vector["beacon_time_s"], int(vector["dev_addr"], 16), periodicity) == vector["ping_offset"]


@pytest.mark.parametrize("vector", _CHIRPSTACK)
def test_next_slot_equals_a_published_slot(vector: dict[str, Any]) -> None:
    (periodicity,) = (value for value in range(8) if ping_nb(value) == vector["ping_nb"])
    slot_us = next_ping_slot_us(vector["after_ms"] * 1000, int(vector["dev_addr"], 16), periodicity)
    assert slot_us == vector["slot_ms"] * 1000


@pytest.mark.parametrize("example", _FILE["hopping_examples"])
@pytest.mark.parametrize("name", ["US915", "AU915"])
def test_hopping_equals_the_example(example: dict[str, Any], name: str) -> None:
    frequency_hz = region(name).ping_slot_hz(int(example["dev_addr"], 16), example["beacon_time_s"])
    assert frequency_hz == example["ping_hz"]


@given(beacon_s=BEACONS, address=ADDRESSES, periodicity=PERIODICITIES)
def test_slots_are_equally_spaced_and_end_before_the_guard(beacon_s: int, address: int, periodicity: int) -> None:
    slots = ping_slots_us(beacon_s, address, periodicity)
    assert len(slots) == ping_nb(periodicity)
    assert slots[0] >= class_b.BEACON_RESERVED_US
    assert slots[-1] + class_b.SLOT_US <= class_b.BEACON_PERIOD_US - class_b.BEACON_GUARD_US
    spacing_us = {later - earlier for earlier, later in pairwise(slots)}
    assert spacing_us <= {ping_period_slots(periodicity) * class_b.SLOT_US}


@given(after_us=st.integers(0, 2**31 * 1_000_000), address=ADDRESSES, periodicity=PERIODICITIES)
def test_next_slot_is_the_first_later_slot(after_us: int, address: int, periodicity: int) -> None:
    period = after_us // class_b.BEACON_PERIOD_US
    all_us = [
        index * class_b.BEACON_PERIOD_US + slot_us
        for index in (period, period + 1)
        for slot_us in ping_slots_us(index * 128, address, periodicity)
    ]
    assert next_ping_slot_us(after_us, address, periodicity) == min(slot for slot in all_us if slot > after_us)


def test_slot_that_starts_now_is_not_the_next_slot() -> None:
    first_us = next_ping_slot_us(0, 0x01020304, 3)
    assert next_ping_slot_us(first_us - 1, 0x01020304, 3) == first_us
    assert next_ping_slot_us(first_us, 0x01020304, 3) == first_us + 256 * 30_000


@given(frequencies=st.lists(st.integers(1, 10**9), min_size=1, max_size=32), address=ADDRESSES, beacon_s=BEACONS)
def test_hopping_advances_one_entry_per_beacon_and_per_address(
    frequencies: list[int], address: int, beacon_s: int
) -> None:
    indexed = list(range(len(frequencies)))
    now = hop(indexed, address, beacon_s)
    assert hop(frequencies, address, beacon_s) == frequencies[now]
    assert hop(indexed, address, beacon_s + 127) == now
    if beacon_s + 128 < 2**32:
        assert hop(indexed, address, beacon_s + 128) == (now + 1) % len(indexed)
    if address:
        assert hop(indexed, address - 1, beacon_s) == (now - 1) % len(indexed)


@given(gps_us=st.integers(0, 2**33 * 1_000_000))
def test_a_time_belongs_to_the_beacon_before_it(gps_us: int) -> None:
    beacon_s = beacon_time_of(gps_us)
    assert beacon_s % 128 == 0
    assert 0 <= (gps_us - beacon_s * 1_000_000) % (2**32 * 1_000_000) < 128 * 1_000_000
    assert beacon_time_of(2**32 * 1_000_000 + 5) == 0, "the time has 32 bits on air"


@given(gps_s=st.integers(0, 2**32))
def test_next_beacon_is_at_most_one_period_away(gps_s: int) -> None:
    beacon_s = beacon_time_at_or_after(gps_s)
    assert beacon_s % 128 == 0
    assert 0 <= beacon_s - gps_s < 128


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((0, 0, 8), "periodicity must be 0 to 7, got 8 (nearest: 7)"),
        ((0, 0, -1), "periodicity must be 0 to 7, got -1 (nearest: 0)"),
        ((0, 2**32, 0), "address must be 0 to 4294967295, got 4294967296 (nearest: 4294967295)"),
        ((-128, 0, 0), "beacon_time_s must be 0 to 4294967295, got -128 (nearest: 0)"),
    ],
)
def test_parameter_outside_its_range_is_refused(wrong: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        ping_slots_us(*wrong)
    assert str(caught.value) == message


@pytest.mark.parametrize(("address", "beacon_s"), [(-1, 0), (2**32, 0), (0, -1), (0, 2**32)])
def test_hop_refuses_numbers_of_more_than_32_bits(address: int, beacon_s: int) -> None:
    with pytest.raises(ParameterError, match="must be 0 to 4294967295"):
        hop((1, 2), address, beacon_s)
