"""The options of `Sandbox` reach the object that they are for."""

from __future__ import annotations

import time

import pytest

from fuota.errors import AuthenticationError, ParameterError, ServerFault, UnreachableError
from fuota.network import SenraClient
from fuota.sandbox import SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI, Faults, FleetRecipe, Role, Sandbox

FIRST = "02000000F007A001"
APP, OTHER = "AAAAAAAAAAAAAA01", "AAAAAAAAAAAAAA02"


def sandbox(**options):
    return Sandbox(**({"fleet": FleetRecipe(devices=1, loss_high=0), "speed": None} | options))


def client(running, key=None):
    return SenraClient(running.url, key or running.api_key, retries=0)


def transfer(running):
    """Run a transfer of twenty fragments until it ends or stalls. Return its last status."""
    transfers = client(running).transfers
    transfers.start(bytes(960), app_eui=running.app_eui, dev_euis=[FIRST], start_delay_s=300, redundancy=0)
    deadline, last_seen = time.monotonic() + 10, None
    while time.monotonic() < deadline and not (status := transfers.status(app_eui=running.app_eui)).finished:
        if last_seen == (status.pct_done, running._clock.now_us()) and status.state == "Running":
            break
        last_seen = (status.pct_done, running._clock.now_us())
        time.sleep(0.05)
    return status


def test_lost_answers_reach_http_after_the_work_is_done():
    with sandbox(faults=Faults(lost_answer=1), speed=0.001) as running:
        with pytest.raises(UnreachableError):
            client(running).downlinks.send(FIRST, b"\1")
        assert running._service.downlinks.last_msg_id == 1


def test_server_errors_reach_http():
    with sandbox(faults=Faults(server_error=1)) as running, pytest.raises(ServerFault):
        client(running).downlinks.send(FIRST, b"\1")


def test_a_stalled_transfer_stays_running():
    with sandbox(faults=Faults(stall_at_pct=50)) as running:
        status = transfer(running)
    assert (status.state, status.finished, 50 <= status.pct_done < 60) == ("Running", False, True)


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({}, 1),
        ({"duplicates": 2}, 3),
        ({"faults": Faults(drop_notification=1)}, 0),
        ({"faults": Faults(repeat_notification=1)}, 2),
    ],
)
def test_uplinks_are_posted_according_to_duplicates_and_faults(collector, options, times):
    with sandbox(data_stream_url=collector.url, **options) as running:
        assert transfer(running).state == "Done"
    reports = [uplink for uplink in collector.uplinks if uplink.seqno == max(u.seqno for u in collector.uplinks)]
    assert len(reports) == times
    assert [uplink.dup for uplink in reports] == ([False, True, True] if times == 3 else [None] * times)


def test_the_first_of_two_applications_has_the_fleet():
    with sandbox() as running:
        assert running.app_euis == (SANDBOX_APP_EUI, SANDBOX_SECOND_APP_EUI)
        assert running.app_eui == SANDBOX_APP_EUI
        assert running.dev_euis == (FIRST,)
        other = client(running, running.key(app_eui=SANDBOX_SECOND_APP_EUI))
        assert other.devices.task(other.devices.deactivate([FIRST]), poll_ms=5).errors == 1


def test_applications_and_key_can_be_chosen():
    with sandbox(app_euis=(APP, OTHER.lower()), api_key="AK3:mine") as running:
        assert (running.app_euis, running.key()) == ((APP, OTHER), "AK3:mine")
        client(running, "AK3:mine").downlinks.clear(FIRST)
        with pytest.raises(AuthenticationError):
            client(running, running.key(Role.READ_ACCESS)).downlinks.clear(FIRST)
        client(running, running.key(Role.DEVICE)).downlinks.clear(FIRST)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"app_euis": ()}, "got none"),
        ({"app_euis": ("AAAA",)}, "got 'AAAA'"),
        ({"app_euis": (APP, APP.lower())}, "each once"),
        ({"uplink_period_s": 0}, "nearest: 1"),
        ({"speed": 0}, "greater than 0"),
        ({"duplicates": 16, "data_stream_url": "http://127.0.0.1:1/"}, "0 to 15"),
    ],
)
def test_invalid_options_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        sandbox(**options)


def test_a_used_token_is_replaced():
    with sandbox() as running:
        token = running.token
        assert running.token == token
        rows = [{"dev_eui": "AAAAAAAAAAAAAAA1", "app_key": "0" * 32}]
        client(running).devices.register(rows, token=token)
        assert running.token != token
