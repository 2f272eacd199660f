"""Damaged inputs end in an exception of fuota or in a result, soon: never in a foreign exception.

The number of mutants of each kind is 5,000 files, 4,000 journals and 20,000 answers; FUOTA_MUTANTS is another share of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from fuota.campaign import (
    CampaignState,
    Journal,
    check_journal,
    salvage_journal,
    verdict_of,
)
from fuota.campaign.journal.record import FILE_NAME
from fuota.device import IMAGE_REPORT_FPORT, ImageReport, load_profile, validate_image
from fuota.errors import FuotaError
from fuota.fragmentation import FragmentationSession
from fuota.fragmentation.fragment_file import fragment_lines, read_fragments
from fuota.network import SenraClient, TransferRequest, Uplink
from fuota.network.bounds import Answer
from fuota.network.device_lists import read_devices, read_euis
from fuota.network.http import HttpClient
from fuota.network.senra.device_rows import AbpDevice, OtaaDevice, checked_rows
from fuota.network.server_entries import server_entries
from fuota.network.stream_body import read_body
from fuota.planning import open_fleet, plan
from fuota.planning.plan_file import load_plan, save_plan
from fuota.sandbox.server.state_file import load_state
from fuota.sim import Trace
from fuota.sim.sweep_file import open_rows
from tests.cli.plan_cases import EXPORT, METER
from tests.verification.mutation import mutant

pytestmark = pytest.mark.slow

SHARE = float(os.environ.get("FUOTA_MUTANTS", "1"))
LONGEST_S = 1.0
DEVICES = [f"{number:016X}" for number in range(1, 13)]
KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"

FLEET_TOML = """
[[group]]
name = "near"
devices = 10
snr_db = 5.0
psr = 0.9
data_rate = 3
lat = 48.1
lng = 11.5
[[group]]
devices = 3
loss = 0.2
burst_frames = 2.0
[link]
"""
CONFIG = """
[servers.senra]
url = "https://api.senraco.io"
api_key_file = "senra.key"
app_eui = "AAAAAAAAAAAAAA01"
"""
NOTIFICATION = {
    "devEui": DEVICES[0],
    "port": 201,
    "pdu": "0108",
    "seqno": 74503,
    "joinId": 3,
    "txtime": "2026-12-01T12:00:00.000Z",
    "rssi": -100,
    "snr": 7.5,
    "tags": "a,b",
    "appEui": "AAAAAAAAAAAAAA01",
    "ack": False,
}
DEVICE = {"devEui": DEVICES[0], "appKey": "0" * 32, "lat": 48.1, "lng": 11.5, "tags": ["a"], "devType": "meter"}
MESSAGES = f"devEui,pdu,port,confirmed,timeoutMinutes\n{DEVICES[0]},0102,10,true,65\n{DEVICES[1]},03,10,false,60\n"
MESSAGE_FIELDS = ("dev_eui", "pdu", "port", "confirmed", "timeout_minutes", "clear", "dev_class", "immediate")


def plan_bytes(folder: Path) -> bytes:
    path = folder / "seed.json"
    save_plan(plan(bytes(3_000), region="EU868", data_rate=5, loss=0.1), path)
    return path.read_bytes()


def image_bytes(_folder: Path) -> bytes:
    return (Path(__file__).parents[2] / "sample_firmware" / "sensor-1.1.0.bin").read_bytes()


def npy_bytes(_folder: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones((4, 30), np.uint8))
    return file.getvalue()


def state_bytes(folder: Path) -> bytes:
    """Return the file of a sandbox that has devices, a task and a message."""
    from fuota.sandbox import FleetRecipe, Sandbox

    path = folder / "seed.state"
    with Sandbox(fleet=FleetRecipe(devices=3, seed=1), state=path, speed=None) as sandbox:
        client = SenraClient(sandbox.url, sandbox.api_key)
        client.downlinks.send(sandbox.dev_euis[0], "0102", port=10)
    return path.read_bytes()


def read_messages(path: Path) -> None:
    with path.open("rb") as file:
        listed = read_devices(file, MESSAGE_FIELDS)
    client = SenraClient("http://127.0.0.1:1", KEY, before_request=stop)
    with contextlib.suppress(NothingSentError):
        list(client.downlinks.send_each(list(listed.rows)))


class NothingSentError(FuotaError):
    pass


def stop(_request: object) -> None:
    raise NothingSentError


def read_device_rows(path: Path) -> None:
    with path.open("rb") as file:
        read_euis(file)
        file.seek(0)
        rows = read_devices(file, ["dev_eui", "app_key", "dev_addr", "lat", "lng", "tags", "dev_type", "metadata"]).rows
    checked_rows(OtaaDevice, rows)
    with contextlib.suppress(FuotaError):
        checked_rows(AbpDevice, rows)


def read_config(path: Path) -> None:
    os.environ["FUOTA_CONFIG"] = str(path)
    try:
        server_entries()
    finally:
        del os.environ["FUOTA_CONFIG"]


def read_rows(path: Path) -> None:
    with open_rows(path, ["point", "batch", "loss"]) as rows:
        rows.append({"point": "a", "batch": 1, "loss": 0.5})


KINDS: dict[str, tuple[str, bytes | Callable[[Path], bytes], Callable[[Path], object]]] = {
    "plan": ("x.json", plan_bytes, load_plan),
    "image": ("x.bin", image_bytes, validate_image),
    "fleet CSV": ("x.csv", EXPORT.encode(), lambda path: open_fleet(path, region="EU868")),
    "fleet TOML": ("x.toml", FLEET_TOML.encode(), lambda path: open_fleet(path, region="EU868")),
    "profile": ("x.toml", METER.encode(), load_profile),
    "configuration": ("x.toml", CONFIG.encode(), read_config),
    "trace CSV": ("x.csv", b"1,1,0,1\n0,1,1,1\n1,1,1,1\n", Trace.open),
    "trace npy": ("x.npy", npy_bytes, Trace.open),
    "fragments": (
        "x.jsonl",
        "".join(fragment_lines(FragmentationSession.fit(bytes(200), frag_size=20, redundancy=5))).encode(),
        lambda path: read_fragments(path.read_bytes().splitlines()),
    ),
    "notifications": (
        "x.json",
        json.dumps([NOTIFICATION, NOTIFICATION | {"port": 10}]).encode(),
        lambda path: [uplink.to_json() for _, uplink in read_body(path.read_bytes()).uplinks],
    ),
    "state of the sandbox": ("x.state", state_bytes, load_state),
    "devices CSV": (
        "x.csv",
        f"devEui,appKey,lat,lng,tags\n{DEVICES[0]},{'0' * 32},48.1,11.5,a\n{DEVICES[1]},{'1' * 32},,,\n".encode(),
        read_device_rows,
    ),
    "devices JSON": ("x.json", json.dumps([DEVICE, DEVICE | {"devEui": DEVICES[1]}]).encode(), read_device_rows),
    "messages": ("x.csv", MESSAGES.encode(), read_messages),
    "sweep": ("x.csv", b"point,batch,loss\na,0,0.1\nb,0,0.2\n", read_rows),
}


def attempt(action: Callable[[], object]) -> tuple[str | None, float]:
    """Return the foreign exception that an action raises, in words, or None; and the time that it took in s."""
    begun = time.perf_counter()
    foreign = None
    try:
        action()
    except FuotaError as error:
        str(error).encode()  # every message can be printed
    except Exception as error:
        foreign = f"{type(error).__name__}: {error}"[:200]
    return foreign, time.perf_counter() - begun


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_raise_exceptions_of_fuota_only(kind, tmp_path):
    name, seed, read = KINDS[kind]
    content = seed(tmp_path) if callable(seed) else seed
    path, source = tmp_path / name, random.Random(kind)
    path.write_bytes(content)
    read(path)
    failures, slow = [], []
    for number in range(int(5_000 * SHARE)):
        damaged = mutant(content, source)
        path.write_bytes(damaged)
        foreign, took_s = attempt(lambda: read(path))
        if foreign:
            failures.append((number, foreign, damaged[:300]))
        if took_s > LONGEST_S:
            slow.append((number, took_s))
    assert failures[:5] == []
    assert len(slow) <= 1, "one pause of a busy machine"


# --- journals


@pytest.fixture
def journal_bytes(tmp_path) -> bytes:
    """Content of a journal with two campaigns, their history and their uplinks."""
    folder = tmp_path / "seed"
    facts = {
        "image_name": "a",
        "image_sha256": "ab" * 32,
        "image_bytes": 5,
        "dev_euis": DEVICES,
        "request": {"fragPkgVer": "1"},
        "expected": {"nb_frag": 10},
    }
    with closing(Journal(folder)) as journal:
        for _ in range(2):
            campaign = journal.open_campaign(server="http://x", app_eui="AAAAAAAAAAAAAA01", facts=facts)
            for number, dev_eui in enumerate(DEVICES):
                report = ImageReport(sha256=bytes.fromhex("ab" * 32)).to_bytes()
                uplink = Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=report, join_id=1, seqno=number)
                journal.store_uplinks([uplink])
            journal.note(campaign.id, "launched", {"a": 1})
            verdict_of(journal, campaign)
            journal.set_state(campaign.id, CampaignState.FINISHED)
    return (folder / FILE_NAME).read_bytes()


def content_of(folder: Path) -> list[object]:
    with closing(Journal(folder)) as journal:
        return [
            (asdict(campaign), journal.history(campaign.id), journal.uplinks(campaign), verdict_of(journal, campaign))
            for campaign in journal.campaigns()
        ]


@pytest.mark.parametrize("part", range(4))
def test_damaged_journals_raise_exceptions_of_fuota_only(journal_bytes, tmp_path, part):
    whole = content_of(tmp_path / "seed")
    source, failures, other, slow = random.Random(part), [], [], 0
    folder = tmp_path / "damaged"
    actions = (lambda: other_content(folder, whole), lambda: check_journal(folder), lambda: salvage(folder))
    for number in range(int(1_000 * SHARE)):
        folder.mkdir(mode=0o700)
        damaged = mutant(journal_bytes, source)
        for action in actions:
            (folder / FILE_NAME).write_bytes(damaged)
            foreign, took_s = attempt(action)
            if foreign == "AssertionError: other content":
                other.append(number)
            elif foreign:
                failures.append((number, foreign))
            slow += took_s > LONGEST_S
        shutil.rmtree(folder)
    assert failures[:5] == []
    assert slow <= 1
    # A cut that ends exactly at an earlier commit is a sound, shorter journal: an empty one, above all.
    assert len(other) <= 0.01 * 1_000 * SHARE + 1


def other_content(folder: Path, whole: list[object]) -> None:
    content = content_of(folder)
    if content and content != whole:
        raise AssertionError("other content")


def salvage(folder: Path) -> None:
    salvage_journal(folder, folder / "saved")


# --- answers

JOB = "MCastXferJobReq:AAAAAAAAAAAAAA01"
ANSWERS = [
    {"jobId": JOB, "state": "Running", "pctDone": 12, "startTime": 1, "endTime": 0, "removeTime": 0, "result": ""},
    {"jobId": JOB, "responseMsg": "MCastXferJobReq job starting in: 00:04:00", "statusCode": 200},
    {"requestId": "DevMgmtJobReq:1", "state": "DONE_SUC", "pctDone": 100, "msgs": ["a", "b"], "errors": 0},
    {"statusCode": 200, "message": "ok", "msgId": 5, "devEui": DEVICES[0], "queued": [1, 2]},
    {"mcAddr": "01020304", "devEuis": DEVICES, "groups": [{"mcAddr": "01020304"}], "statusUrl": "https://x/y?z=1"},
]


def calls(client: SenraClient) -> list[Callable[[], object]]:
    request = TransferRequest(app_eui="AAAAAAAAAAAAAA01", dev_euis=[DEVICES[0]], start_delay_s=240, redundancy=0.5)
    return [
        lambda: client.transfers.status(app_eui="AAAAAAAAAAAAAA01").finished,
        lambda: client.transfers.send(request, b"image"),
        lambda: client.transfers.cancel(job_id=JOB),
        lambda: client.downlinks.send(DEVICES[0], "0102", port=10),
        lambda: client.downlinks.clear(DEVICES[0]),
        lambda: client.multicast.status(mc_addr="01020304"),
        lambda: client.devices.deactivate([DEVICES[0]]),
        lambda: client.devices.register([{"dev_eui": DEVICES[0], "app_key": "0" * 32}], app_eui="AAAAAAAAAAAAAA01"),
    ]


@pytest.mark.parametrize("part", range(4))
def test_damaged_answers_raise_exceptions_of_fuota_only(monkeypatch, part):
    source, failures = random.Random(part), []
    answers: list[Answer] = []
    monkeypatch.setattr(HttpClient, "_exchange", lambda *_: answers[-1])
    client = SenraClient("http://127.0.0.1:1", KEY)
    actions = calls(client)
    for number in range(int(5_000 * SHARE)):
        body = mutant(json.dumps(source.choice(ANSWERS)).encode(), source)
        status = source.choice((200, 200, 200, 200, 400, 403, 404, 429, 500, 302))
        answers[:] = [Answer(status=status, headers={"Retry-After": body[:9].decode("latin-1")}, body=body)]
        foreign, took_s = attempt(source.choice(actions))
        if foreign or took_s > LONGEST_S:
            failures.append((number, foreign, took_s, body[:300]))
    assert failures[:5] == []
