"""Command `fuota plan`: what it shows and writes."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from xml.etree import ElementTree

import pytest

import fuota as library
from fuota.cli.render.words import spoken_duration, spoken_share
from tests.cli.plan_cases import (
    EU868,
    FRONT,
    IMAGE,
    IN865,
    LONGEST_S,
    kinds,
    plain,
    row,
    says_one_line,
)

pytestmark = pytest.mark.usefixtures("default_width")


# --- for people


def test_sentence_summarises_the_plan(fuota, image):
    result = fuota("plan", image, *IN865)
    assert (result.code, result.words) == (0, "")
    plan = fuota("plan", image, *IN865, "--json").event("plan")
    sentence = " ".join(result.out.split("\n\n")[0].split())
    assert sentence.startswith("app.bin, 600 bytes, is sent in ")
    assert f"in {spoken_duration(plan['duration_ms'])} at DR2 of IN865, class C" in sentence
    assert "as 13 uncoded fragments of 48 bytes and 8 coded fragments" in sentence
    assert f" {spoken_share(plan['success_probability'])}." in sentence


def test_table_agrees_with_the_events(fuota, image):
    result, plan = fuota("plan", image, *EU868), fuota("plan", image, *EU868, "--json").event("plan")
    assert row(result, "image").startswith(f"SHA-256{hashlib.sha256(IMAGE).hexdigest()[:16]}…")
    assert f"padding{plan['padding']}bytes" in row(result, "image")
    assert f"869.525MHz;aframelasts{plan['time_on_air_us'] / 1000:.3f}ms" in row(result, "channel")
    assert row(result, "interval").startswith(f"{plan['interval_ms']}ms:adutycycleof10%allows")
    assert row(result, "airtime") == f"{plan['airtime_us'] / 1e6:.1f}sin{plan['frames']}frames"
    assert row(result, "duration").startswith(plain(spoken_duration(plan["duration_ms"])))
    assert plain(spoken_duration(plan["longest_ms"])) in row(result, "duration")
    assert (
        row(result, "session") == f"startsafter5min;lasts{plan['session_timeout_s']}s(TimeOut{plan['session_timeout']})"
    )
    assert row(result, "success").startswith(spoken_share(plan["success_probability"]))
    assert row(result, "energy").startswith(f"{plan['energy_uj'] / 1e6:.2f}J")
    call = "".join(f"{name}={value}" for name, value in plan["transfer_parameters"].items())
    assert row(result, "server call") == call


@pytest.mark.parametrize("options", [(), ("--class", "B"), ("--fleet", "200"), ("--duty-cycle", "1")])
def test_every_finding_is_shown_with_its_code(fuota, image, options):
    arguments = ("plan", image, "--region", "EU868", "-d", "5", "-s", "40", "--coded", "8", *options)
    result, findings = fuota(*arguments), fuota(*arguments, "--json").events[1:]
    shown = plain(result.out.split("\n\n")[2])
    assert shown == "".join(
        plain(f"{finding['severity']}{finding['message']}({finding['code']})") for finding in findings
    )


@pytest.mark.parametrize(
    "options",
    [
        IN865,
        (*IN865, "-d", "2", "-s", "48", "--front"),
        (*IN865, "--fleet", "1000000000"),
        (*IN865, "--interval-ms", "123456", "--start-delay", "999999"),
        (*EU868, "--class", "B", "--duty-cycle", "0.5", "--max-eirp", "20", "--dwell-ms", "5000"),
        ("--region", "US915", "--class", "B", "--loss", "0.1", "--coded", "9"),
        ("--region", "CN470-20B", "--loss", "0.05", "-s", "40", "--coded", "3"),
    ],
)
def test_output_in_a_pipe_fits_80_columns_uncut(fuota, image, options):
    result = fuota("plan", image, *options)
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.count("…") == 1, "only the hash of the image is shortened"
    assert "\x1b" not in result.out


def on_a_terminal(start, columns: int, *arguments: object) -> str:
    """Return what a terminal of that width shows of a command that succeeds."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + LONGEST_S
    try:
        while True:
            ready, _, _ = select.select([ours], [], [], deadline - time.monotonic())
            assert ready, shown
            shown += os.read(ours, 65_536)
    except OSError:  # Linux raises EIO when the other end is closed
        os.close(ours)
    assert process.wait(LONGEST_S) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "more_than"), [(60, 40), (200, 80)])
