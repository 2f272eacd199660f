"""GPS time, which TS003, TS005 and TS006 use: seconds since 1980-01-06 00:00:00 UTC, without leap seconds."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from fuota.errors import ParameterError
from fuota.rules import integer

_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
WIRE_MODULUS = 1 << 32
"""Modulus of times on the wire, 2^32 (TS003 DeviceTime, TS005 SessionTime)."""

# Days at whose start the difference between GPS and UTC grew by one second (IERS Bulletin C; the last leap second so far was
# inserted on 2016-12-31).
_LEAP_DAYS = tuple(
    datetime(year, month, 1, tzinfo=UTC)
    for year, month in (
        (1981, 7), (1982, 7), (1983, 7), (1985, 7), (1988, 1), (1990, 1), (1991, 1), (1992, 7), (1993, 7),
        (1994, 7), (1996, 1), (1997, 7), (1999, 1), (2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1),
    )
)  # fmt: skip
# GPS second at which each of these days starts.
_LEAP_GPS_S = tuple(int((day - _EPOCH).total_seconds()) + count for count, day in enumerate(_LEAP_DAYS, 1))


def gps_seconds(time: datetime) -> int:
    """Return the GPS seconds of `time`, rounded down to a whole number.

    time: a datetime with time zone. Raises ParameterError for a time without time zone or before 1980-01-06.
    """
    if time.tzinfo is None:
        raise ParameterError(f"time must have a time zone, such as datetime.now(UTC), got {time.isoformat()}")
    utc = time.astimezone(UTC)
    if utc < _EPOCH:
        raise ParameterError(f"time must be {_EPOCH.isoformat()} or later, when GPS time starts, got {utc.isoformat()}")
    return (utc - _EPOCH) // timedelta(seconds=1) + bisect_right(_LEAP_DAYS, utc)


def from_gps_seconds(seconds: int) -> datetime:
    """Return the UTC time of a GPS second. An inserted leap second is returned as the second after it.

    seconds: GPS seconds since 1980-01-06, 0 or more. Raises ParameterError if they are negative or after the year 9999.
    """
    integer("GPS seconds", seconds, 0)
    try:
        return _EPOCH + timedelta(seconds=seconds - bisect_right(_LEAP_GPS_S, seconds))
    except OverflowError:
        raise ParameterError(f"GPS seconds must be in the year 9999 or earlier, got {seconds}") from None
