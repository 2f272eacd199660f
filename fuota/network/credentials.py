"""The secrets of a call, which no message shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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
    """Return `text` with each of `secrets` replaced by `HIDDEN`."""
    # The longest first: one secret may begin like another.
    for secret in sorted({*secrets} - {""}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
