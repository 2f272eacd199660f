"""Independent check of a plan against the rules of its region and device, without any code of fuota.

The tables come from tests/vectors/regions.json, the formulas from the specifications; `violations` lists in plain words what
is forbidden. Each violation begins with its kind and a colon.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_DATA = json.loads((Path(__file__).parents[1] / "vectors" / "regions.json").read_text())
REGIONS: dict[str, Any] = _DATA["regions"]
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
BEACON_PERIOD_US = 128 * SECOND_US  # LoRaWAN L2 1.0.4, class B
BEACON_RESERVED_US = 2_120_000
SLOT_US = 30_000
LONGEST_SESSION_US = 32768 * SECOND_US  # TS005: 2^15 s
NARROW_ONLY_HZ = {"CN470": 200_000, "IN865": 200_000}  # carrier bandwidth, Chinese and Indian rule
SCHEDULE_FIELDS = ("start_us", "n", "frequency_hz", "data_rate", "time_on_air_us")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Limits of the device."""

    max_nb_frag: int = 16383
    max_frag_size: int = 255
    frag_size_multiple: int = 1
    slot_bytes: int = 16383 * 255
    frag_write_ms: int = 0
    row_work_ms: int = 0
    second_buffer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Demand that a plan must meet; None if the planner may choose.

    duty_cycle: share that replaces the region's. dwell_ms: 0 for no dwell limit.
    """

    region: str
    device_class: str
    image_size: int
    device: Device = Device()
    repeater: bool = False
    duty_cycle: float | None = None
    dwell_ms: int | None = None
    data_rate: int | None = None
    frequency_hz: int | None = None
    interval_ms: int | None = None
    frag_size: int | None = None
    frag_size_multiple: int | None = None
    nb_coded: int | None = None
    mc_addr: int = 0
    periodicity: int = 0
    start_gps_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Content of a plan. `schedule` has the fields SCHEDULE_FIELDS; the last three fields are None in class C."""

    data_rate: int
    frequency_hz: tuple[int, ...]
    frag_size: int
    nb_frag: int
    nb_coded: int
    padding: int
    time_on_air_us: int
    interval_ms: int | None
    airtime_us: int
    duration_ms: int
    longest_ms: int
    session_timeout: int
    session_timeout_s: int
    schedule: np.ndarray
    address: int | None = None
    periodicity: int | None = None
    first_beacon_s: int | None = None

    @property
    def starts(self) -> np.ndarray:
        return self.schedule["start_us"].astype(np.int64)

    @property
    def ends(self) -> np.ndarray:
        return self.starts + self.schedule["time_on_air_us"].astype(np.int64)


def violations(demand: Demand, planned: Planned) -> list[str]:
    """Return all violations of the plan."""
    if planned.data_rate not in REGIONS[demand.region]["downlink_drs"]:
        return [f"data rate: DR{planned.data_rate} is not a downlink rate of {demand.region}"]
    if len(planned.schedule) == 0:
        return ["numbers: nothing is sent"]
    checks = [*_COMMON_CHECKS, *(_CLASS_B_CHECKS if demand.device_class == "B" else _CLASS_C_CHECKS)]
    return list(chain.from_iterable(check(demand, planned) for check in checks))


# --- Time on air ---


def lora_time_on_air_us(sf: int, bw_hz: int, size: int, *, preamble: int = 8, header: bool = True) -> Fraction:
    """Return the time on air of a frame without CRC, coding rate 4/5, after Semtech AN1200.13 §4."""
    symbol_us = Fraction(2**sf * SECOND_US, bw_hz)
    de = 1 if symbol_us > 16_000 else 0
    ih = 0 if header else 1
    groups = max(ceil(Fraction(8 * size - 4 * sf + 28 - 20 * ih, 4 * (sf - 2 * de))), 0)
    return (preamble + Fraction(17, 4)) * symbol_us + (8 + groups * 5) * symbol_us


def fsk_time_on_air_us(size: int) -> Fraction:
    """Return the time on air at 50 kbit/s: preamble 5, synchronisation word 3, length 1, CRC 2 bytes (RP002-1.0.4)."""
    return Fraction((5 + 3 + 1 + size + 2) * 8 * SECOND_US, 50_000)


