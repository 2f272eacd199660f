"""Multicast groups over real HTTP: how their devices come to have them, and what is sent to them."""

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
    """A group that the client set up, and the world that it is in."""

    def __init__(self, world, *, dev_euis=(FIRST, SECOND), **setup):
        self.world, self.calls = world, world.client.multicast
        self.made = self.calls.setup(world.app_eui, dev_euis=dev_euis, **setup)
        self.addr = self.made.mc_addr

    def states(self):
        return {member.dev_eui: member.state for member in self.status().members}

    def status(self):
        return self.calls.status(self.world.app_eui, self.addr)

    def ready(self):
        """Let time pass until no device is at it any more."""
        self.world.clock.run_until(lambda: "Initializing" not in self.states().values())
        return self

    def send(self, pdu, port=10):
        return self.calls.send(self.world.app_eui, self.addr, pdu, port=port)

    def inboxes(self):
        return [list(device.inbox) for device in self.world.devices]


@pytest.fixture
def group(make_world):
    """Makes a group in a world of three devices without loss: `group(devices=..., setup={...}, ...)`."""
    return lambda *, setup=None, **kwargs: Group(make_world(**kwargs), **(setup or {}))


# --- setting up


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
def test_devices_come_to_have_the_group_with_their_uplinks(group, version):
    made = group(profile=DeviceProfile(version=version))
    assert set(made.states().values()) == {"Initializing"}
    made.ready()
    assert made.states() == {FIRST: "Initialized", SECOND: "Initialized"}
    passed_us = made.world.clock.now_us() - made.made.start_time_ms * 1000
    assert 10_000_000 < passed_us <= 41_000_000  # one uplink period, and then the session begins
    network_group = made.world.server.api_groups.find(made.world.app_eui, made.addr, None).group
    for device in made.world.devices[:2]:
        held = device.multicast.group_at(network_group.mc_addr)
        assert (held.keys, held.next_f_cnt) == (network_group.keys, made.made.min_fcnt)
        assert held.window.end_us - held.window.start_us == 32_768_000_000
    assert made.world.devices[2].multicast.groups == {}


def test_what_devices_answer_goes_up_the_data_stream_too(group):
    made = group().ready()
    said = [uplink for uplink in made.world.uplinks if uplink.port == 200]
    assert {uplink.dev_eui for uplink in said} == {FIRST, SECOND}
    assert all(len(parse_uplink(uplink.pdu, version=1).require_whole()) == 2 for uplink in said)


def test_a_device_that_never_answers_has_failed_after_twenty_uplinks(make_world):
    world = make_world()
    world.devices[1].loss = Bernoulli(1.0)
    made = Group(world)
    begun_us = world.clock.now_us()
    made.ready()
    assert made.states() == {FIRST: "Initialized", SECOND: "Failed"}
    assert world.clock.now_us() == begun_us + 20 * 30_000_000


def test_a_device_whose_clock_is_wrong_is_told_the_time(group):
    made = group(clock_error_s=100_000).ready()
    assert set(made.states().values()) == {"Initialized"}
    assert 202 in {uplink.port for uplink in made.world.uplinks}
    assert all(abs(d.clock.now_us - d.clock.true_us) <= 1_000_000 for d in made.world.devices[:2])


def test_a_device_with_several_groups_has_a_number_for_each(make_world):
    world = make_world()
    made = [Group(world).ready() for _ in range(4)]
    assert [{member.group_id for member in each.status().members} for each in made] == [{0}, {1}, {2}, {3}]
    assert len({each.addr for each in made}) == 4
    with pytest.raises(BadRequestError, match="02000000F007A001 is in 4 multicast groups already"):
        Group(world)
    with pytest.raises(BadRequestError, match="4 multicast groups already"):
        world.client.transfers.start(b"x", app_eui=world.app_eui, dev_euis=[FIRST], start_delay_s=60, redundancy=0.0)
    (answer,) = world.devices[0].multicast.receive(McGroupStatusReq(req_group_mask=15).to_bytes())
    assert parse_uplink(answer.payload, version=1).commands[0].nb_total_groups == 4


# --- changing


