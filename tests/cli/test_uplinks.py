"""Command `fuota uplinks decode`."""

from __future__ import annotations

import json

import pytest

ONE = {
    "devEui": "02000000F007A001",
    "port": 201,
    "pdu": "0100C4800103",
    "seqno": 1,
    "txtime": "2026-11-23T12:00:00.000Z",
}
OTHER = {"devEui": "02000000F007A002", "port": 1, "pdu": "0102", "color": "blue"}


def as_array(items):
    return json.dumps(items).encode()


def as_lines(items):
    return b"\n".join(json.dumps(item).encode() for item in items)


@pytest.mark.parametrize("write", [as_array, as_lines])
def test_packages_are_decoded_and_other_payloads_shown_in_hex(fuota, write):
    result = fuota("uplinks", "decode", "-", stdin=write([ONE, OTHER]))
    status, cut, other = result.stdout.decode().splitlines()
    assert status.startswith("2026-11-23 12:00:00Z  02000000F007A001  port 201  FragSessionStatusAns version=1")
    assert "frag_index=3 nb_frag_received=1024 missing_frag=128" in status
    assert "not understood: truncated FragSessionDeleteAns" in cut
    assert other.endswith("02000000F007A002  port 1  0102")


def test_json_has_all_fields(fuota):
    events = fuota("uplinks", "decode", "-", "--json", stdin=as_array([ONE, OTHER])).events
    assert [event["devEui"] for event in events] == [ONE["devEui"], OTHER["devEui"]]
    assert events[0]["commands"][0]["command"] == "FragSessionStatusAns"
    assert (events[1]["commands"], events[1]["color"]) == ([], "blue")


def test_multi_package_uplink_is_decoded(fuota):
    """TS007 uses FPort 225."""
    uplink = ONE | {"port": 225, "pdu": "83030284000401" + "01"}
    (event,) = fuota("uplinks", "decode", "-", "--json", stdin=as_array([uplink])).events
    commands = [command["command"] for command in event["commands"]]
    assert commands == ["PackageId", "FragSessionDeleteAns", "PackageId", "PackageVersionAns", "Token"]
    assert event["problem"] is None


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"port": 201}', b"\xff\xfe", b'{"devEui": "1"}\n{'])
def test_garbage_is_refused_in_one_line(fuota, body):
    result = fuota("uplinks", "decode", "-", stdin=body)
    assert (result.code, result.stdout) == (2, b"")
    assert result.err.startswith("fuota: ")


def test_wrong_field_in_an_array_over_several_lines_is_named(fuota, tmp_path):
    path = tmp_path / "uplinks.json"
    path.write_text(
        '[\n {"devEui": "02000000000000A1", "pdu": "00"},\n {"devEui": "02000000000000A2", "pdu": "00", "port": "x"}\n]\n'
    )
    result = fuota("uplinks", "decode", path)
    assert (result.code, "port must be a whole number" in result.err) == (6, True), result.err
    assert "02000000000000A1" in result.out, "the other notification is shown"


def test_bad_lines_of_json_lines_are_named_and_the_others_are_shown(fuota):
    good = json.dumps(ONE)
    odd = json.dumps(ONE | {"rssi": "-100", "seqno": 7}).replace('"-100"', "1e999")
    content = "\n".join([good, "not JSON", odd, json.dumps(ONE | {"port": "x"}), good[:30]]).encode()
    result = fuota("uplinks", "decode", "-", "--json", stdin=content)
    assert result.code == 6
    assert [event["event"] for event in result.events] == ["uplink", "refused", "uplink", "refused", "refused"]
    assert [event["line"] for event in result.events if event["event"] == "refused"] == [2, 4, 5]
    assert "line 4: notification 1 of 1: port must be a whole number" in result.err
    assert result.events[2]["rssi"] == "1e999"


def test_damaged_array_over_several_lines_is_not_read_line_by_line(fuota, tmp_path):
    path = tmp_path / "uplinks.json"
    path.write_text('[\n {"devEui": "02000000000000A1", "pdu": "00", "port": 201},\n')
    assert "line 3" in fuota("uplinks", "decode", path).err
