"""From what the network hears of a device to what the device hears of the network (docs/link-model.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fuota.errors import ParameterError
from fuota.radio import DataRate, Region

Floats = NDArray[np.float64]

THERMAL_NOISE_DBM_HZ = -174.0
"""k T at 290 K."""

_USUAL_BW_HZ = 125_000.0
"""The bandwidth of most uplinks: RP002-1.0.4, the data rate tables of all regions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkModel:
    """Turns the uplink figures of a device into the loss of its downlink frames, for one number or an array of them.

    A link is one number, whatever the data rate: `cn0_dbhz`, carrier to noise density at the device, in dB-Hz. A data rate
    needs so much of it; what is over is the margin, and the law of slow Rayleigh fading makes it a loss. Every constant can
    be changed; those here are for EU868 (RP002-1.0.4: 16 dBm EIRP) with a gateway as strong as a device, see `for_region`.

    - `gateway_noise_figure_db`: assumption, 3 dB; -139 to -141 dBm at SF12 and 125 kHz are 4 to 2 dB (concentrator data sheets).
    - `device_noise_figure_db`: 6 dB; -174 dBm + 10 log10(BW) + 6 dB + SNR is the sensitivity in the SX1272 data sheet (rev. 2,
      125 kHz: SF7 -124 dBm, SF12 -137 dBm) to 0.5 dB.
    - `other_loss`: assumption, 1 %: frames lost for other reasons than noise, such as collisions and the device's own uplinks.
    - `best_success`: assumption, 0.99: a day of uplinks without a loss proves no more than so much against noise.
    - `fsk_sensitivity_dbm`: -108 dBm at 50 kbit/s, from -109 dBm at 38.4 kbit/s (SX1261/2 data sheet) less 10 log10(50/38.4).
    """

    gateway_eirp_dbm: float = 16.0
    device_eirp_dbm: float = 16.0
    gateway_noise_figure_db: float = 3.0
    device_noise_figure_db: float = 6.0
    other_loss: float = 0.01
    best_success: float = 0.99
    fsk_sensitivity_dbm: float = -108.0

    def __post_init__(self) -> None:
        for one in fields(self):
            if not math.isfinite(value := getattr(self, one.name)):
                raise ParameterError(f"{one.name} {value} was given: it is a finite number")
        if not 0 <= self.other_loss < 1:
            raise ParameterError(f"other_loss {self.other_loss} was given: it is 0 or more and below 1; 0.01 is usual")
        if not 0 < self.best_success < 1:
            raise ParameterError(
                f"best_success {self.best_success} was given: it is above 0 and below 1; 0.99 is usual"
            )

    @classmethod
    def for_region(cls, region: Region, *, frequency_hz: int | None = None, **constants: Any) -> LinkModel:
        """The model with the powers of a region, for downlinks on a frequency (the one of RX2, if none is said)."""
        frequency_hz = region.rx2_frequency_hz if frequency_hz is None else frequency_hz
        powers = {
            "gateway_eirp_dbm": region.gateway_eirp_dbm(frequency_hz),
            "device_eirp_dbm": region.device_max_eirp_dbm,
        }
        return cls(**{**powers, **constants})

    @property
    def downlink_gain_db(self) -> float:
        """How much stronger over noise the device hears the gateway than the gateway the device: the path is the same."""
        power_db = self.gateway_eirp_dbm - self.device_eirp_dbm
        return power_db + self.gateway_noise_figure_db - self.device_noise_figure_db

    def cn0_from_snr(self, snr_db: ArrayLike, bw_hz: ArrayLike) -> Floats:
        """Downlink C/N0 from the SNR of uplinks of that bandwidth."""
        density_db = np.asarray(snr_db, np.float64) + 10 * np.log10(np.asarray(bw_hz, np.float64))
        return np.asarray(density_db + self.downlink_gain_db)

    def cn0_from_success(self, success: ArrayLike, required_cn0_dbhz: ArrayLike) -> Floats:
        """Downlink C/N0 from the share of uplinks that arrived, sent at a data rate that needs so much (`required_cn0_dbhz`).

        The law of loss the other way round; a share of `best_success` or more counts as that, a share of 0 is -inf.
        """
        faded = np.clip(np.asarray(success, np.float64) / (1 - self.other_loss), 0, self.best_success)
        with np.errstate(divide="ignore"):
            margin_db = -10 * np.log10(-np.log(faded))
        return np.asarray(margin_db + np.asarray(required_cn0_dbhz, np.float64) + self.downlink_gain_db)

    def from_uplinks(
        self, *, snr_db: ArrayLike, success: ArrayLike, rates: Sequence[DataRate | None]
    ) -> tuple[Floats, Floats]:
        """What is known of links from their uplinks: a loss, or the downlink C/N0, each nan where it is the other one.

        One entry for each link: mean SNR and share of uplinks that arrived, nan where unknown, and the data rate of the
        uplinks, or None. The worse of the two counts. Without a data rate the SNR is taken for one at 125 kHz, and a share
        without SNR for that of the downlink. Both are nan where there is nothing to go by: the SNR of LR-FHSS and FSK tells
        nothing of LoRa.
        """
        distinct = {id(rate): rate for rate in rates}  # many links, few data rates
        needs = {key: self._uplink_needs(rate) for key, rate in distinct.items()}
        bw_hz, required = (np.array([needs[id(rate)][i] for rate in rates], np.float64) for i in (0, 1))
        cn0 = np.fmin(self.cn0_from_snr(snr_db, bw_hz), self.cn0_from_success(success, required))
        return np.where(np.isnan(cn0), 1 - np.asarray(success, np.float64), np.nan), cn0

    def _uplink_needs(self, rate: DataRate | None) -> tuple[float, float]:
        """Bandwidth of a LoRa uplink, and what it needs of C/N0; nan where that has no meaning."""
        if rate is None:
            return _USUAL_BW_HZ, math.nan
        if rate.modulation == "LRFHSS":
            return math.nan, math.nan
        return rate.bw_hz or math.nan, self.required_cn0_dbhz(rate)

    def required_cn0_dbhz(self, rate: DataRate) -> float:
        """What a receiver needs of C/N0 at a data rate. Raises ParameterError for LR-FHSS, of which there are no downlinks."""
        if rate.modulation == "FSK":
            return self.fsk_sensitivity_dbm - THERMAL_NOISE_DBM_HZ - self.device_noise_figure_db
        if rate.sf is None or rate.bw_hz is None:
            raise ParameterError(f"DR{rate.index} ({rate.modulation}) was given: the model knows LoRa and FSK")
        return required_snr_db(rate.sf) + 10 * math.log10(rate.bw_hz)

    def margin_db(self, cn0_dbhz: ArrayLike, rate: DataRate) -> Floats:
        """What C/N0 leaves over at a data rate."""
        return np.asarray(cn0_dbhz, np.float64) - self.required_cn0_dbhz(rate)

    def frame_loss(self, cn0_dbhz: ArrayLike, rate: DataRate) -> Floats:
        """Share of downlink frames that a device with this C/N0 does not hear at a data rate: fading, and the other loss."""
        with np.errstate(over="ignore"):
            faded = np.exp(-(10 ** (-self.margin_db(cn0_dbhz, rate) / 10)))
        return np.asarray(1 - faded * (1 - self.other_loss))


def required_snr_db(sf: int) -> float:
    """Lowest SNR at which a spreading factor is received.

    SF7 -7.5 dB to SF12 -20 dB: SX1276 data sheet, table 13. SF5 -2.5 dB and SF6 -5 dB: SX1261/2 data sheet §6.1.1.1.
    """
    if not 5 <= sf <= 12:
        raise ParameterError(f"sf {sf} was given: it is 5 to 12; the nearest is {min(max(sf, 5), 12)}")
    return 10 - 2.5 * sf
