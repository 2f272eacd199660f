"""HttpClient with TLS and a name that is not a loopback host: .netrc, proxies and CA bundles apply to it."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fuota.errors import UnreachableError
from fuota.network import HttpClient
from fuota.network.tls import tls_facts

KEY = "AK2:0123456789abcdefghijABCDEFGHIJ0123456789"
HOST = "portal.test"  # resolves to 127.0.0.1 in these tests


def client(url: str, **options) -> HttpClient:
    return HttpClient(url, **{"api_key": KEY, "backoff_ms": 1, **options})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """PEM files (certificate, private key) of HOST, self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8, clear = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, clear))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls_server(server, certificate, no_proxies, monkeypatch):
    """Scripted server with TLS, under a name that is not a loopback host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    # The handshake happens in the handler's thread and not in accept, so that a refused one does not stop the server.
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True, do_handshake_on_connect=False)
    server.http.handle_error = lambda *args: None
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **options: real("127.0.0.1" if host == HOST else host, *rest, **options),
    )
    server.url = f"https://{HOST}:{server.port}"
    return server


def test_ca_file_names_the_authority(tls_server, certificate):
    tls_server.play({"tls": True})
    assert client(tls_server.url, ca_file=certificate[0]).get_json("/x", {}) == {"tls": True}


def test_an_untrusted_certificate_is_refused_before_the_key_is_sent(tls_server):
    with pytest.raises(UnreachableError, match="ca_file") as caught:
        client(tls_server.url).post_json("/x", {})
    assert caught.value.maybe_received is False
    assert tls_server.received == []


def test_environment_does_not_replace_ca_file(tls_server, certificate, monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    client(tls_server.url, ca_file=certificate[0]).get_json("/x", {})
    assert len(tls_server.received) == 1


@pytest.mark.parametrize("key", [KEY, None])
def test_netrc_does_not_replace_the_key(tls_server, certificate, monkeypatch, tmp_path, key):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client(tls_server.url, api_key=key, ca_file=certificate[0]).get_json("/x", {})
    assert tls_server.received[0].headers["authorization"] == key


def test_facts_have_the_days_left_of_the_certificate(tls_server, certificate):
    facts = tls_facts(HOST, tls_server.port, ca_file=certificate[0])
    assert facts.version.startswith("TLSv1.")
    loaded = x509.load_pem_x509_certificate(certificate[0].read_bytes())
    assert facts.days_left == (loaded.not_valid_after_utc - datetime.now(UTC)).days


def test_facts_of_an_untrusted_certificate_raise(tls_server):
    with pytest.raises(UnreachableError, match="no TLS connection"):
        tls_facts(HOST, tls_server.port)
