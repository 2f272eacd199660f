"""Registration, activation, deactivation, update and transfer over HTTP. The tasks that do them are in test_tasks.py."""

from __future__ import annotations

import pytest

from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
from fuota.sandbox.server.records import DeviceState

APP, OTHER = SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
FLEET = "02000000F007A001"  # of the fleet: it has joined
NEW, NEWER = "AAAAAAAAAAAAAAA1", "AAAAAAAAAAAAAAA2"
KEY, KEY_2 = "0123456789ABCDEF0123456789ABCDEF", "FEDCBA9876543210FEDCBA9876543210"


def record(one, eui):
    return one.server.directory.devices[eui]


# --- what becomes of devices


def test_a_device_is_registered_with_what_the_row_and_the_call_say(world):
    one = world()
    row = {"devEui": NEW.lower(), "appKey": KEY.lower(), "lat": 40.7, "lng": -73.9, "tags": "tag1,both"}
    row |= {"metadata": "=1", "devType": "WATER_SENSOR", "colour": "blue", "nwkKey": None}
    place = {"joinEui": "BBBBBBBBBBBBBB01", "contractId": 20, "profId": 3, "tags": "both,all"}
    result = one.register(row, **place)
    assert result["stats"] == {"registered": 1, "updated": 0, "notChanged": 0, "errors": 0}
    assert result["status"] == (
        f"Device registration on App EUI: {APP} completed. Registered: 1 Updated: 0 Not Changed: 0 Errors: 0"
    )
    found = record(one, NEW)
    assert (found.app_eui, found.join_eui, found.contract_id, found.profile_id) == (APP, "BBBBBBBBBBBBBB01", 20, 3)
    assert (found.state, found.activation, found.app_key) == ("REGISTERED", "OTAA", bytes.fromhex(KEY))
    assert (found.tags, found.metadata, found.dev_type) == (("both", "all", "tag1"), "=1", "WATER_SENSOR")
    assert (found.lat, found.lng, found.join_id) == (40.7, -73.9, 0)


def test_an_abp_device_has_its_session_with_the_row(world):
    one = world()
    row = {"devEui": NEW, "devAddr": "0123abcd", "nwkSKey": KEY, "appSKey": KEY_2}
    one.register(row, {"devEui": NEWER}, actType="ABP")
    found = record(one, NEW)
    assert (found.activation, found.dev_addr) == ("ABP", 0x0123ABCD)
    assert (found.nwk_s_key, found.app_s_key) == (bytes.fromhex(KEY), bytes.fromhex(KEY_2))
    assert record(one, NEWER).dev_addr is None


def test_a_registration_again_changes_nothing_or_the_key(world):
    one = world()
    one.register({"devEui": NEW, "appKey": KEY}, {"devEui": NEWER, "appKey": KEY})
    result = one.register({"devEui": NEW, "appKey": KEY}, {"devEui": NEWER, "appKey": KEY_2})
    assert result["stats"] == {"registered": 0, "updated": 1, "notChanged": 1, "errors": 0}
    assert result["msgs"] == [
        f"The AppKey for DevEUI: {NEWER} has been updated. Old AppKey: {KEY} New AppKey: {KEY_2}."
    ]


def test_a_device_of_another_application_cannot_be_registered(world):
    one = world()
    result = one.onboard(
        "register",
        {"token": one.service.token()},
        {"devEui": FLEET, "appKey": KEY},
        key=one.key(app_eui=OTHER),
    )
    assert result["stats"]["errors"] == 1
    assert f"DevEUI: {FLEET} has already been registered on AppEUI: {APP}" in result["msgs"][0]
    assert record(one, FLEET).app_eui == APP


def test_activation_counts_what_it_changed_and_tells_what_it_cannot(world):
    one = world()
    one.register(NEW, NEWER)
    one.onboard("activate", None, {"devEui": NEWER})
    rows = [{"devEui": eui} for eui in (NEW, NEWER, FLEET, "AAAAAAAAAAAAAAA3")]
    result = one.onboard("activate", None, *rows)
    assert result["stats"] == {"activated": 1, "updated": 0, "notChanged": 2, "errors": 1}
    assert result["msgs"] == [
        f"DevEUI: AAAAAAAAAAAAAAA3 has not been registered. The Device cannot be Activated on JoinEUI: {APP}."
    ]
    assert record(one, NEW).activated_us > 0


@pytest.mark.parametrize(
    ("eui", "how"), [(FLEET, "has already joined"), (NEW, "was already Activated"), (NEWER, "has not been registered")]
)
def test_what_another_application_has_cannot_be_activated(world, eui, how):
    one = world()
    one.register(NEW, NEWER)
    one.onboard("activate", None, {"devEui": NEW})
    record(one, NEW).state = DeviceState.ACTIVATED  # it may have joined by now
    result = one.onboard("activate", None, {"devEui": eui}, key=one.key(app_eui=OTHER))
    where = "JoinEUI" if eui == NEWER else "AppEUI"
    assert result["msgs"][0].startswith(f"DevEUI: {eui} {how}")
    assert result["msgs"][0].endswith(f"The Device cannot be Activated on {where}: {OTHER}.")


