"""How a campaign ended, for people and for programs, and the exit code that goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fuota.cli import exits

if TYPE_CHECKING:
    from fuota.campaign import Campaign, Journal
    from fuota.cli.output import Output
    from fuota.device import DeviceReport, Verdict

SHOWN_DETAILS = 3


def show_verdict(out: Output, journal: Journal, campaign: Campaign, verdict: Verdict) -> None:
    """The table of outcomes on stdout, or one event for each device and one for the whole."""
    run_ms = _run_ms(journal, campaign)
    for report in verdict.devices:
        out.event("device", campaign=campaign.id, **report.to_json())
    out.event(
        "verdict",
        campaign=campaign.id,
        state=campaign.state,
        image_sha256=verdict.sha256,
        targeted=verdict.targeted,
        counts=dict(verdict.counts),
        airtime_us=campaign.expected["airtime_us"],
        frames=campaign.expected["frames"],
        run_ms=run_ms,
    )
    if not out.as_json:
        _print_table(out, campaign, verdict, run_ms)


def exit_code(verdict: Verdict, *, target: float | None, cancelled: bool) -> int:
    """0 where enough devices are updated (`target` is a share; None asks for all, and then some is "partial")."""
    if cancelled:
        return exits.STOPPED
    if not any(report.outcome != "silent" for report in verdict.devices):
        return exits.UNKNOWN
    # A quotient, since 0.55 * 100 is more than 55 in floating point.
    if verdict.updated / verdict.targeted >= (1 if target is None else target):
        return exits.DONE
    return exits.PARTIAL if target is None and verdict.updated else exits.BELOW_TARGET


def _print_table(out: Output, campaign: Campaign, verdict: Verdict, run_ms: int | None) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_footer=True, padding=(0, 1, 0, 1))
    table.add_column("outcome", footer="targeted")
    table.add_column("devices", justify="right", footer=str(verdict.targeted))
    table.add_column("SHA-256 of what they run")
    table.add_column("")
    for outcome, count in verdict.counts.items():
        if count:
            reports = verdict.with_outcome(outcome)
            table.add_row(outcome, str(count), _hashes(reports), _details(reports, verdict.sha256))
    out.result("")
    out.result(f"{campaign.image_name}, {campaign.image_bytes} bytes, SHA-256")
    out.result(campaign.image_sha256)
    out.table(table)
    airtime_s = campaign.expected["airtime_us"] / 1e6
    ran = f", {_spoken(run_ms)} from the first frame to the last status" if run_ms else ""
    out.result(f"airtime {airtime_s:.1f} s in {campaign.expected['frames']} frames{ran}")
    if not campaign.dev_euis:
        out.result("devices were named by tag: those that never spoke are not counted")


def _hashes(reports: Sequence[DeviceReport]) -> str:
    hashes = Counter(report.sha256 for report in reports)
    if len(hashes) > 1:
        return f"{len(hashes)} different"
    only = next(iter(hashes))
    return f"{only[:16]}…" if only else "not reported"


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


def _spoken(duration_ms: int) -> str:
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{seconds} s" if not hours else ""]
    return " ".join(filter(None, parts))
