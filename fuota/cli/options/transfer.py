"""The parameters of a FUOTA task as options."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from fuota.cli.options.device_lists import dev_eui_option, dev_file_option

if TYPE_CHECKING:
    from fuota.network import TransferRequest


def transfer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All parameters of mcastTransfer, as options of the same meaning."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request_from(options: dict[str, Any], *, file_name: str, **instead: Any) -> TransferRequest:
    """The request that the options describe; `instead` replaces some. Raises ParameterError."""
    from fuota.errors import ParameterError
    from fuota.network import TransferRequest

    names = TransferRequest.__slots__
    values = {name: options[name] for name in names if name in options} | {"file_name": file_name} | instead
    values["dev_euis"] = values["dev_euis"] or None
    values["dev_tags"] = values["dev_tags"] or None
    try:
        values["descriptor"] = bytes.fromhex(options["descriptor"])
    except ValueError:
        raise ParameterError(f"descriptor {options['descriptor']!r} was given: it is 4 octets in hexadecimal") from None
    return TransferRequest(**values)


def planned(path: Path, image: bytes, options: dict[str, Any]) -> dict[str, Any]:
    """The options that a plan file decides, for the image that it was made for; its target is the one where `options` has none.

    Raises UsageError where one of them was given too, StorageError, PlanError and ImageError.
    """
    from fuota.planning import check_image, load_plan, plan_sha256

    plan = load_plan(path)
    check_image(plan, image)
    fields = plan.transfer_fields()
    decided = {**fields, "region_name": plan.region, "descriptor": fields["descriptor"].hex()}
    if given := given_options(decided):
        raise click.UsageError(f"--plan decides {', '.join(given)} too: leave that out, or plan again")
    target = plan.target if options["target"] is None else options["target"]
    bound = {"base_sha256": plan.image.base_sha256, "target_sha256": plan.image.target_sha256}
    return {**decided, **bound, "target": target, "plan_sha256": plan_sha256(plan)}


def given_options(names: Container[str | None]) -> list[str]:
    """Those of the options with these names (of the parameters) that stand on the command line, as they are spelled there."""
    context = click.get_current_context()
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    ]


_OPTIONS = (
    click.option("--app-eui", help="Application of the devices."),
    dev_eui_option("A device to update; repeat it, or use --dev-file or --tag."),
    dev_file_option,
    click.option("--tag", "dev_tags", multiple=True, help="Update the devices with this tag; may be repeated."),
    click.option(
        "--redundancy", "-r", type=float, default=0.5, show_default=True, help="Share of coded fragments, 0 to 1.0."
    ),
    click.option(
        "--start-delay",
        "start_delay_s",
        type=int,
        default=300,
        show_default=True,
        help="Seconds for setting up the devices: several of their uplink periods.",
    ),
    click.option(
        "--interval-ms",
        "millis_between_pkts",
        type=int,
        default=5000,
        show_default=True,
        help="Pause between fragments.",
    ),
    click.option("--data-rate", "-d", "tx_data_rate", type=int, help="Data rate.  [default: that of RX2]"),
    click.option("--channel", "tx_channel", type=int, help="Downlink channel.  [default: the server's]"),
    click.option(
        "--frag-size",
        "-s",
        "max_frag_size",
        type=int,
        default=0,
        help="Octets per fragment.  [default: the largest that fits]",
    ),
    click.option(
        "--frag-alg",
        type=click.Choice(["FWD_ERR_CORR", "NB_TRANS"]),
        default="FWD_ERR_CORR",
        show_default=True,
        help="Error correction, or repeats.",
    ),
    click.option(
        "--version",
        "frag_pkg_ver",
        type=click.IntRange(1, 2),
        default=1,
        show_default=True,
        help="TS004 version of the devices.",
    ),
    click.option(
        "--class",
        "dev_class",
        type=click.Choice(["B", "C"]),
        default="C",
        show_default=True,
        help="Class during the session.",
    ),
    click.option(
        "--descriptor",
        default="00000000",
        show_default=True,
        help="Four octets for the device, in the order of the wire.",
    ),
    click.option("--contract-id", type=int, help="Contract billed.  [default: the application's]"),
    click.option("--multi-package", "use_multi_pkg", is_flag=True, help="Devices support TS007."),
)
