"""Inputs of a plan, before anything is decided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.calls import checked_call, checked_init
from fuota.device import DeviceProfile, load_profile
from fuota.errors import ParameterError, PlanError
from fuota.planning.fleet.fleet import Fleet, FleetMember
from fuota.planning.fleet.fleet_file import open_fleet
from fuota.planning.fleet.link_model import LinkModel
from fuota.planning.goal import Goal
from fuota.planning.image import Image
from fuota.planning.server import SENRA, ServerProfile
from fuota.radio import Region
from fuota.radio import region as region_named

ASSUMED_LOSS = 0.1
"""Loss if nothing is known of the links. It is a guess, and the plan says so."""

_MOST_DELAY_S = 2**32 - 1
"""Largest start delay: SessionTime of TS005 is GPS time in 32 bits, in seconds."""

Objective = Literal["time", "airtime", "energy"]
OBJECTIVES: tuple[Objective, ...] = ("time", "airtime", "energy")


@runtime_checkable
class FrameLossLaw(Protocol):
    """A law of loss with a mean share of frames lost, such as fuota.Bernoulli. It has `burst_frames` if losses come in runs."""

    @property
    def loss(self) -> float:
        """Share of frames lost."""
        ...


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecipe:
    """Recipe of a plan. The plan decides what is None. Raises ParameterError for values out of range or in conflict.

    The fields are the parameters of `fuota.plan`, which describes them.
    """

    region: str | Region
    device_class: Literal["B", "C"] = "C"
    data_rate: int | None = None
    frequency_hz: int | None = None
    repeater: bool = False
    duty_cycle: float | None = None
    dwell_ms: int | None = None
    max_eirp_dbm: float | None = None
    frag_size: int | None = None
    frag_size_multiple: int | None = None
    nb_coded: int | None = None
    redundancy: float | None = None
    target: float = 0.99
    confidence: float = 0.95
    fleet: Fleet | int | str | Path | None = None
    loss: float | FrameLossLaw | Sequence[float] | NDArray[np.float64] | None = None
    profile: DeviceProfile | str | Path | None = None
    server: ServerProfile = SENRA
    interval_ms: int | None = None
    start_delay_s: int | None = None
    periodicity: int = 3
    mc_addr: int = 0
    start_gps_s: int = 0
    optimise: Objective | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        rules.one_of("device_class", self.device_class, ("B", "C"))
        rules.one_of("optimise", self.optimise, (None, *OBJECTIVES))
        if self.nb_coded is not None and self.redundancy is not None:
            raise ParameterError("nb_coded and redundancy were both given: give one of them, or a target")
        if self.optimise is not None and not (self.nb_coded is None and self.redundancy is None):
            raise ParameterError(
                "optimise and a number of coded fragments were both given: optimise decides that number"
            )
        rules.optional_integer("nb_coded", self.nb_coded, 0)
        rules.optional_integer("frag_size", self.frag_size, 1)
        rules.optional_integer("interval_ms", self.interval_ms, 1)
        rules.optional_integer("frag_size_multiple", self.frag_size_multiple, 1, 255)
        rules.optional_integer("start_delay_s", self.start_delay_s, 1, _MOST_DELAY_S)
        rules.integer("mc_addr", self.mc_addr, 0, 2**32 - 1)
        if self.redundancy is not None and math.isinf(rules.real("redundancy", self.redundancy, 0)):
            rules.refuse("redundancy", "a finite share, 0 or more", self.redundancy)
        _ = self.goal, _loss_and_burst(self.loss)

    @property
    def goal(self) -> Goal:
        """Share of the fleet to reach, with a confidence."""
        return Goal(target=self.target, confidence=self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """A recipe with its names looked up and its files read."""

    image: Image
    recipe: PlanRecipe
    region: Region
    profile: DeviceProfile
    fleet: Fleet
    goal: Goal

    @classmethod
    @checked_call
    def of(cls, image: Image, recipe: PlanRecipe) -> PlanInputs:
        """Return the inputs with everything looked up.

        Raises ParameterError for a name or value that does not exist, StorageError for a file that cannot be read, MessageError
        for a file that is not valid, PlanError if no device is left or the interval is longer than a session.
        """
        _check_interval(recipe)
        region = region_named(recipe.region) if isinstance(recipe.region, str) else recipe.region
        return cls(
            image=image,
            recipe=recipe,
            region=region,
            profile=_profile(recipe),
            fleet=_fleet(recipe, region),
            goal=recipe.goal,
        )


def _profile(recipe: PlanRecipe) -> DeviceProfile:
    if recipe.profile is None:
        return DeviceProfile()
    return recipe.profile if isinstance(recipe.profile, DeviceProfile) else load_profile(recipe.profile)


def _loss_and_burst(
    loss: float | FrameLossLaw | Sequence[float] | NDArray[np.float64] | None,
) -> tuple[float | NDArray[np.float64] | None, float]:
    """Return the loss, or the losses of the devices as float64 (devices,), and the mean length of a run of losses."""
    if isinstance(loss, FrameLossLaw):
        return rules.probability("loss", loss.loss), getattr(loss, "burst_frames", 1.0)
    if isinstance(loss, Sequence | np.ndarray) and not isinstance(loss, str | bytes):
        try:
            return np.asarray(loss, np.float64).reshape(-1), 1.0
        except (TypeError, ValueError):
            rules.refuse("loss", "a share, a law of loss, or a list of shares", loss)
    return None if loss is None else rules.probability("loss", loss), 1.0


def _fleet(recipe: PlanRecipe, region: Region) -> Fleet:
    loss, burst_frames = _loss_and_burst(recipe.loss)
    if isinstance(loss, np.ndarray):
        return _fleet_of_losses(recipe, loss)
    if isinstance(recipe.fleet, Fleet):
        if loss is not None:
            raise ParameterError("a Fleet and a loss were both given: the fleet has the loss of each of its devices")
        return recipe.fleet
    if isinstance(recipe.fleet, str | Path):
        if burst_frames != 1:
            raise ParameterError("a fleet file and losses in runs were both given: write burst_frames into the file")
        model = LinkModel.for_region(region, frequency_hz=recipe.frequency_hz)
        return open_fleet(recipe.fleet, region=region, model=model, device_class=recipe.device_class, default_loss=loss)
    devices = 1 if recipe.fleet is None else rules.integer("fleet", recipe.fleet, 1)
    return Fleet.uniform(devices, ASSUMED_LOSS if loss is None else loss, burst_frames)


def _fleet_of_losses(recipe: PlanRecipe, losses: NDArray[np.float64]) -> Fleet:
    if recipe.fleet is not None:
        raise ParameterError("a fleet and a list of losses were both given: the list is a fleet of one device for each")
    return Fleet(members=tuple(FleetMember(name=f"device {i}", loss=float(p)) for i, p in enumerate(losses, start=1)))


def _check_interval(recipe: PlanRecipe) -> None:
    server, most_ms = recipe.server, 1000 * recipe.server.max_session_s
    if recipe.interval_ms is not None and recipe.interval_ms > most_ms:
        why = f"a session of {server.name} lasts {server.max_session_s} s at most"
        rules.refuse("interval_ms", f"{most_ms} or less", recipe.interval_ms, nearest=most_ms, why=why, error=PlanError)
