"""Parameters of the 20 calls: how the texts of a query are read, and how OpenAPI describes them.

The rules and messages are the client's (`fuota.network.senra.parameters`), with the wire names of the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from fuota import rules
from fuota.errors import ParameterError
from fuota.network.senra import parameters as client_rules

Schema = Mapping[str, object]
LARGEST = 2**63 - 1
"""csvExport's contractId is a "Long value"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueKind:
    """Kind of a parameter's value. read: takes the name and the text, returns the value; raises ParameterError."""

    read: Callable[[str, str], object]
    schema: Schema = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter. name: name in the table of the reference. alias: other name, used in its examples."""

    name: str
    kind: ValueKind
    required: bool = False
    default: object = None
    alias: str = ""

    @property
    def key(self) -> str:
        """Key among the values: tx_chnl for txChnl, job_id for jobID."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()


def read(parameters: Sequence[Parameter], query: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a query by key, with defaults filled in. Unknown parameters are ignored. Raises ParameterError."""
    texts = {parameter.key: query.get(parameter.name, query.get(parameter.alias)) for parameter in parameters}
    if absent := [parameter.name for parameter in parameters if parameter.required and texts[parameter.key] is None]:
        raise ParameterError(f"required parameter is missing: {', '.join(absent)}")
    return {parameter.key: _value(parameter, texts[parameter.key]) for parameter in parameters}


def _value(parameter: Parameter, text: str | None) -> object:
    value = None if text is None else parameter.kind.read(parameter.name, text)
    return parameter.default if value is None else value


def _refuse(name: str, rule: str, text: str, nearest: object = None) -> NoReturn:
    rules.refuse(f"parameter {name}", rule, text[:60], nearest=nearest)


def integer(low: int, high: int = LARGEST) -> ValueKind:
    """Return the kind of a whole number from `low` to `high`."""

    def read_integer(name: str, text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text):
            _refuse(name, "a whole number", text)
        unlimited = high == LARGEST and int(text) <= LARGEST  # a message about 2^63 would not help
        return rules.integer(name, int(text), low, None if unlimited else high)

    return ValueKind(read=read_integer, schema={"type": "integer", "minimum": low, "maximum": high, "format": "int64"})


_DECIMAL = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


def number(low: float, high: float) -> ValueKind:
    """Return the kind of a decimal number from `low` to `high`."""

    def read_number(name: str, text: str) -> float:
        if not re.fullmatch(_DECIMAL, text):  # float() also accepts "1_0", " 1" and the digits of other scripts
            _refuse(name, f"a number from {low} to {high}", text)
        value = float(text)
        if not low <= value <= high:
            _refuse(name, f"a number from {low} to {high}", text, nearest=low if value < low else high)
        return 0.0 + value

    return ValueKind(read=read_number, schema={"type": "number", "minimum": low, "maximum": high})


def choice(*words: str) -> ValueKind:
    """Return the kind of one word out of these."""
    return ValueKind(read=partial(rules.one_of, choices=words), schema={"type": "string", "enum": list(words)})


def _flag(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        _refuse(name, "true or false", text)
    return text.lower() == "true"


def _device_class(*letters: str) -> ValueKind:
    spellings = [spelling for letter in letters for spelling in (letter, f"CLASS_{letter}")]
    return ValueKind(
        read=partial(client_rules.device_class, allowed=letters),
        schema={"type": "string", "enum": spellings},
    )


def _parts(text: str) -> list[str]:
    """Return the parts of a list, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _euis(name: str, text: str) -> tuple[str, ...] | None:
    return _some_euis(name, text) if _parts(text) else None


def _some_euis(name: str, text: str) -> tuple[str, ...]:
    return client_rules.eui_list(name, dict.fromkeys(client_rules.eui(name, part) for part in _parts(text)))


def _tags(name: str, text: str) -> tuple[str, ...] | None:
    return client_rules.tag_list(name, _parts(text)) if _parts(text) else None


def _words(name: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    parts = _parts(text)
    for part in parts or [text]:
        rules.one_of(name, part[:60], known)
    return tuple(parts)


def _descriptor(name: str, text: str) -> bytes:
    return client_rules.fixed_bytes(name, _hex(name, text), 4)


def _pdu(name: str, text: str) -> bytes:
    return client_rules.pdu(name, _hex(name, text))


def _hex(name: str, text: str) -> str:
    """Return a text without white space. The client accepts white space between bytes, a request does not."""
    if re.search(r"\s", text):
        _refuse(name, "bytes in hexadecimal, without white space", text)
    return text


def words(*known: str) -> ValueKind:
    """Return the kind of a list of words out of these, separated by commas."""
    pattern = "|".join(known)
    return ValueKind(
        read=partial(_words, known=known), schema={"type": "string", "pattern": f"^({pattern})(,({pattern}))*$"}
    )


_EUI_SCHEMA = {"type": "string", "pattern": "^[0-9A-Fa-f]{16}$"}
EUI = ValueKind(read=client_rules.eui, schema=_EUI_SCHEMA)
_EUIS_PATTERN = "[0-9A-Fa-f]{16}(,[0-9A-Fa-f]{16})*"
EUIS = ValueKind(read=_euis, schema={"type": "string", "pattern": f"^({_EUIS_PATTERN})?$"})
SOME_EUIS = ValueKind(read=_some_euis, schema={"type": "string", "pattern": f"^{_EUIS_PATTERN}$"})
TAGS = ValueKind(
    read=_tags, schema={"type": "string", "description": "Tags of printable characters, separated by commas."}
)
ADDRESS = ValueKind(read=client_rules.mc_addr, schema={"type": "string", "pattern": "^[0-9A-Fa-f]{8}$"})
PDU = ValueKind(read=_pdu, schema={"type": "string", "pattern": "^([0-9A-Fa-f]{2}){0,242}$"})
FLAG = ValueKind(read=_flag, schema={"type": "boolean"})
ANY_CLASS = _device_class("A", "B", "C")
MULTICAST_CLASS = _device_class("B", "C")
TOKEN = ValueKind(read=client_rules.registration_token, schema={"type": "string", "pattern": "^[0-9]{6}$"})
DESCRIPTOR = ValueKind(read=_descriptor, schema={"type": "string", "pattern": "^[0-9A-Fa-f]{8}$"})
TEXT = ValueKind(read=client_rules.free_text, schema={"type": "string", "pattern": "[^\\s\\x1c-\\x1f\\x85]"})
WORD = ValueKind(read=client_rules.word, schema={"type": "string", "pattern": "^[!-~]+$"})
PORT = integer(1, 254)
ID = integer(1)
