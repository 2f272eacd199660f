"""Lists from files: every way of writing one, and anything else."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.cli.options.device_lists import euis_of, read_rows
from fuota.errors import FuotaError, MessageError

EUI0, EUI1 = "123000000000ABC0", "123000000000ABC1"
FIELDS = ("dev_eui", "lat", "tags", "dev_type", "port", "confirmed")


def named(content: bytes | str, name: str = "d.csv") -> io.BytesIO:
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
def test_one_list_in_many_spellings(text):
    found = read_rows(named(text), FIELDS)
    assert found.rows == ({"dev_eui": EUI0, "lat": 1.5}, {"dev_eui": EUI1, "tags": ["a", "b"]})
    assert (found.where, found.ignored) == ("d.csv", ())


@pytest.mark.parametrize(
    "text",
    [f"{EUI0}\n{EUI1}\n", f"dev_eui\n{EUI0}\n{EUI1}", f'["{EUI0}", "{EUI1}"]', f"12-30-00-00-00-00-AB-C0\n{EUI1}"],
)
def test_euis_alone(text):
    assert euis_of(named(text)) == (EUI0, EUI1)


def test_cells_as_their_fields_take_them():
    text = f"dev_eui,port,confirmed,lat,dev_type\n{EUI0},7,TRUE,-1,7\n{EUI1},x,maybe,south,\n"
    first, second = read_rows(named(text), FIELDS).rows
    assert first == {"dev_eui": EUI0, "port": 7, "confirmed": True, "lat": -1.0, "dev_type": "7"}
    assert second == {"dev_eui": EUI1, "port": "x", "confirmed": "maybe", "lat": "south"}  # their fields refuse them


def test_the_name_of_a_pipe_is_for_people():
    with pytest.raises(MessageError, match=r"^standard input is no JSON"):
        read_rows(named("[", "<stdin>"), FIELDS)


TEXTS = st.text() | st.text(alphabet='[]{}",:;\n\t 1aEUI.').map(lambda text: f"dev_eui,lat\n{text}")
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda one: st.lists(one) | st.dictionaries(st.text(max_size=5), one),
)


@given(st.binary() | TEXTS | JSON.map(json.dumps))
def test_anything_is_rows_or_our_own_error(content):
    for read in (lambda file: read_rows(file, FIELDS), euis_of):
        with contextlib.suppress(FuotaError):
            read(named(content))
