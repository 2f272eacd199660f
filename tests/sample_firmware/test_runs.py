"""Both versions run on the emulated board and answer their commands; the sources give the committed bytes."""

from __future__ import annotations

import binascii
import hashlib
import math
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

FOLDER = Path(__file__).parents[2] / "sample_firmware"
QEMU = "qemu-system-arm"
COMPILER = "arm-none-eabi-gcc"
NWK_S_KEY, APP_S_KEY = bytes(range(16)), bytes(reversed(range(16)))
MAX_TRIES = 5000

both_versions = pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
pytestmark = pytest.mark.slow
needs_qemu = pytest.mark.skipif(shutil.which(QEMU) is None, reason=f"{QEMU} is not installed (Debian: {QEMU})")


class Board:
    """The emulated board. banner: lines that it prints before the first prompt."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.banner = self.until_prompt()

    def until_prompt(self) -> list[str]:
        assert self.process.stdout
        text = b""
        while not text.endswith(b"> "):
            byte = self.process.stdout.read(1)
            assert byte, f"the board stopped after: {text!r}"
            text += byte
        return text.decode().removesuffix("> ").splitlines()

    def send(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def ask(self, command: str) -> list[str]:
        self.send(command + "\r")
        echo, *answer = self.until_prompt()
        assert echo == command
        return answer


@pytest.fixture
def start() -> Iterator[Callable[..., Board]]:
    """Return a function that starts a version. A board that hangs is killed after a minute, so that reading from it ends."""
    running: list[subprocess.Popen[bytes]] = []
    timers: list[threading.Timer] = []

    def start_version(version: str, suffix: str = "bin") -> Board:
        options = "-M mps2-an385 -display none -monitor none -serial stdio -semihosting-config enable=on,target=native"
        command = [QEMU, *options.split(), "-kernel", str(FOLDER / f"sensor-{version}.{suffix}")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        running.append(process)
        timers.append(threading.Timer(60, process.kill))
        timers[-1].start()
        return Board(process)

    yield start_version
    for timer in timers:
        timer.cancel()
    for process in running:
        process.kill()
        process.communicate()


def image(version: str) -> bytes:
    return (FOLDER / f"sensor-{version}.bin").read_bytes()


def match(pattern: str, text: str) -> re.Match[str]:
    result = re.fullmatch(pattern, text)
    assert result, f"{text!r} is not {pattern!r}"
    return result


@needs_qemu
@both_versions
@pytest.mark.parametrize("suffix", ["bin", "elf"])
def test_banner_hash_and_exit(start: Callable[..., Board], version: str, suffix: str) -> None:
    data = image(version)
    board = start(version, suffix)
    assert board.banner[1] == f"fuota-sensor {version}, hardware 0x03850001, image {len(data)} bytes"
    assert board.banner[2] == f"sha256 {hashlib.sha256(data).hexdigest()}"
    assert board.ask("version") == [board.banner[1]]
    assert board.ask("hash") == [board.banner[2]]
    board.send("exit\r")
    assert board.process.wait(timeout=60) == 0


def decrypt(frame: bytes) -> tuple[int, bytes]:
    """Check the MIC of an uplink and return its frame counter and payload (TS001-1.0.4, 4.3.3 and 4.4)."""
    address_and_counter = frame[1:5] + frame[6:8] + bytes(2)
    body, mic = frame[:-4], frame[-4:]
    cmac = CMAC(algorithms.AES(NWK_S_KEY))
    cmac.update(b"\x49" + bytes(5) + address_and_counter + bytes([0, len(body)]) + body)
    assert cmac.finalize()[:4] == mic
    aes = Cipher(algorithms.AES(APP_S_KEY), modes.ECB()).encryptor()
    stream = aes.update(b"\x01" + bytes(5) + address_and_counter + b"\x00\x01")
    payload = bytes(a ^ b for a, b in zip(body[9:], stream, strict=False))
    return int.from_bytes(frame[6:8], "little"), payload


@needs_qemu
@both_versions
def test_reading_payload_and_uplink_agree(start: Callable[..., Board], version: str) -> None:
    board = start(version)
    for expected_counter in range(2):
        words, payload_line, uplink_line = board.ask("read")
        pattern = r"reading (\d+): raw (\d+), filtered (\d+)/16, temperature (-?\d+\.\d\d) C, vibration (\d+)"
        number, raw, filtered, degrees, vibration = match(pattern, words).groups()
        code = int(filtered) / 16
        kelvin = 1 / (1 / 298.15 + math.log(code / (4096 - code)) / 3950)
        assert float(degrees) == pytest.approx(kelvin - 273.15, abs=0.02)
        assert abs(int(raw) - code) < 100
        assert 50 <= int(vibration) <= 70  # analog.c makes 60
        payload = bytes.fromhex(match("payload ([0-9a-f]+)", payload_line)[1])
        assert binascii.crc_hqx(payload, 0) == 0
        assert payload[0] == (1 if version == "1.0.0" else 2)
        assert int.from_bytes(payload[1:3]) == int(number)
        assert int.from_bytes(payload[3:5], signed=True) == round(100 * float(degrees))
        frame = bytes.fromhex(match("uplink ([0-9a-f]+)", uplink_line)[1])
        assert decrypt(frame) == (expected_counter, payload)


@needs_qemu
@both_versions
def test_sensor_keeps_sampling(start: Callable[..., Board], version: str) -> None:
    board = start(version)
    first = board.ask("read")[0].split(":")[0]
    assert any(board.ask("read")[0].split(":")[0] != first for _ in range(MAX_TRIES))


@needs_qemu
def test_only_1_1_0_has_alarm_and_statistics(start: Callable[..., Board]) -> None:
    old, new = start("1.0.0"), start("1.1.0")
    assert old.ask("alarm") == ["unknown command: alarm (try help)"]
    assert old.ask("stats") == ["unknown command: stats (try help)"]
    assert new.ask("alarm")[0].startswith("alarm limits 2.00 to 8.00 C, state")
    assert new.ask("alarm 300 300")[0].startswith("refused:")
    assert new.ask("alarm -1000 -500")[0].startswith("alarm limits -10.00 to -5.00 C")
    assert any(new.ask("alarm")[0].endswith("too warm") for _ in range(MAX_TRIES))
    pattern = r"last \d+ readings: minimum (.*), mean (.*), maximum (.*) C"
    low, mean, high = map(float, match(pattern, new.ask("stats")[0]).groups())
    assert low <= mean <= high
    assert low < high


@needs_qemu
def test_without_the_boot_loader_there_are_no_slots(start: Callable[..., Board]) -> None:
    assert start("1.0.0").ask("update") == ["started without the boot loader: no updates"]


@needs_qemu
def test_help_lists_every_command(start: Callable[..., Board]) -> None:
    commands = {line.split()[0] for line in start("1.1.0").ask("help")}
    assert commands == {"version", "hash", "read", "alarm", "stats", "update", "exit", "help"}


@needs_qemu
@both_versions
def test_input_faster_than_the_shell_is_not_lost(start: Callable[..., Board], version: str) -> None:
    board = start(version)
    board.send("hash\r" * 200)
    for _ in range(200):
        assert board.until_prompt() == ["hash", board.banner[2]]


@needs_qemu
def test_line_editing_and_overlong_lines(start: Callable[..., Board]) -> None:
    board = start("1.0.0")
    board.send("hasx\bh\r")
    assert board.until_prompt()[-1] == board.banner[2]
    board.send("x" * 500 + "\r")
    assert board.until_prompt()[-1] == f"unknown command: {'x' * 63} (try help)"


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"{COMPILER} is not installed (Debian: gcc-{COMPILER[:-4]})")
def test_sources_give_the_committed_bytes_in_any_folder(tmp_path: Path) -> None:
    copy = tmp_path / "another place" / "firmware"
    shutil.copytree(FOLDER / "src", copy / "src")
    shutil.copytree(FOLDER.parent / "native", copy.parent / "native")
    for name in ("build.sh", "package.py"):
        shutil.copy(FOLDER / name, copy)
    build = ["sh", str(copy / "build.sh"), str(tmp_path / "out")]
    subprocess.run(build, check=True, capture_output=True, env=os.environ | {"PYTHON": sys.executable})
    here, committed = ((folder / "COMPILER").read_text() for folder in (tmp_path / "out", FOLDER))
    if here != committed:
        pytest.skip(f"the tools differ from the tools of the committed images: {here!r}, not {committed!r}")
    assert (tmp_path / "out" / "SHA256SUMS").read_text() == (FOLDER / "SHA256SUMS").read_text()
