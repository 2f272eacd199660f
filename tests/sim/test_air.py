from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fuota
from fuota import AnyGateway, Bernoulli, DeviceProfile, GilbertElliott, PerDevice, SimulatedAir, SnrMargin, Trace
from fuota.errors import ParameterError
from fuota.fragmentation import decoding_probability
from fuota.planning import APPLICATION_MANAGED
from fuota.sim import Absence, Ending, OwnUplinks
from fuota.sim import air as air_module


@cache
def plan_of(nb_frag=50, nb_coded=15, version=1):
    return fuota.plan(
        bytes(48 * nb_frag - 5),
        region="IN865",
        data_rate=2,
        frag_size=48,
        nb_coded=nb_coded,
        loss=0.1,
        profile=DeviceProfile(version=version),
        server=APPLICATION_MANAGED,
    )


def same(first, other):
    return (
        first.recipe == other.recipe
        and first.counts == other.counts
        and (first.completed_at == other.completed_at).all()
        and first.missing.tolist() == other.missing.tolist()
    )


def sigmas(verdict, probability):
    return (
        abs(verdict.complete - verdict.devices * probability)
        / (verdict.devices * probability * (1 - probability)) ** 0.5
    )


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(("loss", "burst"), [(0.1, None), (0.2, None), (0.1, 4)])
def test_completion_agrees_with_the_decoding_probability(version, loss, burst):
    """Five standard deviations of a binomial, and the interval of the estimate."""
    plan = plan_of(version=version)
    law = Bernoulli(loss) if burst is None else GilbertElliott(loss, burst)
    verdict = SimulatedAir(devices=40_000, loss=law, seed=3).transmit(plan)
    theory = decoding_probability(50, coded=15, loss=loss, burst_frames=burst, version=version)
    assert sigmas(verdict, theory.estimate) < 5 + (theory.high - theory.low) * verdict.devices**0.5
    assert sum(verdict.counts.values()) == verdict.devices == 40_000


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(1, 70),
    st.integers(0, 20),
    st.sampled_from([1, 2]),
    st.sampled_from([Bernoulli(0.15), Bernoulli(0.5), GilbertElliott(0.2, 3), SnrMargin(margin_db=6, shadowing_db=3)]),
    st.integers(0, 2**40),
    st.none() | st.integers(0, 8),
)
def test_bytes_native_and_rank_give_the_same_verdict(nb_frag, nb_coded, version, loss, seed, max_lost):
    plan = plan_of(nb_frag, nb_coded, version)
    fleet = {"devices": 12, "loss": loss, "seed": seed, "profile": DeviceProfile(version=version, max_lost=max_lost)}
    by_rank = SimulatedAir(**fleet).transmit(plan)
    assert same(by_rank, SimulatedAir(**fleet, depth="bytes").transmit(plan))
    if shutil.which("cc"):
        assert same(by_rank, SimulatedAir(**fleet, depth="native").transmit(plan))


def test_threads_and_blocks_make_no_difference(monkeypatch):
    air = SimulatedAir(
        devices=3_000,
        loss=GilbertElliott(0.2, 3),
        seed=5,
        mix=[(1, DeviceProfile()), (2, DeviceProfile(max_lost=8))],
        uplinks=OwnUplinks(period_s=60, sending_ms=900),
        absence=Absence(late_share=0.1, early_share=0.1),
    )
    whole = air.transmit(plan_of(), threads=1)
    assert same(whole, air.transmit(plan_of(), threads=2))
    monkeypatch.setattr(air_module, "BLOCK_DEVICES", 7)
    assert same(whole, air.transmit(plan_of(), threads=3))
    assert not same(whole, replace_seed(air, 6).transmit(plan_of()))


def replace_seed(air, seed):
    return replace(air, seed=seed)


def test_all_or_nothing():
    plan = plan_of()
    assert SimulatedAir(devices=100, loss=Bernoulli(0)).transmit(plan).counts[Ending.COMPLETE] == 100
    nothing = SimulatedAir(devices=100, loss=Bernoulli(1)).transmit(plan)
    assert nothing.counts[Ending.INCOMPLETE] == 100
    assert nothing.missing[50] == 100
    lossless = SimulatedAir(devices=10, loss=Bernoulli(0)).transmit(plan)
    assert lossless.quantile(1) == plan.nb_frag


