"""Devices as the server knows them: who may join, and when one has."""

from __future__ import annotations

import pytest

from fuota.errors import NotFoundError
from fuota.sandbox.server.records import Application, DeviceState, Directory, RegisteredDevice

APP, OTHER = "02000000F0A00001", "02000000F0A00002"
EUI = "AAAAAAAAAAAAAAA1"
KEYS = {"dev_addr": 7, "nwk_s_key": bytes(16), "app_s_key": bytes(16)}


def record(**given):
    return RegisteredDevice(**({"dev_eui": EUI, "app_eui": APP, "join_eui": APP} | given))


def directory(*records):
    found = Directory(Application(app_eui=eui, join_eui=eui) for eui in (APP, OTHER))
    for one in records:
        found.add(one)
    return found


@pytest.mark.parametrize("state", [DeviceState.REGISTERED, DeviceState.DEACTIVATED])
def test_who_is_not_activated_may_not_join(state):
    one = record(state=state)
    with pytest.raises(NotFoundError, match=f"it may not join|{state}"):
        one.begin_session(5, **KEYS)
    assert (one.state, one.join_id) == (state, 0)


def test_joins_are_counted_and_the_first_and_last_remembered():
    one = record(state=DeviceState.ACTIVATED)
    one.begin_session(5, **KEYS)
    one.begin_session(9, **KEYS | {"dev_addr": 8})
    assert (one.state, one.join_id, one.first_join_us, one.last_join_us, one.dev_addr) == ("JOINED", 2, 5, 9, 8)
    assert one.last_heard_us == 9, "who joins is heard"


def test_an_abp_device_has_joined_once_it_is_heard():
    one = record(state=DeviceState.ACTIVATED, activation="ABP")
    for now_us in (5, 9):
        one.note_uplink(now_us, seqno=now_us, rssi_dbm=-90, snr_db=1.0)
    assert (one.state, one.join_id, one.first_join_us, one.last_heard_us) == ("JOINED", 1, 5, 9)


def test_a_device_is_found_in_its_application_only():
    books = directory(record())
    assert books.device(EUI.lower(), APP).dev_eui == EUI
    with pytest.raises(NotFoundError, match="Device EUI was not found"):
        books.device(EUI, OTHER)
    with pytest.raises(NotFoundError, match="Application EUI 02000000F0A00003"):
        books.application("02000000F0A00003")


def test_targets_are_by_eui_or_by_any_of_the_tags():
    second = record(dev_eui="AAAAAAAAAAAAAAA2", tags=("a", "b"))
    third = record(dev_eui="AAAAAAAAAAAAAAA3", tags=("a",), app_eui=OTHER)
    books = directory(record(), second, third)
    assert books.targets(APP, None, ["b", "c"]) == [second]
    assert books.targets(APP, [EUI, second.dev_eui.lower(), EUI], None) == [books.devices[EUI], second]
    with pytest.raises(NotFoundError, match="No device carries a tag of c"):
        books.targets(APP, None, ["c"])
    with pytest.raises(NotFoundError, match=r"AAAAAAAAAAAAAAA3 \(1 in all\)"):
        books.targets(APP, [EUI, third.dev_eui], None)


def test_a_device_of_the_fleet_keeps_what_is_known_of_it_and_gets_a_new_session():
    known = record(tags=("mine",), state=DeviceState.DEACTIVATED, dev_addr=1)
    books = directory(known)
    fresh = record(tags=("sandbox",), state=DeviceState.JOINED, app_key=b"k" * 16, dev_addr=2)
    assert books.power_on(fresh) is known
    assert (known.tags, known.state, known.app_key, known.dev_addr) == (("mine",), "DEACTIVATED", b"k" * 16, 2)
