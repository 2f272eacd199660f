"""Measurements of a base station for an uplink: the "RF Fields" of the data stream (reference, "Application Payload")."""

from __future__ import annotations

from dataclasses import replace

from fuota.network.uplinks import Uplink
from fuota.radio import DataRate, Region

_STEP_HZ = 200_000
_UPLINK_CHANNELS = {  # RP002-1.0.4, regions with separate uplink channels: first frequency, number of 125 kHz channels
    "US915": (902_300_000, 64),
    "AU915": (915_200_000, 64),
    "CN470-20B": (476_900_000, 32),
    "CN470-26A": (470_300_000, 48),
    "CN470-26B": (480_300_000, 48),
    "CN470": (470_300_000, 32),
}


def uplink_rate(region: Region) -> DataRate:
    """Return the data rate of every uplink: the fastest LoRa rate in 125 kHz, since the sandbox does not simulate ADR."""
    rates = [rate for rate in region.data_rates if rate.uplink and rate.modulation == "LORA" and rate.bw_hz == 125_000]
    return min(rates, key=lambda rate: rate.sf or 0)


def uplink_frequencies_hz(region: Region) -> tuple[int, ...]:
    """Return the frequencies of the default uplink channels of the region, by channel number."""
    if not region.fixed_channels:
        return region.downlink_frequencies_hz
    first_hz, count = next(channels for name, channels in _UPLINK_CHANNELS.items() if region.name.startswith(name))
    return tuple(first_hz + k * _STEP_HZ for k in range(count))


def with_rf_data(uplink: Uplink, region: Region, *, rssi_dbm: int, snr_db: float) -> Uplink:
    """Return the uplink with its radio parameters and signal quality. The channel follows from device and frame counter."""
    rate, frequencies_hz = uplink_rate(region), uplink_frequencies_hz(region)
    channel = (int(uplink.dev_eui, 16) + 7 * (uplink.seqno or 0)) % len(frequencies_hz)
    return replace(
        uplink,
        channel=channel,
        data_rate=rate.index,
        frequency_hz=frequencies_hz[channel],
        rssi_dbm=rssi_dbm,
        snr_db=snr_db,
        ism_band=region.name.partition("-20")[0].partition("-26")[0],
        max_payload_bytes=rate.max_payload_bytes,
    )
