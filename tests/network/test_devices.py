"""The onboarding calls against a real HTTP server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fuota.errors import AuthenticationError, BadRequestError, NotFoundError, ParameterError, UnreachableError
from fuota.network import SenraClient
from fuota.network.senra import AbpDevice, Callback, DeviceDetails, DeviceUpdate, OtaaDevice

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
NEW_KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789.x"  # begins like the other
APP, APP2 = "AAAAAAAAAAAAAA01", "AAAAAAAAAAAAAA02"
EUI0, EUI1 = "123000000000ABC0", "123000000000ABC1"
AES = "123AAAAAAAAAAAAAAAA000000000ABC0"
AES1 = "123AAAAAAAAAAAAAAAA000000000ABC1"
SECRET = "cb-secret-5"
WHERE = {"app_eui": APP, "join_eui": APP2, "contract_id": 2, "profile_id": 3}
WHERE_WIRE = {"appEui": APP, "joinEui": APP2, "contractId": "2", "profId": "3"}
PLACE = {"lat": 40.7484445, "lng": -73.9878584}
OTAA = [
    OtaaDevice(dev_eui=EUI0.lower(), app_key=AES.lower(), **PLACE, tags=["tag1"], dev_type="WATER_SENSOR"),
    OtaaDevice(dev_eui=EUI1, app_key=AES1),
]
OTAA_WIRE = [
    {"devEui": EUI0, "appKey": AES, **PLACE, "tags": "tag1", "devType": "WATER_SENSOR"},
    {"devEui": EUI1, "appKey": AES1},
]
ABP = AbpDevice(dev_eui="F" * 15 + "1", dev_addr="FFFFFFF1", nwk_s_key="F" * 32, app_s_key="E" * 32)
EUIS_WIRE = {"data": [{"devEui": EUI0}, {"devEui": EUI1}]}
CALLS = {
    "register": {"devices": OTAA, "token": "012345", **WHERE, "tags": ["test1", "test2"]},
    "activate": {"devices": [EUI0, EUI1], **WHERE, "tags": ["test1"]},
    "activate_one": {
        "device": DeviceDetails(dev_eui=EUI0, **PLACE, tags=["a", "b"], metadata="roof", dev_type="WATER_SENSOR"),
        **WHERE,
    },
    "deactivate": {"dev_euis": [EUI0, EUI1], **WHERE},
    "update": {"devices": [EUI0], "app_eui": APP, "profile_id": 3, "tags_operation": "APPEND", "tags": ["a"]},
    "transfer": {
        "dev_euis": [EUI0, EUI1],
        "from_app_eui": APP,
        "to_app_eui": APP2,
        "contract_id": 123456,
        "to_api_key": NEW_KEY,
        "profile_id": 3,
    },
    "task_status": {"task": "DevMgmtJobReq:AAAAAAAAAAAAAA01"},
}
VECTORS = Path(__file__).parents[1] / "vectors" / "senra_parameters.json"


@pytest.fixture
def devices(server):
    return SenraClient(server.url, KEY, backoff_ms=1, retries=0).devices


def started(server, job="DevMgmtJobReq:AAAAAAAAAAAAAA01"):
    server.play({"statusUrl": f"{server.url}/rest/integration/device/status?reqId={job}"})
    return job


def sent(server):
    (request,) = server.received
    assert request.headers["authorization"] == KEY
    return request.method, request.path.removeprefix("/rest/integration/device/"), request.query


# --- each call


def test_register_by_otaa(server, devices):
    job = started(server)
    callback = Callback(url="https://example-callback.com/endpoint", headers={"X-API-Key": SECRET})
    assert devices.register(**CALLS["register"], callback=callback).request_id == job
    query = {"token": "012345", **WHERE_WIRE, "tags": "test1,test2", "actType": "OTAA"}
    assert sent(server) == ("POST", "register", query)
    assert json.loads(server.received[0].body) == {
        "data": OTAA_WIRE,
        "callback": {"url": "https://example-callback.com/endpoint", "headers": {"X-API-Key": SECRET}},
    }


def test_register_by_abp(server, devices):
    started(server)
    devices.register([ABP, {"dev_eui": EUI0, "dev_addr": "00000001"}], token="123456")
    assert sent(server) == ("POST", "register", {"token": "123456", "actType": "ABP"})
    first = {"devEui": "FFFFFFFFFFFFFFF1", "devAddr": "FFFFFFF1", "nwkSKey": "F" * 32, "appSKey": "E" * 32}
    assert json.loads(server.received[0].body) == {"data": [first, {"devEui": EUI0, "devAddr": "00000001"}]}


def test_activate(server, devices):
    started(server)
    devices.activate([DeviceDetails(dev_eui=EUI0, **PLACE, metadata="m"), EUI1], **WHERE, tags=["test1", "test2"])
    assert sent(server) == ("POST", "activate", WHERE_WIRE | {"tags": "test1,test2"})
    assert json.loads(server.received[0].body) == {
        "data": [{"devEui": EUI0, **PLACE, "metadata": "m"}, {"devEui": EUI1}]
    }


def test_activate_one(server, devices):
    server.play({"message": "Device successfully Activated"})
    assert devices.activate_one(**CALLS["activate_one"]) == "Device successfully Activated"
    row = {"devEui": EUI0, "lat": "40.7484445", "lng": "-73.9878584", "tags": "a,b", "metadata": "roof"}
    assert sent(server) == ("POST", "activateOne", WHERE_WIRE | row | {"devType": "WATER_SENSOR"})
    assert server.received[0].body == b""


def test_deactivate(server, devices):
    started(server)
    devices.deactivate(**CALLS["deactivate"])
    assert sent(server) == ("POST", "deactivate", WHERE_WIRE)
    assert json.loads(server.received[0].body) == EUIS_WIRE


@pytest.mark.parametrize("operation", ["APPEND", "REPLACE", "DELETE"])
def test_update(server, devices, operation):
    job = started(server, "DevUpdateJobReq:AAAAAAAAAAAAAA01")
    row = DeviceUpdate(
        dev_eui=EUI0, app_key=AES, nwk_key=AES1, **PLACE, tags=["t1", "t2"], dev_class="B", fw_ver="1.0.0"
    )
    assert devices.update([row], app_eui=APP, tags_operation=operation).request_id == job
    assert sent(server) == ("POST", "update", {"appEui": APP, "tagsOperation": operation})
    wire = {"devEui": EUI0, "appKey": AES, "nwkKey": AES1, **PLACE, "tags": "t1,t2"}
    assert json.loads(server.received[0].body) == {"data": [wire | {"devClass": "CLASS_B", "fwVer": "1.0.0"}]}


@pytest.mark.parametrize("spelled", ["C", "c", "CLASS_C", "Class C"])
def test_device_class_is_accepted_in_any_spelling(server, devices, spelled):
    started(server)
    devices.update([{"dev_eui": EUI0, "dev_class": spelled}], app_eui=APP)
    assert json.loads(server.received[0].body) == {"data": [{"devEui": EUI0, "devClass": "CLASS_C"}]}


def test_update_without_tags_sends_no_operation(server, devices):
    started(server)
    devices.update([{"dev_eui": EUI0, "fw_ver": "2"}], app_eui=APP)
    assert sent(server) == ("POST", "update", {"appEui": APP})


def test_transfer_carries_both_keys(server, devices):
    job = started(server, f"DevTransferJobReq:{APP}-{APP2}")
    assert devices.transfer(**CALLS["transfer"]).request_id == job
    query = {"fromAppEui": APP, "toAppEui": APP2, "contractId": "123456", "profId": "3"}
    assert sent(server) == ("POST", "transfer", query)
    assert server.received[0].headers["authorization2"] == NEW_KEY
    assert json.loads(server.received[0].body) == EUIS_WIRE


def test_transfer_answered_with_a_message_has_the_usual_request_id(server, devices):
    server.play({"message": "Success"})
    ref = devices.transfer(**CALLS["transfer"])
    assert (ref.request_id, ref.message) == (f"DevTransferJobReq:{APP}-{APP2}", "Success")


def test_second_key_is_sent_with_transfer_only(server, devices):
    started(server)
    started(server)
    devices.transfer(**CALLS["transfer"])
    devices.deactivate([EUI0])
    assert server.received[1].headers["authorization2"] is None


@pytest.mark.parametrize("name", CALLS)
def test_every_parameter_of_the_tables_is_sent(server, devices, name):
    wire = {"activate_one": "activateOne", "task_status": "status"}.get(name, name)
    (call,) = [entry for entry in json.loads(VECTORS.read_text())["calls"] if entry["call"] == f"device/{wire}"]
    server.play(
        {"state": "RUNNING", "statusUrl": f"{server.url}/rest/integration/device/status?reqId=x", "message": "m"}
    )
    getattr(devices, name)(**CALLS[name])
    method, path, query = sent(server)
    assert (method, path) == (call["method"], wire)
    unlisted = {"devEui"} if wire == "activateOne" else set()
    assert set(query) == {row["name"] for row in call["parameters"]} | unlisted


# --- refusals

BAD_KEY = "123AAAAAAAAAAAAAAAA000000000ABC"  # odd length


@pytest.mark.parametrize(
    ("name", "changed", "words"),
    [
        ("register", {"token": "12345"}, "token.*six digits.*5 characters"),
        ("register", {"token": 123456}, "token.*int"),
        ("register", {"devices": []}, "at least one"),
        ("register", {"devices": OTAA[0]}, "must be a list"),
        ("register", {"devices": [*OTAA, OTAA[0]]}, f"row 3: {EUI0} is also row 1"),
        ("register", {"devices": [*OTAA, ABP]}, "row 3: .* is ABP, row 1 is OTAA"),
        ("register", {"devices": [OTAA[0], EUI1]}, "row 2: give OtaaDevice.*type str"),
        ("register", {"devices": [*OTAA, {"dev_eui": "1" * 16, "app_key": BAD_KEY}]}, "row 3: app_key.*31 characters"),
        ("register", {"devices": [{"dev_eui": EUI0[1:], "app_key": AES}]}, "row 1: dev_eui.*16 hex"),
        ("register", {"devices": [{"dev_eui": AES, "app_key": AES}]}, "row 1: dev_eui.*32 characters"),
        ("register", {"devices": [{"dev_eui": EUI0}]}, "row 1: app_key is missing"),
        ("register", {"devices": [{"dev_eui": EUI0, "app_key": AES, "x": 1}]}, "row 1: .*no field x"),
        ("register", {"devices": [{"dev_eui": EUI0, "app_key": AES, "lat": 91}]}, "row 1: lat.*90"),
        ("register", {"devices": [{"dev_eui": EUI0, "dev_addr": AES}]}, "row 1: dev_addr.*4 bytes"),
        ("register", {"callback": {"url": "https://e"}}, "callback"),
        ("register", {"tags": ["a,b"]}, "comma"),
        ("activate", {"app_eui": "1"}, "app_eui"),
        ("activate", {"devices": [EUI0, EUI0]}, "row 2"),
        ("activate", {"join_eui": "x"}, "join_eui"),
        ("activate_one", {"device": "1"}, "dev_eui"),
        ("activate_one", {"contract_id": 0}, "contract_id"),
        ("deactivate", {"dev_euis": [EUI0, 7]}, "row 2"),
        ("deactivate", {"profile_id": -1}, "profile_id"),
        ("update", {"tags_operation": None}, "tags without tags_operation"),
        ("update", {"tags": None}, "tags_operation without tags"),
        ("update", {"tags_operation": "append"}, "one of APPEND, REPLACE, DELETE.*'append'"),
        ("update", {"devices": [{"dev_eui": EUI0, "dev_class": "CLASS_D"}]}, "row 1: dev_class"),
        ("transfer", {"to_app_eui": APP}, "two applications"),
        ("transfer", {"contract_id": None}, "contract_id"),
        ("transfer", {"to_api_key": "AK2:a b"}, "API key"),
        ("transfer", {"to_api_key": None}, "to_api_key must be a text, got None"),
    ],
)
def test_refused_call_sends_nothing_and_shows_no_secret(server, devices, name, changed, words):
    with pytest.raises(ParameterError, match=words) as caught:
        getattr(devices, name)(**CALLS[name] | changed)
    assert server.received == []
    for secret in (AES[:-2], "12345 ", "AK2:", "012345"):
        assert secret not in str(caught.value).replace("AK2:...", "")


@pytest.mark.parametrize(
    "bad",
    [
        {"url": "example.com"},
        {"url": "ftp://e/x"},
        {"url": None},
        {"url": "https://e", "headers": {"a b": "c"}},
        {"url": "https://e", "headers": {"a": "x\r\ny"}},
        {"url": "https://e", "headers": []},
    ],
)
def test_invalid_callback_is_refused(bad):
    with pytest.raises(ParameterError, match="callback"):
        Callback(**bad)


# --- secrets and failures


@pytest.mark.parametrize(
    ("http_status", "kind"), [(400, BadRequestError), (403, AuthenticationError), (404, NotFoundError)]
)
@pytest.mark.parametrize("name", ["register", "transfer"])
def test_error_of_a_refusal_shows_no_secret(server, devices, name, http_status, kind):
    server.play({"message": f"bad 012345 or {KEY} {NEW_KEY} {AES} {SECRET}"}, status=http_status)
    callback = {"callback": Callback(url="https://e", headers={"k": SECRET})} if name == "register" else {}
    with pytest.raises(kind) as caught:
        getattr(devices, name)(**CALLS[name], **callback)
    shown = str(caught.value) + repr(caught.value)
    hidden = [KEY[4:], AES] + (["012345 ", SECRET] if name == "register" else [".x"])
    assert not [secret for secret in hidden if secret in shown]
    assert len(server.received) == 1


def test_error_of_a_lost_answer_shows_no_secret(server, devices):
    server.play(does="reset")
    with pytest.raises(UnreachableError) as caught:
        devices.transfer(**CALLS["transfer"])
    assert caught.value.maybe_received is True
    assert KEY[4:] not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", ["dev_eui", "lat", "lng", "dev_class"])
def test_a_key_in_the_wrong_column_is_not_shown(name):
    with pytest.raises(ParameterError, match=name) as caught:
        DeviceUpdate(**{"dev_eui": EUI0, name: AES})
    assert AES not in str(caught.value)
    assert caught.value.__context__ is None


def test_rows_do_not_show_their_keys():
    update = DeviceUpdate(dev_eui=EUI0, app_key=AES, nwk_key=AES1)
    shown = repr([*OTAA, ABP, update, Callback(url="https://e/" + SECRET, headers={"k": SECRET})])
    assert EUI0 in shown
    for secret in (AES, AES1, "F" * 32, "E" * 32, SECRET):
        assert secret not in shown
