"""Commands `fuota message encode` and `fuota message decode`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.cli.render.messages import command_fields, command_text
from fuota.errors import MessageError
from fuota.lorawan.codec import Command
from fuota.lorawan.packages import package_on_port

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
    assert result.stdout.decode() == (
        "AppTimeReq device_time_s=1024/1980-01-06T00:17:04Z token=15 answer_required=true\n"
    )


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
        (["encode", "TS003", "AppTimeReq", "device_time_s=2026-12-01T12:00:00", "token=1"], "a date with time zone"),
        (["encode", "TS003", "AppTimeReq", "device_time_s=1024/1980-01-06T00:17:05Z", "token=1"], "that differ"),
        (["encode", "TS003", "AppTimeReq", "device_time_s=1970-01-01T00:00:00Z", "token=1"], "from 1980-01-06 on"),
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


GROUP = ["mc_group_id=0", f"mc_key_encrypted={'00' * 16}", "min_mc_f_cnt=0", "max_mc_f_cnt=9"]
SESSION = ["mc_group_id=0", "time_out=1", "frequency_hz=923300000", "data_rate=8"]


def test_address_is_shown_and_read_as_8_hexadecimal_digits(fuota):
    payload = fuota("message", "encode", "TS005", "McGroupSetupReq", "mc_addr=01FFFFFF", *GROUP).out.strip()
    assert payload.startswith("0200ffffff01")
    decoded = fuota("message", "decode", payload, "--port", 200, "--downlink", "--json").event("command")
    assert decoded["fields"]["mc_addr"] == "01ffffff"
    for text in ("33554431", "0x33554431"):
        payload = fuota("message", "encode", "TS005", "McGroupSetupReq", f"mc_addr={text}", *GROUP).out
        assert payload.startswith("020031445533"), "8 digits are always hexadecimal"


@pytest.mark.parametrize("text", ["335544320", "1", "1ffffff", "0x1ffffff", "01fffffg", "01-ff-ff-ff", "", "+1ffffff"])
def test_address_of_another_length_or_notation_is_refused(fuota, text):
    result = fuota("message", "encode", "TS005", "McGroupSetupReq", f"mc_addr={text}", *GROUP)
    assert (result.code, "8 hexadecimal digits" in result.err) == (2, True)
    answer = ["ans_group_mask=1", "nb_total_groups=1", f"groups=0:{text}"]
    result = fuota("message", "encode", "TS005", "McGroupStatusAns", *answer)
    assert (result.code, "hexadecimal" in result.err or "groups such as" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1167264018", 1167264018),
        ("2017-01-01T00:00:00Z", 1167264018),
        ("2016-12-31T23:59:59Z", 1167264016),
        ("2017-01-01T01:00:00+01:00", 1167264018),
        ("1167264018/2017-01-01T00:00:00Z", 1167264018),
        ("2026-12-01T12:00:00Z", 1480161618),
        ("0x10", 16),
    ],
)
def test_gps_time_is_a_number_or_a_date_with_leap_seconds(fuota, text, seconds):
    payload = fuota("message", "encode", "TS005", "McClassCSessionReq", f"session_time_s={text}", *SESSION).out.strip()
    assert int.from_bytes(bytes.fromhex(payload)[2:6], "little") == seconds
    assert (
        fuota("message", "decode", payload, "--port", 200, "--downlink", "--json").event("command")["fields"][
            "session_time_s"
        ]
        == seconds
    )


@pytest.mark.parametrize("payload", ["0200000000", "02ffffffff"])
def test_reboot_at_once_and_cancelled_reboot_have_no_date(fuota, payload):
    assert "/" not in fuota("message", "decode", payload, "--port", 203, "--downlink").out


@pytest.mark.parametrize(
    ("command", "fields", "payload", "words"),
    [
        (
            "McGroupSetupReq",
            ["mc_addr=01ffffff", *GROUP[:2], "min_mc_f_cnt=10", "max_mc_f_cnt=5"],
            "0200ffffff01" + "00" * 16 + "0a00000005000000",
            "min_mc_f_cnt must not be above max_mc_f_cnt",
        ),
        (
            "McClassBSessionReq",
            ["session_time_s=130", "periodicity=0", *SESSION],
            "0500820000000128e28c08",
            "multiple of 128 in class B (TS005 McClassBSessionReq), got 130 (nearest: 128 or 256)",
        ),
    ],
)
def test_contradiction_is_refused_by_encode_and_shown_by_decode(fuota, command, fields, payload, words):
    result = fuota("message", "encode", "TS005", command, *fields)
    assert (result.code, words in result.err) == (2, True), result.err
    result = fuota("message", "decode", payload, "--port", 200, "--downlink")
    assert (result.code, result.out.startswith(command), words in result.err) == (0, True, True)


def test_equal_counters_and_the_last_beacon_are_accepted(fuota):
    equal = ["mc_addr=01ffffff", *GROUP[:2], "min_mc_f_cnt=5", "max_mc_f_cnt=5"]
    assert fuota("message", "encode", "TS005", "McGroupSetupReq", *equal).code == 0
    last = ["session_time_s=4294967168", "periodicity=0", *SESSION]
    assert fuota("message", "encode", "TS005", "McClassBSessionReq", *last).code == 0
    late = fuota("message", "encode", "TS005", "McClassBSessionReq", "session_time_s=4294967295", *last[1:])
    assert "(nearest: 4294967168)" in late.err


@given(st.sampled_from((200, 202, 203)), st.booleans(), st.integers(1, 5), st.binary(min_size=30, max_size=30))
def test_text_and_json_of_any_command_can_be_encoded(port, uplink, cid, content):
    package = package_on_port(port)
    for command in package.parse(bytes((cid,)) + content, uplink=uplink).commands[:1]:
        texts = dict(part.split("=", 1) for part in command_text(command).split()[1:])
        json_texts = {name: str(value) for name, value in command_fields(command).items()}
        assert encoded(port, command, texts) == encoded(port, command, json_texts)


def encoded(port: int, command: Command, texts: dict[str, str]) -> bool:
    """Return whether the texts give the same command, or are refused because its fields contradict each other."""
    try:
        assert package_on_port(port).command(type(command).__name__, texts) == command
    except MessageError as error:
        assert "must not be above" in str(error) or "multiple of 128" in str(error)  # noqa: PT017
        return False
    return True
