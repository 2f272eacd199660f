"""Commands `fuota region list` and `fuota region show`: the radio rules of the regions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fuota.cli.help import Group
from fuota.cli.output import Output, with_output
from fuota.radio.frequencies import megahertz_text

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.radio import DataRate, Region, SubBand


@click.group(cls=Group, examples=("fuota region show EU868",))
def region() -> None:
    """Look up data rates, payloads, duty cycles and channels."""


@region.command("list", examples=("fuota region list", "fuota region list --json"))
@with_output
def list_regions(*, out: Output) -> int:
    """List all regions.

    "duty" is the duty cycle at RX2. "frame" is the longest frame; in brackets: a dwell limit that is off by default.
    """
    from fuota.radio import region as region_named
    from fuota.radio import region_names, sub_plan_names

    table = _table("name", "band MHz", "RX2 MHz", "", "downlinks", "duty", "frame", "status")
    for name in region_names():
        channel_plan = region_named(name)
        out.event("region", **_summary(channel_plan))
        table.add_row(*_row(channel_plan))
    out.table(table)
    out.result("")
    out.table(_grid(("sub-plans", _shortened(sub_plan_names()))))
    return 0


@region.command("show", examples=("fuota region show EU868", "fuota region show as923-1 --json"))
@click.argument("name")
@with_output
def show_region(*, name: str, out: Output) -> int:
    """Show the rules of region NAME, with their sources.

    NAME may be any common name, such as EU868, eu863-870 or AS923. Time on air and frames per hour are given for a full frame
    without a repeater, with the duty cycle of RX2.
    """
    from fuota.radio import region as region_named

    channel_plan = region_named(name)
    out.event("region", **_summary(channel_plan), **_details(channel_plan))
    for rate in channel_plan.data_rates:
        out.event("data_rate", **asdict(rate), **_full_frame(channel_plan, rate))
    for sub_band in channel_plan.sub_bands:
        out.event("sub_band", **asdict(sub_band))
    out.table(_facts(channel_plan))
    for table in (_rate_table(channel_plan), _sub_band_table(channel_plan), _notes(channel_plan)):
        out.result("")
        out.table(table)
    return 0


def _row(region: Region) -> list[str]:
    duty = _duty(_rx2_band(region).duty_cycle_ppm)
    rx2 = (megahertz_text(region.rx2_frequency_hz), f"DR{region.rx2_data_rate}")
    return [
        region.name,
        _span(region.band_hz),
        *rx2,
        _rates(region),
        duty,
        _frame_limit(region),
        region.status.split(":")[0],
    ]


def _summary(region: Region) -> dict[str, object]:
    return {
        "name": region.name,
        "band_hz": region.band_hz,
        "rx2_frequency_hz": region.rx2_frequency_hz,
        "rx2_data_rate": region.rx2_data_rate,
        "downlink_data_rates": [rate.index for rate in region.downlink_data_rates],
        "duty_cycle_ppm": _rx2_band(region).duty_cycle_ppm,
        "dwell_limit_ms": region.dwell_limit_ms,
        "max_frame_ms": region.max_frame_ms,
        "status": region.status,
    }


def _details(region: Region) -> dict[str, object]:
    return {
        "aliases": region.aliases,
        "device_max_eirp_dbm": region.device_max_eirp_dbm,
        "fixed_channels": region.fixed_channels,
        "downlink_frequencies_hz": region.downlink_frequencies_hz,
        "ping_slot_frequencies_hz": region.ping_slot_frequencies_hz,
        "ping_slot_data_rate": region.ping_slot_data_rate,
        "ping_slot_hopping": region.ping_slot_hopping,
        "beacon": asdict(region.beacon),
        "notes": region.notes,
    }


def _full_frame(region: Region, rate: DataRate) -> dict[str, int | None]:
    """Return the values of the frame with the largest fragment.

    They are None if no downlink uses the data rate; frames per hour are None if no sub-band is wide enough.
    """
    from fuota.radio import fragment_phy_bytes, frames_per_hour

    if not rate.downlink:
        return {"max_frag_size": None, "full_frame_us": None, "frames_per_hour": None}
    frame_us = rate.time_on_air_us(fragment_phy_bytes(rate.max_frag_size))
    wide = [band.nearest_hz(region.rx2_frequency_hz, rate.bandwidth_hz) is not None for band in region.sub_bands]
    frames = frames_per_hour(frame_us, _rx2_band(region).duty_cycle_ppm) if any(wide) else None
    return {"max_frag_size": rate.max_frag_size, "full_frame_us": frame_us, "frames_per_hour": frames}


def _facts(region: Region) -> Table:
    return _grid(*((what, fact) for what, fact in _fact_rows(region) if fact))


def _fact_rows(region: Region) -> Iterable[tuple[str, str]]:
    from fuota.radio import sub_plan_names

    rx2, beacon = _rx2_band(region), region.beacon
    yield "region", f"{region.name}, also {', '.join(region.aliases)}" if region.aliases else region.name
    yield "status", region.status
    yield "sub-plans", _shortened(sub_plan_names()) if region.name == "CN470" else ""
    yield "band", f"{_span(region.band_hz)} MHz; a device sends at {region.device_max_eirp_dbm:g} dBm EIRP at most"
    kind = "fixed" if region.fixed_channels else "default"
    yield f"{kind} channels", f"{_channels(region.downlink_frequencies_hz)} MHz"
    yield (
        "RX2",
        f"{megahertz_text(region.rx2_frequency_hz)} MHz DR{region.rx2_data_rate}; duty cycle: {_duty(rx2.duty_cycle_ppm)}",
    )
    yield "frame limit", f"{region.max_frame_ms} ms" if region.max_frame_ms else ""
    yield "dwell limit", f"{region.dwell_limit_ms} ms, off by default" if region.dwell_limit_ms else ""
    hopping = ", hopping" if region.ping_slot_hopping else ""
    yield "ping slot", f"{_channels(region.ping_slot_frequencies_hz)} MHz{hopping}; DR{region.ping_slot_data_rate}"
    hopping = ", hopping" if beacon.hopping else ""
    size = f"{beacon.payload_bytes} bytes, {beacon.airtime_us / 1000:g} ms"
    yield "beacon", f"{_channels(beacon.frequencies_hz)} MHz{hopping}; DR{beacon.data_rate}, {size}"
    uplinks = [f"DR{rate.index}" for rate in region.data_rates if not rate.downlink]
    yield "no downlink", ", ".join(uplinks)


def _rate_table(region: Region) -> Table:
    limited = any(rate.max_payload_dwell_bytes is not None for rate in region.downlink_data_rates)
    table = _table("DR", "modulation", title="N: largest payload in bytes. Frames: full, without a repeater")
    for heading in ("N", "N, repeater", *(("N, dwell",) if limited else ()), "fragment", "on air ms", "frames/h"):
        table.add_column(heading, justify="right")
    for rate in region.downlink_data_rates:
        table.add_row(*_rate_row(region, rate, limited))
    return table


def _rate_row(region: Region, rate: DataRate, limited: bool) -> list[str]:
    frame = _full_frame(region, rate)
    dwell = [str(rate.max_payload(dwell=True) or "none")] if limited else []
    return [
        f"DR{rate.index}",
        f"SF{rate.sf}/{(rate.bw_hz or 0) // 1000}" if rate.sf else f"FSK {rate.bitrate_bps // 1000}k",
        str(rate.max_payload_bytes),
        str(rate.max_payload_repeater_bytes),
        *dwell,
        str(frame["max_frag_size"]),
        f"{(frame['full_frame_us'] or 0) / 1000:.3f}",
        str(frame["frames_per_hour"] or "too wide"),
    ]


def _sub_band_table(region: Region) -> Table:
    table = _table("sub-band", "MHz", title="Limits of a gateway; EIRP in dBm: limit, usual")
    for heading in ("duty cycle", "limit", "usual"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("source")
    for band in region.sub_bands:
        table.add_row(band.name, *_sub_band_row(band))
    return table


def _sub_band_row(band: SubBand) -> list[str]:
    legal = band.legal_duty_cycle_ppm
    duty = _duty(band.duty_cycle_ppm) + (f" (law {_duty(legal)})" if legal else "")
    span = _span((band.low_hz, band.high_hz))
    return [span, duty, f"{band.max_eirp_dbm:g}", f"{band.gateway_eirp_dbm:g}", band.source]


def _notes(region: Region) -> Table:
    band_notes = [f"{band.name}: {band.note}" for band in region.sub_bands if band.note]
    return _grid(*(("•", note) for note in (*band_notes, *region.notes)))


def _table(*headings: str, title: str = "") -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.title, table.title_justify, table.title_style = title, "left", "bold"
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def _grid(*rows: tuple[str, str]) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table


def _rx2_band(region: Region) -> SubBand:
    return region.sub_band(region.rx2_frequency_hz, region.data_rate(region.rx2_data_rate).bandwidth_hz)


def _span(edges_hz: tuple[int, int]) -> str:
    return "-".join(map(megahertz_text, edges_hz))


def _channels(frequencies_hz: tuple[int, ...]) -> str:
    shown = [megahertz_text(hz) for hz in frequencies_hz]
    return ", ".join(shown) if len(shown) <= 8 else f"{shown[0]}, {shown[1]} to {shown[-1]} ({len(shown)})"


def _rates(region: Region) -> str:
    """Return the downlink data rates as ranges, such as "DR0-5, 7"."""
    runs: list[list[int]] = []
    for rate in region.downlink_data_rates:
        if runs and runs[-1][-1] == rate.index - 1:
            runs[-1].append(rate.index)
        else:
            runs.append([rate.index])
    return "DR" + ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _duty(ppm: int) -> str:
    return f"{ppm / 10_000:g} %" if ppm < 1_000_000 else "no limit"


def _frame_limit(region: Region) -> str:
    limit = f"{region.max_frame_ms} ms" if region.max_frame_ms else ""
    return limit or (f"({region.dwell_limit_ms} ms)" if region.dwell_limit_ms else "")


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(name.removeprefix("CN470-") if index else name for index, name in enumerate(names))
