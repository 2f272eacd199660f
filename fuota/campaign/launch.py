"""Starting and cancelling, so that nothing is started twice and nothing started is forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fuota.campaign.journal import Campaign, CampaignState, Journal
from fuota.errors import (
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


def launch(
    client: SenraClient,
    journal: Journal,
    image: bytes,
    request: TransferRequest,
    *,
    server: str,
    expected: Mapping[str, int],
) -> Campaign:
    """Start a FUOTA task on the server and return the campaign, launched.

    First the status is asked for: a key that may not is found out before anything is sent, and so is a job that runs already
    (PlanError; the server keeps one per application). Then the intent is written down, then the request is sent, once. If
    its answer is lost, the status decides: another job is there than before, so it was taken; none or the same, so it was not
    (the error is raised); no answer to that either raises OutcomeUnknownError, and the campaign stays `intended`.
    `expected`: what the image was seen to need, see `preflight`.
    """
    before = _status_before(client, request.app_eui)
    facts = _facts(image, request) | {"expected": dict(expected)}
    campaign = journal.open_campaign(server=server, app_eui=request.app_eui, facts=facts)
    try:
        job_id = client.transfers.send(request, image).job_id
    except (UnreachableError, ServerFault, MalformedAnswerError) as error:
        if isinstance(error, UnreachableError) and not error.maybe_received:
            _refused(journal, campaign, error)
            raise
        job_id = _what_became_of_it(client, journal, campaign, error, before)
    except NetworkError as error:
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
    job_id = campaign.job_id or client.transfers.status(app_eui=campaign.app_eui).job_id
    answer = client.transfers.cancel(job_id=job_id)
    journal.note(campaign.id, "cancelled", {"message": answer.message})
    return journal.set_state(campaign.id, CampaignState.CANCELLED, job_id=job_id)


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


def _what_became_of_it(
    client: SenraClient, journal: Journal, campaign: Campaign, lost: NetworkError, before: TransferStatus | None
) -> str:
    """The answer to the start was lost: ask. The job id if the server has it."""
    journal.note(campaign.id, "answer lost", {"error": str(lost)})
    try:
        status = client.transfers.status(app_eui=campaign.app_eui)
    except NotFoundError:
        _refused(journal, campaign, lost)
        raise lost from None
    except NetworkError as error:
        raise OutcomeUnknownError(
            f"the launch was sent and its answer lost ({lost}); asking for the status failed too ({error})."
            f" Do not launch again before `fuota watch {campaign.id}` has told whether it runs"
        ) from error
    if before is not None and status.raw == before.raw:
        _refused(journal, campaign, lost)
        raise lost
    return status.job_id


def _refused(journal: Journal, campaign: Campaign, error: NetworkError) -> None:
    journal.note(campaign.id, "refused", {"error": str(error)})
    journal.set_state(campaign.id, CampaignState.REFUSED)
