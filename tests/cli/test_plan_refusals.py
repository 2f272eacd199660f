"""Command `fuota plan`: refused plans and parameters, and their exit codes."""

from __future__ import annotations

import random

import pytest

import fuota as library
from fuota.errors import ImageError, ParameterError, PlanError, StorageError
from tests.cli.plan_cases import (
    EU868,
    IMAGE,
    says_one_line,
)

pytestmark = pytest.mark.usefixtures("default_width")


# --- exit code 3: the plan or the image cannot work; exit code 2: a parameter is out of range


@pytest.mark.parametrize(
    ("size", "options", "words"),
    [
        (0, [], ["it has no bytes", "(empty)"]),
        (1_051, ["--profile", "loramac-node"], ["1051 bytes", "the slot of the device has 1050", "1 too many"]),
        (786_385, ["-d", "0"], ["16384 fragments", "takes 16383 at most"]),
        (1_201, ["--profile", "lora-basics-modem", "-s", "12"], ["takes 100 at most", "fragments of 13 bytes or more"]),
        (
            30_000,
            ["-d", "0", "--frequency", "868.1", "--coded", "0"],
            ["a session of SenRa lasts 32768 s", "use DR"],
        ),
        (
            600,
            ["--interval-ms", "9999999", "--coded", "3"],
            ["a session of SenRa lasts 32768 s", "no data rate is fast enough"],
        ),
        (
            600,
            ["--interval-ms", "99999999", "--coded", "3"],
            ["interval_ms must be", "a session of SenRa lasts 32768 s", "99999999 (nearest: 32768000)"],
        ),
        (
            600,
            ["--loss", "0.4", "-d", "5", "-s", "20"],
            ["the 30 coded fragments that SenRa allows", "These reach it: "],
        ),
        (600, ["--loss", "1", "-d", "5", "-s", "40"], ["some devices receive too little"]),
        (600, ["-s", "49", "-d", "0"], ["fragment size 49 does not fit DR0 of EU868", "at most 48"]),
        (600, ["-s", "60", "-d", "5", "--multiple", "8"], ["must be a multiple of 8, got 60 (nearest: 56)"]),
        (600, ["-d", "8"], ["DR8 of EU868 is for uplinks only", "nearest: DR7"]),
        (600, ["-r", "1.5"], ["SenRa takes a redundancy of 1.0 at most", "(nearest: 13)"]),
        (600, ["--coded", "14"], ["SenRa takes a redundancy of 1.0 at most", "(nearest: 13)"]),
        (600, ["--coded", "99999"], ["(nearest: 13)"]),
        (
            600,
            ["-d", "0", "--interval-ms", "28124", "--coded", "3"],
            ["a duty cycle of 10 %", "(nearest: 28125)"],
        ),
        (
            600,
            ["-d", "0", "-s", "48", "--duty-cycle", "0.0001"],
            ["more than a duty cycle of 0.01 % allows", "0.360 s"],
        ),
        (600, ["--dwell-ms", "1"], ["a frame may last 1 ms"]),
        (600, ["--frequency", "900"], ["900", "in no sub-band of EU868", "869.9375 MHz"]),
        (600, ["--frequency", "868.2"], ["must be a downlink channel", "got 868.2 MHz (nearest: 868.1 MHz)"]),
        (600, ["--frequency", "869.524"], ["(nearest: 869.525 MHz)"]),
    ],
)
def test_plan_that_cannot_work_has_exit_code_3_and_names_a_remedy(fuota, tmp_path, size, options, words):
    (tmp_path / "app.bin").write_bytes(random.Random(7).randbytes(size))
    loss = [] if "--loss" in options else ["--loss", "0.1"]
    says_one_line(fuota("plan", tmp_path / "app.bin", "--region", "EU868", *loss, *options), 3, *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--region", "EU869"], ["unknown region 'EU869'", "nearest: EU868"]),
        (["--region", ""], ["unknown region ''"]),
        (["-d", "99"], ["EU868 has no DR99", "nearest: DR11"]),
        (["-d", "-1"], ["EU868 has no DR-1", "nearest: DR0"]),
        (["-d", "fast"], ["'--data-rate'", "'fast'"]),
        (["--loss", "-0.1"], ["loss must be 0 to 1", "got -0.1 (nearest: 0)"]),
        (["--loss", "1.1"], ["loss must be 0 to 1", "got 1.1 (nearest: 1)"]),
        (["--loss", "nan"], ["loss must be 0 to 1, got nan"]),
        (["--loss", "inf"], ["loss must be 0 to 1, got inf (nearest: 1)"]),
        (["--fleet", "0"], ["fleet must be 1 or more, got 0 (nearest: 1)"]),
        (["--fleet", "-3"], ["fleet must be 1 or more, got -3 (nearest: 1)"]),
        (["--fleet", "2000000000"], ["(nearest: 1000000000)"]),
        (["--fleet", "missing.csv"], ["missing.csv cannot be read: No such file or directory"]),
        (["--fleet", "--5"], ["--5"]),
        (["--fleet", "9" * 5000], ["nearest: 1000000000"]),
        (["--profile", "loramac-nod"], ["loramac-nod is neither a file nor", "did you mean 'loramac-node'?"]),
        (["--profile", "missing.toml"], ["missing.toml is neither a file nor", "ideal"]),
        (["--target", "0"], ["target must be above 0", "got 0"]),
        (["--target", "1.5"], ["target must be 0 to 1, got 1.5"]),
        (["--target", "nan"], ["target must be 0 to 1, got nan"]),
        (["--confidence", "1"], ["confidence must be above 0 and below 1", "got 1"]),
        (["--confidence", "nan"], ["confidence must be 0 to 1, got nan"]),
        (["-s", "0"], ["frag_size must be 1 or more, got 0 (nearest: 1)"]),
        (["--multiple", "0"], ["frag_size_multiple must be 1 to 255, got 0 (nearest: 1)"]),
        (["-r", "-1"], ["redundancy must be 0 or more, got -1.0 (nearest: 0)"]),
        (["-r", "nan"], ["redundancy must be 0 or more, got nan"]),
        (["-r", "inf"], ["redundancy must be a finite share, 0 or more, got inf"]),
        (["--coded", "-1"], ["nb_coded must be 0 or more, got -1 (nearest: 0)"]),
        (["--coded", "3", "-r", "0.1"], ["nb_coded and redundancy were both given"]),
        (["--optimise", "time", "-r", "0.1"], ["optimise decides that number"]),
        (["--optimise", "money"], ["'money'", "'time', 'airtime', 'energy'"]),
        (["--class", "A"], ["'A'", "'B', 'C'"]),
        (["--frequency", "nan"], ["nan is not a frequency"]),
        (["--interval-ms", "0"], ["interval_ms must be 1 or more, got 0 (nearest: 1)"]),
        (["--start-delay", "0"], ["start_delay_s must be 1 to", "got 0 (nearest: 1)"]),
        (["--duty-cycle", "0"], ["duty cycle", "above 0 up to 1", "got 0"]),
        (["--duty-cycle", "1.1"], ["duty cycle", "got 1.1 (nearest: 1)"]),
        (["--duty-cycle", "nan"], ["duty cycle", "got nan"]),
        (["--dwell-ms", "-1"], ["dwell_ms", "got -1 (nearest: 0)"]),
        (["--max-eirp", "inf"], ["maximum EIRP", "got inf", "29.15"]),
        (["--class", "B", "--periodicity", "8"], ["periodicity must be 0 to 7, got 8 (nearest: 7)"]),
        (["--class", "B", "--start-gps", "100"], ["start_gps_s must be a multiple of 128", "got 100 (nearest: 128)"]),
        (["--class", "B", "--mc-addr", "xyz"], ["'xyz' is not an address", "8 hexadecimal digits"]),
        (["--class", "B", "--mc-addr", "100000000"], ["'100000000' is not an address"]),
    ],
)
def test_parameter_out_of_range_has_exit_code_2_and_names_the_rule(fuota, image, options, words):
    says_one_line(fuota("plan", image, *(() if "--region" in options else ("--region", "EU868")), *options), 2, *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [(["missing.bin", "--region", "EU868"], "missing.bin"), (["-"], "--region"), ([], "IMAGE")],
)
def test_missing_argument_or_file_has_exit_code_2(fuota, options, words):
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
def test_class_of_the_exception_decides_the_exit_code(fuota, image, choices, kind, code):
    """A data rate for uplinks is a PlanError; a data rate that does not exist is a ParameterError."""
    with pytest.raises(kind) as raised:
        library.plan(image, region="EU868", **choices)
    options = [part for name, value in choices.items() for part in (f"--{name.replace('_', '-')}", value)]
    result = fuota("plan", image, "--region", "EU868", *options)
    says_one_line(result, code, str(raised.value))


