"""Sources of an API key. A key is read when it is needed and is not stored; no message quotes it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuota import files
from fuota.errors import AuthenticationError, ParameterError, StorageError

KEY_VARIABLE = "FUOTA_API_KEY"
KEYRING_SERVICE = "fuota"
SANDBOX_API_KEY = "AK2:fuota-sandbox-opens-nothing-but-sandboxes"
"""Full Access key of the first application of a sandbox. It is not a secret: it is valid for sandboxes only, and sandboxes listen
on the loopback interface only."""
_COMMAND_TIMEOUT_S = 60
_MAX_KEY_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Source of an API key.

    kind: a key of `KINDS`. where: name of the variable, path of the file, the command, or user in the keyring.
    """

    kind: str
    where: str

    def __str__(self) -> str:
        # A command is not shown: a key may be part of it.
        return "a command" if self.kind == "command" else f"{KINDS[self.kind][0]} {_redacted(self.where)}"

    def read(self) -> str:
        """Return the key. Raises AuthenticationError if there is none, ParameterError or StorageError if the source fails."""
        return KINDS[self.kind][1](self.where).strip()


def _redacted(where: str) -> str:
    """Return `where` for a message: somebody may have given the key itself instead of its source."""
    from fuota.network.redaction import redact

    return redact(where)


def _from_environment(variable: str) -> str:
    if (key := os.environ.get(variable)) is None:
        raise AuthenticationError(f"no API key: the environment variable {variable} is not set")
    return key


def _from_file(where: str) -> str:
    path, shown = Path(where), _redacted(where)
    try:
        mode = path.stat().st_mode  # a file that others can read is not opened
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ParameterError(
                f"the key file {shown} must have mode 0600 (chmod 600 {shown}), got {stat.S_IMODE(mode):04o}: others can read it"
            )
        return files.read_whole(path, what=f"the key file {shown}", limit_bytes=_MAX_KEY_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"the key file {shown} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None


def _from_command(command: str) -> str:
    import subprocess

    try:
        completed = subprocess.run(  # noqa: S603 - the user's own command
            shlex.split(command), capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise ParameterError(
            f"the key command failed ({type(error).__name__}): it must print the key and exit with 0"
        ) from None
    return completed.stdout


def _from_keyring(user: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ModuleNotFoundError:
        raise ParameterError("the key is in the keyring, which needs a package: pip install 'fuota[keyring]'") from None
    try:
        key = keyring.get_password(KEYRING_SERVICE, user)
    except KeyringError as error:
        raise ParameterError(
            f"the keyring cannot be used ({type(error).__name__}): unlock it, or use another source of the key"
        ) from None
    if key is None:
        raise AuthenticationError(
            f"no API key in the keyring: run `keyring set {KEYRING_SERVICE} {_redacted(user)}`, which asks for it"
        )
    return key


KINDS: dict[str, tuple[str, Callable[[str], str]]] = {
    "env": ("environment variable", _from_environment),
    "file": ("file", _from_file),
    "command": ("command", _from_command),
    "keyring": ("keyring entry", _from_keyring),
}
"""Name for people and reader of each kind of source."""
