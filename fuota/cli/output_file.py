"""Files that a command writes: the options, the checks before the work, and opening them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from fuota.cli.help import Decorator, output_option
from fuota.errors import StorageError
from fuota.text import printable

FileName = IO[bytes] | str | Path | None
"""An open file, or the name of a file; None if the option was not used."""


def file_option(*names: str, help: str) -> Decorator:  # noqa: A002 - click's name
    """Return a decorator that adds an option with the name of a file to write; its parameter is a Path or None."""
    path = click.Path(path_type=Path, dir_okay=False)
    return output_option(*names, type=path, callback=_require_name, help=help)


def stream_option(help: str, *, required: bool = False) -> Decorator:  # noqa: A002
    """Return a decorator that adds --output, a file or "-" for stdout, for `open_output`."""
    path = click.Path(allow_dash=True, dir_okay=False)
    if required:
        return output_option("--output", "-o", type=path, required=True, help=help)
    return output_option("--output", "-o", type=path, default="-", help=help)


def check_outputs(inputs: Mapping[str, FileName], output: Path | None, picture: Path | None) -> None:
    """Check the names of the files to write before the work starts.

    inputs: files that are read, keyed by their option or argument. Raises UsageError if an output is one of the inputs or the other
    output, ParameterError if the format of the picture is unknown or matplotlib is missing.
    """
    read = [(name, state) for name, file in inputs.items() if (state := _file_state(file)) is not None]
    for option, path in (("-o", output), ("--plot", picture)):
        state = _file_state(path)
        for name, input_state in read:
            if state is not None and os.path.samestat(state, input_state):
                raise click.UsageError(f"{option} {printable(path)} is the file that {name} reads: name another file")
    if picture is not None:
        from fuota.planning.plots import picture_format
        from fuota.sim.plots import check_matplotlib

        picture_format(picture)
        check_matplotlib()
        if output is not None and os.path.realpath(output) == os.path.realpath(picture):
            raise click.UsageError(f"-o and --plot both name {printable(output)}: name two files")


@contextmanager
def open_output(path: str, mode: str) -> Iterator[IO[Any]]:
    """Open a file for writing; "-" is stdout. Raises StorageError if the file cannot be opened or written."""
    try:
        with click.open_file(path, mode) as file:
            yield file
    except OSError as error:
        if path == "-":
            raise  # with_output handles errors of stdout
        raise StorageError(f"{path} cannot be written: {error.strerror}") from None


def _require_name(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    if path == Path():
        raise click.BadParameter("the name of the file is empty")
    return path


def _file_state(file: FileName) -> os.stat_result | None:
    """Return the identity of a file, None if it does not exist or is not a file of the system."""
    try:
        return None if file is None else os.stat(file) if isinstance(file, str | Path) else os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
