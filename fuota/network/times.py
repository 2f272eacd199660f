"""Times in the server's three notations: ISO 8601 in the data stream, US American in the device export, and milliseconds since
1970 in answers about groups and jobs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}) +(?P<hour>\d{1,2}):(?P<minute>\d\d)(:(?P<second>\d\d))?"
    r"( *(?P<half>AM|PM))?( *(UTC|GMT|Z))?",
    re.IGNORECASE,
)


def parse_time(text: str) -> datetime:
    """Return an aware time in UTC from `text` in any of the three notations; a time without a zone is in UTC. Raises ValueError."""
    text = text.strip()
    try:
        if (match := _US.fullmatch(text)) is not None:
            return _american(match)
        if re.fullmatch(r"\d{11,15}", text):
            return _EPOCH + timedelta(milliseconds=int(text))
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the calendar") from None


def _american(match: re.Match[str]) -> datetime:
    hour = int(match["hour"])
    if match["half"] and hour <= 12:
        # The reference shows "00:27:38 PM": twelve is written as 12 or as 00. Both are the first hour of the half day.
        hour = hour % 12 + (12 if match["half"].upper() == "PM" else 0)
    year, month, day, minute, second = (int(match[name] or 0) for name in ("year", "month", "day", "minute", "second"))
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
