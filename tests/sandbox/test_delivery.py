"""Downlinks from the queue to the device and back: receive windows, acknowledgements, joins, and commands to devices."""

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
from fuota.sandbox.air.downlink import Downlink
from fuota.sandbox.server.records import DeviceState
from fuota.sim import Bernoulli

FIRST, SECOND = "02000000F007A001", "02000000F007A002"
PERIOD_US, RX1_US = 30_000_000, 1_000_000


class Talk:
    """A conversation of the application with the first device of a world."""

    def __init__(self, world):
        self.world, self.device, self.downlinks = world, world.devices[0], world.client.downlinks

    def send(self, pdu=b"\x01", **kwargs):
        return self.downlinks.send(FIRST, pdu, **({"port": 10} | kwargs)).msg_id

    def queued(self):
        return self.world.server.downlinks.queued(FIRST, self.world.clock.now_us())

    def uplinks(self, port=None):
        return [uplink for uplink in self.world.uplinks if uplink.dev_eui == FIRST and port in (None, uplink.port)]

    def pass_s(self, seconds):
        """Run all actions of the next seconds."""
        clock = self.world.clock
        end_us = clock.now_us() + seconds * 1_000_000
        clock.at(end_us, lambda: None)
        clock.run_until(lambda: clock.now_us() >= end_us)

    def become(self, dev_class):
        self.world.server.directory.devices[FIRST].dev_class = dev_class
        return self


@pytest.fixture
def make_talk(make_world):
    """Return a function that makes a world and the conversation with its first device."""
    return lambda **kwargs: Talk(make_world(**kwargs))


# --- receive windows


def test_a_class_a_device_hears_after_its_next_uplink(make_talk):
    talk = make_talk()
    begun_us = talk.world.clock.now_us()
    talk.send(b"\x0a")
    assert not talk.device.inbox
    talk.world.clock.run_until(lambda: talk.device.inbox)
    assert list(talk.device.inbox) == [(10, b"\x0a")]
    assert begun_us + RX1_US <= talk.world.clock.now_us() <= begun_us + PERIOD_US + RX1_US
    assert talk.queued() == []


def test_each_uplink_is_followed_by_a_single_downlink(make_talk):
    talk = make_talk()
    for number in (1, 2, 3):
        talk.send(bytes((number,)))
    arrivals_us = []
    while talk.world.clock.step():
        if len(talk.device.inbox) > len(arrivals_us):
            arrivals_us.append(talk.world.clock.now_us())
    assert [payload for _, payload in talk.device.inbox] == [b"\x01", b"\x02", b"\x03"]
    assert [b - a for a, b in itertools.pairwise(arrivals_us)] == [PERIOD_US, PERIOD_US]


def test_a_class_c_device_hears_at_once(make_talk):
    talk = make_talk().become("C")
    for number in (1, 2, 3):
        talk.send(bytes((number,)))
    talk.pass_s(5)
    assert [payload for _, payload in talk.device.inbox] == [b"\x01", b"\x02", b"\x03"]


def test_a_lost_unconfirmed_downlink_is_not_repeated(make_talk):
    talk = make_talk().become("C")
    talk.device.loss = Bernoulli(1.0)
    talk.send()
    talk.pass_s(1)
    assert (list(talk.device.inbox), talk.queued()) == ([], [])


def test_a_downlink_expires_after_its_timeout(make_talk):
    talk = make_talk()
    talk.device.loss = Bernoulli(1.0)  # no uplink comes through, so there is no receive window
    talk.send(timeout_minutes=2)
    talk.pass_s(119)
    assert len(talk.queued()) == 1
    talk.device.loss = Bernoulli(0.0)
    talk.pass_s(1)
    talk.world.clock.run()
    assert list(talk.device.inbox) == []


