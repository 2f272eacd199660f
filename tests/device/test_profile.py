from __future__ import annotations

import dataclasses

import pytest

from fuota.device import DeviceProfile
from fuota.errors import ParameterError


def test_the_ideal_device_takes_all_that_the_wire_can_describe():
    ideal = DeviceProfile()
    assert (ideal.name, ideal.version, ideal.variant, ideal.descriptor) == ("ideal", 1, "deployed", None)
    assert ideal.frag_sessions == 4
    assert ideal.holds(nb_frag=16383, frag_size=255, padding=0)
    assert ideal.holds(nb_frag=1, frag_size=1, padding=0)


def test_a_profile_is_a_value():
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
def test_limits_that_no_device_has_are_refused_with_the_nearest(limits, nearest):
    ((name, given),) = limits.items()
    with pytest.raises(ParameterError, match=rf"^{name} {given} .*nearest is {nearest}$"):
        DeviceProfile(**limits)


@pytest.mark.parametrize("descriptor", [b"", bytes(3), bytes(5)])
def test_a_descriptor_has_four_octets(descriptor):
    with pytest.raises(ParameterError, match=f"descriptor of {len(descriptor)} octets.*exactly 4"):
        DeviceProfile(descriptor=descriptor)


def test_a_variant_that_the_version_has_not_is_refused():
    assert DeviceProfile(version=2, variant="literal").variant == "literal"
    with pytest.raises(ParameterError, match="only version 2 has it"):
        DeviceProfile(version=1, variant="literal")
    with pytest.raises(ParameterError, match="'deployed' or 'literal'"):
        DeviceProfile(version=2, variant="literally")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "held"),
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
def test_a_session_fits_within_fragments_and_their_size(shape, held):
    nb_frag, frag_size, padding = shape
    profile = DeviceProfile(max_nb_frag=10, max_frag_size=8)
    assert profile.holds(nb_frag=nb_frag, frag_size=frag_size, padding=padding) is held


def test_the_slot_holds_the_block_without_its_padding():
    profile = DeviceProfile(slot_bytes=77)
    assert profile.holds(nb_frag=10, frag_size=8, padding=3)
    assert not profile.holds(nb_frag=10, frag_size=8, padding=2)
