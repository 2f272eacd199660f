"""Servers by name: the tables [servers.NAME] of config.toml. No key is in there, only where it is."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuota.errors import ParameterError
from fuota.network.keys import KINDS, KeySource

CONFIG_VARIABLE = "FUOTA_CONFIG"
_KEY_FIELDS = {f"api_key_{kind}": kind for kind in KINDS}
_FIELDS = ("url", "app_eui", "ca_file", "other_spellings", *_KEY_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEntry:
    """A server, the application that is meant where none is named, where its key is, and whose certificates it has.

    other_spellings: names that it wants in requests in place of the usual ones, such as jobID.
    """

    name: str
    url: str
    app_eui: str | None = None
    key: KeySource | None = None
    ca_file: Path | None = None
    other_spellings: tuple[str, ...] = ()


def config_path() -> Path:
    """FUOTA_CONFIG, or config.toml in the user's configuration folder."""
    if given := os.environ.get(CONFIG_VARIABLE):
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("fuota", appauthor=False) / "config.toml"


def server_entries() -> dict[str, ServerEntry]:
    """The servers of `config_path()` by name; none where there is no such file and FUOTA_CONFIG names none.

    Raises StorageError, MessageError for what is not TOML, ParameterError for a table or value that cannot be meant.
    """
    from fuota.tables import read_toml

    path = config_path()
    if not path.exists() and not os.environ.get(CONFIG_VARIABLE):
        return {}
    content = read_toml(path)
    tables = content.pop("servers", {})
    if content:
        raise ParameterError(f"{path} has {min(content)!r}: it holds tables [servers.NAME] and nothing else")
    if not isinstance(tables, dict):
        raise ParameterError(f"{path}: servers is no table: write [servers.NAME], with url and what else there is")
    return {name: _profile(name, table, path) for name, table in tables.items()}


def find_entry(name: str) -> ServerEntry:
    """The server of that name. Raises ParameterError, with those that there are, and as `server_entries`."""
    from fuota.network.redaction import redact

    profiles = server_entries()
    if name not in profiles:
        raise ParameterError(
            f"server {redact(name)!r} is neither a URL such as https://api.senraco.io nor a profile in {config_path()};"
            f" profiles there: {', '.join(profiles) or 'none'}"
        )
    return profiles[name]


def _profile(name: str, table: Any, path: Path) -> ServerEntry:
    where = f"[servers.{name}] of {path}"
    if not isinstance(table, dict):
        raise ParameterError(f"{where} is no table: write [servers.{name}], with url and what else there is")
    _check(table, where)
    if "url" not in table:
        raise ParameterError(f"{where} has no url, such as https://api.senraco.io")
    ca_file = table.get("ca_file")
    return ServerEntry(
        name=name,
        url=table["url"].rstrip("/"),
        app_eui=table.get("app_eui"),
        key=_key_source(table, path, where),
        ca_file=None if ca_file is None else _beside(path, ca_file),
        other_spellings=tuple(name.strip() for name in table.get("other_spellings", "").split(",") if name.strip()),
    )


def _check(table: dict[str, Any], where: str) -> None:
    from fuota.tables import check_keys

    if "api_key" in table:
        raise ParameterError(
            f"{where} has an api_key: a key is not kept there; name where it is with one of {', '.join(_KEY_FIELDS)}"
        )
    check_keys(table, list(_FIELDS), where)
    for field, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise ParameterError(f"{where}: {field} must be a text")
    if not re.fullmatch(r"[A-Za-z_]\w*", table.get("api_key_env", "A"), re.ASCII):
        raise ParameterError(
            f"{where}: api_key_env must be the name of a variable, such as SENRA_KEY, not the key itself"
        )


def _key_source(table: dict[str, str], path: Path, where: str) -> KeySource | None:
    given = [field for field in _KEY_FIELDS if field in table]
    if len(given) > 1:
        raise ParameterError(f"{where} has {' and '.join(given)}: the key is in one place")
    if not given:
        return None
    kind, value = _KEY_FIELDS[given[0]], table[given[0]]
    return KeySource(kind=kind, where=str(_beside(path, value)) if kind == "file" else value)


def _beside(path: Path, name: str) -> Path:
    """A relative path is meant from the folder of the configuration."""
    return path.parent / Path(name).expanduser()