def test_a_device_is_activated_on_the_join_server_it_was_registered_on(world):
    one = world()
    one.register(NEW)
    result = one.onboard("activate", {"joinEui": "BBBBBBBBBBBBBB01"}, {"devEui": NEW})
    assert result["msgs"][0].endswith(
        "has not been registered. The Device cannot be Activated on JoinEUI: BBBBBBBBBBBBBB01."
    )
    assert one.onboard("activate", {"joinEui": APP}, {"devEui": NEW})["stats"]["activated"] == 1


def test_activation_takes_details_along_and_a_key_if_there_is_one(world):
    one = world()
    one.register({"devEui": NEW, "appKey": KEY, "tags": "old"})
    row = {"devEui": NEW, "lat": 1, "lng": 2, "tags": "new", "metadata": "m", "devType": "t", "appKey": KEY_2}
    result = one.onboard("activate", {"contractId": 7, "profId": 8}, row)
    found = record(one, NEW)
    assert (found.lat, found.lng, found.tags, found.metadata, found.dev_type) == (1, 2, ("old", "new"), "m", "t")
    assert (found.contract_id, found.profile_id, found.app_key) == (7, 8, bytes.fromhex(KEY_2))
    assert result["msgs"] == [f"The AppKey for DevEUI: {NEW} has been updated. Old AppKey: {KEY} New AppKey: {KEY_2}."]


def test_one_is_activated_at_once_without_a_task(world):
    one = world()
    one.register(NEW)
    query = {"devEui": NEW, "appEui": APP, "tags": "a,b", "metadata": "m", "lat": "1.5", "lng": "-2", "devType": "t"}
    query |= {"contractId": 5, "profId": 6, "joinEui": APP}
    assert one.call("POST", "device/activateOne", query) == (200, {"message": "Device successfully Activated"})
    found = record(one, NEW)
    assert (found.tags, found.metadata, found.lat, found.lng, found.dev_type) == (("a", "b"), "m", 1.5, -2.0, "t")
    assert (found.contract_id, found.profile_id) == (5, 6)
    assert found.state in {"ACTIVATED", "JOINED"}
    assert one.call("POST", "device/activateOne", {"devEui": NEW})[1] == {"message": "Device was already Activated"}


@pytest.mark.parametrize(
    ("eui", "app", "status", "words"),
    [
        (NEW, APP, 404, f"DevEUI: {NEW} has not been registered. The Device cannot be Activated on JoinEUI: {APP}."),
        (FLEET, OTHER, 400, f"has already joined on AppEUI: {APP}. The Device cannot be Activated on AppEUI: {OTHER}."),
    ],
)
def test_one_that_cannot_be_activated_is_told(world, eui, app, status, words):
    one = world()
    code, answer = one.call("POST", "device/activateOne", {"devEui": eui}, key=one.key(app_eui=app))
    assert code == status
    assert answer["message"].endswith(words)


def test_deactivation_and_activation_again(world):
    one = world()
    one.register(NEW)
    rows = [{"devEui": eui} for eui in (FLEET, NEW, NEWER)]
    result = one.onboard("deactivate", None, *rows)
    assert result["stats"] == {"deactivated": 2, "notChanged": 0, "errors": 1}
    assert result["msgs"] == [f"DevEUI: {NEWER} has not been registered. The Device cannot be deactivated."]
    assert record(one, FLEET).state == "DEACTIVATED"
    assert not record(one, FLEET).may_join
    assert one.onboard("deactivate", None, rows[0])["stats"]["notChanged"] == 1
    assert one.onboard("activate", None, rows[0])["stats"]["activated"] == 1
    assert record(one, FLEET).state == "JOINED", "its session has gone on"


@pytest.mark.parametrize(
    ("operation", "tags"),
    [("APPEND", ("sandbox", "all", "own")), ("REPLACE", ("all", "own")), ("DELETE", ("sandbox",))],
)
def test_an_update_does_with_tags_what_it_is_told(world, operation, tags):
    one = world()
    result = one.onboard(
        "update", {"appEui": APP, "tagsOperation": operation, "tags": "all"}, {"devEui": FLEET, "tags": "own"}
    )
    assert record(one, FLEET).tags == tags
    assert result["stats"] == {
        "updated": int(operation != "DELETE"),
        "notChanged": int(operation == "DELETE"),
        "errors": 0,
    }


def test_an_update_changes_the_fields_of_the_row(world):
    one = world()
    row = {"devEui": FLEET, "appKey": KEY, "nwkKey": KEY_2, "lat": 43.1, "lng": -70.8, "metadata": "m"}
    row |= {"devType": "WATER_SENSOR", "devClass": "CLASS_B", "fwVer": "1.0.0"}
    result = one.onboard("update", {"appEui": APP, "profId": 9}, row)
    assert result["stats"]["updated"] == 1
    assert "New AppKey" in result["msgs"][0]
    found = record(one, FLEET)
    assert (found.app_key, found.nwk_key) == (bytes.fromhex(KEY), bytes.fromhex(KEY_2))
    assert (found.dev_class, found.fw_ver, found.profile_id) == ("B", "1.0.0", 9)
    assert (found.lat, found.lng, found.metadata, found.dev_type) == (43.1, -70.8, "m", "WATER_SENSOR")
    assert one.onboard("update", {"appEui": APP, "profId": 9}, row)["stats"]["notChanged"] == 1


