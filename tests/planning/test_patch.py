"""A plan of a patch is bound to its base image and to its target image."""

from __future__ import annotations

import json
import random

import pytest

import fuota
from fuota.errors import PlanError
from fuota.image import FirmwareImage, make_delta
from fuota.planning import load_plan, save_plan

OLD = random.Random(1).randbytes(3_000)
NEW = OLD[:1_000] + b"what is new" * 9 + OLD[1_000:]
CHOICES = {"region": "IN865", "data_rate": 5, "loss": 0.1, "nb_coded": 1}


def test_a_delta_is_planned_as_it_is():
    delta = make_delta(OLD, NEW)
    image = fuota.plan(delta, **CHOICES).image
    assert (image.size, image.sha256) == (len(delta.data), delta.sha256)
    assert (image.base_sha256, image.target_sha256) == (delta.base_sha256, delta.target_sha256)


def test_a_whole_image_has_no_base_and_no_target():
    image = fuota.plan(FirmwareImage.open(NEW), **CHOICES).image
    assert (image.base_sha256, image.target_sha256) == (None, None)


def test_a_plan_file_keeps_both_hashes_and_is_refused_after_a_change(tmp_path):
    path = tmp_path / "plan.json"
    plan = fuota.plan(make_delta(OLD, NEW), **CHOICES)
    save_plan(plan, path)
    assert load_plan(path).image == plan.image
    document = json.loads(path.read_text())
    document["plan"]["image"]["base_sha256"] = "0" * 64
    path.write_text(json.dumps(document))
    with pytest.raises(PlanError, match="was changed after it was written"):
        load_plan(path)
