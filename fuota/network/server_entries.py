"""Servers by name: the tables [servers.NAME] of config.toml. They name the source of the API key, never the key itself."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fuota.errors import ParameterError
from fuota.network.keys import KINDS, KeySource

CONFIG_VARIABLE = "FUOTA_CONFIG"
_KEY_FIELDS = {f"api_key_{kind}": kind for kind in KINDS}
_FIELDS = ("url", "app_eui", "ca_file", "other_spellings", *_KEY_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEntry:
    """A server of config.toml.

    name: name of the table. url: base URL. app_eui: application to use if a command names none. key: source of the API key.
    ca_file: PEM file of the authorities to trust instead of the usual authorities.
    other_spellings: names that the server needs in requests instead of the usual names, such as jobID.
    """

    name: str
    url: str
    app_eui: str | None = None
    key: KeySource | None = None
    ca_file: Path | None = None
    other_spellings: tuple[str, ...] = ()


def config_path() -> Path:
    """Return the path in FUOTA_CONFIG, otherwise config.toml in the user's configuration folder."""
    if path := os.environ.get(CONFIG_VARIABLE):
        return Path(path)
    from platformdirs import user_config_path

    return user_config_path("fuota", appauthor=False) / "config.toml"


def server_entries() -> dict[str, ServerEntry]:
    """Return the servers of `config_path()` by name; none if the file does not exist and FUOTA_CONFIG is not set.

    Raises StorageError, MessageError if the file is not TOML, ParameterError for a table or a value that is not valid.
    """
    from fuota.tables import read_toml

    path = config_path()
    if not path.exists() and not os.environ.get(CONFIG_VARIABLE):
        return {}
    content: dict[str, object] = read_toml(path)
    tables = content.pop("servers", {})
    if content:
        raise ParameterError(f"{path} has {min(content)!r}: it must have only tables [servers.NAME]")
    if not isinstance(tables, dict):
        raise ParameterError(f"servers of {path} must be a table: write [servers.NAME], with url and the other fields")
    return {name: _entry(name, table, path) for name, table in tables.items()}


def find_entry(name: str) -> ServerEntry:
    """Return the server with this name. Raises ParameterError, with the names of all servers, and as `server_entries`."""
    from fuota.network.redaction import redact

    entries = server_entries()
    if name not in entries:
        raise ParameterError(
            f"server {redact(name)!r} is neither a URL such as https://api.senraco.io nor a server of {config_path()};"
            f" servers there: {', '.join(entries) or 'none'}"
        )
    return entries[name]


def _entry(name: str, table: object, path: Path) -> ServerEntry:
    where = f"[servers.{name}] of {path}"
    texts = _checked_table(table, where, name)
    ca_file = texts.get("ca_file")
    return ServerEntry(
        name=name,
        url=texts["url"].rstrip("/"),
        app_eui=texts.get("app_eui"),
        key=_key_source(texts, path, where),
        ca_file=None if ca_file is None else _from_folder_of(path, ca_file),
        other_spellings=tuple(part.strip() for part in texts.get("other_spellings", "").split(",") if part.strip()),
    )


def _checked_table(table: object, where: str, name: str) -> dict[str, str]:
    from fuota.tables import check_keys

    if not isinstance(table, dict):
        raise ParameterError(f"{where} must be a table: write [servers.{name}], with url and the other fields")
    if "api_key" in table:
        raise ParameterError(
            f"{where} has an api_key: the file must not contain keys; name the source of the key with one of "
            f"{', '.join(_KEY_FIELDS)}"
        )
    check_keys(table, list(_FIELDS), where)
    for field, value in table.items():
        if not isinstance(value, str) or not value.strip():
            raise ParameterError(f"{field} of {where} must be a text that is not empty")
    if not re.fullmatch(r"[A-Za-z_]\w*", table.get("api_key_env", "A"), re.ASCII):
        raise ParameterError(
            f"api_key_env of {where} must be the name of a variable, such as SENRA_KEY, not the key itself"
        )
    if "url" not in table:
        raise ParameterError(f"{where} has no url, such as https://api.senraco.io")
    return table


def _key_source(table: dict[str, str], path: Path, where: str) -> KeySource | None:
    fields = [field for field in _KEY_FIELDS if field in table]
    if len(fields) > 1:
        raise ParameterError(f"{where} has {' and '.join(fields)}: give one source of the key")
    if not fields:
        return None
    kind, value = _KEY_FIELDS[fields[0]], table[fields[0]]
    return KeySource(kind=kind, where=str(_from_folder_of(path, value)) if kind == "file" else value)


def _from_folder_of(path: Path, name: str) -> Path:
    """Return the path `name`; a relative path starts at the folder of the configuration."""
    return path.parent / Path(name).expanduser()
