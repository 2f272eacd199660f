"""Removing secrets from text: API keys, AES keys and registration tokens never reach a message, a log or a journal."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

HIDDEN = "[redacted]"
"""Text in place of a secret."""

# A character may be written as an HTML entity, percent-encoded, or as an escape of JSON.
_ENCODED = r"&#x?[0-9a-f]{1,6};|%[0-9a-f]{2}|\\u00[0-9a-f]{2}"
# "44-character alpha-numeric strings with a prefix of either AK2: or AK3:" (API reference). The signs of base64 are included. No
# length is required, because the reference does not say which characters it counts.
_COLON = r":|%3A|&#0*58;|&#x0*3a;|&colon;|\\u003a"
_API_KEY = re.compile(rf"\b(AK[23](?:{_COLON}))\s*(?:[\w+/=\-]|{_ENCODED})+", re.IGNORECASE)
# A key without its prefix: a word of this length with digits, small and capital letters. A hash in hexadecimal has no both cases.
_BARE_KEY = re.compile(r"(?<![\w+/])(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9]{38,48}(?![\w+/])")
# Exactly 128 bits: messages of tasks quote old and new AppKeys. A longer run, such as a SHA-256, is not an AES key.
_HEX = "[0-9A-Fa-f]"
_AES_KEY = re.compile(rf"(?<!{_HEX}){_HEX}{{32}}(?!{_HEX})")
_GROUPED_AES_KEY = re.compile(
    rf"(?<!{_HEX})(?<!{_HEX}[-:._ ])"
    rf"(?:{_HEX}{{2}}([-:._ ])(?:{_HEX}{{2}}\1){{14}}{_HEX}{{2}}"
    rf"|{_HEX}{{4}}([-:._ ])(?:{_HEX}{{4}}\2){{6}}{_HEX}{{4}}"
    rf"|{_HEX}{{8}}([-:._ ])(?:{_HEX}{{8}}\3){{2}}{_HEX}{{8}}"
    rf"|{_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}})"
    rf"(?!{_HEX})(?![-:._ ]{_HEX}{{2}}\b)"
)
_AES_KEY_IN_BASE64 = re.compile(r"(?<![\w+/=-])[\w+/-]{22}==(?!=)")
_BASE64 = re.compile(r"(?<![\w+/-])[\w+/-]{24,}={0,2}")
_KEY_BYTES = re.compile(rb"AK[23]:[\w+/=\-]{8}", re.IGNORECASE)
# The registration token is six digits, written as token=123456, "token": "123456" or token 123456.
_TOKEN = re.compile(r"(token(?:\W{1,5}|%3D))\d{6}(?!\d)", re.IGNORECASE)


def redact(text: str) -> str:
    """Return `text` with API keys, AES keys and six-digit registration tokens replaced by `HIDDEN`.

    API keys: AK2:... and AK3:..., also in base64, and words that look like a key without its prefix. AES keys: 128 bits in
    hexadecimal, also in groups, or in base64.
    """
    text = _API_KEY.sub(rf"\g<1>{HIDDEN}", text)
    text = _BASE64.sub(lambda match: HIDDEN if _holds_key(match[0]) else match[0], text)
    for pattern in (_BARE_KEY, _GROUPED_AES_KEY, _AES_KEY, _AES_KEY_IN_BASE64):
        text = pattern.sub(HIDDEN, text)
    return _TOKEN.sub(rf"\g<1>{HIDDEN}", text)


def _holds_key(text: str) -> bool:
    """Return whether a text in base64 stands for a text with an API key."""
    digits = text.rstrip("=").translate(_STANDARD)
    try:
        content = base64.b64decode(f"{digits}{'=' * (-len(digits) % 4)}")
    except ValueError:  # a number of digits that no base64 has
        return False
    return _KEY_BYTES.search(content) is not None


_STANDARD = str.maketrans("-_", "+/")


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
