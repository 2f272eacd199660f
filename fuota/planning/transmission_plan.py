"""The plan: everything that will be sent, when, and how likely it succeeds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.errors import PlanError
from fuota.findings import Finding, Severity
from fuota.fragmentation import MAX_FRAGMENT_NUMBER, Variant
from fuota.fragmentation.limits import coded_count
from fuota.planning.fleet.fleet import Excluded
from fuota.planning.image import Image
from fuota.planning.plan_json import LARGEST, exact_object, items, text
from fuota.planning.redundancy import Success
from fuota.planning.schedule import SCHEDULE, PingSlots
from fuota.planning.server import SENRA
from fuota.planning.timing import MAX_TIMEOUT, Pace, session_timeout_s, starts_us
from fuota.radio.class_b import BEACON_PERIOD_S, BEACON_PERIOD_US, hop


class TransferFields(TypedDict):
    """Fields of a TransferRequest that a plan decides."""

    start_delay_s: int
    tx_channel: int | None
    tx_data_rate: int
    frag_alg: str
    frag_pkg_ver: int
    dev_class: str
    redundancy: float
    millis_between_pkts: int
    descriptor: bytes
    max_frag_size: int


_QUERY_NAMES = {
    "start_delay_s": "startDelaySecs",
    "tx_channel": "txChnl",
    "tx_data_rate": "txDr",
    "frag_alg": "fragAlg",
    "frag_pkg_ver": "fragPkgVer",
    "dev_class": "devClass",
    "redundancy": "redundancy",
    "millis_between_pkts": "millisBetweenPkts",
    "descriptor": "descriptor",
    "max_frag_size": "maxFragSize",
}
"""Names of the transfer fields in the query of mcastTransfer."""

_RANGES: dict[str, tuple[int, int]] = {
    "data_rate": (0, 15),
    "frag_size": (1, 255),
    "nb_frag": (1, MAX_FRAGMENT_NUMBER),
    "nb_coded": (0, MAX_FRAGMENT_NUMBER),
    "padding": (0, 254),
    "version": (1, 2),
    "time_on_air_us": (1, LARGEST),
    "start_delay_s": (1, 2**32 - 1),
    "session_timeout": (0, MAX_TIMEOUT),
    "duration_ms": (0, LARGEST),
    "longest_ms": (0, LARGEST),
    "energy_uj": (0, LARGEST),
}
"""Lowest and highest value of the whole numbers of a plan."""
_MOST_HZ = 10**11


@dataclass(frozen=True, slots=True, kw_only=True)
class TransmissionPlan:
    """A complete plan. Only the server can decide otherwise later. Raises ParameterError for values out of range.

    region: name. device_class: class of the session. data_rate: index. frequency_hz: one frequency, or the frequencies that the
    ping slots hop over. channel: number of the frequency at the server, None for the default of the server.
    frag_size, nb_frag, nb_coded, padding, version, variant, descriptor: the fragmentation session (TS004); sizes in bytes.
    time_on_air_us: of one frame. pace: interval between frames; in class B frames wait for a slot as well. slots: ping slots in
    class B, None in class C. start_delay_s: from the call to the start of the session. session_timeout: TimeOut of TS005.
    duration_ms: from the start of the session to the end of the last frame. longest_ms: the same if the server counts its pause
    from the end of each frame. energy_uj: energy that the update costs one device.
    target, confidence: the goal. success: what the coded fragments give. excluded: devices that cannot take part.
    overridden: limits of the region that were replaced, one sentence each. findings: what to know about the plan.
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

    def __post_init__(self) -> None:
        text("region", self.region)
        rules.one_of("device_class", self.device_class, ("B", "C"))
        rules.one_of("variant", self.variant, get_args(Variant))
        for name, (low, high) in _RANGES.items():
            rules.integer(name, getattr(self, name), low, high)
        if not self.frequency_hz:
            rules.refuse("frequency_hz", "one frequency or more", self.frequency_hz)
        for frequency_hz in self.frequency_hz:
            rules.integer("frequency_hz", frequency_hz, 1, _MOST_HZ)
        rules.optional_integer("channel", self.channel, 0, 255)
        if self.descriptor is not None:
            rules.exact_length("descriptor", self.descriptor, 4)
        rules.probability("target", self.target)
        rules.probability("confidence", self.confidence)
        for change in self.overridden:
            text("overridden", change)

    @property
    def frames(self) -> int:
        """Number of frames: each carries an uncoded or a coded fragment."""
        return self.nb_frag + self.nb_coded

    @property
    def airtime_us(self) -> int:
        """Time on air of all frames together."""
        return self.frames * self.time_on_air_us

    @property
    def interval_ms(self) -> int:
        """Time from the start of a frame to the start of the next."""
        return self.pace.interval_us // 1000

    @property
    def session_timeout_s(self) -> int:
        """Time in s that the devices stay in the session."""
        return session_timeout_s(self.session_timeout, self.device_class)

    @property
    def success_probability(self) -> float:
        """Expected share of the fleet that ends complete; for a single device, the probability that it does."""
        return self.success.mean.estimate

    @property
    def schedule(self) -> NDArray[np.void]:
        """Structured array `schedule.SCHEDULE` (frames,): start_us, n, frequency_hz, data_rate, time_on_air_us."""
        schedule = np.empty(self.frames, dtype=SCHEDULE)
        schedule["start_us"] = starts_us(self.frames, self.pace, self.time_on_air_us, self.slots)
        schedule["n"] = np.arange(1, self.frames + 1)
        schedule["frequency_hz"] = self._frequencies(schedule["start_us"])
        schedule["data_rate"] = self.data_rate
        schedule["time_on_air_us"] = self.time_on_air_us
        return schedule

    @property
    def redundancy(self) -> float:
        """Share of coded fragments that the server takes: the shortest number that makes exactly `nb_coded` of them."""
        return share_of(self.nb_frag, self.nb_coded)

    @property
    def sent_by_server(self) -> bool:
        """Whether the server's own file transfer takes the plan; if not, the application sends the fragments."""
        return self.nb_coded <= SENRA.max_redundancy * self.nb_frag and self.frag_size <= SENRA.max_frag_size

    def transfer_fields(self) -> TransferFields:
        """Return the fields of a TransferRequest that send this plan; the devices are not among them.

        Raises PlanError if no server takes the plan, see `sent_by_server`.
        """
        if not self.sent_by_server:
            raise PlanError(
                f"the plan has {self.nb_frag} uncoded and {self.nb_coded} coded fragments of {self.frag_size} bytes, for an"
                f" application that sends them itself: the server takes {self.nb_frag} coded fragments of"
                f" {SENRA.max_frag_size} bytes at most (nearest: {min(self.nb_coded, self.nb_frag)} of"
                f" {min(self.frag_size, SENRA.max_frag_size)} bytes); plan again"
            )
        return self._fields()

    def transfer_parameters(self) -> dict[str, object]:
        """Return the query parameters of mcastTransfer that send this plan, if it is `sent_by_server`.

        The devices (appEui, devEuis or devTags) are not among them, nor what is left to the server's default.
        """
        values: dict[str, object] = {**self._fields(), "descriptor": self.descriptor and self.descriptor.hex()}
        return {_QUERY_NAMES[name]: value for name, value in values.items() if value is not None}

    def _fields(self) -> TransferFields:
        return {
            "start_delay_s": self.start_delay_s,
            "tx_channel": self.channel,
            "tx_data_rate": self.data_rate,
            "frag_alg": "FWD_ERR_CORR",
            "frag_pkg_ver": self.version,
            "dev_class": self.device_class,
            "redundancy": self.redundancy,
            "millis_between_pkts": self.interval_ms,
            "descriptor": self.descriptor or bytes(4),
            "max_frag_size": self.frag_size,
        }

    def to_json(self) -> dict[str, Any]:
        """Return every field as plain values; `from_json` reads them."""
        values = asdict(self)
        values["descriptor"] = None if self.descriptor is None else self.descriptor.hex()
        values["findings"] = [finding.to_json() for finding in self.findings]
        return values

    @classmethod
    def from_json(cls, values: object) -> TransmissionPlan:
        """Return the plan that `to_json` wrote. Raises ParameterError or ImageError for values that no plan has."""
        parts = exact_object(cls, values, "the plan")
        slots, descriptor = parts["slots"], parts["descriptor"]
        parts |= {
            "image": Image.from_json(parts["image"]),
            "frequency_hz": items(parts["frequency_hz"], "frequency_hz"),
            "descriptor": None if descriptor is None else bytes.fromhex(text("descriptor", descriptor)),
            "pace": Pace.from_json(parts["pace"]),
            "slots": None if slots is None else PingSlots.from_json(slots),
            "success": Success.from_json(parts["success"]),
            "excluded": tuple(Excluded.from_json(device) for device in items(parts["excluded"], "excluded")),
            "overridden": items(parts["overridden"], "overridden"),
            "findings": tuple(_finding(finding) for finding in items(parts["findings"], "findings")),
        }
        return cls(**parts)

    def _frequencies(self, start_us: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.slots is None or len(self.frequency_hz) == 1:
            return np.full(len(start_us), self.frequency_hz[0], dtype=np.int64)
        slots, periods = self.slots, start_us // BEACON_PERIOD_US
        beacons_s = (slots.first_beacon_s + BEACON_PERIOD_S * int(period) for period in periods)
        return np.array([hop(self.frequency_hz, slots.address, beacon_s) for beacon_s in beacons_s], dtype=np.int64)


def _finding(values: object) -> Finding:
    parts = exact_object(Finding, values, "a finding")
    severity = rules.one_of("severity", text("severity", parts["severity"]), [severity.value for severity in Severity])
    return Finding(
        severity=Severity(severity), code=text("code", parts["code"]), message=text("message", parts["message"])
    )


def share_of(nb_frag: int, nb_coded: int) -> float:
    """Return a short decimal share of `nb_frag` that both rounding up and rounding to the nearest turn into `nb_coded`.

    A server that multiplies floats and rounds up gets one fragment too many for some exact quotients, such as 7 of 25. The share
    is then a little smaller.
    """
    for digits in range(1, 12):
        scale: int = 10**digits
        exact = nb_coded * scale // nb_frag
        for share in (exact / scale, max(exact - 1, 0) / scale):
            if math.ceil(share * nb_frag) == coded_count(nb_frag, share) == round(share * nb_frag) == nb_coded:
                return share
    return nb_coded / nb_frag
