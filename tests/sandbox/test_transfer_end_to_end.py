"""A whole transfer: started over HTTP, received by virtual devices, judged by their uplinks in the data stream."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pytest

from fuota.device import IMAGE_REPORT_FPORT, DeviceProfile, ImageReport, Outcome, Verdict, judge
from fuota.errors import IncompleteError, NetworkError, ParameterError
from fuota.lorawan.fragmentation import FragSessionStatusAns, parse_uplink
from fuota.lorawan.packages import find_package
from fuota.network import SenraClient, Uplink
from fuota.sandbox import FleetRecipe, Sandbox
from fuota.sandbox.devices.fleet import VirtualDevice

IMAGE = np.random.default_rng(5).bytes(990)
FRAG_SIZE, NB_FRAG, NB_CODED = 40, 25, 10
FACTORY = hashlib.sha256(b"factory firmware").hexdigest()
LAST = "FFFFFFFFFFFFFFFF"
HOUR_US = 3_600_000_000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An ended transfer: the results over HTTP, and the real devices for comparison."""

    verdict: Verdict
    messages_of: dict[str, list]
    uplinks: list[Uplink]
    bodies: list[bytes]
    result: str
    devices: dict[str, VirtualDevice]

    def each(self):
        """Return (report, device) of every device."""
        return [(report, self.devices[report.dev_eui]) for report in self.verdict.devices]

    def statuses(self, dev_eui):
        return [message for message in self.messages_of[dev_eui] if isinstance(message, FragSessionStatusAns)]


class Runner:
    """Transfers through one sandbox, one after the other."""

    def __init__(self, sandbox, version, collector, wait_until):
        self._version, self.sandbox, self._collector, self._wait_until = version, sandbox, collector, wait_until
        self._transfers = SenraClient(sandbox.url, sandbox.api_key, retries=0).transfers

    def send(self, image=IMAGE, **request):
        """Run a transfer to the whole fleet until every device has sent all its answers. Return the ended transfer."""
        request = {"start_delay_s": 300, "redundancy": 0.4, "max_frag_size": FRAG_SIZE} | request
        self._transfers.start(image, app_eui=self.sandbox.app_eui, dev_tags=["sandbox"], **request)
        self._wait_until(lambda: self._transfers.status(app_eui=self.sandbox.app_eui).finished)
        status = self._transfers.status(app_eui=self.sandbox.app_eui)
        assert (status.state, status.pct_done) == ("Done", 100)
        return self._ended(image, status.result)

    def _ended(self, image, result):
        uplinks, bodies = self._all_messages()
        messages_of = defaultdict(list)
        for uplink in uplinks:
            messages_of[uplink.dev_eui] += messages(uplink, self._version)
        sha256 = hashlib.sha256(image).hexdigest()
        reports = (judge(eui, messages_of[eui], sha256=sha256, nb_frag=NB_FRAG) for eui in self.sandbox.dev_euis)
        return Ended(
            verdict=Verdict(sha256=sha256, devices=tuple(reports)),
            messages_of=messages_of,
            uplinks=uplinks,
            bodies=bodies,
            result=result,
            devices=self.sandbox._fleet.by_eui,
        )

    def _all_messages(self):
        """Return all uplinks and bodies, up to an uplink that is published after all planned actions."""
        clock, stream = self.sandbox._clock, self.sandbox._data_stream
        clock.at(clock.now_us() + HOUR_US, lambda: stream.publish(Uplink(dev_eui=LAST)))
        self._wait_until(lambda: any(uplink.dev_eui == LAST for uplink in self._collector.uplinks[-1:]))
        uplinks, bodies = self._collector.uplinks[:-1], self._collector.bodies
        self._collector.uplinks, self._collector.bodies = [], []
        return uplinks, bodies


def messages(uplink, version):
    if uplink.port == IMAGE_REPORT_FPORT:
        return [ImageReport.parse(uplink.pdu)]
    if uplink.port != 201:  # the set-up of the group, which no verdict uses
        assert find_package(uplink.port).parse(uplink.pdu, uplink=True, version=version).require_whole()
        return []
    return parse_uplink(uplink.pdu, version=version).require_whole()


