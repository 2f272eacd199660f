"""Registration, activation, deactivation, update and transfer over HTTP. Their tasks are tested in test_tasks.py."""

from __future__ import annotations

import pytest

from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
from fuota.sandbox.server.records import DeviceState

APP, OTHER = SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
FLEET = "02000000F007A001"  # of the fleet: it has joined
NEW, NEWER = "AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2"
KEY, KEY_2 = "0123456789ABCDEF0123456789ABCDEF", "FEDCBA9876543210FEDCBA9876543210"


def record(world, eui):
    return world.server.directory.devices[eui]


# --- changes of the records


def test_a_device_is_registered_with_the_values_of_row_and_call(make_world):
    world = make_world()
    row = {"devEui": NEW.lower(), "appKey": KEY.lower(), "lat": 40.7, "lng": -73.9, "tags": "tag1,both"}
    row |= {"metadata": "=1", "devType": "WATER_SENSOR", "colour": "blue", "nwkKey": None}
    scope = {"joinEui": "BBBBBBBBBBBBBB01", "contractId": 20, "profId": 3, "tags": "both,all"}
    result = world.register(row, **scope)
    assert result["stats"] == {"registered": 1, "updated": 0, "notChanged": 0, "errors": 0}
    assert result["status"] == (
        f"Device registration on App EUI: {APP} completed. Registered: 1 Updated: 0 Not Changed: 0 Errors: 0"
    )
    device = record(world, NEW)
    assert (device.app_eui, device.join_eui, device.contract_id, device.profile_id) == (APP, "BBBBBBBBBBBBBB01", 20, 3)
    assert (device.state, device.activation, device.app_key) == ("REGISTERED", "OTAA", bytes.fromhex(KEY))
    assert (device.tags, device.metadata, device.dev_type) == (("both", "all", "tag1"), "=1", "WATER_SENSOR")
    assert (device.lat, device.lng, device.join_id) == (40.7, -73.9, 0)


def test_an_abp_device_gets_its_session_from_the_row(make_world):
    world = make_world()
    row = {"devEui": NEW, "devAddr": "0123abcd", "nwkSKey": KEY, "appSKey": KEY_2}
    world.register(row, {"devEui": NEWER}, actType="ABP")
    device = record(world, NEW)
    assert (device.activation, device.dev_addr) == ("ABP", 0x0123ABCD)
    assert (device.nwk_s_key, device.app_s_key) == (bytes.fromhex(KEY), bytes.fromhex(KEY_2))
    assert record(world, NEWER).dev_addr is None


def test_a_second_registration_changes_only_the_key(make_world):
    world = make_world()
    world.register({"devEui": NEW, "appKey": KEY}, {"devEui": NEWER, "appKey": KEY})
    result = world.register({"devEui": NEW, "appKey": KEY}, {"devEui": NEWER, "appKey": KEY_2})
    assert result["stats"] == {"registered": 0, "updated": 1, "notChanged": 1, "errors": 0}
    assert result["msgs"] == [
        f"The AppKey for DevEUI: {NEWER} has been updated. Old AppKey: {KEY} New AppKey: {KEY_2}."
    ]


def test_a_device_of_another_application_cannot_be_registered(make_world):
    world = make_world()
    result = world.onboard(
        "register",
        {"token": world.service.token()},
        {"devEui": FLEET, "appKey": KEY},
        key=world.key(app_eui=OTHER),
    )
    assert result["stats"]["errors"] == 1
    assert f"DevEUI: {FLEET} has already been registered on AppEUI: {APP}" in result["msgs"][0]
    assert record(world, FLEET).app_eui == APP


def test_activation_counts_changes_and_reports_unknown_devices(make_world):
    world = make_world()
    world.register(NEW, NEWER)
    world.onboard("activate", None, {"devEui": NEWER})
    rows = [{"devEui": eui} for eui in (NEW, NEWER, FLEET, "AAAAAAAAAAAAAAA3")]
    result = world.onboard("activate", None, *rows)
    assert result["stats"] == {"activated": 1, "updated": 0, "notChanged": 2, "errors": 1}
    assert result["msgs"] == [
        f"DevEUI: AAAAAAAAAAAAAAA3 has not been registered. The Device cannot be Activated on JoinEUI: {APP}."
    ]
    assert record(world, NEW).activated_us > 0