def test_a_decoder_that_gives_up_and_one_that_refuses():
    plan, loss = plan_of(), Bernoulli(0.1)
    gave_up = SimulatedAir(devices=5_000, loss=loss, profile=DeviceProfile(max_lost=5)).transmit(plan)
    # P(more than 5 of 50 lost at 10 %) is 0.3839.
    assert abs(gave_up.counts[Ending.GAVE_UP] - 5_000 * 0.3839) < 5 * (5_000 * 0.3839 * 0.6161) ** 0.5
    refused = SimulatedAir(devices=7, loss=loss, profile=DeviceProfile(max_nb_frag=10)).transmit(plan)
    assert refused.counts[Ending.REFUSED] == 7
    mixed = SimulatedAir(
        devices=6_000, loss=loss, mix=[(3, DeviceProfile()), (1, DeviceProfile(max_nb_frag=10))]
    ).transmit(plan)
    assert abs(mixed.counts[Ending.REFUSED] - 1_500) < 5 * (6_000 * 0.25 * 0.75) ** 0.5


@pytest.mark.slow
def test_several_gateways_equal_a_gateway_with_the_product_of_their_losses():
    """papers.md: 30 % loss of each, 100 uncoded and 20 coded: hardly ever, 0.982 and 0.99998 with one, two and three."""
    plan = plan_of(100, 20)
    verdicts = [
        SimulatedAir(devices=20_000, loss=AnyGateway((Bernoulli(0.3),) * gateways), seed=1).transmit(plan)
        for gateways in (1, 2, 3)
    ]
    assert verdicts[0].share < 0.002
    theory = decoding_probability(100, coded=20, loss=0.09, patterns=200_000)
    assert sigmas(verdicts[1], theory.estimate) < 5
    assert verdicts[2].share > 0.999


def test_the_links_of_a_fleet_and_of_single_devices():
    plan = plan_of()
    fleet = fuota.Fleet.uniform(5_000, 0.1)
    by_fleet = SimulatedAir(fleet=fleet, seed=2).transmit(plan)
    by_device = SimulatedAir(devices=5_000, loss=PerDevice(np.full(5_000, 0.1)), seed=2).transmit(plan)
    by_law = SimulatedAir(devices=5_000, loss=Bernoulli(0.1), seed=2).transmit(plan)
    assert by_fleet.counts == by_device.counts == by_law.counts


@pytest.mark.slow
def test_margins_without_shadowing_are_one_loss():
    plan = plan_of()
    margin = SimulatedAir(devices=20_000, loss=SnrMargin(margin_db=10), seed=4).transmit(plan)
    faded = 1 - np.exp(-0.1)
    assert sigmas(margin, decoding_probability(50, coded=15, loss=faded).estimate) < 5
    two = SnrMargin(margin_db=10, gateways=2).device_losses(0, 3)[0]
    assert two == pytest.approx(faded**2)
    shadowed = SnrMargin(margin_db=10, shadowing_db=6, seed=1).device_losses(0, 4_000)[0]
    # The margin that a loss stands for is normal again.
    margins = -10 * np.log10(-np.log1p(-shadowed))
    assert abs(margins.mean() - 10) < 5 * 6 / 4_000**0.5
    assert abs(margins.std() - 6) < 5 * 6 / (2 * 4_000) ** 0.5


def test_a_trace_is_replayed_exactly(tmp_path):
    plan = plan_of(3, 0)
    received = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 0]], dtype=bool)
    verdict = SimulatedAir(devices=3, loss=Trace(received)).transmit(plan)
    assert (verdict.complete, verdict.missing.tolist()) == (1, [0, 1, 0, 1])
    np.save(tmp_path / "trace.npy", received)
    (tmp_path / "trace.csv").write_text("1,1,1\n1,0,1\n0,0,0\n")
    for name in ("trace.npy", "trace.csv"):
        assert (Trace.open(tmp_path / name).received == received).all()


def test_uplinks_lose_their_share_of_frames():
    """Sending 1 s in 20 s overlaps a frame of T with probability (1 s + T) / 20 s."""
    plan = plan_of(100, 0)
    session = air_module._Session.of(
        SimulatedAir(devices=2_000, loss=Bernoulli(0), uplinks=OwnUplinks(period_s=20, sending_ms=1_000)), plan
    )
    lost = np.unpackbits(session.lost(0, 2_000).view(np.uint8), axis=1, bitorder="little")[:, :100].mean()
    assert lost == pytest.approx((1 + plan.time_on_air_us / 1e6) / 20, abs=0.004)


