"""What is asked of a plan, before anything is decided."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fuota.device import DeviceProfile, load_profile
from fuota.errors import ImageError, ParameterError, PlanError
from fuota.planning.fleet.fleet import Fleet, FleetMember
from fuota.planning.fleet.fleet_file import open_fleet
from fuota.planning.fleet.link_model import LinkModel
from fuota.planning.goal import Goal
from fuota.planning.server import SENRA, ServerProfile
from fuota.radio import Region
from fuota.radio import region as region_named
from fuota.text import printable

ASSUMED_LOSS = 0.1
"""Where nothing is known of the links. A guess, and the plan says so."""

_MOST_DELAY_S = 2**32 - 1
"""SessionTime of TS005 is GPS time in 32 bits, of seconds."""

Objective = Literal["time", "airtime", "energy"]


@runtime_checkable
class FrameLossLaw(Protocol):
    """A law of loss with a mean share of frames lost, such as fuota.Bernoulli; in runs, if it has `burst_frames`."""

    @property
    def loss(self) -> float:
        """The share of frames lost."""
        ...


@runtime_checkable
class HoldsData(Protocol):
    """An image that is open already."""

    @property
    def data(self) -> bytes:
        """The octets to send."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What is to be sent, as far as a plan needs to know. Raises ImageError for an empty one.

    Of a patch also the SHA-256 of its base, which devices must run, and of its target, which they run afterwards.
    """

    name: str
    size: int
    sha256: str
    base_sha256: str | None = None
    target_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ImageError(f"{printable(self.name)} is empty: there is nothing to send; an image has 1 byte or more")

    @classmethod
    def of(cls, source: bytes | str | Path | HoldsData, name: str | None = None) -> Image:
        """The image in memory, in a file, or open already. Raises ImageError where a file cannot be read."""
        if isinstance(source, str | Path):
            return cls.of(_read(Path(source)), name or Path(source).name)
        octets = bytes(source.data if isinstance(source, HoldsData) else source)
        return cls(
            name=name or str(getattr(source, "name", "image")),
            size=len(octets),
            sha256=hashlib.sha256(octets).hexdigest(),
            base_sha256=getattr(source, "base_sha256", None),
            target_sha256=getattr(source, "target_sha256", None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecipe:
    """What is asked of a plan. What is None is decided by the plan. Raises ParameterError for what contradicts itself.

    Where and how: `region`; `device_class`; `data_rate` (an index) and `frequency_hz`, by default those of RX2, in class B the
    hopping channels where the region has them; `repeater` where one may be used; `duty_cycle` (a share, 1 for none),
    `dwell_ms` (0 for none) and `max_eirp_dbm` in place of the region's.
    What: `frag_size` in octets or a `frag_size_multiple` of which it shall be one; `nb_coded` coded fragments or a
    `redundancy` as a share of the uncoded ones; else as many as `target` and `confidence` need (see Goal).
    For whom: `fleet`, how many devices, a Fleet, or a file of them; `loss`, the share of frames that each loses, a law of loss
    (with `burst_frames`, if it has runs), or a list with one share for each device; `profile` of the device, or its name or file.
    By whom: `server`. When: `interval_ms` between the starts of frames, `start_delay_s` before the first. Class B:
    `periodicity` of the ping slots, `mc_addr` and `start_gps_s`, which say where the slots are.
    `optimise`: take the data rate and the fragment size that need the least time, airtime or energy of a device.
    `name`: of the image, where it has none.
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
        if self.device_class not in ("B", "C"):
            raise ParameterError(
                f"device class {self.device_class!r} was given: a multicast session is of class B or C"
            )
        if self.nb_coded is not None and self.redundancy is not None:
            raise ParameterError("nb_coded and redundancy were both given: give one of them, or a target")
        if self.optimise is not None and not (self.nb_coded is None and self.redundancy is None):
            raise ParameterError(
                "optimise and a number of coded fragments were both given: optimise decides that number"
            )
        if self.optimise not in (None, "time", "airtime", "energy"):
            raise ParameterError(f"optimise {self.optimise!r} was given: it is 'time', 'airtime' or 'energy'")
        for name, least in (("nb_coded", 0), ("frag_size", 1), ("interval_ms", 1)):
            _check_range(name, getattr(self, name), least)
        _check_range("frag_size_multiple", self.frag_size_multiple, 1, 255)
        _check_range("start_delay_s", self.start_delay_s, 1, _MOST_DELAY_S)
        if self.redundancy is not None and not (self.redundancy >= 0 and math.isfinite(self.redundancy)):
            raise ParameterError(f"redundancy {self.redundancy} was given: it is a share, 0 or more; the nearest is 0")


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
    def of(cls, image: Image, recipe: PlanRecipe) -> PlanInputs:
        """Look everything up. Raises ParameterError, StorageError, MessageError and PlanError for what is not there or wrong."""
        _check_interval(recipe)
        region = region_named(recipe.region) if isinstance(recipe.region, str) else recipe.region
        given = recipe.profile
        profile = (
            given if isinstance(given, DeviceProfile) else DeviceProfile() if given is None else load_profile(given)
        )
        return cls(
            image=image,
            recipe=recipe,
            region=region,
            profile=profile,
            fleet=_fleet(recipe, region),
            goal=Goal(target=recipe.target, confidence=recipe.confidence),
        )


