"""Checks of parameters that several calls of the API share, and the spelling of values in a query.

Each check takes the parameter's name and its value, and returns the value in its one internal form. It raises ParameterError with
the name, the rule and what was given. Numbers and choices are checked by `fuota.rules`. All parameters are checked before anything
is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from fuota import rules
from fuota.errors import ParameterError
from fuota.network.eui import canonical_eui

MAX_PDU_BYTES = 242
"""Longest application payload: the largest N of any data rate, with an FPort and no MAC commands (LoRaWAN Regional Parameters)."""
_HEX_DIGITS = frozenset("0123456789ABCDEF")


def eui(name: str, value: object) -> str:
    """Return an EUI-64 as 16 upper-case hex digits."""
    if (digits := canonical_eui(value)) is None:
        rules.refuse(name, "an EUI-64 of 16 hexadecimal digits, such as 'AAAAAAAAAAAAAA01'", value)
    return digits


def eui_list(name: str, values: object) -> tuple[str, ...]:
    """Return a list of at least one EUI, none of them twice."""
    return _without_repeats(name, (eui(name, value) for value in _not_a_text(name, values)))


def tag_list(name: str, values: object) -> tuple[str, ...]:
    """Return a list of at least one tag, none of them twice.

    A tag is not empty and has no comma, because a comma separates tags in a request.
    """
    return _without_repeats(name, (_tag(name, value) for value in _not_a_text(name, values)))


def targets(
    dev_euis: Iterable[str] | None, dev_tags: Iterable[str] | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return (EUIs, None) or (None, tags): the devices that a call is for. dev_euis, dev_tags: lists, or None.

    The reference marks both lists as optional, and devEuis as "must be empty" beside devTags. A call with neither might reach the
    whole application, so exactly one is required. An empty list counts as absent.
    """
    dev_euis, dev_tags = _none_if_empty(dev_euis), _none_if_empty(dev_tags)
    if exactly_one(dev_euis=dev_euis, dev_tags=dev_tags) == "dev_euis":
        return eui_list("dev_euis", dev_euis or ()), None
    return None, tag_list("dev_tags", dev_tags or ())


def exactly_one(**values: object) -> str:
    """Return the name of the only keyword that is not None."""
    present = [name for name, value in values.items() if value is not None]
    if len(present) != 1:
        raise ParameterError(f"give exactly one of {' and '.join(values)}, got {', '.join(present) or 'none'}")
    return present[0]


def fixed_bytes(name: str, value: object, count: int) -> bytes:
    """Return exactly `count` bytes, from bytes or from text in hexadecimal."""
    rule = f"{count} bytes, as bytes or in hexadecimal"
    try:
        content = bytes.fromhex(value) if isinstance(value, str) else bytes(memoryview(value))  # type: ignore[arg-type]  # bytes(4) is four zeros
    except (TypeError, ValueError):
        rules.refuse(name, rule, value)
    if len(content) != count:
        rules.refuse(name, rule, value, why=f"not {len(content)}")
    return content


def flag(name: str, value: object) -> bool:
    """Return True or False. Numbers and texts are refused."""
    if not isinstance(value, bool):
        rules.refuse(name, "True or False", value)
    return value


def word(name: str, value: object) -> str:
    """Return a text without white space or control characters, such as a job ID."""
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        rules.refuse(name, "a text without white space, as the server gave it", value)
    return value


def query(values: Mapping[str, object]) -> dict[str, str]:
    """Return query parameters as text in the API's spelling, without the values that are None.

    values: keyed by the API's names.
    """
    return {name: _spelled(value) for name, value in values.items() if value is not None}


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # 0.00001, not 1e-05
    if isinstance(value, bytes):
        return value.hex().upper()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _none_if_empty(values: Iterable[str] | None) -> Iterable[str] | None:
    if isinstance(values, str) or not isinstance(values, Iterable):  # not a list: the checks refuse it
        return values or None
    return tuple(values) or None


def _not_a_text(name: str, values: object) -> Iterable[object]:
    if isinstance(values, str):
        raise ParameterError(f"{name} must be a list, such as [{values!r}], got the text {values!r}")
    if not isinstance(values, Iterable):
        rules.refuse(name, "a list of texts", values)
    return values


def _tag(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "," in value or not value.isprintable():
        rules.refuse(f"each of {name}", "a text that is not empty and has no comma", value)
    return value.strip()


def _without_repeats(name: str, values: Iterable[str]) -> tuple[str, ...]:
    distinct: dict[str, None] = {}
    for value in values:
        if value in distinct:
            raise ParameterError(f"{name} has {value!r} twice: name each once")
        distinct[value] = None
    if not distinct:
        raise ParameterError(f"{name} is empty: name at least one")
    return tuple(distinct)


def pdu(name: str, value: object) -> bytes:
    """Return an application payload of 0 to 242 bytes, from bytes or from text in hexadecimal, with or without white space."""
    rule = f"0 to {MAX_PDU_BYTES} bytes, as bytes or in hexadecimal"
    if isinstance(value, str):
        digits = "".join(value.split())
        if len(digits) % 2:
            rules.refuse(name, rule, value, why=f"{len(digits)} hex digits are an odd number")
        try:
            payload = bytes.fromhex(digits)
        except ValueError:
            rules.refuse(name, rule, value)
    elif isinstance(value, bytes | bytearray | memoryview):
        payload = bytes(value)
    else:
        rules.refuse(name, rule, value)
    if len(payload) > MAX_PDU_BYTES:
        raise ParameterError(f"{name} must be {rule}, got {len(payload)} bytes")
    return payload


def mc_addr(name: str, value: object) -> str:
    """Return a 32-bit device address as 8 upper-case hex digits."""
    if (address := canonical_address(value)) is None:
        rules.refuse(name, "a device address of 8 hexadecimal digits, such as 'BBBBBB01'", value)
    return address


def canonical_address(value: object) -> str | None:
    """Return the address as 8 upper-case hex digits, or None if `value` is not an address in hexadecimal."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(text) == 8 and set(text) <= _HEX_DIGITS else None


def class_letter(value: str) -> str:
    """Return a device class in any of the API's spellings (C, c, CLASS_C, Class C) as "A", "B" or "C".

    Any other text is returned unchanged.
    """
    letter = value.strip().upper().removeprefix("CLASS").lstrip(" _-")
    return letter if letter in ("A", "B", "C") else value


def device_class(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return one of the `allowed` device classes, from any of the API's spellings."""
    if not isinstance(value, str):
        rules.refuse(name, f"one of {', '.join(allowed)}", value)
    return rules.one_of(name, class_letter(value), allowed)


def aes_key(name: str, value: object) -> str:
    """Return a 128-bit key as 32 upper-case hex digits. The message does not quote the value."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9A-Fa-f]{32}", value.strip()):
        raise ParameterError(f"{name} must be an AES-128 key of 32 hexadecimal digits, got {_kind_of(value)}")
    return value.strip().upper()


def registration_token(name: str, value: object) -> str:
    """Return a token of six digits, as text because it may begin with 0. The message does not quote the value."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{6}", value):
        raise ParameterError(f"{name} must be the registration token, a text of six digits, got {_kind_of(value)}")
    return value


def free_text(name: str, value: object) -> str:
    """Return a text that is not empty. The message quotes only the type of the value."""
    if not isinstance(value, str) or not value.strip():
        raise ParameterError(f"{name} must be a text that is not empty, got {_kind_of(value)}")
    return value


def _kind_of(value: object) -> str:
    return f"a text of {len(value)} characters" if isinstance(value, str) else f"a value of type {type(value).__name__}"
