"""A plan never does what its region or its device forbids.

checker.py, which shares no code with the planner, judges the plans. It is tested first: with the vectors, and with plans that have
a single mistake.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fuota
from fuota.errors import FuotaError
from tests.planning import checker
from tests.planning.checker import REGIONS, Demand, Device, Planned, violations

_EVERYWHERE = [(region, device_class) for region in REGIONS for device_class in "BC"]
_BEACON_S = 1_400_000_000 // 128 * 128


# --- The checker and the vectors ---


@pytest.mark.parametrize("region", REGIONS)
def test_time_on_air_of_the_checker_agrees_with_the_data_set(region):
    for data_rate in REGIONS[region]["downlink_drs"]:
        for frame in REGIONS[region]["data_rates"][str(data_rate)]["fuota_full_frame"].values():
            own = checker.frame_time_on_air_us(region, data_rate, frame["max_fragment_bytes"])
            assert own == frame["airtime_us"]
    assert checker.beacon_time_on_air_us(region) == REGIONS[region]["class_b"]["beacon"]["airtime_us"]


def test_ping_slots_of_the_checker_agree_with_the_vectors(vectors):
    for vector in vectors("classb")["ping_offset_vectors"]:
        arguments = vector["beacon_time_s"], int(vector["dev_addr"], 16), vector["periodicity"]
        slots = checker.ping_slots_us(*arguments)
        assert checker.ping_offset(*arguments) == vector["ping_offset"]
        assert (len(slots), slots[0]) == (vector["ping_nb"], vector["first_slot_ms_after_beacon"] * 1000)


def test_busiest_hour_counts_only_time_within_it():
    minute = 60_000_000
    starts = np.array([0, 30, 59, 61]) * minute
    assert checker.busiest_hour_us(starts[:1], starts[:1] + minute) == minute
    assert checker.busiest_hour_us(starts, starts + 2 * minute) == 6 * minute  # from minute 30 on
    two = starts[[0, 2]]
    assert checker.busiest_hour_us(two, two + 2 * minute) == 3 * minute  # all of the first, half of the second


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 400)), min_size=1, max_size=30))
def test_busiest_hour_is_the_maximum_over_all_seconds(frames):
    on_air = np.zeros(9000 + 400 + 7200, dtype=int)
    for start, seconds in frames:
        on_air[3600 + start : 3600 + start + seconds] += 1
    hours = np.convolve(on_air, np.ones(3600, dtype=int))
    starts, lengths = (np.array(column, dtype=np.int64) * 1_000_000 for column in zip(*frames, strict=True))
    assert checker.busiest_hour_us(starts, starts + lengths) == hours.max() * 1_000_000


# --- Plans made by hand ---


def schedule_of(starts_us, frequency_hz, data_rate, time_on_air_us) -> np.ndarray:
    types = [("start_us", "i8"), ("n", "i4"), ("frequency_hz", "i8"), ("data_rate", "i4"), ("time_on_air_us", "i8")]
    frames = np.zeros(len(starts_us), dtype=types)
    frames["start_us"], frames["frequency_hz"], frames["n"] = starts_us, frequency_hz, np.arange(len(starts_us)) + 1
    frames["data_rate"], frames["time_on_air_us"] = data_rate, time_on_air_us
    return frames


def by_hand(demand: Demand, starts_us, frequency_hz, **slots: int) -> tuple[Demand, Planned]:
    """Return the demand and a plan with frames at these times; frames beyond the image are coded."""
    time_on_air_us = int(checker.frame_time_on_air_us(demand.region, demand.data_rate, demand.frag_size))
    nb_frag = -(-demand.image_size // demand.frag_size)
    frames = schedule_of(starts_us, frequency_hz, demand.data_rate, time_on_air_us)
    timeout = 8 if demand.device_class == "B" else 15
    planned = Planned(
        data_rate=demand.data_rate,
        frequency_hz=tuple(sorted(set(frames["frequency_hz"].tolist()))),
        frag_size=demand.frag_size,
        nb_frag=nb_frag,
        nb_coded=len(starts_us) - nb_frag,
        padding=nb_frag * demand.frag_size - demand.image_size,
        time_on_air_us=time_on_air_us,
        interval_ms=int(starts_us[1] - starts_us[0]) // 1000,
        airtime_us=time_on_air_us * len(starts_us),
        duration_ms=-(-(int(starts_us[-1]) + time_on_air_us) // 1000),
        longest_ms=-(-(int(starts_us[-1]) + time_on_air_us) // 1000),
        session_timeout=timeout,
        session_timeout_s=32768,
        schedule=frames,
        **slots,
    )
    return demand, planned


def class_c(*, frames=300, interval_ms=5000, frequency_hz=869_525_000, **wishes: Any) -> tuple[Demand, Planned]:
    wishes = {"region": "EU868", "data_rate": 5, "frag_size": 100, **wishes}
    nb_frag = frames - frames // 5
    demand = Demand(device_class="C", image_size=nb_frag * wishes["frag_size"] - 7, **wishes)
    return by_hand(demand, np.arange(frames) * interval_ms * 1000, frequency_hz)


def class_b(*, frames=300, every=3, frequency_hz=869_525_000, **wishes: Any) -> tuple[Demand, Planned]:
    """Return a plan in every third ping slot; a list frequency_hz is hopped over."""
    wishes = {"region": "EU868", "data_rate": 5, "frag_size": 100, "periodicity": 1, "mc_addr": 0x0122_A1F3, **wishes}
    nb_frag = frames - frames // 5
    demand = Demand(device_class="B", image_size=nb_frag * wishes["frag_size"] - 7, start_gps_s=_BEACON_S - 9, **wishes)
    starts, number = [], 0
    while len(starts) < frames:
        slots = checker.ping_slots_us(_BEACON_S + 128 * number, demand.mc_addr, demand.periodicity)
        starts += [number * 128_000_000 + slot for slot in slots[::every]]
        number += 1
    starts = np.array(starts[:frames])
    if isinstance(frequency_hz, list):
        periods = demand.mc_addr + _BEACON_S // 128 + starts // 128_000_000
        frequency_hz = np.array(frequency_hz)[periods % len(frequency_hz)]
    slots = {"address": demand.mc_addr, "periodicity": demand.periodicity, "first_beacon_s": _BEACON_S}
    return by_hand(demand, starts, frequency_hz, **slots)


def hopping(region="US915") -> tuple[Demand, Planned]:
    channels = REGIONS[region]["class_b"]["ping_slot"]["frequencies_hz"]
    return class_b(region=region, data_rate=10, frequency_hz=channels)


def hopping_in_china(plan="20A", join=3, count=8) -> tuple[Demand, Planned]:
    channels = REGIONS["CN470"]["sub_plans"][plan]["downlink_hz"][count * join : count * join + count]
    return class_b(region="CN470", data_rate=3, frequency_hz=channels)


def kinds(demand: Demand, planned: Planned) -> set[str]:
    return {violation.split(":")[0] for violation in violations(demand, planned)}


@pytest.mark.parametrize(
    "plan",
    [
        class_c(),
        class_c(data_rate=0, frag_size=48, interval_ms=28125, frames=800),  # 128 frames in any hour are just 10%
        class_c(data_rate=6, frag_size=219, repeater=True),  # fills 869.4 to 869.65 MHz
        class_c(region="AS923-4", frequency_hz=917_500_000, frames=70),  # on the edge, by its centre
        class_c(region="AS923-1", frequency_hz=923_200_000, data_rate=3, frag_size=50, dwell_ms=400, frames=70),
        class_c(region="KR920", frequency_hz=920_900_000),
        class_c(region="CN470", frequency_hz=492_500_000),
        class_c(duty_cycle=1.0, interval_ms=300),
        class_c(device=Device(frag_write_ms=4700, second_buffer=False)),
        class_b(),
        hopping(),
        hopping("AU915"),
        hopping_in_china(),
        hopping_in_china("20B", 1, 32),
        class_b(region="CN470", data_rate=3, frequency_hz=494_900_000),
    ],
)
def test_the_checker_finds_no_violation_in_a_good_plan(plan):
    assert violations(*plan) == []


# --- Plans with one mistake ---


def altered(plan: tuple[Demand, Planned], **changes: Any) -> tuple[Demand, Planned]:
    """Return a changed plan for the same demand."""
    return plan[0], dataclasses.replace(plan[1], **changes)


def wished(plan: tuple[Demand, Planned], **changes: Any) -> tuple[Demand, Planned]:
    """Return the same plan for a changed demand."""
    return dataclasses.replace(plan[0], **changes), plan[1]


def moved(plan: tuple[Demand, Planned], frame: int | slice, **by: int) -> tuple[Demand, Planned]:
    """Return the plan with fields of the frame or frames changed by the given steps."""
    frames = plan[1].schedule.copy()
    for field, step in by.items():
        frames[field][frame] += step
    return altered(plan, schedule=frames)


_C, _B = class_c(), class_b()


def class_c_of(nb_frag: int, nb_coded: int) -> tuple[Demand, Planned]:
    demand = Demand(region="EU868", device_class="C", data_rate=5, frag_size=100, image_size=100 * nb_frag)
    return by_hand(demand, np.arange(nb_frag + nb_coded) * 5_000_000, 869_525_000)


def class_b_at_full_share(*, beacons_counted: bool) -> tuple[Demand, Planned]:
    """Return a plan whose frames alone use all that the region allows in the session, which is shorter than an hour."""
    time_on_air_us = int(checker.frame_time_on_air_us("EU868", 5, 100))
    beacons_us = 29 * 152_576 if beacons_counted else 0
    return class_b(frames=(360_000_000 - beacons_us) // time_on_air_us, every=1, periodicity=0)


def with_one_frame_elsewhere(plan: tuple[Demand, Planned]) -> tuple[Demand, Planned]:
    """Return the plan with a frame on another legal frequency that the plan names."""
    plan = moved(plan, 7, frequency_hz=5000)
    return altered(plan, frequency_hz=(869_525_000, 869_530_000))


def longer_than_its_session(plan: tuple[Demand, Planned]) -> tuple[Demand, Planned]:
    """Return a plan whose longest duration exceeds its session; its frames end in time, and a longer session is possible."""
    return altered(plan, session_timeout=14, session_timeout_s=16384, longest_ms=16_384_001)


def twice_in_a_slot() -> tuple[Demand, Planned]:
    starts = _B[1].schedule["start_us"].copy()
    starts[8] = starts[7]
    return by_hand(_B[0], starts, 869_525_000, address=_B[0].mc_addr, periodicity=1, first_beacon_s=_BEACON_S)


def into_the_next_beacon() -> tuple[Demand, Planned]:
    """Return a plan with two frames of more than 3 s, the second in the last of the 4096 slots."""
    address = next(a for a in range(100_000) if checker.ping_offset(_BEACON_S, a, 0) == 31)
    slots = checker.ping_slots_us(_BEACON_S, address, 0)
    wishes = {"region": "EU868", "device_class": "B", "image_size": 120, "mc_addr": address, "start_gps_s": _BEACON_S}
    demand = Demand(data_rate=0, frag_size=60, **wishes)
    starts = np.array([slots[0], slots[-1]])
    return by_hand(demand, starts, 869_525_000, address=address, periodicity=0, first_beacon_s=_BEACON_S)


def hopped_by_one(region: str) -> tuple[Demand, Planned]:
    channels = REGIONS[region]["class_b"]["ping_slot"]["frequencies_hz"]
    return class_b(region=region, data_rate=10, frequency_hz=channels[1:] + channels[:1])


WRONG: list[tuple[str, Callable[[], tuple[Demand, Planned]], set[str]]] = [
    ("an uplink rate", lambda: altered(class_c(), data_rate=8), {"data rate"}),
    ("an unknown rate", lambda: altered(class_c(), data_rate=14), {"data rate"}),
    ("one frame at another rate", lambda: moved(_C, 7, data_rate=1), {"data rate"}),
    ("nothing sent", lambda: altered(_C, schedule=_C[1].schedule[:0]), {"numbers"}),
    # time on air
    ("a frame stated shorter", lambda: moved(_C, 7, time_on_air_us=-1), {"time on air", "airtime"}),
    ("all frames stated shorter", lambda: altered(_C, time_on_air_us=1), {"time on air"}),
    ("a wrong sum", lambda: altered(_C, airtime_us=_C[1].airtime_us - 1), {"airtime"}),
    # payload and dwell
    ("one byte too many", lambda: class_c(data_rate=3, frag_size=113), {"payload"}),
    ("one byte too many for a repeater", lambda: class_c(frag_size=220, repeater=True), {"payload"}),
    (
        "one byte too many for the dwell",
        lambda: class_c(region="AS923-1", frequency_hz=923_200_000, data_rate=2, frag_size=9, dwell_ms=400, frames=70),
        {"payload"},
    ),
    (
        "a rate that the dwell ends",
        lambda: class_c(region="AS923-1", frequency_hz=923_200_000, data_rate=1, frag_size=1, dwell_ms=400, frames=30),
        {"payload", "dwell"},
    ),
    (
        "a full frame within the table, over the dwell",
        lambda: class_c(region="AU915", frequency_hz=923_300_000, data_rate=8, frag_size=50, dwell_ms=400),
        {"dwell"},
    ),
    ("a dwell of the caller's", lambda: class_c(dwell_ms=150), {"dwell"}),
    (
        "more than 1 s in China",
        lambda: class_c(region="CN470", frequency_hz=492_500_000, data_rate=1, frag_size=30),
        {"payload", "dwell"},
    ),
    (
        "more than 4 s in Korea",
        lambda: class_c(region="KR920", frequency_hz=922_100_000, data_rate=0, frag_size=90, interval_ms=9000),
        {"payload", "dwell"},
    ),
    # numbers
    ("a fragment twice", lambda: moved(_C, 7, n=1), {"numbers"}),
    ("a fragment less", lambda: altered(_C, nb_coded=_C[1].nb_coded + 1), {"numbers"}),
    ("numbers from 0", lambda: moved(_C, slice(None), n=-1), {"numbers"}),
    ("more numbers than 14 bits hold", lambda: class_c(frames=16384, duty_cycle=1.0, interval_ms=1000), {"numbers"}),
    ("more coded than uncoded", lambda: class_c_of(60, 61), {"redundancy"}),
    ("padding of one too many", lambda: altered(_C, padding=8), {"padding"}),
    ("padding of a whole fragment", lambda: altered(_C, nb_frag=241, nb_coded=59, padding=107), {"padding"}),
    # the device
    ("more fragments than it takes", lambda: wished(_C, device=Device(max_nb_frag=239)), {"device"}),
    ("larger fragments than it takes", lambda: wished(_C, device=Device(max_frag_size=99)), {"device"}),
    ("fragments across its flash", lambda: wished(_C, device=Device(frag_size_multiple=8)), {"device"}),
    ("more than its slot", lambda: wished(_C, device=Device(slot_bytes=_C[0].image_size - 1)), {"device"}),
    ("sooner than it writes", lambda: wished(_C, device=Device(frag_write_ms=4000, row_work_ms=1001)), {"work time"}),
    (
        "sooner than it hears and writes",
        lambda: wished(_C, device=Device(frag_write_ms=4900, second_buffer=False)),
        {"work time"},
    ),
    ("slots sooner than it writes", lambda: wished(_B, device=Device(row_work_ms=5761)), {"work time"}),
    # the demand
    ("another rate than demanded", lambda: wished(_C, data_rate=4), {"demand"}),
    ("another size than demanded", lambda: wished(_C, frag_size=99), {"demand"}),
    ("another multiple than demanded", lambda: wished(_C, frag_size_multiple=16), {"demand"}),
    ("another number than demanded", lambda: wished(_C, nb_coded=59), {"demand"}),
    ("another interval than demanded", lambda: wished(_C, interval_ms=4999), {"interval"}),
    ("another frequency than demanded", lambda: wished(_C, frequency_hz=868_100_000), {"frequency"}),
    # frequency
    ("between the sub-bands", lambda: class_c(frequency_hz=868_650_000), {"frequency"}),
    ("outside the band", lambda: class_c(frequency_hz=870_100_000), {"frequency"}),
    ("1 Hz over the edge", lambda: class_c(frequency_hz=869_587_501, frames=20), {"frequency"}),
    ("across two sub-bands", lambda: class_c(frequency_hz=868_000_000, frames=20), {"frequency"}),
    ("too wide for its sub-band", lambda: class_c(data_rate=6, frequency_hz=869_525_001, frames=20), {"frequency"}),
    ("FSK over the edge", lambda: class_c(data_rate=7, frequency_hz=869_610_000), {"frequency"}),
    ("a frequency that is not named", lambda: moved(_C, slice(None), frequency_hz=5000), {"frequency"}),
    ("a frame elsewhere", lambda: with_one_frame_elsewhere(_C), {"hopping"}),
    ("a frame elsewhere in class B", lambda: with_one_frame_elsewhere(_B), {"hopping"}),
    (
        "between the channels of Korea",
        lambda: class_c(region="KR920", frequency_hz=922_000_000),
        {"frequency"},
    ),
    (
        "on the uplinks of America",
        lambda: class_c(region="US915", data_rate=10, frequency_hz=915_000_000),
        {"frequency"},
    ),
    (
        "too wide for Russia",
        lambda: class_c(region="RU864", data_rate=6, frequency_hz=869_100_000, frames=100),
        {"frequency"},
    ),
    (
        "too wide for China",
        lambda: class_c(region="CN470", data_rate=6, frequency_hz=492_500_000),
        {"bandwidth"},
    ),
    # time
    ("two frames at once", lambda: class_c(interval_ms=180, frames=50), {"overlap"}),
    ("a frame late", lambda: moved(_C, 7, start_us=1), {"interval"}),
    ("a late start", lambda: moved(_C, slice(None), start_us=1000), {"interval", "duration"}),
    ("another interval than stated", lambda: altered(_C, interval_ms=5001), {"interval"}),
    ("no interval", lambda: altered(_C, interval_ms=None), {"interval"}),
    ("a session too short", lambda: altered(_C, session_timeout=10, session_timeout_s=1024), {"session", "duration"}),
    ("a session of another length", lambda: altered(_C, session_timeout=14), {"session"}),
    ("a session beyond four bits", lambda: altered(_C, session_timeout=16, session_timeout_s=65536), {"session"}),
    (
        "a class C session of class B",
        lambda: altered(_C, session_timeout=8, session_timeout_s=128 * 256),
        {"session"},
    ),
    ("a session over 32768 s", lambda: class_c(frames=300, interval_ms=110_000), {"session"}),
    (
        "a class B session too short",
        lambda: altered(_B, session_timeout=3, session_timeout_s=1024),
        {"session", "duration"},
    ),
    ("a duration of 1 ms less", lambda: altered(_C, duration_ms=_C[1].duration_ms - 1), {"duration"}),
    ("longest less than the plan", lambda: altered(_C, longest_ms=_C[1].duration_ms - 1), {"duration"}),
    ("longest beyond the session", lambda: longer_than_its_session(_C), {"duration"}),
    # duty cycle
    (
        "129 frames an hour",
        lambda: class_c(data_rate=0, frag_size=48, interval_ms=27_935, frames=800),
        {"duty cycle"},
    ),
    ("1% by the default channels", lambda: class_c(frequency_hz=868_100_000), {"duty cycle"}),
    ("0.1% in the quiet sub-band", lambda: class_c(frequency_hz=864_000_000, frames=20), {"duty cycle"}),
    ("10% in Russia", lambda: class_c(region="RU864", frequency_hz=869_100_000), {"duty cycle"}),
    ("1% in Asia", lambda: class_c(region="AS923-2", frequency_hz=921_400_000), {"duty cycle"}),
    ("1% beside the default channels", lambda: class_c(region="AS923-2", frequency_hz=922_400_000), {"duty cycle"}),
    ("a share of the caller's", lambda: wished(_C, duty_cycle=0.01), {"duty cycle"}),
    (
        "a share of the caller's in America",
        lambda: wished(hopping(), duty_cycle=0.01),
        {"duty cycle"},
    ),
    ("the beacons beside the frames", lambda: class_b_at_full_share(beacons_counted=False), {"duty cycle"}),
    # class B
    ("beside a slot", lambda: moved(_B, 7, start_us=1), {"slot"}),
    ("in the place of another slot", lambda: moved(_B, 7, start_us=30_000), {"slot"}),
    ("slots of another address", lambda: wished(_B, mc_addr=0x0122_A1F4), {"slot"}),
    ("slots of another periodicity", lambda: wished(_B, periodicity=3), {"slot"}),
    ("two frames in a slot", twice_in_a_slot, {"slot", "overlap"}),
    ("into the next beacon", into_the_next_beacon, {"beacon", "payload"}),
    ("no beacon", lambda: altered(_B, first_beacon_s=_BEACON_S + 1), {"beacon", "slot"}),
    ("a beacon that is past", lambda: wished(_B, start_gps_s=_BEACON_S + 1), {"beacon"}),
    ("no hopping", lambda: class_b(region="US915", data_rate=10, frequency_hz=923_300_000), {"hopping"}),
    ("hopping from another channel", lambda: hopped_by_one("US915"), {"hopping"}),
    ("hopping that was not demanded", lambda: wished(hopping(), frequency_hz=923_300_000), {"frequency", "hopping"}),
    (
        "hopping over two lists",
        lambda: moved(hopping_in_china(), slice(0, 100), frequency_hz=1_600_000),
        {"hopping", "frequency"},
    ),
]


@pytest.mark.parametrize(("plan", "expected"), [pytest.param(make, kind, id=name) for name, make, kind in WRONG])
def test_the_checker_finds_the_single_mistake(plan, expected):
    assert kinds(*plan()) == expected


def test_beacons_count_in_the_duty_cycle():
    assert violations(*class_b_at_full_share(beacons_counted=True)) == []


# --- The plans of fuota ---


_SLOTS = ("address", "periodicity", "first_beacon_s")


def demand_of(request: dict[str, Any]) -> Demand:
    names = {field.name for field in dataclasses.fields(Demand)} - {"device"}
    limits = {field.name: getattr(request["profile"], field.name) for field in dataclasses.fields(Device)}
    wishes = {name: value for name, value in request.items() if name in names}
    return Demand(device=Device(**limits), **wishes)


def planned_of(plan: Any) -> Planned:
    names = {field.name for field in dataclasses.fields(Planned)} - set(_SLOTS)
    slots = {} if plan.slots is None else {name: getattr(plan.slots, name) for name in _SLOTS}
    return Planned(**{name: getattr(plan, name) for name in names}, **slots)


def plan_of(request: dict[str, Any]) -> Any:
    choices = dict(request)
    image = np.random.default_rng(1).bytes(choices.pop("image_size"))
    return fuota.plan(image, **choices)


def rarely(values: st.SearchStrategy[Any], otherwise: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Return a strategy that draws from `values` in one of eight cases, otherwise None or from `otherwise`."""
    usual = st.none() if otherwise is None else otherwise
    return st.sampled_from([False] * 7 + [True]).flatmap(lambda rare: values if rare else usual)


