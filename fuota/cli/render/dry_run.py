"""Option --dry-run: show requests without their keys, and do not send them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import click

from fuota.cli.output import Output
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.network.outgoing import OutgoingRequest, RequestHook

UNREAD_KEY = "no-key-is-read-for-a-dry-run"
"""Stands for the API key, which a dry run does not need."""


class NotSent(click.exceptions.Exit):
    """End of a command that has shown a request instead of sending it."""

    def __init__(self) -> None:
        super().__init__(0)


def request_printer(out: Output) -> RequestHook:
    """Return the hook that shows a request and ends the command."""

    def show(request: OutgoingRequest) -> NoReturn:
        out.event("request", method=request.method, url=request.url, headers=dict(request.headers), body=request.body)
        for line in _lines(request):
            out.result(line)
        raise NotSent

    return show


def _lines(request: OutgoingRequest) -> list[str]:
    head = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in request.headers.items())]
    if request.body is None:
        return [printable(line) for line in head]
    return [*map(printable, head), "", json.dumps(request.body, indent=2)]
