"""Onboarding in any order: what must hold whatever is done to a device, by its functions and a model of its states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fuota.network.senra.device_rows import DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.sandbox.server import onboarding
from fuota.sandbox.server.onboarding import ActivatedDevice, OnboardingScope
from fuota.sandbox.server.records import Application, DeviceState, Directory
from fuota.sandbox.server.tasks import ACTIVATE, DEACTIVATE, REGISTER, TRANSFER, UPDATE

APPS = ("02000000F0A00001", "02000000F0A00002")
EUIS = ("AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2")
KEYS = ("0" * 32, "F" * 32)
DOING = st.sampled_from(["register", "activate", "deactivate", "update", "transfer", "join"])
STEPS = st.lists(st.tuples(DOING, st.sampled_from(EUIS), st.sampled_from(APPS), st.sampled_from(KEYS)), max_size=20)
KINDS = {"register": REGISTER, "activate": ACTIVATE, "deactivate": DEACTIVATE, "update": UPDATE, "transfer": TRANSFER}


def done(directory, doing, eui, app_eui, key):
    """One step; its outcome."""
    place = OnboardingScope(application=directory.application(app_eui), now_us=5, tags=("all",), contract_id=7)
    match doing:
        case "register":
            return onboarding.register(directory, place, OtaaDevice(dev_eui=eui, app_key=key))
        case "activate":
            return onboarding.activate(directory, place, ActivatedDevice(dev_eui=eui, app_key=key))
        case "deactivate":
            return onboarding.deactivate(directory, place, DeviceDetails(dev_eui=eui))
        case "update":
            return onboarding.update(directory, place, DeviceUpdate(dev_eui=eui, tags=["own"]), "APPEND")
        case _:
            return onboarding.transfer(directory, place, DeviceDetails(dev_eui=eui))


@given(STEPS)
def test_devices_go_through_their_states_and_no_step_is_uncounted(steps):
    directory = Directory(Application(app_eui=eui, join_eui=eui) for eui in APPS)
    where = {}  # the model: (application, state) by EUI
    for doing, eui, app_eui, key in steps:
        before = where.get(eui)
        if doing == "join":
            record = directory.devices.get(eui)
            if record is not None and record.may_join:
                record.begin_session(9, dev_addr=1, nwk_s_key=bytes(16), app_s_key=bytes(16))
                where[eui] = (before[0], "JOINED")
            continue
        outcome = done(directory, doing, eui, app_eui, key)
        assert outcome.count in KINDS[doing].stats
        assert (outcome.count == "errors") <= bool(outcome.message), "an error says which device and why"
        mine = before is not None and before[0] == app_eui
        match doing:
            case "register" if before is None:
                where[eui] = (app_eui, "REGISTERED")
            case "activate" if mine and before[1] in {"REGISTERED", "DEACTIVATED"}:
                where[eui] = (app_eui, "JOINED" if directory.devices[eui].join_id else "ACTIVATED")
            case "deactivate" if mine:
                where[eui] = (app_eui, "DEACTIVATED")
            case "transfer" if before is not None:
                where[eui] = (app_eui, before[1])
            case _:
                assert outcome.count in {"errors", "notChanged", "updated"}
        found = {one.dev_eui: (one.app_eui, str(one.state)) for one in directory.devices.values()}
        assert found == where
    for record in directory.devices.values():
        assert record.may_join == (record.state in {DeviceState.ACTIVATED, DeviceState.JOINED})
        assert len(set(record.tags)) == len(record.tags)
        assert (record.state is DeviceState.JOINED) <= (record.join_id > 0)
