"""Rules for arguments that the calls share, and their spelling in a query.

Each check returns the value in its one internal form, or raises ParameterError with the argument's name, what was given
and the rule. Everything is checked before anything is sent.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from fuota.errors import ParameterError
from fuota.network.eui import canonical_eui


def eui(name: str, value: str) -> str:
    """An EUI-64 as 16 upper-case hex digits."""
    if (found := canonical_eui(value)) is None:
        raise ParameterError(f"{name} is {value!r}: an EUI is 16 hexadecimal digits, such as 'AAAAAAAAAAAAAA01'")
    return found


def eui_list(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """At least one EUI, none twice."""
    return _distinct(name, (eui(name, value) for value in _listed(name, values)))


def tag_list(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """At least one tag, none twice, empty, or with a comma, which parts tags on the wire."""
    return _distinct(name, (_tag(name, value) for value in _listed(name, values)))


def targets(
    dev_euis: Iterable[str] | None, dev_tags: Iterable[str] | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """(EUIs, None) or (None, tags).

    The reference marks both lists as optional and devEuis as "must be empty" beside devTags: a call with neither might
    reach the whole application, so exactly one is required. An empty list counts as not given.
    """
    dev_euis, dev_tags = _or_none(dev_euis), _or_none(dev_tags)
    if exactly_one(dev_euis=dev_euis, dev_tags=dev_tags) == "dev_euis":
        return eui_list("dev_euis", dev_euis or ()), None
    return None, tag_list("dev_tags", dev_tags or ())


def exactly_one(**values: object) -> str:
    """The name of the only argument that is not None."""
    given = [name for name, value in values.items() if value is not None]
    if len(given) != 1:
        raise ParameterError(f"give exactly one of {' and '.join(values)}; given: {', '.join(given) or 'none'}")
    return given[0]


def integer(name: str, value: int, low: int, high: int | None = None) -> int:
    """A whole number from `low` to `high`, both included; None is no upper end."""
    rule = f"a whole number from {low} to {high}" if high is not None else f"a whole number of at least {low}"
    try:
        number = operator.index(value)  # also numpy's integers
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise ParameterError(f"{name} is {value!r}: it must be {rule}")
    if number < low or (high is not None and number > high):
        nearest = low if number < low or high is None else high
        raise ParameterError(f"{name} is {number}: it must be {rule}; the nearest is {nearest}")
    return number


def optional_integer(name: str, value: int | None, low: int, high: int | None = None) -> int | None:
    """`integer`, or None to leave the choice to the server."""
    return None if value is None else integer(name, value, low, high)


def share(name: str, value: float) -> float:
    """A share from 0.0 to 1.0, 1.0 being 100 %."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ParameterError(f"{name} is {value!r}: it must be a number from 0.0 to 1.0 (1.0 is 100 %)")
    if not 0 <= value <= 1:
        nearest = 0.0 if value < 0 else 1.0
        raise ParameterError(f"{name} is {value}: it must lie from 0.0 to 1.0 (1.0 is 100 %); the nearest is {nearest}")
    return 0.0 + float(value)  # -0.0 becomes 0.0


def octets(name: str, value: bytes | str, length_bytes: int) -> bytes:
    """Octets of a fixed length, given as bytes or in hex."""
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else bytes(memoryview(value))  # bytes(4) is four zeros
    except (TypeError, ValueError):
        raise ParameterError(f"{name} is {value!r}: it must be {length_bytes} octets, as bytes or in hex") from None
    if len(found) != length_bytes:
        raise ParameterError(f"{name} is {value!r}, {len(found)} octets: it must be {length_bytes} octets")
    return found


def choice(name: str, value: str, allowed: Sequence[str]) -> str:
    """One of the allowed words, as the API spells them."""
    if value not in allowed:
        raise ParameterError(f"{name} is {value!r}: it must be one of {', '.join(map(repr, allowed))}")
    return value


