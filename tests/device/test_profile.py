from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile, decoder_memory_bytes
from fuota.errors import ParameterError


def test_ideal_device_has_only_the_limits_of_the_protocol():
    ideal = DeviceProfile()
    assert (ideal.name, ideal.version, ideal.variant, ideal.descriptor) == ("ideal", 1, "deployed", None)
    assert ideal.frag_sessions == 4
    assert ideal.holds(nb_frag=16383, frag_size=255, padding=0)
    assert ideal.holds(nb_frag=1, frag_size=1, padding=0)


def test_profile_is_a_frozen_value():
    profile = DeviceProfile(name="meter", version=2)
    assert profile == DeviceProfile(name="meter", version=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile.version = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("limits", "nearest"),
    [
        ({"version": 0}, 1),
        ({"version": 3}, 2),
        ({"max_nb_frag": 0}, 1),
        ({"max_nb_frag": 16384}, 16383),
        ({"max_frag_size": 0}, 1),
        ({"max_frag_size": 256}, 255),
        ({"slot_bytes": 0}, 1),
        ({"slot_bytes": 16383 * 255 + 1}, 16383 * 255),
        ({"frag_sessions": 0}, 1),
        ({"frag_sessions": 5}, 4),
    ],
)
def test_limit_outside_the_protocol_is_refused_with_the_nearest(limits, nearest):
    ((name, value),) = limits.items()
    with pytest.raises(ParameterError, match=rf"^{name} must be .*, got {value} .nearest: {nearest}.$"):
        DeviceProfile(**limits)


@pytest.mark.parametrize("descriptor", [b"", bytes(3), bytes(5)])
def test_descriptor_has_four_bytes(descriptor):
    with pytest.raises(ParameterError, match=f"descriptor must have 4 bytes, got {len(descriptor)}"):
        DeviceProfile(descriptor=descriptor)


def test_variant_that_the_version_lacks_is_refused():
    assert DeviceProfile(version=2, variant="literal").variant == "literal"
    with pytest.raises(ParameterError, match="only version 2 has 'literal'"):
        DeviceProfile(version=1, variant="literal")
    with pytest.raises(ParameterError, match="one of deployed, literal"):
        DeviceProfile(version=2, variant="literally")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((10, 8, 0), True),
        ((10, 8, 7), True),
        ((9, 8, 0), True),
        ((10, 7, 0), True),
        ((11, 7, 0), False),
        ((10, 9, 8), False),
        ((0, 8, 0), False),
        ((10, 0, 0), False),
        ((10, 8, 8), False),
    ],
)
def test_session_fits_within_number_and_size_of_fragments(shape, fits):
    nb_frag, frag_size, padding = shape
    profile = DeviceProfile(max_nb_frag=10, max_frag_size=8)
    assert profile.holds(nb_frag=nb_frag, frag_size=frag_size, padding=padding) is fits


def test_slot_holds_the_block_without_its_padding():
    profile = DeviceProfile(slot_bytes=77)
    assert profile.holds(nb_frag=10, frag_size=8, padding=3)
    assert not profile.holds(nb_frag=10, frag_size=8, padding=2)


def test_fragment_size_must_be_a_multiple_of_the_flash_unit():
    profile = DeviceProfile(frag_size_multiple=8)
    assert profile.holds(nb_frag=10, frag_size=48, padding=3)
    assert not profile.holds(nb_frag=10, frag_size=50, padding=3)


@pytest.mark.parametrize(
    ("limits", "nearest"),
    [
        ({"frag_size_multiple": 0}, 1),
        ({"frag_size_multiple": 256}, 255),
        ({"frag_write_ms": -1}, 0),
        ({"row_work_ms": -1}, 0),
        ({"max_lost": -1}, 0),
        ({"redundancy_memory_bytes": -1}, 0),
        ({"uplink_period_s": 0}, 1),
    ],
)
def test_illegal_limit_of_the_device_is_refused_with_the_nearest(limits, nearest):
    ((name, value),) = limits.items()
    with pytest.raises(ParameterError, match=rf"^{name} must be .*, got {value} .nearest: {nearest}.$"):
        DeviceProfile(**limits)


@pytest.mark.parametrize(
    ("lost", "memory_bytes"), [(0, 0), (1, 3), (32, 130), (40, 183), (48, 243), (56, 312), (64, 388)]
)
def test_decoder_memory_is_as_in_the_specification(lost, memory_bytes):
    # TS004-2.0.0 section A.4; 0 and 1 by its formula
    assert decoder_memory_bytes(lost) == memory_bytes


def test_negative_number_of_lost_fragments_is_refused():
    with pytest.raises(ParameterError, match="lost must be 0 or more, got -1"):
        decoder_memory_bytes(-1)


def test_ideal_device_repairs_without_limit():
    assert DeviceProfile().max_repairable() is None


@given(st.integers(0, 10**9))
def test_memory_limits_the_repairable_fragments(memory_bytes):
    lost = DeviceProfile(redundancy_memory_bytes=memory_bytes).max_repairable()
    assert decoder_memory_bytes(lost) <= memory_bytes < decoder_memory_bytes(lost + 1)


def test_lower_limit_applies():
    assert DeviceProfile(max_lost=50, redundancy_memory_bytes=130).max_repairable() == 32
    assert DeviceProfile(max_lost=5, redundancy_memory_bytes=130).max_repairable() == 5
    assert DeviceProfile(max_lost=0).max_repairable() == 0


@pytest.mark.parametrize(
    ("second_buffer", "time_on_air_us", "interval_us"),
    [(True, 400_000, 400_000), (True, 100_000, 150_000), (False, 400_000, 550_000), (False, 100_000, 250_000)],
)
def test_shortest_interval_leaves_time_to_write_and_to_decode(second_buffer, time_on_air_us, interval_us):
    profile = DeviceProfile(frag_write_ms=120, row_work_ms=30, second_buffer=second_buffer)
    assert profile.min_interval_us(time_on_air_us) == interval_us


def test_ideal_device_receives_frames_without_pause():
    assert DeviceProfile().min_interval_us(394_496) == 394_496
