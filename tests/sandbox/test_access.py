"""Rights of keys: each has one role for one application. Registration registration."""

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
CALLS_OF_ROLE = {
    Role.DEVICE: {"device/sendmsg", "device/sendmcastmsg", "device/clearmsgs"},
    Role.FUOTA: {"mcastTransfer"},
    Role.ONBOARDING: {
        f"device/{name}" for name in ("status", "register", "activate", "activateOne", "deactivate", "update")
    },
    Role.READ_ACCESS: {"device/csvExport"},
    Role.FULL_ACCESS: set(CALLS),
}


@pytest.mark.parametrize("role", Role)
def test_a_key_allows_the_calls_of_its_role_and_no_others(make_world, role):
    world = make_world()
    statuses = {call.name: world.status_of(call.method, call.name, key=world.key(role)) for call in CALLS.values()}
    assert {name for name, status in statuses.items() if status != 403} == CALLS_OF_ROLE[role]


def test_keys_have_44_characters_with_a_prefix_and_are_distinct(make_world):
    keys = [key for *_, key in make_world().keys.listed()]
    assert len(set(keys)) == len(keys) == 10
    assert all(re.fullmatch(r"AK2:[0-9a-z-]{40,41}", key) for key in keys)


def test_a_key_in_the_url_is_accepted(make_world):
    """ "passed either as a URL parameter or in an authorization header" """
    world = make_world()
    assert world.status_of("GET", "device/csvExport", {"apikey": world.api_key}, key=None) == 200
    assert world.status_of("GET", "device/csvExport", {"apikey": "AK2:wrong"}, key=None) == 403


def test_a_key_is_valid_for_its_application_only(make_world):
    world, other = make_world(), SANDBOX_SECOND_APP_EUI
    key = world.key(app_eui=other)
    assert world.call("POST", "device/sendmsg", {"eui": FIRST, "pdu": ""}, key=key)[0] == 404
    assert world.call("POST", "device/activate", {"appEui": SANDBOX_APP_EUI}, key=key, json={"data": []})[0] == 403
    world.start()
    world.assert_refused(world.call("GET", "mcastStatus", {"jobId": world.job_id}, key=key), 404, "")
    world.assert_refused(world.call("POST", "mcastCancel", {"jobId": world.job_id}, key=key), 404, "")
    assert world.status()["state"] == "Queued"


def test_the_default_application_is_that_of_the_key(make_world):
    world = make_world()
    world.onboard("deactivate", None, {"devEui": FIRST})
    key = world.key(app_eui=SANDBOX_SECOND_APP_EUI)
    result = world.onboard("deactivate", None, {"devEui": FIRST}, key=key)
    assert result["stats"]["errors"] == 1


# --- tokens


def test_a_token_is_six_digits_and_valid_once():
    registration = RegistrationToken()
    token = registration.current(NOW)
    assert re.fullmatch(r"[0-9]{6}", token)
    assert registration.current(NOW + HOUR - 1) == token
    registration.use(token, NOW + HOUR - 1)
    with pytest.raises(AuthenticationError, match="valid once"):
        registration.use(token, NOW + HOUR - 1)


def test_a_token_is_valid_for_an_hour_and_replaced_by_the_next():
    registration = RegistrationToken()
    old = registration.current(NOW)
    with pytest.raises(AuthenticationError, match="for an hour"):
        registration.use(old, NOW + HOUR)
    new = registration.current(NOW + HOUR)
    assert new != old
    with pytest.raises(AuthenticationError):
        registration.use(old, NOW + HOUR)
    registration.use(new, NOW + HOUR)


def test_no_token_is_valid_before_the_first_is_issued():
    with pytest.raises(AuthenticationError):
        RegistrationToken().use("", NOW)


def test_a_wrong_token_is_refused_and_the_valid_token_stays_valid(make_world):
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


def test_activation_accepts_a_token_and_does_not_require_it(make_world):
    world = make_world()
    world.register("A" * 16)
    world.onboard("activate", {"token": "123456"}, {"devEui": "A" * 16})
    world.onboard("activate", None, {"devEui": "A" * 16})
