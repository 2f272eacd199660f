"""From an HTTP answer to a JSON object, or to an exception that describes the failure.

A failure is an HTTP status other than 200, or a `statusCode` other than 200 in the body of a 200. The API repeats the code in the
body, and lists its codes for only five of its twenty calls, so either one counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    ServerFault,
)
from fuota.text import without_surrogates

if TYPE_CHECKING:
    from fuota.network.bounds import Answer

Scrub = Callable[[str], str]
"""Function that removes the secrets of a call from a text."""
_LONGEST_QUOTE = 200
_TWICE = "if it is sent again, the message may go out twice."
_HARMLESS = "it can be sent again."
# Calls whose outcome no status call reports, by the end of their paths.
_ADVICE_BEFORE_RESENDING = {
    "device/sendmsg": _TWICE,
    "device/sendmcastmsg": _TWICE,
    "mcast/sendmsg": _TWICE,
    "device/clearmsgs": _HARMLESS,
    "device/activateOne": _HARMLESS,
    "mcast/setup": "the server has no list of its groups, and a second request creates another group.",
}

_ADVICE = {
    401: "Check the API key.",
    # Roles as listed in the operator's guide of API keys. No list names mcastCancel, mcastStatus and mcast/*.
    403: (
        "Check that the key belongs to this account and that its role covers this call: 'FUOTA' keys list only "
        "mcastTransfer, 'Onboarding' keys not transfer, 'Read Access' keys only csvExport; 'Full Access' is the widest."
    ),
    404: "Check the EUI or job named in the request, and the base URL.",
    413: "Send less in one request.",
    429: "Wait before asking again.",
}


def checked_object(call: str, answer: Answer, scrub: Scrub) -> dict[str, object]:
    """Return the JSON object of a successful answer.

    call: method and path, for messages. answer: the answer. scrub: removes secrets from the server's words.
    Raises a NetworkError by the status (see `_kind`), MalformedAnswerError for a 200 that is not a JSON object.
    """
    if answer.status != 200:
        problem = failure(call, answer.status, quoted(answer, scrub))
        problem.retry_after_s = _retry_after_s(answer)
        raise problem
    body = _object(call, answer, scrub)
    if (code := _status_code(body)) != 200:
        raise failure(f"{call} (HTTP 200, statusCode in the body)", code, quoted(answer, scrub))
    return body


def advice_before_resending(call: str) -> str:
    """Return what to do or to consider before a POST that may have been carried out is sent again. call: method and path."""
    fitting = (advice for path, advice in _ADVICE_BEFORE_RESENDING.items() if f"/{path}" in call)
    return next(fitting, "ask for the status before sending it again.")


def quoted(answer: Answer, scrub: Scrub) -> str:
    """Return the server's words on one line, shortened and without secrets. answer, scrub: as for `checked_object`."""
    return _quote(_server_words(answer), scrub)


def failure(call: str, status: int, words: str) -> NetworkError:
    """Return the exception for an answer with this status.

    call: method and path. status: of HTTP or of the body. words: the server's words, safe to print.
    """
    reason = f": {words.rstrip('. ')}" if words else " without a message"
    return _kind(status)(f"{call} was answered {status}{reason}. {_advice(call, status)}", status=status)


def failure_in_place_of_csv(call: str, body: bytes, scrub: Scrub) -> NetworkError:
    """Return the exception for a 200 whose body is a JSON object although CSV was requested.

    call, scrub: as for `checked_object`. body: the whole body or its beginning.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = {}
    words = _quote(body.decode("utf-8", "replace"), scrub)
    code = _status_code(content) if isinstance(content, dict) else 200
    if code != 200:
        return failure(f"{call} (HTTP 200, statusCode in the body)", code, words)
    return MalformedAnswerError(f"{call} was answered 200 with JSON instead of CSV: {words}", status=200)


def _retry_after_s(answer: Answer) -> int | None:
    """Return the header Retry-After in s (RFC 9110 §10.2.3); None if it is missing, or a date."""
    text = answer.headers.get("Retry-After", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _kind(status: int) -> type[NetworkError]:
    if status in (401, 403):
        return AuthenticationError
    if status == 404:
        return NotFoundError
    if 300 <= status < 500:
        return BadRequestError
    # Below 300 and not 200: neither a refusal nor the answer that the API promises.
    return ServerFault if 500 <= status < 600 else MalformedAnswerError


def _advice(call: str, status: int) -> str:
    if 300 <= status < 400:
        return "Redirects are not followed, so that the key goes to no other host: correct the base URL."
    if status >= 500 or status < 300:
        maybe_done = f"The request may have been carried out: {advice_before_resending(call)}"
        return "Try again later." if call.startswith("GET") else maybe_done
    return _ADVICE.get(status, "Correct the request as the server says.")


def _object(call: str, answer: Answer, scrub: Scrub) -> dict[str, object]:
    try:
        body = without_surrogates(json.loads(answer.body))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        words = _quote(answer.body.decode("utf-8", "replace"), scrub) or "an empty body"
        raise MalformedAnswerError(f"{call} was answered 200 without a JSON object: {words}", status=200)
    return body


def _status_code(body: dict[str, object]) -> int:
    """Return the `statusCode` of a body: 200 if the body has none, 0 if it is not a number."""
    code = body.get("statusCode", 200)
    if isinstance(code, bool) or not isinstance(code, int | str):
        return 0
    return int(code) if isinstance(code, int) or (code.isascii() and code.isdigit() and len(code) == 3) else 0


def _server_words(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return f"redirect to {answer.headers.get('Location', 'nowhere')}"
    text = answer.body.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text
    members = body if isinstance(body, dict) else {}
    return next((str(members[name]) for name in ("message", "responseMsg", "error") if members.get(name)), text)


def _quote(text: str, scrub: Scrub) -> str:
    # Secrets are removed before the text is shortened: half a key would not look like a key.
    line = " ".join(scrub(text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 3]}..."