@pytest.mark.parametrize(
    ("eui", "event"),
    [(FLEET, "has already joined"), (NEW, "was already Activated"), (NEWER, "has not been registered")],
)
def test_a_device_of_another_application_cannot_be_activated(make_world, eui, event):
    world = make_world()
    world.register(NEW, NEWER)
    world.onboard("activate", None, {"devEui": NEW})
    record(world, NEW).state = DeviceState.ACTIVATED  # it may have joined meanwhile
    result = world.onboard("activate", None, {"devEui": eui}, key=world.key(app_eui=OTHER))
    kind_of_eui = "JoinEUI" if eui == NEWER else "AppEUI"
    assert result["msgs"][0].startswith(f"DevEUI: {eui} {event}")
    assert result["msgs"][0].endswith(f"The Device cannot be Activated on {kind_of_eui}: {OTHER}.")


def test_a_device_is_activated_only_with_its_own_join_eui(make_world):
    world = make_world()
    world.register(NEW)
    result = world.onboard("activate", {"joinEui": "BBBBBBBBBBBBBB01"}, {"devEui": NEW})
    assert result["msgs"][0].endswith(
        "has not been registered. The Device cannot be Activated on JoinEUI: BBBBBBBBBBBBBB01."
    )
    assert world.onboard("activate", {"joinEui": APP}, {"devEui": NEW})["stats"]["activated"] == 1


def test_activation_takes_details_and_a_key_from_the_row(make_world):
    world = make_world()
    world.register({"devEui": NEW, "appKey": KEY, "tags": "old"})
    row = {"devEui": NEW, "lat": 1, "lng": 2, "tags": "new", "metadata": "m", "devType": "t", "appKey": KEY_2}
    result = world.onboard("activate", {"contractId": 7, "profId": 8}, row)
    device = record(world, NEW)
    assert (device.lat, device.lng, device.tags, device.metadata, device.dev_type) == (1, 2, ("old", "new"), "m", "t")
    assert (device.contract_id, device.profile_id, device.app_key) == (7, 8, bytes.fromhex(KEY_2))
    assert result["msgs"] == [f"The AppKey for DevEUI: {NEW} has been updated. Old AppKey: {KEY} New AppKey: {KEY_2}."]


def test_activate_one_activates_a_device_without_a_task(make_world):
    world = make_world()
    world.register(NEW)
    query = {"devEui": NEW, "appEui": APP, "tags": "a,b", "metadata": "m", "lat": "1.5", "lng": "-2", "devType": "t"}
    query |= {"contractId": 5, "profId": 6, "joinEui": APP}
    assert world.call("POST", "device/activateOne", query) == (200, {"message": "Device successfully Activated"})
    device = record(world, NEW)
    assert (device.tags, device.metadata, device.lat, device.lng, device.dev_type) == (("a", "b"), "m", 1.5, -2.0, "t")
    assert (device.contract_id, device.profile_id) == (5, 6)
    assert device.state in {"ACTIVATED", "JOINED"}
    assert world.call("POST", "device/activateOne", {"devEui": NEW})[1] == {"message": "Device was already Activated"}


@pytest.mark.parametrize(
    ("eui", "app", "status", "words"),
    [
        (NEW, APP, 404, f"DevEUI: {NEW} has not been registered. The Device cannot be Activated on JoinEUI: {APP}."),
        (FLEET, OTHER, 400, f"has already joined on AppEUI: {APP}. The Device cannot be Activated on AppEUI: {OTHER}."),
    ],
)
def test_activate_one_explains_a_refusal(make_world, eui, app, status, words):
    world = make_world()
    code, answer = world.call("POST", "device/activateOne", {"devEui": eui}, key=world.key(app_eui=app))
    assert code == status
    assert answer["message"].endswith(words)


