from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.errors import ParameterError
from fuota.planning.fleet.link_model import LinkModel, required_snr_db
from fuota.radio import region

EU868, US915 = region("EU868"), region("US915")
SYMMETRIC = LinkModel(gateway_noise_figure_db=6.0, other_loss=0.0)


def test_required_snr_of_each_spreading_factor():
    # SX1276 data sheet, table 13; SX1261/2 data sheet for SF5 and SF6
    needed = [-2.5, -5.0, -7.5, -10.0, -12.5, -15.0, -17.5, -20.0]
    assert [required_snr_db(sf) for sf in range(5, 13)] == needed
    with pytest.raises(ParameterError, match=r"sf must be 5 to 12, got 13 .nearest: 12"):
        required_snr_db(13)


def test_the_sensitivities_of_a_data_sheet_come_out():
    # SX1272 data sheet rev. 2, RFS_L125: SF7 -124 dBm, SF12 -137 dBm
    model = LinkModel()
    for rate, sensitivity_dbm in ((5, -124), (0, -137)):
        noise_dbm_hz = -174 + model.device_noise_figure_db
        assert noise_dbm_hz + model.required_cn0_dbhz(EU868.data_rate(rate)) == pytest.approx(sensitivity_dbm, abs=0.6)


def test_fsk_needs_its_sensitivity():
    assert LinkModel().required_cn0_dbhz(EU868.data_rate(7)) == pytest.approx(60.0)


def test_lr_fhss_has_no_downlinks():
    with pytest.raises(ParameterError, match=r"the data rate must be LoRa or FSK, got .DR8 .LRFHSS."):
        LinkModel().required_cn0_dbhz(EU868.data_rate(8))


def test_the_loss_at_known_margins():
    # 1 - exp(-10^(-margin/10)): 63.2 % at the threshold, 9.5 % at 10 dB, 1 % at 20 dB
    rate = EU868.data_rate(5)
    cn0 = SYMMETRIC.required_cn0_dbhz(rate) + np.array([0.0, 10.0, 20.0])
    assert SYMMETRIC.frame_loss(cn0, rate) == pytest.approx([0.632121, 0.0951626, 0.00995017], rel=1e-5)


def test_other_losses_come_on_top():
    rate = EU868.data_rate(5)
    model = LinkModel(other_loss=0.1)
    assert model.frame_loss(model.required_cn0_dbhz(rate) + 10, rate) == pytest.approx(1 - 0.9 * 0.9048374)
    assert model.frame_loss(500.0, rate) == pytest.approx(0.1)


def test_a_gateway_equal_to_the_device_gives_equal_margins():
    rate = EU868.data_rate(3)
    cn0 = SYMMETRIC.cn0_from_snr(-7.0, 125_000)
    assert SYMMETRIC.margin_db(cn0, rate) == pytest.approx(-7.0 - required_snr_db(9))


def test_power_noise_figure_and_bandwidth_count():
    model = LinkModel(
        gateway_eirp_dbm=29.15, device_eirp_dbm=16.0, gateway_noise_figure_db=3.0, device_noise_figure_db=6.0
    )
    assert model.downlink_gain_db == pytest.approx(10.15)
    # US915: SF10 at 125 kHz up, SF10 at 500 kHz down, which takes 6 dB
    up, down = US915.data_rate(0), US915.data_rate(10)
    margin = model.margin_db(model.cn0_from_snr(0.0, up.bw_hz), down)
    assert margin == pytest.approx(0.0 + 10.15 - 10 * math.log10(4) + 15)


def test_a_region_gives_the_powers():
    model = LinkModel.for_region(EU868, other_loss=0.02)
    assert model.gateway_eirp_dbm == EU868.gateway_eirp_dbm(EU868.rx2_frequency_hz)
    assert model.device_eirp_dbm == EU868.device_max_eirp_dbm
    assert model.other_loss == 0.02
    weaker = LinkModel.for_region(EU868, frequency_hz=868_100_000)
    assert weaker.gateway_eirp_dbm < model.gateway_eirp_dbm
    assert LinkModel.for_region(EU868, gateway_eirp_dbm=20.0).gateway_eirp_dbm == 20.0