def frequencies(region: str) -> st.SearchStrategy[int]:
    """Return a strategy for frequencies: mostly channels of the region, otherwise edges and frequencies near them."""
    known = REGIONS[region]
    usual = [known["rx2"].get("frequency_hz"), *(known["class_b"]["ping_slot"]["frequencies_hz"] or [])]
    usual += [*known["downlink_channels"].get("examples_hz", []), *known.get("default_channels_hz", [])]
    usual += [hz for plan in known.get("sub_plans", {}).values() for hz in plan["downlink_hz"][::16]]
    channels = [hz for hz in usual if hz is not None]
    edges = [edge for band in known["limits"]["sub_bands"] for edge in (band["min_hz"], band["max_hz"])]
    steps = st.sampled_from([0, -100, 100, -62_500, 62_500, -125_000, 125_000, 50_000, -250_000, 1_000_000])
    near = st.builds(int.__add__, st.sampled_from([*known["band_hz"], *edges, *channels]), steps)
    return st.one_of(st.sampled_from(channels), near)


PROFILES = st.builds(
    fuota.DeviceProfile,
    version=st.sampled_from([1, 2]),
    max_nb_frag=st.sampled_from([16383, 16383, 16383, 1024, 300, 20]),
    max_frag_size=st.sampled_from([255, 255, 255, 232, 120, 48, 33]),
    slot_bytes=st.sampled_from([16383 * 255, 16383 * 255, 262_144, 20_000]),
    frag_size_multiple=st.sampled_from([1, 1, 1, 4, 8, 16, 24]),
    frag_write_ms=st.sampled_from([0, 0, 5, 80, 1500]),
    row_work_ms=st.sampled_from([0, 0, 20, 700, 5000]),
    second_buffer=st.booleans(),
)
SIZES = st.builds(
    lambda least, more: least + more,
    st.sampled_from([1, 100, 500, 500, 1000, 1000, 2000, 2000, 4000, 4000, 8000, 15_000, 30_000, 110_000]),
    st.integers(0, 255),
)
BEACONS = st.integers(0, 2**25 - 1).map(lambda index: 128 * index)  # of 32 bits