def frame_time_on_air_us(region: str, data_rate: int, frag_size: int) -> Fraction:
    """Return the time on air of a DataFragment: command 1, index 2, and MHDR 1, DevAddr 4, FCtrl 1, FCnt 2, FPort 1, MIC 4."""
    rate = REGIONS[region]["data_rates"][str(data_rate)]
    size = 13 + 3 + frag_size
    if rate["modulation"] == "FSK":
        return fsk_time_on_air_us(size)
    return lora_time_on_air_us(rate["sf"], rate["bw_hz"], size)


def beacon_time_on_air_us(region: str) -> Fraction:
    beacon = REGIONS[region]["class_b"]["beacon"]
    rate = REGIONS[region]["data_rates"][str(beacon["dr"])]
    return lora_time_on_air_us(rate["sf"], rate["bw_hz"], beacon["payload_bytes"], preamble=10, header=False)


def _air_times(demand: Demand, planned: Planned) -> Iterator[str]:
    own = frame_time_on_air_us(demand.region, planned.data_rate, planned.frag_size)
    stated = {planned.time_on_air_us, *planned.schedule["time_on_air_us"].tolist()}
    if stated != {own}:
        yield f"time on air: the plan states {sorted(stated)} us, a frame takes {float(own)} us"
    total = int(planned.schedule["time_on_air_us"].sum())
    if planned.airtime_us != total:
        yield f"airtime: {planned.airtime_us} us in the plan, the frames make {total} us"


# --- Content ---


def _max_payload(demand: Demand, data_rate: int) -> int:
    cases = REGIONS[demand.region]["data_rates"][str(data_rate)]["max_payload"]
    case = "repeater" if demand.repeater else "no_repeater"
    if demand.dwell_ms and demand.dwell_ms <= 400:
        case = f"{case}_dwell400" if f"{case}_dwell400" in cases else case
    return cases[case]["N"] if cases[case] else 0


def _payload(demand: Demand, planned: Planned) -> Iterator[str]:
    most = _max_payload(demand, planned.data_rate)
    if planned.frag_size + 3 > most:
        yield f"payload: {planned.frag_size + 3} bytes at DR{planned.data_rate}, {demand.region} carries {most}"


def _dwell(demand: Demand, planned: Planned) -> Iterator[str]:
    limits = REGIONS[demand.region]["limits"]
    region_ms = limits.get("max_tx_ms") or limits.get("lbt", {}).get("max_tx_ms")
    longest_us = int(planned.schedule["time_on_air_us"].max())
    for limit_ms in (region_ms, demand.dwell_ms):
        if limit_ms and longest_us > limit_ms * 1000:
            yield f"dwell: a frame of {longest_us} us, the limit is {limit_ms} ms"


def _numbers(demand: Demand, planned: Planned) -> Iterator[str]:
    sent, most = planned.schedule["n"].tolist(), planned.nb_frag + planned.nb_coded
    if sent != list(range(1, most + 1)):
        yield f"numbers: fragments 1 to {most} are not sent once each and in order"
    if most > 16383:  # TS004: 14 bits
        yield f"numbers: {most} fragments, the index counts to 16383"
    if not 0 <= planned.nb_coded <= planned.nb_frag:
        yield f"redundancy: {planned.nb_coded} coded fragments for {planned.nb_frag} uncoded, the server sends 1.0 at most"


def _padding(demand: Demand, planned: Planned) -> Iterator[str]:
    carried = planned.nb_frag * planned.frag_size - planned.padding
    if carried != demand.image_size or not 0 <= planned.padding < planned.frag_size:
        yield f"padding: {planned.padding} bytes, the fragments then carry {carried} of {demand.image_size}"


def _device(demand: Demand, planned: Planned) -> Iterator[str]:
    device = demand.device
    if planned.nb_frag > device.max_nb_frag:
        yield f"device: {planned.nb_frag} uncoded fragments, it takes {device.max_nb_frag}"
    if planned.frag_size > device.max_frag_size:
        yield f"device: fragments of {planned.frag_size} bytes, it takes {device.max_frag_size}"
    if planned.frag_size % device.frag_size_multiple:
        yield f"device: fragments of {planned.frag_size} bytes, its flash takes multiples of {device.frag_size_multiple}"
    if demand.image_size > device.slot_bytes:
        yield f"device: an image of {demand.image_size} bytes, the slot has {device.slot_bytes}"


