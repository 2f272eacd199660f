"""Command `fuota plan`: fleets, profiles, class B, objectives and overridden limits."""

from __future__ import annotations

import random
import re

import pytest

import fuota as library
from fuota.errors import MessageError, PlanError
from tests.cli.plan_cases import (
    EU868,
    EXPORT,
    IN865,
    LEFT_OUT,
    codes,
    plain,
    row,
    says_one_line,
)

pytestmark = pytest.mark.usefixtures("default_width")


# --- fleets


def test_fleet_is_a_number_of_devices(fuota, image):
    plan = fuota("plan", image, *IN865, "--fleet", 200, "--json").event("plan")
    assert plan["success"]["devices"] == 200
    assert plan["success"]["every"] <= plan["success"]["goal"]
    shown = fuota("plan", image, *IN865, "--fleet", 200)
    assert "200 devices" in " ".join(shown.out.split("\n\n")[0].split())
    assert row(shown, "worst device").endswith("loses0.1ofallframes")


def test_more_devices_need_more_coded_fragments(fuota, large):
    needed = [
        fuota("plan", large, "--region", "IN865", "--loss", "0.1", "--target", 1, "--fleet", n, "--json").event("plan")
        for n in (1, 1000)
    ]
    assert needed[0]["nb_coded"] < needed[1]["nb_coded"] <= needed[1]["nb_frag"]


def test_fleet_is_the_export_of_the_server(fuota, image, export):
    options = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", "3")
    result = fuota("plan", image, *options, "--json")
    assert {event["name"]: event["reason"] for event in result.events if event["event"] == "excluded"} == LEFT_OUT
    success = result.event("plan")["success"]
    assert success["devices"] == 2
    assert 0.01 < success["worst_loss"] < 0.03, "97 % of its uplinks arrive, and the gateway is stronger"
    assert "excluded" in codes(result)
    assert not codes(result) & {"loss-assumed", "loss-at-every-rate"}
    shown = plain(fuota("plan", image, *options).out)
    assert "2devices" in shown
    assert "4devicescannottakepart:" in shown
    assert plain(LEFT_OUT["1000000000000003"]) in shown


def test_data_rate_is_chosen_for_the_signal_levels(fuota, image, export):
    near = fuota("plan", image, "--region", "EU868", "--fleet", export, "--target", "0.5", "--json").event("plan")
    export.write_text(EXPORT.replace("9.5,5", "-14,0").replace("97,8,5", "97,-13,0"))
    far = fuota("plan", image, "--region", "EU868", "--fleet", export, "--target", "0.5", "--json").event("plan")
    assert far["data_rate"] < near["data_rate"]


def test_loss_option_includes_devices_without_signal_level(fuota, image, export):
    options = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", "3", "--loss", "0.25", "--json")
    result = fuota("plan", image, *options)
    left_out = {event["name"] for event in result.events if event["event"] == "excluded"}
    assert left_out == LEFT_OUT.keys() - {"1000000000000005"}
    assert result.event("plan")["success"]["worst_loss"] == pytest.approx(0.25, rel=0.05)


def test_fleet_is_a_file_of_groups(fuota, image, tmp_path):
    (tmp_path / "fleet.toml").write_text(
        '[[group]]\nname = "near"\ndevices = 90\nloss = 0.05\n[[group]]\nname = "far"\ndevices = 10\nloss = 0.25\n'
    )
    result = fuota("plan", image, "--region", "IN865", "--coded", 8, "--fleet", tmp_path / "fleet.toml", "--json")
    success = result.event("plan")["success"]
    assert (success["devices"], success["worst_loss"]) == (100, pytest.approx(0.25, rel=0.05))
    assert success["worst"]["estimate"] < success["mean"]["estimate"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("dev_eui,state\n1000000000000003,ACTIVATED\n", 3, "no device is left to plan for"),
        ("x,y\n1,2\n", 2, "fleet.csv, line 1: no column is a DevEUI"),
        ("", 2, "fleet.csv is empty"),
        ("\xff", 2, "fleet.csv, line 1: byte 0xFF is not UTF-8 text"),
    ],
)
def test_unusable_fleet_file_is_refused(fuota, image, tmp_path, text, code, words):
    (tmp_path / "fleet.csv").write_bytes(text.encode("latin-1"))
    says_one_line(fuota("plan", image, "--region", "EU868", "--fleet", tmp_path / "fleet.csv"), code, words)
    with pytest.raises(PlanError if code == 3 else MessageError, match=words):
        library.plan(image, region="EU868", fleet=tmp_path / "fleet.csv")


