"""The secrets of a call, which no message shows."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from fuota.errors import ParameterError
from fuota.network.redaction import HIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Secrets that one call carries besides the API key. No message shows them.

    headers: sent with this call only, such as a second API key. texts: secrets in other parts of the call, such as a token in its
    query. Raises ParameterError, which does not quote the value, for a header that cannot be sent.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for value in self.headers.values():
            check_key(value)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Every text to keep out of messages."""
        return (*self.headers.values(), *self.texts)


NO_SECRETS = Secrets()
"""Secrets of a call that carries none."""


def check_key(key: object) -> None:
    """Raise ParameterError, which does not quote `key`, if a header cannot carry it.

    A header carries visible ASCII. The HTTP libraries would quote an invalid key in their message.
    """
    if not isinstance(key, str) or not re.fullmatch(r"[!-~]+", key):
        raise ParameterError(
            "the API key is empty, or contains a space, a line break or a character outside ASCII: "
            "give it exactly as issued, such as AK2:..., without white space around it"
        )


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with each of `secrets` replaced by `HIDDEN`, in all spellings that a server may send one back in.

    A long secret is also found without its prefix AK2: or AK3:, with separators between its characters, with encoded characters
    (HTML entities, percent, JSON), and in base64, alone or within a longer text.
    """
    # The longest first: one secret may begin like another.
    for secret in sorted({*secrets} - {""}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
        if len(secret) >= _LONG:
            text = _spellings(secret).sub(HIDDEN, text)
    return text


_LONG = 16
"""Number of characters from which another spelling cannot be an ordinary text."""
_SEPARATOR = r"[\s\-_.:]{0,2}"


@lru_cache(maxsize=16)
def _spellings(secret: str) -> re.Pattern[str]:
    """Return a pattern for all spellings of a long secret."""
    bare = re.sub(r"^AK[23]:", "", secret, flags=re.IGNORECASE)
    prefix, spaced = (
        _SEPARATOR.join(_spellings_of_character(char) for char in part) for part in (secret.removesuffix(bare), bare)
    )
    if prefix:
        spaced = f"(?:{prefix}{_SEPARATOR})?{spaced}"
    coded = [core for text in {secret, bare} for core in _in_base64(text.encode())]
    return re.compile("|".join([spaced, *map(re.escape, coded)]), re.IGNORECASE)


def _spellings_of_character(char: str) -> str:
    code = ord(char)
    return rf"(?:{re.escape(char)}|%{code:02x}|&#0*{code};|&#x0*{code:x};|\\u{code:04x}|\\{re.escape(char)})"


def _in_base64(content: bytes) -> list[str]:
    """Return the digits that content has in base64, alone or at any place of a longer text: digits with other bits are left out."""
    cores = []
    for before in range(3):
        bits_end = 8 * (before + len(content))
        digits = base64.b64encode(bytes(before) + content).decode()
        core = digits[-(-8 * before // 6) : bits_end // 6]
        cores += [core, core.translate(_URL_SAFE)]
    return cores


_URL_SAFE = str.maketrans("+/", "-_")
