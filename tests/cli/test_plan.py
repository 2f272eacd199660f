"""fuota plan: what is said, what is written, what is refused, and with which exit code."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import pty
import random
import re
import select
import struct
import sys
import termios
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import fuota as library
from fuota.cli.words import spoken_duration, spoken_share
from fuota.errors import ImageError, MessageError, ParameterError, PlanError, StorageError

IMAGE = random.Random(7).randbytes(600)
IN865 = ("--region", "IN865", "--loss", "0.1", "--coded", "8")
"""A plan that takes no search: 13 fragments of 48 bytes at the data rate of RX2, which has no duty cycle."""
FRONT = (*IN865, "-d", 2, "-s", 48)
"""The same without a choice of data rates and sizes: its front is found at once."""
EU868 = ("--region", "EU868", "--loss", "0.1", "-d", "5", "-s", "40", "--coded", "8")
EXPORT = """Dev EUI,State,Yest Psr,Yest Avg Snr,Cur Dr,Dev Class
1000000000000001,JOINED,99,9.5,5,CLASS_C
1000000000000002,JOINED,97,8,5,CLASS_C
1000000000000003,ACTIVATED,,,,
1000000000000004,REGISTERED,99,9,5,CLASS_C
1000000000000005,JOINED,,,,CLASS_C
1000000000000006,JOINED,99,9,5,CLASS_A
"""
LEFT_OUT = {
    "1000000000000003": "its state is ACTIVATED: it has not joined yet",
    "1000000000000004": "its state is REGISTERED: it is not activated yet",
    "1000000000000005": "nothing tells how well it hears, and no default loss was given",
    "1000000000000006": "its class is CLASS_A: the session is for class C",
}
METER = """
name = "meter"
version = 2
descriptor = "0A0B0C0D"
slot_bytes = 4096
frag_size_multiple = 8
frag_write_ms = 900
row_work_ms = 100
second_buffer = false
uplink_period_s = 600
"""
LONGEST_S = 30


@pytest.fixture(autouse=True)
def as_wide_as_it_is(monkeypatch) -> None:
    """What this user says of the terminal is not what the tests are about."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(IMAGE)
    return path


@pytest.fixture
def large(tmp_path) -> Path:
    """An image that makes enough fragments for the code to be a good one."""
    path = tmp_path / "large.bin"
    path.write_bytes(random.Random(7).randbytes(1_200))
    return path