def test_output_uses_the_width_of_the_terminal_uncut(start, fuota, image, export, columns, more_than):
    options = ("--region", "EU868", "--fleet", export, "-d", 5, "-s", 40, "--coded", 8, "--front")
    shown = on_a_terminal(start, columns, "plan", image, *options)
    assert more_than < max(len(line.rstrip()) for line in shown.splitlines()) <= columns
    assert shown.count("…") == 1, "only the hash of the image is shortened"
    piped = fuota("plan", image, *options)
    assert set(piped.out.replace("─", "").split()) <= set(shown.split()), "every word, wherever the lines end"


@pytest.mark.parametrize("name", ["a[b].bin", "a[red]b.bin", "x:bug:.bin", "back\\slash.bin", "[link=x]y.bin"])
def test_markup_in_a_file_name_is_shown_literally(fuota, tmp_path, name):
    (tmp_path / name).write_bytes(IMAGE)
    result = fuota("plan", tmp_path / name, *IN865)
    assert result.code == 0
    assert result.out.startswith(f"{name}, 600 bytes, is sent in ")


@pytest.mark.parametrize("cell", ["[/]", "[/red]", "[bold]", ":bug:"])
def test_markup_in_a_fleet_file_is_shown_literally(fuota, image, tmp_path, cell):
    fleet = tmp_path / "fleet.csv"
    fleet.write_text(
        f"dev_eui,state,loss\n1000000000000001,JOINED,0.1\n1000000000000002,{cell},0.1\n{cell},JOINED,0.1\n"
    )
    result = fuota("plan", image, "--region", "IN865", "--coded", 8, "--fleet", fleet)
    assert result.code == 0
    assert f"itsstateis{cell.upper()}:" in plain(result.out)
    assert f"{cell!r}isnotaDevEUI" in plain(result.out)


def test_0_and_100_percent_are_shown_only_if_exact(fuota, image):
    hopeless = ("--region", "IN865", "--loss", "0.99", "--coded", "8")
    assert 0 < fuota("plan", image, *hopeless, "--json").event("plan")["success_probability"] < 1e-12
    assert not re.search(r"(?<![\d.])0(\.0+)?%", fuota("plan", image, *hopeless).out)
    sure = fuota("plan", image, "--region", "IN865", "--loss", 0, "--coded", 0)
    assert re.search(r"(?<![\d.])100%", sure.out)


def test_server_call_is_hidden_for_an_application_managed_plan(fuota, image):
    """mcastTransfer accepts a redundancy of at most 1.0; an application-managed plan may have more."""
    options = ("--region", "IN865", "--loss", "0.1", "--application-managed", "--coded", "30")
    assert "redundancy=2.3" not in plain(fuota("plan", image, *options).out)


# --- for programs


def test_every_json_line_is_an_event(fuota, image, export, tmp_path):
    path = tmp_path / "plan.json"
    options = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", "3", "--front", "-o", path, "--json")
    result = fuota("plan", image, *options)
    assert result.code == 0
    names = kinds(result)
    assert (names[0], names[-1]) == ("plan", "saved")
    assert set(names) == {"plan", "finding", "excluded", "front_point", "saved"}
    assert [names.count(kind) for kind in ("plan", "excluded", "saved")] == [1, 4, 1]
    assert result.err.startswith(f"wrote {path}")


