"""Patches: each patch is applied again, and damage raises ImageError."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sys
from dataclasses import replace
from pathlib import Path

import bsdiff4
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuota.errors import ImageError, ParameterError
from fuota.image import delta as delta_module
from fuota.image.delta import DeltaRecipe, apply_patch, make_delta

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = ((FOLDER / f"sensor-{version}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
COMPRESSIONS = ("heatshrink", "crle", "lzma", "bz2", "none")

every_compression = pytest.mark.parametrize("compression", COMPRESSIONS)
every_type = pytest.mark.parametrize("in_place", [False, True], ids=["sequential", "in-place"])


@every_type
@every_compression
def test_patch_makes_its_target_from_its_base(compression, in_place):
    delta = make_delta(OLD, NEW, DeltaRecipe(compression=compression, in_place=in_place))
    assert apply_patch(OLD, delta.data) == NEW
    assert (delta.base_bytes, delta.target_bytes) == (len(OLD), len(NEW))
    assert (delta.base_sha256, delta.target_sha256) == tuple(hashlib.sha256(image).hexdigest() for image in (OLD, NEW))
    assert delta.sha256 == hashlib.sha256(delta.data).hexdigest()


@every_type
def test_patch_of_the_sample_is_less_than_a_fifth_of_it(in_place):
    assert make_delta(OLD, NEW, DeltaRecipe(in_place=in_place)).ratio < 0.2


@given(st.binary(min_size=1, max_size=2_000), st.binary(min_size=1, max_size=2_000), st.sampled_from(COMPRESSIONS))
@settings(max_examples=60, deadline=None)
def test_any_image_becomes_any_other(base, target, compression):
    delta = make_delta(base, target, DeltaRecipe(compression=compression))
    assert apply_patch(base, delta.data) == target


@given(st.binary(min_size=1, max_size=9_000), st.binary(min_size=1, max_size=9_000), st.sampled_from([64, 256, 4096]))
@settings(max_examples=60, deadline=None)
def test_any_image_becomes_any_other_in_place(base, target, segment_size):
    delta = make_delta(base, target, DeltaRecipe(in_place=True, segment_size=segment_size))
    assert apply_patch(base, delta.data) == target


@pytest.mark.parametrize(("window", "lookahead"), [(4, 3), (8, 7), (11, 4), (14, 13)])
def test_heatshrink_needs_its_window_as_ram(window, lookahead):
    delta = make_delta(OLD, NEW, DeltaRecipe(window=window, lookahead=lookahead))
    assert apply_patch(OLD, delta.data) == NEW
    assert delta.ram_bytes == 2**window


def test_findings_of_a_patch():
    assert make_delta(OLD, NEW).findings.codes == ()
    assert make_delta(OLD, NEW, DeltaRecipe(compression="lzma")).findings.codes == ("delta-ram",)
    assert make_delta(OLD, NEW, DeltaRecipe(window=10)).findings.codes == ("patch-unsupported",)
    assert make_delta(OLD, NEW, DeltaRecipe(compression="bz2")).findings.codes == ("patch-unsupported", "delta-ram")
    assert make_delta(OLD, NEW, DeltaRecipe(compression="none")).findings.codes == ("delta-larger",)


def test_flash_holds_base_target_and_patch_or_memory_and_patch():
    sequential = make_delta(OLD, NEW)
    assert sequential.flash_bytes == len(OLD) + len(NEW) + len(sequential.data)
    in_place = make_delta(OLD, NEW, DeltaRecipe(in_place=True, memory_size=65_536))
    assert in_place.flash_bytes == 65_536 + len(in_place.data)


def test_wrong_base_does_not_give_the_target():
    patch = make_delta(OLD, NEW).data
    for other in (NEW, OLD[:100], b""):
        with contextlib.suppress(ImageError):
            assert apply_patch(other, patch) != NEW


def test_in_place_patch_knows_the_length_of_its_base():
    patch = make_delta(OLD, NEW, DeltaRecipe(in_place=True)).data
    with pytest.raises(ImageError, match=f"for a base of {len(OLD)} bytes in .* got a base of {len(NEW)}"):
        apply_patch(NEW, patch)


def test_patch_that_would_fill_all_memory_is_refused():
    huge = bytes.fromhex("00bfffffffffff3f00")
    with pytest.raises(ImageError, match="too large for an image of a LoRaWAN device"):
        apply_patch(OLD, huge)


def test_other_file_is_not_called_a_patch():
    with pytest.raises(ImageError, match="it is not a patch of detools, bsdiff, JojoDiff or esp_delta_ota"):
        apply_patch(OLD, b"\x44" + bytes(20))
    with pytest.raises(ImageError, match="it is mcuboot, not a patch: a base is only for patches"):
        apply_patch(OLD, (FOLDER / "sensor-1.1.0.signed.bin").read_bytes())


def test_bsdiff_patch_is_applied():
    assert apply_patch(OLD, bsdiff4.diff(OLD, NEW)) == NEW


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_applied_or_refused(patch):
    with contextlib.suppress(ImageError):
        apply_patch(OLD, patch)


@every_type
@every_compression
def test_damaged_patch_raises_image_error_at_most(compression, in_place):
    patch = make_delta(OLD, NEW, DeltaRecipe(compression=compression, in_place=in_place)).data
    rng = random.Random(5)
    for _ in range(40):
        offset = rng.randrange(len(patch))
        damaged = patch[:offset] + bytes([patch[offset] ^ (1 << rng.randrange(8))]) + patch[offset + 1 :]
        with contextlib.suppress(ImageError):
            apply_patch(OLD, damaged)
        with contextlib.suppress(ImageError):
            apply_patch(OLD, patch[:offset])


def test_patch_that_does_not_give_its_target_is_not_returned(monkeypatch):
    monkeypatch.setattr(delta_module, "apply_patch", lambda _base, _patch: NEW[:-1])
    with pytest.raises(ImageError, match="does not give its target"):
        make_delta(OLD, NEW)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"compression": "zip"}, "compression must be one of heatshrink, crle, .*got 'zip'"),
        ({"window": 3}, "window must be 4 to 15, got 3"),
        ({"lookahead": 8}, "lookahead must be 3 to 7, got 8"),
        ({"segment_size": 0}, "segment_size must be 1 or more, got 0"),
        ({"memory_size": 4096}, "memory_size needs in_place"),
    ],
)
def test_illegal_recipe_is_refused(recipe, words):
    with pytest.raises(ParameterError, match=words):
        DeltaRecipe(**recipe)


WHOLE_SEGMENTS = -(-max(len(OLD), len(NEW)) // 4096) * 4096
"""Length of the larger image in whole segments, in bytes."""


@pytest.mark.parametrize(
    ("memory_size", "nearest"),
    [(4_096, WHOLE_SEGMENTS), (WHOLE_SEGMENTS + 1, WHOLE_SEGMENTS + 4096), (1, WHOLE_SEGMENTS)],
)
def test_memory_too_small_or_not_whole_segments_is_refused(memory_size, nearest):
    recipe = DeltaRecipe(in_place=True, memory_size=memory_size)
    with pytest.raises(ParameterError, match=f"nearest: {nearest}"):
        make_delta(OLD, NEW, recipe)
    assert apply_patch(OLD, make_delta(OLD, NEW, replace(recipe, memory_size=nearest)).data) == NEW


@pytest.mark.parametrize(("base", "target"), [(b"", NEW), (OLD, b"")])
def test_empty_image_is_refused(base, target):
    with pytest.raises(ImageError, match="has no bytes"):
        make_delta(base, target)


def test_missing_detools_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "detools", None)
    with pytest.raises(ParameterError, match=r"pip install 'fuota\[delta\]'"):
        make_delta(OLD, NEW)
