"""The receiver as an operator runs it: with TLS, with a summary, as a service."""

from __future__ import annotations

import configparser
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ONE = {"devEui": "000000000000000A", "pdu": "0108", "port": 201}
UNIT = Path(__file__).parents[2] / "examples" / "fuota-uplinks.service"
PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8


def certificate(folder: Path, name: str, *, password: bytes | None = None) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    protection = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(signed.public_bytes(PEM))
    paths[1].write_bytes(key.private_bytes(PEM, PKCS8, protection))
    return paths


@pytest.fixture
def listen(start, closed_port, tmp_path):
    """Return a function that starts the receiver, waits until it runs, and returns the process and its port."""

    def started(*options: object, **more: object) -> tuple[subprocess.Popen[str], int]:
        address = ("--listen", f"127.0.0.1:{closed_port}", "--state-dir", tmp_path / "state")
        process = start("uplinks", "listen", *address, *options, **more)
        line = process.stderr.readline()
        assert "receiving uplinks at" in line, line
        return process, closed_port

    return started


def test_a_receiver_with_tls_serves_https_only(listen, tmp_path):
    cert, key = certificate(tmp_path, "receiver")
    process, port = listen("--cert", cert, "--key", key)
    url = f"https://localhost:{port}/uplinks"
    assert requests.post(url, json=ONE, verify=str(cert), timeout=10).status_code == 200
    with pytest.raises(requests.exceptions.SSLError):
        requests.post(url, json=ONE, timeout=10)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.post(f"http://localhost:{port}/uplinks", json=ONE, timeout=10)
    process.send_signal(2)
    assert process.wait(20) == 0


@pytest.mark.parametrize("damage", ["other key", "password", "no key", "no certificate", "only a key"])
def test_a_certificate_that_does_not_fit_is_refused(fuota, tmp_path, damage):
    cert, key = certificate(tmp_path, "receiver")
    other, _ = certificate(tmp_path, "other")
    _, locked = certificate(tmp_path, "locked", password=b"secret")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    options = {
        "other key": ("--cert", other, "--key", key),
        "password": ("--cert", cert, "--key", locked),
        "no key": ("--cert", cert),
        "no certificate": ("--cert", empty, "--key", key),
        "only a key": ("--key", key),
    }[damage]
    result = fuota("uplinks", "listen", "--listen", "127.0.0.1:0", *options)
    assert result.code == 2
    assert "certificate" in result.complaint


def test_a_summary_is_shown_on_stderr(listen):
    process, port = listen("--summary", 1)
    url = f"http://127.0.0.1:{port}/uplinks"
    requests.post(url, json=ONE, timeout=10)
    requests.post(url, data="x", headers={"content-type": "text/plain"}, timeout=10)
    line = process.stderr.readline()
    while "denied" not in line:
        line = process.stderr.readline()
    assert line.endswith("Z 1 uplink stored, 1 request denied\n")
    assert 'fuota_requests_total{status="415"} 1' in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text


def test_the_unit_of_the_service_starts_the_receiver(start, tmp_path, closed_port, monkeypatch):
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith("/fuota")
    state = unit["Service"]["StateDirectory"]
    replaced = [
        argument.replace(f"/var/lib/{state}", str(tmp_path / "state")).replace("8381", str(closed_port))
        for argument in arguments
    ]
    monkeypatch.setenv("FUOTA_LISTEN_TOKEN", "s3cret")
    process = start(*replaced)
    assert "receiving" in process.stderr.readline()
    answer = requests.post(
        f"http://127.0.0.1:{closed_port}/uplinks", json=ONE, headers={"x-fuota-token": "s3cret"}, timeout=10
    )
    assert answer.status_code == 200
    process.send_signal(2)  # KillSignal=SIGINT
    assert process.wait(20) == 0
