"""A whole transfer: started over HTTP, received by virtual devices, judged by what they sent up the data stream."""

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
    """A transfer that has ended: what came over HTTP, and, to compare with, what the devices really hold."""

    verdict: Verdict
    said: dict[str, list]
    uplinks: list[Uplink]
    bodies: list[bytes]
    result: str
    devices: dict[str, VirtualDevice]

    def each(self):
        """(report, device) of every device."""
        return [(report, self.devices[report.dev_eui]) for report in self.verdict.devices]

    def statuses(self, dev_eui):
        return [message for message in self.said[dev_eui] if isinstance(message, FragSessionStatusAns)]


class Runner:
    """Transfers through one sandbox, one after the other."""

    def __init__(self, sandbox, version, collector, wait_until):
        self._version, self.sandbox, self._collector, self._wait_until = version, sandbox, collector, wait_until
        self._transfers = SenraClient(sandbox.url, sandbox.api_key, retries=0).transfers

    def send(self, image=IMAGE, **request):
        """One transfer to the whole fleet, over when every device has said what it had to say."""
        request = {"start_delay_s": 300, "redundancy": 0.4, "max_frag_size": FRAG_SIZE} | request
        self._transfers.start(image, app_eui=self.sandbox.app_eui, dev_tags=["sandbox"], **request)
        self._wait_until(lambda: self._transfers.status(app_eui=self.sandbox.app_eui).finished)
        status = self._transfers.status(app_eui=self.sandbox.app_eui)
        assert (status.state, status.pct_done) == ("Done", 100)
        return self._ended(image, status.result)

    def _ended(self, image, result):
        uplinks, bodies = self._all_that_was_said()
        said = defaultdict(list)
        for uplink in uplinks:
            said[uplink.dev_eui] += messages(uplink, self._version)
        sha256 = hashlib.sha256(image).hexdigest()
        reports = (judge(eui, said[eui], sha256=sha256, nb_frag=NB_FRAG) for eui in self.sandbox.dev_euis)
        return Ended(
            verdict=Verdict(sha256=sha256, devices=tuple(reports)),
            said=said,
            uplinks=uplinks,
            bodies=bodies,
            result=result,
            devices=self.sandbox._fleet.by_eui,
        )

    def _all_that_was_said(self):
        """What arrived, up to an uplink of our own behind all that the sandbox had planned."""
        clock, stream = self.sandbox._clock, self.sandbox._data_stream
        clock.at(clock.now_us() + HOUR_US, lambda: stream.publish(Uplink(dev_eui=LAST)))
        self._wait_until(lambda: any(uplink.dev_eui == LAST for uplink in self._collector.uplinks[-1:]))
        uplinks, bodies = self._collector.uplinks[:-1], self._collector.bodies
        self._collector.uplinks, self._collector.bodies = [], []
        return uplinks, bodies


def messages(uplink, version):
    if uplink.port == IMAGE_REPORT_FPORT:
        return [ImageReport.parse(uplink.pdu)]
    if uplink.port != 201:  # how its group came about, which no verdict looks at
        assert find_package(uplink.port).parse(uplink.pdu, uplink=True, version=version).require_whole()
        return []
    return parse_uplink(uplink.pdu, version=version).require_whole()


@pytest.fixture
def runner(collector, wait_until):
    """Makes a sandbox that does not wait, and a runner for it: `runner(devices=..., loss_high=..., ...)`."""
    with contextlib.ExitStack() as stack:

        def make(*, batch=True, region="EU868", **recipe):
            fleet = FleetRecipe(**({"devices": 12} | recipe))
            sandbox = Sandbox(fleet=fleet, region=region, speed=None, data_stream_url=collector.url, batch=batch)
            return Runner(stack.enter_context(sandbox), fleet.profile.version, collector, wait_until)

        yield make


V2 = DeviceProfile(version=2)
HEAVY = {"devices": 40, "loss_low": 0.1, "loss_high": 0.5}


def assert_true(ended):
    """That the verdict, made of nothing but uplinks, is what the devices really hold and run."""
    for report, device in ended.each():
        block, missing = device.package.block(), device.package.missing()
        runs = device.running_sha256.hex()
        assert block in (None, IMAGE)
        assert runs == (ended.verdict.sha256 if block == IMAGE else FACTORY)
        assert report.sha256 in (None, runs)
        match report.outcome:
            case Outcome.UPDATED:
                assert runs == ended.verdict.sha256
            case Outcome.COMPLETE:  # none of its image reports arrived; 1 is missing where the status is in doubt
                assert (report.sha256, report.missing) == (None, missing)
                assert missing in (0, 1)
            case Outcome.INCOMPLETE:
                assert (block, report.missing) == (None, missing)
                assert missing > 0
            case Outcome.SILENT:
                assert all(status.session_does_not_exist for status in ended.statuses(report.dev_eui))
            case other:
                raise AssertionError(f"{other} of a device that can take the image")


