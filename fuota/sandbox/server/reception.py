"""How well a device was heard, day by day, as csvExport tells it (reference, "Device Export API")."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_US = 24 * 3600 * 1_000_000
KEPT_DAYS = 32
"""psrDays goes to 31; and the day that is not over."""


@dataclass(slots=True, kw_only=True)
class Day:
    """One day, UTC. `sent`: uplinks by the frame counter, `heard`: those that came."""

    sent: int = 0
    heard: int = 0
    rssi_sum_dbm: int = 0
    snr_sum_db: float = 0
    base_stations: int = 0

    @property
    def psr_percent(self) -> int:
        """The packet success rate: uplinks heard of those sent."""
        return round(100 * self.heard / self.sent)


@dataclass(slots=True, kw_only=True)
class Reception:
    """The last days of a device, by their number since 1970-01-01 UTC. `last_seqno`: None before the first uplink."""

    days: dict[int, Day] = field(default_factory=dict)
    last_seqno: int | None = None

    def note(self, now_us: int, *, seqno: int, rssi_dbm: int, snr_db: float, base_stations: int) -> None:
        """An uplink came. What the counter has skipped was sent and not heard; a counter that falls back began anew."""
        number = now_us // DAY_US
        if (day := self.days.get(number)) is None:
            day = self.days[number] = Day()
            for old in [n for n in self.days if n <= number - KEPT_DAYS]:
                del self.days[old]
        skipped = seqno - self.last_seqno if self.last_seqno is not None else 1
        self.last_seqno = seqno
        day.sent += max(1, skipped)
        day.heard += 1
        day.rssi_sum_dbm += rssi_dbm
        day.snr_sum_db += snr_db
        day.base_stations = max(day.base_stations, base_stations)
