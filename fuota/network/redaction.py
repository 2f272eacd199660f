"""Removing secrets from text: API keys, AES keys and registration tokens never reach a message, a log or a journal."""

from __future__ import annotations

import re
from collections.abc import Mapping

HIDDEN = "[redacted]"
"""Text in place of a secret."""

# "44-character alpha-numeric strings with a prefix of either AK2: or AK3:" (API reference). The signs of base64 and a
# percent-encoded colon are included. No length is required, because the reference does not say which characters it counts.
_API_KEY = re.compile(r"\b(AK[23](?::|%3A))\s*[\w+/=\-]+", re.IGNORECASE)
# Exactly 128 bits of hex: messages of tasks quote old and new AppKeys. A longer run, such as a SHA-256, is not an AES key.
_AES_KEY = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}(?![0-9A-Fa-f])")
# The registration token is six digits, written as token=123456, "token": "123456" or token 123456.
_TOKEN = re.compile(r"(token(?:\W{1,5}|%3D))\d{6}(?!\d)", re.IGNORECASE)


def redact(text: str) -> str:
    """Return `text` with AK2:/AK3: API keys, AES keys of 32 hex digits and six-digit tokens replaced by `HIDDEN`."""
    text = _API_KEY.sub(rf"\g<1>{HIDDEN}", text)
    text = _AES_KEY.sub(HIDDEN, text)
    return _TOKEN.sub(rf"\g<1>{HIDDEN}", text)


def redact_json(value: object) -> object:
    """Return a JSON value with every text in it redacted. The names of object members stay as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return redact_object(value)
    if isinstance(value, list):
        return [redact_json(item) for item in value]
    return value


def redact_object(members: Mapping[str, object]) -> dict[str, object]:
    """Return a JSON object with every text in it redacted. The names of its members stay as they are."""
    return {name: redact_json(member) for name, member in members.items()}
