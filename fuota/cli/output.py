"""Output of a command: results on stdout, messages on stderr; with --json only JSON Lines on stdout."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING

import click

from fuota.cli.exits import output_lost
from fuota.cli.help import CommandFunction, output_option

if TYPE_CHECKING:
    from rich.table import Table

PIPE_COLUMNS = 80
"""Width of a table in columns if stdout is not a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Writes the results and messages of a command. as_json: whether --json was given."""

    as_json: bool

    def event(self, event: str, **fields: object) -> None:
        """Write one line of JSON on stdout if --json was given, otherwise nothing."""
        if self.as_json:
            click.echo(json.dumps({"event": event, **fields}, default=str))

    def say(self, text: str) -> None:
        """Write a message on stderr; on a terminal it is wrapped between words."""
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns
            text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
        with contextlib.suppress(OSError):  # a command does not fail because nobody reads its messages
            click.echo(text, err=True)

    def result(self, text: str) -> None:
        """Write a result for people on stdout; nothing if --json was given."""
        if not self.as_json:
            click.echo(text)

    def table(self, table: Table) -> None:
        """Write a table for people on stdout; nothing if --json was given.

        It is as wide as the terminal, or 80 columns if stdout is not a terminal.
        """
        from rich.console import Console

        width = None if sys.stdout.isatty() else PIPE_COLUMNS
        console = Console(width=width, highlight=False, soft_wrap=False, markup=False, emoji=False)
        with console.capture() as captured:  # rich would exit with 1 for a broken pipe
            console.print(table)
        self.result(captured.get().removesuffix("\n"))


def with_output(command: CommandFunction) -> CommandFunction:
    """Add the option --json to a command, and pass it an `Output` as the parameter `out`."""

    @output_option("--json", "as_json", is_flag=True, help="Print JSON Lines on stdout, messages on stderr.")
    @wraps(command)
    def wrapped(*args: object, as_json: bool, **options: object) -> int:
        try:
            code = command(*args, out=Output(as_json=as_json), **options)
            sys.stdout.flush()
        except OSError as error:  # click would exit with 1 for a broken pipe
            return output_lost(error)
        return code

    return wrapped
