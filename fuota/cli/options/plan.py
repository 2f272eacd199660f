"""Options of a plan, each a field of PlanRecipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from fuota.cli.help import Decorator, OptionsUnder, fleet_option, fragment_option, radio_option, timing_option
from fuota.cli.options.group import option_group
from fuota.cli.options.transfer import given_options

if TYPE_CHECKING:
    from fuota.planning import Image, Objective, PlanInputs
    from fuota.planning.recipe import FrameLossLaw

MAX_DIGITS = 30
"""Digits of the largest number of devices that is read; int() of Python refuses thousands of digits with a poor message."""
MAX_MHZ = 100_000
_CLASS_B_NAMES = frozenset({"periodicity", "mc_addr", "start_gps_s"})

class_b_option = OptionsUnder("Class B")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """Requirements of a plan. None: the plan decides. region_name is None only if the command does not require it."""

    region_name: str | None
    fleet: str | None
    loss: float | None
    profile: str | None
    target: float
    confidence: float
    data_rate: int | None
    frag_size: int | None
    frag_size_multiple: int | None
    redundancy: float | None
    nb_coded: int | None
    optimise: Objective | None
    device_class: Literal["B", "C"]
    frequency_hz: int | None
    interval_ms: int | None
    start_delay_s: int | None
    repeater: bool
    duty_cycle: float | None
    dwell_ms: int | None
    max_eirp_dbm: float | None
    periodicity: int
    mc_addr: int
    start_gps_s: int
    application_managed: bool

    @property
    def fleet_size_or_file(self) -> int | str | None:
        """Number of devices, or name of the fleet file. Raises click.BadParameter for a number with too many digits."""
        if self.fleet is None or self.has_fleet_file:
            return self.fleet
        if len(self.fleet) > MAX_DIGITS:
            nearest = "1" if self.fleet.startswith("-") else "1000000000"
            raise click.BadParameter(
                f"--fleet must have at most {MAX_DIGITS} digits, got {len(self.fleet)} (nearest: {nearest})"
            )
        return int(self.fleet)

    @property
    def has_fleet_file(self) -> bool:
        """Whether --fleet is the name of a file, not a number."""
        return self.fleet is not None and not self.fleet.removeprefix("-").isdecimal()

    def inputs(self, image: Image, *, loss_law: FrameLossLaw | None = None) -> PlanInputs:
        """Return the inputs of the planner, with all names looked up and all files read.

        loss_law: replaces --loss. Raises FuotaError, and click.UsageError for options that do not go together.
        """
        from fuota.planning import APPLICATION_MANAGED, SENRA, PlanInputs, PlanRecipe

        self._check_class()
        recipe = PlanRecipe(
            region=self.region_name or "",
            fleet=self.fleet_size_or_file,
            loss=loss_law or self.loss,
            profile=self.profile,
            target=self.target,
            confidence=self.confidence,
            data_rate=self.data_rate,
            frag_size=self.frag_size,
            frag_size_multiple=self.frag_size_multiple,
            redundancy=self.redundancy,
            nb_coded=self.nb_coded,
            optimise=self.optimise,
            device_class=self.device_class,
            frequency_hz=self.frequency_hz,
            interval_ms=self.interval_ms,
            start_delay_s=self.start_delay_s,
            repeater=self.repeater,
            duty_cycle=self.duty_cycle,
            dwell_ms=self.dwell_ms,
            max_eirp_dbm=self.max_eirp_dbm,
            periodicity=self.periodicity,
            mc_addr=self.mc_addr,
            start_gps_s=self.start_gps_s,
            server=APPLICATION_MANAGED if self.application_managed else SENRA,
        )
        return PlanInputs.of(image, recipe)

    def _check_class(self) -> None:
        names = given_options(_CLASS_B_NAMES)
        if names and self.device_class != "B":
            raise click.UsageError(f"{', '.join(names)} needs --class B: only class B has ping slots")


def plan_options(*, region_required: bool) -> Decorator:
    """Return a decorator that adds the options of a plan, and passes them as the parameter `request`."""
    region = radio_option(
        "--region",
        "region_name",
        metavar="NAME",
        required=region_required,
        help="Region, such as IN865; see `fuota region list`.",
    )
    return option_group("request", PlanOptions, *_FLEET, region, *_RADIO, *_FRAGMENTS, *_TIMING, *_CLASS_B)


def _hz(_context: click.Context, _parameter: click.Parameter, megahertz: float | None) -> int | None:
    if megahertz is None:
        return None
    if not 0 < megahertz < MAX_MHZ:
        raise click.BadParameter(f"{megahertz:g} is not a frequency in MHz, such as 869.525")
    return round(megahertz * 1e6)


def _address(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    try:
        if 0 <= (address := int(text, 16)) < 2**32:
            return address
    except ValueError:
        pass
    raise click.BadParameter(f"{text!r} is not an address: it must be 8 hexadecimal digits, such as 01020304")


_FLEET = (
    fleet_option(
        "--fleet",
        metavar="N|FILE",
        help="Number of devices, or a TOML or CSV file of devices, such as the export of the server.",
    ),
    fleet_option(
        "--loss",
        type=float,
        metavar="SHARE",
        help="Share of frames that each device loses.  [default: 0.1 if the fleet names no loss]",
    ),
    fleet_option("--profile", metavar="NAME|FILE", help="Device profile: a built-in name or a TOML file."),
    fleet_option(
        "--target",
        type=float,
        metavar="SHARE",
        default=0.99,
        show_default=True,
        help="Share of the fleet that must complete.",
    ),
    fleet_option(
        "--confidence",
        type=float,
        metavar="SHARE",
        default=0.95,
        show_default=True,
        help="Confidence that the target is met.",
    ),
)
_RADIO = (
    radio_option(
        "--data-rate",
        "-d",
        type=int,
        metavar="DR",
        help="Data rate.  [default: that of RX2, or the fastest that meets the target if the loss depends on it]",
    ),
    radio_option(
        "--frequency",
        "frequency_hz",
        type=float,
        callback=_hz,
        metavar="MHZ",
        help="Downlink frequency.  [default: RX2; class B: hopping, if the region has it]",
    ),
    radio_option(
        "--class",
        "device_class",
        type=click.Choice(["B", "C"]),
        default="C",
        show_default=True,
        help="Class of the multicast session.",
    ),
    radio_option("--repeater", is_flag=True, help="Use the payload sizes for networks with repeaters."),
    radio_option(
        "--duty-cycle",
        type=float,
        metavar="SHARE",
        help="Duty cycle limit, instead of the limit of the region; 1: unlimited.",
    ),
    radio_option(
        "--dwell-ms",
        type=int,
        metavar="MS",
        help="Longest frame, instead of the limit of the region; 0: unlimited.",
    ),
    radio_option(
        "--max-eirp",
        "max_eirp_dbm",
        type=float,
        metavar="DBM",
        help="Transmit power (EIRP), instead of the limit of the region.",
    ),
)
_FRAGMENTS = (
    fragment_option(
        "--frag-size", "-s", type=int, metavar="BYTES", help="Bytes per fragment.  [default: the largest that fits]"
    ),
    fragment_option(
        "--multiple",
        "frag_size_multiple",
        type=int,
        metavar="BYTES",
        help="Choose a fragment size that is a multiple of this.",
    ),
    fragment_option(
        "--redundancy",
        "-r",
        type=float,
        metavar="SHARE",
        help="Coded fragments as a share of the uncoded fragments.  [default: as many as the target needs]",
    ),
    fragment_option(
        "--coded", "nb_coded", type=int, metavar="N", help="Number of coded fragments, instead of --redundancy."
    ),
    fragment_option(
        "--optimise",
        type=click.Choice(["time", "airtime", "energy"]),
        help="Choose the data rate and fragment size that need the least of this.",
    ),
    fragment_option(
        "--application-managed",
        is_flag=True,
        help="The application sends the fragments, not the server: no limit of the redundancy.",
    ),
)
_TIMING = (
    timing_option(
        "--interval-ms",
        type=int,
        metavar="MS",
        help="Frame interval, start to start.  [default: the shortest that all limits allow]",
    ),
    timing_option(
        "--start-delay",
        "start_delay_s",
        type=int,
        metavar="SECONDS",
        help="Time to set up the devices before the first frame.  [default: six uplink periods of the profile, or 300]",
    ),
)
_CLASS_B = (
    class_b_option(
        "--periodicity",
        type=int,
        metavar="P",
        default=3,
        show_default=True,
        help="A ping slot every 2^P seconds, P from 0 to 7.",
    ),
    class_b_option(
        "--mc-addr",
        metavar="HEX",
        default="00000000",
        show_default=True,
        callback=_address,
        help="Address of the multicast group.",
    ),
    class_b_option(
        "--start-gps",
        "start_gps_s",
        type=int,
        metavar="SECONDS",
        default=0,
        show_default=True,
        help="GPS time of the first beacon.",
    ),
)
