"""Input that is larger than any image, such as an endless pipe, is not read to its end."""

from __future__ import annotations

from itertools import product

import pytest


@pytest.mark.parametrize(
    "command",
    [
        ["image", "check", "IMAGE"],
        ["encode", "IMAGE", "-o", "OUT"],
        ["plan", "IMAGE", "--region", "EU868"],
        ["simulate", "IMAGE", "--region", "EU868"],
        ["launch", "IMAGE"],
    ],
    ids=lambda command: command[0],
)
def test_input_larger_than_any_image_is_refused(fuota, monkeypatch, tmp_path, command):
    monkeypatch.setattr("fuota.image.firmware.MAX_IMAGE_BYTES", 1_000)
    path = tmp_path / "endless.bin"
    path.write_bytes(bytes(1_001))
    places = {"IMAGE": str(path), "OUT": str(tmp_path / "out.jsonl")}
    result = fuota(*(places.get(word, word) for word in command))
    assert (result.code, "endless.bin has more than 1000 bytes" in result.err) == (3, True)


WHERE = ("--server", "http://127.0.0.1:1")
APP = ("--app-eui", "AAAAAAAAAAAAAA01")
EVERY_INPUT = {
    "plan": ["launch", "SAMPLE", "--plan", "INPUT"],
    "image of a plan": ["plan", "INPUT", "--region", "EU868"],
    "fleet": ["plan", "SAMPLE", "--region", "EU868", "--fleet", "INPUT"],
    "profile": ["image", "check", "SAMPLE", "--profile", "INPUT.toml"],
    "base": ["image", "check", "SAMPLE", "--base", "INPUT"],
    "public key": ["image", "check", "SAMPLE", "--public-key", "INPUT"],
    "signature": ["image", "check", "SAMPLE", "--public-key", "SAMPLE", "--signature", "INPUT"],
    "fragments": ["decode", "INPUT", "-o", "OUT"],
    "notifications": ["uplinks", "decode", "INPUT"],
    "devices": ["device", "register", "INPUT", *APP, *WHERE],
    "device file": ["launch", "SAMPLE", "--dev-file", "INPUT", "--region", "EU868", *APP, *WHERE],
    "messages": ["downlink", "send", "--messages", "INPUT", *WHERE],
    "key file": ["transfer", "status", *APP, *WHERE, "--api-key-file", "INPUT"],
    "certificates": ["transfer", "status", *APP, "--server", "https://127.0.0.1:1", "--ca-file", "INPUT"],
    "raw image": ["transfer", "start", "INPUT", *APP, "--tag", "x", *WHERE],
    "trace": ["simulate", "SAMPLE", "--region", "EU868", "--trace", "INPUT.csv"],
    "trace as an array": ["simulate", "SAMPLE", "--region", "EU868", "--trace", "INPUT.npy"],
    "plan of a simulation": ["simulate", "--plan", "INPUT"],
    "state of the sandbox": ["sandbox", "serve", "--port", "0", "--state", "INPUT"],
    "certificate of the receiver": ["uplinks", "listen", "--listen", "127.0.0.1:0", "--cert", "INPUT"],
    "journal": ["journal", "check", "--state-dir", "INPUT"],
}


# A sandbox without a state file, and a journal in an empty folder, start empty.
@pytest.mark.parametrize(
    ("name", "kind"),
    sorted(
        set(product(EVERY_INPUT, ["endless", "folder", "missing"]))
        - {("state of the sandbox", "missing"), ("journal", "folder"), ("journal", "missing")}
    ),
)
def test_every_input_ends_in_a_sentence(fuota, sample, tmp_path, monkeypatch, name, kind):
    monkeypatch.setattr("fuota.files.read_whole.__kwdefaults__", {"limit_bytes": 100_000})
    monkeypatch.setattr("fuota.image.firmware.MAX_IMAGE_BYTES", 100_000)
    monkeypatch.setenv("FUOTA_API_KEY", "AK2:0123456789abcdefghijABCDEFGHIJ0123456789")
    path = tmp_path / "input"
    command = EVERY_INPUT[name]
    if any(word.startswith("INPUT.") for word in command):
        path = tmp_path / next(word for word in command if word.startswith("INPUT.")).replace("INPUT", "input")
    if kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    places = {"SAMPLE": str(sample), "OUT": str(tmp_path / "out.bin")}
    result = fuota(*(str(path) if word.startswith("INPUT") else places.get(word, word) for word in command))
    assert result.code in {2, 3}, (result.code, result.err)
    assert "Traceback" not in result.err
    assert len(result.err) < 1_000


def test_an_endless_configuration_ends_in_a_sentence(fuota, tmp_path, monkeypatch):
    monkeypatch.setattr("fuota.tables._MAX_TOML_BYTES", 100_000)
    monkeypatch.setenv("FUOTA_CONFIG", "/dev/zero")
    result = fuota("transfer", "status", *APP, "--server", "senra")
    assert (result.code, "more than 100000 bytes" in result.complaint) == (2, True)


def test_an_endless_stdin_ends_in_a_sentence(fuota):
    result = fuota("message", "decode", "-", "--port", 201, stdin=b"00" * 1_000_000)
    assert result.code in {2, 3}
    assert len(result.complaint) < 500
