"""--dry-run of jobs that would go out in parts. What it shows of each call is in test_every_parameter.py."""

from __future__ import annotations

import pytest

AES = "000102030405060708090A0B0C0D0E0F"


@pytest.mark.parametrize(
    ("line", "count", "requests"),
    [
        ("activate", 1_001, 2),
        ("activate", 1_000, None),
        ("activate --chunk 2", 5, 3),
        ("activate --no-wait", 1_001, None),
        ("register", 1_001, None),
    ],
)
def test_it_says_in_how_many_requests_a_job_would_go_out(fuota, line, count, requests):
    rows = "dev_eui,app_key\n" + "".join(f"{k:016X},{AES}\n" for k in range(1, count + 1))
    server = ("--server", "https://api.senraco.invalid", "--dry-run")
    result = fuota("device", *line.split(), "-", *server, stdin=rows.encode())
    said = f"it would go out in {requests} requests, each with its devices only"
    assert (result.code, said in result.err, "it would go out" in result.err) == (0, bool(requests), bool(requests))
