"""Who may do what: keys with roles, of one application each, and registration tokens."""

from __future__ import annotations

import re

import pytest

from fuota.errors import AuthenticationError
from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI, Role
from fuota.sandbox.http.calls import CALLS
from fuota.sandbox.server.access import RegistrationToken

FIRST = "02000000F007A001"
HOUR = 3600 * 1_000_000
NOW = 1_700_000_000_000_000
# senra-api.md: docs.senraco.io/op/adminApiKeys
OPENS = {
    Role.DEVICE: {"device/sendmsg", "device/sendmcastmsg", "device/clearmsgs"},
    Role.FUOTA: {"mcastTransfer"},
    Role.ONBOARDING: {
        f"device/{name}" for name in ("status", "register", "activate", "activateOne", "deactivate", "update")
    },
    Role.READ_ACCESS: {"device/csvExport"},
    Role.FULL_ACCESS: set(CALLS),
}


@pytest.mark.parametrize("role", Role)
def test_a_key_opens_the_calls_of_its_role_and_no_others(make_world, role):
    world = make_world()
    found = {call.name: world.status_of(call.method, call.name, key=world.key(role)) for call in CALLS.values()}
    assert {name for name, status in found.items() if status != 403} == OPENS[role]


def test_a_key_is_44_characters_with_a_prefix_and_no_two_are_the_same(make_world):
    keys = [key for *_, key in make_world().keys.listed()]
    assert len(set(keys)) == len(keys) == 10
    assert all(re.fullmatch(r"AK2:[0-9a-z-]{40,41}", key) for key in keys)


def test_a_key_is_taken_from_the_url_too(make_world):
    """ "passed either as a URL parameter or in an authorization header" """
    world = make_world()
    assert world.status_of("GET", "device/csvExport", {"apikey": world.api_key}, key=None) == 200
    assert world.status_of("GET", "device/csvExport", {"apikey": "AK2:wrong"}, key=None) == 403


def test_a_key_is_of_its_application_only(make_world):
    world, other = make_world(), SANDBOX_SECOND_APP_EUI
    key = world.key(app_eui=other)
    assert world.call("POST", "device/sendmsg", {"eui": FIRST, "pdu": ""}, key=key)[0] == 404
    assert world.call("POST", "device/activate", {"appEui": SANDBOX_APP_EUI}, key=key, json={"data": []})[0] == 403
    world.started()
    world.refused(world.call("GET", "mcastStatus", {"jobId": world.job_id}, key=key), 404, "")
    world.refused(world.call("POST", "mcastCancel", {"jobId": world.job_id}, key=key), 404, "")
    assert world.status()["state"] == "Queued"


def test_without_an_application_that_of_the_key_is_meant(make_world):
    world = make_world()
    world.onboard("deactivate", None, {"devEui": FIRST})
    key = world.key(app_eui=SANDBOX_SECOND_APP_EUI)
    result = world.onboard("deactivate", None, {"devEui": FIRST}, key=key)
    assert result["stats"]["errors"] == 1


# --- tokens


def test_a_token_is_six_digits_and_good_once():
    tokens = RegistrationToken()
    token = tokens.current(NOW)
    assert re.fullmatch(r"[0-9]{6}", token)
    assert tokens.current(NOW + HOUR - 1) == token
    tokens.use(token, NOW + HOUR - 1)
    with pytest.raises(AuthenticationError, match="valid once"):
        tokens.use(token, NOW + HOUR - 1)


def test_a_token_is_good_for_an_hour_and_a_new_one_voids_it():
    tokens = RegistrationToken()
    old = tokens.current(NOW)
    with pytest.raises(AuthenticationError, match="for an hour"):
        tokens.use(old, NOW + HOUR)
    new = tokens.current(NOW + HOUR)
    assert new != old
    with pytest.raises(AuthenticationError):
        tokens.use(old, NOW + HOUR)
    tokens.use(new, NOW + HOUR)


def test_before_one_is_issued_none_is_good():
    with pytest.raises(AuthenticationError):
        RegistrationToken().use("", NOW)


def test_a_registration_with_a_wrong_token_is_refused_and_the_token_stays_good(make_world):
    world = make_world()
    token = world.service.token()
    wrong = f"{(int(token) + 1) % 10**6:06d}"
    body = {"data": [{"devEui": "A" * 16, "appKey": "A" * 32}]}
    status, answer = world.call("POST", "device/register", {"token": wrong}, json=body)
    assert status == 403
    assert wrong not in answer["message"]
    assert world.call("POST", "device/register", json=body) == (
        400,
        {"message": "required parameter is missing: token"},
    )
    assert world.call("POST", "device/register", {"token": token}, json={"data": []})[0] == 400
    assert world.call("POST", "device/register", {"token": token}, json=body)[0] == 200
    assert world.call("POST", "device/register", {"token": token}, json=body)[0] == 400, "a task is under way"
    world.clock.run()
    assert world.call("POST", "device/register", {"token": token}, json=body)[0] == 403, "it has been used"


def test_activation_takes_a_token_and_needs_none(make_world):
    world = make_world()
    world.register("A" * 16)
    world.onboard("activate", {"token": "123456"}, {"devEui": "A" * 16})
    world.onboard("activate", None, {"devEui": "A" * 16})