def test_a_downlink_is_sent_after_an_answer_of_the_device(make_talk):
    talk = make_talk()
    talk.send(DevVersionReq().to_bytes(), port=203)
    talk.send(b"\x07")
    talk.world.clock.run_until(lambda: talk.uplinks(203))
    answered_us = talk.world.clock.now_us()
    talk.world.clock.run_until(lambda: talk.device.inbox)
    assert talk.world.clock.now_us() == answered_us + RX1_US


def test_an_immediate_downlink_is_sent_after_the_present_uplink(make_talk):
    talk = make_talk()
    talk.send(DevVersionReq().to_bytes(), port=203)
    talk.world.clock.run_until(lambda: talk.uplinks(203))
    uplink_us = talk.world.clock.now_us()
    talk.send(b"\x07", immediate=True)
    talk.world.clock.run_until(lambda: talk.device.inbox)
    assert talk.world.clock.now_us() == uplink_us + RX1_US


# --- acknowledgements


@pytest.mark.parametrize("dev_class", ["A", "C"])
def test_a_confirmed_downlink_is_acknowledged_by_an_uplink(make_talk, dev_class):
    talk = make_talk().become(dev_class)
    msg_id = talk.send(b"\x05", confirmed=True)
    talk.world.clock.run()
    (acknowledgement,) = talk.uplinks()
    assert (acknowledgement.ack, acknowledgement.ack_dn_msg_id) == (True, msg_id)
    assert (acknowledgement.port, acknowledgement.pdu) == (None, b"")
    assert list(talk.device.inbox) == [(10, b"\x05")]
    assert talk.queued() == []


def test_an_answer_carries_the_acknowledgement(make_talk):
    talk = make_talk()
    msg_id = talk.send(DevVersionReq().to_bytes(), port=203, confirmed=True)
    talk.world.clock.run()
    (answer,) = talk.uplinks()
    assert (answer.port, answer.ack, answer.ack_dn_msg_id) == (203, True, msg_id)


def test_a_confirmed_downlink_is_sent_again_until_it_is_acknowledged(make_talk):
    talk = make_talk()
    msg_id = talk.send(b"\x05", confirmed=True, timeout_minutes=10)
    talk.world.clock.run_until(lambda: talk.device.inbox)
    talk.device.loss = Bernoulli(1.0)
    talk.pass_s(95)
    assert (talk.uplinks(), len(talk.queued())) == ([], 1)
    talk.device.loss = Bernoulli(0.0)
    talk.world.clock.run()
    assert [uplink.ack_dn_msg_id for uplink in talk.uplinks()] == [msg_id]
    assert len(talk.device.inbox) == 2


def test_a_confirmed_downlink_without_acknowledgement_expires(make_talk):
    talk = make_talk()
    talk.device.loss = Bernoulli(1.0)
    talk.send(confirmed=True, timeout_minutes=3)
    talk.world.clock.run()
    assert (talk.uplinks(), talk.queued()) == ([], [])


def test_uplinks_without_acknowledgement_have_no_ack_fields(make_talk):
    talk = make_talk()
    talk.send(DevVersionReq().to_bytes(), port=203)
    talk.world.clock.run()
    assert {(uplink.ack, uplink.ack_dn_msg_id) for uplink in talk.uplinks()} == {(None, None)}


# --- joining


def test_every_device_has_joined_with_individual_keys(make_world):
    world = make_world(devices=20)
    records = [world.server.directory.devices[device.dev_eui] for device in world.devices]
    assert {record.state for record in records} == {DeviceState.JOINED}
    assert [record.dev_addr for record in records] == [device.session.dev_addr for device in world.devices]
    assert len({record.dev_addr for record in records}) == len({record.app_s_key for record in records}) == 20
    for record, device in zip(records, world.devices, strict=True):
        assert (record.app_s_key, record.nwk_s_key) == (device.session.keys.app_s_key, device.session.keys.nwk_s_key)


def test_a_registered_and_activated_device_joins_and_sends(make_world):
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


def test_an_abp_device_sends_without_joining(make_world):
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


