"""The command line: `fuota --help`.

Every command lives in the module of its group; what a command needs is imported inside it, so that help is instant.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence

import click

import fuota
from fuota.cli.commands.airtime import airtime
from fuota.cli.commands.coding import decode, encode
from fuota.cli.commands.demo import demo
from fuota.cli.commands.device import device
from fuota.cli.commands.doctor import doctor
from fuota.cli.commands.downlink import downlink
from fuota.cli.commands.group import group
from fuota.cli.commands.image import image
from fuota.cli.commands.launch import cancel, launch, watch
from fuota.cli.commands.message import message
from fuota.cli.commands.plan import plan
from fuota.cli.commands.region import region
from fuota.cli.commands.sandbox import sandbox
from fuota.cli.commands.simulate import simulate
from fuota.cli.commands.transfer import transfer
from fuota.cli.commands.uplinks import uplinks
from fuota.cli.exits import report_and_code


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fuota.__version__, prog_name="fuota")
def cli() -> None:
    """Take firmware to LoRaWAN devices over the air, and prove that it arrived.

    Start with `fuota demo`: a sandbox network server and its fleet, all on this machine.

    \b
    Exit codes: 0 done · 1 done, below the required target · 2 usage ·
    3 plan or image refused · 4 authentication · 5 network · 6 partial success ·
    7 stopped · 8 outcome unknown
    """


_COMMANDS = (
    demo,
    plan,
    simulate,
    launch,
    watch,
    cancel,
    transfer,
    device,
    downlink,
    group,
    encode,
    decode,
    image,
    message,
    uplinks,
    sandbox,
    airtime,
    region,
    doctor,
)
for _command in _COMMANDS:
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code. No traceback reaches the user but for a fault of ours."""
    _mend_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its "Retrying ..." lines are no words for an operator
    try:
        code = cli.main(given, prog_name="fuota", standalone_mode=False)
    except BaseException as error:
        code = report_and_code(error, as_json="--json" in given)
    sys.exit(code or 0)


def _mend_streams() -> None:
    """A closed stream swallows what is written, and a terminal that cannot show a character shows a question mark."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the life of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
