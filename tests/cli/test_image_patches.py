"""Command `fuota image check` with patches of the tools of others: exit codes, codes and words."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.plan_cases import codes, says_one_line
from tests.image import corpus

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = FOLDER / "sensor-1.0.0.bin", FOLDER / "sensor-1.1.0.bin"
JOJODIFF = corpus.jojodiff(corpus.OLD, corpus.FIRMWARE)
PATCHES = {
    "jojodiff-patch": JOJODIFF,
    "mbed-signed": corpus.mbed(patch=JOJODIFF),
    "esp-delta-patch": corpus.esp_delta(corpus.OLD, corpus.FIRMWARE, sha256=hashlib.sha256(corpus.OLD).digest()),
}


@pytest.fixture
def patch(tmp_path, request) -> Path:
    path = tmp_path / "app.patch"
    path.write_bytes(PATCHES[request.param])
    return path


def images(result) -> list[dict[str, object]]:
    return [event for event in result.events if event["event"] == "image"]


@pytest.mark.parametrize("patch", PATCHES, indirect=True)
def test_patch_with_its_base_makes_the_target(fuota, patch):
    result = fuota("image", "check", patch, "--base", OLD, "--json")
    assert result.code == 0
    assert [image["sha256"] for image in images(result)] == [
        hashlib.sha256(patch.read_bytes()).hexdigest(),
        hashlib.sha256(corpus.FIRMWARE).hexdigest(),
    ]
    shown = fuota("image", "check", patch, "--base", OLD)
    assert hashlib.sha256(corpus.OLD).hexdigest() in shown.out, "the base that the patch was applied to"


@pytest.mark.parametrize("patch", PATCHES, indirect=True)
def test_patch_with_another_base_is_refused(fuota, patch, tmp_path):
    other = tmp_path / "other.bin"
    other.write_bytes(corpus.OLD[:9_000])
    result = fuota("image", "check", patch, "--base", other, "--json")
    assert result.code == 3
    assert "base" in codes(result)
    assert images(result)[0]["format"] in PATCHES


@pytest.mark.parametrize("patch", PATCHES, indirect=True)
def test_patch_without_a_base_asks_for_it(fuota, patch):
    result = fuota("image", "check", patch, "--json")
    assert (result.code, "base-unknown" in codes(result)) == (0, True)


@pytest.mark.parametrize("patch", PATCHES, indirect=True)
def test_plan_has_the_hashes_of_base_and_target(fuota, patch, tmp_path):
    options = ("--region", "IN865", "--loss", "0.1", "--coded", "20", "-o", tmp_path / "plan.json")
    assert fuota("plan", patch, "--base", OLD, *options).code == 0
    plan = (tmp_path / "plan.json").read_text()
    assert hashlib.sha256(corpus.OLD).hexdigest() in plan
    assert hashlib.sha256(corpus.FIRMWARE).hexdigest() in plan
    other = tmp_path / "other.bin"
    other.write_bytes(corpus.OLD[:9_000])
    says_one_line(fuota("plan", patch, "--base", other, *options), 3, "base")


def test_signature_of_a_patch_is_verified_over_its_target(fuota, tmp_path):
    for name, content in (("app.patch", PATCHES["mbed-signed"]), ("old.bin", corpus.mbed(corpus.OLD))):
        (tmp_path / name).write_bytes(content)
    for number, state, code in ((0, "verified", 0), (1, "wrong", 3)):
        (tmp_path / "key.pem").write_bytes(corpus.public_pem("p256", number))
        words = (tmp_path / "app.patch", "--base", tmp_path / "old.bin", "--public-key", tmp_path / "key.pem", "--json")
        result = fuota("image", "check", *words)
        assert (result.code, [image["signature"] for image in images(result)]) == (code, [state, state])


def test_delta_warns_of_a_compression_that_devices_do_not_unpack(fuota):
    result = fuota("image", "delta", OLD, NEW, "--compression", "bz2", "--json")
    assert (result.code, "patch-unsupported" in codes(result)) == (0, True)


def test_unknown_payload_is_not_called_a_patch_of_detools(fuota, tmp_path):
    for content in (b"\xa7" + corpus.FIRMWARE, b"\x10\xde\xcd\xfd" + corpus.FIRMWARE, b"\xaf" * 100):
        (tmp_path / "app.bin").write_bytes(content)
        result = fuota("image", "check", tmp_path / "app.bin", "--base", OLD)
        assert result.code == 3
        words = " ".join(result.out.split())
        assert "it is not a patch of detools, bsdiff, JojoDiff or esp_delta_ota" in words
        assert "type 10" not in words
        assert " -" not in words.replace("--", "")
