"""Where a registration's result is posted to, if the request names a URL (reference, "Callback Object")."""

from __future__ import annotations

import logging
import threading
from typing import Any

from fuota.errors import FuotaError, MalformedAnswerError
from fuota.network import HttpClient
from fuota.network.credentials import Secrets
from fuota.network.senra.device_rows import Callback
from fuota.network.urls import split_url

TIMEOUT_S = 10
_log = logging.getLogger(__name__)


def post_result(callback: Callback, result: dict[str, Any]) -> None:
    """Post the result, once and in a thread of its own; returns at once. The log tells, without the URL, where it failed."""
    threading.Thread(target=_post, args=(callback, result), name="fuota-sandbox-callback", daemon=True).start()


def _post(callback: Callback, result: dict[str, Any]) -> None:
    try:
        base_url, path, query = split_url(callback.url)
        client = HttpClient(base_url, timeout_s=TIMEOUT_S)
        client.post_json(path, query, json=result, secrets=Secrets(headers=callback.headers))
    except MalformedAnswerError:
        pass  # taken: what the receiver says besides is its own business
    except FuotaError as error:
        _log.warning("a result could not be posted to its callback URL: %s", type(error).__name__)
