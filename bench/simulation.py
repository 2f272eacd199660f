"""Number of devices simulated per second: the simulation section of docs/numbers.md. `make bench` runs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from markdown import ABSENT, at_least, table, write_between_markers

import fuota
from fuota.planning import APPLICATION_MANAGED
from fuota.sim.loss import FleetLoss

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"
GOAL_PER_S = 100_000
"""Goal for a realistic campaign: M = 1000, 20 % loss, R = 300, version 1, two cores."""


def cases() -> Iterator[tuple[int, int, FleetLoss, int, float | None]]:
    """Yield M, R, the loss, the number of devices, and the goal in devices per second."""
    yield 1000, 300, fuota.Bernoulli(0.2), 200_000, GOAL_PER_S
    yield 1000, 300, fuota.GilbertElliott(0.2, 5), 200_000, GOAL_PER_S / 10
    yield 1000, 300, fuota.SnrMargin(margin_db=7, shadowing_db=4), 200_000, GOAL_PER_S / 10
    for loss in (0.05, 0.1, 0.3):
        yield 1000, 600, fuota.Bernoulli(loss), 100_000, None
    for nb_frag in (50, 100, 250, 500, 2000):
        yield nb_frag, 3 * nb_frag // 10, fuota.Bernoulli(0.2), 40_000_000 // nb_frag**2 + 20_000, None
    for nb_coded in (150, 1000):
        yield 1000, nb_coded, fuota.Bernoulli(0.2), 100_000, None


def devices_per_second(nb_frag: int, nb_coded: int, loss: FleetLoss, devices: int) -> float:
    """Return the speed on all processors, by the wall time of the second of two runs."""
    plan = fuota.plan(
        bytes(48 * nb_frag),
        region="IN865",
        data_rate=2,
        frag_size=48,
        nb_coded=nb_coded,
        loss=0.1,
        server=APPLICATION_MANAGED,
    )
    air = fuota.SimulatedAir(devices=devices, loss=loss, seed=7)
    for _ in range(2):
        start = time.perf_counter()
        air.transmit(plan)
        took_s = time.perf_counter() - start
    return devices / took_s


def section(share: float = 1.0) -> list[str]:
    """Return the lines of the section. share: factor for the numbers of devices."""
    rows = []
    for nb_frag, nb_coded, loss, devices, goal in cases():
        speed = devices_per_second(nb_frag, nb_coded, loss, max(1, int(devices * share)))
        goal_cells = (ABSENT, ABSENT) if goal is None else (f"{goal:,.0f}", at_least(speed, goal))
        rows.append((str(nb_frag), str(nb_coded), repr(loss), f"{speed:,.0f}", *goal_cells))
    return [
        "## Simulation",
        "",
        "Written by `make bench`: simulated devices per second of wall time, decoded by rank, version 1, all processors.",
        "",
        *table(("uncoded", "coded", "loss", "devices/s", "goal", ""), rows),
    ]


def main() -> None:
    """Write the section."""
    write_between_markers(NUMBERS, "simulation", section())


if __name__ == "__main__":
    main()
