"""Options with the requirements that an image is checked against."""

from __future__ import annotations

from dataclasses import dataclass

import click

from fuota.cli.help import CommandFunction, image_option
from fuota.cli.options.group import option_group


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementOptions:
    """Requirements and keys that an image is checked against.

    profile: name or file of the device profile. public_key, signature: files of the key, and of a detached signature.
    """

    profile: str | None
    public_key: str | None
    signature: str | None


_FILE = click.Path(exists=True, dir_okay=False)
KEY_OPTIONS = (
    image_option("--public-key", type=_FILE, help="Verify the signature with this key (PEM or DER)."),
    image_option(
        "--signature",
        type=_FILE,
        help="Detached signature of IMAGE (ECDSA or Ed25519), used instead of the signature inside.",
    ),
)
"""Options --public-key and --signature."""


def requirement_options(command: CommandFunction) -> CommandFunction:
    """Add --profile, --public-key and --signature to a command, and pass it the parameter `requirements`."""
    group = option_group(
        "requirements",
        RequirementOptions,
        image_option("--profile", metavar="NAME|FILE", help="Device profile: a built-in name or a TOML file."),
        *KEY_OPTIONS,
    )
    return group(command)
