"""Multicast groups over real HTTP: their set-up on the devices, and the messages sent to them."""

from __future__ import annotations

import pytest

from fuota.device import DeviceProfile
from fuota.errors import BadRequestError, NotFoundError
from fuota.lorawan.multicast_setup import McGroupStatusReq, parse_uplink
from fuota.radio.class_b import next_ping_slot_us
from fuota.sandbox.air.clock import gps_us
from fuota.sim import Bernoulli

FIRST, SECOND, THIRD = "02000000F007A001", "02000000F007A002", "02000000F007A003"
SESSION_MS = 32_768_000


class Group:
    """A group that the client has set up in a world."""

    def __init__(self, world, *, dev_euis=(FIRST, SECOND), **setup):
        self.world, self.calls = world, world.client.multicast
        self.answer = self.calls.setup(world.app_eui, dev_euis=dev_euis, **setup)
        self.addr = self.answer.mc_addr

    def states(self):
        return {member.dev_eui: member.state for member in self.status().members}

    def status(self):
        return self.calls.status(self.world.app_eui, self.addr)

    def ready(self):
        """Run actions until no device is initializing. Return this group."""
        self.world.clock.run_until(lambda: "Initializing" not in self.states().values())
        return self

    def send(self, pdu, port=10):
        return self.calls.send(self.world.app_eui, self.addr, pdu, port=port)

    def inboxes(self):
        return [list(device.inbox) for device in self.world.devices]


@pytest.fixture
def make_group(make_world):
    """Return a function that makes a group in a world of three devices without loss: `make_group(devices=..., setup={...})`."""
    return lambda *, setup=None, **kwargs: Group(make_world(**kwargs), **(setup or {}))


# --- set-up


def test_a_group_is_answered_as_in_the_reference(make_world):
    world = make_world(region="US915")
    query = {"appEui": world.app_eui, "devEuis": f"{FIRST},{SECOND}", "devClass": "C", "txChnl": 7, "txDr": 13}
    status, answer = world.call("POST", "mcast/setup", query)
    now_ms = world.clock.now_us() // 1000
    assert status == 200
    assert 0 <= answer.pop("minFCnt") < 1 << 32
    assert len(answer.pop("mcAddr")) == 8
    assert answer == {
        "appEui": world.app_eui,
        "devClass": "CLASS_C",
        "devs": [
            {"devEui": FIRST, "groupId": 0, "state": "Initializing"},
            {"devEui": SECOND, "groupId": 0, "state": "Initializing"},
        ],
        "dr": 13,
        "durationSecs": 32768,
        "endTime": now_ms + SESSION_MS,
        "freq": 927.5,
        "maxFCnt": 4294967296,
        "mcastType": "D2D",
        "startTime": now_ms,
    }


@pytest.mark.parametrize("version", [1, 2])
def test_devices_are_set_up_after_their_uplinks(make_group, version):
    group = make_group(profile=DeviceProfile(version=version))
    assert set(group.states().values()) == {"Initializing"}
    group.ready()
    assert group.states() == {FIRST: "Initialized", SECOND: "Initialized"}
    passed_us = group.world.clock.now_us() - group.answer.start_time_ms * 1000
    assert 10_000_000 < passed_us <= 41_000_000  # one uplink period, and then the session begins
    server_group = group.world.server.api_groups.find(group.world.app_eui, group.addr, None).group
    for device in group.world.devices[:2]:
        device_group = device.multicast.group_at(server_group.mc_addr)
        assert (device_group.keys, device_group.next_f_cnt) == (server_group.keys, group.answer.min_fcnt)
        assert device_group.window.end_us - device_group.window.start_us == 32_768_000_000
    assert group.world.devices[2].multicast.groups == {}


def test_answers_to_the_setup_are_posted_to_the_data_stream(make_group):
    group = make_group().ready()
    answers = [uplink for uplink in group.world.uplinks if uplink.port == 200]
    assert {uplink.dev_eui for uplink in answers} == {FIRST, SECOND}
    assert all(len(parse_uplink(uplink.pdu, version=1).require_whole()) == 2 for uplink in answers)


def test_a_device_that_never_answers_fails_after_twenty_uplinks(make_world):
    world = make_world()
    world.devices[1].loss = Bernoulli(1.0)
    group = Group(world)
    begun_us = world.clock.now_us()
    group.ready()
    assert group.states() == {FIRST: "Initialized", SECOND: "Failed"}
    assert world.clock.now_us() == begun_us + 20 * 30_000_000


def test_a_device_with_a_wrong_clock_gets_the_time(make_group):
    group = make_group(clock_error_s=100_000).ready()
    assert set(group.states().values()) == {"Initialized"}
    assert 202 in {uplink.port for uplink in group.world.uplinks}
    assert all(abs(d.clock.now_us - d.clock.true_us) <= 1_000_000 for d in group.world.devices[:2])