def test_plan_event_has_all_values(fuota, image):
    plan = fuota("plan", image, *IN865, "--json").event("plan")
    patch_only = {"base_sha256": None, "target_sha256": None}
    assert plan["image"] == {"name": "app.bin", "size": 600, "sha256": hashlib.sha256(IMAGE).hexdigest(), **patch_only}
    assert (plan["region"], plan["device_class"], plan["data_rate"], plan["frequency_hz"]) == (
        "IN865",
        "C",
        2,
        [866_550_000],
    )
    assert (plan["nb_frag"], plan["nb_coded"], plan["frag_size"], plan["padding"]) == (13, 8, 48, 24)
    assert plan["airtime_us"] == plan["frames"] * plan["time_on_air_us"] == 21 * plan["time_on_air_us"]
    assert plan["duration_ms"] == -(-(20 * 1000 * plan["interval_ms"] + plan["time_on_air_us"]) // 1000)
    assert plan["session_timeout_s"] == 2 ** plan["session_timeout"] > plan["duration_ms"] / 1000
    assert plan["success_probability"] == plan["success"]["mean"]["estimate"]
    assert plan["transfer_parameters"] == {
        "startDelaySecs": 300,
        "txDr": 2,
        "fragAlg": "FWD_ERR_CORR",
        "fragPkgVer": 1,
        "devClass": "C",
        "redundancy": pytest.approx(8 / 13, abs=0.04),
        "millisBetweenPkts": plan["interval_ms"],
        "maxFragSize": 48,
    }


def test_events_agree_with_the_library(fuota, image):
    plan = library.plan(image, region="IN865", loss=0.1, nb_coded=8)
    events = fuota("plan", image, *IN865, "--json").events
    fields = json.loads(json.dumps(plan.to_json()))
    assert [event for event in events if event["event"] == "finding"] == [
        {"event": "finding", **finding} for finding in fields.pop("findings")
    ]
    assert fields.pop("excluded") == []
    assert {name: events[0][name] for name in fields} == fields


def test_same_recipe_gives_the_same_plan(fuota, image):
    options = ("plan", image, "--region", "IN865", "--loss", "0.1", "--target", "0.9", "--json")
    assert fuota(*options).events == fuota(*options).events


@pytest.mark.parametrize(
    ("options", "code"), [(["--loss", "nan"], 2), (["--profile", "loramac-node", "--loss", "0.7"], 3)]
)
def test_refusal_is_an_event(fuota, image, options, code):
    result = fuota("plan", image, "--region", "IN865", *options, "--json")
    assert result.events == [{"event": "error", "code": code, "message": result.complaint.removeprefix("fuota: ")}]


def test_image_from_a_pipe_gives_the_same_plan(fuota, image):
    piped, read = (fuota("plan", source, *IN865, "--json", stdin=IMAGE).events for source in ("-", image))
    assert piped[0]["image"].pop("name") == "image.bin"
    assert read[0]["image"].pop("name") == "app.bin"
    assert piped == read


# --- -o


def test_saved_file_contains_the_shown_plan(fuota, image, tmp_path):
    path = tmp_path / "plan.json"
    result = fuota("plan", image, *IN865, "-o", path, "--json")
    document, saved = json.loads(path.read_text()), result.event("saved")
    assert saved == {"event": "saved", "path": str(path), "sha256": document["sha256"]}
    assert (
        document["plan"].items()
        <= {**result.event("plan"), "findings": document["plan"]["findings"], "excluded": []}.items()
    )
    assert document["plan"]["findings"] == [
        {name: value for name, value in event.items() if name != "event"}
        for event in result.events
        if event["event"] == "finding"
    ]
    assert sorted(tmp_path.iterdir()) == [image, path]


def test_message_names_the_command_that_sends_the_plan(fuota, image, tmp_path):
    result = fuota("plan", image, *IN865, "-o", tmp_path / "plan.json")
    (line,) = result.words.splitlines()
    assert f"wrote {tmp_path / 'plan.json'} (SHA-256 " in line
    assert f"`fuota launch app.bin --plan {tmp_path / 'plan.json'}`" in line
    assert "wrote" not in result.out


def test_message_does_not_offer_launch_for_an_application_managed_plan(fuota, image, tmp_path):
    path = tmp_path / "plan.json"
    managed = fuota("plan", image, "--region", "IN865", "--loss", 0, "--application-managed", "--coded", 30, "-o", path)
    assert managed.code == 3 or "send it with" not in managed.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["-s", "49", "-d", "0"], 3),
        (["--loss", "0.9"], 3),
        (["-d", "8"], 3),
        (["--loss", "-1"], 2),
        (["--fleet", "missing.csv"], 2),
        (["--periodicity", "many"], 2),
    ],
)
def test_refused_plan_is_not_written(fuota, image, tmp_path, options, code):
    arguments = ("plan", image, "--region", "EU868", *options)
    for path, content in ((tmp_path / "new.json", None), (tmp_path / "old.json", "an older one")):
        if content is not None:
            path.write_text(content)
        assert fuota(*arguments, "-o", path).code == code
        assert (path.read_text() if path.exists() else None) == content


@pytest.mark.parametrize("name", ["missing/plan.json", "app.bin/plan.json", "folder"])
def test_output_that_cannot_be_written_is_named(fuota, image, tmp_path, name):
    (tmp_path / "folder").mkdir()
    result = fuota("plan", image, *IN865, "-o", tmp_path / name)
    assert result.code == 2
    assert str(tmp_path / name) in result.complaint
    assert re.search("cannot be written: (No such file|Not a dir)|is a directory", result.complaint)
    assert sorted(tmp_path.iterdir()) == [image, tmp_path / "folder"]