def test_an_abp_device_cannot_receive_the_key_of_a_group(make_world):
    """The server has no root key to encrypt the group's key with."""
    world = make_world()
    row = {"dev_eui": "FFFFFFFFFFFFFFF1", "dev_addr": "FFFFFFF1", "nwk_s_key": "1" * 32, "app_s_key": "2" * 32}
    world.client.devices.register([row], token=world.service.token(), app_eui=world.app_eui)
    world.clock.run()
    group = world.client.multicast.setup(world.app_eui, dev_euis=["FFFFFFFFFFFFFFF1"])
    assert [member.state for member in group.members] == ["Failed"]


def test_repeated_damaged_and_foreign_frames_are_dropped(make_world):
    world = make_world()
    first, second = world.devices[:2]
    frame = first.uplink(10, b"\x01")
    assert world.server.mac.open(frame)[0].dev_eui == FIRST
    assert world.server.mac.open(frame) is None
    assert world.server.mac.open(frame[:-1] + bytes((frame[-1] ^ 1,))) is None
    assert world.server.mac.open(b"") is None
    assert second.hear(frame) == (None, [])


def test_a_join_request_is_accepted_once(make_world):
    world = make_world()
    request = world.devices[0].join_request()
    assert world.server.mac.join(request, world.clock.now_us()) is not None
    assert world.server.mac.join(request, world.clock.now_us()) is None
    assert world.server.mac.join(b"\x00" * 23, world.clock.now_us()) is None


def test_a_deactivated_device_keeps_its_session_and_cannot_join(make_talk):
    talk = make_talk()
    talk.world.client.devices.deactivate([FIRST], app_eui=talk.world.app_eui)
    talk.world.clock.run()
    talk.send(DevVersionReq().to_bytes(), port=203)
    talk.world.clock.run()
    assert talk.uplinks(203)
    assert talk.world.server.mac.join(talk.device.join_request(), talk.world.clock.now_us()) is None


def test_sendmcastmsg_reaches_the_device_with_the_address_in_class_c(make_talk):
    talk = make_talk()
    address = f"{talk.device.session.dev_addr:08X}"
    for dev_class, expected in (("A", []), ("C", [(9, b"\x05")])):
        talk.become(dev_class)
        talk.downlinks.send_multicast(address, "05", ["AAAAAAAAAAAAAAAA"], port=9)
        talk.world.clock.run()
        assert list(talk.device.inbox) == expected  # a device of class A does not listen at that moment


# --- commands to devices


IMAGE = b"new firmware"
VERSION = int.from_bytes(hashlib.sha256(IMAGE).digest()[:4], "little")


def with_an_image(talk):
    """Return `talk` after its first device has received an image by unicast. It does not start the image without a reboot."""
    setup = FragSessionSetupReq(
        version=1, frag_index=2, mc_group_bit_mask=0, nb_frag=1, frag_size=12, block_ack_delay=0, padding=0
    )
    talk.send(setup.to_bytes(), port=201)
    talk.send(b"\x08\x01\x80" + IMAGE, port=201)
    talk.world.clock.run()
    assert talk.device.package.block(2) == IMAGE
    return talk


def management(talk, command):
    talk.send(command.to_bytes(), port=203)
    before = len(talk.uplinks(203))
    talk.world.clock.run_until(lambda: len(talk.uplinks(203)) > before)
    (answer,) = parse_management(talk.uplinks(203)[-1].pdu).require_whole()
    return answer


def test_ts006_reports_the_received_image_and_a_reboot_starts_it(make_talk):
    talk = with_an_image(make_talk(autostart=False))
    assert management(talk, DevUpgradeImageReq()) == DevUpgradeImageAns(
        up_image_status=UpImageStatus.VALID, next_firmware_version=VERSION
    )
    old = management(talk, DevVersionReq()).firmware_version
    assert management(talk, DevRebootCountdownReq(countdown_s=300)).countdown_s == 300
    talk.pass_s(298)
    assert talk.uplinks(IMAGE_REPORT_FPORT) == []
    talk.world.clock.run()
    reports = {ImageReport.parse(uplink.pdu).sha256 for uplink in talk.uplinks(IMAGE_REPORT_FPORT)}
    assert reports == {hashlib.sha256(IMAGE).digest()}
    assert management(talk, DevVersionReq()).firmware_version == VERSION != old
    assert management(talk, DevUpgradeImageReq()).up_image_status is UpImageStatus.NONE


