"""From an HTTP answer to a JSON object, or to the one exception that says what went wrong.

A failure is an HTTP status other than 200, or a `statusCode` other than 200 inside the body of a 200: the API repeats
the code there, and lists its codes for five of its twenty calls only, so either one counts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import requests

from fuota.errors import (
    AuthenticationError,
    BadRequestError,
    MalformedAnswerError,
    NetworkError,
    NotFoundError,
    ServerFault,
)

_LONGEST_QUOTE = 200
_TWICE = "sent again, the message may go out twice."
_NO_HARM = "it can be sent again."
_AGAIN = {  # calls of which no status can be asked, by the end of their paths
    "device/sendmsg": _TWICE,
    "device/sendmcastmsg": _TWICE,
    "mcast/sendmsg": _TWICE,
    "device/clearmsgs": _NO_HARM,
    "device/activateOne": _NO_HARM,
    "mcast/setup": "the server gives no list of its groups, and sent again it makes another one.",
}

_ADVICE = {
    401: "Check the API key.",
    # Roles as listed in the operator's guide of API keys; mcastCancel, mcastStatus and mcast/* are in no list.
    403: (
        "Check that the key belongs to this account and that its role covers this call: 'FUOTA' keys list only "
        "mcastTransfer, 'Onboarding' keys not transfer, 'Read Access' keys only csvExport; 'Full Access' is the widest."
    ),
    404: "Check the EUI or job named in the request, and the base URL.",
    413: "Send less in one request.",
    429: "Wait before asking again.",
}


def checked_object(what: str, response: requests.Response, scrub: Callable[[str], str]) -> dict[str, Any]:
    """The JSON object of a successful answer.

    `what` is method and path, for messages; `scrub` takes the secrets out of whatever the server said.
    Raises a NetworkError by the table of `_kind`, MalformedAnswerError for a 200 that is no JSON object.
    """
    if response.status_code != 200:
        raise failure(what, response.status_code, quoted(response, scrub))
    body = _object(what, response, scrub)
    if (code := _status_code(body)) != 200:
        raise failure(f"{what} (HTTP 200, statusCode in the body)", code, quoted(response, scrub))
    return body


def before_again(what: str) -> str:
    """What to do, or to know, before a POST that may have been carried out is sent again; `what` is method and path."""
    found = (advice for path, advice in _AGAIN.items() if f"/{path}" in what)
    return next(found, "ask for the status before sending it again.")


def quoted(response: requests.Response, scrub: Callable[[str], str]) -> str:
    """What the server said, on one line, shortened and without secrets."""
    return _quote(_own_words(response), scrub)


def failure(what: str, status: int, words: str) -> NetworkError:
    """The exception for an answer with this status; `words` is what the server said, already fit to print."""
    said = f": {words.rstrip('. ')}" if words else " without a word"
    return _kind(status)(f"{what} was answered {status}{said}. {_advice(what, status)}", status=status)


def refusal_in_place_of(what: str, body: bytes, scrub: Callable[[str], str]) -> NetworkError:
    """The exception for a 200 whose body, or its beginning, is a JSON object where other text was asked for."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = {}
    words = _quote(body.decode("utf-8", "replace"), scrub)
    code = _status_code(found) if isinstance(found, dict) else 200
    if code != 200:
        return failure(f"{what} (HTTP 200, statusCode in the body)", code, words)
    return MalformedAnswerError(f"{what} was answered 200 with JSON in place of CSV: {words}", status=200)


def _kind(status: int) -> type[NetworkError]:
    if status in (401, 403):
        return AuthenticationError
    if status == 404:
        return NotFoundError
    if 300 <= status < 500:
        return BadRequestError
    # Below 300 and not 200: no refusal, and not the answer that the API promises either.
    return ServerFault if 500 <= status < 600 else MalformedAnswerError


def _advice(what: str, status: int) -> str:
    if 300 <= status < 400:
        return "Redirects are not followed, so that the key goes nowhere else: correct the base URL."
    if status >= 500 or status < 300:
        carried_out = f"The request may have been carried out: {before_again(what)}"
        return "Try again later." if what.startswith("GET") else carried_out
    return _ADVICE.get(status, "Correct the request as the server says.")


def _object(what: str, response: requests.Response, scrub: Callable[[str], str]) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        quoted = _quote(response.content.decode("utf-8", "replace"), scrub) or "an empty body"
        raise MalformedAnswerError(f"{what} was answered 200 with no JSON object: {quoted}", status=200)
    return body


def _status_code(body: dict[str, Any]) -> int:
    """The `statusCode` of a body: 200 where it has none, 0 where it is no number."""
    code = body.get("statusCode", 200)
    if isinstance(code, bool) or not isinstance(code, int | str):
        return 0
    return int(code) if isinstance(code, int) or (code.isascii() and code.isdigit() and len(code) == 3) else 0


def _own_words(response: requests.Response) -> str:
    if 300 <= response.status_code < 400:
        return f"redirect to {response.headers.get('Location', 'nowhere')}"
    text = response.content.decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text
    words = (
        [body[name] for name in ("message", "responseMsg", "error") if body.get(name)] if isinstance(body, dict) else []
    )
    return str(words[0]) if words else text


def _quote(text: str, scrub: Callable[[str], str]) -> str:
    # Secrets go before the text is shortened: half a key would no longer look like one.
    line = " ".join(scrub(text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 3]}..."
