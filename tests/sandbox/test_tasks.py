"""Tasks of the onboarding calls over HTTP: their states and durations, and which keys may ask for them."""

from __future__ import annotations

import time

import pytest

from fuota.network import SenraClient
from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI, FleetRecipe, Sandbox

APP, OTHER = SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
FLEET = "02000000F007A001"  # a device of the fleet: it has joined
NEW, NEWER = "AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2"
KEY = "0123456789ABCDEF0123456789ABCDEF"
MINUTE = 60_000_000


def begin(world, name, params, *rows, **body):
    """Start a task with a call and return its request id. The task has not run yet."""
    if name == "register":
        params = {"token": world.service.token()} | (params or {})
    status, answer = world.call("POST", f"device/{name}", params, json={"data": list(rows)} | body)
    assert status == 200, answer
    return answer["statusUrl"].split("reqId=")[1]


def state_of(world, request_id):
    return world.call("GET", "device/status", {"reqId": request_id})


def test_a_task_goes_through_its_states_and_is_reported_for_15_minutes(make_world):
    world = make_world()
    request_id = begin(world, "register", None, {"devEui": NEW, "appKey": KEY})
    assert request_id == f"DevMgmtJobReq:{APP}"
    states = []
    begun_us = world.clock.now_us()
    for after_us in (0, 20_000, 50_000, 300_000, 600_000):
        world.clock.pass_us(begun_us + after_us - world.clock.now_us())
        answer = state_of(world, request_id)[1]
        states.append((answer["state"], answer["pctDone"]))
        assert set(answer) == {"state", "result", "pctDone"}
        assert answer["result"]["stats"] == {"registered": 0, "updated": 0, "notChanged": 0, "errors": 0}
    assert states == [("INITIAL", 0), ("QUEUED", 0), ("RUNNING", 0), ("RUNNING", 41), ("RUNNING", 91)]
    world.clock.run_until(lambda: world.service.tasks.by_id[request_id].done)
    ended_us = world.clock.now_us()
    world.clock.pass_us(15 * MINUTE - 1)
    assert state_of(world, request_id)[1]["state"] == "DONE_SUC"
    world.clock.pass_us(ended_us + 15 * MINUTE - world.clock.now_us())
    assert state_of(world, request_id) == (
        404,
        {"message": f"No task could be found with the requested reqId {request_id}"},
    )


def test_nothing_is_forgotten_on_a_clock_that_does_not_wait():
    """15 minutes of virtual time would be over before anyone can ask."""
    with Sandbox(fleet=FleetRecipe(devices=1), speed=None) as sandbox:
        client = SenraClient(sandbox.url, sandbox.api_key, retries=0)
        client.devices.deactivate([FLEET])
        client.transfers.start(bytes(48), app_eui=APP, dev_euis=[FLEET], start_delay_s=60, redundancy=0)
        while not client.transfers.status(app_eui=APP).finished:
            pass
        sandbox._clock.at(sandbox._clock.now_us() + 60 * MINUTE, lambda: None)
        time.sleep(0.05)
        assert client.transfers.status(app_eui=APP).state == "Done"
        assert client.devices.task(f"DevMgmtJobReq:{APP}").succeeded


@pytest.mark.parametrize(
    ("name", "count", "low_s", "high_s"),
    [
        ("register", 1_000, 0.5, 1.5),
        ("register", 10_000, 1, 5),
        ("activate", 1_000, 4, 6),
        ("activate", 10_000, 20, 40),
    ],
)
def test_tasks_take_the_time_that_the_reference_gives(make_world, name, count, low_s, high_s):
    world = make_world(devices=1)
    begun_us = world.clock.now_us()
    request_id = begin(world, name, None, *({"devEui": f"{n:016X}", "appKey": KEY} for n in range(1, count + 1)))
    world.clock.run_until(lambda: world.service.tasks.by_id[request_id].done)
    assert low_s <= (world.service.tasks.by_id[request_id].end_us - begun_us) / 1e6 <= high_s


def test_an_application_has_only_one_running_task(make_world):
    world = make_world()
    begin(world, "deactivate", None, {"devEui": FLEET})
    for name, params in (("activate", {}), ("update", {"appEui": APP}), ("deactivate", {})):
        status, answer = world.call("POST", f"device/{name}", params, json={"data": [{"devEui": FLEET}]})
        assert status == 400
        assert f"DevMgmtJobReq:{APP} is under way: one task per Application at a time" in answer["message"]
    listed, key = {"data": [{"devEui": FLEET}]}, world.key(app_eui=OTHER)
    between = {"fromAppEui": APP, "toAppEui": OTHER, "contractId": 77}
    assert world.call("POST", "device/transfer", between, json=listed, headers={"authorization2": key})[0] == 400
    other = world.call("POST", "device/activate", json=listed, key=key)
    assert other[0] == 200, "another application has no running task"


def test_a_task_replaces_the_last_task_of_its_class(make_world):
    world = make_world()
    world.onboard("deactivate", None, {"devEui": FLEET})
    world.onboard("update", {"appEui": APP}, {"devEui": FLEET})
    world.onboard("activate", None, {"devEui": FLEET})
    assert "activation" in state_of(world, f"DevMgmtJobReq:{APP}")[1]["result"]["status"]
    assert "update" in state_of(world, f"DevUpdateJobReq:{APP}")[1]["result"]["status"]


def test_a_task_is_reported_to_keys_of_its_application_only(make_world):
    world = make_world()
    world.onboard("deactivate", None, {"devEui": FLEET})
    status, _ = world.call("GET", "device/status", {"reqId": f"DevMgmtJobReq:{APP}"}, key=world.key(app_eui=OTHER))
    assert status == 404


def test_an_exception_ends_a_task_as_failed(make_world, caplog, monkeypatch):
    world = make_world()
    request_id = begin(world, "register", None, {"devEui": NEW, "appKey": KEY}, {"devEui": NEWER, "appKey": KEY})
    monkeypatch.setattr(world.server.directory, "add", None)
    world.clock.run_until(lambda: world.service.tasks.by_id[request_id].done)
    answer = state_of(world, request_id)[1]
    assert (answer["state"], answer["result"]["stats"]["errors"]) == ("DONE_FAIL", 2)
    assert answer["result"]["msgs"] == [
        "An internal server error occurred while registering Devices. 2 Devices were skipped."
    ]
    assert "a task of the sandbox failed" in caplog.text