def test_devices_are_added_and_removed(group):
    made = group().ready()
    added = made.calls.add_devices(made.world.app_eui, made.addr, dev_euis=[THIRD])
    assert [member.state for member in added.members] == ["Initialized", "Initialized", "Initializing"]
    made.ready()
    assert set(made.states().values()) == {"Initialized"}
    removed = made.calls.remove_devices(made.world.app_eui, made.addr, dev_euis=[FIRST, SECOND])
    assert [member.state for member in removed.members] == ["Closing", "Closing", "Initialized"]
    made.send("01")
    made.world.clock.run_until(lambda: len(made.states()) == 1)
    made.send("02")
    made.world.clock.run()
    assert [device.multicast.groups != {} for device in made.world.devices] == [False, False, True]
    assert made.inboxes()[2] == [(10, b"\x01"), (10, b"\x02")]
    assert all((10, b"\x02") not in inbox for inbox in made.inboxes()[:2])


def test_a_device_that_was_removed_can_be_added_again(group):
    made = group().ready()
    for attempt in range(2):
        made.calls.remove_devices(made.world.app_eui, made.addr, dev_euis=[SECOND])
        if attempt:
            made.world.clock.run_until(lambda: len(made.states()) == 1)
        made.calls.add_devices(made.world.app_eui, made.addr, dev_euis=[SECOND])
        made.ready()
    assert set(made.states().values()) == {"Initialized"}
    made.send("07")
    made.world.clock.run_until(lambda: made.inboxes()[1] == [(10, b"\x07")])


def test_a_device_that_is_added_again_has_its_whole_time(make_world):
    world = make_world()
    world.devices[1].loss = Bernoulli(1.0)
    made = Group(world)
    period_us, begun_us = 30_000_000, world.clock.now_us()
    world.clock.run_until(lambda: world.clock.now_us() > begun_us + 10 * period_us)
    made.calls.remove_devices(world.app_eui, made.addr, dev_euis=[SECOND])
    made.calls.add_devices(world.app_eui, made.addr, dev_euis=[SECOND])
    again_us = world.clock.now_us()
    made.ready()
    assert made.states()[SECOND] == "Failed"
    assert world.clock.now_us() == again_us + 20 * period_us


def test_a_group_can_be_deleted_twice_while_its_devices_leave(group):
    made = group().ready()
    for _ in range(2):
        made.calls.delete(made.world.app_eui, made.addr)
    made.world.clock.run()
    with pytest.raises(NotFoundError):
        made.status()


def test_a_deleted_group_is_closing_and_then_unknown(group):
    made = group().ready()
    deleted = made.calls.delete(made.world.app_eui, made.addr)
    assert {member.state for member in deleted.members} == {"Closing"}
    assert set(made.states().values()) == {"Closing"}
    with pytest.raises(BadRequestError, match="has ended"):
        made.send("01")
    made.world.clock.run()
    with pytest.raises(NotFoundError, match=made.addr):
        made.status()
    assert all(device.multicast.groups == {} for device in made.world.devices)


def test_a_device_that_cannot_be_told_is_forgotten_in_the_end(group):
    made = group().ready()
    made.world.devices[0].loss = Bernoulli(1.0)
    made.calls.delete(made.world.app_eui, made.addr)
    made.world.clock.run()
    with pytest.raises(NotFoundError):
        made.status()
    assert len(made.world.devices[0].multicast.groups) == 1


# --- sending


def test_what_is_sent_reaches_the_devices_that_have_the_group_and_no_others(group):
    made = group().ready()
    first, second = made.send("0a0b"), made.send("0c", port=88)
    assert second.msg_id == first.msg_id + 1
    made.world.clock.run()
    expected = [(10, b"\x0a\x0b"), (88, b"\x0c")]
    assert made.inboxes() == [expected, expected, []]


def test_frames_go_out_one_after_the_other(group):
    made = group(setup={"tx_data_rate": 0}).ready()
    heard = made.world.listen(made.world.devices[0])
    for _ in range(3):
        made.send(bytes(51), port=201)
    made.world.clock.run_until(lambda: len(heard) == 3)
    times_us = [at_us for at_us, _, _ in heard]
    assert times_us[1] - times_us[0] == times_us[2] - times_us[1] == 2_793_472  # 64 octets at SF12


