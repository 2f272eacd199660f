"""What a plan is asked for, as options: each is a field of PlanRecipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.options.transfer import given_options

if TYPE_CHECKING:
    from fuota.planning import Image, PlanInputs

_MOST_DIGITS = 30
_MOST_MHZ = 100_000
_OF_CLASS_B = frozenset({"periodicity", "mc_addr", "start_gps_s"})


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of a plan."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def task_from(options: dict[str, Any], image: Image) -> PlanInputs:
    """What the options ask for, looked up. Raises FuotaError, and UsageError for options that do not go together."""
    from fuota.planning import APPLICATION_MANAGED, SENRA, PlanInputs, PlanRecipe

    given = given_options(_OF_CLASS_B)
    if given and options["device_class"] != "B":
        raise click.UsageError(f"{', '.join(given)} is about ping slots: say --class B too, or leave that out")
    values = dict(options)
    values["region"] = values.pop("region_name")
    values["server"] = APPLICATION_MANAGED if values.pop("application_managed") else SENRA
    values["fleet"] = _fleet(values["fleet"])
    values["mc_addr"] = int(values["mc_addr"], 16)
    return PlanInputs.of(image, PlanRecipe(**values))


def _fleet(given: str | None) -> int | str | None:
    if given is None or not given.removeprefix("-").isdecimal():
        return given
    if len(given) > _MOST_DIGITS:
        nearest = "1" if given.startswith("-") else "1000000000"
        raise click.BadParameter(f"a fleet of a number of {len(given)} digits was given; the nearest is {nearest}")
    return int(given)


def _hz(_context: click.Context, _parameter: click.Parameter, megahertz: float | None) -> int | None:
    if megahertz is None:
        return None
    if not 0 < megahertz < _MOST_MHZ:
        raise click.BadParameter(f"{megahertz:g} is no frequency in MHz, such as 869.525")
    return round(megahertz * 1e6)


def _address(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    try:
        if 0 <= int(text, 16) < 2**32:
            return text
    except ValueError:
        pass
    raise click.BadParameter(f"{text!r} is no address: 8 hexadecimal digits, such as 01020304")


_OPTIONS = (
    click.option(
        "--region", "region_name", required=True, help="Channel plan, such as IN865; see `fuota region list`."
    ),
    click.option(
        "--fleet", metavar="N|FILE", help="How many devices, or a TOML or CSV file (such as the server's export)."
    ),
    click.option(
        "--loss", type=float, help="Share of frames that each device loses.  [default: 0.1 where nothing is known]"
    ),
    click.option("--profile", metavar="NAME|FILE", help="What the devices can do: a TOML file, or a built-in name."),
    click.option(
        "--target", type=float, default=0.99, show_default=True, help="Share of the fleet that must end complete."
    ),
    click.option("--confidence", type=float, default=0.95, show_default=True, help="How surely it must."),
    click.option("--data-rate", "-d", type=int, help="Data rate.  [default: that of RX2, or the fastest that does]"),
    click.option("--frag-size", "-s", type=int, help="Octets per fragment.  [default: the largest that fits]"),
    click.option("--multiple", "frag_size_multiple", type=int, help="Octets of which the fragment size is a multiple."),
    click.option("--redundancy", "-r", type=float, help="Share of coded fragments.  [default: what the target needs]"),
    click.option("--coded", "nb_coded", type=int, help="Number of coded fragments, instead."),
    click.option(
        "--optimise", type=click.Choice(["time", "airtime", "energy"]), help="Choose data rate and size for this."
    ),
    click.option(
        "--class",
        "device_class",
        type=click.Choice(["B", "C"]),
        default="C",
        show_default=True,
        help="Class of the session.",
    ),
    click.option(
        "--frequency",
        "frequency_hz",
        type=float,
        callback=_hz,
        metavar="MHZ",
        help="Channel.  [default: RX2; class B: hopping, where there is]",
    ),
    click.option("--interval-ms", type=int, help="From frame to frame.  [default: the shortest that all agree to]"),
    click.option(
        "--start-delay",
        "start_delay_s",
        type=int,
        help="Seconds for setting up the devices.  [default: six uplink periods, or 300]",
    ),
    click.option("--repeater", is_flag=True, help="Payload sizes for where repeaters are used."),
    click.option("--duty-cycle", type=float, metavar="SHARE", help="Instead of the region's; 1 for none."),
    click.option("--dwell-ms", type=int, help="Longest frame, instead of the region's; 0 for no limit."),
    click.option("--max-eirp", "max_eirp_dbm", type=float, metavar="DBM", help="Instead of the region's."),
    click.option("--periodicity", type=int, default=3, show_default=True, help="Class B: of the ping slots, 0 to 7."),
    click.option(
        "--mc-addr", default="00000000", show_default=True, callback=_address, help="Class B: address of the group."
    ),
    click.option(
        "--start-gps",
        "start_gps_s",
        type=int,
        default=0,
        show_default=True,
        help="Class B: GPS time of the first beacon.",
    ),
    click.option(
        "--application-managed", is_flag=True, help="Fragments are sent by the application: no limit of redundancy."
    ),
)
