"""Fixtures of the tests of the readers: description and finding of an image."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fuota.image import Description, FirmwareImage, ImageRequirements

Describe = Callable[..., Description]


@pytest.fixture
def describe() -> Describe:
    """Return a function that opens bytes as users do and describes them; keywords are requirements of the device."""
    return lambda data, **requirements: (
        FirmwareImage.open(data, requirements=ImageRequirements(**requirements)).description
    )


@pytest.fixture
def message_of() -> Callable[[Description, str], str]:
    """Return a function that returns the only message with a code."""

    def message(description: Description, code: str) -> str:
        (text,) = (finding.message for finding in description.findings if finding.code == code)
        return text

    return message
