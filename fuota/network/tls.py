"""The TLS version and the certificate of a server, for a check before a campaign depends on them."""

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
    """Facts about a connection whose certificate was verified.

    version: TLS version, such as TLSv1.3. days_left: whole days until the certificate expires.
    """

    version: str
    days_left: int


def tls_facts(host: str, port: int = 443, *, ca_file: Path | None = None, timeout_s: int = 10) -> TlsFacts:
    """Connect without a proxy, and return the facts about the connection.

    host: name or address. port: TCP port. ca_file: PEM file of the authorities to trust instead of the usual authorities.
    timeout_s: seconds. Raises UnreachableError, also for a certificate that is not trusted.
    """
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