# --- profiles


def test_built_in_profile_is_found_by_its_name(fuota, image):
    options = ("--region", "EU868", "-d", "5", "--loss", "0.05", "--coded", "3", "--json")
    ideal, small = (fuota("plan", image, *options, "--profile", name) for name in ("ideal", "loramac-node"))
    assert ideal.event("plan")["frag_size"] == 239
    assert small.event("plan")["frag_size"] == 50
    assert "profile-unknown" in codes(fuota("plan", image, *options))
    assert "profile-unknown" not in codes(ideal) | codes(small)


def test_profile_from_a_file_shapes_the_plan(fuota, image, meter):
    plan = fuota("plan", image, *IN865, "--profile", meter, "--json").event("plan")
    assert (plan["version"], plan["descriptor"], plan["frag_size"]) == (2, "0a0b0c0d", 48)
    assert plan["start_delay_s"] == 6 * 600
    assert plan["interval_ms"] == -(-plan["time_on_air_us"] // 1000) + 1000
    assert plan["pace"]["reason"] == "the device works 1000 ms on a fragment, and cannot receive meanwhile"
    parameters = plan["transfer_parameters"]
    assert (parameters["fragPkgVer"], bytes.fromhex(parameters["descriptor"])) == (2, b"\x0a\x0b\x0c\x0d")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slot_bites = 3", "unknown key 'slot_bites' (did you mean 'slot_bytes'?)"),
        ("slot_bytes = ", "own.toml is not valid TOML"),
        ("slot_bytes = 0", "slot_bytes must be 1 to 4177665, got 0"),
        ('slot_bytes = "many"', "must be a whole number"),
    ],
)
def test_unreadable_profile_has_exit_code_2(fuota, image, tmp_path, text, words):
    (tmp_path / "own.toml").write_text(text)
    says_one_line(fuota("plan", image, "--region", "EU868", "--profile", tmp_path / "own.toml"), 2, words)


def test_unknown_profile_lists_the_built_in_ones_once(fuota, image):
    result = fuota("plan", image, "--region", "EU868", "--profile", "none-such")
    says_one_line(result, 2)
    assert result.complaint.count("lora-basics-modem") == 1


# --- class B


def test_class_b_uses_the_ping_slots_of_the_group(fuota, image):
    options = (
        "--region",
        "US915",
        "--loss",
        "0.1",
        "--coded",
        "9",
        "-s",
        "40",
        "--class",
        "B",
        "--mc-addr",
        "01020304",
    )
    result = fuota("plan", image, *options, "--periodicity", 7, "--start-gps", 1280, "--json")
    plan = result.event("plan")
    assert (plan["device_class"], plan["transfer_parameters"]["devClass"]) == ("B", "B")
    assert plan["slots"] == {"address": 0x01020304, "periodicity": 7, "first_beacon_s": 1280}
    assert len(plan["frequency_hz"]) == 8
    assert plan["duration_ms"] > 1000 * 128 * (plan["frames"] - 1), "one slot in a beacon period"
    assert plan["session_timeout_s"] == 128 << plan["session_timeout"]
    assert "class-b-slots" in codes(result)
    shown = fuota("plan", image, *options)
    assert "and7more,hopping" in row(shown, "channel")
    assert "class B" in " ".join(shown.out.split())


def test_more_ping_slots_shorten_the_plan(fuota, image):
    options = ("plan", image, "--region", "IN865", "--loss", "0.1", "--coded", "8", "--class", "B", "--json")
    durations = [fuota(*options, "--periodicity", n).event("plan")["duration_ms"] for n in (0, 3, 7)]
    assert durations == sorted(durations)
    assert durations[0] < durations[1] < durations[2]


@pytest.mark.parametrize(("address", "value"), [("00000001", 1), ("ffffffff", 2**32 - 1), ("0A0b0C0d", 0x0A0B0C0D)])
def test_group_address_is_hexadecimal(fuota, image, address, value):
    plan = fuota("plan", image, *IN865, "--class", "B", "--mc-addr", address, "--json").event("plan")
    assert plan["slots"]["address"] == value


# --- objectives


def test_each_objective_has_the_lowest_cost_in_its_own_plan(fuota, large):
    costs = {"time": "duration_ms", "airtime": "airtime_us", "energy": "energy_uj"}
    shared = ("plan", large, "--region", "IN865", "--loss", "0.05", "--profile", "ideal", "--json")
    best = {objective: fuota(*shared, "--optimise", objective).event("plan") for objective in costs}
    others = [fuota(*shared, "-d", data_rate).event("plan") for data_rate in (1, 2)]
    for objective, cost in costs.items():
        assert best[objective][cost] == min(plan[cost] for plan in best.values())
        assert best[objective][cost] < min(plan[cost] for plan in others)


