"""A request as it would go out, fit to be shown: every key and token in it is hidden."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fuota.network.redaction import HIDDEN, redact, redact_tree

_SECRET_PARAMETERS = frozenset({"token"})
_SECRET_MEMBERS = frozenset({"appKey", "nwkKey", "nwkSKey", "appSKey"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingRequest:
    """A request that is about to be sent. `body`: the JSON, or the parts of a form, a file by its name, size and SHA-256;
    None where there is none.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


RequestHook = Callable[[OutgoingRequest], object]
"""Called before each request; what it raises keeps the request from being sent."""


def shown_query(params: Mapping[str, str]) -> dict[str, str]:
    """The query with its secrets hidden."""
    return {name: HIDDEN if name in _SECRET_PARAMETERS else redact(value) for name, value in params.items()}


def shown_headers(secret: Mapping[str, str], json: object, files: object) -> dict[str, str]:
    """What the request carries beside the usual: the names of the headers that hold keys, and the media type."""
    kind = "multipart/form-data" if files else "application/json" if json is not None else None
    keys = dict.fromkeys(("authorization", *secret), HIDDEN)
    return keys | ({} if kind is None else {"content-type": kind})


def shown_body(json: object, files: Mapping[str, tuple[str, bytes, str]] | None) -> Any:
    """The body with its secrets hidden, files described."""
    if files:
        return {
            name: f"{file}, {len(content)} bytes, SHA-256 {sha256(content).hexdigest()}"
            for name, (file, content, _) in files.items()
        }
    return _hidden(redact_tree(json))


def _hidden(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: HIDDEN if name in _SECRET_MEMBERS else _hidden(one) for name, one in value.items()}
    if isinstance(callback := found.get("callback"), dict):  # its URL and its headers may hold secrets of theirs
        headers = dict.fromkeys(callback.get("headers", {}), HIDDEN)
        found["callback"] = {"url": HIDDEN} | ({"headers": headers} if headers else {})
    return found
