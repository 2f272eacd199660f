"""Comparison of versions as the formats write them."""

from __future__ import annotations

import re
from itertools import zip_longest

_VERSION = re.compile(r"v?(\d{1,10}(?:\.\d{1,10}){0,5})(?:\+(\d{1,10}))?(?:[-+~_ ].*)?", re.DOTALL | re.IGNORECASE)


def is_newer(version: str, running: str) -> bool | None:
    """Return whether `version` is above `running`; None if they are equal or cannot be compared.

    A version is numbers separated by dots, optionally with a build number after a plus sign, as MCUboot writes it. Any further
    suffix, such as -rc1, is ignored, because there is no common order of suffixes.
    """
    numbers, running_numbers = _numbers(version), _numbers(running)
    if numbers is None or running_numbers is None or version == running:
        return None
    for number, running_number in zip_longest(numbers, running_numbers, fillvalue=0):
        if number != running_number:
            return number > running_number
    return None


def _numbers(version: str) -> tuple[int, ...] | None:
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        return None
    numbers = [int(number) for number in match[1].split(".")]
    return (*numbers, *[0] * (6 - len(numbers)), int(match[2] or 0))
