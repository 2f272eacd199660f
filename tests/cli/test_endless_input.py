"""Input that is larger than any image, such as an endless pipe, is not read to its end."""

from __future__ import annotations

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
