"""What a server's certificate says, for a check before anything depends on it."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from fuota.errors import UnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """Of a connection whose certificate was verified. `version`: such as TLSv1.3."""

    version: str
    days_left: int


def tls_facts(host: str, port: int = 443, *, ca_file: Path | None = None, timeout_s: int = 10) -> TlsFacts:
    """Connects, without a proxy, and says what was agreed on. Raises UnreachableError, also for a certificate not trusted."""
    context = ssl.create_default_context(cafile=str(ca_file or DEFAULT_CA_BUNDLE_PATH))
    try:
        with (
            socket.create_connection((host, port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            certificate = secured.getpeercert() or {}
            until_s = ssl.cert_time_to_seconds(str(certificate.get("notAfter")))
            return TlsFacts(version=secured.version() or "TLS", days_left=int((until_s - time.time()) // 86_400))
    except (OSError, ValueError) as error:
        raise UnreachableError(f"no TLS connection to {host}:{port} ({error})", maybe_received=False) from None