@pytest.fixture
def runner(collector, wait_until):
    """Return a function that makes a sandbox that does not wait, and its runner: `runner(devices=..., loss_high=..., ...)`."""
    with contextlib.ExitStack() as stack:

        def make(*, batch=True, region="EU868", **recipe):
            fleet = FleetRecipe(**({"devices": 12} | recipe))
            sandbox = Sandbox(fleet=fleet, region=region, speed=None, data_stream_url=collector.url, batch=batch)
            return Runner(stack.enter_context(sandbox), fleet.profile.version, collector, wait_until)

        yield make


V2 = DeviceProfile(version=2)
HEAVY = {"devices": 40, "loss_low": 0.1, "loss_high": 0.5}


def assert_verdict_is_true(ended):
    """Assert that the verdict, which uses uplinks only, agrees with the memory and image of the devices."""
    for report, device in ended.each():
        block, missing = device.package.block(), device.package.missing()
        runs = device.running_sha256.hex()
        assert block in (None, IMAGE)
        assert runs == (ended.verdict.sha256 if block == IMAGE else FACTORY)
        assert report.sha256 in (None, runs)
        match report.outcome:
            case Outcome.UPDATED:
                assert runs == ended.verdict.sha256
            case Outcome.COMPLETE:  # no image report has arrived; 1 is missing if the status is doubtful
                assert (report.sha256, report.missing) == (None, missing)
                assert missing in (0, 1)
            case Outcome.INCOMPLETE:
                assert (block, report.missing) == (None, missing)
                assert missing > 0
            case Outcome.SILENT:
                assert all(status.session_does_not_exist for status in ended.statuses(report.dev_eui))
            case other:
                raise AssertionError(f"{other} of a device that can take the image")


# --- results


@pytest.mark.parametrize(
    ("recipe", "request_"),
    [
        ({}, {}),
        ({"profile": V2}, {"frag_pkg_ver": 2}),
        ({}, {"dev_class": "B"}),
        ({}, {"redundancy": 0.0}),
        ({}, {"frag_alg": "NB_TRANS", "redundancy": 0.0}),
        ({"region": "US915"}, {"tx_data_rate": 13, "tx_channel": 7, "descriptor": b"\x01\x02\x03\x04"}),
        ({"region": "IN865"}, {"use_multi_pkg": True, "millis_between_pkts": 1}),
        ({"profile": V2, "clock_error_s": 5000}, {"use_multi_pkg": True, "frag_pkg_ver": 2}),
    ],
)
def test_without_loss_every_device_proves_that_it_runs_the_image(runner, recipe, request_):
    ended = runner(loss_high=0.0, **recipe).send(**request_)
    assert (ended.verdict.updated, ended.verdict.targeted, ended.verdict.settled) == (12, 12, True)
    assert {report.sha256 for report, _ in ended.each()} == {hashlib.sha256(IMAGE).hexdigest()}
    assert_verdict_is_true(ended)


@pytest.mark.parametrize(
    ("recipe", "request_"),
    [
        ({}, {}),
        ({"profile": V2}, {"frag_pkg_ver": 2}),
        ({"burst_frames": 4}, {}),
        ({"burst_frames": 4, "profile": V2}, {"frag_pkg_ver": 2, "dev_class": "B"}),
        ({}, {"frag_alg": "NB_TRANS", "redundancy": 1.0}),
    ],
)
def test_with_heavy_loss_the_verdict_agrees_with_the_devices(runner, recipe, request_):
    ended = runner(**HEAVY, **recipe).send(**request_)
    assert_verdict_is_true(ended)
    assert ended.verdict.updated > 0
    incomplete = ended.verdict.with_outcome(Outcome.INCOMPLETE)
    assert incomplete
    assert all(report.missing > 0 and report.sha256 in (None, FACTORY) for report in incomplete)
    assert any(report.sha256 == FACTORY for report in incomplete)


@pytest.mark.slow
def test_a_device_with_nb_frag_fragments_that_lacks_one_is_not_complete(runner):
    """The status alone is also LoRa Basics Modem's miscount of a complete block (field bug 8)."""
    ended = runner(devices=150, loss_low=0.2, loss_high=0.3).send()
    last_statuses = [
        (report, ended.statuses(report.dev_eui)[-1]) for report in ended.verdict.with_outcome(Outcome.INCOMPLETE)
    ]
    doubtful = [
        report for report, status in last_statuses if (status.missing_frag, status.nb_frag_received) == (1, NB_FRAG)
    ]
    assert doubtful
    assert {(report.missing, report.sha256) for report in doubtful} == {(1, FACTORY)}
    assert_verdict_is_true(ended)


