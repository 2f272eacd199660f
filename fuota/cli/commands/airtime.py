"""fuota airtime: how long a frame is on air."""

from __future__ import annotations

import click

from fuota.cli.output import Output, with_output


@click.command()
@click.argument("size", type=click.IntRange(0, 255), metavar="BYTES")
@click.option("--region", "region_name", default="EU868", show_default=True, help="Channel plan.")
@click.option("--data-rate", "-d", type=int, help="Only this data rate.  [default: all of the downlink]")
@click.option(
    "--fragment", is_flag=True, help="BYTES are those of a fragment: TS004 and frame overhead (16) are added."
)
@with_output
def airtime(size: int, region_name: str, data_rate: int | None, fragment: bool, out: Output) -> int:
    """Time on air of a downlink whose PHYPayload has BYTES bytes.

    LoRa downlinks: explicit header, 8 preamble symbols, coding rate 4/5, no payload CRC.
    """
    from rich import box
    from rich.table import Table

    from fuota.radio import fragment_phy_bytes, region

    plan = region(region_name)
    rates = plan.downlink_data_rates if data_rate is None else (plan.data_rate(data_rate),)
    phy_bytes = fragment_phy_bytes(size) if fragment else size
    table = Table("data rate", "modulation", box=box.SIMPLE, title=f"{plan.name}, PHYPayload of {phy_bytes} bytes")
    table.add_column("time on air", justify="right")
    table.add_column("fits", justify="left")
    for rate in rates:
        on_air_us = rate.time_on_air_us(phy_bytes)
        fits = phy_bytes <= rate.max_payload_bytes + 13
        shape = f"SF{rate.sf}/{(rate.bw_hz or 0) // 1000} kHz" if rate.sf else f"FSK {rate.bitrate_bps // 1000} kbit/s"
        table.add_row(
            f"DR{rate.index}",
            shape,
            f"{on_air_us / 1000:.3f} ms",
            "yes" if fits else f"no: at most {rate.max_payload_bytes + 13}",
        )
        out.event(
            "airtime", region=plan.name, data_rate=rate.index, phy_bytes=phy_bytes, time_on_air_us=on_air_us, fits=fits
        )
    out.table(table)
    return 0
