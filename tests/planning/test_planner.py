from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fuota
from fuota.errors import FuotaError, ImageError, ParameterError, PlanError
from fuota.planning import APPLICATION_MANAGED, Fleet, FleetMember, LinkModel, ServerProfile
from fuota.radio import region_names

IMAGE = bytes(range(250)) * 20  # 5000 bytes
EU868 = {"region": "EU868"}
DR5 = {"region": "EU868", "data_rate": 5}


# --- What is decided ---


@pytest.mark.parametrize(("name", "data_rate", "frequency_hz"), [("EU868", 0, 869_525_000), ("US915", 8, 923_300_000)])
def test_class_c_uses_the_channel_of_rx2(name, data_rate, frequency_hz):
    plan = fuota.plan(IMAGE, region=name, nb_coded=9, loss=0)
    assert (plan.data_rate, plan.frequency_hz, plan.channel, plan.slots) == (data_rate, (frequency_hz,), None, None)


@pytest.mark.parametrize(
    ("name", "frequencies"),
    [
        ("US915", tuple(923_300_000 + 600_000 * i for i in range(8))),
        ("AU915", tuple(923_300_000 + 600_000 * i for i in range(8))),
        ("EU868", (869_525_000,)),
        ("IN865", (866_550_000,)),
        ("AS923", (923_200_000,)),
    ],
)
def test_class_b_hops_in_regions_that_hop_and_uses_rx2_in_others(name, frequencies):
    plan = fuota.plan(IMAGE, region=name, device_class="B", nb_coded=9, loss=0)
    assert (plan.frequency_hz, plan.channel) == (frequencies, None)
    assert plan.slots is not None


