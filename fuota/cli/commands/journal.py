"""Commands `fuota journal check` and `fuota journal salvage`: the record of campaigns on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.cli.exits import DONE, REFUSED
from fuota.cli.help import Group
from fuota.cli.options.server import state_option
from fuota.cli.output import Output, with_output
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import JournalCheck

_SHOWN_PROBLEMS = 10


@click.group(cls=Group, examples=("fuota journal check",))
def journal() -> None:
    """Check the record of campaigns, and save what is whole in a damaged record."""


@journal.command(examples=("fuota journal check", "fuota journal check --state-dir /var/lib/fuota --json"))
@state_option
@with_output
def check(*, state_dir: Path | None, out: Output) -> int:
    """Check the whole journal: structure of the file, checksum of each row, missing rows.

    Nothing is changed. The exit code is 3 if the journal is damaged.
    """
    from fuota.campaign import check_journal
    from fuota.campaign.state_folder import state_folder

    folder = state_folder(state_dir)
    checked = check_journal(folder)
    _show(checked, out, "check", folder)
    if not checked.problems:
        out.say(f"the journal in {printable(str(folder))} is whole")
        return DONE
    out.say("the journal is damaged: `fuota journal salvage` writes what is whole to a new folder")
    return REFUSED


@journal.command(examples=("fuota journal salvage saved", "fuota journal salvage saved --state-dir /var/lib/fuota"))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@state_option
@with_output
def salvage(*, folder: Path, state_dir: Path | None, out: Output) -> int:
    """Write what is whole in a damaged journal to a new journal in FOLDER.

    The damaged journal is not changed. Use the new one with --state-dir FOLDER. The exit code is 3 if something was lost.
    """
    from fuota.campaign import salvage_journal
    from fuota.campaign.state_folder import state_folder

    saved = salvage_journal(state_folder(state_dir), folder)
    _show(saved, out, "salvage", folder)
    out.say(f"saved in {printable(str(folder))}; use it with --state-dir {printable(str(folder))}")
    return REFUSED if saved.problems else DONE


def _show(checked: JournalCheck, out: Output, event: str, folder: Path) -> None:
    out.event(event, folder=str(folder), problems=list(checked.problems), rows=checked.rows)
    for problem in checked.problems[:_SHOWN_PROBLEMS]:
        out.result(printable(problem))
    if (more := len(checked.problems) - _SHOWN_PROBLEMS) > 0:
        out.result(f"and {counted(more, 'more problem')}")
    rows = checked.rows
    out.result(f"whole: {counted(rows['campaign'], 'campaign')}, {counted(rows['uplink'], 'uplink')}")