def test_empty_image_is_an_image_error():
    with pytest.raises(ImageError):
        library.plan(b"", region="EU868")


NUMBERS = [
    *("--fleet", "--loss", "--target", "--confidence", "-d", "-s", "--multiple", "-r", "--frequency", "--interval-ms"),
    *("--start-delay", "--duty-cycle", "--dwell-ms", "--max-eirp", "--periodicity", "--start-gps", "--mc-addr"),
]


@pytest.mark.parametrize("option", NUMBERS)
def test_odd_numbers_cause_no_traceback(fuota, tmp_path, option):
    (tmp_path / "app.bin").write_bytes(IMAGE[:150])
    coded = [] if option == "-r" else ["--coded", "3"]
    for value in ("0", "-1", "1", "nan", "-inf", "1e308", "5e-324", "9" * 30, "-" + "9" * 30, "1_0", "0x10", "", " "):
        result = fuota("plan", tmp_path / "app.bin", "--region", "EU868", "-d", "5", "-s", "40", *coded, option, value)
        assert result.code in (0, 2, 3), value
        assert len(result.err) < 500, value
        if result.code:
            says_one_line(result, result.code)


@pytest.mark.parametrize("interval_ms", [10**13, 10**23])
def test_interval_longer_than_a_session_is_refused_fast_in_class_b(start, image, interval_ms):
    process = start("plan", image, *EU868, "--class", "B", "--interval-ms", interval_ms)
    try:
        _, message = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 3
    assert "a session of SenRa lasts 32768 s" in message
