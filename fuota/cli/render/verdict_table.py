"""The end of a campaign, as a table and as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.cli.render.words import spoken_airtime, spoken_duration
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Journal
    from fuota.cli.output import Output
    from fuota.device import DeviceReport, Verdict

SHOWN_DETAILS = 3


def show_verdict(out: Output, journal: Journal, campaign: Campaign, verdict: Verdict, population: int | None) -> None:
    """Show the table of outcomes on stdout, or an event for each device and an event for the campaign.

    population: number of targeted devices, None if it is unknown.
    """
    from fuota.campaign import sent_share

    run_ms, share = _run_ms(journal, campaign), sent_share(journal, campaign)
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
        planned_airtime_us=campaign.expected["airtime_us"],
        planned_frames=campaign.expected["frames"],
        airtime_us=None if share is None else round(share * campaign.expected["airtime_us"]),
        frames=None if share is None else round(share * campaign.expected["frames"]),
        run_ms=run_ms,
    )
    if not out.as_json:
        _print_table(out, campaign, verdict, population)
        out.result(_airtime_text(campaign, share, run_ms))
        if population is None:
            out.result("devices were named by tag without --expect: devices that never reported are not counted")


def _print_table(out: Output, campaign: Campaign, verdict: Verdict, population: int | None) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_footer=True, padding=(0, 1, 0, 1))
    table.add_column("outcome", footer="reported" if population is None else "targeted")
    table.add_column("devices", justify="right", footer=str(verdict.targeted if population is None else population))
    table.add_column("SHA-256 of what they run")
    table.add_column("")
    for outcome, count in verdict.counts.items():
        if count:
            reports = verdict.with_outcome(outcome)
            table.add_row(outcome, str(count), _hashes(reports), _details(reports, verdict.sha256))
    if population is not None and population > verdict.targeted:
        table.add_row("silent", str(population - verdict.targeted), "not reported", "never reported")
    out.result("")
    out.result(f"{printable(campaign.image_name)}, {campaign.image_bytes} bytes, SHA-256")
    out.result(campaign.image_sha256)
    out.table(table)


def _airtime_text(campaign: Campaign, share: float | None, run_ms: int | None) -> str:
    """Return what was sent, as far as the server has reported it. share: share of the frames."""
    airtime_us, frames = campaign.expected["airtime_us"], campaign.expected["frames"]
    ran = f", {spoken_duration(run_ms)} from the first frame to the last status" if run_ms else ""
    planned = f"{spoken_airtime(airtime_us)} in {counted(frames, 'frame')}"
    if share == 1:
        return f"airtime {planned}{ran}"
    if share is None:
        return f"airtime: {planned} planned; how much was sent is unknown{ran}"
    word = "ended" if campaign.state == "finished" else str(campaign.state)
    sent = f" at {share:.0%}, about {spoken_airtime(round(share * airtime_us))} sent" if share else ", nothing sent"
    return f"airtime: {planned} planned; {word}{sent}{ran}"


def _hashes(reports: Sequence[DeviceReport]) -> str:
    hashes = {report.sha256 for report in reports if report.sha256}
    if not hashes:
        return "not reported"
    return f"{hashes.pop()[:16]}…" if len(hashes) == 1 else f"{len(hashes)} different"


def _details(reports: Sequence[DeviceReport], sha256: str) -> str:
    if all(report.sha256 == sha256 for report in reports):
        return "the image sent"
    missing = sorted((report.missing for report in reports if report.missing), reverse=True)
    details = sorted({report.detail for report in reports if report.detail})
    parts = []
    if missing:
        more = f" and {len(missing) - SHOWN_DETAILS} more" if len(missing) > SHOWN_DETAILS else ""
        parts.append(f"fragments missing: {', '.join(map(str, missing[:SHOWN_DETAILS]))}{more}")
    return "; ".join([*parts, *details[:SHOWN_DETAILS]])


def _run_ms(journal: Journal, campaign: Campaign) -> int | None:
    """Return the time in ms from the first frame to the end of the job, as the server reports it.

    None if the server does not report it, or if the job was cancelled before the first frame.
    """
    ended = [event for event in journal.history(campaign.id) if event["what"] == "ended"]
    if not ended or not ended[-1]["start_time_ms"] or not ended[-1]["end_time_ms"]:
        return None
    run_ms = int(ended[-1]["end_time_ms"] - ended[-1]["start_time_ms"])
    return run_ms if run_ms > 0 else None
