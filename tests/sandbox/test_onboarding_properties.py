"""Onboarding in any order: the functions compared with a model of the states of devices."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fuota.network.senra.device_rows import DeviceDetails, DeviceUpdate, OtaaDevice
from fuota.sandbox.server import onboarding
from fuota.sandbox.server.onboarding import ActivatedDevice, TaskScope
from fuota.sandbox.server.records import Application, DeviceState, Directory
from fuota.sandbox.server.tasks import ACTIVATE, DEACTIVATE, REGISTER, TRANSFER, UPDATE

APPS = ("02000000F0A00001", "02000000F0A00002")
EUIS = ("AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2")
KEYS = ("0" * 32, "F" * 32)
STEP_NAMES = st.sampled_from(["register", "activate", "deactivate", "update", "transfer", "join"])
STEPS = st.lists(
    st.tuples(STEP_NAMES, st.sampled_from(EUIS), st.sampled_from(APPS), st.sampled_from(KEYS)), max_size=20
)
KINDS = {"register": REGISTER, "activate": ACTIVATE, "deactivate": DEACTIVATE, "update": UPDATE, "transfer": TRANSFER}


def do_step(directory, step, eui, app_eui, key):
    """Do one step. Return its outcome."""
    scope = TaskScope(application=directory.application(app_eui), now_us=5, tags=("all",), contract_id=7)
    match step:
        case "register":
            return onboarding.register(directory, scope, OtaaDevice(dev_eui=eui, app_key=key))
        case "activate":
            return onboarding.activate(directory, scope, ActivatedDevice(dev_eui=eui, app_key=key))
        case "deactivate":
            return onboarding.deactivate(directory, scope, DeviceDetails(dev_eui=eui))
        case "update":
            return onboarding.update(directory, scope, DeviceUpdate(dev_eui=eui, tags=["own"]), "APPEND")
        case _:
            return onboarding.transfer(directory, scope, DeviceDetails(dev_eui=eui))


@given(STEPS)
def test_devices_follow_the_model_and_every_step_is_counted(steps):
    directory = Directory(Application(app_eui=eui, join_eui=eui) for eui in APPS)
    expected = {}  # the model: (application, state) by EUI
    for step, eui, app_eui, key in steps:
        before = expected.get(eui)
        if step == "join":
            record = directory.devices.get(eui)
            if record is not None and record.may_join:
                record.begin_session(9, dev_addr=1, nwk_s_key=bytes(16), app_s_key=bytes(16))
                expected[eui] = (before[0], "JOINED")
            continue
        outcome = do_step(directory, step, eui, app_eui, key)
        assert outcome.count in KINDS[step].stats
        assert (outcome.count == "errors") <= bool(outcome.message), "an error names the device and the reason"
        is_owner = before is not None and before[0] == app_eui
        match step:
            case "register" if before is None:
                expected[eui] = (app_eui, "REGISTERED")
            case "activate" if is_owner and before[1] in {"REGISTERED", "DEACTIVATED"}:
                expected[eui] = (app_eui, "JOINED" if directory.devices[eui].join_id else "ACTIVATED")
            case "deactivate" if is_owner:
                expected[eui] = (app_eui, "DEACTIVATED")
            case "transfer" if before is not None:
                expected[eui] = (app_eui, before[1])
            case _:
                assert outcome.count in {"errors", "notChanged", "updated"}
        actual = {record.dev_eui: (record.app_eui, str(record.state)) for record in directory.devices.values()}
        assert actual == expected
    for record in directory.devices.values():
        assert record.may_join == (record.state in {DeviceState.ACTIVATED, DeviceState.JOINED})
        assert len(set(record.tags)) == len(record.tags)
        assert (record.state is DeviceState.JOINED) <= (record.join_id > 0)
