"""Checks of the arguments that describe a connection to a server."""

from __future__ import annotations

import ipaddress
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from fuota import rules
from fuota.errors import ParameterError

_EXAMPLE = "such as https://api.senraco.io"


def checked_base_url(base_url: str) -> str:
    """Return `base_url` without a slash at its end.

    Raises ParameterError, which does not quote the URL: a key or a password may be part of it.
    """
    try:
        parts = urlsplit(base_url)
        valid = parts.port is None or parts.port > 0
    except (ValueError, AttributeError):
        raise ParameterError(
            f"base_url is not a URL; give scheme, host and, if needed, port and path, {_EXAMPLE}"
        ) from None
    if parts.username is not None or parts.query or parts.fragment:
        raise ParameterError(
            f"base_url must have only scheme, host, port and path; the key has its own parameter, {_EXAMPLE}"
        )
    if not valid or not re.fullmatch(r"[\w.:\-]+", parts.hostname or "") or re.search(r"\s|\\", base_url):
        raise ParameterError(f"base_url has no valid host or port; give scheme, host and port, {_EXAMPLE}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(base_url)):
        raise ParameterError(
            f"base_url of {parts.hostname} must be https, got the scheme {parts.scheme!r}: the API key must not "
            "travel unencrypted (http is accepted for a loopback host such as 127.0.0.1)"
        )
    return base_url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Return whether the host of `url` is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_ca_file(ca_file: str | Path | None) -> str | bool:
    """Return the path of a PEM file of certificates, or True for the usual authorities if `ca_file` is None.

    Raises ParameterError if the file cannot be read or is not valid.
    """
    if ca_file is None:
        return True
    if Path(ca_file).exists() and not Path(ca_file).is_file():
        raise ParameterError(f"ca_file {str(ca_file)!r} must be a regular file")
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as exc:  # also ssl.SSLError
        raise ParameterError(f"ca_file {str(ca_file)!r} is not a readable PEM file of certificates: {exc}") from None
    return str(ca_file)


def checked_timeout(timeout_s: int | tuple[int, int]) -> tuple[int, int]:
    """Return the seconds to connect and to read. timeout_s: both, or one number for both. Raises ParameterError."""
    connect_s, read_s = timeout_s if isinstance(timeout_s, tuple) else (timeout_s, timeout_s)
    if connect_s <= 0 or read_s <= 0:
        rules.refuse("timeout_s", "1 or more, in seconds", timeout_s, nearest=1)
    return connect_s, read_s
