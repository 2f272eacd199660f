from __future__ import annotations

import math

import pytest

from fuota.errors import MessageError
from fuota.tables import column_name, number, rows


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_are_cut_at_the_delimiter_of_the_first(delimiter, line_end):
    lines = [f"a{delimiter}b{line_end}", line_end, f'1{delimiter}"2{line_end}', f'3"{line_end}']
    assert list(rows(lines, "x.csv", strict=True)) == [(1, ["a", "b"]), (4, ["1", f"2{line_end}3"])]


def test_no_lines_have_no_rows():
    assert list(rows([], "x.csv", strict=True)) == []


def test_rows_are_read_only_as_far_as_needed():
    def lines():
        yield "a,b\n"
        yield "1,2\n"
        raise AssertionError("too many lines read")

    pairs = rows(lines(), "x.csv", strict=False)
    assert [next(pairs), next(pairs)] == [(1, ["a", "b"]), (2, ["1", "2"])]


def test_wrong_quotes_are_refused_if_strict():
    lines = ["a,b\n", '"1"x,2\n']
    assert list(rows(lines, "x.csv", strict=False))[1] == (2, ["1x", "2"])
    with pytest.raises(MessageError, match=r"x\.csv, line 2: not valid CSV"):
        list(rows(lines, "x.csv", strict=True))


@pytest.mark.parametrize("heading", ["devEui", "Dev EUI", "dev_eui", " DEV-EUI "])
def test_a_heading_is_known_by_its_letters(heading):
    assert column_name(heading) == "deveui"


def test_numbers():
    assert [number(cell) for cell in ("1.5", "-2", "x")] == [1.5, -2, math.inf]
    assert all(math.isnan(number(cell)) for cell in ("", "N/A", " null "))
