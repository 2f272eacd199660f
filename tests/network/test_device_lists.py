"""Lists of devices in files: every notation of the same list, and any other content."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import FuotaError, MessageError
from fuota.network.device_lists import read_devices, read_euis, source_in_errors
from fuota.network.senra.device_rows import RowError

EUI0, EUI1 = "123000000000ABC0", "123000000000ABC1"
FIELDS = ("dev_eui", "lat", "tags", "dev_type", "port", "confirmed")


def named(content: bytes | str, name: str = "d.csv") -> io.BytesIO:
    """Return a file with this content and name."""
    file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    file.name = name
    return file


@pytest.mark.parametrize(
    "text",
    [
        f'dev_eui,lat,tags\n{EUI0},1.5,\n{EUI1},,"a, b"\n',
        f"Dev EUI;Lat;Tags\r\n{EUI0};1.5;\r\n\r\n{EUI1};;a, b\r\n",
        f"\ufeffTAGS\tLAT\tDEVEUI\n\t1.5\t{EUI0}\na,b\t\t{EUI1}\n",
        json.dumps([{"devEui": EUI0, "lat": 1.5}, {"devEui": EUI1, "tags": "a,b"}]),
        json.dumps({"data": [{"devEui": EUI0, "lat": "1.5"}, {"devEui": EUI1, "tags": ["a", "b"]}]}),
        json.dumps({"dev_eui": EUI0, "lat": 1.5}) + "\n\n" + json.dumps({"dev_eui": EUI1, "tags": "a,b"}),
    ],
)
def test_every_notation_of_a_list_gives_the_same_rows(text):
    devices = read_devices(named(text), FIELDS)
    assert devices.rows == ({"dev_eui": EUI0, "lat": 1.5}, {"dev_eui": EUI1, "tags": ["a", "b"]})
    assert (devices.source, devices.ignored) == ("d.csv", ())


@pytest.mark.parametrize(
    "text",
    [
        f"{EUI0}\n{EUI1}\n",
        f"dev_eui\n{EUI0}\n{EUI1}",
        f'["{EUI0}", "{EUI1}"]',
        f"12-30-00-00-00-00-AB-C0\n{EUI1}",
        f'\ufeff"12:30:00:00:00:00:ab:c0"\r\n{EUI1.lower()}\r\n',
        f"{EUI0},\n{EUI1},\n",
    ],
)
def test_list_of_euis_alone(text):
    assert read_euis(named(text)) == (EUI0, EUI1)


def test_cells_are_converted_to_the_types_of_their_fields():
    text = f"dev_eui,port,confirmed,lat,dev_type\n{EUI0},7,TRUE,-1,7\n{EUI1},x,maybe,south,\n"
    first, second = read_devices(named(text), FIELDS).rows
    assert first == {"dev_eui": EUI0, "port": 7, "confirmed": True, "lat": -1.0, "dev_type": "7"}
    assert second == {"dev_eui": EUI1, "port": "x", "confirmed": "maybe", "lat": "south"}  # their fields refuse them


def test_pipe_is_called_standard_input():
    with pytest.raises(MessageError, match=r"^standard input is not valid JSON"):
        read_devices(named("[", "<stdin>"), FIELDS)


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [(f"{EUI0}\n{EUI0}\n", 2, "d.csv, row 2: "), ("dev_eui\n", None, "d.csv, devices is empty")],
)
def test_error_has_the_name_of_the_file_and_the_row(text, row, words):
    with pytest.raises(RowError, match=words) as caught:
        read_euis(named(text))
    assert caught.value.row == row


@pytest.mark.parametrize("text", [EUI0, f"{EUI0}\r\n", f"\ufeff{EUI0.lower()}", f'"{EUI0}"\n', f"{EUI0};\n"])
def test_list_of_one_line_without_heading_is_read(text):
    assert read_euis(named(text)) == (EUI0,)
    devices = read_devices(named(text), FIELDS)
    assert [list(row) for row in devices.rows] == [["dev_eui"]]
    assert devices.ignored == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"LW:D0:{EUI1}:{EUI0}:01020304\n", f"a QR code .TR005. with the DevEUI {EUI0}"),
        (f"lw:d0:{EUI1}:{EUI0}:01020304:O1234:SAB\n{EUI0}", f"a QR code .TR005. with the DevEUI {EUI0}"),
        (f"CREATE_OTAA,{EUI0},,LORA/Generic,{EUI1},{'0' * 32}\n", f"ThingPark .CREATE_OTAA. with the DevEUI {EUI0}"),
        (f"{EUI0},{'0' * 32}\n", f"a line with the EUI {EUI0} and other cells"),
        ("sensor 1,roof\n", "none of the columns in 2 cells"),
    ],
)
def test_first_line_that_is_no_heading_is_named(text, words):
    for read in (lambda file: read_devices(file, FIELDS), read_euis):
        with pytest.raises(
            MessageError, match=rf"^d.csv, line 1 must be a heading or an EUI alone, got .*{words}"
        ) as caught:
            read(named(text))
        assert "0" * 32 not in str(caught.value)


def test_other_errors_stay_as_they_are():
    with pytest.raises(MessageError, match=r"^row 1$"), source_in_errors("d.csv"):
        raise MessageError("row 1")


TEXTS = st.text() | st.text(alphabet='[]{}",:;\n\t 1aEUI.').map(lambda text: f"dev_eui,lat\n{text}")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda value: st.lists(value) | st.dictionaries(st.text(max_size=5), value),
)


@given(st.binary() | TEXTS | JSON.map(json.dumps))
def test_any_content_gives_rows_or_our_own_error(content):
    for read in (lambda file: read_devices(file, FIELDS), read_euis):
        with contextlib.suppress(FuotaError):
            read(named(content))
