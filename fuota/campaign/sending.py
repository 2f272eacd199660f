"""Starting and cancelling a transfer so that nothing is started twice and nothing started is forgotten."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fuota.calls import checked_call
from fuota.campaign.claim import is_proven
from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.status import identity, is_another, is_before, record_status
from fuota.errors import (
    FuotaError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    ParameterError,
    PlanError,
    RefusedError,
    ServerFault,
    StorageError,
    UnreachableError,
)
from fuota.network import SenraClient, TransferRequest, TransferStatus

STATUS_ATTEMPTS = 6
"""Number of status calls after a lost answer: a server may be slow to show the job."""
PAUSE_MS = 2_000
"""Pause between two of these calls."""
MAY_BE_ANOTHER = (
    "the answer to the launch was lost, and no device has reported the image yet: the job on the server may be somebody"
    " else's"
)
"""What to say of a job that is not proven, see `is_proven`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """Image, request and facts for `send_once`.

    image: bytes of the image. request: parameters of mcastTransfer. server: name of the server in the journal, its URL.
    expected: what the transfer needs, see `Expected.to_json`. target_sha256: for a patch, SHA-256 of the image that it makes.
    expect: number of devices that the tags stand for. target: share of devices that must be updated. plan_sha256: hash of the plan,
    if it is from a file. None if nobody says.
    """

    image: bytes
    request: TransferRequest
    server: str
    expected: Mapping[str, int]
    target_sha256: str | None = None
    expect: int | None = None
    target: float | None = None
    plan_sha256: str | None = None


def sleep_ms(pause_ms: int) -> None:
    """Sleep for `pause_ms` milliseconds."""
    time.sleep(pause_ms / 1000)


def send_once(
    client: SenraClient, journal: Journal, shipment: Shipment, *, sleep: Callable[[int], None] = sleep_ms
) -> Campaign:
    """Start a transfer on the server and return the launched campaign. The image is not checked here: `launch` does that.

    The steps: the status is asked for, which finds out a key without permission and a running job (PlanError; the server has
    one job per application) before anything is sent. The intent is written to the journal. The request is sent once. If its
    answer is lost, the status is asked for several times: a job that was not there before is taken for ours until the end of
    the campaign shows whose it is, see `is_proven`. If no job appears, the outcome is unknown, since a server may be slow to show
    the job: OutcomeUnknownError is raised, also for an interruption while the request is on its way and for a journal that
    cannot be written after it, and the campaign stays `intended` until `watch` finds out.
    """
    request = shipment.request
    before = _status_before(client, request.app_eui)
    campaign = journal.open_campaign(server=shipment.server, app_eui=request.app_eui, facts=_facts(shipment, before))
    try:
        job_id = client.transfers.send(request, shipment.image).job_id
    except KeyboardInterrupt:
        raise OutcomeUnknownError(f"interrupted while the launch was on its way. {_advice(campaign)}") from None
    except (UnreachableError, ServerFault, MalformedAnswerError) as error:
        if isinstance(error, UnreachableError) and not error.maybe_received:
            _record_refusal(journal, campaign, error)
            raise
        lost = error
    except FuotaError as error:
        _record_refusal(journal, campaign, error)
        raise
    else:
        return _record_launch(journal, campaign, "launched", job_id)
    with contextlib.suppress(StorageError):  # the job must be looked for in any case
        journal.note(campaign.id, "answer lost", {"error": str(lost)})
    return _record_launch(journal, campaign, "found", _job_that_appeared(client, campaign, lost, sleep))