def test_plan_does_not_overwrite_the_image(fuota, image):
    says_one_line(fuota("plan", image, *IN865, "-o", image), 2)
    assert image.read_bytes() == IMAGE


def test_empty_output_name_is_refused(fuota, image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for option in ("-o", "--plot"):
        result = fuota("plan", image, *IN865, option, "")
        assert (result.code, result.err.count("\n")) == (2, 1), option
        assert list(tmp_path.iterdir()) == [image], option


# --- --front and --plot


def test_front_goes_from_fast_to_reliable(fuota, image, export):
    result = fuota("plan", image, "--region", "EU868", "--fleet", export, "-d", "5", "--coded", 3, "--front", "--json")
    points = [event for event in result.events if event["event"] == "front_point"]
    assert len(points) > 2
    for sooner, later in itertools.pairwise(points):
        assert sooner["duration_ms"] <= later["duration_ms"]
        assert sooner["success"]["estimate"] < later["success"]["estimate"]
    assert {point["data_rate"] for point in points} == {5}
    assert all(point["nb_frag"] == -(-600 // point["frag_size"]) for point in points)


def test_front_table_agrees_with_the_events(fuota, image):
    shown = fuota("plan", image, *FRONT, "--front")
    points = [
        event for event in fuota("plan", image, *FRONT, "--front", "--json").events if event["event"] == "front_point"
    ]
    lines = shown.out.split("Best in duration or success")[1].splitlines()
    rows = [line for line in lines if re.search(r"\bDR\d", line)]
    assert len(rows) == len(points) > 2
    for line, point in zip(rows, points, strict=True):
        start = f"{spoken_duration(point['duration_ms'])} {spoken_share(point['success']['estimate'])} DR{point['data_rate']}"
        assert line.split()[: len(start.split())] == start.split()
        assert f"{point['nb_frag']} + {point['nb_coded']} of {point['frag_size']}" in line


def test_front_warns_if_the_loss_is_the_same_for_every_data_rate(fuota, image, export):
    assert "faster data rates lose more" in fuota("plan", image, *FRONT, "--front").err
    with_figures = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", 3, "--front")
    assert fuota("plan", image, *with_figures).words == ""


@pytest.mark.slow
def test_plot_writes_png_and_svg(fuota, image, tmp_path):
    for name in ("front.png", "front.svg"):
        result = fuota("plan", image, *FRONT, "--plot", tmp_path / name)
        assert result.code == 0
        assert result.err.splitlines()[-1] == f"wrote {tmp_path / name}"
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    drawn = ElementTree.parse(tmp_path / "front.svg")
    assert drawn.getroot().tag.endswith("svg")
    assert sorted(tmp_path.iterdir()) == [image, tmp_path / "front.png", tmp_path / "front.svg"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("front.xyz", "the extension of the picture must be one of"),
        ("front.xyz", "png"),
        ("missing/front.png", "missing/front.png cannot be written: No such file or directory"),
        ("app.bin/front.svg", "app.bin/front.svg cannot be written: Not a directory"),
        ("folder", "is a directory"),
    ],
)
def test_plot_that_cannot_be_written_gives_one_line(fuota, image, tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    result = fuota("plan", image, *FRONT, "--plot", tmp_path / name)
    assert result.code == 2
    assert words in result.complaint
    assert "wrote" not in result.err
    assert sorted(tmp_path.iterdir()) == [image, tmp_path / "folder"]


def test_plot_without_extension_is_refused_or_written(fuota, image, tmp_path):
    result = fuota("plan", image, *FRONT, "--plot", tmp_path / "front")
    assert result.code == 2 or (tmp_path / "front").is_file()


def test_plot_without_matplotlib_names_the_package(fuota, image, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = fuota("plan", image, *FRONT, "--plot", tmp_path / "front.png")
    assert result.code == 2
    assert "pip install 'fuota[notebook]'" in result.complaint
    assert list(tmp_path.iterdir()) == [image]
    assert fuota("plan", image, *FRONT, "--front").code == 0, "the table does not need matplotlib"


@pytest.mark.slow
def test_plan_is_written_even_if_stdout_is_closed(start, image, tmp_path):
    """For example `fuota plan ... -o plan.json | head -1`."""
    path = tmp_path / "plan.json"
    process = start("plan", image, *IN865, "-o", path)
    process.stdout.close()
    process.wait(timeout=LONGEST_S)
    assert json.loads(path.read_text())["plan"]["nb_frag"] == 13
