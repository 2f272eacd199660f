"""From the queue to the device and back: chances, acknowledgements, joins, and what devices do when they are told to."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuota.device import IMAGE_REPORT_FPORT, DeviceProfile, ImageReport
from fuota.lorawan.clock_sync import AppTimeReq, DeviceAppTimePeriodicityReq
from fuota.lorawan.clock_sync import parse_uplink as parse_clock
from fuota.lorawan.firmware_management import (
    DevDeleteImageReq,
    DevRebootCountdownReq,
    DevUpgradeImageAns,
    DevUpgradeImageReq,
    DevVersionReq,
    UpImageStatus,
)
from fuota.lorawan.firmware_management import parse_uplink as parse_management
from fuota.lorawan.fragmentation import FragDataBlockReceivedAns, FragDataBlockReceivedReq, FragSessionSetupReq
from fuota.lorawan.keys import data_block_int_key, data_block_mic
from fuota.sandbox.air.mac import Downlink
from fuota.sandbox.server.records import DeviceState
from fuota.sim import Bernoulli

FIRST, SECOND = "02000000F007A001", "02000000F007A002"
PERIOD_US, RX1_US = 30_000_000, 1_000_000


class Talk:
    """A world, and its first device in a conversation with the application."""

    def __init__(self, world):
        self.world, self.device, self.downlinks = world, world.devices[0], world.client.downlinks

    def send(self, pdu=b"\x01", **kwargs):
        return self.downlinks.send(FIRST, pdu, **({"port": 10} | kwargs)).msg_id

    def queued(self):
        return self.world.server.downlinks.queued(FIRST, self.world.clock.now_us())

    def uplinks(self, port=None):
        return [uplink for uplink in self.world.uplinks if uplink.dev_eui == FIRST and port in (None, uplink.port)]

    def pass_s(self, seconds):
        """Let so much time pass, with all that happens in it."""
        clock = self.world.clock
        end_us = clock.now_us() + seconds * 1_000_000
        clock.at(end_us, lambda: None)
        clock.run_until(lambda: clock.now_us() >= end_us)

    def become(self, dev_class):
        self.world.server.directory.devices[FIRST].dev_class = dev_class
        return self


@pytest.fixture
def talk(make_world):
    return lambda **kwargs: Talk(make_world(**kwargs))


# --- chances


def test_a_class_a_device_hears_after_its_next_uplink(talk):
    world = talk()
    begun_us = world.world.clock.now_us()
    world.send(b"\x0a")
    assert not world.device.inbox
    world.world.clock.run_until(lambda: world.device.inbox)
    assert list(world.device.inbox) == [(10, b"\x0a")]
    assert begun_us + RX1_US <= world.world.clock.now_us() <= begun_us + PERIOD_US + RX1_US
    assert world.queued() == []


def test_a_chance_is_for_one_downlink(talk):
    world = talk()
    for octet in (1, 2, 3):
        world.send(bytes((octet,)))
    seen = []
    while world.world.clock.step():
        if len(world.device.inbox) > len(seen):
            seen.append(world.world.clock.now_us())
    assert [payload for _, payload in world.device.inbox] == [b"\x01", b"\x02", b"\x03"]
    assert [b - a for a, b in itertools.pairwise(seen)] == [PERIOD_US, PERIOD_US]


def test_a_class_c_device_hears_at_once(talk):
    world = talk().become("C")
    for octet in (1, 2, 3):
        world.send(bytes((octet,)))
    world.pass_s(5)
    assert [payload for _, payload in world.device.inbox] == [b"\x01", b"\x02", b"\x03"]


def test_an_unconfirmed_downlink_that_was_lost_is_gone(talk):
    world = talk().become("C")
    world.device.loss = Bernoulli(1.0)
    world.send()
    world.pass_s(1)
    assert (list(world.device.inbox), world.queued()) == ([], [])


def test_a_downlink_waits_no_longer_than_its_time(talk):
    world = talk()
    world.device.loss = Bernoulli(1.0)  # no uplink comes through, so there is no chance
    world.send(timeout_minutes=2)
    world.pass_s(119)
    assert len(world.queued()) == 1
    world.device.loss = Bernoulli(0.0)
    world.pass_s(1)
    world.world.clock.run()
    assert list(world.device.inbox) == []


def test_an_answer_of_the_device_is_a_chance_too(talk):
    world = talk()
    world.send(DevVersionReq().to_bytes(), port=203)
    world.send(b"\x07")
    world.world.clock.run_until(lambda: world.uplinks(203))
    answered_us = world.world.clock.now_us()
    world.world.clock.run_until(lambda: world.device.inbox)
    assert world.world.clock.now_us() == answered_us + RX1_US


def test_an_immediate_downlink_goes_in_answer_to_the_uplink_that_just_came(talk):
    world = talk()
    world.send(DevVersionReq().to_bytes(), port=203)
    world.world.clock.run_until(lambda: world.uplinks(203))
    heard_us = world.world.clock.now_us()
    world.send(b"\x07", immediate=True)
    world.world.clock.run_until(lambda: world.device.inbox)
    assert world.world.clock.now_us() == heard_us + RX1_US


# --- acknowledgements


@pytest.mark.parametrize("dev_class", ["A", "C"])
def test_a_confirmed_downlink_is_acknowledged_by_an_uplink(talk, dev_class):
    world = talk().become(dev_class)
    msg_id = world.send(b"\x05", confirmed=True)
    world.world.clock.run()
    (acknowledgement,) = world.uplinks()
    assert (acknowledgement.ack, acknowledgement.ack_dn_msg_id) == (True, msg_id)
    assert (acknowledgement.port, acknowledgement.pdu) == (None, b"")
    assert list(world.device.inbox) == [(10, b"\x05")]
    assert world.queued() == []


def test_an_answer_carries_the_acknowledgement(talk):
    world = talk()
    msg_id = world.send(DevVersionReq().to_bytes(), port=203, confirmed=True)
    world.world.clock.run()
    (answer,) = world.uplinks()
    assert (answer.port, answer.ack, answer.ack_dn_msg_id) == (203, True, msg_id)


def test_a_confirmed_downlink_is_sent_again_until_it_is_acknowledged(talk):
    world = talk()
    msg_id = world.send(b"\x05", confirmed=True, timeout_minutes=10)
    world.world.clock.run_until(lambda: world.device.inbox)
    world.device.loss = Bernoulli(1.0)
    world.pass_s(95)
    assert (world.uplinks(), len(world.queued())) == ([], 1)
    world.device.loss = Bernoulli(0.0)
    world.world.clock.run()
    assert [uplink.ack_dn_msg_id for uplink in world.uplinks()] == [msg_id]
    assert len(world.device.inbox) == 2


def test_a_confirmed_downlink_that_nobody_acknowledges_leaves_with_its_time(talk):
    world = talk()
    world.device.loss = Bernoulli(1.0)
    world.send(confirmed=True, timeout_minutes=3)
    world.world.clock.run()
    assert (world.uplinks(), world.queued()) == ([], [])


def test_uplinks_without_an_acknowledgement_say_nothing_of_one(talk):
    world = talk()
    world.send(DevVersionReq().to_bytes(), port=203)
    world.world.clock.run()
    assert {(uplink.ack, uplink.ack_dn_msg_id) for uplink in world.uplinks()} == {(None, None)}


# --- joining


def test_every_device_has_joined_with_keys_of_its_own(make_world):
    world = make_world(devices=20)
    records = [world.server.directory.devices[device.dev_eui] for device in world.devices]
    assert {record.state for record in records} == {DeviceState.JOINED}
    assert [record.dev_addr for record in records] == [device.session.dev_addr for device in world.devices]
    assert len({record.dev_addr for record in records}) == len({record.app_s_key for record in records}) == 20
    for record, device in zip(records, world.devices, strict=True):
        assert (record.app_s_key, record.nwk_s_key) == (device.session.keys.app_s_key, device.session.keys.nwk_s_key)


def test_a_device_that_was_registered_and_activated_joins_and_speaks(make_world):
    world = make_world()
    row = {"dev_eui": "123000000000ABC0", "app_key": "123AAAAAAAAAAAAAAAA000000000ABC0"}
    devices = world.client.devices
    devices.register([row], token=world.service.token(), app_eui=world.app_eui)
    world.clock.run()
    devices.activate(["123000000000ABC0"], app_eui=world.app_eui)
    world.clock.run()
    record = world.server.directory.devices["123000000000ABC0"]
    assert (record.state, record.join_id) == (DeviceState.JOINED, 1)
    world.client.downlinks.send("123000000000ABC0", DevVersionReq().to_bytes(), port=203)
    world.clock.run()
    assert [(uplink.dev_eui, uplink.port) for uplink in world.uplinks] == [("123000000000ABC0", 203)]


def test_an_abp_device_speaks_without_joining(make_world):
    world = make_world()
    row = {"dev_eui": "FFFFFFFFFFFFFFF1", "dev_addr": "FFFFFFF1", "nwk_s_key": "1" * 32, "app_s_key": "2" * 32}
    devices = world.client.devices
    devices.register([row], token=world.service.token(), app_eui=world.app_eui)
    world.clock.run()
    devices.activate(["FFFFFFFFFFFFFFF1"], app_eui=world.app_eui)
    world.clock.run()
    world.client.downlinks.send("FFFFFFFFFFFFFFF1", DevVersionReq().to_bytes(), port=203)
    world.clock.run()
    assert [(uplink.dev_eui, uplink.port) for uplink in world.uplinks] == [("FFFFFFFFFFFFFFF1", 203)]


def test_an_abp_device_cannot_be_told_a_groups_key(make_world):
    """There is no root key to tell it under."""
    world = make_world()
    row = {"dev_eui": "FFFFFFFFFFFFFFF1", "dev_addr": "FFFFFFF1", "nwk_s_key": "1" * 32, "app_s_key": "2" * 32}
    world.client.devices.register([row], token=world.service.token(), app_eui=world.app_eui)
    world.clock.run()
    group = world.client.multicast.setup(world.app_eui, dev_euis=["FFFFFFFFFFFFFFF1"])
    assert [member.state for member in group.members] == ["Failed"]


def test_what_was_sent_by_another_or_before_is_dropped(make_world):
    world = make_world()
    first, second = world.devices[:2]
    frame = first.uplink(10, b"\x01")
    assert world.server.mac.open(frame)[0].dev_eui == FIRST
    assert world.server.mac.open(frame) is None
    assert world.server.mac.open(frame[:-1] + bytes((frame[-1] ^ 1,))) is None
    assert world.server.mac.open(b"") is None
    assert second.hear(frame) == (None, [])


def test_a_join_request_counts_once(make_world):
    world = make_world()
    request = world.devices[0].join_request()
    assert world.server.mac.join(request, world.clock.now_us()) is not None
    assert world.server.mac.join(request, world.clock.now_us()) is None
    assert world.server.mac.join(b"\x00" * 23, world.clock.now_us()) is None


def test_a_deactivated_device_goes_on_in_its_session_and_cannot_join(talk):
    world = talk()
    world.world.client.devices.deactivate([FIRST], app_eui=world.world.app_eui)
    world.world.clock.run()
    world.send(DevVersionReq().to_bytes(), port=203)
    world.world.clock.run()
    assert world.uplinks(203)
    assert world.world.server.mac.join(world.device.join_request(), world.world.clock.now_us()) is None


def test_an_address_with_session_keys_can_be_sent_to_by_base_stations(talk):
    world = talk()
    address = f"{world.device.session.dev_addr:08X}"
    for dev_class, expected in (("A", []), ("C", [(9, b"\x05")])):
        world.become(dev_class)
        world.downlinks.send_multicast(address, "05", ["AAAAAAAAAAAAAAAA"], port=9)
        world.world.clock.run()
        assert list(world.device.inbox) == expected  # a device of class A does not listen then


# --- what devices do when they are told to


IMAGE = b"new firmware"
VERSION = int.from_bytes(hashlib.sha256(IMAGE).digest()[:4], "little")


def with_an_image(world):
    """The first device has received an image by unicast, which it does not start by itself."""
    setup = FragSessionSetupReq(
        version=1, frag_index=2, mc_group_bit_mask=0, nb_frag=1, frag_size=12, block_ack_delay=0, padding=0
    )
    world.send(setup.to_bytes(), port=201)
    world.send(b"\x08\x01\x80" + IMAGE, port=201)
    world.world.clock.run()
    assert world.device.package.block(2) == IMAGE
    return world


def management(world, command):
    world.send(command.to_bytes(), port=203)
    before = len(world.uplinks(203))
    world.world.clock.run_until(lambda: len(world.uplinks(203)) > before)
    (answer,) = parse_management(world.uplinks(203)[-1].pdu).require_whole()
    return answer


def test_ts006_tells_of_the_image_and_a_reboot_starts_it(talk):
    world = with_an_image(talk(autostart=False))
    assert management(world, DevUpgradeImageReq()) == DevUpgradeImageAns(
        up_image_status=UpImageStatus.VALID, next_firmware_version=VERSION
    )
    old = management(world, DevVersionReq()).firmware_version
    assert management(world, DevRebootCountdownReq(countdown_s=300)).countdown_s == 300
    world.pass_s(298)
    assert world.uplinks(IMAGE_REPORT_FPORT) == []
    world.world.clock.run()
    reports = {ImageReport.parse(uplink.pdu).sha256 for uplink in world.uplinks(IMAGE_REPORT_FPORT)}
    assert reports == {hashlib.sha256(IMAGE).digest()}
    assert management(world, DevVersionReq()).firmware_version == VERSION != old
    assert management(world, DevUpgradeImageReq()).up_image_status is UpImageStatus.NONE


def test_ts006_deletes_an_image_and_a_reboot_that_was_put_off_happens_once(talk):
    world = with_an_image(talk(autostart=False))
    management(world, DevRebootCountdownReq(countdown_s=60))
    management(world, DevRebootCountdownReq(countdown_s=600))
    world.pass_s(120)
    assert world.uplinks(IMAGE_REPORT_FPORT) == []
    assert not management(world, DevDeleteImageReq(firmware_to_delete_version=VERSION)).error_no_valid_image
    world.world.clock.run()
    (factory,) = {ImageReport.parse(uplink.pdu).sha256 for uplink in world.uplinks(IMAGE_REPORT_FPORT)}
    assert factory == hashlib.sha256(b"factory firmware").digest()


def test_a_device_asks_for_the_time_as_often_as_it_was_told(talk):
    world = talk()
    world.send(DeviceAppTimePeriodicityReq(period=0).to_bytes(), port=202)
    world.pass_s(600)
    asked = [uplink for uplink in world.uplinks(202) if isinstance(parse_clock(uplink.pdu).commands[0], AppTimeReq)]
    times = [uplink.txtime.timestamp() for uplink in asked]
    assert len(times) == 4
    assert {round(b - a) for a, b in itertools.pairwise(times)} == {128}


@pytest.mark.parametrize(("answered", "told"), [(True, 1), (False, 3)])
def test_a_device_of_version_2_says_that_its_block_is_whole_until_it_is_answered(talk, answered, told):
    world = talk(profile=DeviceProfile(version=2))
    integrity = {"session_cnt": 0, "descriptor": bytes(4)}
    mic = data_block_mic(key=data_block_int_key(world.device.app_key), frag_index=1, data=IMAGE, **integrity)
    shape = {"frag_index": 1, "mc_group_bit_mask": 0, "nb_frag": 1, "frag_size": 12, "block_ack_delay": 0, "padding": 0}
    setup = FragSessionSetupReq(version=2, ack_reception=True, mic=mic, **integrity, **shape)
    world.send(setup.to_bytes(), port=201)
    world.send(b"\x08\x01\x40" + IMAGE, port=201)
    received = FragDataBlockReceivedReq(frag_index=1).to_bytes()
    world.world.clock.run_until(lambda: world.uplinks(201)[-1:] and world.uplinks(201)[-1].pdu == received)
    if answered:
        world.send(FragDataBlockReceivedAns(frag_index=1).to_bytes(), port=201, immediate=True)
    world.world.clock.run()
    assert [uplink.pdu for uplink in world.uplinks(201)].count(received) == told
    reports = {ImageReport.parse(uplink.pdu).sha256 for uplink in world.uplinks(IMAGE_REPORT_FPORT)}
    assert reports == {hashlib.sha256(IMAGE).digest()}


# --- anything at all

PORTS = st.sampled_from([1, 10, 200, 201, 202, 203, 225])
MESSAGES = st.lists(st.tuples(PORTS, st.binary(min_size=1, max_size=40)), min_size=1, max_size=8)


@given(MESSAGES, MESSAGES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_that_is_sent_up_or_down_stops_either_end(make_world, downwards, upwards):
    """While a group is being set up and a job runs, whose answers these might be."""
    world = make_world(profile=DeviceProfile(version=2), clock_error_s=1000)
    world.started(fragPkgVer=2, startDelaySecs=60, useMultiPkg="true")
    world.server.api_groups.setup(app_eui=world.app_eui, dev_euis=[FIRST, SECOND])
    for device in world.devices[:2]:
        for port, payload in downwards:
            world.server.air.unicast(device, Downlink(port=port, payload=payload))
        for port, payload in upwards:
            world.server.uplink(device, port, payload)
    for _ in range(200):
        world.clock.step()
    third = world.server.directory.devices["02000000F007A003"]
    assert third.last_heard_us > 0
