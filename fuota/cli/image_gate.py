"""Options of the image gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.help import CommandFunction, image_option
from fuota.cli.image_input import opened
from fuota.cli.options.group import option_group
from fuota.cli.options.requirements import RequirementOptions, requirement_options
from fuota.cli.output import Output

if TYPE_CHECKING:
    from fuota.campaign import GateOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class GateArguments:
    """Whether warnings refuse the image, and the base of a patch."""

    strict: bool
    base: IO[bytes] | None

    def options(self, requirements: RequirementOptions) -> GateOptions:
        """Return the options of the gate; the base is read. Raises ImageError."""
        from fuota.campaign import GateOptions

        return GateOptions(
            strict=self.strict,
            base=None if self.base is None else opened(self.base),
            profile=requirements.profile,
            public_key=requirements.public_key,
            signature=requirements.signature,
        )


GATE_OPTIONS = (
    image_option("--strict", is_flag=True, help="Refuse an image that has a warning."),
    image_option(
        "--base", type=click.File("rb"), metavar="FILE", help="Image that the devices run, if IMAGE is a patch."
    ),
)
"""Options --strict and --base."""


def gate_options(command: CommandFunction) -> CommandFunction:
    """Add the options of the gate to a command, and pass it the parameters `gate` and `requirements`."""
    return option_group("gate", GateArguments, *GATE_OPTIONS)(requirement_options(command))


@contextmanager
def refusal_shown(out: Output) -> Iterator[None]:
    """Show each finding of an image that is refused in the block as an event."""
    from fuota.campaign import RefusedImageError

    try:
        yield
    except RefusedImageError as refusal:
        for finding in refusal.findings:
            out.event("finding", **finding.to_json())
        raise
