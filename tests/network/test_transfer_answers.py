from __future__ import annotations

import pytest

from fuota.errors import MalformedAnswerError
from fuota.network import TransferJob, TransferStatus

JOB = "MCastXferJobReq:AAAAAAAAAAAAAA01"


def status(**members) -> TransferStatus:
    return TransferStatus.from_answer({"jobId": JOB, "state": "Running", "pctDone": 0, "endTime": 0, **members})


@pytest.mark.parametrize(
    "state", ["Running", "INITIAL", "QUEUED", "Pending", "Cancelling", "a word of tomorrow", "", None]
)
def test_transfer_in_these_states_has_not_ended(state):
    transfer = status(state=state)
    assert (transfer.finished, transfer.failed, transfer.cancelled) == (False, False, False)


@pytest.mark.parametrize("state", ["Done", "DONE_SUC", "done suc", "SUCCESS", "Complete", "COMPLETED", "finished"])
def test_transfer_in_these_states_has_succeeded(state):
    transfer = status(state=state)
    assert (transfer.finished, transfer.failed, transfer.cancelled) == (True, False, False)


@pytest.mark.parametrize("state", ["DONE_FAIL", "Failed", "ERROR", "aborted", "timed-out"])
def test_transfer_in_these_states_has_failed(state):
    transfer = status(state=state)
    assert (transfer.finished, transfer.failed, transfer.cancelled) == (True, True, False)


@pytest.mark.parametrize("state", ["Cancelled", "CANCELED"])
def test_transfer_in_these_states_is_cancelled(state):
    transfer = status(state=state)
    assert (transfer.finished, transfer.failed, transfer.cancelled) == (True, False, True)


@pytest.mark.parametrize(
    ("members", "finished"),
    [
        ({"pctDone": 100}, True),
        ({"pctDone": 99}, False),
        ({"pctDone": 99.9}, False),
        ({"pctDone": "100"}, True),
        ({"pctDone": None}, False),
        ({"endTime": 1643414453519}, True),
        ({"endTime": None}, False),
        ({"endTime": "soon"}, False),
    ],
)
def test_an_unknown_state_ends_by_percentage_or_end_time(members, finished):
    assert status(state="Unheard of", **members).finished is finished


def test_status_with_only_a_job_has_not_ended():
    answer = TransferStatus.from_answer({"jobId": JOB})
    assert (answer.state, answer.pct_done, answer.end_time_ms, answer.result, answer.finished) == (
        "",
        None,
        None,
        "",
        False,
    )


def test_other_spelling_of_the_job_id_is_read():
    assert TransferJob.from_answer({"jobID": JOB, "message": "Success!"}).job_id == JOB


@pytest.mark.parametrize("answer", [{}, {"jobId": ""}, {"jobId": 5}, {"responseMsg": "x"}])
def test_an_answer_without_a_job_is_malformed(answer):
    for model in (TransferJob, TransferStatus):
        with pytest.raises(MalformedAnswerError, match="jobId"):
            model.from_answer(answer)


def test_keys_quoted_by_the_server_are_redacted_in_every_member():
    aes = "123AAAAAAAAAAAAAAAA000000000ABC0"
    transfer = status(result=f"Old AppKey: {aes}", more={"msgs": [aes]})
    assert transfer.result == "Old AppKey: [redacted]"
    assert transfer.raw["more"] == {"msgs": ["[redacted]"]}
    assert aes not in repr(transfer)
