"""The form of an EUI-64 inside fuota: sixteen upper-case hexadecimal digits."""

from __future__ import annotations

import re

# Without separators, or eight bytes separated by hyphens or colons, as on labels and in spreadsheets.
_EUI64 = re.compile(r"[0-9A-F]{16}|[0-9A-F]{2}(?:-[0-9A-F]{2}){7}|[0-9A-F]{2}(?::[0-9A-F]{2}){7}")


def canonical_eui(value: object) -> str | None:
    """Return the EUI-64 as 16 upper-case hex digits, or None if `value` is not an EUI-64 in hexadecimal."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text.replace("-", "").replace(":", "") if _EUI64.fullmatch(text) else None
