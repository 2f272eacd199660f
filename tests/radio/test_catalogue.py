from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fuota.errors import ParameterError
from fuota.radio import region, region_names, sub_plan_names

_DATASET = json.loads((Path(__file__).parents[1] / "vectors" / "regions.json").read_text())["regions"]
# Two systems use one name for all groups of AS923. Here this name means group 1.
_SHARED = ("AS923", "as_923")
_KNOWN = "AS923-1, AS923-2, AS923-3, AS923-4, AU915, CN470, CN779, EU433, EU868, IN865, KR920, RU864, US915"


def _aliases(name: str) -> list[str]:
    listed = [_DATASET[name]["name"], *_DATASET[name]["aliases"].values()]
    alone = [alias for entry in listed for alias in (entry if isinstance(entry, list) else [entry])]
    return [alias for alias in alone if name == "AS923-1" or alias not in _SHARED]


def test_names_equal_the_dataset() -> None:
    assert region_names() == tuple(sorted(_DATASET))
    assert [region(name).name for name in region_names()] == list(region_names())


@pytest.mark.parametrize("name", sorted(set(_DATASET) - {"CN470"}))
def test_region_is_found_by_every_alias_in_any_case(name: str) -> None:
    for alias in _aliases(name):
        assert region(alias.lower()) is region(alias.upper()) is region(name)


def test_every_name_belongs_to_one_region() -> None:
    plans = [region(name) for name in (*region_names(), *sub_plan_names())]
    names = [name.casefold() for plan in plans for name in (plan.name, *plan.aliases)]
    assert len(names) == len(set(names))


def test_cn470_means_sub_plan_20a_on_common_join_channel_0() -> None:
    for alias in ("CN470-20A", "cn470-20a-0", "CN470-510", "cn_470", "CN_470_510_20_A"):
        assert region(alias) is region("CN470")


def test_every_alias_of_cn470_in_the_dataset_is_one_of_its_sub_plans() -> None:
    names = {alias: region(alias).name for alias in _aliases("CN470")}
    assert names == {
        "CN470-510": "CN470",
        "CN470": "CN470",
        "cn_470": "CN470",
        "CN_470_510_20_A": "CN470",
        "CN_470_510_20_B": "CN470-20B",
        "CN_470_510_26_A": "CN470-26A",
        "CN_470_510_26_B": "CN470-26B",
    }


def test_sub_plans_have_separate_names() -> None:
    join = tuple(f"CN470-20A-{index}" for index in range(1, 8))
    assert sub_plan_names() == (*join, "CN470-20B", "CN470-20B-9", "CN470-26A", "CN470-26B")
    assert [region(name).name for name in sub_plan_names()] == list(sub_plan_names())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("EU686", f"unknown region 'EU686' (known: {_KNOWN}; nearest: EU868)"),
        ("us902-829", f"unknown region 'us902-829' (known: {_KNOWN}; nearest: US915)"),
        ("?", f"unknown region '?' (known: {_KNOWN})"),
    ],
)
def test_unknown_region_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        region(name)
    assert str(caught.value) == message


def test_import_loads_neither_numpy_nor_cryptography() -> None:
    program = """
import sys, fuota.radio as radio
radio.region("US915").ping_slot_hz(0, 0)
print(*sorted({"numpy", "cryptography"} & set(sys.modules)), "end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "end"
