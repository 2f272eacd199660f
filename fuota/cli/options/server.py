"""Options that name a server, its key, and the folder of the journal."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from fuota.cli.help import CommandFunction, output_option, server_option
from fuota.cli.output import Output
from fuota.cli.render.dry_run import UNREAD_KEY, request_printer
from fuota.errors import AuthenticationError
from fuota.network.keys import KEY_VARIABLE, SANDBOX_API_KEY, KeySource
from fuota.network.server_entries import ServerEntry, config_path, find_entry, server_entries

if TYPE_CHECKING:
    from fuota.network import SenraClient


LOCAL_SANDBOX = "http://127.0.0.1:8380"
"""URL at which `fuota sandbox serve` listens by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Options for access to a server. The key is read when it is needed, and is stored nowhere.

    url: URL of --server, or of the server entry that it names. key: where the key is, by the command line.
    other_spellings: names in requests that the server expects in another spelling. dry_run: output that shows requests
    instead of sending them.
    """

    url: str | None
    key: KeySource | None = None
    ca_file: Path | None = None
    entry: ServerEntry | None = None
    other_spellings: tuple[str, ...] = ()
    dry_run: Output | None = None

    @property
    def target(self) -> str:
        """URL of the server; without --server, the URL of a sandbox on this machine."""
        return self.url or LOCAL_SANDBOX

    def client(self, url: str | None = None, *, outage_s: float | None = None) -> SenraClient:
        """Return a client for the server at `url`, by default at `target`.

        outage_s: longest time in s to wait for an answer, for a watch, which repeats the call itself.
        Raises AuthenticationError if there is no key.
        """
        from fuota.network import SenraClient

        target = url or self.target
        spellings = self._spellings_for(target)
        if self.dry_run is not None:
            show = request_printer(self.dry_run)
            return SenraClient(target, UNREAD_KEY, other_spellings=spellings, before_request=show)
        key, ca_file = self.key_for(target), self.ca_file_for(target)
        if outage_s is None:
            return SenraClient(target, key, ca_file=ca_file, other_spellings=spellings)
        timeout_s = max(1, min(60, int(outage_s)))
        return SenraClient(target, key, ca_file=ca_file, timeout_s=timeout_s, retries=0, other_spellings=spellings)

    def _spellings_for(self, url: str) -> tuple[str, ...]:
        entry = self._entry_of(url)
        return self.other_spellings or (entry.other_spellings if entry else ())

    def ca_file_for(self, url: str) -> Path | None:
        """Return the file of the certificate authorities to trust; None for the usual authorities."""
        entry = self._entry_of(url)
        return self.ca_file or (entry.ca_file if entry else None)

    def key_for(self, url: str) -> str:
        """Return the API key for a server. Raises AuthenticationError if there is none."""
        if (source := self.key_source(url)) is not None:
            return source.read()
        return SANDBOX_API_KEY

    def key_source(self, url: str) -> KeySource | None:
        """Return where the key for a server is; None for the key of the sandbox. Raises AuthenticationError if there is no key."""
        entry = self._entry_of(url)
        if source := self.key or (entry.key if entry else None):
            return source
        if KEY_VARIABLE in os.environ:
            return KeySource(kind="env", where=KEY_VARIABLE)
        if url.startswith(("http://127.0.0.1", "http://localhost")):
            return None
        raise AuthenticationError(
            f"no API key: set {KEY_VARIABLE}, use --api-key-file or --api-key-command, or a server entry in {config_path()}"
        )

    def _entry_of(self, url: str) -> ServerEntry | None:
        """Return the server entry for a URL: the entry that --server names, or the only entry with this URL."""
        if self.entry is not None and self.entry.url == url:
            return self.entry
        entries = [entry for entry in server_entries().values() if entry.url == url.rstrip("/")]
        return entries[0] if len(entries) == 1 else None


def server_options(command: CommandFunction) -> CommandFunction:
    """Add --server and the options of its key to a command, and pass it the parameter `server`.

    The application of a server entry becomes the default of --app-eui, if the command has that option.
    """

    @server_option(
        "--server",
        "server_name",
        metavar="NAME|URL",
        envvar="FUOTA_SERVER",
        is_eager=True,
        callback=_entry_or_url,
        help="URL such as https://api.senraco.io, or name of a server in config.toml.",
    )
    @server_option(
        "--api-key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"File with the API key, mode 0600. Without it, the key may be in {KEY_VARIABLE}.",
    )
    @server_option("--api-key-command", metavar="COMMAND", help="Command that prints the API key.")
    @server_option(
        "--ca-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="PEM file with the certificate authorities to trust.",
    )
    @wraps(command)
    def with_server(
        *args: object,
        server_name: str | ServerEntry | None,
        api_key_file: Path | None,
        api_key_command: str | None,
        ca_file: Path | None,
        **values: object,
    ) -> int:
        entry = server_name if isinstance(server_name, ServerEntry) else None
        options = ServerOptions(
            url=server_name.url if isinstance(server_name, ServerEntry) else server_name,
            key=_named_key(api_key_file, api_key_command),
            ca_file=ca_file,
            entry=entry,
        )
        if values.get("job_id") and _is_from_entry("app_eui"):  # A job is named by its id or by its application.
            values["app_eui"] = None
        return command(*args, server=options, **values)

    return with_server


def call_options(command: CommandFunction) -> CommandFunction:
    """Add the options of `server_options`, --dry-run and --other-spelling to a command that makes one call of the API."""

    @server_options
    @server_option("--dry-run", is_flag=True, help="Show the request, without its keys, and send nothing.")
    @server_option(
        "--other-spelling",
        "other_spellings",
        multiple=True,
        metavar="NAME",
        help="Send jobID for jobId, devEui for eui, eui for devEui, or fwVersion for fwVer.",
    )
    @wraps(command)
    def with_call(
        *args: object,
        dry_run: bool,
        other_spellings: tuple[str, ...],
        server: ServerOptions,
        as_json: bool,
        **values: object,
    ) -> int:
        output = Output(as_json=as_json) if dry_run else None
        options = replace(server, dry_run=output, other_spellings=other_spellings)
        return command(*args, server=options, as_json=as_json, **values)

    return with_call


def state_option(command: CommandFunction) -> CommandFunction:
    """Add --state-dir to a command, and pass it the parameter `state_dir`."""
    option = output_option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="FUOTA_STATE_DIR",
        help="Folder of the journal.  [default: the state folder of the user]",
    )
    return option(command)


def _entry_or_url(context: click.Context, _parameter: click.Parameter, name: str | None) -> str | ServerEntry | None:
    """Return the URL, or the server entry with this name; its application becomes the default of --app-eui."""
    if name is None or "://" in name:
        return name
    entry = find_entry(name)
    if entry.app_eui:
        context.default_map = {**(context.default_map or {}), "app_eui": entry.app_eui}
    return entry


def _is_from_entry(parameter: str) -> bool:
    """Return whether the value of a parameter comes from the server entry."""
    return click.get_current_context().get_parameter_source(parameter) == ParameterSource.DEFAULT_MAP


def _named_key(file: Path | None, command: str | None) -> KeySource | None:
    if file is not None:
        return KeySource(kind="file", where=str(file))
    return None if command is None else KeySource(kind="command", where=command)
