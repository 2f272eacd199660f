"""One call after the other, each for a device of its own: what came of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from fuota.errors import AuthenticationError, MalformedAnswerError, NetworkError, ServerFault, UnreachableError
from fuota.network.senra.bulk import DeviceOutcome, Fate

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAnswer(Generic[T]):
    """What became of one device, and the server's answer, None where there was none."""

    outcome: DeviceOutcome
    answer: T | None = None


def call_each(calls: Iterable[tuple[str, Callable[[], T]]]) -> Iterator[DeviceAnswer[T]]:
    """Make the calls, named by their devices, one when the outcome of the one before is taken.

    A refusal is the device's own and the next call is made; where the key is refused or the server is not there, nothing more is
    sent. Where that is so of the first call, the NetworkError is raised. No call is made twice.
    """
    stopped = ""
    for number, (dev_eui, call) in enumerate(calls):
        if stopped:
            yield DeviceAnswer(outcome=DeviceOutcome(dev_eui=dev_eui, fate=Fate.NOT_SENT, message=stopped))
            continue
        try:
            answer = call()
        except NetworkError as error:
            if number == 0 and (isinstance(error, AuthenticationError) or _fate(error) is Fate.NOT_SENT):
                raise
            yield DeviceAnswer(outcome=DeviceOutcome(dev_eui=dev_eui, fate=_fate(error), message=str(error)))
            if isinstance(error, AuthenticationError | UnreachableError):
                stopped = "nothing more was sent after that"
        else:
            yield DeviceAnswer(outcome=DeviceOutcome(dev_eui=dev_eui, fate=Fate.DONE), answer=answer)


def _fate(error: NetworkError) -> Fate:
    if isinstance(error, UnreachableError):
        return Fate.UNKNOWN if error.maybe_received else Fate.NOT_SENT
    return Fate.UNKNOWN if isinstance(error, ServerFault | MalformedAnswerError) else Fate.FAILED