def test_a_device_can_be_deactivated_and_activated_again(make_world):
    world = make_world()
    world.register(NEW)
    rows = [{"devEui": eui} for eui in (FLEET, NEW, NEWER)]
    result = world.onboard("deactivate", None, *rows)
    assert result["stats"] == {"deactivated": 2, "notChanged": 0, "errors": 1}
    assert result["msgs"] == [f"DevEUI: {NEWER} has not been registered. The Device cannot be deactivated."]
    assert record(world, FLEET).state == "DEACTIVATED"
    assert not record(world, FLEET).may_join
    assert world.onboard("deactivate", None, rows[0])["stats"]["notChanged"] == 1
    assert world.onboard("activate", None, rows[0])["stats"]["activated"] == 1
    assert record(world, FLEET).state == "JOINED", "it keeps its session"


@pytest.mark.parametrize(
    ("operation", "tags"),
    [("APPEND", ("sandbox", "all", "own")), ("REPLACE", ("all", "own")), ("DELETE", ("sandbox",))],
)
def test_an_update_appends_replaces_or_deletes_tags(make_world, operation, tags):
    world = make_world()
    result = world.onboard(
        "update", {"appEui": APP, "tagsOperation": operation, "tags": "all"}, {"devEui": FLEET, "tags": "own"}
    )
    assert record(world, FLEET).tags == tags
    assert result["stats"] == {
        "updated": int(operation != "DELETE"),
        "notChanged": int(operation == "DELETE"),
        "errors": 0,
    }


def test_an_update_changes_the_fields_of_the_row(make_world):
    world = make_world()
    row = {"devEui": FLEET, "appKey": KEY, "nwkKey": KEY_2, "lat": 43.1, "lng": -70.8, "metadata": "m"}
    row |= {"devType": "WATER_SENSOR", "devClass": "CLASS_B", "fwVer": "1.0.0"}
    result = world.onboard("update", {"appEui": APP, "profId": 9}, row)
    assert result["stats"]["updated"] == 1
    assert "New AppKey" in result["msgs"][0]
    device = record(world, FLEET)
    assert (device.app_key, device.nwk_key) == (bytes.fromhex(KEY), bytes.fromhex(KEY_2))
    assert (device.dev_class, device.fw_ver, device.profile_id) == ("B", "1.0.0", 9)
    assert (device.lat, device.lng, device.metadata, device.dev_type) == (43.1, -70.8, "m", "WATER_SENSOR")
    assert world.onboard("update", {"appEui": APP, "profId": 9}, row)["stats"]["notChanged"] == 1


def test_only_joined_devices_are_updated(make_world):
    world = make_world()
    world.register(NEW)
    result = world.onboard("update", {"appEui": APP}, {"devEui": NEW, "fwVer": "2"}, {"devEui": NEWER, "fwVer": "2"})
    assert result["stats"] == {"updated": 0, "notChanged": 0, "errors": 2}
    assert result["msgs"] == [
        f"DevEUI: {NEW} has not joined. The Device cannot be updated.",
        f"DevEUI: {NEWER} has not been registered. The Device cannot be updated.",
    ]


@pytest.mark.parametrize(("params", "row"), [({"tags": "a"}, {}), ({}, {"tags": "a"})])
def test_tags_without_an_operation_are_a_bad_request(make_world, params, row):
    status, answer = make_world().call(
        "POST", "device/update", {"appEui": APP} | params, json={"data": [{"devEui": FLEET} | row]}
    )
    assert (status, answer) == (400, {"message": "required parameter is missing: tagsOperation (tags are updated)"})


def transfer(world, *euis, second_key=None, **params):
    query = {"fromAppEui": APP, "toAppEui": OTHER, "contractId": 77} | params
    headers = {"authorization2": world.key(app_eui=OTHER) if second_key is None else second_key}
    return world.call(
        "POST", "device/transfer", query, json={"data": [{"devEui": eui} for eui in euis]}, headers=headers
    )


