"""A request as it would be sent, in a form that can be shown: every key and token in it is hidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from fuota.network.redaction import HIDDEN, redact, redact_json

Files = Mapping[str, tuple[str, bytes, str]]
"""Parts of a multipart form: file name, content and media type of each, keyed by the name of the part."""
_SECRET_PARAMETERS = frozenset({"token"})
_SECRET_MEMBERS = frozenset({"appKey", "nwkKey", "nwkSKey", "appSKey"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRequest:
    """A request that is about to be sent.

    method: GET or POST. url: whole URL, secrets hidden. headers: headers that hold keys, hidden, and the media type.
    body: the JSON; or the parts of a form, where a file is its name, size and SHA-256; None if there is no body.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: object


RequestHook = Callable[[OutgoingRequest], object]
"""Function called before each request. If it raises an exception, the request is not sent."""


def redacted_query(query: Mapping[str, str]) -> dict[str, str]:
    """Return the query parameters with their secrets hidden."""
    return {name: HIDDEN if name in _SECRET_PARAMETERS else redact(value) for name, value in query.items()}


def redacted_headers(secret: Mapping[str, str], json: object, files: Files | None) -> dict[str, str]:
    """Return the headers that hold keys, with hidden values, and the media type of the body.

    secret: headers with secret values, besides `authorization`. json, files: the body, None if there is none.
    """
    kind = "multipart/form-data" if files else "application/json" if json is not None else None
    keys = dict.fromkeys(("authorization", *secret), HIDDEN)
    return keys | ({} if kind is None else {"content-type": kind})


def redacted_body(json: object, files: Files | None) -> object:
    """Return the body with its secrets hidden.

    json: JSON body. files: parts of a form, each described by its name, size and SHA-256. None if there is no such body.
    """
    if files:
        return {
            name: f"{file}, {len(content)} bytes, SHA-256 {sha256(content).hexdigest()}"
            for name, (file, content, _) in files.items()
        }
    return _without_secret_members(redact_json(json))


def _without_secret_members(value: object) -> object:
    if isinstance(value, list):
        return [_without_secret_members(item) for item in value]
    if not isinstance(value, dict):
        return value
    members = {
        name: HIDDEN if name in _SECRET_MEMBERS else _without_secret_members(member) for name, member in value.items()
    }
    if isinstance(callback := members.get("callback"), dict):  # its URL and its headers may hold secrets too
        headers = dict.fromkeys(callback.get("headers", {}), HIDDEN)
        members["callback"] = {"url": HIDDEN} | ({"headers": headers} if headers else {})
    return members