@checked_call
def cancel(campaign: Campaign, *, client: SenraClient, journal: Journal, unproven: bool = False) -> Campaign:
    """Cancel the transfer of a campaign and return the cancelled campaign.

    unproven: whether to cancel a job that may be somebody else's, see `is_proven`.

    What a device does that is receiving is not documented. Raises NetworkError if the server cannot be asked, RefusedError if the
    job may be somebody else's, and ParameterError if the campaign is over: jobs are named after the application, so another job
    might be cancelled.
    """
    if journal.is_over(campaign):
        raise ParameterError(f"campaign {campaign.id} is over ({campaign.state}): nothing is left to cancel")
    status = client.transfers.status(app_eui=campaign.app_eui)
    if is_another(journal, campaign, status) or is_before(campaign, status):
        raise ParameterError(
            f"the server shows another job than the job of campaign {campaign.id}: nothing is left to cancel"
        )
    campaign = record_status(journal, campaign, status)
    if status.finished:
        raise ParameterError(f"campaign {campaign.id} has ended ({status.state}): nothing is left to cancel")
    if not unproven and not is_proven(journal, campaign):
        raise RefusedError(f"{MAY_BE_ANOTHER}. Give unproven=True to cancel it")
    answer = client.transfers.cancel(job_id=status.job_id)
    journal.note(campaign.id, "cancelled", {"message": answer.message, "pct_done": status.pct_done})
    return journal.set_state(campaign.id, CampaignState.CANCELLED, job_id=status.job_id)


def _record_launch(journal: Journal, campaign: Campaign, event: str, job_id: str) -> Campaign:
    """Record the job, and return the campaign. Raises OutcomeUnknownError with the id of the job if it cannot be recorded."""
    try:
        journal.note(campaign.id, event, {"job_id": job_id})
        return journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id=job_id)
    except StorageError as error:
        raise OutcomeUnknownError(
            f"the server has the job {job_id}, but the journal cannot record it: {error}. {_advice(campaign)}"
        ) from error


def _status_before(client: SenraClient, app_eui: str) -> TransferStatus | None:
    """Return the status of the last job of the application, which has ended. Raises PlanError if it has not ended."""
    try:
        status = client.transfers.status(app_eui=app_eui)
    except NotFoundError:
        return None
    if not status.finished:
        raise PlanError(
            f"{status.job_id} is {status.state or 'running'} ({status.pct_done or 0} %) on this application, and a server runs"
            f" one job per application: wait for its end, or cancel it (fuota transfer cancel --job-id {status.job_id})"
        )
    return status


def _facts(shipment: Shipment, before: TransferStatus | None) -> dict[str, object]:
    return {
        "image_name": shipment.request.file_name,
        "image_sha256": hashlib.sha256(shipment.image).hexdigest(),
        "image_bytes": len(shipment.image),
        "dev_euis": list(shipment.request.dev_euis or ()),
        "request": shipment.request.query(),
        "expected": dict(shipment.expected),
        "before": None if before is None else identity(before),
        "target_sha256": shipment.target_sha256,
        "expect": shipment.expect,
        "target": shipment.target,
        "plan_sha256": shipment.plan_sha256,
    }


def _job_that_appeared(
    client: SenraClient, campaign: Campaign, lost: NetworkError, sleep: Callable[[int], None]
) -> str:
    """Return the id of a job that was not there before the launch. Raises OutcomeUnknownError if none appears."""
    answer = "it shows no new job"
    for attempt in range(STATUS_ATTEMPTS):
        if attempt:
            sleep(PAUSE_MS)
        try:
            status = client.transfers.status(app_eui=campaign.app_eui)
        except NotFoundError:
            answer = "it shows no job"
        except NetworkError as error:
            answer = f"asking for the status failed too ({error})"
        else:
            if not is_before(campaign, status):
                return status.job_id
    raise OutcomeUnknownError(
        f"the launch was sent and its answer was lost ({lost}); {answer}. {_advice(campaign)}", campaign_id=campaign.id
    ) from lost


def _advice(campaign: Campaign) -> str:
    return f"Do not launch again before `fuota watch {campaign.id}` has told whether the server has the job"


def _record_refusal(journal: Journal, campaign: Campaign, error: FuotaError) -> None:
    with contextlib.suppress(StorageError):  # the refusal must be shown; `watch` finds out that the server has no job
        journal.note(campaign.id, "refused", {"error": str(error)})
        journal.set_state(campaign.id, CampaignState.REFUSED)
