"""fuota demo: an update from the image to the verdict in one command."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

import pytest

from fuota.campaign import Journal

FRAG_SIZE, AIRTIME_US = 239, 394_496  # DR5 of EU868
FAST = ("--speed", "max", "--devices", 10)


def fragments_of(sample):
    """Return the numbers of uncoded and coded fragments of the demonstration: a redundancy of 0.5."""
    nb_frag = -(-len(sample.read_bytes()) // FRAG_SIZE)
    return nb_frag, -(-nb_frag // 2)


def test_ten_devices_receive_the_image_and_prove_it(fuota, sample, tmp_path):
    result = fuota("demo", *FAST, "--loss", "0-0.1")
    assert result.code == 0
    size, (nb_frag, nb_coded) = len(sample.read_bytes()), fragments_of(sample)
    sha256 = hashlib.sha256(sample.read_bytes()).hexdigest()
    assert f"sensor-1.1.0.bin, {size} bytes, SHA-256\n{sha256}\n" in result.out
    (updated,) = (line.split() for line in result.out.splitlines() if line.startswith("  updated"))
    assert updated[1:] == [*updated[1:2], f"{sha256[:16]}…", "the", "image", "sent"]
    assert int(updated[1]) >= 9, "the target is nine in ten"
    assert re.search(r"targeted +10 ", result.out)
    frames = nb_frag + nb_coded
    assert f"airtime {frames * AIRTIME_US / 1e6:.1f} s in {frames} frames, " in result.out
    assert "10 devices (EU868), each losing 0% to 10% of all frames; its clock runs without waiting" in result.err
    assert f"{size} bytes, {nb_frag} uncoded and {nb_coded} coded fragments of 239 bytes at DR5 (EU868)" in result.err
    assert "100 %" in result.err
    assert not (tmp_path / "state" / "journal.sqlite").read_bytes().count(b"AK2:")


@pytest.mark.slow
def test_fewer_than_nine_in_ten_devices_are_below_the_target(fuota):
    result = fuota("demo", "--speed", "max", "--devices", 12, "--loss", "0-0.9", "--json")
    assert 0 < result.event("verdict")["counts"]["updated"] < 0.9 * 12
    assert result.code == 1


def test_with_json_every_line_is_an_event(fuota, sample, tmp_path):
    result = fuota("demo", *FAST, "--json", "--loss", "0.05", "--version", 2)
    assert result.code == 0
    kinds = [event["event"] for event in result.events]
    assert kinds[0] == "launched"
    assert kinds[-11:] == ["device"] * 10 + ["verdict"]
    assert set(kinds[1:-11]) == {"progress"}
    progress = [event for event in result.events if event["event"] == "progress"]
    assert all(before != after for before, after in pairwise(progress)), "an event was repeated"
    launched, verdict = result.event("launched"), result.event("verdict")
    assert (launched["nb_frag"], launched["nb_coded"], launched["frag_size"]) == (*fragments_of(sample), FRAG_SIZE)
    assert launched["campaign"] == verdict["campaign"]
    assert (verdict["targeted"], verdict["counts"]["updated"], verdict["state"]) == (10, 10, "finished")
    frames = sum(fragments_of(sample))
    assert (verdict["frames"], verdict["airtime_us"]) == (frames, frames * AIRTIME_US)
    assert launched["interval_ms"] == 3948, "a duty cycle of 10 %"
    assert verdict["run_ms"] > launched["duration_ms"]
    sha256 = hashlib.sha256(sample.read_bytes()).hexdigest()
    devices = [event for event in result.events if event["event"] == "device"]
    assert {device["sha256"] for device in devices} == {sha256} == {verdict["image_sha256"]}
    assert len({device["dev_eui"] for device in devices}) == 10
    journal = Journal(tmp_path / "state")
    assert journal.campaign(launched["campaign"]).request["fragPkgVer"] == "2"
    journal.close()


@pytest.mark.slow
def test_the_same_seed_makes_the_same_fleet(fuota):
    def received(seed: int) -> dict[str, int]:
        """Return the fragments received, for the devices that sent a status before they proved which image they run."""
        events = fuota("demo", *FAST, "--json", "--loss", "0.2", "--seed", seed).events
        devices = [event for event in events if event["event"] == "device"]
        return {device["dev_eui"]: device["received"] for device in devices if device["received"] is not None}

    def agree(run: dict[str, int], other: dict[str, int]) -> bool:
        return all(run[dev_eui] == other[dev_eui] for dev_eui in run.keys() & other.keys())

    first, again, another = received(3), received(3), received(4)
    assert agree(first, again)
    assert not agree(first, another)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--devices", "0"], "0 is not in the range 1<=x<=20000"),
        (["--loss", "2"], "loss_high must be 0 to 1"),
        (["--loss", "0.3-0.1"], "loss_low must be 0 to 0.1"),
        (["--loss", "some"], "got 'some'"),
        (["--speed", "0"], "got '0'"),
        (["--speed", "inf"], "got 'inf'"),
        (["--speed", "nan"], "got 'nan'"),
        (["--speed", "fast"], "got 'fast'"),
        (["--seed", "-1"], "-1 is not in the range"),
        (["--version", "3"], "3 is not in the range"),
    ],
)
def test_a_wrong_option_is_exit_code_2(fuota, arguments, words):
    result = fuota("demo", *arguments, "--json")
    assert (result.code, result.event("error")["code"]) == (2, 2)
    assert words in result.complaint
