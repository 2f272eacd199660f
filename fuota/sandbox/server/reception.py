"""Daily reception of a device's uplinks, as csvExport reports it (reference, "Device Export API")."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_US = 24 * 3600 * 1_000_000
KEPT_DAYS = 32
"""Number of days that are kept: 31 for psrDays, and the present day."""


@dataclass(slots=True, kw_only=True)
class DayReception:
    """Reception of one day, UTC. sent: uplinks according to the frame counter. received: uplinks that arrived."""

    sent: int = 0
    received: int = 0
    rssi_sum_dbm: int = 0
    snr_sum_db: float = 0
    base_stations: int = 0

    @property
    def psr_percent(self) -> int:
        """Packet success rate: uplinks received per 100 sent."""
        return round(100 * self.received / self.sent)


@dataclass(slots=True, kw_only=True)
class Reception:
    """Reception of the last days, by day number since 1970-01-01 UTC. last_seqno: None before the first uplink."""

    days: dict[int, DayReception] = field(default_factory=dict)
    last_seqno: int | None = None

    def note(self, now_us: int, *, seqno: int, rssi_dbm: int, snr_db: float, base_stations: int) -> None:
        """Record an uplink. Skipped counters were sent and not heard. A lower counter means that counting has restarted."""
        number = now_us // DAY_US
        if (day := self.days.get(number)) is None:
            day = self.days[number] = DayReception()
            for old in [n for n in self.days if n <= number - KEPT_DAYS]:
                del self.days[old]
        skipped = seqno - self.last_seqno if self.last_seqno is not None else 1
        self.last_seqno = seqno
        day.sent += max(1, skipped)
        day.received += 1
        day.rssi_sum_dbm += rssi_dbm
        day.snr_sum_db += snr_db
        day.base_stations = max(day.base_stations, base_stations)
