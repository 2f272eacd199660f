"""Calls for one device each, one after the other, and the outcome of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from fuota.errors import AuthenticationError, MalformedAnswerError, NetworkError, ServerFault, UnreachableError
from fuota.network.senra.bulk import DeviceOutcome, Fate

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAnswer(Generic[T]):
    """Result of the call for one device. outcome: of the device. answer: the server's answer, None if there is none."""

    outcome: DeviceOutcome
    answer: T | None = None


def call_each(calls: Iterable[tuple[str, Callable[[], T]]]) -> Iterator[DeviceAnswer[T]]:
    """Make calls, one each time that the iterator is advanced, and yield the outcome of each. No call is made twice.

    calls: EUI of the device and the function that makes its call.

    A refusal concerns its device only, and the next call is made. If the key is refused or no answer comes, nothing more is sent.
    Raises AuthenticationError if the key is refused at the first call, UnreachableError if the first call never reached the server.
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