def test_a_transfer_moves_devices_with_two_keys(make_world):
    world = make_world()
    status, answer = transfer(world, FLEET, profId=5)
    assert status == 200
    assert answer["statusUrl"] == f"{world.url}/rest/integration/device/status?reqId=DevTransferJobReq:{APP}-{OTHER}"
    world.clock.run_until(lambda: record(world, FLEET).app_eui == OTHER)
    device = record(world, FLEET)
    assert (device.contract_id, device.profile_id, device.state) == (77, 5, "JOINED")
    for app_eui in (APP, OTHER):  # keys of both applications are accepted
        status, answer = world.call(
            "GET", "device/status", {"reqId": f"DevTransferJobReq:{APP}-{OTHER}"}, key=world.key(app_eui=app_eui)
        )
        assert (status, answer["result"]["stats"]["transferred"]) == (200, 1)


@pytest.mark.parametrize(
    ("euis", "params", "status", "words"),
    [
        ([NEW], {}, 404, f"Device EUI was not found: {NEW}"),
        ([FLEET], {"toAppEui": "02000000F0A00003"}, 404, "Application EUI 02000000F0A00003 was not found"),
        ([FLEET], {"toAppEui": APP}, 400, "name two applications"),
        ([FLEET], {"fromAppEui": OTHER, "toAppEui": APP}, 403, "does not belong to Application"),
        ([FLEET], {"contractId": 0}, 400, "nearest: 1"),
        ([], {}, 400, "empty"),
        ([FLEET], {"second_key": ""}, 403, "rejected"),
        ([FLEET], {"second_key": "AK2:fuota-sandbox-opens-nothing-but-sandboxes"}, 403, "authorization2"),
    ],
)
def test_an_impossible_transfer_is_refused(make_world, euis, params, status, words):
    code, answer = transfer(make_world(), *euis, **params)
    assert code == status
    assert words in answer["message"]


# --- bodies


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "no list 'data'"),
        (b'{"data":{}}', "no list 'data'"),
        (b'{"data":[]}', "empty"),
        (b'{"data":[1]}', "row 1"),
        (b'{"data":[{}]}', "row 1: dev_eui"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA"}]}', "row 1"),
        (b'{"data":[{"devEui":123}]}', "row 1"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1"}]}', "row 1: app_key is missing"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"0123"}]}', "row 1: app_key must be an AES-128 key"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":["x"]}]}', "row 1: app_key must be an AES-128 key"),
        (b'{"data":[%s,%s]}', "row 2: AAAAAAAAAAAAAAA1 is also row 1"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","lat":91}]}', "row 1: lat must be -90 to 90, got 91"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","lat":NaN}]}', "row 1: lat must be -90 to 90, got nan"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","lng":"east"}]}', "row 1: lng must be a number"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","tags":7}]}', "row 1: tags must be a text"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","tags":["a"]}]}', "row 1: tags must be a text"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","metadata":"\\ud800"}]}', "lone surrogate"),
        (b'{"data":[%s],"callback":"http://127.0.0.1/"}', "callback must be an object with a url"),
        (b'{"data":[%s],"callback":{"url":"ftp://127.0.0.1/"}}', "url"),
        (b'{"data":[%s],"callback":{"url":"http://127.0.0.1/","headers":{"a b":"c"}}}', "header"),
    ],
)
def test_a_wrong_body_is_explained_with_its_row_and_without_keys(make_world, body, words):
    world = make_world()
    body = body.replace(b"%s", b'{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K"}').replace(b"%K", KEY.encode())
    status, answer = world.call("POST", "device/register", {"token": world.service.token()}, data=body)
    assert status == 400, answer
    assert words in answer["message"]
    assert KEY not in answer["message"]
    assert NEW not in world.server.directory.devices


def test_a_key_in_the_wrong_place_is_not_echoed(make_world):
    world = make_world()
    for body in ({"devEui": KEY, "appKey": KEY}, {"devEui": NEW, "appKey": KEY, "lat": KEY}):
        status, answer = world.call("POST", "device/register", {"token": world.service.token()}, json={"data": [body]})
        assert (status, KEY in answer["message"]) == (400, False)
    status, answer = world.call("POST", "device/sendmsg", {"eui": KEY, "pdu": ""})
    assert (status, KEY in answer["message"]) == (400, False)