@given(st.lists(st.floats(-1000, 1000), min_size=2, max_size=20))
def test_the_loss_falls_as_the_link_gets_better(cn0):
    losses = LinkModel().frame_loss(np.sort(cn0), EU868.data_rate(5))
    assert (np.diff(losses) <= 0).all()
    assert ((losses >= 0.0099) & (losses <= 1)).all()


@given(st.floats(0, 100))
def test_a_slower_data_rate_is_heard_better(cn0):
    model = LinkModel()
    losses = [float(model.frame_loss(cn0, EU868.data_rate(index))) for index in range(6)]
    assert losses == sorted(losses)


@given(success=st.floats(0.001, 0.97), index=st.integers(0, 5))
def test_a_share_of_uplinks_gives_the_same_share_of_downlinks_on_the_same_link(success, index):
    model = LinkModel(gateway_noise_figure_db=6.0)
    rate = EU868.data_rate(index)
    loss, cn0 = model.from_uplinks(snr_db=math.nan, success=success, rates=[rate])
    assert np.isnan(loss).all()
    assert model.frame_loss(cn0, rate) == pytest.approx([1 - success])


def test_no_loss_in_a_day_is_not_the_best_of_links():
    rate = EU868.data_rate(5)
    _, cn0 = SYMMETRIC.from_uplinks(snr_db=math.nan, success=1.0, rates=[rate])
    assert SYMMETRIC.frame_loss(cn0, rate) == pytest.approx([0.01])


def test_nothing_arrived_is_no_link():
    rate = EU868.data_rate(5)
    _, cn0 = SYMMETRIC.from_uplinks(snr_db=math.nan, success=0.0, rates=[rate])
    assert SYMMETRIC.frame_loss(cn0, rate).tolist() == [1.0]


def test_the_worse_of_two_figures_counts():
    rate = EU868.data_rate(0)
    snr, success = [-15.0, -15.0, -15.0], [0.99, 0.3, math.nan]
    _, cn0 = SYMMETRIC.from_uplinks(snr_db=snr, success=success, rates=[rate] * 3)
    by_snr = float(SYMMETRIC.cn0_from_snr(-15.0, 125_000))
    assert cn0[0] == cn0[2] == pytest.approx(by_snr)
    assert cn0[1] < by_snr
    assert SYMMETRIC.frame_loss(cn0[1], rate) == pytest.approx(0.7)


def test_figures_without_a_data_rate():
    loss, cn0 = SYMMETRIC.from_uplinks(snr_db=[math.nan, 2.0, math.nan], success=[0.9, 0.9, math.nan], rates=[None] * 3)
    assert loss == pytest.approx([0.1, math.nan, math.nan], nan_ok=True)
    assert cn0 == pytest.approx([math.nan, float(SYMMETRIC.cn0_from_snr(2.0, 125_000)), math.nan], nan_ok=True)


def test_the_snr_of_lr_fhss_is_ignored():
    loss, cn0 = LinkModel().from_uplinks(snr_db=[2.0, 2.0], success=[math.nan, 0.8], rates=[EU868.data_rate(8)] * 2)
    assert loss == pytest.approx([math.nan, 0.2], nan_ok=True)
    assert np.isnan(cn0).all()


def test_no_uplinks_at_all():
    loss, cn0 = LinkModel().from_uplinks(snr_db=[], success=[], rates=[])
    assert loss.shape == cn0.shape == (0,)


@pytest.mark.parametrize("name", [field.name for field in fields(LinkModel)])
def test_every_constant_is_a_number(name):
    with pytest.raises(ParameterError, match=f"^{name} must be a finite number, got (nan|inf)$"):
        LinkModel(**{name: math.nan})
    with pytest.raises(ParameterError, match=f"^{name} must be a finite number, got (nan|inf)$"):
        LinkModel(**{name: math.inf})


@pytest.mark.parametrize(
    "constants", [{"other_loss": 1.0}, {"other_loss": -0.1}, {"best_success": 1.0}, {"best_success": 0.0}]
)
def test_shares_that_leave_nothing_are_refused(constants):
    ((name, _),) = constants.items()
    with pytest.raises(ParameterError, match=f"^{name} must be .* usually 0"):
        LinkModel(**constants)
