"""--device qemu of `fuota demo` and `fuota sandbox serve`: emulated firmware as a device."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from pathlib import Path

import pytest

from fuota.network import SenraClient
from fuota.sandbox import SANDBOX_API_KEY

QEMU = "qemu-system-arm"
OLD = Path(__file__).parents[2] / "sample_firmware" / "sensor-1.0.0.bin"

without_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed (Debian: {QEMU})")


@pytest.mark.slow
@without_qemu
def test_the_firmware_receives_checks_starts_and_proves_the_image(fuota, sample):
    result = fuota("demo", "--device", "qemu", "--speed", "max")
    assert result.code == 0
    (updated,) = (line.split() for line in result.out.splitlines() if line.startswith("  updated"))
    assert updated[1] == "1"
    console = [line.removeprefix("  firmware: ") for line in result.err.splitlines() if line.startswith("  firmware: ")]
    sha256 = hashlib.sha256(sample.read_bytes()).hexdigest()
    (checked,) = (line for line in console if "whole" in line)
    assert checked.endswith("fuota-sensor 1.1.0, SHA-256 right")
    assert console.count(f"sha256 {hashlib.sha256(OLD.read_bytes()).hexdigest()}") == 2, (
        "at first, and after the power cut"
    )
    resumed = next(i for i, line in enumerate(console) if line.startswith("session resumed"))
    assert resumed < console.index(checked) < console.index("restart into slot 1") < console.index(f"sha256 {sha256}")
    assert console[-1] == "slot 1 confirmed"
    assert "its power was cut in the middle" in result.err


@pytest.mark.slow
@without_qemu
def test_the_firmware_is_one_of_several_devices(fuota):
    result = fuota("demo", "--device", "qemu", "--devices", 3, "--speed", "max", "--loss", "0.05", "--json")
    assert result.code == 0
    assert result.event("verdict")["counts"]["updated"] == 3
    way = result.event("part_way")
    assert way["power_cuts"] == 1
    assert way["repeated"] > 0 < way["delayed"]
    lines = [event["line"] for event in result.events if event["event"] == "part"]
    assert "boot: slot 1" in lines
    assert "firmware:" not in result.err


def console_lines(process):
    """Return the lines of the console of the firmware, from the events of a sandbox."""
    events = (json.loads(line) for line in process.stdout)
    return (event["line"] for event in events if event["event"] == "part")


@pytest.mark.slow
@without_qemu
def test_a_sandbox_has_the_firmware_and_ends_it(start, sample):
    process = start(
        "sandbox", "serve", "--device", "qemu", "--port", 0, "--json", "--devices", 1, "--loss", 0, "--speed", "max"
    )
    serving = next(event for event in map(json.loads, process.stdout) if event["event"] == "serving")
    client = SenraClient(serving["url"], SANDBOX_API_KEY)
    client.transfers.start(
        sample.read_bytes(),
        app_eui=serving["app_eui"],
        dev_euis=serving["dev_euis"],
        redundancy=0.2,
        start_delay_s=600,
        tx_data_rate=5,
    )
    assert "slot 1 confirmed" in console_lines(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 0
    assert process.stdout.read() == "", "the emulator has ended"


def test_a_missing_qemu_is_one_line_that_says_what_to_install(fuota, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = fuota("demo", "--device", "qemu")
    assert result.code == 2
    assert result.complaint == (
        "fuota: qemu-system-arm was not found: install it (Debian, Ubuntu: apt-get install qemu-system-arm)"
    )


@pytest.mark.parametrize("command", [("demo",), ("sandbox", "serve", "--port", 0)])
def test_the_firmware_refuses_version_2(fuota, command):
    result = fuota(*command, "--device", "qemu", "--version", 2)
    assert result.code == 2
    assert "the sample firmware speaks version 1" in result.complaint
