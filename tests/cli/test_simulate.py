"""Command `fuota simulate`: output, pictures, refusals and exit codes."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

import pytest

import fuota as library
from fuota.cli.render.words import spoken_duration
from tests.cli.plan_cases import says_one_line

IMAGE = random.Random(7).randbytes(600)
IN865 = ("--region", "IN865", "--loss", "0.1", "--coded", "8")
"""A plan that needs no search: 13 fragments of 48 bytes, 88% of the devices complete."""
GOOD = ("--region", "IN865", "--loss", "0.05", "--coded", "12")
FLEET = """
[[group]]
name = "near [bold]"
devices = 700
loss = 0.02

[[group]]
name = "far"
devices = 300
loss = 0.3
burst_frames = 3
"""
METER = """
name = "meter [/]"
max_lost = 1
uplink_period_s = 60
"""


@pytest.fixture(autouse=True)
def default_width(monkeypatch) -> None:
    """Remove the width that the environment of the user sets."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(IMAGE)
    return path


@pytest.fixture
def fleet(tmp_path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(FLEET)
    return path


@pytest.fixture
def meter(tmp_path) -> Path:
    path = tmp_path / "meter.toml"
    path.write_text(METER)
    return path


@pytest.fixture
def saved(fuota, image, tmp_path) -> Path:
    path = tmp_path / "plan.json"
    assert fuota("plan", image, *IN865, "-o", path).code == 0
    return path


def words(text: str) -> str:
    """Return the text in one line."""
    return " ".join(text.split())


def blocks(result) -> list[str]:
    """Return the sentence, the table of outcomes, and the details."""
    return re.split(r"\n *\n(?!all)", result.out.strip())


def verdict(result) -> dict:
    assert [event["event"] for event in result.events] == ["verdict"], result.err
    return result.events[0]


# --- for people


def test_sentence_summarises_the_outcome(fuota, image):
    result, event = fuota("simulate", image, *GOOD), verdict(fuota("simulate", image, *GOOD, "--json"))
    half, nearly_all = (spoken_duration(event["complete_after_ms"][share]) for share in ("0.5", "0.99"))
    assert result.code == 0
    assert all(line.startswith("still working") for line in result.err.splitlines()), (
        "the only message is the notice about the compilation"
    )
    match = re.fullmatch(
        r"([\d.]+)% of 10000 devices complete \(([\d.]+)% to ([\d.]+)%, 95% confidence\);"
        rf" half of them after {half} of sending, 99% after {nearly_all}\.",
        words(blocks(result)[0]),
    )
    share, low, high = (float(figure) / 100 for figure in match.groups())
    assert low < share < high
    assert (share, low, high) == pytest.approx((event["share"], event["low"], event["high"]), abs=1e-4)


def test_outcomes_add_up_to_all(fuota, image, meter):
    result = fuota("simulate", image, *IN865, "--profile", meter, "--devices", 5_000)
    rows = re.findall(r"^(complete|incomplete|gave up|all) +(\d+) +([\d.]+)%", result.out, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["complete", "incomplete", "gave up", "all"]
    counts, shares = [int(count) for _, count, _ in rows], [float(share) for _, _, share in rows]
    assert sum(counts[:-1]) == counts[-1] == 5_000
    assert sum(shares[:-1]) == pytest.approx(100, abs=0.2)
    assert "lost more than the 1 fragments that meter [/] can repair" in words(result.out)


def test_details_name_plan_devices_costs_and_target(fuota, image):
    result = fuota("simulate", image, *IN865, "--burst", 2, "--uplink-period", 60, "--uplink-ms", 400, "--late", 0.1)
    details = words(blocks(result)[2])
    for part in (
        "plan app.bin as 13 uncoded fragments of 48 bytes and 8 coded fragments at DR2 of IN865",
        "devices profile ideal; each losing 0.1 of all frames, in bursts of 2; sending for 400 ms every 60 s; 10.0% joining late",
        "airtime 14.7 s in 21 frames, 1.",
        "energy 0.39 J per device; 0.",
        "is the estimate of the plan",
        "target 99.0% of all devices: missed",
        "recipe seed 0, SHA-256 ",
    ):
        assert part in details


@pytest.mark.parametrize(
    "options",
    [
        IN865,
        (*IN865, "--devices", "1"),
        (*IN865, "--burst", "4", "--uplink-period", "60", "--uplink-ms", "400", "--late", "0.1", "--early", "0.25"),
        ("--region", "US915", "--class", "B", "--loss", "0.1", "--coded", "9"),
        ("--region", "IN865", "--loss", "1", "--coded", "0"),
        ("--region", "IN865", "--loss", "0", "--coded", "0"),
    ],
)
def test_output_in_a_pipe_fits_80_columns_uncut(fuota, image, options):
    result = fuota("simulate", image, *options)
    assert result.code in {0, 1}
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.count("…") == 1, "only the hash of the recipe is shortened"
    assert "\x1b" not in result.out


def test_0_and_100_percent_are_exact(fuota, image):
    sure, none = (fuota("simulate", image, "--region", "IN865", "--loss", p, "--coded", 0) for p in (0, 1))
    assert words(sure.out).startswith("100% of 10000 devices complete (99.962% to 100%, 95% confidence); half of them ")
    assert words(none.out).startswith("0% of 10000 devices complete (0% to 0.038%, 95% confidence). ")
    assert (sure.code, none.code) == (0, 1)
    assert "inf" not in none.out
    assert "per complete" not in none.out


@pytest.mark.parametrize("name", ["a[red]b.bin", "x:bug:.bin", "[/].bin"])
def test_markup_in_names_is_shown_literally(fuota, tmp_path, meter, name):
    path = tmp_path / name.replace("/", "_")
    path.write_bytes(IMAGE)
    result = fuota("simulate", path, *IN865, "--profile", meter, "--devices", 100)
    assert f"{path.name} as 13 uncoded fragments" in words(result.out)
    assert "profile meter [/]; each" in words(result.out)


# --- for programs


def test_event_agrees_with_the_library(fuota, image):
    plan = library.plan(image, region="IN865", loss=0.1, nb_coded=8, fleet=3_000)
    ideal = library.DeviceProfile()
    air = library.SimulatedAir(devices=3_000, loss=library.Bernoulli(0.1), seed=5, profile=ideal)
    expected = air.transmit(plan).to_json()
    result = verdict(fuota("simulate", image, *IN865, "--fleet", 3_000, "--seed", 5, "--json"))
    assert result.items() >= expected.items()
    assert (result["devices"], result["target"], result["seed"]) == (3_000, 0.99, 5)
    assert result["planned"] == plan.success_probability
    assert sum(result["counts"].values()) == 3_000
    starts_us = plan.schedule["start_us"]
    ends_us = int(starts_us[result["complete_at"]["0.5"] - 1]) + plan.time_on_air_us
    assert result["complete_after_ms"]["0.5"] == pytest.approx(ends_us / 1000, abs=2)
    assert result["complete_after_ms"]["0.99"] is None


def test_simulation_agrees_with_the_estimate_of_the_plan(fuota, image):
    for more in ((), ("--burst", "3")):
        event = verdict(fuota("simulate", image, *IN865, *more, "--devices", 200_000, "--json"))
        assert event["planned"] == pytest.approx(event["share"], abs=5e-3), more


def test_result_depends_on_the_seed_only(fuota, image):
    first, same, other = (verdict(fuota("simulate", image, *IN865, "--seed", n, "--json")) for n in (1, 1, 2))
    assert first == same
    assert first["counts"] != other["counts"]
    assert first["recipe"] != other["recipe"]


def test_fleet_file_decides_number_and_losses(fuota, image, fleet):
    result = fuota("simulate", image, "--region", "IN865", "--coded", 8, "--fleet", fleet)
    assert "of 1000 devices complete" in words(result.out)
    assert "losing 0.104 of all frames on average, 0.3 at worst" in words(result.out)
    event = verdict(fuota("simulate", image, "--region", "IN865", "--coded", 8, "--fleet", fleet, "--json"))
    assert 0.7 < event["share"] < 0.95


def test_number_of_excluded_devices_is_shown(fuota, image, tmp_path):
    (tmp_path / "f.csv").write_text("dev_eui,state,loss\n1000000000000001,JOINED,0\n1000000000000002,REGISTERED,0\n")
    result = fuota("simulate", image, "--region", "IN865", "--coded", 0, "--fleet", tmp_path / "f.csv")
    assert result.code == 0
    assert words(result.out).startswith("100% of 1 device completes (20.7% to 100%, 95% confidence); after ")
    assert "left out 1 device of the fleet file; `fuota plan` shows why" in words(result.out)


@pytest.mark.parametrize(
    "harder",
    [
        ("--burst", "5"),
        ("--late", "0.5"),
        ("--early", "0.5"),
        ("--uplink-period", "2", "--uplink-ms", "300"),
        ("--profile", "METER"),
    ],
)
def test_harder_conditions_give_a_smaller_share(fuota, saved, meter, harder):
    options = [meter if word == "METER" else word for word in harder]
    easy, hard = (verdict(fuota("simulate", "--plan", saved, *more, "--json")) for more in ((), options))
    assert hard["share"] < easy["share"] - 0.02


def test_default_uplink_period_is_that_of_the_profile(fuota, image, meter):
    result = fuota("simulate", image, *IN865, "--profile", meter, "--uplink-ms", 500)
    assert "sending for 500 ms every 60 s" in words(result.out)


# --- a saved plan


def test_saved_plan_gives_the_same_result_as_a_new_one(fuota, image, saved):
    for arguments in (("--plan", saved), ("--plan", saved, image)):
        assert fuota("simulate", *arguments, "--json").events == fuota("simulate", image, *IN865, "--json").events


def test_saved_plan_keeps_fleet_loss_and_target(fuota, image, tmp_path):
    path = tmp_path / "plan.json"
    fuota("plan", image, "--region", "IN865", "--loss", 0.2, "--fleet", 77, "--target", 0.5, "-o", path)
    event = verdict(fuota("simulate", "--plan", path, "--json"))
    assert (event["devices"], event["target"]) == (77, 0.5)
    assert "each losing 0.2 of all frames" in words(fuota("simulate", "--plan", path).out)
    changed = verdict(fuota("simulate", "--plan", path, "--devices", 99, "--loss", 0, "--target", 0.9, "--json"))
    assert (changed["devices"], changed["target"], changed["share"]) == (99, 0.9, 1)


def test_saved_plan_for_a_mixed_fleet_needs_the_fleet_file(fuota, image, fleet, tmp_path):
    path, options = tmp_path / "plan.json", ("--region", "IN865", "--coded", 8, "--fleet", fleet)
    fuota("plan", image, *options, "-o", path)
    says_one_line(fuota("simulate", "--plan", path), 2, "different losses", "fleet file")
    again = fuota("simulate", "--plan", path, "--fleet", fleet, "--json")
    assert again.events == fuota("simulate", image, *options, "--json").events
    assert fuota("simulate", "--plan", path, "--loss", 0).code == 0


def test_devices_refuse_a_plan_that_is_too_large(fuota, saved, tmp_path):
    (tmp_path / "small.toml").write_text('name = "small"\nslot_bytes = 500\n')
    result = fuota("simulate", "--plan", saved, "--profile", tmp_path / "small.toml")
    assert result.code == 1
    assert re.search(r"refused +10000 +100%", result.out)
    assert "small does not accept 13 fragments of 48 bytes, 600 in total" in words(result.out)


def test_profile_of_another_version_is_refused(fuota, saved, tmp_path):
    (tmp_path / "new.toml").write_text('name = "new"\nversion = 2\n')
    options = ("simulate", "--plan", saved, "--profile", tmp_path / "new.toml")
    says_one_line(fuota(*options), 3, "version 1", "new implements version 2", "plan again")


@pytest.mark.parametrize("option", [("--region", "IN865"), ("--coded", "3"), ("-d", "2"), ("--confidence", "0.9")])
def test_option_that_the_plan_decides_is_refused(fuota, saved, option):
    says_one_line(fuota("simulate", "--plan", saved, *option), 2, "--plan decides --", "leave that out")


def test_invalid_plan_or_plan_for_another_image_is_refused(fuota, saved, image, tmp_path):
    image.write_bytes(b"another")
    says_one_line(fuota("simulate", "--plan", saved, image), 3, "the plan is for app.bin, 600 bytes")
    document = json.loads(saved.read_text())
    document["plan"]["nb_coded"] += 1
    saved.write_text(json.dumps(document))
    says_one_line(fuota("simulate", "--plan", saved), 3, "was changed after it was written")
    says_one_line(fuota("simulate", "--plan", image), 3, "app.bin is not a plan")
    says_one_line(fuota("simulate", "--plan", tmp_path / "none.json"), 2, "none.json cannot be read")


# --- exit codes


def test_the_target_decides_the_exit_code(fuota, image):
    share = verdict(fuota("simulate", image, *IN865, "--json"))["share"]
    for target, code in ((share, 0), (share + 1e-3, 1), (0.5, 0), (1, 1)):
        result = fuota("simulate", image, *IN865, "--target", target)
        assert (result.code, result.words) == (code, "")
        assert f"of all devices: {'missed' if code else 'met'}" in words(result.out)


def test_message_says_if_chance_may_decide_the_target(fuota, image):
    near = fuota("simulate", image, *IN865, "--target", 0.88, "--devices", 100)
    assert "perhaps by chance: simulate more --devices" in words(near.out)
    assert "by chance" not in fuota("simulate", image, *IN865, "--target", 0.5).out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-d", "8"], "DR8 of EU868 is for uplinks only"),
        (["--loss", "0.9"], "some devices receive too little"),
        (["--frequency", "868.2"], "must be a downlink channel"),
        (["-s", "49", "-d", "0"], "at most 48"),
    ],
)
def test_plan_that_cannot_work_has_exit_code_3(fuota, image, options, message):
    says_one_line(fuota("simulate", image, "--region", "EU868", *options), 3, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--devices", "0"], "devices must be 1 to 1000000000, got 0 (nearest: 1)"),
        (["--devices", "-1"], "got -1 (nearest: 1)"),
        (["--devices", "9999999999"], "nearest: 1000000000"),
        (["--devices", "many"], "'--devices'"),
        (["--fleet", "0"], "fleet must be 1 or more"),
        (["--seed", "-1"], "got -1 (nearest: 0)"),
        (["--seed", "9223372036854775808"], "nearest: 9223372036854775807"),
        (["--loss", "2"], "loss must be 0 to 1"),
        (["--loss", "nan"], "loss must be 0 to 1"),
        (["--burst", "0.5"], "burst_frames must be 1 frame or more"),
        (["--burst", "nan"], "burst_frames must be"),
        (["--burst", "inf"], "burst_frames of fleet"),
        (["--burst", "2", "--loss", "0.9"], "loss must be 0.667 or less"),
        (["--burst", "2", "--loss", "nan"], "loss must be 0 to 1, got nan"),
        (["--late", "nan"], "late_share must be 0 to 1"),
        (["--early", "1.1"], "early_share must be 0 to 1"),
        (["--uplink-ms", "5"], "--uplink-ms needs --uplink-period"),
        (["--uplink-period", "5"], "--uplink-period needs --uplink-ms"),
        (["--uplink-period", "5", "--uplink-ms", "5000"], "nearest: 4999"),
        (["--uplink-period", "5", "--uplink-ms", "0"], "sending_ms must be 1 to 4999, got 0"),
        (["--uplink-period", "99999999999999", "--uplink-ms", "5"], "'--uplink-period'"),
        (["--target", "nan"], "target must be"),
        (["--target", "0"], "target must be"),
        (["--profile", "loramac-nod"], "did you mean 'loramac-node'?"),
        (["--plot", ""], "the name of the file is empty"),
        (["--plot", "out.xyz"], "one of .png, .svg, .pdf"),
    ],
)
def test_parameter_out_of_range_has_exit_code_2(fuota, image, options, message):
    says_one_line(fuota("simulate", image, *IN865, *options), 2, message)