# --- how it ends


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
    assert_true(ended)


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
def test_with_heavy_loss_the_verdict_is_what_the_devices_really_hold(runner, recipe, request_):
    ended = runner(**HEAVY, **recipe).send(**request_)
    assert_true(ended)
    assert ended.verdict.updated > 0
    incomplete = ended.verdict.with_outcome(Outcome.INCOMPLETE)
    assert incomplete
    assert all(report.missing > 0 and report.sha256 in (None, FACTORY) for report in incomplete)
    assert any(report.sha256 == FACTORY for report in incomplete)


def test_a_device_that_received_as_many_as_the_image_has_but_lacks_one_is_no_success(runner):
    """The status alone is also LoRa Basics Modem's miscount of a complete block (field bug 8)."""
    ended = runner(devices=150, loss_low=0.2, loss_high=0.3).send()
    seen = [(report, ended.statuses(report.dev_eui)[-1]) for report in ended.verdict.with_outcome(Outcome.INCOMPLETE)]
    doubtful = [report for report, status in seen if (status.missing_frag, status.nb_frag_received) == (1, NB_FRAG)]
    assert doubtful
    assert {(report.missing, report.sha256) for report in doubtful} == {(1, FACTORY)}
    assert_true(ended)


def test_nobody_hears_anything_where_everything_is_lost(runner):
    ended = runner(loss_low=1.0, loss_high=1.0).send()
    assert ended.uplinks == []
    assert ended.verdict.counts[Outcome.SILENT] == 12


def test_coded_fragments_repair_what_was_lost(runner):
    recipe = {"devices": 30, "loss_low": 0.15, "loss_high": 0.15}
    bare, repaired = (runner(**recipe).send(redundancy=share) for share in (0.0, 1.0))
    assert bare.verdict.updated < 5
    assert repaired.verdict.updated > 25


def test_fragments_that_go_out_twice_repair_no_more_than_they_can(runner):
    """Repeats are counted as received, and never stand for a fragment that was lost both times."""
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
def test_devices_that_cannot_take_the_image_refuse_and_keep_theirs(runner, version, limits, reason):
    profile = DeviceProfile(version=version, **limits)
    ended = runner(devices=3, loss_high=0.0, profile=profile).send(frag_pkg_ver=version)
    assert {(report.outcome, report.detail, report.sha256) for report, _ in ended.each()} == {
        (Outcome.REFUSED, reason, FACTORY)
    }


def test_devices_of_version_2_do_not_understand_version_1(runner):
    ended = runner(devices=3, loss_high=0.0, profile=V2).send(frag_pkg_ver=1)
    assert {(report.outcome, report.sha256) for report, _ in ended.each()} == {(Outcome.SILENT, FACTORY)}


def test_a_start_that_leaves_no_time_for_the_setups_reaches_only_some(runner):
    ended = runner(devices=30, loss_high=0.0).send(start_delay_s=10)  # a device has an uplink every 30 s
    assert 0 < ended.verdict.updated < 30
    assert ended.verdict.counts[Outcome.SILENT] == 30 - ended.verdict.updated
    assert_true(ended)


# --- again


def test_the_same_seed_ends_the_same_and_another_seed_otherwise(runner):
    world, two, other = (runner(**HEAVY, seed=seed).send().verdict for seed in (3, 3, 4))
    assert world == two
    assert world != other


@pytest.mark.parametrize("version", [1, 2])
def test_a_second_image_replaces_the_first(runner, version):
    run = runner(loss_high=0.1, profile=DeviceProfile(version=version))
    first = run.send(frag_pkg_ver=version, redundancy=1.0)
    newer = bytes(reversed(IMAGE))
    second = run.send(newer, frag_pkg_ver=version, redundancy=1.0)
    assert first.verdict.updated == second.verdict.updated == 12
    assert {device.package.block() for _, device in second.each()} == {newer}


@pytest.mark.parametrize("version", [1, 2])
def test_a_session_left_over_from_a_cancelled_job_takes_no_fragments_of_the_next(make_world, version):
    world = make_world(devices=40, profile=DeviceProfile(version=version)).started(
        IMAGE, maxFragSize=FRAG_SIZE, fragPkgVer=version
    )
    world.run_to("Running")
    world.clock.run_until(lambda: world.devices[0].package.missing() == 12)
    world.client.transfers.cancel(job_id=world.job_id)
    newer = bytes(reversed(IMAGE))
    world.started(newer, maxFragSize=FRAG_SIZE, fragPkgVer=version, startDelaySecs=10)  # too soon for most
    world.clock.run()
    held = [(device.package.missing(), device.package.block()) for device in world.devices]
    assert set(held) == {(12, None), (0, newer)}


# --- the data stream