@st.composite
def coded(draw: st.DrawFn, size: int) -> dict[str, Any]:
    """Draw a number of coded fragments, mostly no more than the uncoded fragments, or a share."""
    if draw(st.booleans()):
        return {"nb_coded": draw(rarely(st.integers(0, 500), st.integers(0, max(size // 250, 1))))}
    return {"redundancy": draw(st.floats(0, 1.02))}


def redundancy_choice(size: int) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the number of coded fragments, or for the loss from which the planner derives it."""
    losses = st.sampled_from([0.0, 0.02, 0.1, 0.3]).map(lambda loss: {"loss": loss})
    return rarely(losses, coded(size))


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    region, device_class = draw(st.sampled_from(_EVERYWHERE))
    size = draw(SIZES)
    data_rates = rarely(st.none() | st.integers(0, 16), st.sampled_from(REGIONS[region]["downlink_drs"]))
    request = {
        "image_size": size,
        "region": region,
        "device_class": device_class,
        "data_rate": draw(data_rates),
        "frag_size": draw(rarely(st.integers(1, 255))),
        "frag_size_multiple": draw(rarely(st.sampled_from([1, 2, 4, 8, 16]))),
        "profile": draw(st.just(fuota.DeviceProfile()) | PROFILES),
        "repeater": draw(st.booleans()),
        "duty_cycle": draw(rarely(st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.5, 1.0]))),
        "dwell_ms": draw(rarely(st.sampled_from([400, 400, 400, 250, 1500, 0]))),
        "frequency_hz": draw(rarely(frequencies(region))),
        **draw(redundancy_choice(size)),
    }
    if device_class == "C":
        return {**request, "interval_ms": draw(rarely(st.integers(1, 60_000)))}
    start_gps_s = draw(rarely(st.integers(0, 2**32), BEACONS))
    address, periodicity = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 7))
    return {**request, "mc_addr": address, "periodicity": periodicity, "start_gps_s": start_gps_s}


def replay(request: dict[str, Any]) -> bool:
    """Return whether there is a plan, and assert that it has no violations."""
    try:
        plan = plan_of(request)
    except FuotaError:
        return False
    assert (plan.region, plan.device_class) == (request["region"], request["device_class"])
    assert violations(demand_of(request), planned_of(plan)) == []
    return True


@settings(max_examples=40)
@given(requests())
def test_a_plan_is_never_forbidden(request_):
    """The slow test below replays many more requests."""
    replay(request_)


@pytest.mark.slow
def test_thousands_of_plans_are_never_forbidden():
    plans: Counter[tuple[str, str]] = Counter()

    @settings(max_examples=3000)
    @given(requests())
    def count(request: dict[str, Any]) -> None:
        plans[request["region"], request["device_class"]] += replay(request)

    count()
    assert {where: plans[where] for where in _EVERYWHERE if plans[where] < 5} == {}


@pytest.mark.parametrize(("region", "device_class"), _EVERYWHERE)
def test_every_region_has_a_plan_in_either_class(region, device_class):
    request = {
        "image_size": 3000,
        "region": region,
        "device_class": device_class,
        "data_rate": REGIONS[region]["class_b"]["ping_slot"]["dr"],
        "nb_coded": 5,
        "profile": fuota.DeviceProfile(),
        **({"mc_addr": 0x0122_A1F3, "periodicity": 2, "start_gps_s": _BEACON_S} if device_class == "B" else {}),
    }
    assert replay(request)