def test_with_total_loss_every_device_is_silent(runner):
    ended = runner(loss_low=1.0, loss_high=1.0).send()
    assert ended.uplinks == []
    assert ended.verdict.counts[Outcome.SILENT] == 12


def test_coded_fragments_repair_losses(runner):
    recipe = {"devices": 30, "loss_low": 0.15, "loss_high": 0.15}
    bare, repaired = (runner(**recipe).send(redundancy=share) for share in (0.0, 1.0))
    assert bare.verdict.updated < 5
    assert repaired.verdict.updated > 25


def test_repeated_fragments_repair_only_single_losses(runner):
    """Repeated fragments count as received, but do not replace a fragment that was lost both times."""
    ended = runner(**HEAVY).send(frag_alg="NB_TRANS", redundancy=1.0)
    incomplete = ended.verdict.with_outcome(Outcome.INCOMPLETE)
    assert any(report.received > NB_FRAG - report.missing for report in incomplete)
    assert all(NB_FRAG - report.missing <= report.received <= 2 * NB_FRAG for report in incomplete)
    assert ended.result == f"Sent {2 * NB_FRAG} fragments to 40 devices."


@pytest.mark.parametrize(
    ("version", "limits", "reason"),
    [
        (1, {"slot_bytes": 989}, "not enough memory"),
        (2, {"max_nb_frag": 24}, "not enough memory"),
        (2, {"descriptor": b"\x01\x02\x03\x04"}, "wrong descriptor"),
    ],
)
def test_devices_that_cannot_take_the_image_refuse_it_and_keep_their_image(runner, version, limits, reason):
    profile = DeviceProfile(version=version, **limits)
    ended = runner(devices=3, loss_high=0.0, profile=profile).send(frag_pkg_ver=version)
    assert {(report.outcome, report.detail, report.sha256) for report, _ in ended.each()} == {
        (Outcome.REFUSED, reason, FACTORY)
    }


def test_devices_of_version_2_do_not_understand_version_1(runner):
    ended = runner(devices=3, loss_high=0.0, profile=V2).send(frag_pkg_ver=1)
    assert {(report.outcome, report.sha256) for report, _ in ended.each()} == {(Outcome.SILENT, FACTORY)}


def test_an_early_start_reaches_only_the_devices_that_are_set_up(runner):
    ended = runner(devices=30, loss_high=0.0).send(start_delay_s=10)  # a device has an uplink every 30 s
    assert 0 < ended.verdict.updated < 30
    assert ended.verdict.counts[Outcome.SILENT] == 30 - ended.verdict.updated
    assert_verdict_is_true(ended)


# --- repetitions


@pytest.mark.slow
def test_the_same_seed_gives_the_same_verdict_and_another_seed_another(runner):
    first, second, other = (runner(**HEAVY, seed=seed).send().verdict for seed in (3, 3, 4))
    assert first == second
    assert first != other


@pytest.mark.parametrize("version", [1, 2])
def test_a_second_image_replaces_the_first(runner, version):
    run = runner(loss_high=0.1, profile=DeviceProfile(version=version))
    first = run.send(frag_pkg_ver=version, redundancy=1.0)
    newer = bytes(reversed(IMAGE))
    second = run.send(newer, frag_pkg_ver=version, redundancy=1.0)
    assert first.verdict.updated == second.verdict.updated == 12
    assert {device.package.block() for _, device in second.each()} == {newer}


@pytest.mark.parametrize("version", [1, 2])
def test_a_session_of_a_cancelled_transfer_takes_no_fragments_of_the_next(make_world, version):
    world = make_world(devices=40, profile=DeviceProfile(version=version)).start(
        IMAGE, maxFragSize=FRAG_SIZE, fragPkgVer=version
    )
    world.run_to("Running")
    world.clock.run_until(lambda: world.devices[0].package.missing() == 12)
    world.client.transfers.cancel(job_id=world.job_id)
    newer = bytes(reversed(IMAGE))
    world.start(newer, maxFragSize=FRAG_SIZE, fragPkgVer=version, startDelaySecs=10)  # too early for most devices
    world.clock.run()
    states = [(device.package.missing(), device.package.block()) for device in world.devices]
    assert set(states) == {(12, None), (0, newer)}


# --- the data stream


