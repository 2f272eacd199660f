"""Load: requests to a sandbox with many devices, and notifications to the uplink listener. `make bench` runs it.

Server and client are separate processes, as in real use, and share the processors of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from markdown import at_least, table, write_between_markers

from fuota.sandbox import SANDBOX_API_KEY, SANDBOX_APP_EUI

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"
PROGRAM = Path(sys.executable).parent / "fuota"
CONNECTIONS = 32
SANDBOX_GOAL, LISTENER_GOAL = 500, 1_000


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """Results of a number of requests; times in seconds."""

    statuses: list[int]
    times_s: list[float]
    took_s: float

    @property
    def rate(self) -> float:
        return len(self.statuses) / self.took_s

    @property
    def slowest_ms(self) -> float:
        """99th percentile of the response times."""
        return statistics.quantiles(self.times_s, n=100)[98] * 1000


async def _send_all(url: str, requests: Sequence[bytes], connections: int) -> LoadResult:
    remaining, statuses, times_s = iter(requests), [], []
    parts = urlsplit(url)

    async def use_connection() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for request in remaining:
            began_s = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            times_s.append(time.perf_counter() - began_s)
            statuses.append(int(head.split(b" ", 2)[1]))
        writer.close()

    began_s = time.perf_counter()
    await asyncio.gather(*(use_connection() for _ in range(connections)))
    return LoadResult(statuses=statuses, times_s=times_s, took_s=time.perf_counter() - began_s)


def send_all(url: str, requests: Sequence[bytes], connections: int = CONNECTIONS) -> LoadResult:
    """Send all requests. Each connection sends its next request after the answer to its last request."""
    return asyncio.run(_send_all(url, requests, connections))


def request(method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextlib.contextmanager
def running(*arguments: object) -> Iterator[dict[str, object]]:
    """Run `fuota ... --json` as a process and yield its first event."""
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments), "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def sandbox(devices: int, count: int) -> LoadResult:
    """Request the status of a transfer to all devices `count` times."""
    path = "/rest/integration"
    launch = f"appEui={SANDBOX_APP_EUI}&devTags=sandbox&startDelaySecs=86400&redundancy=0.5"
    status = request("GET", f"{path}/mcastStatus?appEui={SANDBOX_APP_EUI}", authorization=SANDBOX_API_KEY)
    with running("sandbox", "serve", "--port", 0, "--devices", devices) as serving:
        url = str(serving["url"])
        start = request("POST", f"{path}/mcastTransfer?{launch}", bytes(10_000), authorization=SANDBOX_API_KEY)
        assert send_all(url, [start], 1).statuses == [200]
        return send_all(url, [status] * count)


def listener(count: int, folder: Path, *, journal: bool) -> tuple[LoadResult, int]:
    """Send notifications of a single uplink each. Return the result, and how many acknowledged uplinks are not on disk."""
    uplink = {"port": 201, "pdu": "0100C48001", "txtime": "2026-11-23T12:00:00.000Z", "rssi": -57, "snr": 9.25}
    bodies = [json.dumps({"devEui": f"{n % 10_000:016X}", "seqno": n, **uplink}).encode() for n in range(count)]
    output = ("--state-dir", folder) if journal else ("--out", folder / "uplinks.jsonl")
    with running("uplinks", "listen", "--listen", "127.0.0.1:0", *output) as listening:
        result = send_all(
            str(listening["url"]),
            [request("POST", "/uplinks", body, **{"content-type": "application/json"}) for body in bodies],
        )
        path = Path(str(listening["path"]))
    return result, result.statuses.count(200) - _on_disk(path)


def _on_disk(path: Path) -> int:
    if path.suffix == ".jsonl":
        return len({json.loads(line)["seqno"] for line in path.read_text().splitlines()})
    with contextlib.closing(sqlite3.connect(path)) as journal:
        return int(journal.execute("SELECT COUNT(DISTINCT seqno) FROM uplink").fetchone()[0])


def section(devices: int = 10_000, count: int = 10_000) -> list[str]:
    """Return the lines of the section."""
    result = sandbox(devices, count)
    rows = [_row(f"sandbox of {devices} devices, mcastStatus", result, 0, SANDBOX_GOAL)]
    for journal in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            result, lost = listener(count, Path(folder), journal=journal)
        where = "the journal" if journal else "a file"
        rows.append(_row(f"`fuota uplinks listen` into {where}, one uplink each", result, lost, LISTENER_GOAL))
    return [
        "## Load",
        "",
        f"Written by `make bench`: {count} requests over {CONNECTIONS} connections on {os.cpu_count()} processors, which server and"
        " client share; an uplink is acknowledged once it is on disk.",
        "",
        *table(("what", "requests/s", "99th percentile, ms", "refused", "lost", "goal", ""), rows),
    ]


def _row(what: str, result: LoadResult, lost: int, goal: int) -> tuple[str, ...]:
    refused = len(result.statuses) - result.statuses.count(200)
    figures = (f"{result.rate:.0f}", f"{result.slowest_ms:.0f}", str(refused), str(lost), str(goal))
    return (what, *figures, at_least(result.rate if not (refused or lost) else 0, goal))


def main() -> None:
    """Write the section."""
    lines = section()
    print("\n".join(lines))
    write_between_markers(NUMBERS, "load", lines)


if __name__ == "__main__":
    main()