def test_class_b_frames_go_out_in_ping_slots(group):
    made = group(setup={"dev_class": "B", "periodicity": 5, "tx_data_rate": 3}).ready()
    assert made.status().dev_class == "B"
    made.world.clock.run_until(lambda: made.world.devices[0].clock.true_us > 0)
    made.world.clock.pass_us(130_000_000)  # the beacon at which its session begins
    heard = made.world.listen(made.world.devices[0])
    for _ in range(3):
        made.send("01", port=201)
    made.world.clock.run_until(lambda: len(heard) == 3)
    times_us = [gps_us(at_us) for at_us, _, _ in heard]
    assert times_us == [next_ping_slot_us(at_us - 1, int(made.addr, 16), 5) for at_us in times_us]
    assert times_us[2] - times_us[0] > 32_000_000


def test_after_its_session_a_group_takes_nothing(group):
    made = group().ready()
    made.world.clock.pass_us(SESSION_MS * 1000)
    with pytest.raises(BadRequestError, match="has ended"):
        made.send("01")
    with pytest.raises(BadRequestError, match="has ended"):
        made.calls.add_devices(made.world.app_eui, made.addr, dev_euis=[THIRD])
    assert set(made.states().values()) == {"Initialized"}


def test_an_address_of_a_group_can_be_sent_to_by_base_stations(group):
    made = group().ready()
    receipt = made.world.client.downlinks.send_multicast(made.addr, "05", ["AAAAAAAAAAAAAAAA"], port=9)
    assert receipt.msg_id
    made.world.clock.run()
    assert made.inboxes() == [[(9, b"\x05")], [(9, b"\x05")], []]


# --- what is not there, and what cannot be


def test_groups_are_told_apart_by_application_type_and_address(make_world):
    world = make_world()
    made = Group(world, mcast_type="APP").ready()
    assert made.status().mcast_type == "APP"
    with pytest.raises(NotFoundError, match=f"No multicast D2D group .* has the address {made.addr}"):
        world.client.multicast.status(world.app_eui, made.addr, mcast_type="D2D")
    with pytest.raises(NotFoundError, match="has the address 01020304"):
        world.client.multicast.send(world.app_eui, "01020304", "01")
    assert world.call("GET", "mcast/status", {"appEui": world.app_eui, "mcAddr": made.addr.lower()})[0] == 200


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ({"tx_data_rate": 15}, "EU868 has no DR15"),
        ({"tx_channel": 9}, "EU868 has no downlink channel 9"),
    ],
)
def test_a_group_that_the_region_has_not_is_refused(make_world, setup, message):
    with pytest.raises(BadRequestError, match=message):
        Group(make_world(), **setup)


@pytest.mark.parametrize("octets", [0, 52])
def test_what_the_data_rate_does_not_carry_is_refused(group, octets):
    made = group().ready()
    with pytest.raises(BadRequestError, match=f"pdu must have 1 to 51 bytes .*DR0 of EU868.*, got {octets}"):
        made.send(bytes(octets))


def test_devices_that_are_not_there_are_told(make_world):
    world = make_world()
    with pytest.raises(NotFoundError, match="AAAAAAAAAAAAAAAA"):
        Group(world, dev_euis=["AAAAAAAAAAAAAAAA"])
    made = Group(world)
    with pytest.raises(NotFoundError, match=f"not found in group {made.addr}: {THIRD}"):
        made.calls.remove_devices(world.app_eui, made.addr, dev_euis=[THIRD])


def test_jobs_cancelled_one_after_the_other_leave_room_for_the_next(make_world):
    """A device has four groups at most, and hears of a group's end only with its next uplink."""
    world = make_world(uplink_period_s=3600)
    for _ in range(6):
        world.started().clock.step()
        assert world.call("POST", "mcastCancel", {"jobId": world.job_id})[0] == 200
    world.started(startDelaySecs=36_000).run_to("Done")
    assert world.status()["result"] == "Sent 20 fragments to 3 devices."
    assert all(device.package.block() == bytes(480) for device in world.devices)