@settings(max_examples=25)
@given(st.integers(1, 20_000), st.sampled_from([3, 4, 5]), st.integers(1, 16), st.integers(1, 255), st.integers(1, 253))
def test_fragments_have_the_largest_size_that_radio_device_and_server_take(
    size, data_rate, multiple, device_cap, server_cap
):
    most = min({3: 112, 4: 239, 5: 239}[data_rate], device_cap, server_cap)
    choices = {
        "data_rate": data_rate,
        "frag_size_multiple": multiple,
        "profile": fuota.DeviceProfile(max_frag_size=device_cap, max_nb_frag=16383),
        "server": ServerProfile(name="S", max_frag_size=server_cap, max_session_s=10**9),
        "duty_cycle": 1,
        "nb_coded": 0,
        "loss": 0,
    }
    nb_frag = -(-size // max(most - most % multiple, 1))
    if most < multiple or nb_frag > 16383:
        with pytest.raises(PlanError, match=f"multiple of {multiple}|fragments"):
            fuota.plan(bytes(size), **EU868, **choices)
        return
    plan = fuota.plan(bytes(size), **EU868, **choices)
    assert plan.frag_size == most - most % multiple
    assert plan.nb_frag * plan.frag_size - plan.padding == size
    assert 0 <= plan.padding < plan.frag_size


def test_fragment_size_is_a_multiple_for_the_device_and_for_the_caller():
    profile = fuota.DeviceProfile(frag_size_multiple=6)
    assert fuota.plan(IMAGE, **DR5, profile=profile, frag_size_multiple=4, nb_coded=9, loss=0).frag_size == 228


def test_a_repeater_makes_fragments_smaller():
    assert fuota.plan(IMAGE, **DR5, nb_coded=9, loss=0).frag_size == 239
    assert fuota.plan(IMAGE, **DR5, nb_coded=9, loss=0, repeater=True).frag_size == 219


def test_a_code_with_uncovered_fragments_is_replaced_by_a_better_code():
    """This happens only without a given size, and never with more airtime."""
    best = fuota.plan(bytes(2000), region="EU868", data_rate=4, loss=0.05)
    largest = fuota.plan(bytes(2000), region="EU868", data_rate=4, loss=0.05, frag_size=239)
    assert largest.frag_size == 239 >= best.frag_size
    assert best.airtime_us <= largest.airtime_us


@pytest.mark.slow
@pytest.mark.parametrize(("size", "data_rate", "enough"), [(4000, 5, 134), (1000, 4, 100), (700, 5, 50)])
def test_a_largest_size_that_cannot_reach_the_goal_is_replaced(size, data_rate, enough):
    """If an image has 3, 5 or 17 fragments, no coded fragment contains a certain fragment, however many are sent."""
    choices = {"region": "EU868", "data_rate": data_rate, "loss": 0.1}
    assert fuota.plan(bytes(size), **choices, frag_size=enough).success.goal >= 0.99
    assert fuota.plan(bytes(size), **choices).success.goal >= 0.989


def test_a_too_long_session_moves_to_a_faster_data_rate():
    plan = fuota.plan(bytes(100_000), **EU868, nb_coded=400, loss=0, frag_size=48)
    assert plan.data_rate > 0
    assert plan.duration_ms <= 1000 * plan.session_timeout_s <= 32_768_000
    with pytest.raises(PlanError):
        fuota.plan(bytes(100_000), **EU868, nb_coded=400, loss=0, frag_size=48, data_rate=plan.data_rate - 1)


def test_a_too_large_fragment_moves_to_a_faster_data_rate():
    assert fuota.plan(IMAGE, **EU868, frag_size=100, nb_coded=9, loss=0).data_rate == 3


def test_the_reason_concerns_rx2_if_faster_data_rates_do_not_help():
    with pytest.raises(PlanError, match="the slot of small takes 4999, 1 fewer"):
        fuota.plan(IMAGE, **EU868, profile=fuota.DeviceProfile(name="small", slot_bytes=4999))


@pytest.mark.parametrize(
    ("period_s", "start_delay_s", "delay_s"), [(None, None, 300), (600, None, 3600), (600, 42, 42)]
)
def test_the_start_is_delayed_for_setting_up_the_devices(period_s, start_delay_s, delay_s):
    profile = fuota.DeviceProfile(uplink_period_s=period_s)
    assert (
        fuota.plan(IMAGE, **DR5, nb_coded=9, loss=0, profile=profile, start_delay_s=start_delay_s).start_delay_s
        == delay_s
    )


def test_given_values_are_kept():
    plan = fuota.plan(
        IMAGE,
        region="EU868",
        device_class="B",
        data_rate=4,
        frequency_hz=868_500_000,
        frag_size=77,
        redundancy=0.3,
        interval_ms=45_000,
        start_delay_s=1234,
        periodicity=5,
        mc_addr=0xDEADBEEF,
        start_gps_s=128_000,
        loss=0,
        name="mine",
    )
    assert (plan.data_rate, plan.frequency_hz, plan.channel, plan.frag_size) == (4, (868_500_000,), 2, 77)
    assert (plan.nb_frag, plan.nb_coded, plan.interval_ms, plan.start_delay_s) == (65, 20, 45_000, 1234)
    assert (plan.slots.address, plan.slots.periodicity, plan.slots.first_beacon_s) == (0xDEADBEEF, 5, 128_000)
    assert plan.image.name == "mine"
    assert (np.diff(plan.schedule["start_us"]) >= 45_000_000).all()


@pytest.mark.parametrize("region", region_names())
@pytest.mark.parametrize("device_class", ["B", "C"])
def test_every_region_has_a_plan_for_a_small_image(region, device_class):
    plan = fuota.plan(bytes(500), region=region, device_class=device_class, loss=0, target=1)
    assert (plan.region, plan.nb_coded, plan.success_probability) == (region, 0, 1)


def test_any_legal_frequency_works_with_a_server_that_takes_a_frequency():
    server = ServerProfile(name="Other", takes_frequency=True)
    plan = fuota.plan(IMAGE, **DR5, frequency_hz=868_950_000, nb_coded=9, loss=0, server=server)
    assert (plan.frequency_hz, plan.channel) == ((868_950_000,), None)


def test_an_application_may_send_any_number_of_coded_fragments():
    plan = fuota.plan(IMAGE, **DR5, nb_coded=50, loss=0, server=APPLICATION_MANAGED)
    assert plan.nb_coded == 50 > plan.nb_frag


def test_a_crc_of_the_gateway_lengthens_the_frame():
    with_crc = ServerProfile(name="S", gateway_adds_crc=True)
    plan = fuota.plan(IMAGE, region="EU868", data_rate=4, repeater=True, nb_coded=9, loss=0, server=with_crc)
    assert plan.time_on_air_us == 655_872  # planning case H-toa-DR4, its note


# --- The image ---


class Opened:
    data = IMAGE


def test_an_image_is_bytes_a_file_or_an_object_with_data(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(IMAGE)
    plans = [
        fuota.plan(source, **DR5, nb_coded=9, loss=0) for source in (IMAGE, path, str(path), Opened(), bytearray(IMAGE))
    ]
    assert {plan.image.sha256 for plan in plans} == {hashlib.sha256(IMAGE).hexdigest()}
    assert {plan.image.size for plan in plans} == {5000}
    assert [plan.image.name for plan in plans] == ["image", "app.bin", "app.bin", "image", "image"]


def test_an_empty_or_missing_image_is_refused(tmp_path):
    with pytest.raises(ImageError, match="image is empty: there is nothing to send; an image has 1 byte or more"):
        fuota.plan(b"", **EU868)
    with pytest.raises(ImageError, match=r"missing\.bin cannot be read"):
        fuota.plan(tmp_path / "missing.bin", **EU868)


# --- The fleet ---


def test_a_loss_may_be_given_in_many_ways(tmp_path):
    path = tmp_path / "fleet.toml"
    path.write_text('[[group]]\nname = "all"\ndevices = 3\nloss = 0.1\n')
    fleet = Fleet(members=tuple(FleetMember(name=str(i), loss=0.1) for i in range(3)))
    ways = [
        {"loss": 0.1, "fleet": 3},
        {"loss": fuota.Bernoulli(0.1), "fleet": 3},
        {"loss": [0.1, 0.1, 0.1]},
        {"loss": np.full(3, 0.1)},
        {"fleet": path},
        {"fleet": str(path)},
        {"fleet": fleet},
    ]
    plans = [fuota.plan(bytes(1000), **DR5, frag_size=100, nb_coded=4, **choices) for choices in ways]
    assert {plan.success.devices for plan in plans} == {3}
    assert len({plan.success for plan in plans}) == 1


def test_a_list_gives_the_loss_of_each_device():
    plan = fuota.plan(IMAGE, **DR5, nb_coded=9, loss=[0, 0.3, 0.01])
    assert (plan.success.devices, plan.success.worst_loss) == (3, 0.3)


def test_the_default_is_one_device_that_loses_a_tenth():
    assert (
        fuota.plan(IMAGE, **DR5, nb_coded=9).success == fuota.plan(IMAGE, **DR5, nb_coded=9, loss=0.1, fleet=1).success
    )


@pytest.mark.slow
def test_losses_in_bursts_need_more_coded_fragments():
    needed = [
        fuota.plan(bytes(8000), **DR5, frag_size=100, loss=law).nb_coded
        for law in (fuota.Bernoulli(0.1), fuota.GilbertElliott(0.1, 1.0), fuota.GilbertElliott(0.1, 4.0))
    ]
    assert needed[1] == pytest.approx(needed[0], abs=2)  # runs of 1: no two losses in a row
    assert needed[2] >= needed[0] + 4


@pytest.mark.slow
def test_larger_fleets_that_must_complete_entirely_need_more_coded_fragments():
    needed = [
        fuota.plan(bytes(8000), **DR5, frag_size=100, fleet=devices, loss=0.1, target=1).nb_coded
        for devices in (1, 100, 10_000)
    ]
    assert needed == sorted(set(needed))


def test_a_profile_by_name_and_by_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nmax_frag_size = 64\nversion = 2\n')
    assert fuota.plan(IMAGE, **DR5, nb_coded=9, loss=0, profile="ideal").frag_size == 239
    for source in (path, str(path), fuota.load_profile(path)):
        plan = fuota.plan(IMAGE, **DR5, nb_coded=9, loss=0, profile=source)
        assert (plan.frag_size, plan.version) == (64, 2)


def test_a_device_with_a_small_decoder_completes_less_often():
    little = fuota.plan(IMAGE, **DR5, nb_coded=10, loss=0.1, profile=fuota.DeviceProfile(max_lost=1))
    much = fuota.plan(IMAGE, **DR5, nb_coded=10, loss=0.1)
    assert little.success_probability <= 0.9**21 + 21 * 0.1 * 0.9**20 + 1e-9
    assert little.success_probability < much.success_probability


def test_fleet_share_is_the_mean_of_the_probabilities_of_its_devices():
    plan = fuota.plan(bytes(1000), **DR5, frag_size=100, nb_coded=5, loss=[0.05, 0.3])
    alone = [fuota.plan(bytes(1000), **DR5, frag_size=100, nb_coded=5, loss=loss) for loss in (0.05, 0.3)]
    shares = [single.success_probability for single in alone]
    assert plan.success_probability == pytest.approx(sum(shares) / 2)
    assert plan.success.every == pytest.approx(math.prod(shares))
    assert plan.success.worst.estimate == pytest.approx(min(shares))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "device_class"),
    [
        ("EU868", "C"),
        *(pytest.param(name, "C", marks=pytest.mark.slow) for name in ("US915", "KR920", "AS923-1", "IN865")),
        pytest.param("EU868", "B", marks=pytest.mark.slow),
        ("US915", "B"),
    ],
)
def test_a_fleet_with_link_figures_has_a_plan_in_every_region(region, device_class):
    """The data rate fits the links."""
    model = LinkModel.for_region(fuota.region(region))
    fleet = Fleet(members=(FleetMember(name="near", cn0_dbhz=60), FleetMember(name="far", cn0_dbhz=52)), model=model)
    plan = fuota.plan(bytes(5000), region=region, device_class=device_class, fleet=fleet)
    assert plan.success.goal >= 0.94  # 0.95 is the goal; drawing loss patterns may shift it


