"""Calls of public functions: names of parameters, and kinds of values."""

from typing import TypedDict, Unpack

import numpy as np
import pytest

from fuota.calls import checked_call, checked_init
from fuota.errors import ParameterError


@checked_call
def send(
    image: bytes | str, *, port: int, loss: float = 0.1, api_key: str | None = None, tags: list[str] | None = None
) -> int:
    return port


class Colours(TypedDict, total=False):
    red: int
    names: list[str]


@checked_call
def mix(amount: int, **colours: Unpack[Colours]) -> int:
    return amount + colours.get("red", 0)


@checked_init
class Pair:
    def __init__(self, left: int, right: int = 0) -> None:
        self.total = left + right


@pytest.mark.parametrize(
    "values", [{"port": 3}, {"port": np.uint8(3)}, {"port": 3, "loss": 1}, {"port": 3, "loss": np.float32(0.5)}]
)
def test_numbers_of_numpy_are_accepted(values):
    assert send(b"image", **values) == 3
    assert send(bytearray(b"image"), **values) == 3


@pytest.mark.parametrize(
    ("args", "values", "words"),
    [
        ((b"",), {"prt": 3}, "send has no parameter 'prt' (did you mean 'port'?)"),
        ((b"",), {"port": 3, "colour": 1}, "send has no parameter 'colour' (known: image, port, loss, api_key, tags)"),
        ((b"",), {}, "send needs the parameter 'port'"),
        ((b"", 3), {}, "send takes 1 positional arguments, got 2"),
        ((b"",), {"image": b"", "port": 3}, "send must get image once"),
        ((b"",), {"port": "3"}, "port must be a whole number, got '3'"),
        ((b"",), {"port": True}, "port must be a whole number, got True"),
        ((3,), {"port": 3}, "image must be bytes or a text, got 3"),
        ((b"",), {"port": 3, "loss": "much"}, "loss must be a number, got 'much'"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(args, values, words):
    with pytest.raises(ParameterError) as refusal:
        send(*args, **values)
    assert words in str(refusal.value)


def test_the_value_of_a_key_is_not_shown():
    with pytest.raises(ParameterError) as refusal:
        send(b"", port=3, api_key=b"AK2:secret")
    assert "secret" not in str(refusal.value)


def test_a_class_is_checked_when_it_is_constructed():
    assert Pair(1, right=2).total == 3
    with pytest.raises(ParameterError, match="Pair has no parameter 'rigt'"):
        Pair(1, rigt=2)
    with pytest.raises(ParameterError, match="left must be a whole number"):
        Pair("1")


def test_the_names_of_an_unpacked_dictionary_are_checked():
    assert mix(1, red=2) == 3
    with pytest.raises(ParameterError, match=r"mix has no parameter 'rad' \(did you mean 'red'\?\)"):
        mix(1, rad=2)
    with pytest.raises(ParameterError, match="red must be a whole number"):
        mix(1, red="much")
