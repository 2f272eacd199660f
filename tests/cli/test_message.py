"""Commands `fuota message encode` and `fuota message decode`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PACKAGES = json.loads((Path(__file__).parents[1] / "vectors" / "commands.json").read_text())["packages"]
CASES = [
    pytest.param(int(name[-1]), package["fport"], case, id=f"{name} {case['name']}")
    for name, package in PACKAGES.items()
    if name in {f"TS00{number} v{version}" for number in (3, 4, 5) for version in (1, 2)}
    for case in package["cases"]
]


@pytest.mark.parametrize(("version", "port", "case"), CASES)
def test_encode_accepts_what_decode_shows(fuota, version, port, case):
    """The vectors of other implementations pass through the command line and back."""
    direction = "--uplink" if case["uplink"] else "--downlink"
    events = fuota("message", "decode", case["hex"], "--port", port, direction, "--version", version, "--json").events
    commands = [event for event in events if event["event"] == "command"]
    encoded = ""
    for command in commands:
        fields = [f"{name}={value}" for name, value in command["fields"].items() if name != "version"]
        names = (command["package"], command["command"])
        encoded += fuota("message", "encode", *names, *fields, "--version", version).out.strip()
    assert encoded == case["hex"]


def test_decode_shows_names_and_fields(fuota):
    result = fuota("message", "decode", "0109 0302", "--port", 201, "--downlink")
    assert result.stdout.decode().splitlines()[1] == "FragSessionDeleteReq frag_index=2"


def test_multi_package_message_is_encoded_and_decoded(fuota):
    """A message of TS007 ends with its Token; encode accepts what decode shows."""
    wrapped = fuota("message", "encode", "TS004", "FragSessionDeleteReq", "frag_index=2", "--token", 1, "--json").event(
        "encoded"
    )
    assert (wrapped["payload"], wrapped["port"]) == ("83030201", 225)
    shown = fuota("message", "decode", "83030201", "--port", 225, "--downlink").out.splitlines()
    assert shown == ["PackageId package_identifier=3", "FragSessionDeleteReq frag_index=2", "Token token=1"]
    payload = "01020001e10302c901"
    shown = fuota("message", "decode", payload, "--port", 225).out.splitlines()
    assert shown == ["DevPackageAns packages=0:1:225,3:2:201", "Token token=1"]
    assert fuota("message", "encode", "TS007", *shown[0].split(), "--token", 1).out == f"{payload}\n"


def test_decode_reads_a_pipe(fuota):
    result = fuota("message", "decode", "-", "--port", 202, stdin=b"01000400001f\n")
    assert result.stdout.decode() == "AppTimeReq device_time_s=1024 token=15 answer_required=true\n"


def test_decode_shows_the_commands_before_an_error(fuota):
    result = fuota("message", "decode", "0302ff", "--port", 201, "--downlink")
    assert (result.code, b"FragSessionDeleteReq frag_index=2" in result.stdout) == (2, True)
    assert "unknown CID 0xff" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["decode", "030", "--port", 201], "two digits each"),
        (["decode", "00", "--port", 1], "no package uses FPort 1"),
        (["encode", "TS008", "X"], "one of TS003, TS004, TS005, TS006"),
        (["encode", "TS004", "FragSessionDelete"], "FragSessionDeleteReq"),
        (["encode", "TS004", "FragSessionDeleteReq"], "needs frag_index"),
        (
            ["encode", "TS005", "McGroupStatusAns", "ans_group_mask=1", "nb_total_groups=1", "groups=x"],
            "groups such as",
        ),
        (["encode", "TS004", "FragSessionDeleteReq", "index=1"], "fields: frag_index"),
        (["encode", "TS004", "FragSessionDeleteReq", "frag_index=four"], "a whole number"),
        (["encode", "TS004", "FragSessionDeleteReq", "frag_index=4"], "nearest: 3"),
        (["encode", "TS004", "FragSessionDeleteReq", "2"], "FIELD=VALUE"),
        (
            ["encode", "TS004", "FragSessionDeleteReq", "frag_index=2", "frag_index=3"],
            "must be given once, got '2' and '3'",
        ),
    ],
)
def test_mistakes_are_named(fuota, arguments, words):
    result = fuota("message", *arguments)
    assert (result.code, words in result.err) == (2, True), result.err


def test_truth_values_are_json_in_json_and_words_in_text(fuota):
    arguments = ["message", "decode", "01000400001f", "--port", 202]
    assert fuota(*arguments, "--json").events[0]["fields"] == {
        "device_time_s": 1024,
        "token": 15,
        "answer_required": True,
    }
    assert fuota(*arguments).stdout.decode().endswith("answer_required=true\n")
