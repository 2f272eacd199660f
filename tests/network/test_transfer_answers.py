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
def test_states_that_stay_open(state):
    found = status(state=state)
    assert (found.finished, found.failed, found.cancelled) == (False, False, False)


@pytest.mark.parametrize("state", ["Done", "DONE_SUC", "done suc", "SUCCESS", "Complete", "COMPLETED", "finished"])
def test_states_of_success(state):
    found = status(state=state)
    assert (found.finished, found.failed, found.cancelled) == (True, False, False)


@pytest.mark.parametrize("state", ["DONE_FAIL", "Failed", "ERROR", "aborted", "timed-out"])
def test_states_of_failure(state):
    found = status(state=state)
    assert (found.finished, found.failed, found.cancelled) == (True, True, False)


@pytest.mark.parametrize("state", ["Cancelled", "CANCELED"])
def test_states_of_cancellation(state):
    found = status(state=state)
    assert (found.finished, found.failed, found.cancelled) == (True, False, True)


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


def test_a_status_with_nothing_but_a_job_is_open():
    found = TransferStatus.from_answer({"jobId": JOB})
    assert (found.state, found.pct_done, found.end_time_ms, found.result, found.finished) == ("", None, None, "", False)


def test_the_other_spelling_of_the_job_id_is_read():
    assert TransferJob.from_answer({"jobID": JOB, "message": "Success!"}).job_id == JOB


@pytest.mark.parametrize("answer", [{}, {"jobId": ""}, {"jobId": 5}, {"responseMsg": "x"}])
def test_an_answer_without_a_job_is_malformed(answer):
    for model in (TransferJob, TransferStatus):
        with pytest.raises(MalformedAnswerError, match="jobId"):
            model.from_answer(answer)


def test_keys_quoted_by_the_server_are_redacted_in_every_member():
    aes = "123AAAAAAAAAAAAAAAA000000000ABC0"
    found = status(result=f"Old AppKey: {aes}", more={"msgs": [aes]})
    assert found.result == "Old AppKey: [redacted]"
    assert found.raw["more"] == {"msgs": ["[redacted]"]}
    assert aes not in repr(found)
