"""Options that name devices, one by one or in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

import click

FORMATS = "CSV with a heading, JSON, or an EUI a line; - is a pipe."


def dev_file_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --dev-file to a command. Its devices join the devices of --dev-eui, see `dev_eui_option`."""
    return click.option(
        "--dev-file",
        type=click.File("rb"),
        is_eager=True,
        expose_value=False,
        callback=_keep_euis,
        help=f"Devices in a file: {FORMATS}",
    )(command)


def dev_eui_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds --dev-eui to a command, as `dev_euis`: a tuple."""
    return click.option("--dev-eui", "dev_euis", multiple=True, callback=_with_euis_of_file, help=text)


_META = "fuota.cli.options.device_lists.dev_euis"


def _keep_euis(context: click.Context, _parameter: click.Parameter, file: IO[bytes] | None) -> None:
    from fuota.network.device_lists import read_euis

    if file is not None and not context.resilient_parsing:
        context.meta[_META] = read_euis(file)


def _with_euis_of_file(
    context: click.Context, _parameter: click.Parameter, dev_euis: tuple[str, ...]
) -> tuple[str, ...]:
    return (*dev_euis, *context.meta.get(_META, ()))
