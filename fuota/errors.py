"""The exceptions that fuota raises, and what they mean to the caller.

FuotaError
├── ParameterError        an argument breaks its rule (also a ValueError)
├── RefusedError          nothing was sent, because it could not have worked
│   ├── ImageError        the image cannot be sent (empty, unreadable)
│   └── PlanError         the image is fine, but cannot be sent in this way (too large, does not fit the data rate)
├── MessageError          bytes that are not a valid message of the protocol
├── IncompleteError       data was requested before it was complete
├── StorageError          a folder or file cannot be written or read
└── NetworkError          a problem between this program and the server
    ├── AuthenticationError   the server refused the key (401, 403)
    ├── NotFoundError         the server does not know the named object (404)
    ├── BadRequestError       the server refused the request (other 4xx)
    ├── ServerFault           the server failed (5xx)
    ├── UnreachableError      no answer: refused, timed out, cut off
    ├── MalformedAnswerError  the answer does not follow the API
    └── OutcomeUnknownError   a launch was sent, its answer was lost, and further requests did not show whether it runs

A message states the rule, the value, and the nearest legal value. A failed campaign is a verdict, not an exception.
"""

from __future__ import annotations


class FuotaError(Exception):
    """Base class of all exceptions that fuota raises on purpose."""


class ParameterError(FuotaError, ValueError):
    """An argument breaks its rule."""


class RefusedError(FuotaError):
    """Nothing was sent, because it could not have worked."""


class ImageError(RefusedError):
    """The image cannot be sent: it is empty or unreadable, or its content contradicts its header."""


class PlanError(RefusedError):
    """The image cannot be sent in this way: it is too large, or its fragments do not fit."""


class MessageError(FuotaError, ValueError):
    """Bytes that are not a valid message of the protocol, or a value that no message can carry."""


class IncompleteError(FuotaError):
    """Data was requested before it was complete."""


class StorageError(FuotaError):
    """A folder or file cannot be written or read."""


class NetworkError(FuotaError):
    """A problem between this program and the network server.

    status: HTTP status of the answer, None if there was no answer.
    retry_after_s: time in s after which the server wants to be asked again; None if it does not say.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class AuthenticationError(NetworkError):
    """The server refused the key (401, 403)."""


class NotFoundError(NetworkError):
    """The server does not know the named object (404)."""


class BadRequestError(NetworkError):
    """The server refused the request (a 4xx other than 401, 403 and 404)."""


class ServerFault(NetworkError):  # noqa: N818 - "fault" shows that the server is to blame; it is the usual word for a 5xx
    """The server failed (5xx)."""


class UnreachableError(NetworkError):
    """The server did not answer: the connection was refused, timed out or was cut off.

    maybe_received: False only if it is certain that the request never reached the server (connection refused, name not found,
    timeout while connecting). If it is True, a launch may be running.
    """

    def __init__(self, message: str, *, status: int | None = None, maybe_received: bool = True) -> None:
        super().__init__(message, status=status)
        self.maybe_received = maybe_received


class MalformedAnswerError(NetworkError):
    """The answer does not follow the API; for example, it is not JSON."""


class OutcomeUnknownError(NetworkError):
    """A launch was sent, and nobody knows whether it runs: its answer was lost, or it could not be recorded.

    campaign_id: campaign that `watch` may find out about at once; None if the user has to act first.
    """

    def __init__(self, message: str, *, status: int | None = None, campaign_id: str | None = None) -> None:
        super().__init__(message, status=status)
        self.campaign_id = campaign_id
