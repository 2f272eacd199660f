"""Options of `fuota device`: scope, registration, changes, moves and waiting."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.help import OptionsUnder
from fuota.cli.options.device_lists import DeviceDetailOptions
from fuota.cli.options.group import option_group
from fuota.errors import AuthenticationError, MessageError
from fuota.network.keys import KeySource

if TYPE_CHECKING:
    from fuota.network.senra import Callback

TOKEN_VARIABLE = "FUOTA_REGISTRATION_TOKEN"  # noqa: S105 - name of a variable
TO_KEY_VARIABLE = "FUOTA_TO_API_KEY"
scope_option = OptionsUnder("Application")
registration_option = OptionsUnder("Registration")
change_option = OptionsUnder("Changes")
key_file = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeOptions:
    """Application, join server, contract and profile of devices. None: the default of the server."""

    app_eui: str | None
    join_eui: str | None
    contract_id: int | None
    profile_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationOptions:
    """Parameters of a registration. token_file: file of the registration token. callback: JSON with url and headers."""

    activation: str | None
    token_file: Path | None
    callback: IO[bytes] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOptions:
    """Changes of the devices of an application."""

    dev_class: str | None
    fw_ver: str | None
    app_eui: str
    profile_id: int | None
    tags: tuple[str, ...]
    tags_operation: str | None

    def shared(self, details: DeviceDetailOptions) -> dict[str, object]:
        """Return the fields of every device that --dev-eui names."""
        return {**details.fields(), "dev_class": self.dev_class, "fw_ver": self.fw_ver}


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """Present and new application of devices, and the key of the new application."""

    from_app_eui: str
    to_app_eui: str
    contract_id: int
    profile_id: int | None
    to_api_key_file: Path | None
    to_api_key_command: str | None

    def read_key(self) -> str:
        """Return the key of the new application. Raises AuthenticationError if there is none."""
        if self.to_api_key_file is not None:
            return KeySource(kind="file", where=str(self.to_api_key_file)).read()
        if self.to_api_key_command is not None:
            return KeySource(kind="command", where=self.to_api_key_command).read()
        if TO_KEY_VARIABLE not in os.environ:
            raise AuthenticationError(
                f"no API key of the new application: set {TO_KEY_VARIABLE}, or use --to-api-key-file or --to-api-key-command"
            )
        return os.environ[TO_KEY_VARIABLE].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOptions:
    """Whether and how long to wait for a task, and the file that keeps its result."""

    wait: bool
    timeout_s: int
    results: Path | None


app_eui_option = scope_option(
    "--app-eui", metavar="EUI", help="Application of the devices.  [default: that of the key]"
)
scope_options = option_group(
    "scope",
    ScopeOptions,
    app_eui_option,
    scope_option("--join-eui", metavar="EUI", help="Join server, if the application has several."),
    scope_option("--contract-id", type=int, metavar="ID", help="Contract.  [default: that of the application]"),
    scope_option("--profile-id", type=int, metavar="ID", help="Device profile of the server."),
)
tags_option = scope_option("--tag", "tags", metavar="TAG", multiple=True, help="Tag of all devices; may be repeated.")


def read_token(file: Path | None) -> str:
    """Return the registration token, from the file, the environment or the terminal."""
    if file is not None:
        return KeySource(kind="file", where=str(file)).read()
    if TOKEN_VARIABLE in os.environ:
        return os.environ[TOKEN_VARIABLE].strip()
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"no registration token: set {TOKEN_VARIABLE}, or use --token-file")
    return str(click.prompt("Registration token, six digits", hide_input=True, err=True)).strip()


def read_callback(file: IO[bytes] | None) -> Callback | None:
    """Return the callback in a JSON file, None for no file. Raises MessageError."""
    from fuota.network.senra import Callback

    if file is None:
        return None
    try:
        content: object = json.load(file)
    except (ValueError, RecursionError):
        raise MessageError(f"the callback file {file.name} is not valid JSON") from None
    if not isinstance(content, Mapping) or not content or not set(content) <= {"url", "headers"}:
        raise MessageError(f"the callback file {file.name} must be a JSON object with url and, optionally, headers")
    return Callback(**{"url": "", **content})
