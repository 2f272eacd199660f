"""Secrets out of text: API keys, AES keys and registration tokens never reach a message, a log or a journal."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "[redacted]"

# "44-character alpha-numeric strings with a prefix of either AK2: or AK3:" (API reference); the base64 signs and a
# percent-encoded colon are taken along, and no length is required, since the reference leaves open what it counts.
_API_KEY = re.compile(r"\b(AK[23](?::|%3A))\s*[\w+/=\-]+", re.IGNORECASE)
# Exactly 128 bits of hex: task messages quote old and new AppKeys. A longer run, such as a SHA-256, is no AES key.
_AES_KEY = re.compile(r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}(?![0-9A-Fa-f])")
# The registration token is six digits; as token=123456, "token": "123456" or token 123456.
_TOKEN = re.compile(r"(token(?:\W{1,5}|%3D))\d{6}(?!\d)", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` with AK2:/AK3: API keys, AES keys of 32 hex digits and six-digit tokens replaced."""
    text = _API_KEY.sub(rf"\g<1>{HIDDEN}", text)
    text = _AES_KEY.sub(HIDDEN, text)
    return _TOKEN.sub(rf"\g<1>{HIDDEN}", text)


def redact_tree(value: Any) -> Any:
    """A JSON value with every text in it redacted, the names of object members left as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: redact_tree(member) for name, member in value.items()}
    if isinstance(value, list):
        return [redact_tree(item) for item in value]
    return value