def _wishes(demand: Demand, planned: Planned) -> Iterator[str]:
    for name in ("data_rate", "frag_size", "nb_coded"):
        wish, got = getattr(demand, name), getattr(planned, name)
        if wish is not None and wish != got:
            yield f"demand: {name} {wish} was demanded, {got} planned"
    if demand.frag_size_multiple is not None and planned.frag_size % demand.frag_size_multiple:
        yield f"demand: multiples of {demand.frag_size_multiple} bytes, {planned.frag_size} planned"


# --- Frequency ---


def _half_width_hz(region: str, data_rate: int) -> int:
    rate = REGIONS[region]["data_rates"][str(data_rate)]
    return (100_000 if rate["modulation"] == "FSK" else rate["bw_hz"]) // 2  # FSK: 50 kbit/s, 25 kHz of deviation


def sub_bands(region: str) -> list[dict[str, Any]]:
    """Return the sub-bands with `duty_cycle` and `by_centre`, true if the edges hold for the centre of a channel."""
    known = REGIONS[region]
    bands = [
        {**band, "by_centre": region == "KR920" or region.startswith("AS923")}
        for band in known["limits"]["sub_bands"]
        if not band.get("name", "").startswith("uplink")
    ]
    low_hz, high_hz = known["band_hz"]
    if region.startswith("AS923"):  # outside the default channels the country decides: 1% if its rule is unknown
        bands.append({"min_hz": low_hz, "max_hz": high_hz, "duty_cycle": 0.01, "by_centre": False})
    if region == "RU864":  # 10% is the ceiling of the law, RP002-1.0.4 asks for less
        bands = [{**band, "duty_cycle": min(band["duty_cycle"], 0.01)} for band in bands]
    return bands


def sub_band_of(region: str, frequency_hz: int, data_rate: int) -> int | None:
    """Return the index in `sub_bands` of the first sub-band that contains the whole channel, or None."""
    for index, band in enumerate(sub_bands(region)):
        half_hz = 0 if band["by_centre"] else _half_width_hz(region, data_rate)
        if band["min_hz"] + half_hz <= frequency_hz <= band["max_hz"] - half_hz:
            return index
    return None


def _frequency(demand: Demand, planned: Planned) -> Iterator[str]:
    used = np.unique(planned.schedule["frequency_hz"]).tolist()
    for frequency_hz in used:
        if sub_band_of(demand.region, frequency_hz, planned.data_rate) is None:
            yield f"frequency: {frequency_hz} Hz at DR{planned.data_rate} lies in no sub-band of {demand.region}"
    if set(used) - set(planned.frequency_hz):
        yield f"frequency: frames on {used} Hz, the plan names {planned.frequency_hz}"
    if demand.frequency_hz is not None and used != [demand.frequency_hz]:
        yield f"frequency: {demand.frequency_hz} Hz was demanded, frames are on {used}"
    if set(planned.schedule["data_rate"].tolist()) != {planned.data_rate}:
        yield f"data rate: not every frame is at DR{planned.data_rate}"


def _width(demand: Demand, planned: Planned) -> Iterator[str]:
    width_hz, most_hz = 2 * _half_width_hz(demand.region, planned.data_rate), NARROW_ONLY_HZ.get(demand.region)
    if most_hz is not None and width_hz > most_hz:
        yield f"bandwidth: DR{planned.data_rate} is {width_hz} Hz wide, {demand.region} allows {most_hz}"


# --- Time ---


def _overlap(demand: Demand, planned: Planned) -> Iterator[str]:
    late = np.flatnonzero(planned.starts[1:] < planned.ends[:-1])
    if len(late):
        yield f"overlap: frame {late[0] + 2} starts before frame {late[0] + 1} has ended"


def _work_time(demand: Demand, planned: Planned) -> Iterator[str]:
    device = demand.device
    work_us = 1000 * (device.frag_write_ms + device.row_work_ms)
    if not device.second_buffer:
        work_us += int(frame_time_on_air_us(demand.region, planned.data_rate, planned.frag_size))
    least_us = int(np.diff(planned.starts).min(initial=work_us))
    if least_us < work_us:
        yield f"work time: {least_us} us from frame to frame, the device needs {work_us} us"