def _fleet(recipe: PlanRecipe, region: Region) -> Fleet:
    loss, burst_frames = recipe.loss, 1.0
    if isinstance(loss, FrameLossLaw):
        loss, burst_frames = loss.loss, getattr(loss, "burst_frames", 1.0)
    if isinstance(loss, Sequence | np.ndarray):
        return _listed(recipe, np.asarray(loss, np.float64).reshape(-1))
    if isinstance(recipe.fleet, Fleet):
        if loss is not None:
            raise ParameterError(
                "a Fleet and a loss were both given: the fleet says how well each of its devices hears"
            )
        return recipe.fleet
    if isinstance(recipe.fleet, str | Path):
        if burst_frames != 1:
            raise ParameterError("a fleet file and losses in runs were both given: say burst_frames in the file")
        model = LinkModel.for_region(region, frequency_hz=recipe.frequency_hz)
        return open_fleet(recipe.fleet, region=region, model=model, device_class=recipe.device_class, default_loss=loss)
    devices = 1 if recipe.fleet is None else recipe.fleet
    if isinstance(devices, bool) or devices < 1:
        raise ParameterError(f"a fleet of {devices} devices was given: it has 1 or more; the nearest is 1")
    return Fleet.uniform(devices, ASSUMED_LOSS if loss is None else loss, burst_frames)


def _listed(recipe: PlanRecipe, losses: NDArray[np.float64]) -> Fleet:
    if recipe.fleet is not None:
        raise ParameterError("a fleet and a list of losses were both given: the list is a fleet, of one device each")
    return Fleet(members=tuple(FleetMember(name=f"device {i}", loss=float(p)) for i, p in enumerate(losses, start=1)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from None


def _check_range(name: str, value: int | None, least: int, most: float = math.inf) -> None:
    if value is not None and (isinstance(value, bool) or not least <= value <= most):
        rule = f"{least} or more" if most == math.inf else f"{least} to {most}"
        nearest = most if not isinstance(value, bool) and value > most else least
        raise ParameterError(f"{name} {value} was given: it is {rule}; the nearest is {nearest}")


def _check_interval(recipe: PlanRecipe) -> None:
    server, most_ms = recipe.server, 1000 * recipe.server.max_session_s
    if recipe.interval_ms is not None and recipe.interval_ms > most_ms:
        raise PlanError(
            f"an interval of {recipe.interval_ms} ms was asked for: a session of {server.name} lasts {server.max_session_s} s at"
            f" most; the nearest is {most_ms} ms"
        )
