"""One call for each device: what ends the row of them, and what does not."""

from __future__ import annotations

from fuota.errors import AuthenticationError, NotFoundError, ServerFault, UnreachableError
from fuota.network.senra.one_by_one import call_each


def fates(*errors):
    """What becomes of devices whose calls raise these, or answer."""
    made = []

    def call(number):
        made.append(number)
        if errors[number] is not None:
            raise errors[number]
        return number

    found = [
        (str(one.outcome.fate), one.answer)
        for one in call_each((str(number), lambda number=number: call(number)) for number in range(len(errors)))
    ]
    return found, len(made)


def test_a_refusal_and_a_fault_are_of_one_device():
    found, made = fates(NotFoundError("no"), None, ServerFault("oops"), None)
    assert (found, made) == ([("failed", None), ("done", 1), ("unknown", None), ("done", 3)], 4)


def test_nothing_is_sent_after_a_key_was_refused_or_the_server_was_lost():
    for error, fate in [
        (AuthenticationError("no"), "failed"),
        (UnreachableError("lost"), "unknown"),
        (UnreachableError("gone", maybe_received=False), "not_sent"),
    ]:
        found, made = fates(None, error, None)
        assert (found, made) == ([("done", 0), (fate, None), ("not_sent", None)], 2)
