"""GPS time, in which TS003, TS005 and TS006 count: seconds since 1980-01-06 00:00:00 UTC, leap seconds not inserted."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

from fuota.errors import ParameterError

_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
WIRE_MODULUS = 1 << 32
"""On the wire, times are taken modulo 2^32 (TS003 DeviceTime, TS005 SessionTime)."""

# Days from whose beginning one more second separates GPS from UTC (IERS Bulletin C; the last so far is of 2016-12-31).
_LEAP_DAYS = tuple(
    datetime(year, month, 1, tzinfo=UTC)
    for year, month in (
        (1981, 7), (1982, 7), (1983, 7), (1985, 7), (1988, 1), (1990, 1), (1991, 1), (1992, 7), (1993, 7),
        (1994, 7), (1996, 1), (1997, 7), (1999, 1), (2006, 1), (2009, 1), (2012, 7), (2015, 7), (2017, 1),
    )
)  # fmt: skip
# The GPS second with which each of those days begins.
_LEAP_GPS_S = tuple(int((day - _EPOCH).total_seconds()) + count for count, day in enumerate(_LEAP_DAYS, 1))


def gps_seconds(time: datetime) -> int:
    """Whole GPS seconds of an aware `time`, rounded down. Raises ParameterError for a naive time, or one before 1980-01-06."""
    if time.tzinfo is None:
        raise ParameterError(f"the time {time.isoformat()} names no zone: give an aware one, such as datetime.now(UTC)")
    utc = time.astimezone(UTC)
    if utc < _EPOCH:
        raise ParameterError(
            f"the time {utc.isoformat()} is before GPS time begins: the earliest is {_EPOCH.isoformat()}"
        )
    return (utc - _EPOCH) // timedelta(seconds=1) + bisect_right(_LEAP_DAYS, utc)


def from_gps_seconds(seconds: int) -> datetime:
    """The UTC time of a GPS second. An inserted leap second is told as the second after it. Raises ParameterError."""
    if seconds < 0:
        raise ParameterError(f"GPS second {seconds} was given: it is 0 or more; the nearest is 0")
    try:
        return _EPOCH + timedelta(seconds=seconds - bisect_right(_LEAP_GPS_S, seconds))
    except OverflowError:
        raise ParameterError(f"GPS second {seconds} was given: dates end with the year 9999") from None
