"""Posts the result of a registration to the URL of the request (reference, "Callback Object")."""

from __future__ import annotations

import logging
import threading

from fuota.errors import FuotaError, MalformedAnswerError
from fuota.network.credentials import Secrets
from fuota.network.http import HttpClient
from fuota.network.senra.device_rows import Callback
from fuota.network.urls import split_url
from fuota.sandbox.server.tasks import TaskAnswer

TIMEOUT_S = 10
_log = logging.getLogger(__name__)


def post_result(callback: Callback, result: TaskAnswer) -> None:
    """Post the result once, in a separate thread, and return at once. The log reports a failure without the URL."""
    threading.Thread(target=_post, args=(callback, result), name="fuota-sandbox-callback", daemon=True).start()


def _post(callback: Callback, result: TaskAnswer) -> None:
    try:
        base_url, path, query = split_url(callback.url)
        client = HttpClient(base_url, timeout_s=TIMEOUT_S)
        client.post_json(path, query, json=result, secrets=Secrets(headers=callback.headers))
    except MalformedAnswerError:
        pass  # accepted: the content of the receiver's answer does not matter
    except FuotaError as error:
        _log.warning("a result could not be posted to its callback URL: %s", type(error).__name__)