def test_a_device_without_a_second_buffer_misses_frames_while_it_writes():
    slow = DeviceProfile(second_buffer=False, frag_write_ms=1_000)
    verdict = SimulatedAir(devices=5, loss=Bernoulli(0), profile=slow).transmit(plan_of())
    assert verdict.complete == 0
    patient = fuota.plan(bytes(2_000), region="IN865", data_rate=2, frag_size=48, nb_coded=5, loss=0.1, profile=slow)
    assert SimulatedAir(devices=5, loss=Bernoulli(0), profile=slow).transmit(patient).complete == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"devices": 0}, "devices must be 1 or more, got 0 .nearest: 1"),
        ({}, "devices must be a whole number"),
        ({"devices": 3, "fleet": fuota.Fleet.uniform(3, 0.1)}, "the fleet has both"),
        ({"devices": 3, "seed": -1}, "seed must be 0 to .*, got -1"),
        ({"devices": 3, "depth": "bits"}, "depth must be one of rank, bytes, native, got 'bits'"),
        ({"devices": 3}, "loss is missing"),
        ({"devices": 3, "mix": [(0, DeviceProfile())]}, "weight"),
        ({"devices": 3, "loss": Trace(np.ones((2, 5)))}, "2 or less, the devices of the trace, got 3"),
    ],
)
def test_invalid_arguments_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        SimulatedAir(**arguments)


def test_invalid_laws_are_refused(tmp_path):
    for law, arguments in (
        (PerDevice, ([0.1, 1.2],)),
        (PerDevice, ([],)),
        (AnyGateway, ((),)),
        (Trace, (np.ones(5),)),
        (Trace, (np.full((2, 2), 0.5),)),
    ):
        with pytest.raises(ParameterError):
            law(*arguments)
    with pytest.raises(ParameterError, match="frames of the trace must be 65 or more, as in the plan, got 5"):
        SimulatedAir(devices=2, loss=Trace(np.ones((2, 5)))).transmit(plan_of())
    with pytest.raises(ParameterError, match="devices must be 2 or less, the number of losses"):
        SimulatedAir(devices=3, loss=PerDevice([0.1, 0.2])).transmit(plan_of())
    with pytest.raises(fuota.FuotaError, match="cannot be read"):
        Trace.open(tmp_path / "none.csv")


def test_reported_missing_fragments_differ_from_the_lacking_rank():
    """Version 1 stacks: FragNbLost never shrinks (LoRaMac-node); one missing after a reception without loss (SWL2001 101)."""
    plan, fleet = plan_of(), {"devices": 4_000, "loss": Bernoulli(0.1), "seed": 9}
    rank, lost, single = (
        SimulatedAir(**fleet, profile=DeviceProfile(missing_report=report)).transmit(plan)
        for report in ("rank", "lost", "one")
    )
    assert rank.counts == lost.counts == single.counts
    assert rank.missing.sum() == rank.counts[Ending.INCOMPLETE]
    # All devices except the share 0.9^50 = 0.00515 that lost none of 50.
    assert abs(4_000 - lost.missing.sum() - 4_000 * 0.00515) < 5 * (4_000 * 0.00515) ** 0.5
    assert single.missing[1] == rank.missing[1] + (4_000 - lost.missing.sum())


def test_devices_that_join_late_and_leave_early():
    session = air_module._Session.of(
        SimulatedAir(devices=20_000, loss=Bernoulli(0), absence=Absence(late_share=0.2, early_share=0.1)), plan_of()
    )
    lost = np.unpackbits(session.lost(0, 20_000).view(np.uint8), axis=1, bitorder="little")[:, :65]
    assert abs(lost[:, 0].mean() - 0.2 * 64 / 65) < 5 * (0.2 * 0.8 / 20_000) ** 0.5 + 0.1 / 65
    assert abs(lost[:, 64].mean() - 0.1) < 5 * (0.1 * 0.9 / 20_000) ** 0.5 + 0.2 / 65
    assert lost[:, 32].mean() == pytest.approx(0.15, abs=0.02)