def test_uplinks_have_the_members_of_the_reference(runner):
    ended = runner(loss_high=0.2).send()
    notifications = [
        notification for body in ended.bodies for notification in json.loads(body) if notification["devEui"] != LAST
    ]
    assert len(notifications) == len(ended.uplinks) > 12
    text, number = ("devEui", "gwEui", "pdu", "txtime", "appEui", "devClass", "tags"), ("joinId", "port", "seqno")
    for notification in notifications:
        assert {name: type(value) for name, value in notification.items()} == dict.fromkeys(text, str) | dict.fromkeys(
            number, int
        )
        assert notification["txtime"].endswith("Z")
        assert (notification["appEui"], notification["tags"]) == ("02000000F0A00001", "sandbox")
        assert notification["port"] in (200, 201, IMAGE_REPORT_FPORT)
        assert bytes.fromhex(notification["pdu"]).hex().upper() == notification["pdu"]


def test_frame_counters_and_times_of_uplinks_rise(runner):
    ended = runner(loss_high=0.3).send()
    times = [uplink.txtime for uplink in ended.uplinks]
    assert times == sorted(times)
    assert all(isinstance(time, datetime) and time.utcoffset().total_seconds() == 0 for time in times)
    for dev_eui in ended.devices:
        counted = [uplink.seqno for uplink in ended.uplinks if uplink.dev_eui == dev_eui]
        assert counted == sorted(set(counted))
        assert all(0 <= seqno < ended.devices[dev_eui].seqno for seqno in counted)


def test_delayed_answers_of_a_group_are_spread(runner):
    ended = runner(devices=20, loss_high=0.0).send()
    statuses = [u for u in ended.uplinks if isinstance(next(iter(messages(u, 1)), None), FragSessionStatusAns)]
    assert len(statuses) == 20  # each device was asked once and has answered
    spread_s = (max(u.txtime for u in statuses) - min(u.txtime for u in statuses)).total_seconds()
    assert 5 < spread_s <= 16  # BlockAckDelay 0: up to 16 s


def test_without_batching_the_verdict_is_the_same(runner):
    single, batched = (runner(devices=6, batch=batch).send() for batch in (False, True))
    assert all(isinstance(json.loads(body), dict) for body in single.bodies)
    assert all(isinstance(json.loads(body), list) for body in batched.bodies)
    assert single.verdict == batched.verdict


@pytest.mark.parametrize("data_stream_url", [None, "http://127.0.0.1:9/nobody-listens"])
def test_a_transfer_needs_no_receiver_of_uplinks(data_stream_url, wait_until):
    fleet = FleetRecipe(devices=2, loss_high=0.0)
    with Sandbox(fleet=fleet, speed=None, data_stream_url=data_stream_url) as sandbox:
        transfers = SenraClient(sandbox.url, sandbox.api_key).transfers
        transfers.start(IMAGE, app_eui=sandbox.app_eui, dev_euis=sandbox.dev_euis, start_delay_s=60, redundancy=0.0)
        wait_until(lambda: transfers.status(app_eui=sandbox.app_eui).finished)
        assert transfers.status(app_eui=sandbox.app_eui).result == "Sent 21 fragments to 2 devices."


# --- the sandbox itself


def test_a_sandbox_has_a_url_inside_its_block_only():
    sandbox = Sandbox(fleet=FleetRecipe(devices=2), speed=None)
    assert sandbox.dev_euis == ("02000000F007A001", "02000000F007A002")
    with sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
    with pytest.raises(IncompleteError):
        _ = sandbox.url


def test_a_port_in_use_is_reported():
    with Sandbox(speed=None) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(NetworkError, match=f"port {port} .* in use"):
            Sandbox(speed=None, port=port).start()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": 0}, "speed must be greater than 0"),
        ({"region": "MARS"}, "MARS"),
        ({"uplink_period_s": 0}, "nearest: 1"),
        ({"data_stream_url": "http://192.0.2.1/uplinks"}, "https"),
        ({"port": 65536}, "65535"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        Sandbox(**options)


def test_a_fast_clock_ends_a_transfer_sooner(wait_until):
    """This test really waits, unlike all others here: about 100 s of virtual time in a tenth of a second."""
    with Sandbox(fleet=FleetRecipe(devices=2, loss_high=0.0), speed=1000) as sandbox:
        transfers = SenraClient(sandbox.url, sandbox.api_key).transfers
        transfers.start(b"x", app_eui=sandbox.app_eui, dev_tags=["sandbox"], start_delay_s=60, redundancy=0.0)
        assert transfers.status(app_eui=sandbox.app_eui).state == "Queued"
        wait_until(lambda: transfers.status(app_eui=sandbox.app_eui).finished)