def test_uplinks_are_what_the_reference_shows(runner):
    ended = runner(loss_high=0.2).send()
    notifications = [one for body in ended.bodies for one in json.loads(body) if one["devEui"] != LAST]
    assert len(notifications) == len(ended.uplinks) > 12
    text, number = ("devEui", "gwEui", "pdu", "txtime", "appEui", "devClass", "tags"), ("joinId", "port", "seqno")
    for one in notifications:
        assert {name: type(value) for name, value in one.items()} == dict.fromkeys(text, str) | dict.fromkeys(
            number, int
        )
        assert one["txtime"].endswith("Z")
        assert (one["appEui"], one["tags"]) == ("02000000F0A00001", "sandbox")
        assert one["port"] in (200, 201, IMAGE_REPORT_FPORT)
        assert bytes.fromhex(one["pdu"]).hex().upper() == one["pdu"]


def test_each_device_counts_its_uplinks_and_time_goes_on(runner):
    ended = runner(loss_high=0.3).send()
    times = [uplink.txtime for uplink in ended.uplinks]
    assert times == sorted(times)
    assert all(isinstance(time, datetime) and time.utcoffset().total_seconds() == 0 for time in times)
    for dev_eui in ended.devices:
        counted = [uplink.seqno for uplink in ended.uplinks if uplink.dev_eui == dev_eui]
        assert counted == sorted(set(counted))
        assert all(0 <= seqno < ended.devices[dev_eui].seqno for seqno in counted)


def test_delayed_answers_of_a_group_do_not_come_all_at_once(runner):
    ended = runner(devices=20, loss_high=0.0).send()
    statuses = [u for u in ended.uplinks if isinstance(next(iter(messages(u, 1)), None), FragSessionStatusAns)]
    assert len(statuses) == 20  # each was asked once, and answered
    spread_s = (max(u.txtime for u in statuses) - min(u.txtime for u in statuses)).total_seconds()
    assert 5 < spread_s <= 16  # BlockAckDelay 0: up to 16 s


def test_without_batching_every_uplink_is_posted_alone_and_ends_the_same(runner):
    single, batched = (runner(devices=6, batch=batch).send() for batch in (False, True))
    assert all(isinstance(json.loads(body), dict) for body in single.bodies)
    assert all(isinstance(json.loads(body), list) for body in batched.bodies)
    assert single.verdict == batched.verdict


@pytest.mark.parametrize("data_stream_url", [None, "http://127.0.0.1:9/nobody-listens"])
def test_a_transfer_needs_nobody_who_listens(data_stream_url, wait_until):
    fleet = FleetRecipe(devices=2, loss_high=0.0)
    with Sandbox(fleet=fleet, speed=None, data_stream_url=data_stream_url) as sandbox:
        transfers = SenraClient(sandbox.url, sandbox.api_key).transfers
        transfers.start(IMAGE, app_eui=sandbox.app_eui, dev_euis=sandbox.dev_euis, start_delay_s=60, redundancy=0.0)
        wait_until(lambda: transfers.status(app_eui=sandbox.app_eui).finished)
        assert transfers.status(app_eui=sandbox.app_eui).result == "Sent 21 fragments to 2 devices."


# --- the sandbox itself


def test_a_sandbox_is_there_while_its_block_lasts():
    sandbox = Sandbox(fleet=FleetRecipe(devices=2), speed=None)
    assert sandbox.dev_euis == ("02000000F007A001", "02000000F007A002")
    with sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")
    with pytest.raises(IncompleteError):
        _ = sandbox.url


def test_a_taken_port_is_told():
    with Sandbox(speed=None) as first:
        port = int(first.url.rpartition(":")[2])
        with pytest.raises(NetworkError, match=f"port {port} .* in use"):
            Sandbox(speed=None, port=port).start()


@pytest.mark.parametrize(
    ("world_", "message"),
    [
        ({"speed": 0}, "speed must be greater than 0"),
        ({"region": "MARS"}, "MARS"),
        ({"uplink_period_s": 0}, "nearest: 1"),
        ({"data_stream_url": "http://192.0.2.1/uplinks"}, "https"),
        ({"port": 65536}, "65535"),
    ],
)
def test_worlds_that_cannot_be_are_refused(world_, message):
    with pytest.raises(ParameterError, match=message):
        Sandbox(**world_)


def test_a_clock_that_goes_faster_than_real_time_brings_it_about_sooner(wait_until):
    """Real waiting, unlike in all other tests here: some 100 s of virtual time in a tenth of a second."""
    with Sandbox(fleet=FleetRecipe(devices=2, loss_high=0.0), speed=1000) as sandbox:
        transfers = SenraClient(sandbox.url, sandbox.api_key).transfers
        transfers.start(b"x", app_eui=sandbox.app_eui, dev_tags=["sandbox"], start_delay_s=60, redundancy=0.0)
        assert transfers.status(app_eui=sandbox.app_eui).state == "Queued"
        wait_until(lambda: transfers.status(app_eui=sandbox.app_eui).finished)
