"""Options of the receiver of the data stream that `launch`, `watch` and `uplinks listen` share."""

from __future__ import annotations

from pathlib import Path

import click

from fuota.cli.help import Decorator, OptionsUnder


def tls_options(option: OptionsUnder) -> tuple[Decorator, Decorator]:
    """Return the options --cert and --key. option: makes an option below a heading."""
    path = click.Path(exists=True, dir_okay=False, path_type=Path)
    return (
        option("--cert", type=path, help="Receive with TLS: PEM file with the certificate of the receiver."),
        option("--key", type=path, help="PEM file with the private key of --cert.  [default: in the same file]"),
    )