@pytest.mark.slow
@pytest.mark.parametrize(
    "cn0_dbhz", [pytest.param(45, marks=pytest.mark.slow), 52, pytest.param(60, marks=pytest.mark.slow)]
)
def test_links_with_losses_in_runs_have_a_plan(cn0_dbhz):
    """At some data rates a device receives almost nothing, so that runs of 3 frames are impossible; a plan is made all the same."""
    fleet = Fleet(members=(FleetMember(name="a", cn0_dbhz=cn0_dbhz, burst_frames=3.0),))
    plan = fuota.plan(IMAGE, **EU868, fleet=fleet)
    assert plan.success_probability >= 0.98
    lossy = fuota.plan(IMAGE, **DR5, fleet=fleet, nb_coded=20)  # most frames are lost at DR5
    assert 0 <= lossy.success_probability <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({"image": bytes(20_000), "optimise": "time", "loss": 0.1, "fleet": 100}, marks=pytest.mark.slow),
        pytest.param({"image": bytes(200_000)}, marks=pytest.mark.slow),
        {"image": IMAGE, "data_rate": 5, "loss": 0.05, "fleet": 1000},
        {"image": bytes(20_000), "data_rate": 4, "loss": 0.08, "fleet": 300, "target": 1},
    ],
    ids=["optimise", "large image", "large fleet", "all devices"],
)
def test_goal_is_reached_if_the_plan_decides_the_redundancy(choices):
    plan = fuota.plan(**{**EU868, **choices})
    assert "goal-missed" not in [finding.code for finding in plan.findings]