def _session(demand: Demand, planned: Planned) -> Iterator[str]:
    unit_s = 128 if demand.device_class == "B" else 1  # TS005
    if not 0 <= planned.session_timeout <= 15 or planned.session_timeout_s != unit_s * 2**planned.session_timeout:
        yield f"session: TimeOut {planned.session_timeout} is not {planned.session_timeout_s} s"
    end_us = int(planned.ends.max())
    if end_us > planned.session_timeout_s * SECOND_US:
        yield f"session: the last frame ends after {end_us} us, the session after {planned.session_timeout_s} s"
    if end_us > LONGEST_SESSION_US:
        yield f"session: the last frame ends after {end_us} us, no session is longer than 32768 s"


def _duration(demand: Demand, planned: Planned) -> Iterator[str]:
    own_ms = ceil(int(planned.ends.max()) / 1000)
    if planned.duration_ms != own_ms:
        yield f"duration: {planned.duration_ms} ms in the plan, the last frame ends after {own_ms} ms"
    if planned.longest_ms < planned.duration_ms:
        yield f"duration: {planned.longest_ms} ms at the longest, {planned.duration_ms} ms in any case"
    if planned.longest_ms > planned.session_timeout_s * 1000 and planned.session_timeout_s < 32768:
        yield f"duration: {planned.longest_ms} ms at the longest, and a session of {planned.session_timeout_s} s"


def _steady(demand: Demand, planned: Planned) -> Iterator[str]:
    if planned.interval_ms is None or (demand.interval_ms is not None and planned.interval_ms != demand.interval_ms):
        yield f"interval: {planned.interval_ms} ms is planned, {demand.interval_ms} was demanded"
    elif (planned.starts != np.arange(len(planned.schedule)) * (planned.interval_ms * 1000)).any():
        yield f"interval: frames do not start every {planned.interval_ms} ms from the start of the session"


# --- Duty cycle ---


