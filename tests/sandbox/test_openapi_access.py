"""The description at /openapi.json is public; its calls need a key."""

from __future__ import annotations

import pytest
import requests

from fuota.sandbox.http.app import PATH
from fuota.sandbox.http.calls import CALLS
from fuota.sandbox.http.openapi import document


@pytest.fixture
def world(make_world):
    return make_world(devices=2).start()


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_the_description_is_served_without_a_key(world, session):
    answer = session.get(f"{world.url}/openapi.json", timeout=10)
    assert answer.json() == document(PATH)
    assert set(answer.json()["paths"]) == {f"{PATH}/{name}" for name in CALLS}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("key", [None, "AK2:wrong"])
def test_every_call_is_refused_without_a_valid_key(world, session, call, key):
    headers = {} if key is None else {"authorization": key}
    answer = session.request(call.method, f"{world.url}{PATH}/{call.name}", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert "rejected due to an authorization issue" in answer.text
