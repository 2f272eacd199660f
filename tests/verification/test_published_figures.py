"""Published figures, and figures of a reference model, that a simulated fleet must reproduce; with sources and tolerances."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import fuota
from fuota.planning import APPLICATION_MANAGED

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "planning_cases.json").read_text())["cases"]
REAL_CODE = [case for case in CASES if case["id"].startswith("S-ts004v")]
DEVICES = 60_000


@cache
def plan_of(nb_frag, nb_coded, version=1):
    return fuota.plan(
        bytes(16 * nb_frag),
        region="IN865",
        data_rate=5,
        frag_size=16,
        nb_coded=nb_coded,
        loss=0.1,
        server=APPLICATION_MANAGED,
        profile=fuota.DeviceProfile(version=version),
    )


def simulated(nb_frag, nb_coded, loss, version=1, devices=DEVICES):
    air = fuota.SimulatedAir(devices=devices, loss=loss, seed=2002)
    return air.transmit(plan_of(nb_frag, nb_coded, version))


def tolerance(share, devices=DEVICES):
    """Return five standard deviations of a binomial share."""
    return 5 * (share * (1 - share) / devices) ** 0.5 + 1e-4


@pytest.mark.parametrize("case", REAL_CODE, ids=lambda case: case["id"])
def test_the_real_code_equals_the_reference_model(case):
    """planning_cases.json: Monte Carlo of another implementation of the rows of both versions, to 0.0015."""
    inputs, expected = case["inputs"], case["expected"]["p"]
    share = simulated(inputs["M"], inputs["R"], fuota.Bernoulli(inputs["p"]), inputs["version"]).share
    assert share == pytest.approx(expected, abs=0.0015 + tolerance(expected))


@pytest.mark.parametrize(
    ("nb_coded", "burst", "expected"),
    [(20, None, 0.962), (20, 5, 0.792), (20, 20, 0.754), (40, 5, 0.979), (40, 20, 0.885)],
)
def test_bursts_of_the_uniform_code(nb_coded, burst, expected):
    """M = 100, 10 % loss, a Gilbert-Elliott channel and the uniform code, to three digits.

    The real code of version 1 is slightly worse if few coded fragments are sent: 0.95 of the share for 20 coded fragments.
    """
    loss = fuota.Bernoulli(0.1) if burst is None else fuota.GilbertElliott(0.1, burst)
    share = simulated(100, nb_coded, loss, devices=20_000).share
    worse = 0.05 if nb_coded == 20 else 0.01
    assert expected - worse <= share <= expected + tolerance(expected, 20_000) + 5e-4


def test_fleets_with_one_to_three_gateways():
    """M = 100, R = 20, 30 % loss at each gateway: 0.0003, 0.982 and 0.99998 with the uniform code."""
    shares = [
        simulated(100, 20, fuota.AnyGateway((fuota.Bernoulli(0.3),) * gateways), devices=20_000).share
        for gateways in (1, 2, 3)
    ]
    assert shares == pytest.approx([0.0003, 0.982, 0.99998], abs=0.02)


@pytest.mark.slow
def test_99_percent_of_the_devices_and_all_of_1000():
    """M = 468 (100 KiB at DR5), 10 % loss: 73 coded fragments for 99 % of the devices, 91 for all of 1000 devices with 99 %."""
    assert simulated(468, 73, fuota.Bernoulli(0.1)).share == pytest.approx(0.99, abs=0.003)
    assert simulated(468, 72, fuota.Bernoulli(0.1)).share < 0.9915
    assert 1 - simulated(468, 91, fuota.Bernoulli(0.1), devices=200_000).share < 5e-5


def test_mean_overhead_over_devices_that_lose_at_random():
    """Coded fragments beyond the number of losses until a random code completes: 1.607 on average, 0 for a share of 0.2888.

    TS004-2.0.0 A.3: 70 % of the devices cannot decode with as many coded fragments as they lost; on average 2 more are needed.
    """
    nb_frag, nb_coded = 300, 900
    plan = plan_of(nb_frag, nb_coded)
    overhead = []
    for row in np.random.default_rng(8).random((400, nb_frag + nb_coded)) >= 0.5:
        verdict = fuota.SimulatedAir(devices=1, loss=fuota.Trace(row[None])).transmit(plan)
        n = int(np.flatnonzero(verdict.completed_at)[0])
        overhead.append(row[nb_frag:n].sum() - (~row[:nb_frag]).sum())
    # Standard deviation about 1.66: five standard errors of the mean of 400.
    assert np.mean(overhead) == pytest.approx(1.607, abs=5 * 1.66 / 20)
    assert np.mean(np.array(overhead) == 0) == pytest.approx(0.2888, abs=5 * (0.2888 * 0.7112 / 400) ** 0.5)
