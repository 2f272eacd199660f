"""Which server, with which key, and where the journal is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from fuota.cli.output import Output
from fuota.cli.render.dry_run import UNREAD_KEY, shower
from fuota.errors import AuthenticationError
from fuota.network.keys import KEY_VARIABLE, KeySource
from fuota.network.server_entries import ServerEntry, config_path, find_entry, server_entries

if TYPE_CHECKING:
    from fuota.campaign import Journal
    from fuota.network import SenraClient

Command = TypeVar("Command", bound=Callable[..., Any])

LOCAL_SANDBOX = "http://127.0.0.1:8380"
"""Where `fuota sandbox serve` listens unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How to reach a server, as the command line has it; the key is fetched when it is needed, and kept nowhere.

    `url`: of --server, or of the profile that it names. `key`: as named on the command line. `other_spellings`: names that the
    server wants to be spelled otherwise. `dry_run`: where requests are shown in place of being sent.
    """

    url: str | None
    key: KeySource | None = None
    ca_file: Path | None = None
    profile: ServerEntry | None = None
    other_spellings: tuple[str, ...] = ()
    dry_run: Output | None = None

    @property
    def target(self) -> str:
        """The URL that is meant: where none is named, that of the sandbox on this machine."""
        return self.url or LOCAL_SANDBOX

    def client(self, url: str | None = None, *, outage_s: float | None = None) -> SenraClient:
        """A client for `url`, else for `target`.

        With `outage_s` one for watching: an answer is awaited for no longer, and who watches asks again.
        """
        from fuota.network import SenraClient

        target = url or self.target
        spellings = self._spellings_for(target)
        if self.dry_run is not None:
            show = shower(self.dry_run)
            return SenraClient(target, UNREAD_KEY, other_spellings=spellings, before_request=show)
        key, ca_file = self.key_for(target), self.ca_file_for(target)
        if outage_s is None:
            return SenraClient(target, key, ca_file=ca_file, other_spellings=spellings)
        timeout_s = max(1, min(60, int(outage_s)))
        return SenraClient(target, key, ca_file=ca_file, timeout_s=timeout_s, retries=0, other_spellings=spellings)

    def _spellings_for(self, url: str) -> tuple[str, ...]:
        profile = self._profile_of(url)
        return self.other_spellings or (profile.other_spellings if profile else ())

    def ca_file_for(self, url: str) -> Path | None:
        """The authorities to trust there."""
        profile = self._profile_of(url)
        return self.ca_file or (profile.ca_file if profile else None)

    def key_for(self, url: str) -> str:
        """The key for a server. Raises AuthenticationError where there is none."""
        if (source := self.key_source(url)) is not None:
            return source.read()
        from fuota.sandbox import SANDBOX_API_KEY

        return SANDBOX_API_KEY

    def key_source(self, url: str) -> KeySource | None:
        """Where the key for a server is; None for that of the sandbox. Raises AuthenticationError where there is none."""
        profile = self._profile_of(url)
        if source := self.key or (profile.key if profile else None):
            return source
        if KEY_VARIABLE in os.environ:
            return KeySource(kind="env", where=KEY_VARIABLE)
        if url.startswith(("http://127.0.0.1", "http://localhost")):
            return None
        raise AuthenticationError(
            f"no API key: set {KEY_VARIABLE}, use --api-key-file or --api-key-command, or a profile in {config_path()}"
        )

    def _profile_of(self, url: str) -> ServerEntry | None:
        """The profile that --server names; for another URL, such as a campaign's, the one profile that has it."""
        if self.profile is not None and self.profile.url == url:
            return self.profile
        same = [profile for profile in server_entries().values() if profile.url == url.rstrip("/")]
        return same[0] if len(same) == 1 else None


def server_options(command: Command) -> Command:
    """Gives a command --server and the key options, and its `server`.

    A profile also stands in for an --app-eui that is not given, where the command has one.
    """

    @click.option(
        "--server",
        "server_name",
        metavar="NAME|URL",
        envvar="FUOTA_SERVER",
        is_eager=True,
        callback=_with_application,
        help="Such as https://api.senraco.io, or a profile of your config.toml.",
    )
    @click.option(
        "--api-key-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"File with the API key, mode 0600. The key may also be in {KEY_VARIABLE}.",
    )
    @click.option("--api-key-command", metavar="COMMAND", help="Command that prints the API key.")
    @click.option("--ca-file", type=click.Path(path_type=Path, dir_okay=False), help="PEM of the authorities to trust.")
    @wraps(command)
    def wrapped(
        *args: Any,
        server_name: str | ServerEntry | None,
        api_key_file: Path | None,
        api_key_command: str | None,
        ca_file: Path | None,
        **kwargs: Any,
    ) -> Any:
        profile = server_name if isinstance(server_name, ServerEntry) else None
        options = ServerOptions(
            url=profile.url if profile else server_name,  # type: ignore[arg-type]
            key=_named_key(api_key_file, api_key_command),
            ca_file=ca_file,
            profile=profile,
        )
        if kwargs.get("job_id") and _is_of_profile("app_eui"):  # a job is named by either
            kwargs["app_eui"] = None
        return command(*args, server=options, **kwargs)

    return wrapped  # type: ignore[return-value]


def call_options(command: Command) -> Command:
    """What `server_options` gives, and --dry-run and --other-spelling, for commands that make one call of the API."""

    @server_options
    @click.option("--dry-run", is_flag=True, help="Show the request, without its keys, and send nothing.")
    @click.option(
        "--other-spelling",
        "other_spellings",
        multiple=True,
        metavar="NAME",
        help="Send jobID for jobId, devEui for eui, eui for devEui, or fwVersion for fwVer.",
    )
    @wraps(command)
    def wrapped(
        *args: Any, dry_run: bool, other_spellings: tuple[str, ...], server: ServerOptions, **kwargs: Any
    ) -> Any:
        shown = Output(as_json=kwargs["as_json"]) if dry_run else None
        server = replace(server, dry_run=shown, other_spellings=other_spellings)
        return command(*args, server=server, **kwargs)

    return wrapped  # type: ignore[return-value]


def _with_application(context: click.Context, _parameter: click.Parameter, name: str | None) -> Any:
    """The URL, or the profile of that name. Its application becomes the default of the command's --app-eui."""
    if name is None or "://" in name:
        return name
    profile = find_entry(name)
    if profile.app_eui:
        context.default_map = {**(context.default_map or {}), "app_eui": profile.app_eui}
    return profile


def _is_of_profile(parameter: str) -> bool:
    return click.get_current_context().get_parameter_source(parameter) == ParameterSource.DEFAULT_MAP


def _named_key(file: Path | None, command: str | None) -> KeySource | None:
    if file is not None:
        return KeySource(kind="file", where=str(file))
    return None if command is None else KeySource(kind="command", where=command)


def state_option(command: Command) -> Command:
    """Gives a command --state-dir and its `state_dir`."""
    option = click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="FUOTA_STATE_DIR",
        help="Folder of the journal.  [default: the user's state folder]",
    )
    return option(command)


def open_journal(state_dir: Path | None) -> Journal:
    """The journal in that folder, or in the user's state folder. Raises StorageError."""
    from fuota.campaign import Journal

    return Journal(state_folder(state_dir))


def state_folder(state_dir: Path | None) -> Path:
    """That folder, or the user's state folder where none was given."""
    from platformdirs import user_state_path

    return state_dir or user_state_path("fuota", appauthor=False)
