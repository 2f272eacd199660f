"""Device profiles as TOML: built in, or in a file of your own."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from fuota.device.profile import DeviceProfile
from fuota.errors import MessageError, ParameterError, StorageError

T = TypeVar("T")

_FOLDER = files(__package__).joinpath("profiles")
_IN_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    bytes: "octets in hexadecimal",
}


def load_profile(path_or_name: str | Path) -> DeviceProfile:
    """The built-in profile of that name, or the one in the TOML file at that path.

    The keys are the fields of DeviceProfile, with those of EnergyModel in a table `energy` and those of ImageRequirements in
    a table `image`; `descriptor` is 8 hexadecimal digits; what is not said has its default, and a profile without a name
    that of its file. Raises StorageError for a file that is not there, MessageError for one that is not TOML, ParameterError
    for a key or value that no profile has.
    """
    if isinstance(path_or_name, str) and path_or_name in profile_names():
        text = _FOLDER.joinpath(f"{path_or_name}.toml").read_text(encoding="utf-8")
        return _profile(parse_toml(text, path_or_name), path_or_name)
    path = Path(path_or_name)
    if not path.exists():
        raise StorageError(_not_there(str(path_or_name)))
    return _profile({"name": path.stem} | read_toml(path), path.name)


@cache
def profile_names() -> tuple[str, ...]:
    """The names of the built-in profiles, in alphabetical order."""
    return tuple(sorted(file.name[:-5] for file in _FOLDER.iterdir() if file.name.endswith(".toml")))


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file. Raises StorageError where it cannot be read, MessageError where it is not TOML in UTF-8."""
    try:
        return parse_toml(path.read_bytes().decode("utf-8-sig"), path.name)
    except OSError as exc:
        raise StorageError(f"{path} cannot be read: {exc.strerror or exc}") from None
    except UnicodeDecodeError as exc:
        raise MessageError(f"{path.name} is not TOML: octet {exc.start} is no UTF-8") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The table in a TOML text. Raises MessageError, with the line, where it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise MessageError(f"{where} is not TOML: {exc}") from None
    except RecursionError:
        raise MessageError(f"{where} is nested too deeply") from None


def build(kind: type[T], table: dict[str, Any], where: str) -> T:
    """A dataclass from a TOML table whose keys are the fields. Raises ParameterError for what no field takes, saying `where`."""
    hints = get_type_hints(kind)
    check_keys(table, [one.name for one in fields(kind) if one.init], where)  # type: ignore[arg-type]
    values = {key: _value(value, hints[key], f"{key} of {where}") for key, value in table.items()}
    try:
        return kind(**values)
    except ParameterError as exc:
        raise ParameterError(f"{where}: {exc}") from None


def check_keys(table: dict[str, Any], known: list[str], where: str) -> None:
    """Raise ParameterError for a key that is not known, naming the closest one that is."""
    for key in table:
        if key not in known:
            raise ParameterError(f"{where} has {key!r}, which is no key of it: {_closest(key, known)}")


def _profile(table: dict[str, Any], where: str) -> DeviceProfile:
    return build(DeviceProfile, table, where)


def _value(value: Any, hint: Any, what: str) -> Any:
    if get_origin(hint) is tuple:
        return _several(value, get_args(hint)[0], what)
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    if get_origin(hint) is Literal:
        return _choice(value, kinds, what)
    (kind,) = kinds
    if isinstance(value, dict) and kind not in _IN_WORDS:
        return build(kind, value, what)
    if kind is bytes:
        return _octets(value, what)
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise ParameterError(f"{what} is {value!r}: it must be {_IN_WORDS.get(kind, 'a table')}")
    return value


def _several(value: Any, kind: Any, what: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ParameterError(f"{what} is {value!r}: it must be a list")
    return tuple(_value(one, kind, f"each of {what}") for one in value)


def _choice(value: Any, choices: list[Any], what: str) -> Any:
    if value not in choices:
        raise ParameterError(f"{what} is {value!r}: {_closest(str(value), choices)}")
    return value


def _octets(value: Any, what: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise ParameterError(f"{what} is {value!r}: it must be {_IN_WORDS[bytes]}, such as '01020304'") from None


def _closest(given: str, known: list[str]) -> str:
    close = get_close_matches(given, known, n=1, cutoff=0.5)
    return f"the closest is {close[0]!r}" if close else f"there are {', '.join(known)}"


def _not_there(given: str) -> str:
    close = get_close_matches(given, profile_names(), n=1, cutoff=0.5)
    closest = f": the closest is {close[0]!r}" if close else ""
    return f"{given} is neither a file nor one of the profiles {', '.join(profile_names())}{closest}"
