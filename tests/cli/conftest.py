"""Fixtures that run the command line, inside this process and in a separate process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from fuota.campaign import Journal
from fuota.cli import main
from fuota.sandbox import SANDBOX_API_KEY
from tests.cli import plan_cases

PROGRAM = Path(sys.executable).parent / "fuota"
"""The console script of this environment."""
SAMPLE = Path(__file__).parents[2] / "sample_firmware" / "sensor-1.1.0.bin"


class Stdin(io.BytesIO):
    name = "<stdin>"


@dataclass(frozen=True, kw_only=True)
class Result:
    code: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Lines of stdout as JSON; all of them must be JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    def event(self, name: str) -> dict[str, Any]:
        (match,) = (event for event in self.events if event["event"] == name)
        return match

    @property
    def words(self) -> str:
        """Messages on stderr, without the notice about the compilation."""
        return "".join(line for line in self.err.splitlines(keepends=True) if not line.startswith("still working"))

    @property
    def complaint(self) -> str:
        """Line that begins with the name of the program; there must be exactly one."""
        (line,) = (line for line in self.err.splitlines() if line.startswith("fuota: "))
        assert "Traceback" not in self.err
        return line


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path) -> None:
    """Remove the settings of the user: new state folder, no key, no server; and no pause between repeated GETs."""
    for name in [name for name in os.environ if name.startswith("FUOTA_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # stdout of a user is buffered
    monkeypatch.setenv("FUOTA_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("FUOTA_CONFIG", os.devnull)
    monkeypatch.setattr(urllib3.util.Retry, "sleep", lambda *_args, **_kwargs: None)


@pytest.fixture
def sample() -> Path:
    return SAMPLE


@pytest.fixture
def fuota(capsysbinary, monkeypatch) -> Callable[..., Result]:
    """Function that runs a command line inside this process."""

    def run(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Stdin(stdin)))
        capsysbinary.readouterr()
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Result(code=exited.value.code, stdout=captured.out, err=captured.err.decode())

    return run


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Function that starts `fuota` in a separate process, which ends with the module at the latest."""
    # If this process ignores Ctrl-C, as in the background of a script, its children would ignore it too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGINT, before)

        def started(*arguments: object, **options: Any) -> subprocess.Popen[str]:
            # With the key in the environment a client does not import the sandbox, which saves half a second.
            environment = os.environ | {"FUOTA_API_KEY": SANDBOX_API_KEY, "TERM": "xterm", "PYTHONUTF8": "1"}
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = subprocess.Popen(
                [PROGRAM, *map(str, arguments)], text=True, env=environment, **{**pipes, **options}
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


Reply = tuple[int, dict[str, Any]]


@pytest.fixture
def http_server() -> Iterator[Callable[[Callable[[str, str, Any, bytes], Reply]], str]]:
    """Function that serves answers, a function of method, path, headers and body, and returns the URL."""
    with contextlib.ExitStack() as stack:

        def serve(reply: Callable[[str, str, Any, bytes], Reply]) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    body = self.rfile.read(int(self.headers.get("content-length", 0)))
                    status, answer = reply(self.command, self.path, self.headers, body)
                    content = json.dumps(answer).encode()
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

                do_POST = do_GET  # noqa: N815 - the standard library's spelling

                def log_message(self, *args: Any) -> None:
                    pass

            http = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            http.daemon_threads = True
            threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            stack.callback(http.shutdown)
            return f"http://127.0.0.1:{http.server_port}"

        yield serve


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def default_width(monkeypatch) -> None:
    """Remove the width of the terminal that the environment of the user sets."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(plan_cases.IMAGE)
    return path


@pytest.fixture
def large(tmp_path) -> Path:
    """Image with enough fragments for a good code."""
    path = tmp_path / "large.bin"
    path.write_bytes(random.Random(7).randbytes(1_200))
    return path


@pytest.fixture
def export(tmp_path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(plan_cases.EXPORT)
    return path


@pytest.fixture
def meter(tmp_path) -> Path:
    path = tmp_path / "meter.toml"
    path.write_text(plan_cases.METER)
    return path


@pytest.fixture
def journal(tmp_path) -> Iterator[Journal]:
    """Journal in which commands of the `fuota` fixture keep campaigns and uplinks."""
    with contextlib.closing(Journal(tmp_path / "state")) as opened:
        yield opened


@pytest.fixture
def patch(fuota, tmp_path) -> Path:
    """Patch from sample image 1.0.0 to 1.1.0."""
    path, folder = tmp_path / "app.patch", SAMPLE.parent
    assert fuota("image", "delta", folder / "sensor-1.0.0.bin", SAMPLE, "-o", path).code == 0
    return path
