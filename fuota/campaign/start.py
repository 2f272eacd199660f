"""Starting and cancelling, so that nothing is started twice and nothing started is forgotten."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.campaign.status import identity, note_status
from fuota.errors import (
    FuotaError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    OutcomeUnknownError,
    ParameterError,
    PlanError,
    ServerFault,
    UnreachableError,
)
from fuota.network import SenraClient, TransferRequest, TransferStatus

ASKED_AGAIN = 6
PAUSE_MS = 2_000
"""After a lost answer the status is asked for so often, with this pause: a server may be slow to show what it has taken."""


def launch(  # noqa: PLR0913 - who, where to, what, how
    client: SenraClient,
    journal: Journal,
    image: bytes,
    request: TransferRequest,
    *,
    server: str,
    expected: Mapping[str, int],
    target_sha256: str | None = None,
    sleep_ms: Callable[[int], None] = lambda pause_ms: time.sleep(pause_ms / 1000),
) -> Campaign:
    """Start a FUOTA task on the server and return the campaign, launched.

    First the status is asked for: a key that may not is found out before anything is sent, and so is a job that runs already
    (PlanError; the server keeps one per application). Then the intent is written down, then the request is sent, once. If
    its answer is lost, the status is asked for again and again for a while: a job that was not there before is ours. If none
    comes, nobody knows: a server may be slow to show what it has taken. That raises OutcomeUnknownError, as does an
    interruption while the request is on its way, and the campaign stays `intended` until `watch` finds out.
    `expected`: what the image was seen to need, see `preflight`. `target_sha256`: of what a patch makes, if it is one.
    """
    before = _status_before(client, request.app_eui)
    facts = _facts(image, request) | {
        "expected": dict(expected),
        "before": None if before is None else identity(before),
        "target_sha256": target_sha256,
    }
    campaign = journal.open_campaign(server=server, app_eui=request.app_eui, facts=facts)
    try:
        job_id = client.transfers.send(request, image).job_id
    except KeyboardInterrupt:
        raise OutcomeUnknownError(f"interrupted while the launch was on its way. {_advice(campaign)}") from None
    except (UnreachableError, ServerFault, MalformedAnswerError) as error:
        if isinstance(error, UnreachableError) and not error.maybe_received:
            _refused(journal, campaign, error)
            raise
        journal.note(campaign.id, "answer lost", {"error": str(error)})
        job_id = _job_that_appeared(client, campaign, error, sleep_ms)
    except FuotaError as error:
        _refused(journal, campaign, error)
        raise
    journal.note(campaign.id, "launched", {"job_id": job_id})
    return journal.set_state(campaign.id, CampaignState.LAUNCHED, job_id=job_id)


def cancel(client: SenraClient, journal: Journal, campaign: Campaign) -> Campaign:
    """Cancel the task of a campaign. Raises NetworkError; what devices do that are receiving is up to them.

    Raises ParameterError for one that is over: jobs are named after the application, so another might be hit.
    """
    if journal.is_over(campaign):
        raise ParameterError(
            f"campaign {campaign.id} is over ({campaign.state}): there is nothing of it left to cancel"
        )
    status = client.transfers.status(app_eui=campaign.app_eui)
    campaign = note_status(journal, campaign, status)
    if status.finished:
        raise ParameterError(
            f"campaign {campaign.id} has ended ({status.state}): there is nothing of it left to cancel"
        )
    answer = client.transfers.cancel(job_id=status.job_id)
    journal.note(campaign.id, "cancelled", {"message": answer.message})
    return journal.set_state(campaign.id, CampaignState.CANCELLED, job_id=status.job_id)


def _status_before(client: SenraClient, app_eui: str) -> TransferStatus | None:
    """The last job of the application, which has ended. Raises PlanError where it has not."""
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


def _facts(image: bytes, request: TransferRequest) -> dict[str, object]:
    return {
        "image_name": request.file_name,
        "image_sha256": hashlib.sha256(image).hexdigest(),
        "image_bytes": len(image),
        "dev_euis": list(request.dev_euis or ()),
        "request": request.query(),
    }


def _job_that_appeared(
    client: SenraClient, campaign: Campaign, lost: NetworkError, sleep_ms: Callable[[int], None]
) -> str:
    """The answer to the start was lost: the id of a job that was not there before, or OutcomeUnknownError."""
    found: str = "it shows no new job"
    for attempt in range(ASKED_AGAIN):
        if attempt:
            sleep_ms(PAUSE_MS)
        try:
            status = client.transfers.status(app_eui=campaign.app_eui)
        except NotFoundError:
            found = "it shows no job"
        except NetworkError as error:
            found = f"asking for the status failed too ({error})"
        else:
            if campaign.before != identity(status):
                return status.job_id
    raise OutcomeUnknownError(
        f"the launch was sent and its answer lost ({lost}); {found}. {_advice(campaign)}"
    ) from lost


def _advice(campaign: Campaign) -> str:
    return f"Do not launch again before `fuota watch {campaign.id}` has told whether the server has it"


def _refused(journal: Journal, campaign: Campaign, error: FuotaError) -> None:
    journal.note(campaign.id, "refused", {"error": str(error)})
    journal.set_state(campaign.id, CampaignState.REFUSED)