def test_a_device_has_a_number_for_each_of_its_four_groups(make_world):
    world = make_world()
    groups = [Group(world).ready() for _ in range(4)]
    assert [{member.group_id for member in group.status().members} for group in groups] == [{0}, {1}, {2}, {3}]
    assert len({group.addr for group in groups}) == 4
    with pytest.raises(BadRequestError, match="02000000F007A001 is in 4 multicast groups already"):
        Group(world)
    with pytest.raises(BadRequestError, match="4 multicast groups already"):
        world.client.transfers.start(b"x", app_eui=world.app_eui, dev_euis=[FIRST], start_delay_s=60, redundancy=0.0)
    (answer,) = world.devices[0].multicast.receive(McGroupStatusReq(req_group_mask=15).to_bytes())
    assert parse_uplink(answer.payload, version=1).commands[0].nb_total_groups == 4


# --- changes


def test_devices_are_added_and_removed(make_group):
    group = make_group().ready()
    added = group.calls.add_devices(group.world.app_eui, group.addr, dev_euis=[THIRD])
    assert [member.state for member in added.members] == ["Initialized", "Initialized", "Initializing"]
    group.ready()
    assert set(group.states().values()) == {"Initialized"}
    removed = group.calls.remove_devices(group.world.app_eui, group.addr, dev_euis=[FIRST, SECOND])
    assert [member.state for member in removed.members] == ["Closing", "Closing", "Initialized"]
    group.send("01")
    group.world.clock.run_until(lambda: len(group.states()) == 1)
    group.send("02")
    group.world.clock.run()
    assert [device.multicast.groups != {} for device in group.world.devices] == [False, False, True]
    assert group.inboxes()[2] == [(10, b"\x01"), (10, b"\x02")]
    assert all((10, b"\x02") not in inbox for inbox in group.inboxes()[:2])


def test_a_removed_device_can_be_added_again(make_group):
    group = make_group().ready()
    for attempt in range(2):
        group.calls.remove_devices(group.world.app_eui, group.addr, dev_euis=[SECOND])
        if attempt:
            group.world.clock.run_until(lambda: len(group.states()) == 1)
        group.calls.add_devices(group.world.app_eui, group.addr, dev_euis=[SECOND])
        group.ready()
    assert set(group.states().values()) == {"Initialized"}
    group.send("07")
    group.world.clock.run_until(lambda: group.inboxes()[1] == [(10, b"\x07")])


def test_a_device_that_is_added_again_has_a_new_deadline(make_world):
    world = make_world()
    world.devices[1].loss = Bernoulli(1.0)
    group = Group(world)
    period_us, begun_us = 30_000_000, world.clock.now_us()
    world.clock.run_until(lambda: world.clock.now_us() > begun_us + 10 * period_us)
    group.calls.remove_devices(world.app_eui, group.addr, dev_euis=[SECOND])
    group.calls.add_devices(world.app_eui, group.addr, dev_euis=[SECOND])
    restarted_us = world.clock.now_us()
    group.ready()
    assert group.states()[SECOND] == "Failed"
    assert world.clock.now_us() == restarted_us + 20 * period_us


def test_a_group_can_be_deleted_again_while_its_devices_leave(make_group):
    group = make_group().ready()
    for _ in range(2):
        group.calls.delete(group.world.app_eui, group.addr)
    group.world.clock.run()
    with pytest.raises(NotFoundError):
        group.status()


def test_a_deleted_group_is_closing_and_then_unknown(make_group):
    group = make_group().ready()
    deleted = group.calls.delete(group.world.app_eui, group.addr)
    assert {member.state for member in deleted.members} == {"Closing"}
    assert set(group.states().values()) == {"Closing"}
    with pytest.raises(BadRequestError, match="has ended"):
        group.send("01")
    group.world.clock.run()
    with pytest.raises(NotFoundError, match=group.addr):
        group.status()
    assert all(device.multicast.groups == {} for device in group.world.devices)


def test_an_unreachable_device_of_a_deleted_group_is_dropped(make_group):
    group = make_group().ready()
    group.world.devices[0].loss = Bernoulli(1.0)
    group.calls.delete(group.world.app_eui, group.addr)
    group.world.clock.run()
    with pytest.raises(NotFoundError):
        group.status()
    assert len(group.world.devices[0].multicast.groups) == 1


# --- sending


def test_a_message_reaches_the_members_of_the_group_only(make_group):
    group = make_group().ready()
    first, second = group.send("0a0b"), group.send("0c", port=88)
    assert second.msg_id == first.msg_id + 1
    group.world.clock.run()
    expected = [(10, b"\x0a\x0b"), (88, b"\x0c")]
    assert group.inboxes() == [expected, expected, []]


