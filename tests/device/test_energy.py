from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile, EnergyModel
from fuota.errors import ParameterError

TIMES = st.integers(0, 10**12)


def test_class_c_takes_25_mw():
    # klementc/fuotaa-reprod: 25.0 mW measured on a NUCLEO-WL55JC
    assert EnergyModel().class_c_uj(listening_us=1_000_000) == 24_999
    assert EnergyModel().class_c_uj(listening_us=3_600_000_000) == pytest.approx(90_000_000, rel=1e-4)


def test_constants_can_be_changed():
    # FUOTASim@a225671: 16 mA at 3 V; 10 KiB at DR5 last 200.3689 s
    model = EnergyModel(supply_mv=3_000, receive_ua=16_000)
    assert model.class_c_uj(listening_us=200_368_900) == 9_617_707


def test_writing_flash_adds_energy():
    model = EnergyModel(supply_mv=2_000, receive_ua=10_000, flash_write_ua=5_000)
    assert model.class_c_uj(listening_us=10_000_000, flash_us=1_000_000) == 2 * (10 * 10 + 5) * 1000


def test_class_b_is_awake_for_beacons_slots_and_frames():
    model = EnergyModel(beacon_guard_us=10_000)
    awake = model.class_b_awake_us(beacons=3, beacon_us=152_576, empty_slots=40, slot_us=30_000, frames_us=5_000_000)
    assert awake == 3 * 162_576 + 40 * 30_000 + 5_000_000


def test_class_b_sleeps_when_it_is_not_awake():
    model = EnergyModel(supply_mv=3_000, receive_ua=8_000, sleep_na=2_000, flash_write_ua=6_000)
    # 10 s awake at 24 mW, 2 s of flash at 18 mW, 988 s asleep at 6 µW
    assert (
        model.class_b_uj(session_us=1000 * 10**6, awake_us=10 * 10**6, flash_us=2 * 10**6) == 240_000 + 36_000 + 5_928
    )


@given(session_us=TIMES, awake_us=TIMES)
def test_class_b_never_takes_more_than_class_c(session_us, awake_us):
    model = EnergyModel()
    awake_us = min(awake_us, session_us)
    energy_uj = model.class_b_uj(session_us=session_us, awake_us=awake_us)
    assert 0 <= energy_uj <= model.class_c_uj(listening_us=session_us)


@pytest.mark.parametrize("name", [constant.name for constant in fields(EnergyModel)])
def test_negative_constant_is_refused(name):
    with pytest.raises(ParameterError, match=f"^{name} must be 0 or more, got -1"):
        EnergyModel(**{name: -1})


def test_profile_has_an_energy_model():
    assert DeviceProfile().energy == EnergyModel()
    assert DeviceProfile(energy=EnergyModel(receive_ua=5_000)).energy.receive_ua == 5_000
