"""Outcomes of devices and answers about downlinks, and the exit code that follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from fuota.cli import exits
from fuota.cli.output import Output
from fuota.cli.render.dry_run import NotSent
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.network.senra import ClearedDownlinks, DeviceOutcome, DownlinkReceipt
    from fuota.network.senra.one_by_one import DeviceAnswer


class Answer(Protocol):
    """Answer of the server."""

    @property
    def raw(self) -> Mapping[str, object]:
        """Fields as they arrived."""
        ...


T = TypeVar("T", bound=Answer)

MAX_SHOWN = 20
"""Number of devices that are listed one by one."""


def exit_code(counts: Mapping[str, int]) -> int:
    """Return the exit code for numbers of devices, keyed by outcome: 0 all done, 8 some unknown, 6 some done, 3 none done."""
    if counts.get("unknown"):
        return exits.UNKNOWN
    if set(counts) <= {"done"}:
        return exits.DONE
    return exits.PARTIAL if counts.get("done") else exits.REFUSED


def show_outcomes(outcomes: Sequence[DeviceOutcome], out: Output) -> None:
    """List devices with a message, at most MAX_SHOWN; devices with the same message are shown as their number."""
    uses = Counter((outcome.fate, outcome.message) for outcome in outcomes)
    unique = [outcome for outcome in outcomes if uses[outcome.fate, outcome.message] == 1]
    for outcome in islice(unique, MAX_SHOWN):
        out.result(printable(f"{outcome.dev_eui}  {outcome.fate}: {outcome.message}"))
    if len(unique) > MAX_SHOWN:
        out.result(f"and {len(unique) - MAX_SHOWN} more with a message")
    for (fate, message), count in uses.items():
        if count > 1:
            out.result(printable(f"{counted(count, 'device')}  {_words(fate)}: {message}"))


def show_answers(answers: Iterator[DeviceAnswer[T]], out: Output, text_of: Callable[[T], str]) -> int:
    """Show the answer for each device as it arrives, and return the exit code."""
    counts: Counter[str] = Counter()
    for answer in _until_dry_run(answers, out):
        outcome = answer.outcome
        counts[outcome.fate] += 1
        raw = {} if answer.answer is None else dict(answer.answer.raw)
        out.event("device", dev_eui=outcome.dev_eui, fate=outcome.fate, message=outcome.message, answer=raw)
        text = outcome.message if answer.answer is None else text_of(answer.answer)
        out.result(printable(f"{outcome.dev_eui}  {_words(outcome.fate)}  {text}"))
    out.say(", ".join(f"{count} {_words(fate)}" for fate, count in sorted(counts.items())))
    return exit_code(counts)


def show_receipt(receipt: DownlinkReceipt, out: Output) -> int:
    """Show the answer to a message, and return the exit code."""
    out.event("queued", **dict(receipt.raw))
    out.result(receipt_text(receipt))
    return exits.DONE


def receipt_text(receipt: DownlinkReceipt) -> str:
    """Return the number of a queued message, and what the server reports."""
    number = "no msgId" if receipt.msg_id is None else f"msgId {receipt.msg_id}"
    return f"{number}: {printable(receipt.message or 'the server sent no message')}"


def cleared_text(cleared: ClearedDownlinks) -> str:
    """Return which messages were removed from the queue."""
    if cleared.msg_ids is None:
        return "cleared: the server does not report which messages"
    return f"cleared: {', '.join(map(str, cleared.msg_ids)) or 'nothing'}"


def _until_dry_run(answers: Iterator[DeviceAnswer[T]], out: Output) -> Iterator[DeviceAnswer[T]]:
    try:
        yield from answers
    except NotSent:
        out.say("and so on, one request for each device")
        raise


def _words(fate: str) -> str:
    return fate.replace("_", " ")
