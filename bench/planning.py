"""Time to make a plan: the planning section of docs/numbers.md. `make bench` runs it."""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from markdown import at_most, table, write_between_markers

import fuota
from fuota.planning import Image, PlanInputs, PlanRecipe

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"
IMAGE = np.random.default_rng(3).bytes(60_000)
PLAN_GOAL_S, FRONT_GOAL_S = 1.0, 10.0


def export(path: Path, devices: int) -> Path:
    """Write an export of `devices` devices, most of them with good reception, and return its path."""
    rng = np.random.default_rng(7)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Dev EUI", "Contract", "Tags", "State", "Yest PSR", "Yest Avg SNR", "Cur DR"])
        for i in range(devices):
            success, snr = round(100 * min(1, rng.beta(20, 1.5)), 1), round(rng.normal(2, 7), 1)
            state = "JOINED" if i % 50 else "ACTIVATED"
            rows.writerow([f"{i:016X}", 20, "meters,a", state, success, snr, f"DR{rng.integers(0, 6)}"])
    return path


def cases(fleet: Path) -> Iterator[tuple[str, Callable[[], object], float]]:
    """Yield the name of each case, its function, and its goal in seconds."""
    yield "a plan, EU868 DR3", lambda: fuota.plan(IMAGE, region="EU868", data_rate=3, fleet=fleet), PLAN_GOAL_S
    yield (
        "a plan, IN865, data rate chosen by the planner",
        lambda: fuota.plan(IMAGE, region="IN865", fleet=fleet),
        PLAN_GOAL_S,
    )
    yield (
        "a plan with least energy, IN865",
        lambda: fuota.plan(IMAGE, region="IN865", fleet=fleet, optimise="energy"),
        PLAN_GOAL_S,
    )
    for region in ("IN865", "EU868", "US915"):
        recipe = PlanRecipe(region=region, fleet=fleet)
        yield (
            f"the Pareto front, {region}",
            lambda recipe=recipe: fuota.pareto_front(PlanInputs.of(Image.of(IMAGE), recipe)),
            FRONT_GOAL_S,
        )


def median_s(job: Callable[[], object], rounds: int) -> float:
    """Return the median of the wall time of `job`."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def section(devices: int = 10_000, rounds: int = 3) -> list[str]:
    """Return the lines of the section."""
    with tempfile.TemporaryDirectory() as folder:
        fleet = export(Path(folder) / "export.csv", devices)
        fuota.plan(IMAGE[:5000], region="IN865", loss=0.1)  # loads the compiled kernels
        rows = []
        for what, job, goal_s in cases(fleet):
            took_s = median_s(job, rounds)
            rows.append((what, f"{took_s:.2f} s", f"{goal_s:g} s", at_most(took_s, goal_s)))
    return [
        "## Planning",
        "",
        f"Written by `make bench`: an image of {len(IMAGE)} bytes for an export of {devices} devices, which is read from its file"
        f" each time; wall time without imports, median of {rounds}.",
        "",
        *table(("what", "time", "goal", ""), rows),
    ]


def main() -> None:
    """Write the section."""
    write_between_markers(NUMBERS, "planning", section())


if __name__ == "__main__":
    main()
