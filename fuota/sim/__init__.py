"""An air made of random numbers."""

from __future__ import annotations

from fuota.sim.loss import Bernoulli, GilbertElliott, Loss

__all__ = ["Bernoulli", "GilbertElliott", "Loss"]
