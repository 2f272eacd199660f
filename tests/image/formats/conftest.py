"""How the tests of the readers look at an image."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fuota.image import Description, FirmwareImage, ImageRequirements

Opened = Callable[..., Description]


@pytest.fixture
def describe() -> Opened:
    """The description of octets, by the door that users take; `asked` of the device."""
    return lambda data, **asked: FirmwareImage.open(data, requirements=ImageRequirements(**asked)).description


@pytest.fixture
def complaint() -> Callable[[Description, str], str]:
    """The one message of this code."""

    def found(description: Description, code: str) -> str:
        (message,) = (one.message for one in description.findings if one.code == code)
        return message

    return found
