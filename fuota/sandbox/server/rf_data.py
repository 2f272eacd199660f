"""What a base station measures of an uplink: the "RF Fields" of the data stream (reference, "Application Payload")."""

from __future__ import annotations

from dataclasses import replace

from fuota.network import Uplink
from fuota.radio import DataRate, Region

_STEP_HZ = 200_000
_UPLINK_CHANNELS = {  # RP002-1.0.4, where uplinks have channels of their own: the first, and how many of 125 kHz in a row
    "US915": (902_300_000, 64),
    "AU915": (915_200_000, 64),
    "CN470-20B": (476_900_000, 32),
    "CN470-26A": (470_300_000, 48),
    "CN470-26B": (480_300_000, 48),
    "CN470": (470_300_000, 32),
}


def uplink_rate(region: Region) -> DataRate:
    """The data rate of every uplink here, since ADR is not acted out: the fastest of LoRa in 125 kHz."""
    rates = [rate for rate in region.data_rates if rate.uplink and rate.modulation == "LORA" and rate.bw_hz == 125_000]
    return min(rates, key=lambda rate: rate.sf or 0)


def uplink_frequencies_hz(region: Region) -> tuple[int, ...]:
    """The channels that uplinks hop over, by their numbers: the default ones of the region."""
    if not region.fixed_channels:
        return region.downlink_frequencies_hz
    first_hz, count = next(plan for name, plan in _UPLINK_CHANNELS.items() if region.name.startswith(name))
    return tuple(first_hz + k * _STEP_HZ for k in range(count))


def with_rf_data(uplink: Uplink, region: Region, *, rssi_dbm: int, snr_db: float) -> Uplink:
    """The uplink with how it was sent and how well it was heard. Its channel follows from device and frame counter."""
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
