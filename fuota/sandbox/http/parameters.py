"""The parameters of the 20 calls, from a query string to values: one table for what is read and what OpenAPI tells.

Rules and words of refusals are those of the client (`fuota.network.senra.parameters`), with the names of the wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fuota import rules as common_rules
from fuota.errors import ParameterError
from fuota.network.senra import parameters as rules

Schema = Mapping[str, Any]
LARGEST = 2**63 - 1
"""csvExport's contractId is a "Long value"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a parameter's value may be. `read` takes its name and its text; it raises ParameterError."""

    read: Callable[[str, str], Any]
    schema: Schema = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter by its name in the reference's table. `also`: another name under which its examples have it."""

    name: str
    kind: Kind
    required: bool = False
    default: Any = None
    also: str = ""

    @property
    def key(self) -> str:
        """Its name among values: tx_chnl for txChnl, job_id for jobID."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()


def read(wanted: tuple[Parameter, ...], query: Mapping[str, str]) -> dict[str, Any]:
    """The values by their keys, defaults filled in, unknown parameters ignored. Raises ParameterError."""
    given = {one.key: query.get(one.name, query.get(one.also)) for one in wanted}
    if absent := [one.name for one in wanted if one.required and given[one.key] is None]:
        raise ParameterError(f"required parameter is missing: {', '.join(absent)}")
    return {one.key: _value(one, given[one.key]) for one in wanted}


def _value(parameter: Parameter, text: str | None) -> Any:
    found = None if text is None else parameter.kind.read(parameter.name, text)
    return parameter.default if found is None else found


def _given(name: str, text: str, rule: str) -> ParameterError:
    return ParameterError(f"parameter {name} has the value {text[:60]!r}: it must be {rule}")


def integer(low: int, high: int = LARGEST) -> Kind:
    """A whole number from `low` to `high`."""

    def read_one(name: str, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text):
            raise _given(name, text, "a whole number")
        unbounded = high == LARGEST and int(text) <= LARGEST  # a rule that speaks of 2^63 helps nobody
        return common_rules.integer(name, int(text), low, None if unbounded else high)

    return Kind(read=read_one, schema={"type": "integer", "minimum": low, "maximum": high, "format": "int64"})


_DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


def number(low: float, high: float) -> Kind:
    """A decimal number from `low` to `high`."""

    def read_one(name: str, text: str) -> float:
        if not re.fullmatch(_DECIMAL, text):  # float() also takes "1_0", " 1" and the digits of other scripts
            raise _given(name, text, f"a number from {low} to {high}")
        value = float(text)
        if not low <= value <= high:
            raise _given(name, text, f"a number from {low} to {high}; the nearest is {low if value < low else high}")
        return 0.0 + value

    return Kind(read=read_one, schema={"type": "number", "minimum": low, "maximum": high})


def choice(*words: str) -> Kind:
    """One of some words."""
    return Kind(read=partial(common_rules.one_of, choices=words), schema={"type": "string", "enum": list(words)})


def _flag(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise _given(name, text, "true or false")
    return text.lower() == "true"


def _device_class(*letters: str) -> Kind:
    spellings = [spelled for letter in letters for spelled in (letter, f"CLASS_{letter}")]
    return Kind(
        read=partial(rules.device_class, allowed=letters),
        schema={"type": "string", "enum": spellings},
    )


def _parts(text: str) -> list[str]:
    """What a list holds, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _euis(name: str, text: str) -> tuple[str, ...] | None:
    return _some_euis(name, text) if _parts(text) else None


def _some_euis(name: str, text: str) -> tuple[str, ...]:
    return rules.eui_list(name, dict.fromkeys(rules.eui(name, part) for part in _parts(text)))


def _tags(name: str, text: str) -> tuple[str, ...] | None:
    return rules.tag_list(name, _parts(text)) if _parts(text) else None


def _words(name: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    wanted = _parts(text)
    if unknown := [word for word in wanted if word not in known] or ([] if wanted else [text]):
        raise ParameterError(f"{name} names {unknown[0][:60]!r}: it must be one of {', '.join(known)}")
    return tuple(wanted)


def _descriptor(name: str, text: str) -> bytes:
    return rules.fixed_bytes(name, _hex(name, text), 4)


def _pdu(name: str, text: str) -> bytes:
    return rules.pdu(name, _hex(name, text))


def _hex(name: str, text: str) -> str:
    """Text that has no white space in it, as a person may write octets and a request may not."""
    if re.search(r"\s", text):
        raise _given(name, text, "octets in hexadecimal, without white space")
    return text


def words(*known: str) -> Kind:
    """Some words out of these, separated by commas."""
    pattern = "|".join(known)
    return Kind(
        read=partial(_words, known=known), schema={"type": "string", "pattern": f"^({pattern})(,({pattern}))*$"}
    )


_EUI_SCHEMA = {"type": "string", "pattern": "^[0-9A-Fa-f]{16}$"}
EUI = Kind(read=rules.eui, schema=_EUI_SCHEMA)
_EUIS_PATTERN = "[0-9A-Fa-f]{16}(,[0-9A-Fa-f]{16})*"
EUIS = Kind(read=_euis, schema={"type": "string", "pattern": f"^({_EUIS_PATTERN})?$"})
SOME_EUIS = Kind(read=_some_euis, schema={"type": "string", "pattern": f"^{_EUIS_PATTERN}$"})
TAGS = Kind(read=_tags, schema={"type": "string", "description": "Tags of printable characters, separated by commas."})
ADDRESS = Kind(read=rules.mc_addr, schema={"type": "string", "pattern": "^[0-9A-Fa-f]{8}$"})
PDU = Kind(read=_pdu, schema={"type": "string", "pattern": "^([0-9A-Fa-f]{2}){0,242}$"})
FLAG = Kind(read=_flag, schema={"type": "boolean"})
ANY_CLASS = _device_class("A", "B", "C")
MULTICAST_CLASS = _device_class("B", "C")
TOKEN = Kind(read=rules.registration_token, schema={"type": "string", "pattern": "^[0-9]{6}$"})
DESCRIPTOR = Kind(read=_descriptor, schema={"type": "string", "pattern": "^[0-9A-Fa-f]{8}$"})
TEXT = Kind(read=rules.free_text, schema={"type": "string", "pattern": "[^\\s\\x1c-\\x1f\\x85]"})
WORD = Kind(read=rules.word, schema={"type": "string", "pattern": "^[!-~]+$"})
PORT = integer(1, 254)
ID = integer(1)
