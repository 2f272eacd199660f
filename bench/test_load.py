"""Run the load section with few requests. The figures are not checked."""

from __future__ import annotations

import bench_load


def test_nothing_is_refused_or_lost_under_load() -> None:
    lines = bench_load.section(devices=3, count=120)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")][2:]
    assert [row[0].split(" ")[0] for row in rows] == ["sandbox", "`fuota", "`fuota"]
    assert all(float(row[1]) > 0 for row in rows)
    assert [row[3:5] for row in rows] == [["0", "0"]] * 3
