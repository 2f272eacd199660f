"""Patches: what is made is applied again, and what is damaged is an error of ours."""

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
from fuota.image import delta as deltas
from fuota.image.delta import DeltaRecipe, apply, bound, make_delta

FOLDER = Path(__file__).parents[2] / "sample_firmware"
OLD, NEW = ((FOLDER / f"sensor-{version}.bin").read_bytes() for version in ("1.0.0", "1.1.0"))
COMPRESSIONS = ("heatshrink", "crle", "lzma", "bz2", "none")

every_compression = pytest.mark.parametrize("compression", COMPRESSIONS)
every_type = pytest.mark.parametrize("in_place", [False, True], ids=["sequential", "in-place"])


@every_type
@every_compression
def test_a_patch_makes_its_target_of_its_base(compression, in_place):
    made = make_delta(OLD, NEW, DeltaRecipe(compression=compression, in_place=in_place))
    assert apply(OLD, made.data) == NEW
    assert (made.base_bytes, made.target_bytes) == (len(OLD), len(NEW))
    assert (made.base_sha256, made.target_sha256) == tuple(hashlib.sha256(one).hexdigest() for one in (OLD, NEW))
    assert bound(OLD, made.data) == (made.base_sha256, made.target_sha256)
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()


@every_type
def test_the_patch_of_the_sample_is_less_than_a_fifth_of_it(in_place):
    assert make_delta(OLD, NEW, DeltaRecipe(in_place=in_place)).ratio < 0.2


@given(st.binary(min_size=1, max_size=2_000), st.binary(min_size=1, max_size=2_000), st.sampled_from(COMPRESSIONS))
@settings(max_examples=60, deadline=None)
def test_any_image_becomes_any_other(base, target, compression):
    made = make_delta(base, target, DeltaRecipe(compression=compression))
    assert apply(base, made.data) == target


@given(st.binary(min_size=1, max_size=9_000), st.binary(min_size=1, max_size=9_000), st.sampled_from([64, 256, 4096]))
@settings(max_examples=60, deadline=None)
def test_any_image_becomes_any_other_in_place(base, target, segment_size):
    made = make_delta(base, target, DeltaRecipe(in_place=True, segment_size=segment_size))
    assert apply(base, made.data) == target


@pytest.mark.parametrize(("window", "lookahead"), [(4, 3), (8, 7), (11, 4), (14, 13)])
def test_the_window_of_heatshrink_is_the_ram_that_it_takes(window, lookahead):
    made = make_delta(OLD, NEW, DeltaRecipe(window=window, lookahead=lookahead))
    assert apply(OLD, made.data) == NEW
    assert made.ram_bytes == 2**window


def test_what_speaks_against_a_patch():
    assert make_delta(OLD, NEW).findings.codes == ()
    assert make_delta(OLD, NEW, DeltaRecipe(compression="lzma")).findings.codes == ("delta-ram",)
    assert make_delta(OLD, NEW, DeltaRecipe(compression="none")).findings.codes == ("delta-larger",)


def test_flash_holds_base_target_and_patch_or_the_memory_and_the_patch():
    sequential = make_delta(OLD, NEW)
    assert sequential.flash_bytes == len(OLD) + len(NEW) + len(sequential.data)
    in_place = make_delta(OLD, NEW, DeltaRecipe(in_place=True, memory_size=65_536))
    assert in_place.flash_bytes == 65_536 + len(in_place.data)


def test_another_base_does_not_make_the_target():
    patch = make_delta(OLD, NEW).data
    for other in (NEW, OLD[:100], b""):
        with contextlib.suppress(ImageError):
            assert apply(other, patch) != NEW


def test_an_in_place_patch_knows_the_size_of_its_base():
    patch = make_delta(OLD, NEW, DeltaRecipe(in_place=True)).data
    with pytest.raises(ImageError, match=f"for a base of {len(OLD)} bytes, in .*; this one has {len(NEW)}"):
        apply(NEW, patch)


def test_a_patch_that_would_fill_all_memory_is_refused():
    huge = bytes.fromhex("00bfffffffffff3f00")
    with pytest.raises(ImageError, match="no image of a LoRaWAN device is so large"):
        apply(OLD, huge)


def test_a_type_that_no_device_applies_is_refused():
    with pytest.raises(ImageError, match="of detools' type 2"):
        apply(OLD, b"\x24" + bytes(20))


def test_bsdiff_is_applied_too():
    assert apply(OLD, bsdiff4.diff(OLD, NEW)) == NEW


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_octets_are_a_surprise(patch):
    with contextlib.suppress(ImageError):
        apply(OLD, patch)


@every_type
@every_compression
def test_a_damaged_patch_is_an_error_of_ours(compression, in_place):
    patch = make_delta(OLD, NEW, DeltaRecipe(compression=compression, in_place=in_place)).data
    rng = random.Random(5)
    for _ in range(40):
        at = rng.randrange(len(patch))
        damaged = patch[:at] + bytes([patch[at] ^ (1 << rng.randrange(8))]) + patch[at + 1 :]
        with contextlib.suppress(ImageError):
            apply(OLD, damaged)
        with contextlib.suppress(ImageError):
            apply(OLD, patch[:at])


def test_a_patch_that_does_not_make_its_target_is_not_given_out(monkeypatch):
    monkeypatch.setattr(deltas, "apply", lambda _base, _patch: NEW[:-1])
    with pytest.raises(ImageError, match="the target did not come out: it is not given out"):
        make_delta(OLD, NEW)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"compression": "zip"}, "compression 'zip' was given: there are heatshrink, crle"),
        ({"window": 3}, "a window of 3"),
        ({"lookahead": 8}, "a lookahead of 8"),
        ({"segment_size": 0}, "segment_size 0"),
        ({"memory_size": 4096}, "not in place"),
    ],
)
def test_a_recipe_that_cannot_be(asked, said):
    with pytest.raises(ParameterError, match=said):
        DeltaRecipe(**asked)


LEAST = -(-max(len(OLD), len(NEW)) // 4096) * 4096
"""Whole segments of the larger image."""


@pytest.mark.parametrize(("memory_size", "nearest"), [(4_096, LEAST), (LEAST + 1, LEAST + 4096), (1, LEAST)])
def test_memory_that_is_too_small_or_no_whole_segments(memory_size, nearest):
    recipe = DeltaRecipe(in_place=True, memory_size=memory_size)
    with pytest.raises(ParameterError, match=f"the nearest is {nearest}"):
        make_delta(OLD, NEW, recipe)
    assert apply(OLD, make_delta(OLD, NEW, replace(recipe, memory_size=nearest)).data) == NEW


@pytest.mark.parametrize(("base", "target"), [(b"", NEW), (OLD, b"")])
def test_nothing_leads_nowhere(base, target):
    with pytest.raises(ImageError, match="has no bytes"):
        make_delta(base, target)


def test_without_detools_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "detools", None)
    with pytest.raises(ParameterError, match=r"pip install 'fuota\[delta\]'"):
        make_delta(OLD, NEW)
