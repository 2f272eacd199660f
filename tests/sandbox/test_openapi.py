"""The description at /openapi.json: schemathesis makes requests from it, legal and not, and holds the answers against it."""

from __future__ import annotations

import contextlib

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fuota.errors import NotFoundError
from fuota.sandbox import SANDBOX_API_KEY, SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI
from fuota.sandbox.http.app import PATH
from fuota.sandbox.http.calls import CALLS
from fuota.sandbox.http.openapi import document

CONFIG = schemathesis.Config.from_dict(
    {
        "headers": {"authorization": SANDBOX_API_KEY},
        "generation": {"mode": "all"},
        # It wants 401 where the reference has 403: see the test of the key below.
        "checks": {"missing_required_header": {"enabled": False}},
    }
)
api = schemathesis.openapi.from_dict(document(PATH), config=CONFIG)

FIRST_DEVICE, OTHER_DEVICE = "02000000F007A001", "02000000F007A002"
KNOWN = {
    "appEui": SANDBOX_APP_EUI,
    "fromAppEui": SANDBOX_APP_EUI,
    "toAppEui": SANDBOX_SECOND_APP_EUI,
    "eui": FIRST_DEVICE,
    "devEui": FIRST_DEVICE,
    "devEuis": FIRST_DEVICE,
}
BY_TARGET = {"mcastTransfer", "mcastCancel", "mcast/setup", "mcast/addDevices", "mcast/removeDevices"}


@pytest.fixture
def world(make_world):
    """A world with a group, a task and a job to ask for, so that a legal request can succeed."""
    made = make_world(devices=2)
    made.known = KNOWN | {"mcAddr": made.client.multicast.setup(made.app_eui, dev_tags=["sandbox"]).mc_addr}
    made.known["addr"] = f"{made.server.directory.devices[FIRST_DEVICE].dev_addr:08X}"
    made.onboard("deactivate", None, {"devEui": OTHER_DEVICE})
    made.known["reqId"] = f"DevMgmtJobReq:{made.app_eui}"
    return made.started()


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def printable(value):
    return "".join(filter(str.isprintable, value))


def of_what_there_is(world, query):
    """The query with what there is in place of what might be, or nearly every answer would be 404."""
    found = {name: world.known.get(name, value) if value else value for name, value in query.items()}
    found |= {"token": world.service.token()} if "token" in found else {}
    return found | {name: printable(found[name]) for name in ("tags", "devTags") if name in found}


def rows_completed(rows):
    """The rows with no device twice, the first one that there is, and tags of printable characters."""
    rows[0]["devEui"] = OTHER_DEVICE
    once = {row["devEui"].upper(): row for row in rows}.values()
    return [row | ({"tags": printable(row["tags"])} if "tags" in row else {}) for row in once]


ALWAYS = {
    "device/sendmsg": {"clear": "true"},  # or the queue of three is full
    "device/sendmcastmsg": {"pdu": "01"},  # each data rate has its own longest
    "mcast/sendmsg": {"pdu": "01"},
    "device/update": {"tagsOperation": "APPEND"},
    "mcastTransfer": {"startDelaySecs": "60", "millisBetweenPkts": "1"},  # or it may not end within a year
}


def completed(call, query, body):
    """The query with the conditions met that a description cannot tell."""
    query = {name: value for name, value in query.items() if name not in {"txDr", "txChnl"}}  # each region has its own
    query |= ALWAYS.get(call, {})
    if call in BY_TARGET and not query.get("jobID"):
        if query.get("devEuis"):
            query.pop("devTags", None)
        elif not query.get("devTags"):
            query["devTags"] = "sandbox"
    if call in {*BY_TARGET, "mcastStatus"} and not query.get("jobID"):
        query.setdefault("appEui", SANDBOX_APP_EUI)
    if call == "device/register" and any("appKey" not in row for row in body["data"]):
        query["actType"] = "ABP"
    return query


def finish_what_is_under_way(world, call):
    """Or the next request would be refused: one task at a time, and one job."""
    world.clock.run_until(lambda: all(task.done for task in world.service.tasks.by_id.values()))
    if call == "mcastTransfer":
        with contextlib.suppress(NotFoundError):
            world.client.transfers.cancel(app_eui=world.app_eui, dev_tags=["sandbox"])


@api.parametrize()
@settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_call_is_as_described(case, world, session):
    call = case.path.removeprefix(f"{PATH}/")
    finish_what_is_under_way(world, call)
    if isinstance(case.body, dict):
        case.body.pop("callback", None)  # nobody listens there
    if case.meta is None or case.meta.generation.mode.is_positive:
        if CALLS[call].rows:
            case.body["data"] = rows_completed(case.body["data"])
        case.query = completed(call, of_what_there_is(world, case.query or {}), case.body)
        if "authorization2" in (case.headers or {}):
            case.headers["authorization2"] = world.key(app_eui=SANDBOX_SECOND_APP_EUI)
    # A device is in four groups at most (TS005), after which a legal set-up is refused.
    excluded = [positive_data_acceptance] if call in {"mcast/setup", "mcastTransfer"} else []
    case.call_and_validate(base_url=world.url, session=session, excluded_checks=excluded)


def test_the_description_is_served_to_whoever_asks(world, session):
    answer = session.get(f"{world.url}/openapi.json", timeout=10)
    assert answer.json() == document(PATH)
    assert set(answer.json()["paths"]) == {f"{PATH}/{name}" for name in CALLS}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("key", [None, "AK2:wrong"])
def test_without_the_key_every_call_is_refused(world, session, call, key):
    headers = {} if key is None else {"authorization": key}
    answer = session.request(call.method, f"{world.url}{PATH}/{call.name}", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert "rejected due to an authorization issue" in answer.text
