"""What launch and watch share: their options, the receiver of the data stream, and following a campaign to its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from fuota.cli.following import follow
from fuota.cli.listening import TOKEN_VARIABLE, receiver_at
from fuota.cli.output import Output

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Journal, Patience
    from fuota.network import SenraClient

LONGEST_S = 7 * 86_400
"""A week; infinity is no time to wait."""


def _no_nan(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number")
    return value


_OPTIONS = (
    click.option(
        "--listen",
        metavar="HOST:PORT",
        help=f"Receive the data stream here, at /uplinks (such as 0.0.0.0:8381, with {TOKEN_VARIABLE} set).",
    ),
    click.option(
        "--expect",
        type=click.IntRange(1),
        help="With --tag: how many devices the tags stand for; those that never speak count as not updated.",
    ),
    click.option(
        "--target",
        type=click.FloatRange(0, 1),
        callback=_no_nan,
        help="Share of devices that must be updated for exit code 0.  [default: all]",
    ),
    click.option(
        "--poll",
        "poll_s",
        type=click.FloatRange(0.05, LONGEST_S),
        callback=_no_nan,
        default=5,
        show_default=True,
        help="Seconds between status calls.",
    ),
    click.option(
        "--outage",
        "outage_s",
        type=click.FloatRange(0, LONGEST_S),
        callback=_no_nan,
        default=60,
        show_default=True,
        help="Seconds to wait out a server that does not answer.",
    ),
    click.option(
        "--reports",
        "reports_s",
        type=click.FloatRange(0, LONGEST_S),
        callback=_no_nan,
        default=120,
        show_default=True,
        help="Seconds to wait for the next device's report once the job has ended.",
    ),
)


def watching_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What launch and watch share."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def listening(journal: Journal, options: dict[str, Any], out: Output) -> Iterator[None]:
    """The receiver of the data stream, where --listen asks for one."""
    if options["listen"] is None:
        yield
        return
    with receiver_at(options["listen"], journal.store_uplinks) as receiver:
        out.say(f"receiving uplinks at {receiver.url}/uplinks")
        yield


def watched(client: SenraClient, journal: Journal, campaign: Campaign, out: Output, options: dict[str, Any]) -> int:
    """Follow a campaign to its end by the options of `watching_options`; the exit code."""
    how = {"target": options["target"], "expect": options["expect"]}
    return follow(client, journal, campaign, out, patience=_patience(options), **how)


def _patience(options: dict[str, Any]) -> Patience:
    """Without a receiver there is nothing to wait for once the job has ended."""
    from fuota.campaign import Patience

    reports_s = options["reports_s"] if options["listen"] else 0
    return Patience(
        poll_ms=int(options["poll_s"] * 1000),
        outage_ms=int(options["outage_s"] * 1000),
        reports_ms=int(reports_s * 1000),
    )
