"""fuota plan: for whom, with what, and by which rules."""

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

pytestmark = pytest.mark.usefixtures("as_wide_as_it_is")


# --- for whom


def test_a_number_of_devices(fuota, image):
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


def test_a_fleet_from_the_server_s_export(fuota, image, export):
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


def test_with_link_figures_the_data_rate_is_chosen_for_them(fuota, image, export):
    near = fuota("plan", image, "--region", "EU868", "--fleet", export, "--target", "0.5", "--json").event("plan")
    export.write_text(EXPORT.replace("9.5,5", "-14,0").replace("97,8,5", "97,-13,0"))
    far = fuota("plan", image, "--region", "EU868", "--fleet", export, "--target", "0.5", "--json").event("plan")
    assert far["data_rate"] < near["data_rate"]


def test_a_default_loss_takes_in_those_of_whom_nothing_is_known(fuota, image, export):
    options = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", "3", "--loss", "0.25", "--json")
    result = fuota("plan", image, *options)
    left_out = {event["name"] for event in result.events if event["event"] == "excluded"}
    assert left_out == LEFT_OUT.keys() - {"1000000000000005"}
    assert result.event("plan")["success"]["worst_loss"] == pytest.approx(0.25, rel=0.05)


def test_a_fleet_of_groups(fuota, image, tmp_path):
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
        ("\xff", 2, "fleet.csv, line 1: octet 0xFF is no UTF-8 text"),
    ],
)
def test_a_fleet_file_that_cannot_be_used(fuota, image, tmp_path, text, code, words):
    (tmp_path / "fleet.csv").write_bytes(text.encode("latin-1"))
    says_one_line(fuota("plan", image, "--region", "EU868", "--fleet", tmp_path / "fleet.csv"), code, words)
    with pytest.raises(PlanError if code == 3 else MessageError, match=words):
        library.plan(image, region="EU868", fleet=tmp_path / "fleet.csv")


# --- with what the devices can do


def test_a_built_in_profile_by_its_name(fuota, image):
    options = ("--region", "EU868", "-d", "5", "--loss", "0.05", "--coded", "3", "--json")
    ideal, small = (fuota("plan", image, *options, "--profile", name) for name in ("ideal", "loramac-node"))
    assert ideal.event("plan")["frag_size"] == 239
    assert small.event("plan")["frag_size"] == 50
    assert "profile-unknown" in codes(fuota("plan", image, *options))
    assert "profile-unknown" not in codes(ideal) | codes(small)


def test_a_profile_of_one_s_own(fuota, image, meter):
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
        ("slot_bites = 3", "has 'slot_bites', which is no key of it: the closest is 'slot_bytes'"),
        ("slot_bytes = ", "own.toml is not TOML"),
        ("slot_bytes = 0", "slot_bytes 0 was given"),
        ('slot_bytes = "many"', "it must be a whole number"),
    ],
)
def test_a_profile_that_cannot_be_read_is_exit_code_2(fuota, image, tmp_path, text, words):
    (tmp_path / "own.toml").write_text(text)
    says_one_line(fuota("plan", image, "--region", "EU868", "--profile", tmp_path / "own.toml"), 2, words)


def test_a_profile_that_is_not_there_names_those_that_are_once(fuota, image):
    result = fuota("plan", image, "--region", "EU868", "--profile", "none-such")
    says_one_line(result, 2)
    assert result.complaint.count("lora-basics-modem") == 1


# --- class B


def test_class_b_sends_in_the_slots_of_the_group(fuota, image):
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


def test_more_slots_are_sooner_done(fuota, image):
    options = ("plan", image, "--region", "IN865", "--loss", "0.1", "--coded", "8", "--class", "B", "--json")
    durations = [fuota(*options, "--periodicity", n).event("plan")["duration_ms"] for n in (0, 3, 7)]
    assert durations == sorted(durations)
    assert durations[0] < durations[1] < durations[2]


@pytest.mark.parametrize(("address", "value"), [("00000001", 1), ("ffffffff", 2**32 - 1), ("0A0b0C0d", 0x0A0B0C0D)])
def test_an_address_is_hexadecimal(fuota, image, address, value):
    plan = fuota("plan", image, *IN865, "--class", "B", "--mc-addr", address, "--json").event("plan")
    assert plan["slots"]["address"] == value


# --- which way is best


def test_each_objective_is_met_best_by_its_own_plan(fuota, large):
    costs = {"time": "duration_ms", "airtime": "airtime_us", "energy": "energy_uj"}
    shared = ("plan", large, "--region", "IN865", "--loss", "0.05", "--profile", "ideal", "--json")
    best = {objective: fuota(*shared, "--optimise", objective).event("plan") for objective in costs}
    others = [fuota(*shared, "-d", data_rate).event("plan") for data_rate in (1, 2)]
    for objective, cost in costs.items():
        assert best[objective][cost] == min(plan[cost] for plan in best.values())
        assert best[objective][cost] < min(plan[cost] for plan in others)