@pytest.fixture
def export(tmp_path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(EXPORT)
    return path


@pytest.fixture
def meter(tmp_path) -> Path:
    path = tmp_path / "meter.toml"
    path.write_text(METER)
    return path


def plain(text: str) -> str:
    """Without white space, since lines are wrapped where they end."""
    return "".join(text.split())


def row(result, name: str) -> str:
    """A row of the table, without white space: what stands from its name to the next one."""
    rows = re.split(r"^(?=\S)", result.out.split("\n\n")[1], flags=re.MULTILINE)
    (found,) = (one for one in rows if one.startswith(name + "  "))
    return plain(found.removeprefix(name))


def kinds(result) -> list[str]:
    return [event["event"] for event in result.events]


def codes(result) -> set[str]:
    return {event["code"] for event in result.events if event["event"] == "finding"}


def says_one_line(result, code: int, *words: str) -> None:
    """That it ended with this code and one line with these words, without a result."""
    assert result.code == code, result.err
    assert result.err.splitlines() == [result.complaint]
    for one in words:
        assert one in result.complaint


# --- for people


def test_the_plan_in_one_sentence(fuota, image):
    result = fuota("plan", image, *IN865)
    assert (result.code, result.err) == (0, "")
    plan = fuota("plan", image, *IN865, "--json").event("plan")
    sentence = " ".join(result.out.split("\n\n")[0].split())
    assert sentence.startswith("app.bin, 600 bytes, goes out in ")
    assert f"in {spoken_duration(plan['duration_ms'])} at DR2 of IN865, class C" in sentence
    assert "as 13 fragments of 48 bytes and 8 coded ones" in sentence
    assert f" {spoken_share(plan['success_probability'])}." in sentence


def test_the_table_has_what_the_events_have(fuota, image):
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
    given = ("--region", "EU868", "-d", "5", "-s", "40", "--coded", "8", *options)
    result, findings = fuota("plan", image, *given), fuota("plan", image, *given, "--json").events[1:]
    shown = plain(result.out.split("\n\n")[2])
    assert shown == "".join(plain(f"{one['severity']}{one['message']}({one['code']})") for one in findings)


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
def test_in_a_pipe_it_fits_80_columns_and_nothing_is_cut_off(fuota, image, options):
    result = fuota("plan", image, *options)
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert result.out.count("…") == 1, "that of the image's hash"
    assert "\x1b" not in result.out


def on_a_terminal(start, columns: int, *arguments: object) -> str:
    """What a terminal of that width shows of a command that does well."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    octets, deadline = b"", time.monotonic() + LONGEST_S
    try:
        while True:
            ready, _, _ = select.select([ours], [], [], deadline - time.monotonic())
            assert ready, octets
            octets += os.read(ours, 65_536)
    except OSError:  # Linux says EIO where the other end has closed
        os.close(ours)
    assert process.wait(LONGEST_S) == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", octets.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize(("columns", "more_than"), [(60, 40), (200, 80)])
def test_a_terminal_is_used_as_wide_as_it_is_and_nothing_is_cut_off(start, fuota, image, export, columns, more_than):
    options = ("--region", "EU868", "--fleet", export, "-d", 5, "-s", 40, "--coded", 8, "--front")
    shown = on_a_terminal(start, columns, "plan", image, *options)
    assert more_than < max(len(line.rstrip()) for line in shown.splitlines()) <= columns
    assert shown.count("…") == 1, "that of the image's hash"
    piped = fuota("plan", image, *options)
    assert set(piped.out.replace("─", "").split()) <= set(shown.split()), "every word, wherever the lines end"


@pytest.mark.parametrize("name", ["a[b].bin", "a[red]b.bin", "x:bug:.bin", "back\\slash.bin", "[link=x]y.bin"])
def test_a_file_name_is_shown_as_it_is(fuota, tmp_path, name):
    (tmp_path / name).write_bytes(IMAGE)
    result = fuota("plan", tmp_path / name, *IN865)
    assert result.code == 0
    assert result.out.startswith(f"{name}, 600 bytes, goes out in ")


@pytest.mark.parametrize("cell", ["[/]", "[/red]", "[bold]", ":bug:"])
def test_what_a_fleet_file_says_is_shown_as_it_is(fuota, image, tmp_path, cell):
    fleet = tmp_path / "fleet.csv"
    fleet.write_text(
        f"dev_eui,state,loss\n1000000000000001,JOINED,0.1\n1000000000000002,{cell},0.1\n{cell},JOINED,0.1\n"
    )
    result = fuota("plan", image, "--region", "IN865", "--coded", 8, "--fleet", fleet)
    assert result.code == 0
    assert f"itsstateis{cell.upper()}:" in plain(result.out)
    assert f"{cell!r}isnoDevEUI" in plain(result.out)


def test_none_and_all_are_said_only_where_they_are(fuota, image):
    hopeless = ("--region", "IN865", "--loss", "0.99", "--coded", "8")
    assert 0 < fuota("plan", image, *hopeless, "--json").event("plan")["success_probability"] < 1e-12
    assert not re.search(r"(?<![\d.])0(\.0+)?%", fuota("plan", image, *hopeless).out)
    sure = fuota("plan", image, "--region", "IN865", "--loss", 0, "--coded", 0)
    assert re.search(r"(?<![\d.])100%", sure.out)


def test_a_server_call_that_no_server_takes_is_not_shown(fuota, image):
    """mcastTransfer takes a redundancy of 1.0 at most; an application-managed plan may have more, and is sent otherwise."""
    options = ("--region", "IN865", "--loss", "0.1", "--application-managed", "--coded", "30")
    assert "redundancy=2.3" not in plain(fuota("plan", image, *options).out)


# --- for programs


def test_every_line_is_an_event(fuota, image, export, tmp_path):
    path = tmp_path / "plan.json"
    options = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", "3", "--front", "-o", path, "--json")
    result = fuota("plan", image, *options)
    assert result.code == 0
    found = kinds(result)
    assert (found[0], found[-1]) == ("plan", "saved")
    assert set(found) == {"plan", "finding", "excluded", "front_point", "saved"}
    assert [found.count(kind) for kind in ("plan", "excluded", "saved")] == [1, 4, 1]
    assert result.err.startswith(f"wrote {path}")


def test_the_event_of_a_plan_is_all_that_a_program_needs(fuota, image):
    plan = fuota("plan", image, *IN865, "--json").event("plan")
    assert plan["image"] == {"name": "app.bin", "size": 600, "sha256": hashlib.sha256(IMAGE).hexdigest()}
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


def test_the_events_are_what_the_library_says(fuota, image):
    plan = library.plan(image, region="IN865", loss=0.1, nb_coded=8)
    events = fuota("plan", image, *IN865, "--json").events
    told = json.loads(json.dumps(plan.to_json()))
    assert [event for event in events if event["event"] == "finding"] == [
        {"event": "finding", **finding} for finding in told.pop("findings")
    ]
    assert told.pop("excluded") == []
    assert {name: events[0][name] for name in told} == told


def test_the_same_recipe_gives_the_same_plan(fuota, image):
    options = ("plan", image, "--region", "IN865", "--loss", "0.1", "--target", "0.9", "--json")
    assert fuota(*options).events == fuota(*options).events


@pytest.mark.parametrize(
    ("options", "code"), [(["--loss", "nan"], 2), (["--profile", "loramac-node", "--loss", "0.7"], 3)]
)
def test_a_refusal_is_an_event_too(fuota, image, options, code):
    result = fuota("plan", image, "--region", "IN865", *options, "--json")
    assert result.events == [{"event": "error", "code": code, "message": result.complaint.removeprefix("fuota: ")}]


def test_an_image_from_a_pipe_is_planned_as_one_from_a_file(fuota, image):
    piped, read = (fuota("plan", one, *IN865, "--json", stdin=IMAGE).events for one in ("-", image))
    assert piped[0]["image"].pop("name") == "image.bin"
    assert read[0]["image"].pop("name") == "app.bin"
    assert piped == read


# --- -o


def test_the_file_is_the_plan_that_was_shown(fuota, image, tmp_path):
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


def test_people_are_told_how_it_is_sent(fuota, image, tmp_path):
    result = fuota("plan", image, *IN865, "-o", tmp_path / "plan.json")
    (line,) = result.err.splitlines()
    assert f"wrote {tmp_path / 'plan.json'} (SHA-256 " in line
    assert f"`fuota launch app.bin --plan {tmp_path / 'plan.json'}` sends it" in line
    assert "wrote" not in result.out


def test_what_fuota_launch_does_not_send_is_not_said_to_be_sent_by_it(fuota, image, tmp_path):
    path = tmp_path / "plan.json"
    managed = fuota("plan", image, "--region", "IN865", "--loss", 0, "--application-managed", "--coded", 30, "-o", path)
    assert managed.code == 3 or "sends it" not in managed.err


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
def test_a_plan_that_is_refused_is_not_written(fuota, image, tmp_path, options, code):
    given = ("plan", image, "--region", "EU868", *options)
    for path, content in ((tmp_path / "new.json", None), (tmp_path / "old.json", "an older one")):
        if content is not None:
            path.write_text(content)
        assert fuota(*given, "-o", path).code == code
        assert (path.read_text() if path.exists() else None) == content


@pytest.mark.parametrize("name", ["missing/plan.json", "app.bin/plan.json", "folder"])
def test_an_output_that_cannot_be_written_is_named(fuota, image, tmp_path, name):
    (tmp_path / "folder").mkdir()
    result = fuota("plan", image, *IN865, "-o", tmp_path / name)
    assert result.code == 2
    assert str(tmp_path / name) in result.complaint
    assert re.search("cannot be written: (No such file|Not a dir)|is a directory", result.complaint)
    assert sorted(tmp_path.iterdir()) == [image, tmp_path / "folder"]


def test_the_image_is_not_overwritten_by_its_plan(fuota, image):
    says_one_line(fuota("plan", image, *IN865, "-o", image), 2)
    assert image.read_bytes() == IMAGE


def test_an_empty_name_of_an_output_is_refused(fuota, image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for option in ("-o", "--plot"):
        result = fuota("plan", image, *IN865, option, "")
        assert (result.code, result.err.count("\n")) == (2, 1), option
        assert list(tmp_path.iterdir()) == [image], option


# --- --front and --plot


def test_the_front_goes_from_fast_to_sure(fuota, image, export):
    result = fuota("plan", image, "--region", "EU868", "--fleet", export, "-d", "5", "--coded", 3, "--front", "--json")
    points = [event for event in result.events if event["event"] == "front_point"]
    assert len(points) > 2
    for sooner, later in itertools.pairwise(points):
        assert sooner["duration_ms"] <= later["duration_ms"]
        assert sooner["success"]["estimate"] < later["success"]["estimate"]
    assert {point["data_rate"] for point in points} == {5}
    assert all(point["nb_frag"] == -(-600 // point["frag_size"]) for point in points)


def test_the_front_as_a_table(fuota, image):
    shown = fuota("plan", image, *FRONT, "--front")
    points = [
        event for event in fuota("plan", image, *FRONT, "--front", "--json").events if event["event"] == "front_point"
    ]
    lines = shown.out.split("Best in duration or success")[1].splitlines()
    rows = [line for line in lines if re.search(r"\bDR\d", line)]
    assert len(rows) == len(points) > 2
    for line, point in zip(rows, points, strict=True):
        said = f"{spoken_duration(point['duration_ms'])} {spoken_share(point['success']['estimate'])} DR{point['data_rate']}"
        assert line.split()[: len(said.split())] == said.split()
        assert f"{point['nb_frag']} + {point['nb_coded']} of {point['frag_size']}" in line


def test_where_losses_are_alike_at_every_data_rate_the_front_says_so(fuota, image, export):
    assert "faster ones lose more" in fuota("plan", image, *FRONT, "--front").err
    with_figures = ("--region", "EU868", "--fleet", export, "-d", "5", "--coded", 3, "--front")
    assert fuota("plan", image, *with_figures).err == ""


def test_a_plot_is_a_picture(fuota, image, tmp_path):
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
        ("front.xyz", "front.xyz was given for the picture: "),
        ("front.xyz", "png"),
        ("missing/front.png", "missing/front.png cannot be written: No such file or directory"),
        ("app.bin/front.svg", "app.bin/front.svg cannot be written: Not a directory"),
        ("folder", "is a directory"),
    ],
)
def test_a_plot_that_cannot_be_written_is_one_clear_line(fuota, image, tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    result = fuota("plan", image, *FRONT, "--plot", tmp_path / name)
    assert result.code == 2
    assert words in result.complaint
    assert "wrote" not in result.err
    assert sorted(tmp_path.iterdir()) == [image, tmp_path / "folder"]


def test_a_plot_without_an_extension_is_not_said_to_be_where_it_is_not(fuota, image, tmp_path):
    result = fuota("plan", image, *FRONT, "--plot", tmp_path / "front")
    assert result.code == 2 or (tmp_path / "front").is_file()


def test_without_matplotlib_a_plot_says_what_to_install(fuota, image, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = fuota("plan", image, *FRONT, "--plot", tmp_path / "front.png")
    assert result.code == 2
    assert "pip install 'fuota[notebook]'" in result.complaint
    assert list(tmp_path.iterdir()) == [image]
    assert fuota("plan", image, *FRONT, "--front").code == 0, "the table needs none"


# --- refused: exit code 3, a plan or an image that cannot work; 2, a parameter outside its rule


@pytest.mark.parametrize(
    ("size", "options", "words"),
    [
        (0, [], ["is empty", "1 byte or more"]),
        (1_051, ["--profile", "loramac-node"], ["1051 bytes", "the slot of loramac-node takes 1050", "1 fewer"]),
        (786_385, ["-d", "0"], ["16384 fragments", "takes 16383 at most"]),
        (1_201, ["--profile", "lora-basics-modem", "-s", "12"], ["takes 100 at most", "fragments of 13 bytes or more"]),
        (
            30_000,
            ["-d", "0", "--frequency", "868.1", "--coded", "0"],
            ["a session of SenRa lasts 32768 s", "nearest is DR"],
        ),
        (
            600,
            ["--interval-ms", "9999999", "--coded", "3"],
            ["a session of SenRa lasts 32768 s", "no data rate is fast enough"],
        ),
        (
            600,
            ["--interval-ms", "99999999", "--coded", "3"],
            ["an interval of 99999999 ms", "a session of SenRa lasts 32768 s", "the nearest is 32768000 ms"],
        ),
        (
            600,
            ["--loss", "0.4", "-d", "5", "-s", "20"],
            ["the 30 coded fragments that SenRa allows", "What reaches it: "],
        ),
        (600, ["--loss", "1", "-d", "5", "-s", "40"], ["some devices hear too little"]),
        (600, ["-s", "49", "-d", "0"], ["fragment size 49 does not fit DR0 of EU868", "at most 48"]),
        (600, ["-s", "60", "-d", "5", "--multiple", "8"], ["must be a multiple of 8; the nearest is 56"]),
        (600, ["-d", "8"], ["DR8 of EU868 is for uplinks only", "the nearest is DR7"]),
        (600, ["-r", "1.5"], ["SenRa takes 1.0 at most; the nearest is 13"]),
        (600, ["--coded", "14"], ["SenRa takes 1.0 at most; the nearest is 13"]),
        (600, ["--coded", "99999"], ["the nearest is 13"]),
        (
            600,
            ["-d", "0", "--interval-ms", "28124", "--coded", "3"],
            ["a duty cycle of 10 %", "the nearest is 28125 ms"],
        ),
        (
            600,
            ["-d", "0", "-s", "48", "--duty-cycle", "0.0001"],
            ["more than a duty cycle of 0.01 % allows", "0.360 s"],
        ),
        (600, ["--dwell-ms", "1"], ["a frame may last 1 ms"]),
        (600, ["--frequency", "900"], ["900", "in no sub-band of EU868", "869.9375 MHz"]),
        (600, ["--frequency", "868.2"], ["868.2 MHz is no downlink channel", "the nearest is 868.1 MHz"]),
        (600, ["--frequency", "869.524"], ["the nearest is 869.525 MHz"]),
    ],
)
def test_a_plan_that_cannot_work_is_exit_code_3_with_what_would(fuota, tmp_path, size, options, words):
    (tmp_path / "app.bin").write_bytes(bytes(size))
    loss = [] if "--loss" in options else ["--loss", "0.1"]
    says_one_line(fuota("plan", tmp_path / "app.bin", "--region", "EU868", *loss, *options), 3, *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--region", "EU869"], ["unknown region 'EU869'", "the closest is EU868"]),
        (["--region", ""], ["unknown region ''"]),
        (["-d", "99"], ["EU868 has no DR99", "the nearest is DR11"]),
        (["-d", "-1"], ["EU868 has no DR-1", "the nearest is DR0"]),
        (["-d", "fast"], ["'--data-rate'", "'fast'"]),
        (["--loss", "-0.1"], ["loss -0.1", "the nearest is 0"]),
        (["--loss", "1.1"], ["loss 1.1", "the nearest is 1"]),
        (["--loss", "nan"], ["loss nan", "0 to 1"]),
        (["--loss", "inf"], ["loss inf", "the nearest is 1"]),
        (["--fleet", "0"], ["a fleet of 0 devices", "the nearest is 1"]),
        (["--fleet", "-3"], ["a fleet of -3 devices", "the nearest is 1"]),
        (["--fleet", "2000000000"], ["the nearest is 1000000000"]),
        (["--fleet", "missing.csv"], ["missing.csv cannot be read: No such file or directory"]),
        (["--fleet", "--5"], ["--5"]),
        (["--fleet", "9" * 5000], ["the nearest is 1000000000"]),
        (["--profile", "loramac-nod"], ["loramac-nod is neither a file nor one of", "the closest is 'loramac-node'"]),
        (["--profile", "missing.toml"], ["missing.toml is neither a file nor one of the profiles ideal"]),
        (["--target", "0"], ["target 0", "more than 0"]),
        (["--target", "1.5"], ["target 1.5", "at most 1"]),
        (["--target", "nan"], ["target nan"]),
        (["--confidence", "1"], ["confidence 1", "between 0 and 1"]),
        (["--confidence", "nan"], ["confidence nan"]),
        (["-s", "0"], ["frag_size 0", "the nearest is 1"]),
        (["--multiple", "0"], ["frag_size_multiple 0", "the nearest is 1"]),
        (["-r", "-1"], ["redundancy -1", "the nearest is 0"]),
        (["-r", "nan"], ["redundancy nan"]),
        (["-r", "inf"], ["redundancy inf"]),
        (["--coded", "-1"], ["nb_coded -1", "the nearest is 0"]),
        (["--coded", "3", "-r", "0.1"], ["nb_coded and redundancy were both given"]),
        (["--optimise", "time", "-r", "0.1"], ["optimise decides that number"]),
        (["--optimise", "money"], ["'money'", "'time', 'airtime', 'energy'"]),
        (["--class", "A"], ["'A'", "'B', 'C'"]),
        (["--frequency", "nan"], ["nan is no frequency"]),
        (["--interval-ms", "0"], ["interval_ms 0", "the nearest is 1"]),
        (["--start-delay", "0"], ["start_delay_s 0", "the nearest is 1"]),
        (["--duty-cycle", "0"], ["duty cycle is 0", "above 0 up to 1"]),
        (["--duty-cycle", "1.1"], ["duty cycle is 1.1", "the nearest is 1"]),
        (["--duty-cycle", "nan"], ["duty cycle is nan"]),
        (["--dwell-ms", "-1"], ["dwell limit is -1 ms", "the nearest is 0"]),
        (["--max-eirp", "inf"], ["maximum EIRP is inf dBm", "29.15"]),
        (["--class", "B", "--periodicity", "8"], ["periodicity is 8", "the nearest is 7"]),
        (["--class", "B", "--start-gps", "100"], ["start_gps_s 100", "the nearest after is 128"]),
        (["--class", "B", "--mc-addr", "xyz"], ["'xyz' is no address: 8 hexadecimal digits"]),
        (["--class", "B", "--mc-addr", "100000000"], ["'100000000' is no address"]),
    ],
)
def test_a_parameter_outside_its_rule_is_exit_code_2_with_the_rule(fuota, image, options, words):
    says_one_line(fuota("plan", image, *(() if "--region" in options else ("--region", "EU868")), *options), 2, *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [(["missing.bin", "--region", "EU868"], "missing.bin"), (["-"], "--region"), ([], "IMAGE")],
)
def test_what_is_not_said_or_not_there_is_exit_code_2(fuota, options, words):
    says_one_line(fuota("plan", *options), 2, words, "fuota plan --help")


@pytest.mark.parametrize(
    ("choices", "kind", "code"),
    [
        ({"data_rate": 8}, PlanError, 3),
        ({"data_rate": 99}, ParameterError, 2),
        ({"frag_size": 300, "data_rate": 5}, PlanError, 3),
        ({"loss": -1.0}, ParameterError, 2),
        ({"fleet": "missing.csv"}, StorageError, 2),
    ],
)
def test_the_kind_of_exception_decides_the_exit_code(fuota, image, choices, kind, code):
    """A data rate for uplinks exists and does not work: a PlanError; one that is not there is a ParameterError."""
    with pytest.raises(kind) as raised:
        library.plan(image, region="EU868", **choices)
    options = [part for name, value in choices.items() for part in (f"--{name.replace('_', '-')}", value)]
    result = fuota("plan", image, "--region", "EU868", *options)
    says_one_line(result, code, str(raised.value))


def test_an_empty_image_is_an_image_error():
    with pytest.raises(ImageError):
        library.plan(b"", region="EU868")


NUMBERS = [
    *("--fleet", "--loss", "--target", "--confidence", "-d", "-s", "--multiple", "-r", "--frequency", "--interval-ms"),
    *("--start-delay", "--duty-cycle", "--dwell-ms", "--max-eirp", "--periodicity", "--start-gps", "--mc-addr"),
]


@pytest.mark.parametrize("option", NUMBERS)
def test_no_number_brings_a_traceback(fuota, tmp_path, option):
    (tmp_path / "app.bin").write_bytes(IMAGE[:150])
    coded = [] if option == "-r" else ["--coded", "3"]
    for value in ("0", "-1", "1", "nan", "-inf", "1e308", "5e-324", "9" * 30, "-" + "9" * 30, "1_0", "0x10", "", " "):
        result = fuota("plan", tmp_path / "app.bin", "--region", "EU868", "-d", "5", "-s", "40", *coded, option, value)
        assert result.code in (0, 2, 3), value
        assert len(result.err) < 500, value
        if result.code:
            says_one_line(result, result.code)


@pytest.mark.parametrize("interval_ms", [10**13, 10**23])
def test_an_interval_beyond_every_session_is_refused_at_once_in_class_b_too(start, image, interval_ms):
    process = start("plan", image, *EU868, "--class", "B", "--interval-ms", interval_ms)
    try:
        _, said = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 3
    assert "a session of SenRa lasts 32768 s" in said


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
