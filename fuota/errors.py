"""Every exception that fuota raises, and what each means to the caller.

FuotaError
├── ParameterError        an argument outside its rule (also a ValueError)
├── RefusedError          nothing was sent, because it could not have worked
│   ├── ImageError        the image itself (empty, unreadable)
│   └── PlanError         the image is fine, the way to send it is not (too large, does not fit the data rate)
├── MessageError          octets that are no message of the protocol
├── IncompleteError       data asked for that is not there yet
├── StorageError          a folder or file that cannot be written or read
└── NetworkError          something between us and the server
    ├── AuthenticationError   the server refused the key (401, 403)
    ├── NotFoundError         the server does not know what was named (404)
    ├── BadRequestError       the server refused the request (other 4xx)
    ├── ServerFault           the server failed (5xx)
    ├── UnreachableError      no answer: refused, timed out, cut off
    ├── MalformedAnswerError  an answer that is not what the API promises
    └── OutcomeUnknownError   a launch was sent, its answer was lost, and asking again did not settle it

A message says what was given, the rule, and the nearest legal value. A campaign that failed is a verdict, not an exception.
"""

from __future__ import annotations


class FuotaError(Exception):
    """Anything that fuota raises on purpose."""


class ParameterError(FuotaError, ValueError):
    """An argument outside its rule."""


class RefusedError(FuotaError):
    """Nothing was sent, because it could not have worked."""


class ImageError(RefusedError):
    """The image cannot be sent: empty, unreadable, not what it says it is."""


class PlanError(RefusedError):
    """The image cannot be sent this way: too large, or fragments that do not fit."""


class MessageError(FuotaError, ValueError):
    """Octets that are no message of the protocol, or a value that no message can carry."""


class IncompleteError(FuotaError):
    """Data was asked for that is not there yet."""


class StorageError(FuotaError):
    """A folder or file that cannot be written or read."""


class NetworkError(FuotaError):
    """Something between us and the network server. `status` is the HTTP status, or None where there was no answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AuthenticationError(NetworkError):
    """The server refused the key (401, 403)."""


class NotFoundError(NetworkError):
    """The server does not know what was named (404)."""


class BadRequestError(NetworkError):
    """The server refused the request (a 4xx that is none of the above)."""


class ServerFault(NetworkError):  # noqa: N818 - "fault" says whose it is; the field's own word for a 5xx
    """The server failed (5xx)."""


class UnreachableError(NetworkError):
    """No answer: refused, timed out, cut off.

    `maybe_received` is False only where the request surely never reached the server (connection refused, name not
    found, connecting timed out); where it is True, a launch may be running.
    """

    def __init__(self, message: str, *, status: int | None = None, maybe_received: bool = True) -> None:
        super().__init__(message, status=status)
        self.maybe_received = maybe_received


class MalformedAnswerError(NetworkError):
    """An answer that is not what the API promises, such as one that is not JSON."""


class OutcomeUnknownError(NetworkError):
    """A launch was sent, its answer was lost, and asking again did not settle whether it runs."""
