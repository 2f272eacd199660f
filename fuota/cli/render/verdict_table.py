"""How a campaign ended, for people and for programs, and the exit code that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.cli import exits
from fuota.cli.render.words import spoken_duration
from fuota.text import printable

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Journal
    from fuota.cli.output import Output
    from fuota.device import DeviceReport, Verdict

SHOWN_DETAILS = 3


def show_verdict(out: Output, journal: Journal, campaign: Campaign, verdict: Verdict, population: int | None) -> None:
    """The table of outcomes on stdout, or one event for each device and one for the whole."""
    run_ms = _run_ms(journal, campaign)
    for report in verdict.devices:
        out.event("device", campaign=campaign.id, **report.to_json())
    out.event(
        "verdict",
        campaign=campaign.id,
        state=campaign.state,
        image_sha256=verdict.sha256,
        targeted=verdict.targeted if population is None else population,
        population_known=population is not None,
        counts=dict(verdict.counts),
        airtime_us=campaign.expected["airtime_us"],
        frames=campaign.expected["frames"],
        run_ms=run_ms,
    )
    if not out.as_json:
        _print_table(out, campaign, verdict, run_ms, population)


def exit_code(verdict: Verdict, *, population: int | None, target: float | None, cancelled: bool) -> int:
    """0 where enough of the `population` are updated (`target` is a share; None asks for all, and then some is "partial").

    A population that nobody knows is never updated enough: the outcome is unknown.
    """
    if cancelled:
        return exits.STOPPED
    if not has_spoken(verdict):
        return exits.UNKNOWN
    if population is None:
        return exits.UNKNOWN if verdict.updated == verdict.targeted else exits.PARTIAL
    # A quotient, since 0.55 * 100 is more than 55 in floating point.
    if verdict.updated / population >= (1 if target is None else target):
        return exits.DONE
    return exits.PARTIAL if target is None and verdict.updated else exits.BELOW_TARGET


def has_spoken(verdict: Verdict) -> bool:
    """Whether any device has said anything of the update or of the image that it runs."""
    return any(report.outcome != "silent" or report.sha256 for report in verdict.devices)


def population_of(campaign: Campaign, verdict: Verdict, expect: int | None) -> int | None:
    """How many devices were to be updated: those named, or, where tags were, as many as the user expects; else None."""
    if campaign.dev_euis:
        return verdict.targeted
    return None if expect is None else max(expect, verdict.targeted)


def _print_table(out: Output, campaign: Campaign, verdict: Verdict, run_ms: int | None, population: int | None) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_footer=True, padding=(0, 1, 0, 1))
    table.add_column("outcome", footer="heard of" if population is None else "targeted")
    table.add_column("devices", justify="right", footer=str(verdict.targeted if population is None else population))
    table.add_column("SHA-256 of what they run")
    table.add_column("")
    for outcome, count in verdict.counts.items():
        if count:
            reports = verdict.with_outcome(outcome)
            table.add_row(outcome, str(count), _hashes(reports), _details(reports, verdict.sha256))
    if population is not None and population > verdict.targeted:
        table.add_row("silent", str(population - verdict.targeted), "not reported", "never heard of")
    out.result("")
    out.result(f"{printable(campaign.image_name)}, {campaign.image_bytes} bytes, SHA-256")
    out.result(campaign.image_sha256)
    out.table(table)
    airtime_s = campaign.expected["airtime_us"] / 1e6
    ran = f", {spoken_duration(run_ms)} from the first frame to the last status" if run_ms else ""
    out.result(f"airtime {airtime_s:.1f} s in {campaign.expected['frames']} frames{ran}")
    if population is None:
        out.result(
            "devices were named by tag and --expect does not say how many: those that never spoke are not counted"
        )


def _hashes(reports: Sequence[DeviceReport]) -> str:
    hashes = {report.sha256 for report in reports if report.sha256}
    if not hashes:
        return "not reported"
    return f"{hashes.pop()[:16]}…" if len(hashes) == 1 else f"{len(hashes)} different"


def _details(reports: Sequence[DeviceReport], sha256: str) -> str:
    if all(report.sha256 == sha256 for report in reports):
        return "the image sent"
    missing = sorted((report.missing for report in reports if report.missing), reverse=True)
    said = sorted({report.detail for report in reports if report.detail})
    parts = []
    if missing:
        more = f" and {len(missing) - SHOWN_DETAILS} more" if len(missing) > SHOWN_DETAILS else ""
        parts.append(f"fragments missing: {', '.join(map(str, missing[:SHOWN_DETAILS]))}{more}")
    return "; ".join([*parts, *said[:SHOWN_DETAILS]])


def _run_ms(journal: Journal, campaign: Campaign) -> int | None:
    """From the first frame to the end of the job, as the server has it; None where it was cancelled before the first."""
    ended = [event for event in journal.history(campaign.id) if event["what"] == "ended"]
    if not ended or not ended[-1]["start_time_ms"] or not ended[-1]["end_time_ms"]:
        return None
    run_ms = int(ended[-1]["end_time_ms"] - ended[-1]["start_time_ms"])
    return run_ms if run_ms > 0 else None
