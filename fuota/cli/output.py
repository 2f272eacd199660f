"""What goes where: results on stdout, words on stderr; with --json nothing but JSON Lines on stdout."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fuota.cli.exits import output_lost

if TYPE_CHECKING:
    from rich.table import Table

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The way out of a command."""

    as_json: bool

    def event(self, event: str, **fields: Any) -> None:
        """With --json: one line of JSON on stdout. Otherwise nothing."""
        if self.as_json:
            click.echo(json.dumps({"event": event, **fields}, default=str))

    def say(self, text: str) -> None:
        """Words for people, on stderr; on a terminal wrapped between words."""
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns
            text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
        with contextlib.suppress(OSError):  # words are for people: without a listener they are not worth failing for
            click.echo(text, err=True)

    def result(self, text: str) -> None:
        """A result for people, on stdout; with --json nothing."""
        if not self.as_json:
            click.echo(text)

    def table(self, table: Table) -> None:
        """A table for people, on stdout, as wide as the terminal, 80 columns in a pipe; with --json nothing."""
        from rich.console import Console

        console = Console(
            width=None if sys.stdout.isatty() else 80, highlight=False, soft_wrap=False, markup=False, emoji=False
        )
        with console.capture() as captured:  # rich would exit with 1 for a broken pipe
            console.print(table)
        self.result(captured.get().removesuffix("\n"))


def with_output(command: Command) -> Command:
    """Gives a command the option --json and its `out`."""

    @click.option("--json", "as_json", is_flag=True, help="JSON Lines on stdout, words on stderr.")
    @wraps(command)
    def wrapped(*args: Any, as_json: bool, **kwargs: Any) -> Any:
        try:
            code = command(*args, out=Output(as_json=as_json), **kwargs)
            sys.stdout.flush()
        except OSError as error:  # here, because click would exit with 1 for a broken pipe
            return output_lost(error)
        return code

    return wrapped  # type: ignore[return-value]
