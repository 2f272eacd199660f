"""The server's records of devices: which devices may join, and when a device has joined."""

from __future__ import annotations

import pytest

from fuota.errors import NotFoundError
from fuota.sandbox.server.records import Application, DeviceState, Directory, RegisteredDevice

APP, OTHER = "02000000F0A00001", "02000000F0A00002"
EUI = "AAAAAAAAAAAAAAA1"
KEYS = {"dev_addr": 7, "nwk_s_key": bytes(16), "app_s_key": bytes(16)}


def record(**values):
    return RegisteredDevice(**({"dev_eui": EUI, "app_eui": APP, "join_eui": APP} | values))


def directory(*records):
    directory = Directory(Application(app_eui=eui, join_eui=eui) for eui in (APP, OTHER))
    for record in records:
        directory.add(record)
    return directory


@pytest.mark.parametrize("state", [DeviceState.REGISTERED, DeviceState.DEACTIVATED])
def test_a_device_that_is_not_activated_may_not_join(state):
    device = record(state=state)
    with pytest.raises(NotFoundError, match=f"it may not join|{state}"):
        device.begin_session(5, **KEYS)
    assert (device.state, device.join_id) == (state, 0)


def test_joins_are_counted_and_the_first_and_last_are_kept():
    device = record(state=DeviceState.ACTIVATED)
    device.begin_session(5, **KEYS)
    device.begin_session(9, **KEYS | {"dev_addr": 8})
    assert (device.state, device.join_id, device.first_join_us, device.last_join_us, device.dev_addr) == (
        "JOINED",
        2,
        5,
        9,
        8,
    )
    assert device.last_heard_us == 9, "a join counts as an uplink"


def test_an_abp_device_has_joined_after_its_first_uplink():
    device = record(state=DeviceState.ACTIVATED, activation="ABP")
    for now_us in (5, 9):
        device.note_uplink(now_us, seqno=now_us, rssi_dbm=-90, snr_db=1.0)
    assert (device.state, device.join_id, device.first_join_us, device.last_heard_us) == ("JOINED", 1, 5, 9)


def test_a_device_is_found_in_its_application_only():
    known_devices = directory(record())
    assert known_devices.device(EUI.lower(), APP).dev_eui == EUI
    with pytest.raises(NotFoundError, match="Device EUI was not found"):
        known_devices.device(EUI, OTHER)
    with pytest.raises(NotFoundError, match="Application EUI 02000000F0A00003"):
        known_devices.application("02000000F0A00003")


def test_targets_are_chosen_by_euis_or_by_any_of_the_tags():
    second = record(dev_eui="AAAAAAAAAAAAAAA2", tags=("a", "b"))
    third = record(dev_eui="AAAAAAAAAAAAAAA3", tags=("a",), app_eui=OTHER)
    known_devices = directory(record(), second, third)
    assert known_devices.targets(APP, None, ["b", "c"]) == [second]
    assert known_devices.targets(APP, [EUI, second.dev_eui.lower(), EUI], None) == [known_devices.devices[EUI], second]
    with pytest.raises(NotFoundError, match="No device carries a tag of c"):
        known_devices.targets(APP, None, ["c"])
    with pytest.raises(NotFoundError, match=r"AAAAAAAAAAAAAAA3 \(1 in all\)"):
        known_devices.targets(APP, [EUI, third.dev_eui], None)


def test_a_known_device_of_the_fleet_keeps_its_record_and_gets_a_new_session():
    known = record(tags=("mine",), state=DeviceState.DEACTIVATED, dev_addr=1)
    known_devices = directory(known)
    fresh = record(tags=("sandbox",), state=DeviceState.JOINED, app_key=b"k" * 16, dev_addr=2)
    assert known_devices.power_on(fresh) is known
    assert (known.tags, known.state, known.app_key, known.dev_addr) == (("mine",), "DEACTIVATED", b"k" * 16, 2)
