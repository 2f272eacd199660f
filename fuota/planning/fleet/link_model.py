"""From the uplinks that the network hears of a device to the downlinks that the device hears (docs/link-model.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fuota import rules
from fuota.calls import checked_call, checked_init
from fuota.radio import DataRate, Region

Floats = NDArray[np.float64]

THERMAL_NOISE_DBM_HZ = -174.0
"""Thermal noise density, k T at 290 K."""

_USUAL_BW_HZ = 125_000.0
"""Bandwidth of most uplinks: RP002-1.0.4, the data rate tables of all regions."""


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class LinkModel:
    """Turns the uplink figures of a device into the loss of its downlink frames, for one number or an array of numbers.

    A link is one number, whatever the data rate: `cn0_dbhz`, carrier to noise density at the device, in dB-Hz. A data rate
    needs a part of it; the difference is the margin, and the law of slow Rayleigh fading turns the margin into a loss. Every
    constant can be changed. The defaults are for EU868 (RP002-1.0.4: 16 dBm EIRP) with a gateway as strong as a device, see
    `for_region`.

    - `gateway_eirp_dbm`, `device_eirp_dbm`: transmit powers in dBm.
    - `gateway_noise_figure_db`: assumption, 3 dB; -139 to -141 dBm at SF12 and 125 kHz are 4 to 2 dB (concentrator data sheets).
    - `device_noise_figure_db`: 6 dB; -174 dBm + 10 log10(BW) + 6 dB + SNR is the sensitivity in the SX1272 data sheet (rev. 2,
      125 kHz: SF7 -124 dBm, SF12 -137 dBm) to 0.5 dB.
    - `other_loss`: assumption, 1 %: frames lost for other reasons than noise, such as collisions and the device's own uplinks.
    - `best_success`: assumption, 0.99: largest share of received uplinks that counts against noise, because a day of uplinks
      without a loss does not prove more.
    - `fsk_sensitivity_dbm`: -108 dBm at 50 kbit/s, from -109 dBm at 38.4 kbit/s (SX1261/2 data sheet) less 10 log10(50/38.4).

    Raises ParameterError for a constant out of range.
    """

    gateway_eirp_dbm: float = 16.0
    device_eirp_dbm: float = 16.0
    gateway_noise_figure_db: float = 3.0
    device_noise_figure_db: float = 6.0
    other_loss: float = 0.01
    best_success: float = 0.99
    fsk_sensitivity_dbm: float = -108.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                rules.refuse(field.name, "a finite number", value)
        if not 0 <= self.other_loss < 1:
            rules.refuse("other_loss", "0 or more and below 1, usually 0.01", self.other_loss)
        if not 0 < self.best_success < 1:
            rules.refuse("best_success", "above 0 and below 1, usually 0.99", self.best_success)

    @classmethod
    @checked_call
    def for_region(  # noqa: PLR0913 - the constants of the model
        cls,
        region: Region,
        *,
        frequency_hz: int | None = None,
        gateway_eirp_dbm: float | None = None,
        device_eirp_dbm: float | None = None,
        gateway_noise_figure_db: float = 3.0,
        device_noise_figure_db: float = 6.0,
        other_loss: float = 0.01,
        best_success: float = 0.99,
        fsk_sensitivity_dbm: float = -108.0,
    ) -> LinkModel:
        """Return the model with the powers of a region.

        frequency_hz: frequency of the downlinks, None for the frequency of RX2. gateway_eirp_dbm, device_eirp_dbm: powers, None
        for the powers of the region. The class describes the other constants. Raises ParameterError for a constant out of
        range, PlanError for a frequency in no sub-band of the region.
        """
        frequency_hz = region.rx2_frequency_hz if frequency_hz is None else frequency_hz
        return cls(
            gateway_eirp_dbm=region.gateway_eirp_dbm(frequency_hz) if gateway_eirp_dbm is None else gateway_eirp_dbm,
            device_eirp_dbm=region.device_max_eirp_dbm if device_eirp_dbm is None else device_eirp_dbm,
            gateway_noise_figure_db=gateway_noise_figure_db,
            device_noise_figure_db=device_noise_figure_db,
            other_loss=other_loss,
            best_success=best_success,
            fsk_sensitivity_dbm=fsk_sensitivity_dbm,
        )

    @property
    def downlink_gain_db(self) -> float:
        """Signal to noise ratio of the downlink less that of the uplink at equal bandwidth, in dB: the path loss is the same."""
        power_db = self.gateway_eirp_dbm - self.device_eirp_dbm
        return power_db + self.gateway_noise_figure_db - self.device_noise_figure_db

    def cn0_from_snr(self, snr_db: ArrayLike, bw_hz: ArrayLike) -> Floats:
        """Return the downlink C/N0 in dB-Hz from the SNR of uplinks with the bandwidth `bw_hz`."""
        density_db = np.asarray(snr_db, np.float64) + 10 * np.log10(np.asarray(bw_hz, np.float64))
        return np.asarray(density_db + self.downlink_gain_db)

    def cn0_from_success(self, success: ArrayLike, required_cn0_dbhz: ArrayLike) -> Floats:
        """Return the downlink C/N0 in dB-Hz from the share of uplinks that arrived.

        required_cn0_dbhz: C/N0 that the data rate of the uplinks needs. This is the inverse of the law of loss. A share above
        `best_success` counts as `best_success`; a share of 0 gives -inf.
        """
        unfaded = np.clip(np.asarray(success, np.float64) / (1 - self.other_loss), 0, self.best_success)
        with np.errstate(divide="ignore"):
            margin_db = -10 * np.log10(-np.log(unfaded))
        return np.asarray(margin_db + np.asarray(required_cn0_dbhz, np.float64) + self.downlink_gain_db)

    def from_uplinks(
        self, *, snr_db: ArrayLike, success: ArrayLike, rates: Sequence[DataRate | None]
    ) -> tuple[Floats, Floats]:
        """Return the loss and the downlink C/N0 of links, float64 (links,) each; the value that does not apply is nan.

        snr_db: mean SNR of the uplinks, nan if unknown. success: share of uplinks that arrived, nan if unknown. rates: data rate of
        the uplinks, or None. The worse of SNR and share counts. Without a data rate the SNR is taken for an SNR at 125 kHz, and a
        share without SNR for the share of the downlink. Both results are nan if nothing is known: the SNR of LR-FHSS and FSK says
        nothing about LoRa.
        """
        distinct = {id(rate): rate for rate in rates}  # many links, few data rates
        needs = {key: self._uplink_needs(rate) for key, rate in distinct.items()}
        bw_hz, required = (np.array([needs[id(rate)][i] for rate in rates], np.float64) for i in (0, 1))
        cn0 = np.fmin(self.cn0_from_snr(snr_db, bw_hz), self.cn0_from_success(success, required))
        return np.where(np.isnan(cn0), 1 - np.asarray(success, np.float64), np.nan), cn0

    def _uplink_needs(self, rate: DataRate | None) -> tuple[float, float]:
        """Return the bandwidth of a LoRa uplink in Hz and the C/N0 that it needs; nan if the value has no meaning."""
        if rate is None:
            return _USUAL_BW_HZ, math.nan
        if rate.modulation == "LRFHSS":
            return math.nan, math.nan
        return rate.bw_hz or math.nan, self.required_cn0_dbhz(rate)

    def required_cn0_dbhz(self, rate: DataRate) -> float:
        """Return the C/N0 that a receiver needs at a data rate. Raises ParameterError for LR-FHSS, which has no downlinks."""
        if rate.modulation == "FSK":
            return self.fsk_sensitivity_dbm - THERMAL_NOISE_DBM_HZ - self.device_noise_figure_db
        if rate.sf is None or rate.bw_hz is None:
            rules.refuse("the data rate", "LoRa or FSK", f"DR{rate.index} ({rate.modulation})")
        return required_snr_db(rate.sf) + 10 * math.log10(rate.bw_hz)

    def margin_db(self, cn0_dbhz: ArrayLike, rate: DataRate) -> Floats:
        """Return the C/N0 less the C/N0 that a data rate needs."""
        return np.asarray(cn0_dbhz, np.float64) - self.required_cn0_dbhz(rate)

    def frame_loss(self, cn0_dbhz: ArrayLike, rate: DataRate) -> Floats:
        """Return the share of downlink frames that a device with this C/N0 loses at a data rate, by fading and other causes."""
        with np.errstate(over="ignore"):
            unfaded = np.exp(-(10 ** (-self.margin_db(cn0_dbhz, rate) / 10)))
        return np.asarray(1 - unfaded * (1 - self.other_loss))


def required_snr_db(sf: int) -> float:
    """Return the lowest SNR at which a spreading factor is received. Raises ParameterError unless `sf` is 5 to 12.

    SF7 -7.5 dB to SF12 -20 dB: SX1276 data sheet, table 13. SF5 -2.5 dB and SF6 -5 dB: SX1261/2 data sheet §6.1.1.1.
    """
    return 10 - 2.5 * rules.integer("sf", sf, 5, 12)
