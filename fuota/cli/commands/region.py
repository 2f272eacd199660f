"""fuota region: the channel plans, to look up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.output import Output, with_output
from fuota.radio.frequencies import megahertz_text

if TYPE_CHECKING:
    from rich.table import Table

    from fuota.radio import DataRate, Region, SubBand


@click.group()
def region() -> None:
    """Look up what a region allows: data rates, payloads, duty cycles, channels."""


@region.command("list")
@with_output
def list_regions(out: Output) -> int:
    """All regions, one a line.

    "duty" is the duty cycle at RX2, "frame" how long one frame may last; in brackets a dwell limit that is off by default.
    """
    from fuota.radio import region as find
    from fuota.radio import region_names, sub_plan_names

    table = _table("name", "band MHz", "RX2 MHz", "", "downlinks", "duty", "frame", "status")
    for name in region_names():
        plan = find(name)
        out.event("region", **_summary(plan))
        table.add_row(*_line(plan))
    out.table(table)
    out.result("")
    out.table(_grid(("sub-plans", _shortened(sub_plan_names()))))
    return 0


@region.command("show")
@click.argument("name")
@with_output
def show_region(name: str, out: Output) -> int:
    """What region NAME allows, with the source of every rule.

    Time on air and frames an hour are of a full frame without a repeater, under the duty cycle of RX2. NAME may be any
    name in use, such as EU868, eu863-870 or AS923.
    """
    from fuota.radio import region as find

    plan = find(name)
    out.event("region", **_summary(plan), **_details(plan))
    for rate in plan.data_rates:
        out.event("data_rate", **asdict(rate), **_full_frame(plan, rate))
    for sub_band in plan.sub_bands:
        out.event("sub_band", **asdict(sub_band))
    out.table(_facts(plan))
    for table in (_rate_table(plan), _sub_band_table(plan), _notes(plan)):
        out.result("")
        out.table(table)
    return 0


def _line(plan: Region) -> list[str]:
    duty = _duty(_rx2_band(plan).duty_cycle_ppm)
    rx2 = (megahertz_text(plan.rx2_frequency_hz), f"DR{plan.rx2_data_rate}")
    return [plan.name, _span(plan.band_hz), *rx2, _rates(plan), duty, _frame_limit(plan), plan.status.split(":")[0]]


def _summary(plan: Region) -> dict[str, Any]:
    return {
        "name": plan.name,
        "band_hz": plan.band_hz,
        "rx2_frequency_hz": plan.rx2_frequency_hz,
        "rx2_data_rate": plan.rx2_data_rate,
        "downlink_data_rates": [rate.index for rate in plan.downlink_data_rates],
        "duty_cycle_ppm": _rx2_band(plan).duty_cycle_ppm,
        "dwell_limit_ms": plan.dwell_limit_ms,
        "max_frame_ms": plan.max_frame_ms,
        "status": plan.status,
    }


def _details(plan: Region) -> dict[str, Any]:
    return {
        "aliases": plan.aliases,
        "device_max_eirp_dbm": plan.device_max_eirp_dbm,
        "fixed_channels": plan.fixed_channels,
        "downlink_frequencies_hz": plan.downlink_frequencies_hz,
        "ping_slot_frequencies_hz": plan.ping_slot_frequencies_hz,
        "ping_slot_data_rate": plan.ping_slot_data_rate,
        "ping_slot_hopping": plan.ping_slot_hopping,
        "beacon": asdict(plan.beacon),
        "notes": plan.notes,
    }


def _full_frame(plan: Region, rate: DataRate) -> dict[str, int | None]:
    """The frame of the largest fragment; None where no downlink uses the data rate, or no sub-band is wide enough."""
    from fuota.radio import fragment_phy_bytes, frames_per_hour

    if not rate.downlink:
        return {"max_frag_size": None, "full_frame_us": None, "frames_per_hour": None}
    frame_us = rate.time_on_air_us(fragment_phy_bytes(rate.max_frag_size))
    wide = [known.nearest_hz(plan.rx2_frequency_hz, rate.bandwidth_hz) is not None for known in plan.sub_bands]
    frames = frames_per_hour(frame_us, _rx2_band(plan).duty_cycle_ppm) if any(wide) else None
    return {"max_frag_size": rate.max_frag_size, "full_frame_us": frame_us, "frames_per_hour": frames}


def _facts(plan: Region) -> Table:
    return _grid(*((what, fact) for what, fact in _fact_rows(plan) if fact))


def _fact_rows(plan: Region) -> Iterable[tuple[str, str]]:
    from fuota.radio import sub_plan_names

    rx2, beacon = _rx2_band(plan), plan.beacon
    yield "region", f"{plan.name}, also {', '.join(plan.aliases)}" if plan.aliases else plan.name
    yield "status", plan.status
    yield "sub-plans", _shortened(sub_plan_names()) if plan.name == "CN470" else ""
    yield "band", f"{_span(plan.band_hz)} MHz; a device sends at {plan.device_max_eirp_dbm:g} dBm EIRP at most"
    kind = "fixed" if plan.fixed_channels else "default"
    yield f"{kind} channels", f"{_channels(plan.downlink_frequencies_hz)} MHz"
    yield (
        "RX2",
        f"{megahertz_text(plan.rx2_frequency_hz)} MHz DR{plan.rx2_data_rate}; duty cycle: {_duty(rx2.duty_cycle_ppm)}",
    )
    yield "frame limit", f"{plan.max_frame_ms} ms" if plan.max_frame_ms else ""
    yield "dwell limit", f"{plan.dwell_limit_ms} ms, off by default" if plan.dwell_limit_ms else ""
    hopping = ", hopping" if plan.ping_slot_hopping else ""
    yield "ping slot", f"{_channels(plan.ping_slot_frequencies_hz)} MHz{hopping}; DR{plan.ping_slot_data_rate}"
    hopping = ", hopping" if beacon.hopping else ""
    size = f"{beacon.payload_bytes} bytes, {beacon.airtime_us / 1000:g} ms"
    yield "beacon", f"{_channels(beacon.frequencies_hz)} MHz{hopping}; DR{beacon.data_rate}, {size}"
    uplinks = [f"DR{rate.index}" for rate in plan.data_rates if not rate.downlink]
    yield "no downlink", ", ".join(uplinks)


def _rate_table(plan: Region) -> Table:
    limited = any(rate.max_payload_dwell_bytes is not None for rate in plan.downlink_data_rates)
    table = _table("DR", "modulation", title="N: largest payload in bytes. Frames: full, without a repeater")
    for heading in ("N", "N, repeater", *(("N, dwell",) if limited else ()), "fragment", "on air ms", "frames/h"):
        table.add_column(heading, justify="right")
    for rate in plan.downlink_data_rates:
        table.add_row(*_rate_row(plan, rate, limited))
    return table


def _rate_row(plan: Region, rate: DataRate, limited: bool) -> list[str]:
    frame = _full_frame(plan, rate)
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


def _sub_band_table(plan: Region) -> Table:
    table = _table("sub-band", "MHz", title="What a gateway may do; EIRP in dBm: limit, usual")
    for heading in ("duty cycle", "limit", "usual"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("source")
    for known in plan.sub_bands:
        table.add_row(known.name, *_sub_band_row(known))
    return table


def _sub_band_row(known: SubBand) -> list[str]:
    legal = known.legal_duty_cycle_ppm
    duty = _duty(known.duty_cycle_ppm) + (f" (law {_duty(legal)})" if legal else "")
    span = _span((known.low_hz, known.high_hz))
    return [span, duty, f"{known.max_eirp_dbm:g}", f"{known.gateway_eirp_dbm:g}", known.source]


def _notes(plan: Region) -> Table:
    of_sub_bands = [f"{known.name}: {known.note}" for known in plan.sub_bands if known.note]
    return _grid(*(("•", note) for note in (*of_sub_bands, *plan.notes)))


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


def _rx2_band(plan: Region) -> SubBand:
    return plan.sub_band(plan.rx2_frequency_hz, plan.data_rate(plan.rx2_data_rate).bandwidth_hz)


def _span(edges_hz: tuple[int, int]) -> str:
    return "-".join(map(megahertz_text, edges_hz))


def _channels(frequencies_hz: tuple[int, ...]) -> str:
    shown = [megahertz_text(hz) for hz in frequencies_hz]
    return ", ".join(shown) if len(shown) <= 8 else f"{shown[0]}, {shown[1]} to {shown[-1]} ({len(shown)})"


def _rates(plan: Region) -> str:
    """The downlink data rates as ranges: "DR0-5, 7"."""
    runs: list[list[int]] = []
    for rate in plan.downlink_data_rates:
        if runs and runs[-1][-1] == rate.index - 1:
            runs[-1].append(rate.index)
        else:
            runs.append([rate.index])
    return "DR" + ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _duty(ppm: int) -> str:
    return f"{ppm / 10_000:g} %" if ppm < 1_000_000 else "no limit"


def _frame_limit(plan: Region) -> str:
    limit = f"{plan.max_frame_ms} ms" if plan.max_frame_ms else ""
    return limit or (f"({plan.dwell_limit_ms} ms)" if plan.dwell_limit_ms else "")


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(name.removeprefix("CN470-") if index else name for index, name in enumerate(names))
