"""Where an API key comes from. It is fetched when it is needed, kept nowhere, and no message quotes it."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuota.errors import AuthenticationError, ParameterError, StorageError

KEY_VARIABLE = "FUOTA_API_KEY"
KEYRING_SERVICE = "fuota"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """`kind`: one of `KINDS`. `where`: the variable, the path, the command, or the user in the keyring."""

    kind: str
    where: str

    def __str__(self) -> str:
        # Not the command: a key may stand in it.
        return "a command" if self.kind == "command" else f"{KINDS[self.kind][0]} {_shown(self.where)}"

    def read(self) -> str:
        """The key. Raises AuthenticationError where there is none, ParameterError or StorageError for the source."""
        return KINDS[self.kind][1](self.where).strip()


def _shown(where: str) -> str:
    """As it may be shown: somebody may have put the key itself in its place."""
    from fuota.network.redaction import redact

    return redact(where)


def _from_environment(variable: str) -> str:
    if (key := os.environ.get(variable)) is None:
        raise AuthenticationError(f"no API key: the environment variable {variable} is not set")
    return key


def _from_file(where: str) -> str:
    path, shown = Path(where), _shown(where)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"the key file {shown} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ParameterError(
            f"the key file {shown} has mode {stat.S_IMODE(mode):04o}: others can read it; it must be 0600 (chmod 600 {shown})"
        )
    return text


def _from_command(command: str) -> str:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - theirs
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise ParameterError(
            f"the key command failed ({type(error).__name__}): it must print the key and exit 0"
        ) from None
    return done.stdout


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
            f"the keyring cannot be used ({type(error).__name__}): unlock it, or keep the key elsewhere"
        ) from None
    if key is None:
        raise AuthenticationError(
            f"no API key: the keyring has none; `keyring set {KEYRING_SERVICE} {_shown(user)}` asks for it"
        )
    return key


KINDS: dict[str, tuple[str, Callable[[str], str]]] = {
    "env": ("environment variable", _from_environment),
    "file": ("file", _from_file),
    "command": ("command", _from_command),
    "keyring": ("keyring entry", _from_keyring),
}
"""What people call it, and how it is read."""
