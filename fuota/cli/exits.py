"""Exit codes, stable and documented, and the one line that goes with each."""

from __future__ import annotations

import contextlib
import json
import os
import sys

import click

from fuota import errors

DONE = 0
BELOW_TARGET = 1
USAGE = 2
REFUSED = 3
AUTHENTICATION = 4
NETWORK = 5
PARTIAL = 6
STOPPED = 7
UNKNOWN = 8

_CODES: tuple[tuple[type[errors.FuotaError], int], ...] = (
    (errors.AuthenticationError, AUTHENTICATION),
    (errors.OutcomeUnknownError, UNKNOWN),
    (errors.BadRequestError, REFUSED),
    (errors.NetworkError, NETWORK),
    (errors.RefusedError, REFUSED),
    (errors.IncompleteError, BELOW_TARGET),
    (errors.FuotaError, USAGE),
)


def report_and_code(error: BaseException, *, as_json: bool) -> int:
    """Say what went wrong in one line on stderr (with `as_json` also as an event on stdout); the exit code.

    Raises `error` again where it is a fault of ours.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # click 8.2; 8.1 shows help by itself
        click.echo(str(error), err=True)
        return USAGE
    message, code = _message_and_code(error)
    with contextlib.suppress(OSError):  # where nobody can be told, the code must do
        click.echo(f"fuota: {message}", err=True)
    with contextlib.suppress(OSError):
        if as_json:
            click.echo(json.dumps({"event": "error", "code": code, "message": message}))
    return code


def output_lost(error: OSError) -> int:
    """stdout takes no more: whoever read it has gone (0, and no complaint), or it cannot be written. The exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains, flushing at exit
    if isinstance(error, BrokenPipeError):
        return DONE
    click.echo(f"fuota: cannot go on: {error.strerror or error}", err=True)
    return USAGE


def _message_and_code(error: BaseException) -> tuple[str, int]:
    match error:
        case KeyboardInterrupt() | click.exceptions.Abort():
            return "stopped", STOPPED
        case click.ClickException():
            context = getattr(error, "ctx", None)
            hint = f" (see {context.command_path} --help)" if context else ""
            return error.format_message() + hint, USAGE
        case errors.FuotaError():
            return str(error), next(code for kind, code in _CODES if isinstance(error, kind))
        case ModuleNotFoundError() if error.name in {"fastapi", "uvicorn", "starlette", "python_multipart"}:
            needed = f"the sandbox and the uplink receiver need the package {error.name!r}"
            return f"{needed}: pip install 'fuota[sandbox]'", USAGE
        case OSError() | MemoryError() | UnicodeError():
            named = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
            reason = getattr(error, "strerror", None) or str(error) or "not enough memory"
            return f"cannot go on: {reason}{named}", USAGE
        case _:
            raise error
