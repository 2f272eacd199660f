"""Command line of fuota.

Each command is in the module of its group, which is imported when the command is used. A command imports what it needs inside its
function, so that its help is fast.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence

import click

import fuota
from fuota.cli.exits import report_and_code
from fuota.cli.help import Group

SECTIONS: dict[str, dict[str, str]] = {
    "Try it": {"demo": "demo", "sandbox": "sandbox"},
    "Plan and simulate": {"plan": "plan", "simulate": "simulate"},
    "Deliver": {"launch": "launch", "watch": "launch", "cancel": "launch", "transfer": "transfer"},
    "Devices and groups": {"device": "device", "group": "group", "downlink": "downlink", "uplinks": "uplinks"},
    "Images and messages": {"image": "image", "encode": "coding", "decode": "coding", "message": "message"},
    "Look up and check": {"airtime": "airtime", "region": "region", "doctor": "doctor", "journal": "journal"},
}
"""Commands by the headings of `fuota --help`, each with its module in `fuota.cli.commands`, which is loaded when it is needed."""


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    sections={heading: list(commands) for heading, commands in SECTIONS.items()},
    modules={
        name: f"fuota.cli.commands.{module}" for commands in SECTIONS.values() for name, module in commands.items()
    },
    examples=(
        "fuota demo",
        "fuota image check app.bin --profile loramac-node",
        "fuota plan app.bin --region EU868 --fleet 500 -o plan.json",
        "fuota launch app.bin --plan plan.json --app-eui A1B2C3D4E5F60708 \\\n    --tag pilot --server https://api.senraco.io",
    ),
)
@click.version_option(fuota.__version__, prog_name="fuota")
def cli() -> None:
    """Deliver firmware to LoRaWAN devices over the air, and prove that it arrived.

    Start with `fuota demo`: a sandbox network server and its devices, all on this machine.

    \b
    Exit codes: 0 done · 1 done, below the required target · 2 usage ·
    3 plan or image refused · 4 authentication · 5 network · 6 partial success ·
    7 stopped · 8 outcome unknown
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    arguments: without the name of the program; None for the arguments of this process. A traceback is shown only for a defect of
    fuota itself.
    """
    make_streams_safe()
    words = list(sys.argv[1:] if arguments is None else arguments)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its "Retrying ..." lines do not help an operator
    try:
        code = cli.main(words, prog_name="fuota", standalone_mode=False)
    except BaseException as error:
        code = report_and_code(error, as_json="--json" in words)
    sys.exit(code or 0)


def make_streams_safe() -> None:
    """Make closed streams discard what is written, and make streams show "?" for a character that they cannot encode."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