def test_optimise_warns_if_the_loss_is_the_same_for_every_data_rate(fuota, large):
    options = ("plan", large, "--region", "EU868", "--loss", "0.05", "--json")
    assert "loss-at-every-rate" in codes(fuota(*options, "--optimise", "time"))
    assert "loss-at-every-rate" not in codes(fuota(*options))


def test_finding_does_not_call_the_fastest_data_rate_the_only_one(fuota, large):
    """DR0 works too; the plan uses another data rate only because it is faster."""
    shared = ("plan", large, "--region", "EU868", "--loss", "0.05", "--json")
    assert fuota(*shared, "-d", 0).code == 0
    messages = [
        event["message"] for event in fuota(*shared, "--optimise", "time").events if event["event"] == "finding"
    ]
    assert not any("too short or there is no plan" in message for message in messages)


@pytest.mark.parametrize(
    ("size", "options"), [(1_000, ("--profile", "lora-basics-modem")), (2_000, ("--dwell-ms", "10"))]
)
def test_number_chosen_by_the_plan_meets_the_goal(fuota, size, options):
    """The plan must not report that its own number of coded fragments misses the goal."""
    image = random.Random(7).randbytes(size)
    result = fuota("plan", "-", "--region", "EU868", "--loss", "0.1", *options, "--json", stdin=image)
    assert result.code == 0
    assert "goal-missed" not in codes(result)


def test_too_few_coded_fragments_are_planned_with_the_sufficient_number(fuota, large):
    options = ("plan", large, "--region", "IN865", "--loss", "0.1", "--json")
    result = fuota(*options, "--coded", 2)
    assert result.code == 0, "a number that the user gives is used"
    (message,) = (event["message"] for event in result.events if event.get("code") == "goal-missed")
    (enough,) = re.findall(r"(\d+) coded fragments would be enough", message)
    assert "goal-missed" not in codes(fuota(*options, "--coded", enough))
    assert "goal-missed" in codes(fuota(*options, "--coded", int(enough) - 1))


# --- limits that override the limits of the region


@pytest.mark.parametrize(
    ("option", "value", "change"),
    [
        ("--duty-cycle", "0.5", "duty cycle in sub-band P of EU868 overridden from 10 % to 50 %"),
        ("--duty-cycle", "1", "duty cycle in sub-band P of EU868 overridden from 10 % to 100 %"),
        ("--dwell-ms", "400", "longest frame in sub-band P of EU868 overridden from no limit to 400 ms"),
        ("--max-eirp", "14", "maximum EIRP in sub-band P of EU868 overridden from 29.15 dBm to 14 dBm"),
    ],
)
def test_overridden_limit_is_reported(fuota, image, option, value, change):
    result = fuota("plan", image, *EU868, option, value, "--json")
    assert result.event("plan")["overridden"] == [change]
    assert [event for event in result.events if event.get("code") == "overridden"] == [
        {
            "event": "finding",
            "severity": "warning",
            "code": "overridden",
            "message": f"{change}: the plan is legal only if this change is",
        }
    ]


@pytest.mark.parametrize(("option", "value"), [("--duty-cycle", "0.1"), ("--dwell-ms", "0"), ("--max-eirp", "29.15")])
def test_limit_of_the_region_is_not_an_override(fuota, image, option, value):
    result = fuota("plan", image, *EU868, option, value, "--json")
    assert result.event("plan")["overridden"] == []
    assert "overridden" not in codes(result)


def test_all_overridden_limits_are_reported(fuota, image):
    rules = ("--duty-cycle", "1", "--dwell-ms", "400", "--max-eirp", "14")
    result = fuota("plan", image, *EU868, *rules, "--json")
    assert sum(event.get("code") == "overridden" for event in result.events) == 3


def test_override_changes_the_plan(fuota, image):
    default, full = (fuota("plan", image, *EU868, *more, "--json").event("plan") for more in ((), ("--duty-cycle", 1)))
    assert full["interval_ms"] == -(-full["time_on_air_us"] // 1000) + 43 < default["interval_ms"]
    largest = ("plan", image, "--region", "EU868", "-d", "3", "--loss", "0.1", "--coded", "3", "--json")
    free, short = (fuota(*largest, *more).event("plan") for more in ((), ("--dwell-ms", 400)))
    assert short["time_on_air_us"] <= 400_000 < free["time_on_air_us"]
