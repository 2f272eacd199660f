"""Which server, with which key, and where the journal is."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fuota.errors import AuthenticationError, ParameterError, StorageError

if TYPE_CHECKING:
    from fuota.campaign import Journal
    from fuota.network import SenraClient

Command = TypeVar("Command", bound=Callable[..., Any])

LOCAL_SANDBOX = "http://127.0.0.1:8380"
"""Where `fuota sandbox serve` listens unless told otherwise."""
KEY_VARIABLE = "FUOTA_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How to reach a server, as the command line has it; the key is fetched when it is needed, and kept nowhere."""

    url: str | None
    key_file: Path | None
    key_command: str | None
    ca_file: Path | None

    def client(self, url: str | None = None, *, outage_s: float | None = None) -> SenraClient:
        """A client for `url`, else for --server, else for the sandbox on this machine.

        With `outage_s` one for watching: an answer is awaited for no longer, and who watches asks again.
        """
        from fuota.network import SenraClient

        target = url or self.url or LOCAL_SANDBOX
        if outage_s is None:
            return SenraClient(target, self._key(target), ca_file=self.ca_file)
        timeout_s = max(1, min(60, int(outage_s)))
        return SenraClient(target, self._key(target), ca_file=self.ca_file, timeout_s=timeout_s, retries=0)

    def _key(self, url: str) -> str:
        if self.key_file is not None:
            return _key_from_file(self.key_file)
        if self.key_command is not None:
            return _key_from_command(self.key_command)
        if KEY_VARIABLE in os.environ:
            return os.environ[KEY_VARIABLE].strip()
        if url.startswith(("http://127.0.0.1", "http://localhost")):
            from fuota.sandbox import SANDBOX_API_KEY

            return SANDBOX_API_KEY
        raise AuthenticationError(f"no API key: set {KEY_VARIABLE}, or use --api-key-file or --api-key-command")


def server_options(command: Command) -> Command:
    """Gives a command --server and the key options, and its `server`."""

    @click.option("--server", "server_url", metavar="URL", envvar="FUOTA_SERVER", help="Such as https://api.senraco.io")
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
        server_url: str | None,
        api_key_file: Path | None,
        api_key_command: str | None,
        ca_file: Path | None,
        **kwargs: Any,
    ) -> Any:
        options = ServerOptions(url=server_url, key_file=api_key_file, key_command=api_key_command, ca_file=ca_file)
        return command(*args, server=options, **kwargs)

    return wrapped  # type: ignore[return-value]


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
    from platformdirs import user_state_path

    from fuota.campaign import Journal

    return Journal(state_dir or user_state_path("fuota", appauthor=False))


def _key_from_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"the key file {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ParameterError(
            f"the key file {path} has mode {stat.S_IMODE(mode):04o}: others can read it; it must be 0600 (chmod 600 {path})"
        )
    return text


def _key_from_command(command: str) -> str:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - theirs
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise ParameterError(
            f"the key command failed ({type(error).__name__}): it must print the key and exit 0"
        ) from None
    return done.stdout.strip()