def test_only_devices_that_have_joined_are_updated(world):
    one = world()
    one.register(NEW)
    result = one.onboard("update", {"appEui": APP}, {"devEui": NEW, "fwVer": "2"}, {"devEui": NEWER, "fwVer": "2"})
    assert result["stats"] == {"updated": 0, "notChanged": 0, "errors": 2}
    assert result["msgs"] == [
        f"DevEUI: {NEW} has not joined. The Device cannot be updated.",
        f"DevEUI: {NEWER} has not been registered. The Device cannot be updated.",
    ]


@pytest.mark.parametrize(("params", "row"), [({"tags": "a"}, {}), ({}, {"tags": "a"})])
def test_tags_without_an_operation_are_a_bad_request(world, params, row):
    status, answer = world().call(
        "POST", "device/update", {"appEui": APP} | params, json={"data": [{"devEui": FLEET} | row]}
    )
    assert (status, answer) == (400, {"message": "required parameter is missing: tagsOperation (tags are updated)"})


def moved(one, *euis, second_key=None, **params):
    query = {"fromAppEui": APP, "toAppEui": OTHER, "contractId": 77} | params
    headers = {"authorization2": one.key(app_eui=OTHER) if second_key is None else second_key}
    return one.call("POST", "device/transfer", query, json={"data": [{"devEui": eui} for eui in euis]}, headers=headers)


def test_a_transfer_moves_devices_with_two_keys(world):
    one = world()
    status, answer = moved(one, FLEET, profId=5)
    assert status == 200
    assert answer["statusUrl"] == f"{one.url}/rest/integration/device/status?reqId=DevTransferJobReq:{APP}-{OTHER}"
    one.agenda.run_until(lambda: record(one, FLEET).app_eui == OTHER)
    found = record(one, FLEET)
    assert (found.contract_id, found.profile_id, found.state) == (77, 5, "JOINED")
    for app_eui in (APP, OTHER):  # either key may ask
        status, answer = one.call(
            "GET", "device/status", {"reqId": f"DevTransferJobReq:{APP}-{OTHER}"}, key=one.key(app_eui=app_eui)
        )
        assert (status, answer["result"]["stats"]["transferred"]) == (200, 1)


@pytest.mark.parametrize(
    ("euis", "params", "status", "words"),
    [
        ([NEW], {}, 404, f"Device EUI was not found: {NEW}"),
        ([FLEET], {"toAppEui": "02000000F0A00003"}, 404, "Application EUI 02000000F0A00003 was not found"),
        ([FLEET], {"toAppEui": APP}, 400, "name two applications"),
        ([FLEET], {"fromAppEui": OTHER, "toAppEui": APP}, 403, "not one of Application"),
        ([FLEET], {"contractId": 0}, 400, "nearest: 1"),
        ([], {}, 400, "empty"),
        ([FLEET], {"second_key": ""}, 403, "rejected"),
        ([FLEET], {"second_key": "AK2:fuota-sandbox-opens-nothing-but-sandboxes"}, 403, "authorization2"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(world, euis, params, status, words):
    code, answer = moved(world(), *euis, **params)
    assert code == status
    assert words in answer["message"]


# --- bodies


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
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
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","tags":7}]}', "row 1: tags is a int"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","tags":["a"]}]}', "row 1: tags is a list"),
        (b'{"data":[{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K","metadata":"\\ud800"}]}', "lone surrogate"),
        (b'{"data":[%s],"callback":"http://127.0.0.1/"}', "callback must be an object with a url"),
        (b'{"data":[%s],"callback":{"url":"ftp://127.0.0.1/"}}', "url"),
        (b'{"data":[%s],"callback":{"url":"http://127.0.0.1/","headers":{"a b":"c"}}}', "header"),
    ],
)
def test_a_body_that_is_wrong_is_told_with_the_row_and_without_keys(world, body, words):
    one = world()
    body = body.replace(b"%s", b'{"devEui":"AAAAAAAAAAAAAAA1","appKey":"%K"}').replace(b"%K", KEY.encode())
    status, answer = one.call("POST", "device/register", {"token": one.service.token()}, data=body)
    assert status == 400, answer
    assert words in answer["message"]
    assert KEY not in answer["message"]
    assert NEW not in one.server.directory.devices


def test_a_key_in_the_wrong_place_is_not_echoed(world):
    one = world()
    for body in ({"devEui": KEY, "appKey": KEY}, {"devEui": NEW, "appKey": KEY, "lat": KEY}):
        status, answer = one.call("POST", "device/register", {"token": one.service.token()}, json={"data": [body]})
        assert (status, KEY in answer["message"]) == (400, False)
    status, answer = one.call("POST", "device/sendmsg", {"eui": KEY, "pdu": ""})
    assert (status, KEY in answer["message"]) == (400, False)
