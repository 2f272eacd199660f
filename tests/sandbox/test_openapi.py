"""The description at /openapi.json: schemathesis makes requests from it, legal and not, and holds the answers against it."""

from __future__ import annotations

import re

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings

from fuota.sandbox import SANDBOX_API_KEY, SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI, FleetRecipe, Sandbox
from fuota.sandbox.app import PATH
from fuota.sandbox.calls import CALLS
from fuota.sandbox.openapi import document

CONFIG = schemathesis.Config.from_dict(
    {
        "headers": {"authorization": SANDBOX_API_KEY},
        "generation": {"mode": "all"},
        # It wants 401 where the reference has 403: see the test of the key below.
        "checks": {"missing_required_header": {"enabled": False}},
    }
)
DESCRIBED = document(PATH)
DESCRIBED["paths"] = {path: one for path, one in DESCRIBED["paths"].items() if "mcast/" not in path}
api = schemathesis.openapi.from_dict(DESCRIBED, config=CONFIG)

FIRST_DEVICE = "02000000F007A001"
KNOWN = {
    "appEui": SANDBOX_APP_EUI,
    "fromAppEui": SANDBOX_APP_EUI,
    "toAppEui": SANDBOX_SECOND_APP_EUI,
    "eui": FIRST_DEVICE,
    "devEui": FIRST_DEVICE,
    "devEuis": FIRST_DEVICE,
}
BY_TARGET = {"mcastTransfer", "mcastCancel", "mcast/setup", "mcast/addDevices", "mcast/removeDevices"}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(fleet=FleetRecipe(devices=2), speed=None) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def is_eui(value):
    return isinstance(value, str) and re.fullmatch(r"[0-9A-Fa-f]{16}", value)


def of_what_there_is(query):
    """Legal EUIs become known ones, or nearly every answer would be 404."""
    return {name: KNOWN[name] if name in KNOWN and is_eui(value) else value for name, value in query.items()}


def completed(call, query, body):
    """The query with the conditions met that a description cannot tell."""
    if call in BY_TARGET and not query.get("jobID"):
        if query.get("devEuis"):
            query.pop("devTags", None)
        elif not query.get("devTags"):
            query["devTags"] = "sandbox"
        query.setdefault("appEui", SANDBOX_APP_EUI)
    if call == "mcastStatus" and not query.get("jobID"):
        query.setdefault("appEui", SANDBOX_APP_EUI)
    if call == "device/sendmsg":
        query["clear"] = query.get("clear", "true") and "true"
    if call == "device/update":
        query.setdefault("tagsOperation", "APPEND")
    if call == "device/register" and any("appKey" not in row for row in body["data"]):
        query["actType"] = "ABP"
    if call == "mcastTransfer":
        query |= {"startDelaySecs": "60", "millisBetweenPkts": "1"}  # or it may not end within a year
        query.pop("txDr", None)  # each region has its own
    return query


@api.parametrize()
@settings(max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_call_is_as_described(case, sandbox, session):
    if isinstance(case.body, dict):
        case.body.pop("callback", None)  # nobody listens there
    if case.meta is None or case.meta.generation.mode.is_positive:
        call = case.path.removeprefix(f"{PATH}/")
        if CALLS[call].rows:
            case.body["data"] = list({row["devEui"].upper(): row for row in case.body["data"]}.values())
        case.query = completed(call, of_what_there_is(case.query or {}), case.body)
    case.call_and_validate(base_url=sandbox.url, session=session)


def test_the_description_is_served_to_whoever_asks(sandbox, session):
    answer = session.get(f"{sandbox.url}/openapi.json", timeout=10)
    assert answer.json() == document(PATH)
    assert set(answer.json()["paths"]) == {f"{PATH}/{name}" for name in CALLS}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("key", [None, "AK2:wrong"])
def test_without_the_key_every_call_is_refused(sandbox, session, call, key):
    headers = {} if key is None else {"authorization": key}
    answer = session.request(call.method, f"{sandbox.url}{PATH}/{call.name}", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert "rejected due to an authorization issue" in answer.text
