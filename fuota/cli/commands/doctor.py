"""fuota doctor: whether a campaign would find what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from fuota.cli.doctor_checks import Check, State, local_checks, ok
from fuota.cli.options.server import ServerOptions, server_options, state_option
from fuota.cli.output import Output, with_output
from fuota.cli.render.grid import grid
from fuota.text import counted


@click.command()
@click.option("--app-eui", help="Application of the devices.  [default: that of the profile]")
@click.option("--webhook", metavar="URL", help="Where the server posts the data stream, to see whether it is taken.")
@server_options
@state_option
@with_output
def doctor(
    *, app_eui: str | None, webhook: str | None, server: ServerOptions, state_dir: Path | None, out: Output
) -> int:
    """Check this machine and, with --server, the server: what works, and what to do about what does not.

    Nothing changes on the server. Exit code 0 where nothing failed; else that of the first failure: 2 on this machine, 4 the
    key, 5 the network.
    """
    checks = []
    for check in _checks(app_eui, webhook, server, state_dir):
        checks.append(check)
        out.event("check", name=check.name, state=check.state, found=check.found, advice=check.advice)
    advised = [
        (check.state, check.name, check.found + (f" → {check.advice}" if check.advice else "")) for check in checks
    ]
    out.table(grid(advised))
    failed = [check for check in checks if check.state is State.FAIL]
    warnings = sum(check.state is State.WARN for check in checks)
    out.event("doctor", ok=not failed, failures=len(failed), warnings=warnings)
    out.say(f"{counted(len(checks), 'check')}, {counted(len(failed), 'failure')}, {counted(warnings, 'warning')}")
    return failed[0].code if failed else 0


def _checks(app_eui: str | None, webhook: str | None, server: ServerOptions, state_dir: Path | None) -> Iterator[Check]:
    from fuota.cli.doctor_server import server_checks, stream_check

    yield from local_checks(state_dir)
    if server.url is None:
        yield ok("server", "none named: launches go to the sandbox inside the process")
        if webhook is None:
            return
    else:
        yield from server_checks(server, app_eui)
    yield stream_check(webhook)
