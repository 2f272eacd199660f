"""The image gate of fuota launch: a refused image is not sent, and a patch is sent to devices that run its base."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fuota.campaign import Journal
from fuota.device import IMAGE_REPORT_FPORT, ImageReport
from fuota.network import Uplink
from tests.cli.plan_cases import codes

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = FOLDER / "sensor-1.0.0.bin", FOLDER / "sensor-1.1.0.bin"
PATCH = FOLDER / "sensor-1.0.0-to-1.1.0.patch"
APP = "AAAAAAAAAAAAAA01"
A, B = "000000000000000A", "000000000000000B"
JOB = f"MCastXferJobReq:{APP}"
ON_A_SERVER = ("--app-eui", APP, "--region", "EU868", "-d", 5)


@pytest.fixture
def server(http_server):
    """Server that accepts a launch and reports that it is done. methods: the methods of its requests."""
    methods: list[str] = []

    def reply(method, path, _headers, _body):
        methods.append(method)
        if method == "POST":
            return 200, {"jobId": JOB}
        return (200, {"jobId": JOB, "state": "Done"}) if "POST" in methods else (404, {})

    url = http_server(reply)
    reply.methods = methods
    reply.url = url
    return reply


@pytest.fixture
def launch(fuota, server):
    def launched(image: Path, *options: object):
        return fuota("launch", image, "--server", server.url, *ON_A_SERVER, "--poll", 0.05, *options)

    return launched


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def record_reports(journal: Journal, **images: str) -> None:
    """Record an earlier campaign in which these devices reported which image they run."""
    facts = {
        "image_name": "x",
        "image_sha256": "0" * 64,
        "image_bytes": 1,
        "dev_euis": [],
        "request": {},
        "expected": {},
    }
    journal.open_campaign(server="before", app_eui=APP, facts=facts)
    journal.store_uplinks(
        Uplink(dev_eui=dev_eui, port=IMAGE_REPORT_FPORT, pdu=ImageReport(sha256=bytes.fromhex(image)).to_bytes())
        for dev_eui, image in images.items()
    )


@pytest.mark.parametrize("suffix", ["elf", "hex", "srec", "uf2"])
@pytest.mark.parametrize("yes", [(), ("--yes",)], ids=["", "yes"])
def test_a_refused_image_is_not_sent(launch, server, journal, suffix, yes):
    result = launch(FOLDER / f"sensor-1.1.0.{suffix}", "--tag", "north", "--json", *yes)
    assert (result.code, result.event("error")["code"]) == (3, 3)
    assert "cannot be sent" in result.complaint
    assert f"`fuota image convert sensor-1.1.0.{suffix} -o sensor-1.1.0.bin` makes" in result.complaint
    assert codes(result) == {"not-binary"}
    assert (server.methods, journal.campaigns()) == ([], [])


def test_a_refused_image_is_not_sent_in_the_sandbox(fuota):
    result = fuota("launch", FOLDER / "sensor-1.1.0.elf", "--speed", "max", "--devices", 1)
    assert result.code == 3
    assert "(not-binary)" in result.complaint


def test_the_profile_is_checked(launch, server, tmp_path):
    profile = tmp_path / "meter.toml"
    profile.write_text("slot_bytes = 12000\n[image]\nsigned = true\n")
    result = launch(NEW, "--tag", "north", "--profile", profile, "--json")
    assert result.code == 3
    assert codes(result) == {"slot", "unsigned"}
    assert "1 more finding" in result.complaint
    assert server.methods == []


def test_warnings_are_shown_and_do_not_refuse(launch, server):
    result = launch(NEW, "--tag", "north", "--json")
    assert "warning: a raw binary has no length" in result.err
    assert "POST" in server.methods


def test_strict_refuses_for_warnings(launch, server):
    result = launch(NEW, "--tag", "north", "--strict", "--json")
    assert result.code == 3
    assert codes(result) == {"no-container"}
    assert server.methods == []


def test_a_patch_is_refused_to_devices_that_run_another_image(launch, server, journal):
    record_reports(journal, **{A: sha256(OLD), B: sha256(NEW)})
    result = launch(PATCH, "--base", OLD, "--dev-eui", A, "--dev-eui", B)
    assert result.code == 3
    assert f"1 of 2 devices do not run the base of the patch ({sha256(OLD)[:16]}…)" in result.complaint
    assert f"{B} ({sha256(NEW)[:16]}…)" in result.complaint
    assert server.methods == []


def test_devices_without_a_report_are_warned_of(launch, server, journal):
    record_reports(journal, **{A: sha256(OLD)})
    result = launch(PATCH, "--base", OLD, "--dev-eui", A, "--dev-eui", B)
    assert "1 of 2 devices have not reported whether they run the base" in " ".join(result.err.split())
    assert "POST" in server.methods


@pytest.mark.slow
def test_devices_named_by_tag_are_not_compared_with_the_base(launch, server):
    assert "devices named by tag are not compared" in launch(PATCH, "--base", OLD, "--tag", "north").err
    assert "POST" in server.methods


def test_a_patch_of_another_base_is_refused(launch, server, tmp_path):
    short = tmp_path / "short.bin"
    short.write_bytes(OLD.read_bytes()[:500])
    result = launch(PATCH, "--base", short, "--tag", "north")
    assert result.code == 3
    assert "cannot be applied to this base" in result.complaint
    assert server.methods == []


def test_the_image_that_a_patch_makes_is_checked(launch, server, tmp_path):
    profile = tmp_path / "meter.toml"
    profile.write_text("slot_bytes = 12000\n")
    result = launch(PATCH, "--base", OLD, "--profile", profile, "--tag", "north")
    assert result.code == 3
    assert f"it has {len(NEW.read_bytes())} bytes, but the slot of the device has 12000" in result.complaint
    assert server.methods == []


def test_a_plan_of_a_patch_binds_it_to_its_base(fuota, server, journal, tmp_path):
    plan = tmp_path / "plan.json"
    planned = ("--region", "EU868", "-d", 5, "--loss", "0.1", "--coded", 8, "-o", plan)
    assert fuota("plan", PATCH, "--base", OLD, *planned).code == 0
    record_reports(journal, **{A: sha256(NEW)})
    run = ("launch", PATCH, "--plan", plan, "--server", server.url, "--app-eui", APP, "--poll", 0.05)
    refused = fuota(*run, "--dev-eui", A)
    assert (refused.code, server.methods) == (3, [])
    assert f"do not run the base of the patch ({sha256(OLD)[:16]}…)" in refused.complaint
    other = fuota(*run, "--dev-eui", B, "--base", NEW)
    assert (other.code, server.methods) == (3, [])
    profile = tmp_path / "meter.toml"
    profile.write_text(f'[image]\nbase_sha256 = "{sha256(NEW)}"\n')
    third = fuota(*run, "--dev-eui", B, "--profile", profile)
    assert (third.code, server.methods) == (3, [])
    assert f"by the profile they run {sha256(NEW)[:16]}…" in third.complaint
    fuota(*run, "--dev-eui", B)
    assert journal.campaigns()[0].target_sha256 == sha256(NEW)


IN865 = ("--region", "IN865", "--loss", "0.1", "--coded", 8, "-d", 5)


@pytest.mark.parametrize(
    ("content", "profile", "code"),
    [
        (FOLDER / "sensor-1.1.0.elf", "", "not-binary"),
        (FOLDER / "sensor-1.1.0.hex", "", "not-binary"),
        (b"", "", "empty"),
        (bytes(600), "", "blank"),
        (NEW, "[image]\nsigned = true\n", "unsigned"),
        (NEW, "[image]\nformats = ['mcuboot']\n", "wrong-format"),
        (NEW, "slot_bytes = 4096\n", "slot"),
    ],
)
def test_plan_refuses_what_launch_refuses(fuota, tmp_path, content, profile, code):
    image = content
    if isinstance(content, bytes):
        image = tmp_path / "app.bin"
        image.write_bytes(content)
    meter = tmp_path / "meter.toml"
    meter.write_text(profile)
    planned = fuota("plan", image, *IN865, "--profile", meter, "--json", "-o", tmp_path / "plan.json")
    assert planned.code == 3
    assert codes(planned) >= {code}
    assert not (tmp_path / "plan.json").exists()
    launched = fuota("launch", image, "--devices", 2, "--profile", meter, "--json")
    assert (launched.code, launched.complaint) == (3, planned.complaint)


def test_plan_has_the_options_of_the_image_gate(fuota):
    assert fuota("plan", NEW, *IN865).words == ""
    strict = fuota("plan", NEW, *IN865, "--strict")
    assert (strict.code, "no-container" in strict.complaint) == (3, True)