def on_air_before(times: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the time on air until each of `times`: sum of max(t - start, 0) - max(t - end, 0), overlaps included."""

    def since(edges: np.ndarray) -> np.ndarray:
        edges = np.sort(edges)
        passed = np.searchsorted(edges, times)
        return passed * times - np.concatenate(([0], np.cumsum(edges)))[passed]

    return since(starts) - since(ends)


def busiest_hour_us(starts: np.ndarray, ends: np.ndarray) -> int:
    """Return the most time on air in any 3600 s. It is reached if the hour begins or ends with a frame."""
    hours = np.concatenate((starts, ends - HOUR_US))
    return int((on_air_before(hours + HOUR_US, starts, ends) - on_air_before(hours, starts, ends)).max())


def _beacons(region: str, first_us: int, last_us: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts and ends of the beacons from an hour before to an hour after the session; a beacon starts with it."""
    low, high = (first_us - HOUR_US) // BEACON_PERIOD_US - 1, (last_us + HOUR_US) // BEACON_PERIOD_US + 2
    starts = np.arange(low, high, dtype=np.int64) * BEACON_PERIOD_US
    return starts, starts + int(beacon_time_on_air_us(region))


def _beacon_sub_band(region: str) -> int | None:
    beacon = REGIONS[region]["class_b"]["beacon"]  # a hopping beacon hops within one sub-band
    frequencies = beacon["frequencies_hz"] or REGIONS[region]["sub_plans"]["20A"]["downlink_hz"]
    return sub_band_of(region, frequencies[0], beacon["dr"])


def _duty_cycle(demand: Demand, planned: Planned) -> Iterator[str]:
    bands = sub_bands(demand.region)
    frequencies = planned.schedule["frequency_hz"]
    places = {hz: sub_band_of(demand.region, hz, planned.data_rate) for hz in np.unique(frequencies).tolist()}
    for place in set(places.values()) - {None}:
        here = np.isin(frequencies, [hz for hz in places if places[hz] == place])
        starts, ends = planned.starts[here], planned.ends[here]
        if demand.device_class == "B" and _beacon_sub_band(demand.region) == place:
            beacon_starts, beacon_ends = _beacons(demand.region, int(starts.min()), int(ends.max()))
            starts, ends = np.concatenate((starts, beacon_starts)), np.concatenate((ends, beacon_ends))
        share = bands[place]["duty_cycle"] if demand.duty_cycle is None else demand.duty_cycle
        busiest_us = busiest_hour_us(starts, ends)
        if busiest_us > Fraction(str(share)) * HOUR_US:
            yield f"duty cycle: {busiest_us} us on air in an hour, {share:%} is allowed"


# --- Class B ---


def ping_offset(beacon_s: int, address: int, periodicity: int) -> int:
    """Return the offset in slots from the end of the time reserved for the beacon (LoRaWAN L2 1.0.4, class B)."""
    block = (beacon_s % 2**32).to_bytes(4, "little") + address.to_bytes(4, "little") + bytes(8)
    encryptor = Cipher(algorithms.AES(bytes(16)), modes.ECB()).encryptor()
    drawn = encryptor.update(block)
    return (drawn[0] + 256 * drawn[1]) % 2 ** (5 + periodicity)


def ping_slots_us(beacon_s: int, address: int, periodicity: int) -> list[int]:
    """Return the starts of the slots of a beacon period, counted from its beacon."""
    first = ping_offset(beacon_s, address, periodicity)
    slots = range(first, 4096, 2 ** (5 + periodicity))
    return [BEACON_RESERVED_US + SLOT_US * slot for slot in slots]


def _group(demand: Demand, planned: Planned) -> Iterator[str]:
    if planned.first_beacon_s is None or planned.first_beacon_s % 128 or planned.first_beacon_s < demand.start_gps_s:
        yield f"beacon: none starts at GPS second {planned.first_beacon_s} at or after {demand.start_gps_s}"
    if (planned.address, planned.periodicity) != (demand.mc_addr, demand.periodicity):
        yield f"slot: address {planned.address} and periodicity {planned.periodicity} are not the values of the group"


def _slots(demand: Demand, planned: Planned) -> Iterator[str]:
    periods, into = np.divmod(planned.starts, BEACON_PERIOD_US)
    for period in np.unique(periods).tolist():
        beacon_s = (planned.first_beacon_s or 0) + 128 * period
        slots = ping_slots_us(beacon_s, demand.mc_addr, demand.periodicity)
        used = into[periods == period]
        if not np.isin(used, slots).all():
            yield f"slot: a frame after the beacon of {beacon_s} s starts outside the ping slots"
        if len(np.unique(used)) < len(used):
            yield f"slot: two frames after the beacon of {beacon_s} s are in one slot"
    if (into + planned.ends - planned.starts > BEACON_PERIOD_US).any():
        yield "beacon: a frame has not ended when the next beacon starts"


def _hop_lists(region: str) -> list[list[int]]:
    """Return every list of frequencies over which a device of the region may hop, a frequency for each beacon."""
    if region != "CN470":
        return [REGIONS[region]["class_b"]["ping_slot"]["frequencies_hz"]]
    plans = REGIONS[region]["sub_plans"]
    eights = [plans["20A"]["downlink_hz"][8 * join : 8 * join + 8] for join in range(8)]
    thirties = [plans["20B"]["downlink_hz"][32 * join : 32 * join + 32] for join in range(2)]
    return [*eights, *thirties, *(plans[name]["ping_slot"]["frequencies_hz"] for name in ("26A", "26B"))]


def _hopping(demand: Demand, planned: Planned) -> Iterator[str]:
    used = planned.schedule["frequency_hz"]
    region = REGIONS[demand.region]
    if demand.frequency_hz is not None or not region["class_b"]["ping_slot"]["hopping"]:
        yield from _one_channel(demand, planned)
        return
    beacons = (planned.first_beacon_s or 0) // 128 + planned.starts // BEACON_PERIOD_US
    for channels in _hop_lists(demand.region):
        if (np.array(channels)[(demand.mc_addr + beacons) % len(channels)] == used).all():
            return
    yield f"hopping: the frequencies are not the ping-slot frequencies of {demand.region}"


def _one_channel(demand: Demand, planned: Planned) -> Iterator[str]:
    used = np.unique(planned.schedule["frequency_hz"]).tolist()
    if len(used) > 1:
        yield f"hopping: the session has one frequency, frames are on {used}"


_COMMON_CHECKS = (
    _air_times,
    _payload,
    _dwell,
    _numbers,
    _padding,
    _device,
    _wishes,
    _frequency,
    _width,
    _overlap,
    _work_time,
    _session,
    _duration,
    _duty_cycle,
)
_CLASS_B_CHECKS = (_group, _slots, _hopping)
_CLASS_C_CHECKS = (_steady, _one_channel)