def test_ts006_deletes_an_image_and_a_postponed_reboot_happens_once(make_talk):
    talk = with_an_image(make_talk(autostart=False))
    management(talk, DevRebootCountdownReq(countdown_s=60))
    management(talk, DevRebootCountdownReq(countdown_s=600))
    talk.pass_s(120)
    assert talk.uplinks(IMAGE_REPORT_FPORT) == []
    assert not management(talk, DevDeleteImageReq(firmware_to_delete_version=VERSION)).error_no_valid_image
    talk.world.clock.run()
    (factory,) = {ImageReport.parse(uplink.pdu).sha256 for uplink in talk.uplinks(IMAGE_REPORT_FPORT)}
    assert factory == hashlib.sha256(b"factory firmware").digest()


def test_a_device_requests_the_time_with_the_set_periodicity(make_talk):
    talk = make_talk()
    talk.send(DeviceAppTimePeriodicityReq(period=0).to_bytes(), port=202)
    talk.pass_s(600)
    requests = [uplink for uplink in talk.uplinks(202) if isinstance(parse_clock(uplink.pdu).commands[0], AppTimeReq)]
    times = [uplink.txtime.timestamp() for uplink in requests]
    assert len(times) == 4
    assert {round(b - a) for a, b in itertools.pairwise(times)} == {128}


@pytest.mark.parametrize(("answered", "reports"), [(True, 1), (False, 3)])
def test_a_version_2_device_reports_a_whole_block_until_it_gets_an_answer(make_talk, answered, reports):
    talk = make_talk(profile=DeviceProfile(version=2))
    integrity = {"session_cnt": 0, "descriptor": bytes(4)}
    mic = data_block_mic(key=data_block_int_key(talk.device.app_key), frag_index=1, data=IMAGE, **integrity)
    fields = {
        "frag_index": 1,
        "mc_group_bit_mask": 0,
        "nb_frag": 1,
        "frag_size": 12,
        "block_ack_delay": 0,
        "padding": 0,
    }
    setup = FragSessionSetupReq(version=2, ack_reception=True, mic=mic, **integrity, **fields)
    talk.send(setup.to_bytes(), port=201)
    talk.send(b"\x08\x01\x40" + IMAGE, port=201)
    received = FragDataBlockReceivedReq(frag_index=1).to_bytes()
    talk.world.clock.run_until(lambda: talk.uplinks(201)[-1:] and talk.uplinks(201)[-1].pdu == received)
    if answered:
        talk.send(FragDataBlockReceivedAns(frag_index=1).to_bytes(), port=201, immediate=True)
    talk.world.clock.run()
    assert [uplink.pdu for uplink in talk.uplinks(201)].count(received) == reports
    images = {ImageReport.parse(uplink.pdu).sha256 for uplink in talk.uplinks(IMAGE_REPORT_FPORT)}
    assert images == {hashlib.sha256(IMAGE).digest()}


# --- arbitrary messages

PORTS = st.sampled_from([1, 10, 200, 201, 202, 203, 225])
MESSAGES = st.lists(st.tuples(PORTS, st.binary(min_size=1, max_size=40)), min_size=1, max_size=8)


@given(MESSAGES, MESSAGES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_arbitrary_messages_stop_neither_server_nor_devices(make_world, downwards, upwards):
    """A group is being set up and a transfer runs meanwhile, so that the messages may look like their answers."""
    world = make_world(profile=DeviceProfile(version=2), clock_error_s=1000)
    world.start(fragPkgVer=2, startDelaySecs=60, useMultiPkg="true")
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
