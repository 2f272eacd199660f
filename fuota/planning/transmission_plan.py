"""The plan: everything that will be sent, when, and what it will give."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fuota.findings import Finding
from fuota.fragmentation import Variant
from fuota.fragmentation.parity import coded_count
from fuota.planning.fleet.fleet import Excluded
from fuota.planning.reading import read
from fuota.planning.recipe import Image
from fuota.planning.redundancy import Success
from fuota.planning.schedule import SCHEDULE, PingSlots
from fuota.planning.server import SENRA
from fuota.planning.timing import Pace, session_timeout_s, starts_us
from fuota.radio.class_b import hop


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmissionPlan:
    """A decided plan. Every number is of the plan itself; nothing is decided later but by the server.

    `frequency_hz` holds one frequency, or those that the ping slots hop over. `channel` is the server's number of it, None
    where the server's default is meant. `interval_ms`, with the reason for it, is from the start of a frame to the start of
    the next; in class B frames wait for a slot as well. `session_timeout` is TimeOut of TS005. `duration_ms` is from the
    start of the session to the end of the last frame, `longest_ms` the same if the server counts its pause from the end of
    each frame. `energy_uj` is what the update costs one device.
    """

    image: Image
    region: str
    device_class: Literal["B", "C"]
    data_rate: int
    frequency_hz: tuple[int, ...]
    channel: int | None
    frag_size: int
    nb_frag: int
    nb_coded: int
    padding: int
    version: int
    variant: Variant
    descriptor: bytes | None
    time_on_air_us: int
    pace: Pace
    slots: PingSlots | None
    start_delay_s: int
    session_timeout: int
    duration_ms: int
    longest_ms: int
    energy_uj: int
    target: float
    confidence: float
    success: Success
    excluded: tuple[Excluded, ...]
    overridden: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def frames(self) -> int:
        """Uncoded and coded fragments, one in each frame."""
        return self.nb_frag + self.nb_coded

    @property
    def airtime_us(self) -> int:
        """Time on air of all frames together."""
        return self.frames * self.time_on_air_us

    @property
    def interval_ms(self) -> int:
        """From the start of a frame to the start of the next."""
        return self.pace.interval_us // 1000

    @property
    def session_timeout_s(self) -> int:
        """How long the devices stay in the session."""
        return session_timeout_s(self.session_timeout, self.device_class)

    @property
    def success_probability(self) -> float:
        """The expected share of the fleet that ends complete; of a single device, how likely it does."""
        return self.success.mean.estimate

    @property
    def schedule(self) -> NDArray[np.void]:
        """One entry for each frame, see `schedule.SCHEDULE`: start_us, n, frequency_hz, data_rate, time_on_air_us."""
        schedule = np.empty(self.frames, dtype=SCHEDULE)
        schedule["start_us"] = starts_us(self.frames, self.pace, self.time_on_air_us, self.slots)
        schedule["n"] = np.arange(1, self.frames + 1)
        schedule["frequency_hz"] = self._frequencies(schedule["start_us"])
        schedule["data_rate"] = self.data_rate
        schedule["time_on_air_us"] = self.time_on_air_us
        return schedule

    @property
    def redundancy(self) -> float:
        """`nb_coded` as the share that the server takes: the shortest number of which it makes exactly as many."""
        return share_of(self.nb_frag, self.nb_coded)

    @property
    def sent_by_server(self) -> bool:
        """Whether the server's own file transfer takes it; if not, the application sends the fragments."""
        return self.nb_coded <= SENRA.max_redundancy * self.nb_frag and self.frag_size <= SENRA.max_frag_size

    def transfer_parameters(self) -> dict[str, Any]:
        """The query parameters of mcastTransfer that send this plan, if it is `sent_by_server`; the targets (appEui, devEuis or
        devTags) are not in it.
        """
        parameters: dict[str, Any] = {
            "startDelaySecs": self.start_delay_s,
            "txChnl": self.channel,
            "txDr": self.data_rate,
            "fragAlg": "FWD_ERR_CORR",
            "fragPkgVer": self.version,
            "devClass": self.device_class,
            "redundancy": self.redundancy,
            "millisBetweenPkts": self.interval_ms,
            "descriptor": None if self.descriptor is None else self.descriptor.hex(),
            "maxFragSize": self.frag_size,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """Every field as plain values; `from_json` reads it."""
        values = asdict(self)
        values["descriptor"] = None if self.descriptor is None else self.descriptor.hex()
        values["findings"] = [finding.to_json() for finding in self.findings]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TransmissionPlan:
        """The plan that `to_json` wrote. Raises TypeError or ValueError for a key, a kind or a range that no plan has."""
        plan: TransmissionPlan = read(cls, values, "the plan")
        return plan

    def _frequencies(self, start_us: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.slots is None or len(self.frequency_hz) == 1:
            return np.full(len(start_us), self.frequency_hz[0], dtype=np.int64)
        slots, periods = self.slots, start_us // 128_000_000
        return np.array(
            [hop(self.frequency_hz, slots.address, slots.first_beacon_s + 128 * int(period)) for period in periods],
            dtype=np.int64,
        )


def share_of(nb_frag: int, nb_coded: int) -> float:
    """A short decimal share of `nb_frag` that both rounding up and rounding to the nearest turn into `nb_coded`.

    Whoever multiplies floats as they are and rounds up gets one too many for some exact quotients, such as 7 of 25: then a
    little less is said.
    """
    for digits in range(1, 12):
        scale: int = 10**digits
        exact = nb_coded * scale // nb_frag
        for share in (exact / scale, max(exact - 1, 0) / scale):
            if math.ceil(share * nb_frag) == coded_count(nb_frag, share) == round(share * nb_frag) == nb_coded:
                return share
    return nb_coded / nb_frag