def test_optimising_with_one_loss_for_all_data_rates_warns(fuota, large):
    options = ("plan", large, "--region", "EU868", "--loss", "0.05", "--json")
    assert "loss-at-every-rate" in codes(fuota(*options, "--optimise", "time"))
    assert "loss-at-every-rate" not in codes(fuota(*options))


def test_a_data_rate_that_was_chosen_for_speed_is_not_said_to_be_the_only_one(fuota, large):
    """DR0 would do: it was not taken because another is faster."""
    shared = ("plan", large, "--region", "EU868", "--loss", "0.05", "--json")
    assert fuota(*shared, "-d", 0).code == 0
    said = [event["message"] for event in fuota(*shared, "--optimise", "time").events if event["event"] == "finding"]
    assert not any("too short or there is no plan" in message for message in said)


@pytest.mark.parametrize(
    ("size", "options"), [(1_000, ("--profile", "lora-basics-modem")), (2_000, ("--dwell-ms", "10"))]
)
def test_a_plan_that_chose_the_number_itself_does_not_doubt_it(fuota, size, options):
    """Nor says that so many are not enough and the same number would do."""
    image = random.Random(7).randbytes(size)
    result = fuota("plan", "-", "--region", "EU868", "--loss", "0.1", *options, "--json", stdin=image)
    assert result.code == 0
    assert "goal-missed" not in codes(result)


def test_a_number_that_is_not_enough_is_planned_with_the_one_that_is(fuota, large):
    options = ("plan", large, "--region", "IN865", "--loss", "0.1", "--json")
    result = fuota(*options, "--coded", 2)
    assert result.code == 0, "whoever says a number gets it"
    (said,) = (event["message"] for event in result.events if event.get("code") == "goal-missed")
    (enough,) = re.findall(r"(\d+) coded fragments would do", said)
    assert "goal-missed" not in codes(fuota(*options, "--coded", enough))
    assert "goal-missed" in codes(fuota(*options, "--coded", int(enough) - 1))


# --- other rules than the region's


@pytest.mark.parametrize(
    ("option", "value", "change"),
    [
        ("--duty-cycle", "0.5", "duty cycle in sub-band P of EU868 overridden from 10 % to 50 %"),
        ("--duty-cycle", "1", "duty cycle in sub-band P of EU868 overridden from 10 % to 100 %"),
        ("--dwell-ms", "400", "longest frame in sub-band P of EU868 overridden from no limit to 400 ms"),
        ("--max-eirp", "14", "maximum EIRP in sub-band P of EU868 overridden from 29.15 dBm to 14 dBm"),
    ],
)
def test_what_is_not_the_region_s_is_said(fuota, image, option, value, change):
    result = fuota("plan", image, *EU868, option, value, "--json")
    assert result.event("plan")["overridden"] == [change]
    assert [event for event in result.events if event.get("code") == "overridden"] == [
        {
            "event": "finding",
            "severity": "warning",
            "code": "overridden",
            "message": f"{change}: the plan is legal only where that is",
        }
    ]


@pytest.mark.parametrize(("option", "value"), [("--duty-cycle", "0.1"), ("--dwell-ms", "0"), ("--max-eirp", "29.15")])
def test_the_region_s_own_rule_is_no_override(fuota, image, option, value):
    result = fuota("plan", image, *EU868, option, value, "--json")
    assert result.event("plan")["overridden"] == []
    assert "overridden" not in codes(result)


def test_all_at_once_are_all_said(fuota, image):
    rules = ("--duty-cycle", "1", "--dwell-ms", "400", "--max-eirp", "14")
    result = fuota("plan", image, *EU868, *rules, "--json")
    assert sum(event.get("code") == "overridden" for event in result.events) == 3


def test_an_override_changes_the_plan(fuota, image):
    plain_one, full = (
        fuota("plan", image, *EU868, *more, "--json").event("plan") for more in ((), ("--duty-cycle", 1))
    )
    assert full["interval_ms"] == -(-full["time_on_air_us"] // 1000) + 43 < plain_one["interval_ms"]
    largest = ("plan", image, "--region", "EU868", "-d", "3", "--loss", "0.1", "--coded", "3", "--json")
    free, short = (fuota(*largest, *more).event("plan") for more in ((), ("--dwell-ms", 400)))
    assert short["time_on_air_us"] <= 400_000 < free["time_on_air_us"]