# --- Refusals ---

REFUSED = {
    "unknown region": ({"region": "EU869"}, ParameterError, "'EU869' .*nearest: EU868"),
    "uplink data rate": (
        {"region": "US915", "data_rate": 0},
        PlanError,
        "DR0 of US915 is for uplinks only; .*nearest: DR8",
    ),
    "no such data rate": ({**EU868, "data_rate": 15}, ParameterError, "EU868 has no DR15; .*nearest: DR11"),
    "outside the band": (
        {**EU868, "frequency_hz": 915_000_000},
        PlanError,
        "915000000 Hz .* no sub-band of EU868: the nearest legal frequency is 869937500 Hz",
    ),
    "in a gap": (
        {**EU868, "frequency_hz": 869_300_000},
        PlanError,
        "869300000 Hz .* no sub-band of EU868: the nearest legal frequency is 869462500 Hz",
    ),
    "no channel of the server": (
        {**EU868, "frequency_hz": 868_950_000},
        PlanError,
        "must be a downlink channel of EU868 .* channel number.*, got 868.95 MHz .nearest: 868500000 Hz",
    ),
    "no fixed channel": (
        {"region": "US915", "frequency_hz": 923_400_000},
        PlanError,
        "must be a downlink channel of US915 .* got 923.4 MHz .nearest: 923300000 Hz",
    ),
    "negative loss": ({**EU868, "loss": -0.1}, ParameterError, "loss must be 0 to 1, got -0.1 .nearest: 0"),
    "loss above 1": ({**EU868, "loss": 10}, ParameterError, "loss must be 0 to 1, got 10 .nearest: 1"),
    "loss is nan": ({**EU868, "loss": math.nan}, ParameterError, "loss must be 0 to 1, got nan"),
    "a loss of the list": (
        {**EU868, "loss": [0.1, 1.5]},
        ParameterError,
        "loss of device 2 must be 0 to 1, got 1.5 .nearest: 1",
    ),
    "empty fleet": ({**EU868, "fleet": 0}, ParameterError, "fleet must be 1 or more, got 0 .nearest: 1"),
    "empty list": ({**EU868, "loss": []}, PlanError, "no device is left to plan for: the fleet has no members"),
    "list and fleet": ({**EU868, "loss": [0.1], "fleet": 3}, ParameterError, "a fleet and a list of losses"),
    "image larger than slot": (
        {**EU868, "profile": fuota.DeviceProfile(name="small", slot_bytes=4000)},
        PlanError,
        "the image has 5000 bytes: the slot of small takes 4000, 1000 fewer; make the image smaller, or send a delta",
    ),
    "more fragments than the device takes": (
        {**DR5, "frag_size": 100, "profile": fuota.DeviceProfile(name="old", max_nb_frag=40)},
        PlanError,
        "5000 bytes in fragments of 100 are 50 fragments: old takes 40 at most .* fragments of 125 bytes or more fit",
    ),
    "N beyond 14 bits": (
        {**DR5, "frag_size": 1, "nb_coded": 12_000},
        PlanError,
        "nb_coded must be 5000 or less .*N has 14 bits .* 16383 .*, got 12000 .nearest: 5000",
    ),
    "redundancy above 1.0": (
        {**DR5, "redundancy": 1.2},
        PlanError,
        "nb_coded must be 21 or less .*SenRa takes a redundancy of 1.0 at most.*, got 26 .nearest: 21",
    ),
    "too many coded fragments": (
        {**DR5, "nb_coded": 22},
        PlanError,
        "SenRa takes a redundancy of 1.0 at most.*, got 22 .nearest: 21",
    ),
    "interval too short": (
        {**DR5, "interval_ms": 3947, "nb_coded": 9},
        PlanError,
        "interval_ms must be 3948 or more .a duty cycle of 10 % .*, got 3947 .nearest: 3948",
    ),
    "fragment too large for the frame": (
        {**EU868, "data_rate": 0, "frag_size": 49},
        PlanError,
        "fragment size 49 does not fit DR0 of EU868: .* at most 48",
    ),
    "fragment too large for the device": (
        {**DR5, "frag_size": 120, "profile": fuota.DeviceProfile(name="old", max_frag_size=100)},
        PlanError,
        "frag_size must be 100 or less for old, got 120 .nearest: 100",
    ),
    "fragment too large for the server": (
        {**DR5, "frag_size": 120, "server": ServerProfile(name="S", max_frag_size=60)},
        PlanError,
        "frag_size must be 60 or less for S, got 120 .nearest: 60",
    ),
    "not a multiple": (
        {**DR5, "frag_size": 121, "frag_size_multiple": 8},
        PlanError,
        "frag_size must be a multiple of 8, got 121 .nearest: 120",
    ),
    "class A": ({**EU868, "device_class": "A"}, ParameterError, "device_class must be one of B, C, got 'A'"),
    "target 99": ({**EU868, "target": 99}, ParameterError, "target must be 0 to 1, got 99 .nearest: 1"),
    "both redundancies": (
        {**EU868, "nb_coded": 3, "redundancy": 0.1},
        ParameterError,
        "nb_coded and redundancy were both given",
    ),
    "optimise and a number": ({**EU868, "optimise": "time", "nb_coded": 3}, ParameterError, "optimise decides"),
    "unknown objective": (
        {**EU868, "optimise": "money"},
        ParameterError,
        "must be one of .*time, airtime, energy, got 'money'",
    ),
    "negative count": ({**EU868, "nb_coded": -1}, ParameterError, "nb_coded must be 0 or more, got -1 .nearest: 0"),
    "fragments of no byte": (
        {**EU868, "frag_size": 0},
        ParameterError,
        "frag_size must be 1 or more, got 0 .nearest: 1",
    ),
    "negative share": (
        {**EU868, "redundancy": -0.1},
        ParameterError,
        "redundancy must be 0 or more, got -0.1 .nearest: 0",
    ),
    "redundancy is nan": ({**EU868, "redundancy": math.nan}, ParameterError, "redundancy must be 0 or more, got nan"),
    "no delay": ({**EU868, "start_delay_s": 0}, ParameterError, "start_delay_s must be 1 to .*, got 0 .nearest: 1"),
    "periodicity": (
        {**EU868, "device_class": "B", "periodicity": 8},
        ParameterError,
        "periodicity must be 0 to 7, got 8 .nearest: 7",
    ),
    "between beacons": (
        {**EU868, "device_class": "B", "start_gps_s": 129},
        ParameterError,
        "start_gps_s must be a multiple of 128.*, got 129 .nearest: 256",
    ),
    "duty cycle": ({**EU868, "duty_cycle": 10}, ParameterError, "duty cycle .* got 10 .*nearest: 1"),
    "profile": ({**EU868, "profile": "loramac-nod"}, FuotaError, "loramac-node"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refusals_name_the_rule_the_value_and_the_nearest(what):
    choices, error, message = REFUSED[what]
    with pytest.raises(error, match=message):
        fuota.plan(IMAGE, **choices)


@pytest.mark.parametrize(
    ("choices", "name", "nearest"),
    [
        ({**DR5, "interval_ms": 3947, "nb_coded": 9}, "interval_ms", 3948),
        ({**DR5, "nb_coded": 22}, "nb_coded", 21),
        ({"region": "EU868", "data_rate": 0, "frag_size": 49, "nb_coded": 9}, "frag_size", 48),
        ({**DR5, "frag_size": 121, "frag_size_multiple": 8, "nb_coded": 9}, "frag_size", 120),
        ({**EU868, "frequency_hz": 868_950_000, "nb_coded": 9, "data_rate": 5}, "frequency_hz", 868_500_000),
        ({"region": "US915", "data_rate": 0, "nb_coded": 9}, "data_rate", 8),
        ({**EU868, "device_class": "B", "start_gps_s": 129, "nb_coded": 9}, "start_gps_s", 256),
    ],
)
def test_the_nearest_value_is_accepted(choices, name, nearest):
    with pytest.raises(FuotaError):
        fuota.plan(IMAGE, **choices)
    fuota.plan(IMAGE, **{**choices, name: nearest, "loss": 0})


@pytest.mark.slow
def test_the_refusal_of_a_too_long_session_names_a_faster_data_rate():
    with pytest.raises(
        PlanError, match=r"3334 frames take 26\.0 h at DR0 of EU868, .* 32768 s \(9\.1 h\) at most, about 116\d"
    ):
        fuota.plan(bytes(150_000), **EU868, data_rate=0, nb_coded=209)
    with pytest.raises(PlanError, match=r"use DR(\d), (\d+) frames in ([\d.]+) h") as refused:
        fuota.plan(bytes(150_000), **EU868, data_rate=0, nb_coded=209, loss=0.01)
    data_rate = int(str(refused.value).split("use DR")[1][0])
    faster = fuota.plan(bytes(150_000), **EU868, data_rate=data_rate, loss=0.01)
    assert faster.session_timeout <= 15


def test_the_refusal_says_that_no_data_rate_is_fast_enough():
    with pytest.raises(PlanError, match="no data rate is fast enough; take another channel, or a smaller image"):
        fuota.plan(bytes(2_500_000), **EU868, data_rate=5, frequency_hz=868_100_000, nb_coded=100)


def test_no_session_of_class_c_is_longer_than_the_protocol_allows():
    """TS005: 2^15 s, whatever a server allows; the refusal names the limit that binds."""
    server = ServerProfile(name="Generous", max_session_s=172_800)
    with pytest.raises(PlanError) as refused:
        fuota.plan(bytes(62_000), **EU868, data_rate=0, nb_coded=0, server=server)
    frames, fit = 1292, int(str(refused.value).split("about ")[1].split(" ")[0])
    assert fit < frames
    assert "32768 s" in str(refused.value)
