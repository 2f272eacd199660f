"""Limits of a session of TS004, and the number of coded fragments; without numpy, for callers that only check."""

from __future__ import annotations

import math
from collections.abc import Sized
from numbers import Integral
from typing import Literal, get_args

from fuota.errors import ParameterError
from fuota.rules import integer, one_of, real, refuse, shown

MAX_FRAGMENT_NUMBER = 16383
"""Largest fragment number N, which has 14 bits (TS004 §DataFragment, Index&N)."""
WHY_MAX = "N has 14 bits in TS004 Index&N"
"""Reason of MAX_FRAGMENT_NUMBER in messages."""

Variant = Literal["deployed", "literal"]


def check_fragment_count(nb_frag: int) -> None:
    """Raise ParameterError unless `nb_frag` is 1 to 16383."""
    integer("nb_frag", nb_frag, 1, MAX_FRAGMENT_NUMBER, why=WHY_MAX)


def check_variant(version: int, variant: Variant) -> None:
    """Raise ParameterError unless TS004 `version` (1 or 2) has this reading of the parity matrix."""
    one_of("version", version, (1, 2))
    one_of("variant", variant, get_args(Variant))
    if version == 1 and variant == "literal":
        refuse("variant", "'deployed' for version 1", variant, why="only version 2 has 'literal'")


def check_frag_size(frag_size: int) -> None:
    """Raise ParameterError unless `frag_size` is 1 to 255 bytes."""
    integer("frag_size", frag_size, 1, 255, why="one byte of FragSessionSetupReq")


def check_padding(padding: int, frag_size: int) -> None:
    """Raise ParameterError unless `padding` is less than one fragment: 0 to `frag_size` - 1 bytes."""
    integer("padding", padding, 0, frag_size - 1, why="less than one fragment")


def fragment_error(n: int, payload: Sized, frag_size: int) -> ParameterError:
    """Return the error for a fragment whose number `n`, or else the length of its `payload`, does not fit the session."""
    if not 1 <= n <= MAX_FRAGMENT_NUMBER:
        nearest = min(max(n, 1), MAX_FRAGMENT_NUMBER)
        return ParameterError(
            f"fragment number must be 1 to {MAX_FRAGMENT_NUMBER} ({WHY_MAX}), got {n} (nearest: {nearest})"
        )
    return ParameterError(
        f"the payload of fragment {n} must have {frag_size} bytes in this session, got {len(payload)}"
    )


def kind_error(n: object, payload: object) -> ParameterError:
    """Return the error for a fragment whose number or payload is of a kind that no fragment has."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        return ParameterError(f"fragment number must be a whole number, got {shown(n)}")
    kind = type(payload).__name__
    return ParameterError(f"the payload of fragment {n} must be bytes or a uint8 array, got {kind}")


def coded_count(nb_frag: int, redundancy: float | int) -> int:
    """Return the number of coded fragments for a redundancy.

    nb_frag: number of uncoded fragments. redundancy: a float is a share of them (0.3 = 30 %), rounded up, at most 16383; an int
    is the number of coded fragments. Raises ParameterError if `redundancy` is negative or not finite.
    """
    if isinstance(redundancy, Integral) and not isinstance(redundancy, bool):
        return integer("redundancy", redundancy, 0, why="a count of coded fragments")
    share = real("redundancy", redundancy, 0, MAX_FRAGMENT_NUMBER)
    # The product of 0.1 and 30 is 3.0000000000000004 in floating point, and must remain 3 fragments.
    return math.ceil(round(share * nb_frag, 9))
