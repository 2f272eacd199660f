"""Published cases (tests/vectors/planning_cases.json): the planner agrees with them, or errs on the safe side."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import fuota
from fuota.device.profile import decoder_memory_bytes, max_repairable_in
from fuota.errors import PlanError
from fuota.fragmentation import FragDecoder, decoding_probability, ideal_probability, uncovered
from fuota.fragmentation.statistics.ideal import dependence_probability
from fuota.planning.schedule import steady_starts_us
from fuota.planning.timing import session_timeout, session_timeout_s
from fuota.radio import fragment_phy_bytes, sustained_interval_us, time_on_air_us

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "planning_cases.json").read_text())["cases"]
MUST = {case["id"] for case in CASES if case["kind"] in {"hand", "exact"} or case["id"].startswith("S-ts004v")}
TESTED: set[str] = set()
TEN_PERCENT = 100_000


def cases(begin):
    """Return the cases whose id begins with `begin`, as parameters of a test."""
    matching = [case for case in CASES if case["id"].startswith(begin)]
    TESTED.update(case["id"] for case in matching)
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in matching])


def test_no_case_is_left_out():
    assert MUST
    assert MUST == TESTED


def frames_plan(frames, *, nb_coded, frag_size, **choices):
    """Return a plan with this number of frames."""
    return fuota.plan(bytes((frames - nb_coded) * frag_size), frag_size=frag_size, nb_coded=nb_coded, loss=0, **choices)


# --- Time on air and duration ---


@cases("H-toa-")
def test_time_on_air(case):
    inputs = case["inputs"]
    of_frame_us = time_on_air_us(
        sf=inputs["sf"],
        bw_hz=1000 * inputs["bw_khz"],
        phy_payload_bytes=inputs["phy_payload_bytes"],
        crc=inputs["phy_crc"],
    )
    assert of_frame_us / 1e6 == pytest.approx(case["expected"]["toa_s"], abs=case["tolerance"])
    assert fragment_phy_bytes(inputs["frag_size"]) == inputs["phy_payload_bytes"]
    data_rate = int(case["id"][-1])
    largest = fuota.plan(bytes(1000), region="EU868", data_rate=data_rate, repeater=True, nb_coded=1, loss=0)
    assert (largest.frag_size, largest.time_on_air_us) == (inputs["frag_size"], of_frame_us)


@cases("H-campaign-")
def test_duration_of_a_campaign(case):
    """The hand's frames wait for their own off time; ours are counted by the hour, and so a little slower, never faster."""
    inputs, expected = case["inputs"], case["expected"]
    on_air_us = round(1e6 * inputs["toa_s"])
    nb_frag = -(-inputs["size"] // inputs["frag_size"])
    starts = steady_starts_us(nb_frag, sustained_interval_us(on_air_us, round(1e6 * inputs["duty"])))
    assert nb_frag == expected["M"]
    assert nb_frag * on_air_us / 1e6 == pytest.approx(expected["airtime_s"], abs=case["tolerance"]["airtime_s"])
    elapsed_s = (int(starts[-1]) + on_air_us) / 1e6
    assert elapsed_s == pytest.approx(expected["elapsed_s"], abs=case["tolerance"]["elapsed_s"])

    choices = {
        "region": "EU868",
        "data_rate": int(case["id"][-1]),
        "frag_size": inputs["frag_size"],
        "nb_coded": 0,
        "loss": 0,
    }
    if elapsed_s > 32_768:
        with pytest.raises(PlanError, match=r"a session of SenRa lasts 32768 s"):
            fuota.plan(bytes(inputs["size"]), **choices)
        return
    plan = fuota.plan(bytes(inputs["size"]), **choices)
    assert (plan.nb_frag, plan.airtime_us) == (nb_frag, nb_frag * on_air_us)
    assert elapsed_s <= plan.duration_ms / 1000 <= 1.01 * elapsed_s


# --- Sessions ---


@cases("H-classC-window")
def test_number_of_frames_in_the_longest_session_of_class_c(case):
    inputs, expected = case["inputs"], case["expected"]
    on_air_us, longest_us = round(1e6 * inputs["toa_s"]), 1_000_000 * session_timeout_s(inputs["timeout_exp_max"], "C")
    assert longest_us == 1_000_000 * expected["max_session_s"]
    assert session_timeout(longest_us, "C") == inputs["timeout_exp_max"]
    assert session_timeout(longest_us + 1, "C") is None
    interval_us = sustained_interval_us(on_air_us, round(1e6 * inputs["duty"]))
    assert (longest_us - on_air_us) // interval_us + 1 == expected["max_fragments"]

    choices = {"nb_coded": 0, "frag_size": inputs["frag_size"], "region": "EU868", "data_rate": 0}
    with pytest.raises(PlanError):
        frames_plan(expected["max_fragments"] + 1, **choices)
    most = (longest_us - on_air_us) // frames_plan(10, **choices).pace.interval_us + 1
    assert 0.99 * expected["max_fragments"] < most <= expected["max_fragments"]
    assert frames_plan(most, **choices).session_timeout == 15
    with pytest.raises(PlanError, match=r"use DR[1-5]"):
        frames_plan(most + 1, **choices)
    assert expected["fits_100KiB"] is (most * inputs["frag_size"] >= 102_400)


@cases("H-aws-timeout")
def test_sessions_are_rounded_up_to_a_power_of_two(case):
    for asked_s, effective_s in zip(case["inputs"]["requested_s"], case["expected"]["effective_s"], strict=True):
        timeout = session_timeout(1_000_000 * asked_s, "C")
        assert timeout is not None
        assert session_timeout_s(timeout, "C") == effective_s
    assert session_timeout(172_800 * 1_000_000, "C") is None  # the note: more than TS005 can say


def chirpstack_exponent(inputs):
    """get_multicast_timeout of ChirpStack v4: frames by ping slots or by a margin each, no duty cycle."""
    nb_frag = -(-inputs["size"] // inputs["frag_size"])
    frames = nb_frag + -(-nb_frag * inputs["redundancy_percent"] // 100)
    if inputs["group"] == "B":
        needed = -(-frames // 2 ** (7 - inputs["ping_slot_periodicity"]))
    else:
        needed = frames * inputs["class_c_margin_s"]
    return frames, next(exponent for exponent in range(16) if needed < 2**exponent)


@cases("H-chirpstack-timeout-")
def test_a_session_of_class_b_holds_all_its_frames(case):
    """The planned session is the shortest that does."""
    inputs = case["inputs"]
    frames, theirs = chirpstack_exponent(inputs)
    assert theirs == case["expected"]["timeout_exponent"]
    for region, data_rate in (("US915", 10), ("EU868", 0)):
        plan = frames_plan(
            frames,
            nb_coded=frames - 10,
            frag_size=inputs["frag_size"],
            region=region,
            data_rate=data_rate,
            device_class="B",
            periodicity=inputs["ping_slot_periodicity"],
        )
        last = plan.schedule[-1]
        end_us = int(last["start_us"] + last["time_on_air_us"])
        assert end_us <= 1_000_000 * plan.session_timeout_s
        assert plan.longest_ms > 500 * plan.session_timeout_s
        assert plan.session_timeout <= theirs  # they round up once more; that is legal, and only costs the battery


@cases("H-chirpstack-gap")
def test_a_session_that_ignores_the_duty_cycle_is_too_short(case):
    inputs, expected = case["inputs"], case["expected"]
    frames, theirs = chirpstack_exponent(inputs)
    assert (theirs, 2**theirs) == (expected["timeout_exponent"], expected["session_s"])
    on_air_us = time_on_air_us(sf=12, bw_hz=125_000, phy_payload_bytes=fragment_phy_bytes(inputs["frag_size"]))
    needed_s = ((frames - 1) * sustained_interval_us(on_air_us, TEN_PERCENT) + on_air_us) / 1e6
    assert needed_s == pytest.approx(expected["needed_at_10pct_s"], abs=case["tolerance"]["needed_at_10pct_s"])
    assert 2**theirs < needed_s
    with pytest.raises(PlanError, match=r"2134 frames take 16\.\d h at DR0 .* use DR[1-5]"):
        fuota.plan(
            bytes(inputs["size"]), region="EU868", data_rate=0, frag_size=inputs["frag_size"], nb_coded=0, loss=0
        )
    plan = fuota.plan(bytes(inputs["size"]), region="EU868", frag_size=inputs["frag_size"], nb_coded=0, loss=0)
    assert plan.data_rate > 0
    assert plan.duration_ms <= 1000 * plan.session_timeout_s <= 32_768_000


# --- Peers that send too fast, or end too early ---


@cases("H-fuotasim-end-")
def test_end_of_a_campaign_beside_fuotasim(case):
    """Frames of fuotasim lack 8 bytes, and its fragments have 51 bytes although 48 is the most."""
    inputs, frag_size = case["inputs"], case["inputs"]["fragsize"]
    short_us = time_on_air_us(sf=inputs["sf"], bw_hz=125_000, phy_payload_bytes=frag_size + 8, crc=True)
    theirs_s = short_us * (10 * inputs["sent_fragments"] - 9) / 1e6
    assert theirs_s == pytest.approx(case["expected"]["end_s"], abs=case["tolerance"])

    choices = {"nb_coded": 20, "region": "EU868", "data_rate": inputs["dr"]}
    if frag_size == 51:
        with pytest.raises(PlanError, match=r"fragment size 51 does not fit .* at most 48"):
            frames_plan(inputs["sent_fragments"], frag_size=frag_size, **choices)
        frag_size = 48
    plan = frames_plan(inputs["sent_fragments"], frag_size=frag_size, **choices)
    assert plan.frames == inputs["sent_fragments"]
    assert plan.duration_ms / 1000 > theirs_s


@cases("H-ns3fuota-gap-")
def test_pace_is_slower_than_nine_times_the_time_on_air(case):
    inputs, expected = case["inputs"], case["expected"]
    short_us = time_on_air_us(sf=inputs["sf"], bw_hz=125_000, phy_payload_bytes=inputs["phy_bytes"], crc=inputs["crc"])
    assert 9 * short_us / 1e6 == pytest.approx(expected["gap_s"], abs=case["tolerance"]["gap_s"])
    assert pytest.approx(expected["duty"], abs=case["tolerance"]["duty"]) == 1 / 9
    frag_size = inputs["phy_bytes"] - 12  # the note: their frame is 9 + 3 + fragment
    plan = fuota.plan(
        bytes(2000), region="EU868", data_rate=int(case["id"][-1]), frag_size=frag_size, nb_coded=5, loss=0
    )
    assert plan.time_on_air_us / plan.pace.interval_us <= 0.1 < expected["duty"]
    assert plan.interval_ms > 1000 * expected["gap_s"]


# --- The code ---


@cases("H-ts004-mem")
def test_memory_of_a_decoder(case):
    (sizes,) = case["expected"].values()
    for lost, size in zip(case["inputs"]["max_lost"], sizes, strict=True):
        assert decoder_memory_bytes(lost) == size
        assert (max_repairable_in(size), max_repairable_in(size - 1)) == (lost, lost - 1)


@cases("E-rank-asym")
def test_rank_of_random_rows(case):
    received = case["inputs"]["M"] + np.array(case["inputs"]["extra"])
    assert 1 - dependence_probability(np.array(case["inputs"]["M"]), received) == pytest.approx(
        case["expected"]["p"], abs=case["tolerance"]
    )


@cases("E-psucc-")
def test_the_formula_that_planners_use(case):
    nb_frag, coded, loss = (case["inputs"][name] for name in ("M", "R", "p"))
    uniform = ideal_probability(nb_frag, coded=coded, loss=loss)
    assert uniform == pytest.approx(case["expected"]["p_uniform"], abs=case["tolerance"])
    lost_share, frames = Fraction(str(loss)), nb_frag + coded
    tail = (
        math.comb(frames, lost) * lost_share**lost * (1 - lost_share) ** (frames - lost) for lost in range(coded + 1)
    )
    mds = float(sum(tail))  # a code that any nb_frag fragments complete
    assert mds == pytest.approx(case["expected"]["p_mds"], abs=case["tolerance"])
    assert uniform < mds


@pytest.mark.slow
@cases("E-plan-")
def test_number_of_coded_fragments_of_a_plan(case):
    """The real code is as good as the ideal one here; a difference of one may come from drawing patterns."""
    nb_frag, loss, devices = (case["inputs"][name] for name in ("M", "p", "N"))
    choices = {"region": "US915", "frag_size": 48, "loss": loss}
    single = fuota.plan(bytes(48 * nb_frag), target=0.99, **choices)
    every = fuota.plan(bytes(48 * nb_frag), fleet=devices, target=1, confidence=0.99, **choices)
    assert single.nb_frag == every.nb_frag == nb_frag
    assert abs(single.nb_coded - case["expected"]["R_one"]) <= 1
    assert abs(every.nb_coded - case["expected"]["R_all"]) <= 1


@cases("E-ge-")
def test_losses_in_runs(case):
    inputs, expected = case["inputs"], case["expected"]
    nb_frag, coded, loss, burst = (inputs[name] for name in ("M", "R", "mean_loss", "mean_burst"))
    assert (1 / burst, loss / burst / (1 - loss)) == pytest.approx((inputs["p_bg"], inputs["p_gb"]))
    in_runs = ideal_probability(nb_frag, coded=coded, loss=loss, burst_frames=burst)
    assert in_runs == pytest.approx(expected["p_uniform"], abs=case["tolerance"]["p_uniform"])
    alone = ideal_probability(nb_frag, coded=coded, loss=loss)
    assert alone == pytest.approx(expected["p_iid_same_loss"], abs=case["tolerance"]["p_iid_same_loss"])


@cases("E-macrodiv-")
def test_several_gateways_lose_what_all_of_them_lose(case):
    inputs, expected = case["inputs"], case["expected"]
    loss = inputs["p_gw"] ** inputs["gateways"]
    assert loss == pytest.approx(expected["p_eff"], abs=case["tolerance"])
    success = ideal_probability(inputs["M"], coded=inputs["R"], loss=loss)
    assert success == pytest.approx(expected["p_uniform"], abs=case["tolerance"])


@cases("E-ts004-unprot-")
def test_uncovered_fragments(case):
    nb_frag, version = case["inputs"]["M"], case["inputs"]["version"]
    counts, expected = case["inputs"]["R"], case["expected"]["unprotected"]
    if isinstance(counts, int):
        counts, expected = [counts], [expected]
    for nb_coded, bare in zip(counts, expected, strict=True):
        assert list(uncovered(nb_frag, nb_coded, version)) == bare
        plan = fuota.plan(bytes(10 * nb_frag), region="EU868", frag_size=10, nb_coded=nb_coded, loss=0)
        messages = [finding.message for finding in plan.findings if finding.code == "uncovered"]
        assert len(messages) == 1
        assert f"contains fragment {', '.join(map(str, bare))}:" in messages[0]


@cases("E-ts004v2-rank")
def test_version_2_cannot_be_decoded_from_coded_fragments_alone(case):
    for nb_frag, rank in zip(case["inputs"]["M"], case["expected"]["rank"], strict=True):
        decoder = FragDecoder(nb_frag=nb_frag, frag_size=1, version=case["inputs"]["version"])
        numbers = np.arange(nb_frag + 1, 2 * nb_frag + 61)
        decoder.feed_many(numbers, np.zeros((len(numbers), 1), dtype=np.uint8))
        assert nb_frag - decoder.missing == rank


@pytest.mark.slow
@cases("S-ts004v")
def test_the_real_code_as_another_program_simulated_it(case):
    inputs, expected, tolerance = case["inputs"], case["expected"], case["tolerance"]
    nb_frag, coded, loss, version = (inputs[name] for name in ("M", "R", "p", "version"))
    probability = decoding_probability(nb_frag, coded=coded, loss=loss, version=version, seconds=0.3)
    assert probability.low - tolerance["p"] <= expected["p"] <= probability.high + tolerance["p"]
    assert probability.high - probability.low < 0.01
    ideal = ideal_probability(nb_frag, coded=coded, loss=loss)
    assert ideal == pytest.approx(expected["p_uniform_formula"], abs=tolerance["p_uniform_formula"])

    profile = fuota.DeviceProfile(version=version)
    plan = fuota.plan(
        bytes(40 * nb_frag), region="US915", frag_size=40, nb_coded=coded, loss=loss, profile=profile, fleet=1000
    )
    mean = plan.success.mean
    assert plan.nb_frag == nb_frag
    assert mean.low - tolerance["p"] <= expected["p"] <= mean.high + tolerance["p"]
    assert mean.high - mean.low < 0.01
