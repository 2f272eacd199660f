"""Parameters of a transfer as options."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from fuota.cli.help import CommandFunction, Decorator, fragment_option, radio_option, timing_option
from fuota.cli.options.device_lists import dev_eui_option, dev_file_option, device_option
from fuota.cli.options.group import option_group
from fuota.errors import ParameterError

if TYPE_CHECKING:
    from fuota.device import DeviceProfile
    from fuota.network import TransferRequest

DEFAULT_REDUNDANCY = 0.5
DEFAULT_START_DELAY_S = 300
DEFAULT_INTERVAL_MS = 5000
DECIDED_BY_PLAN = frozenset(
    {
        "region_name",
        "redundancy",
        "start_delay_s",
        "interval_ms",
        "data_rate",
        "channel",
        "frag_size",
        "frag_alg",
        "version",
        "device_class",
        "descriptor",
    }
)
"""Parameters of `fuota launch` that a plan decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """Devices and parameters of a transfer; None is not given.

    descriptor: 4 bytes in hexadecimal. frag_size: 0 sets no limit. The other fields are the parameters of TransferRequest with
    the same meaning.
    """

    app_eui: str | None
    dev_euis: tuple[str, ...]
    dev_tags: tuple[str, ...]
    redundancy: float | None
    start_delay_s: int | None
    interval_ms: int | None
    data_rate: int | None
    channel: int | None
    frag_size: int
    frag_alg: Literal["FWD_ERR_CORR", "NB_TRANS"]
    version: int | None
    device_class: Literal["B", "C"]
    descriptor: str | None
    contract_id: int | None
    use_multi_pkg: bool

    @property
    def descriptor_bytes(self) -> bytes | None:
        """Descriptor of TS004's FragSessionSetupReq. Raises ParameterError."""
        if self.descriptor is None:
            return None
        try:
            if len(descriptor := bytes.fromhex(self.descriptor)) == 4:
                return descriptor
        except ValueError:
            pass
        raise ParameterError(f"descriptor must be 4 bytes in hexadecimal, got {self.descriptor!r}")

    @property
    def names_devices(self) -> bool:
        """Whether an application or devices are named."""
        return bool(self.app_eui or self.dev_euis or self.dev_tags)

    def request(self, file_name: str) -> TransferRequest:
        """Return the request of `fuota transfer start`. Raises ParameterError, and UsageError without an application."""
        from fuota.network import TransferRequest

        if not self.app_eui:
            raise click.UsageError("--app-eui is required")
        return TransferRequest(
            app_eui=self.app_eui,
            dev_euis=self.dev_euis or None,
            dev_tags=self.dev_tags or None,
            redundancy=DEFAULT_REDUNDANCY if self.redundancy is None else self.redundancy,
            start_delay_s=DEFAULT_START_DELAY_S if self.start_delay_s is None else self.start_delay_s,
            millis_between_pkts=DEFAULT_INTERVAL_MS if self.interval_ms is None else self.interval_ms,
            tx_data_rate=self.data_rate,
            tx_channel=self.channel,
            max_frag_size=self.frag_size,
            frag_alg=self.frag_alg,
            frag_pkg_ver=self.version or 1,
            dev_class=self.device_class,
            descriptor=self.descriptor_bytes or bytes(4),
            contract_id=self.contract_id,
            use_multi_pkg=self.use_multi_pkg,
            file_name=file_name,
        )

    def device_profile(self, profile: str | None) -> DeviceProfile | None:
        """Return the profile with this name or file, changed by --version and --descriptor; None if none of them is given.

        Raises ParameterError, and what `load_profile` raises.
        """
        from fuota.device import DeviceProfile, load_profile

        descriptor = self.descriptor_bytes
        if profile is None and self.version is None and descriptor is None:
            return None
        devices = DeviceProfile() if profile is None else load_profile(profile)
        if self.version not in (None, devices.version):
            variant = "deployed" if self.version == 1 else devices.variant
            devices = replace(devices, version=self.version, variant=variant)
        return devices if descriptor is None else replace(devices, descriptor=descriptor)


def transfer_options(command: CommandFunction) -> CommandFunction:
    """Add all parameters of mcastTransfer to a command, and pass it the parameter `transfer`."""
    return _group(
        redundancy=f"[default: {DEFAULT_REDUNDANCY}]",
        start_delay=f"[default: {DEFAULT_START_DELAY_S}]",
        interval=f"[default: {DEFAULT_INTERVAL_MS}]",
        version="[default: 1]",
        channel="[default: chosen by the server]",
        data_rate="[default: chosen by the server]",
    )(command)


def planned_transfer_options(command: CommandFunction) -> CommandFunction:
    """Add the same options for a command that plans the transfer: what is not given is decided by the plan."""
    return _group(
        redundancy="[default: what the target needs]",
        start_delay="[default: six uplink periods of the profile, or 300]",
        interval="[default: the shortest that region, devices and server allow]",
        version="[default: of the profile, or 1]",
        channel="[default: RX2; class B: hopping if the region has it]",
        data_rate="[default: RX2, or the fastest that reaches the target]",
    )(command)


def given_options(names: Container[str | None]) -> list[str]:
    """Return the options on the command line whose parameter is among `names`, with their first spelling."""
    context = click.get_current_context()
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    ]


def _group(
    *, redundancy: str, start_delay: str, interval: str, version: str, channel: str, data_rate: str
) -> Decorator:
    """Return the decorator; each parameter is the default of an option in words."""
    return option_group(
        "transfer",
        TransferOptions,
        device_option("--app-eui", help="Application of the devices."),
        dev_eui_option("Device to update; may be repeated."),
        dev_file_option,
        device_option("--tag", "dev_tags", multiple=True, help="Update the devices with this tag; may be repeated."),
        device_option("--contract-id", type=int, help="Contract to bill.  [default: of the application]"),
        fragment_option("--redundancy", "-r", type=float, help=f"Share of coded fragments, 0 to 1.  {redundancy}"),
        fragment_option(
            "--frag-size", "-s", type=int, default=0, help="Bytes per fragment.  [default: the largest that fits]"
        ),
        fragment_option(
            "--frag-alg",
            type=click.Choice(["FWD_ERR_CORR", "NB_TRANS"]),
            default="FWD_ERR_CORR",
            show_default=True,
            help="Coded fragments, or repeated fragments.",
        ),
        fragment_option("--version", type=click.IntRange(1, 2), help=f"TS004 version of the devices.  {version}"),
        fragment_option(
            "--descriptor", help="Descriptor for the devices: 4 bytes in hexadecimal, as sent.  [default: 00000000]"
        ),
        fragment_option("--multi-package", "use_multi_pkg", is_flag=True, help="The devices support TS007."),
        radio_option("--data-rate", "-d", type=int, help=f"Index of the data rate.  {data_rate}"),
        radio_option("--channel", type=int, help=f"Index of the downlink channel.  {channel}"),
        radio_option(
            "--class",
            "device_class",
            type=click.Choice(["B", "C"]),
            default="C",
            show_default=True,
            help="Class of the devices during the session.",
        ),
        timing_option(
            "--start-delay",
            "start_delay_s",
            type=int,
            help=f"Time in s to set up the devices: several of their uplink periods.  {start_delay}",
        ),
        timing_option("--interval-ms", type=int, help=f"Frame interval in ms.  {interval}"),
    )
