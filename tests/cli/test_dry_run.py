"""Option --dry-run for tasks in chunks; test_every_parameter.py shows each request."""

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
def test_dry_run_shows_the_number_of_requests(fuota, line, count, requests):
    rows = "dev_eui,app_key\n" + "".join(f"{k:016X},{AES}\n" for k in range(1, count + 1))
    server = ("--server", "https://api.senraco.invalid", "--dry-run")
    result = fuota("device", *line.split(), "-", *server, stdin=rows.encode())
    shown = f"there would be {requests} requests" in result.err
    assert (result.code, shown, "there would be" in result.err) == (0, bool(requests), bool(requests))
