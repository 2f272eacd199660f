"""Versions as formats write them, compared as far as that makes sense."""

from __future__ import annotations

import re
from itertools import zip_longest

_VERSION = re.compile(r"v?(\d{1,10}(?:\.\d{1,10}){0,5})(?:\+(\d{1,10}))?(?:[-+~_ ].*)?", re.DOTALL | re.IGNORECASE)


def is_newer(version: str, running: str) -> bool | None:
    """Whether `version` is above `running`; None where they are equal, or where it cannot be told.

    Numbers with dots between, then perhaps a build number after a plus sign, as MCUboot writes it. What else follows, such as
    -rc1, has no order that all agree on, so it decides nothing.
    """
    ours, theirs = _numbers(version), _numbers(running)
    if ours is None or theirs is None or version == running:
        return None
    for one, other in zip_longest(ours, theirs, fillvalue=0):
        if one != other:
            return one > other
    return None


def _numbers(version: str) -> tuple[int, ...] | None:
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return None
    numbers = [int(one) for one in found[1].split(".")]
    return (*numbers, *[0] * (6 - len(numbers)), int(found[2] or 0))