def test_frames_are_sent_one_after_the_other(make_group):
    group = make_group(setup={"tx_data_rate": 0}).ready()
    frames = group.world.listen(group.world.devices[0])
    for _ in range(3):
        group.send(bytes(51), port=201)
    group.world.clock.run_until(lambda: len(frames) == 3)
    times_us = [at_us for at_us, _, _ in frames]
    assert times_us[1] - times_us[0] == times_us[2] - times_us[1] == 2_793_472  # 64 bytes at SF12


def test_class_b_frames_are_sent_in_ping_slots(make_group):
    group = make_group(setup={"dev_class": "B", "periodicity": 5, "tx_data_rate": 3}).ready()
    assert group.status().dev_class == "B"
    group.world.clock.run_until(lambda: group.world.devices[0].clock.true_us > 0)
    group.world.clock.pass_us(130_000_000)  # the beacon at which its session begins
    frames = group.world.listen(group.world.devices[0])
    for _ in range(3):
        group.send("01", port=201)
    group.world.clock.run_until(lambda: len(frames) == 3)
    times_us = [gps_us(at_us) for at_us, _, _ in frames]
    assert times_us == [next_ping_slot_us(at_us - 1, int(group.addr, 16), 5) for at_us in times_us]
    assert times_us[2] - times_us[0] > 32_000_000


def test_a_group_refuses_changes_after_its_session(make_group):
    group = make_group().ready()
    group.world.clock.pass_us(SESSION_MS * 1000)
    with pytest.raises(BadRequestError, match="has ended"):
        group.send("01")
    with pytest.raises(BadRequestError, match="has ended"):
        group.calls.add_devices(group.world.app_eui, group.addr, dev_euis=[THIRD])
    assert set(group.states().values()) == {"Initialized"}


def test_sendmcastmsg_reaches_a_group_by_its_address(make_group):
    group = make_group().ready()
    receipt = group.world.client.downlinks.send_multicast(group.addr, "05", ["AAAAAAAAAAAAAAAA"], port=9)
    assert receipt.msg_id
    group.world.clock.run()
    assert group.inboxes() == [[(9, b"\x05")], [(9, b"\x05")], []]


# --- unknown groups and invalid parameters


def test_a_group_is_found_by_application_type_and_address(make_world):
    world = make_world()
    group = Group(world, mcast_type="APP").ready()
    assert group.status().mcast_type == "APP"
    with pytest.raises(NotFoundError, match=f"No multicast D2D group .* has the address {group.addr}"):
        world.client.multicast.status(world.app_eui, group.addr, mcast_type="D2D")
    with pytest.raises(NotFoundError, match="has the address 01020304"):
        world.client.multicast.send(world.app_eui, "01020304", "01")
    assert world.call("GET", "mcast/status", {"appEui": world.app_eui, "mcAddr": group.addr.lower()})[0] == 200


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ({"tx_data_rate": 15}, "EU868 has no DR15"),
        ({"tx_channel": 9}, "EU868 has no downlink channel 9"),
    ],
)
def test_radio_parameters_that_the_region_lacks_are_refused(make_world, setup, message):
    with pytest.raises(BadRequestError, match=message):
        Group(make_world(), **setup)


@pytest.mark.parametrize("length", [0, 52])
def test_a_message_too_long_for_the_data_rate_is_refused(make_group, length):
    group = make_group().ready()
    with pytest.raises(BadRequestError, match=f"pdu must have 1 to 51 bytes .*DR0 of EU868.*, got {length}"):
        group.send(bytes(length))


def test_unknown_devices_are_named(make_world):
    world = make_world()
    with pytest.raises(NotFoundError, match="AAAAAAAAAAAAAAAA"):
        Group(world, dev_euis=["AAAAAAAAAAAAAAAA"])
    group = Group(world)
    with pytest.raises(NotFoundError, match=f"not found in group {group.addr}: {THIRD}"):
        group.calls.remove_devices(world.app_eui, group.addr, dev_euis=[THIRD])


def test_cancelled_transfers_free_the_group_numbers_of_their_devices(make_world):
    """A device has four groups at most, and gets the deletion of a group only after its next uplink."""
    world = make_world(uplink_period_s=3600)
    for _ in range(6):
        world.start().clock.step()
        assert world.call("POST", "mcastCancel", {"jobId": world.job_id})[0] == 200
    world.start(startDelaySecs=36_000).run_to("Done")
    assert world.status()["result"] == "Sent 20 fragments to 3 devices."
    assert all(device.package.block() == bytes(480) for device in world.devices)
