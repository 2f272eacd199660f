"""Calls for one device each: which failures stop the calls that follow."""

from __future__ import annotations

from fuota.errors import AuthenticationError, NotFoundError, ServerFault, UnreachableError
from fuota.network.senra.one_by_one import call_each


def outcomes(*errors):
    """Return fate and answer of each call, and the number of calls made. A call raises its error, or answers its number."""
    calls = []

    def call(number):
        calls.append(number)
        if errors[number] is not None:
            raise errors[number]
        return number

    answers = call_each((str(number), lambda number=number: call(number)) for number in range(len(errors)))
    return [(str(device.outcome.fate), device.answer) for device in answers], len(calls)


def test_refusal_and_fault_concern_one_device():
    fates, calls = outcomes(NotFoundError("no"), None, ServerFault("oops"), None)
    assert (fates, calls) == ([("failed", None), ("done", 1), ("unknown", None), ("done", 3)], 4)


def test_nothing_is_sent_after_a_refused_key_or_a_lost_server():
    for error, fate in [
        (AuthenticationError("no"), "failed"),
        (UnreachableError("lost"), "unknown"),
        (UnreachableError("gone", maybe_received=False), "not_sent"),
    ]:
        fates, calls = outcomes(None, error, None)
        assert (fates, calls) == ([("done", 0), (fate, None), ("not_sent", None)], 2)
