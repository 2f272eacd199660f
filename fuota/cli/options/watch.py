"""Options that `fuota launch` and `fuota watch` share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.cli.following import FollowOptions
from fuota.cli.help import CommandFunction, watch_option
from fuota.cli.listening import TOKEN_VARIABLE, journal_refusals, receiver_at
from fuota.cli.options.group import option_group
from fuota.cli.options.receiver import tls_options
from fuota.cli.output import Output
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import Journal

LONGEST_S = 7 * 86_400
"""One week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """Options of a watch.

    listen: HOST:PORT of the receiver. cert, key: files of its certificate. expect: number of devices that the tags stand for.
    target: share of devices that must be updated. poll_s, outage_s, reports_s: see `WatchTimeouts`.
    """

    listen: str | None
    cert: Path | None
    key: Path | None
    expect: int | None
    target: float | None
    poll_s: float
    outage_s: float
    reports_s: float | None

    def follow_options(self, target: float | None = None) -> FollowOptions:
        """Return how to follow a campaign. target: used if --target is not given."""
        from fuota.campaign import WatchTimeouts

        return FollowOptions(
            timeouts=WatchTimeouts(
                poll_ms=int(self.poll_s * 1000),
                outage_ms=int(self.outage_s * 1000),
                reports_ms=None if self.reports_s is None else int(self.reports_s * 1000),
            ),
            target=target if self.target is None else self.target,
            expect=self.expect,
            receiving=self.listen is not None,
            waits=self.listen is not None or self.reports_s is not None,
        )


def _not_nan(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number")
    return value


def watch_options(command: CommandFunction) -> CommandFunction:
    """Add these options to a command, and pass it the parameter `watching`."""
    group = option_group(
        "watching",
        WatchOptions,
        watch_option(
            "--listen",
            metavar="HOST:PORT",
            help=f"Receive the data stream here, at /uplinks (0.0.0.0:8381, for example, with {TOKEN_VARIABLE} set).",
        ),
        *tls_options(watch_option),
        watch_option(
            "--expect",
            type=click.IntRange(1),
            help="With --tag: number of devices with the tags; a device that never reports counts as not updated.",
        ),
        watch_option(
            "--target",
            type=click.FloatRange(0, 1),
            callback=_not_nan,
            help="Share of devices that must be updated for exit code 0.  [default: all]",
        ),
        watch_option(
            "--poll",
            "poll_s",
            type=click.FloatRange(0.05, LONGEST_S),
            callback=_not_nan,
            default=5,
            show_default=True,
            help="Time in s between two status calls.",
        ),
        watch_option(
            "--outage",
            "outage_s",
            type=click.FloatRange(0, LONGEST_S),
            callback=_not_nan,
            default=60,
            show_default=True,
            help="Time in s to wait for a server that does not answer.",
        ),
        watch_option(
            "--reports",
            "reports_s",
            type=click.FloatRange(0, LONGEST_S),
            callback=_not_nan,
            help="Time in s to wait for the next report once the job has ended.  [default: 120 if reports arrive, else 0]",
        ),
    )
    return group(command)


@contextmanager
def listening(journal: Journal, options: WatchOptions, out: Output) -> Iterator[None]:
    """Run the receiver of the data stream while the block lasts, if --listen is given."""
    if options.listen is None:
        yield
        return
    refusals = journal_refusals(journal, out)
    receiver = receiver_at(options.listen, refusals.store, cert=options.cert, key=options.key)
    with receiver.server as server:
        out.say(f"receiving uplinks at {server.url}/uplinks")
        yield
    if receiver.counts.answers[403] or receiver.counts.answers[415]:
        out.say(f"the receiver denied requests: {receiver.summary()}")
    if refusals.count:
        out.say(f"{counted(refusals.count, 'notification')} could not be used: see {printable(str(refusals.path))}")