def flag(name: str, value: bool) -> bool:
    """True or False, and nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name} is {value!r}: it must be True or False")
    return value


def word(name: str, value: str) -> str:
    """A name without white space or control characters, such as a job id."""
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        raise ParameterError(f"{name} is {value!r}: it must be a text without white space, as the server gave it")
    return value


def query(values: Mapping[str, object]) -> dict[str, str]:
    """Query parameters by their wire names, in the API's spelling; those that are None are left out."""
    return {name: _spelled(value) for name, value in values.items() if value is not None}


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # 0.00001, not 1e-05
    if isinstance(value, bytes):
        return value.hex().upper()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _or_none(values: Iterable[str] | None) -> Iterable[str] | None:
    if values is None or isinstance(values, str):
        return values or None
    return tuple(values) or None


def _listed(name: str, values: Iterable[str]) -> Iterable[str]:
    if isinstance(values, str):
        raise ParameterError(f"{name} is the text {values!r}: it must be a list, such as [{values!r}]")
    return values


def _tag(name: str, value: str) -> str:
    if not isinstance(value, str) or not value.strip() or "," in value or not value.isprintable():
        raise ParameterError(f"{name} holds {value!r}: a tag is a text without a comma, and not empty")
    return value.strip()


def _distinct(name: str, values: Iterable[str]) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for value in values:
        if value in seen:
            raise ParameterError(f"{name} holds {value!r} twice: name each once")
        seen[value] = None
    if not seen:
        raise ParameterError(f"{name} is empty: name at least one")
    return tuple(seen)


# Largest N of any data rate: application payload beside an FPort and no MAC commands (LoRaWAN Regional Parameters).
MAX_PDU_BYTES = 242


def pdu(name: str, value: bytes | str) -> bytes:
    """An application payload of 0 to 242 octets, given as bytes or in hex."""
    rule = f"it must be 0 to {MAX_PDU_BYTES} octets, as bytes or in hex"
    if isinstance(value, str):
        digits = "".join(value.split())
        if len(digits) % 2:
            raise ParameterError(f"{name} is {value!r}, an odd number of hex digits ({len(digits)}): {rule}")
        try:
            found = bytes.fromhex(digits)
        except ValueError:
            raise ParameterError(f"{name} is {value!r}: {rule}") from None
    elif isinstance(value, bytes | bytearray | memoryview):
        found = bytes(value)
    else:
        raise ParameterError(f"{name} is {value!r}: {rule}")
    if len(found) > MAX_PDU_BYTES:
        raise ParameterError(f"{name} has {len(found)} octets: {rule}")
    return found


def mc_addr(name: str, value: str) -> str:
    """A 32-bit device address as 8 upper-case hex digits."""
    if (found := canonical_address(value)) is None:
        raise ParameterError(f"{name} is {value!r}: a device address is 8 hexadecimal digits, such as 'BBBBBB01'")
    return found


def canonical_address(value: object) -> str | None:
    """The address as 8 upper-case hex digits, or None where `value` is not an address written in hex."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(text) == 8 and set(text) <= set("0123456789ABCDEF") else None


def class_letter(value: str) -> str:
    """A device class in any of the API's spellings (C, c, CLASS_C, Class C) as "A", "B" or "C"; another as it is."""
    word = value.strip().upper().removeprefix("CLASS").lstrip(" _-")
    return word if word in ("A", "B", "C") else value


def device_class(name: str, value: str, allowed: Sequence[str]) -> str:
    """One of the allowed device classes, in any of the API's spellings."""
    return choice(name, class_letter(value) if isinstance(value, str) else value, allowed)


def aes_key(name: str, value: str) -> str:
    """A 128-bit key as 32 upper-case hex digits. A refusal does not quote it."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{32}", value.strip()):
        given = f"a text of {len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise ParameterError(f"{name} is no AES-128 key ({given}): it must be 32 hexadecimal digits")
    return value.strip().upper()


def registration_token(name: str, value: str) -> str:
    """Six digits, as text since they may begin with 0. A refusal does not quote them."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{6}", value):
        given = f"a text of {len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise ParameterError(f"{name} is no registration token ({given}): it must be a text of six digits, as e-mailed")
    return value


def degrees(name: str, value: float, limit: int) -> float:
    """Decimal degrees from -limit to limit."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise ParameterError(f"{name} is {value!r}: it must be decimal degrees from -{limit} to {limit}")
    return float(value)


def free_text(name: str, value: str) -> str:
    """Any text that is not empty. A refusal quotes its type only."""
    if not isinstance(value, str) or not value.strip():
        raise ParameterError(f"{name} is empty or no text ({type(value).__name__}): give a text, or leave it out")
    return value
