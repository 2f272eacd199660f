"""Exit codes, which are stable and documented, and the message of an error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

import click

from fuota import errors

if TYPE_CHECKING:
    from fuota.campaign import Conclusion

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
_CONCLUSIONS = {
    "done": DONE,
    "below target": BELOW_TARGET,
    "partial": PARTIAL,
    "stopped": STOPPED,
    "unknown": UNKNOWN,
}
"""Exit codes by the value of `Conclusion`."""


def code_of(conclusion: Conclusion) -> int:
    """Return the exit code for the end of a campaign."""
    return _CONCLUSIONS[str(conclusion)]


def report_and_code(error: BaseException, *, as_json: bool) -> int:
    """Print an error in one line on stderr (with `as_json` also as an event on stdout) and return the exit code.

    Raises `error` again if it is a defect of fuota.
    """
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # click 8.2; 8.1 shows help by itself
        click.echo(str(error), err=True)
        return USAGE
    message, code = _message_and_code(error)
    with contextlib.suppress(OSError):  # without a reader, the exit code must be enough
        click.echo(f"fuota: {message}", err=True)
    with contextlib.suppress(OSError):
        if as_json:
            click.echo(json.dumps({"event": "error", "code": code, "message": message}))
    return code


def output_lost(error: OSError) -> int:
    """Return the exit code when stdout cannot be written: 0, without a message, if its reader has closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at exit fails
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
