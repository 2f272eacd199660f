"""States of a FUOTA transfer over real HTTP: queued, running, done or cancelled, removed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fuota.device import DeviceProfile
from fuota.lorawan import multi_package
from fuota.radio.class_b import next_ping_slot_us
from fuota.sandbox.air.clock import gps_us
from fuota.sandbox.server.faults import Faults
from fuota.sim import Bernoulli

FIRST, SECOND, THIRD = "02000000F007A001", "02000000F007A002", "02000000F007A003"
# Each member of the reference's answer, and its type there.
STATUS_MEMBERS = {
    "jobId": str,
    "serverId": str,
    "state": str,
    "startTime": int,
    "endTime": int,
    "removeTime": int,
    "pctDone": int,
    "username": str,
    "result": str,
    "acctId": int,
    "operId": int,
    "jobLauncherClsNm": str,
}
MINUTE_US = 60_000_000
STATUS, SETUP, FRAGMENT = 0x01, 0x02, 0x08  # CIDs of TS004


# --- one transfer at a time


def test_an_application_has_one_active_transfer_at_a_time(make_world):
    world = make_world().start()
    for state in ("Queued", "Running"):
        world.run_to(state)
        world.assert_refused(
            world.transfer(b"another"), 400, f"{world.job_id} is {state.lower()}: one job per Application"
        )
    world.run_to("Done").start(b"another")
    assert world.call("POST", "mcastCancel", {"jobId": world.job_id})[0] == 200
    world.start(b"a third").run_to("Done")
    world.clock.run()
    assert {device.package.block() for device in world.devices} == {b"a third"}


# --- messages on air


class RepeatedPattern:
    """A loss model that repeats a pattern for single frames. Multicast frames always come through."""

    def __init__(self, *pattern):
        self._pattern = itertools.cycle(pattern)

    def draw_received(self, frames, rng):
        return np.ones(frames, dtype=np.bool_) if frames > 1 else np.array([next(self._pattern)])


def test_each_device_is_set_up_once_and_the_group_gets_fragments_and_status_request(make_world):
    world = make_world().start()
    messages = world.listen(world.devices[0])
    world.run_to("Done")
    assert [(mc_group, payload[0]) for _, mc_group, payload in messages] == [
        (None, SETUP),
        *[(0, FRAGMENT)] * 20,
        (0, STATUS),
    ]
    start_ms, end_ms = world.status()["startTime"], world.status()["endTime"]
    last_ms, request_ms = messages[-2][0] // 1000, messages[-1][0] // 1000
    assert messages[1][0] // 1000 == start_ms
    assert start_ms < last_ms < request_ms
    assert end_ms == request_ms + 18_000  # all devices answer within 16 s, so none is asked again


def test_a_setup_is_repeated_after_every_uplink_until_it_is_answered(make_world):
    world = make_world(devices=1, profile=DeviceProfile(version=2))
    (device,) = world.devices
    world.start(fragPkgVer=2, startDelaySecs=300)
    world.clock.run_until(lambda: world.member().accepted)
    # The set-up is heard, its answer is lost, the next uplink of the period is heard.
    device.loss = RepeatedPattern(True, False, True)
    messages = world.listen(device)
    world.run_to("Running")
    times_us, _, setups = zip(*messages[:-1], strict=True)
    assert len(setups) >= 8
    assert {b - a for a, b in itertools.pairwise(times_us[1:])} == {30_000_000}
    assert len(set(setups)) == 1  # the same SessionCnt, as TS004-2.0.0 allows before the first fragment


def test_the_group_setup_is_repeated_after_every_uplink_until_it_is_answered(make_world):
    world = make_world(devices=1)
    (device,) = world.devices
    # The uplink and the message after it are heard, the answer is lost.
    device.loss = RepeatedPattern(True, True, False)
    world.start(startDelaySecs=300)
    messages = world.listen(device)
    world.run_to("Running")
    # The device has the group, and the server does not know it.
    assert [payload[0] for _, _, payload in messages] == [FRAGMENT]
    assert world.member().state == "Initializing"
    device.loss = Bernoulli(0.0)
    world.run_to("Done")
    assert device.package.missing() is None


def test_a_device_without_status_answer_is_asked_by_unicast_after_its_uplinks(make_world):
    world = make_world().start().run_to("Running")
    deaf, *others = world.devices
    deaf_messages = world.listen(deaf)
    deaf.loss = Bernoulli(1.0)
    other_messages = [world.listen(device) for device in others]
    world.clock.run_until(lambda: all(messages and messages[-1][2][0] == STATUS for messages in other_messages))
    request_us = world.clock.now_us()
    world.clock.run_until(lambda: world.clock.now_us() > request_us + 50_000_000)
    assert world.status()["state"] == "Running"
    deaf.loss = Bernoulli(0.0)
    world.run_to("Done")
    assert [(mc_group, payload[0]) for _, mc_group, payload in deaf_messages] == [(None, STATUS)]
    for messages in other_messages:
        requests = [(mc_group, payload[0]) for _, mc_group, payload in messages if payload[0] == STATUS]
        assert requests == [(0, STATUS)]
    assert world.status()["endTime"] < (request_us + 120_000_000) // 1000


def test_a_transfer_ends_even_if_a_device_never_answers(make_world):
    world = make_world().start().run_to("Running")
    messages = world.listen(world.devices[0])
    world.devices[1].loss = Bernoulli(1.0)
    world.run_to("Done")
    request_us = messages[-1][0]
    assert world.status()["endTime"] == (request_us + (18 + 5 * 30 + 18) * 1_000_000) // 1000


def test_a_stalled_transfer_stays_running_and_can_be_cancelled(make_world):
    world = make_world(faults=Faults(stall_at_pct=40)).start()
    world.clock.run()
    assert (world.status()["state"], world.status()["pctDone"], world.status()["endTime"]) == ("Running", 44, 0)
    assert {device.package.missing() for device in world.devices} == {1}
    assert world.call("POST", "mcastCancel", {"jobId": world.job_id})[0] == 200
    assert world.status()["state"] == "Cancelled"


# --- clocks, classes and versions


@pytest.mark.parametrize("version", [1, 2])
def test_devices_with_wrong_clocks_get_the_time_first(make_world, version):
    world = make_world(devices=8, clock_error_s=90_000, profile=DeviceProfile(version=version))
    world.start(fragPkgVer=version, startDelaySecs=300).run_to("Running")
    errors_s = [abs(device.clock.now_us - device.clock.true_us) / 1e6 for device in world.devices]
    assert max(errors_s) <= 1
    world.run_to("Done")
    assert {device.package.missing() for device in world.devices} == {0}
    assert 202 in {uplink.port for uplink in world.uplinks}


@pytest.mark.parametrize("version", [1, 2])
def test_devices_with_the_multi_package_are_set_up_in_one_exchange(make_world, version):
    world = make_world(profile=DeviceProfile(version=version))
    world.start(fragPkgVer=version, useMultiPkg="true").run_to("Running")
    (answer,) = [uplink for uplink in world.uplinks if uplink.dev_eui == FIRST]
    commands = multi_package.parse_uplink(answer.pdu, version=version).require_whole()
    assert answer.port == 225
    assert [type(command).__name__ for command in commands] == [
        *("PackageId", "McGroupSetupAns", "McClassCSessionAns"),
        *("PackageId", "FragSessionSetupAns", "Token"),
    ]
    world.run_to("Done")
    assert {device.package.missing() for device in world.devices} == {0}


def test_devices_with_right_clocks_do_not_get_the_time(make_world):
    world = make_world(devices=4, clock_error_s=2).start().run_to("Done")
    assert 202 not in {uplink.port for uplink in world.uplinks}
    assert {device.package.missing() for device in world.devices} == {0}


@pytest.mark.parametrize(("region", "hops"), [("EU868", False), ("US915", True)])
def test_a_class_b_transfer_starts_at_a_beacon_and_sends_in_ping_slots(make_world, region, hops):
    world = make_world(region=region).start(devClass="B")
    group = world.group()
    assert (group.radio.dl_freq_hz == 0) is hops
    messages = world.listen(world.devices[0])
    world.run_to("Done")
    frames_us = [gps_us(at_us) for at_us, mc_group, _ in messages if mc_group == 0]
    assert len(frames_us) == 21
    slots_us = [next_ping_slot_us(at_us - 1, group.mc_addr, 3) for at_us in frames_us]
    assert slots_us == frames_us
    assert gps_us(world.status()["startTime"] * 1000) % 128_000_000 == 0


def test_the_result_does_not_depend_on_the_time_of_day(make_world):
    ends = []
    for later_us in (0, 7_654_321, 4 * 3600 * 1_000_000 + 1):
        clock = type(make_world().clock)(1_700_000_000_000_000 + later_us)
        world = make_world(devices=20, loss_low=0.2, loss_high=0.5, clock=clock).start().run_to("Done")
        ends.append([(device.package.missing(), device.seqno) for device in world.devices])
    assert ends[0] == ends[1] == ends[2]


def test_a_device_without_the_group_cannot_decipher_its_frames(make_world):
    """Frames reach every device. A device without McAppSKey cannot decipher them."""
    world = make_world(devices=2).start(devEuis=FIRST, devTags="")
    messages = world.listen(world.devices[1])
    world.run_to("Done")
    assert messages == []
    assert world.devices[0].package.missing() == 0


# --- mcastStatus


def test_the_status_has_the_members_and_types_of_the_reference_in_every_state(make_world):
    world = make_world().start()
    for state in ("Queued", "Running", "Done"):
        answer = world.run_to(state).status()
        assert list(answer) == list(STATUS_MEMBERS)
        assert {name: type(value) for name, value in answer.items()} == STATUS_MEMBERS
        assert (answer["jobId"], answer["state"]) == (world.job_id, state)


def test_a_transfer_goes_from_queued_to_done_and_never_back(make_world):
    world = make_world().start()
    begun_ms = world.clock.now_us() // 1000
    answers = [world.status()]
    while world.clock.step():
        answers.append(world.status())
    states = list(dict.fromkeys(answer["state"] for answer in answers))
    percent = [answer["pctDone"] for answer in answers]
    assert states == ["Queued", "Running", "Done"]
    assert percent == sorted(percent)
    assert all((a["pctDone"] == 100) == (a["state"] == "Done") == (a["endTime"] != 0) for a in answers)
    assert all((a["pctDone"] == 0) == (a["state"] == "Queued") for a in answers)
    assert len(set(percent)) > 20  # a step for each of the 20 fragments
    assert {a["startTime"] for a in answers} == {begun_ms + 120_000}
    assert (answers[0]["endTime"], answers[0]["removeTime"], answers[0]["result"]) == (0, 0, "")
    end = answers[-1]
    assert end["removeTime"] == end["endTime"] + 15 * 60 * 1000
    assert max(answer["pctDone"] for answer in answers if answer["state"] == "Running") == 99
    assert end["result"] == "Sent 20 fragments to 3 devices."


@pytest.mark.parametrize(
    "query", [{"jobId": None}, {"jobID": None}, {"appEui": "02000000F0A00001"}, {"appEui": "02000000f0a00001"}]
)
def test_a_transfer_is_found_by_both_spellings_of_jobid_and_by_application(make_world, query):
    world = make_world().start()
    query = {name: value or world.job_id for name, value in query.items()}
    assert world.call("GET", "mcastStatus", query) == (200, world.status())


@pytest.mark.parametrize(
    ("query", "message"),
    [({}, "either jobId or appEui"), ({"jobId": ""}, "jobID must be"), ({"appEui": ""}, "appEui must be")],
)
def test_a_status_request_without_job_or_application_is_refused(make_world, query, message):
    world = make_world().start()
    world.assert_refused(world.call("GET", "mcastStatus", query), 400, message)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"jobId": "MCastXferJobReq:AAAAAAAAAAAAAA01"}, "No job could be found with MCastXferJobReq:AAAAAAAAAAAAAA01"),
        ({"appEui": "AAAAAAAAAAAAAA01"}, "Application EUI AAAAAAAAAAAAAA01 was not found"),
    ],
)
def test_an_unknown_transfer_is_answered_404(make_world, query, message):
    world = make_world().start()
    world.assert_refused(world.call("GET", "mcastStatus", query), 404, message)
    world.assert_refused(world.call("POST", "mcastCancel", query | {"devTags": "sandbox"}), 404, message)
    assert world.status()["state"] == "Queued"


@pytest.mark.parametrize("end", ["Done", "Cancelled"])
def test_a_transfer_is_removed_fifteen_minutes_after_its_end(make_world, end):
    world = make_world().start()
    if end == "Cancelled":
        world.call("POST", "mcastCancel", {"jobId": world.job_id})
    world.run_to(end)
    world.clock.pass_us(15 * MINUTE_US)
    assert world.status()["state"] == end
    world.clock.pass_us(1)
    for method, name in (("GET", "mcastStatus"), ("POST", "mcastCancel")):
        world.assert_refused(
            world.call(method, name, {"jobId": world.job_id}), 404, f"No job could be found with {world.job_id}"
        )
    world.start()


def test_an_active_transfer_is_never_removed(make_world):
    world = make_world().start(startDelaySecs=30 * 24 * 3600)
    world.clock.pass_us(20 * 24 * 60 * MINUTE_US)
    assert world.status()["state"] == "Queued"


# --- mcastCancel


@pytest.mark.parametrize("spelling", ["jobId", "jobID"])
@pytest.mark.parametrize("state", ["Queued", "Running"])
def test_a_whole_transfer_is_cancelled(make_world, state, spelling):
    world = make_world().start().run_to(state)
    if state == "Running":
        world.clock.run_until(lambda: world.devices[0].package.missing() == 4)
    assert world.call("POST", "mcastCancel", {spelling: world.job_id}) == (
        200,
        {"jobId": world.job_id, "responseMsg": "MCastXferJobReq job cancelled.", "statusCode": 200},
    )
    cancelled = world.status()
    assert (cancelled["state"], cancelled["endTime"]) == ("Cancelled", world.clock.now_us() // 1000)
    assert cancelled["result"] == f"Cancelled after {6 if state == 'Running' else 0} of 20 fragments."
    world.clock.run()
    assert world.status() == cancelled
    missing = {device.package.missing() for device in world.devices}
    assert missing == ({4} if state == "Running" else {None})
    assert all(not device.multicast.groups for device in world.devices)


def test_cancelling_an_ended_transfer_changes_nothing(make_world):
    world = make_world().start().run_to("Done")
    ended = world.status()
    assert world.call("POST", "mcastCancel", {"jobId": world.job_id})[0] == 200
    assert world.status() == ended


@pytest.mark.parametrize("euis", [[SECOND], [FIRST, THIRD.lower()]])
def test_cancelled_devices_get_no_further_fragments(make_world, euis):
    """They receive fragments until they leave the group, after their next uplink."""
    world = make_world().start(bytes(48 * 30), redundancy=0).run_to("Running")
    world.clock.run_until(lambda: world.devices[0].package.missing() == 24)
    query = {"appEui": world.app_eui, "devEuis": ",".join(euis)}
    assert world.call("POST", "mcastCancel", query) == (
        200,
        {
            "jobId": world.job_id,
            "responseMsg": f"MCastXferJobReq job cancelled for {len(euis)} devices.",
            "statusCode": 200,
        },
    )
    world.run_to("Done")
    world.clock.run()
    left_out = {eui.upper() for eui in euis}
    for device in world.devices:
        assert (device.package.missing() >= 18) if device.dev_eui in left_out else (device.package.missing() == 0)
        assert bool(device.multicast.groups) is (device.dev_eui not in left_out)
    assert world.status()["result"] == f"Sent 30 fragments to {3 - len(euis)} devices."


def test_answers_of_cancelled_devices_are_posted_and_change_nothing(make_world):
    world = make_world().start().run_to("Running")
    messages = world.listen(world.devices[0])
    world.clock.run_until(lambda: messages[-1:] and messages[-1][2][0] == STATUS)
    assert world.call("POST", "mcastCancel", {"appEui": world.app_eui, "devEuis": FIRST})[0] == 200
    world.uplinks.clear()
    world.run_to("Done")
    assert 201 in {uplink.port for uplink in world.uplinks if uplink.dev_eui == FIRST}
    assert world.status()["result"] == "Sent 20 fragments to 2 devices."


@pytest.mark.parametrize("targets", [{"devTags": "sandbox"}, {"devEuis": f"{FIRST},{SECOND},{THIRD}"}])
def test_cancelling_all_devices_cancels_the_transfer(make_world, targets):
    world = make_world().start().run_to("Running")
    assert world.call("POST", "mcastCancel", {"appEui": world.app_eui.lower()} | targets)[0] == 200
    assert world.status()["state"] == "Cancelled"


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({}, 400, "either jobId, or appEui"),
        ({"appEui": "02000000F0A00001"}, 400, "exactly one of devEuis and devTags"),
        ({"devEuis": FIRST}, 400, "appEui"),
        ({"appEui": "02000000F0A00001", "devEuis": FIRST, "devTags": "sandbox"}, 400, "exactly one"),
        ({"appEui": "02000000F0A00001", "devEuis": "AAAAAAAAAAAAAAAA"}, 404, "Device EUI was not found"),
        ({"appEui": "02000000F0A00001", "devTags": "pumps"}, 404, "No device carries a tag of pumps"),
    ],
)
def test_an_invalid_cancellation_changes_nothing(make_world, query, status, message):
    world = make_world().start()
    world.assert_refused(world.call("POST", "mcastCancel", query), status, message)
    assert world.status()["state"] == "Queued"
