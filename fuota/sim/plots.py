"""Pictures of simulations. They need the extra `notebook`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fuota.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fuota.sim.verdict import SimulatedVerdict


def completion_figure(verdict: SimulatedVerdict) -> Figure:
    """The share of the fleet that is complete against the time of the fragment. Raises ParameterError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ParameterError("pictures need matplotlib: pip install 'fuota[notebook]'") from None
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    minutes = verdict.starts_ms / 60_000
    axes.step(minutes, np.cumsum(verdict.completed_at[1:]) / verdict.devices, where="post")
    low, high = verdict.interval()
    axes.axhspan(low, high, alpha=0.2, label=f"end: {verdict.share:.2%} ({low:.2%} to {high:.2%})")
    axes.set(
        title=f"{verdict.devices} simulated devices", xlabel="minutes from the first frame", ylabel="share complete"
    )
    axes.set_ylim(-0.02, 1.02)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="center left")
    return figure