def test_fleet_file_excludes_devices_and_burst(fuota, image, fleet):
    arguments = ("simulate", image, "--region", "IN865", "--coded", 8, "--fleet", fleet)
    says_one_line(fuota(*arguments, "--devices", 5), 2, "leave devices out")
    says_one_line(fuota(*arguments, "--burst", 2), 2, "burst_frames into the file")


@pytest.mark.parametrize(
    ("options", "message"), [([], "'IMAGE'"), (["-"], "'--region'"), (["none.bin", "--region", "IN865"], "none.bin")]
)
def test_missing_argument_or_file_has_exit_code_2(fuota, options, message):
    says_one_line(fuota("simulate", *options), 2, message, "fuota simulate --help")


# --- --plot


def test_plot_writes_a_picture(fuota, image, tmp_path):
    result = fuota("simulate", image, *GOOD, "--plot", tmp_path / "out.png")
    assert (result.code, result.words) == (0, f"wrote {tmp_path / 'out.png'}\n")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_picture_that_cannot_be_written_is_named(fuota, image, tmp_path):
    result = fuota("simulate", image, *GOOD, "--plot", tmp_path / "none" / "out.png")
    assert result.code == 2
    assert "none/out.png cannot be written: No such file" in result.complaint


def test_picture_does_not_overwrite_an_input(fuota, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(IMAGE)
    says_one_line(fuota("simulate", path, *GOOD, "--plot", path), 2, "is the file that IMAGE reads")
    assert path.read_bytes() == IMAGE


def test_missing_matplotlib_is_reported_before_the_work(fuota, image, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = fuota("simulate", image, *GOOD, "--plot", tmp_path / "out.png")
    says_one_line(result, 2, "pip install 'fuota[notebook]'")
    assert fuota("simulate", image, *GOOD).code == 0, "the table does not need matplotlib"
