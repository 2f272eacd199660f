"""fuota doctor: whether a campaign would find what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.cli.exits import AUTHENTICATION, NETWORK, USAGE
from fuota.cli.help import Command, server_option
from fuota.cli.listening import TOKEN_VARIABLE
from fuota.cli.options.server import ServerOptions, server_options, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.grid import grid
from fuota.text import counted

if TYPE_CHECKING:
    from fuota.campaign.doctor.check import Check

_CODES = {"machine": USAGE, "key": AUTHENTICATION, "network": NETWORK}
"""Exit codes by the value of `Area`."""


@click.command(
    cls=Command,
    examples=(
        "fuota doctor",
        "fuota doctor --server https://api.senraco.io --app-eui AAAAAAAAAAAAAA01",
        "fuota doctor --webhook https://your.host/uplinks",
    ),
)
@server_option("--app-eui", help="Application of the devices.  [default: of the server entry]")
@server_option("--webhook", metavar="URL", help="URL that the server posts the data stream to, to check the receiver.")
@server_options
@state_option
@with_output
def doctor(
    *, app_eui: str | None, webhook: str | None, server: ServerOptions, state_dir: Path | None, out: Output
) -> int:
    """Check this machine and, with --server, the server, and say what to do about what does not work.

    Nothing changes on the server. The exit code is 0 if no check failed, otherwise the code of the first failure: 2 for this
    machine, 4 for the key, 5 for the network.
    """
    from fuota.campaign.doctor.check import State

    checks = []
    for check in _checks(app_eui, webhook, server, state_dir):
        checks.append(check)
        out.event("check", name=check.name, state=check.state, found=check.finding, advice=check.advice)
    rows = [
        (check.state, check.name, check.finding + (f" → {check.advice}" if check.advice else "")) for check in checks
    ]
    out.table(grid(rows))
    failed = [check for check in checks if check.state is State.FAIL]
    warnings = sum(check.state is State.WARN for check in checks)
    out.event("doctor", ok=not failed, failures=len(failed), warnings=warnings)
    out.say(f"{counted(len(checks), 'check')}, {counted(len(failed), 'failure')}, {counted(warnings, 'warning')}")
    return _CODES[failed[0].area] if failed else 0


def _checks(app_eui: str | None, webhook: str | None, server: ServerOptions, state_dir: Path | None) -> Iterator[Check]:
    from fuota.campaign.doctor.check import ok
    from fuota.campaign.doctor.local import local_checks
    from fuota.campaign.doctor.server import server_checks, stream_check

    yield from local_checks(state_dir)
    if server.url is None:
        yield ok("server", "no server is named: launches go to the sandbox inside the process")
        if webhook is None:
            return
    else:
        yield from server_checks(server, app_eui)
    yield stream_check(webhook, os.environ.get(TOKEN_VARIABLE), token_variable=TOKEN_VARIABLE)
