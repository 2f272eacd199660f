"""The one form in which an EUI-64 is kept: sixteen upper-case hexadecimal digits."""

from __future__ import annotations

import re

# Plain, or the eight bytes separated by the hyphens or colons of labels and spreadsheets.
_EUI64 = re.compile(r"[0-9A-F]{16}|[0-9A-F]{2}(?:-[0-9A-F]{2}){7}|[0-9A-F]{2}(?::[0-9A-F]{2}){7}")


def canonical_eui(value: object) -> str | None:
    """The EUI-64 as 16 upper-case hex digits, or None where `value` is not an EUI-64 written in hex."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text.replace("-", "").replace(":", "") if _EUI64.fullmatch(text) else None
