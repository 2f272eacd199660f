"""Command `fuota airtime`: the time on air of a frame."""

from __future__ import annotations

import click

from fuota.cli.help import Command, radio_option
from fuota.cli.output import Output, with_output

MAC_OVERHEAD_BYTES = 13
"""Bytes of a frame around its payload: MHDR, FHDR without options, FPort and MIC (TS001-1.0.4)."""


@click.command(
    cls=Command,
    examples=("fuota airtime 64 --region IN865", "fuota airtime 48 --fragment --region EU868 --data-rate 0"),
)
@click.argument("size", type=click.IntRange(0, 255), metavar="BYTES")
@radio_option("--region", "region_name", metavar="NAME", default="EU868", show_default=True, help="Region.")
@radio_option(
    "--data-rate", "-d", type=int, metavar="DR", help="Show only this data rate.  [default: all of the downlink]"
)
@radio_option(
    "--fragment",
    is_flag=True,
    help="BYTES is the size of a fragment: add the 16 bytes of the TS004 command and the frame.",
)
@with_output
def airtime(*, size: int, region_name: str, data_rate: int | None, fragment: bool, out: Output) -> int:
    """Show the time on air of a downlink frame.

    BYTES is the size of the PHYPayload. LoRa downlinks have an explicit header, 8 preamble symbols, coding rate 4/5 and no payload
    CRC.
    """
    from rich import box
    from rich.table import Table

    from fuota.radio import fragment_phy_bytes, region

    channel_plan = region(region_name)
    rates = channel_plan.downlink_data_rates if data_rate is None else (channel_plan.data_rate(data_rate),)
    phy_bytes = fragment_phy_bytes(size) if fragment else size
    title = f"{channel_plan.name}, PHYPayload of {phy_bytes} bytes"
    table = Table("data rate", "modulation", box=box.SIMPLE, title=title)
    table.add_column("time on air", justify="right")
    table.add_column("fits", justify="left")
    for rate in rates:
        time_on_air_us = rate.time_on_air_us(phy_bytes)
        max_phy_bytes = rate.max_payload_bytes + MAC_OVERHEAD_BYTES
        fits = phy_bytes <= max_phy_bytes
        modulation = (
            f"SF{rate.sf}/{(rate.bw_hz or 0) // 1000} kHz" if rate.sf else f"FSK {rate.bitrate_bps // 1000} kbit/s"
        )
        table.add_row(
            f"DR{rate.index}",
            modulation,
            f"{time_on_air_us / 1000:.3f} ms",
            "yes" if fits else f"no: at most {max_phy_bytes}",
        )
        out.event(
            "airtime",
            region=channel_plan.name,
            data_rate=rate.index,
            phy_bytes=phy_bytes,
            time_on_air_us=time_on_air_us,
            fits=fits,
        )
    out.table(table)
    return 0
