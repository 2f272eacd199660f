"""Who is out there, and how well each hears."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fuota.errors import ParameterError, PlanError
from fuota.planning.fleet.link_model import LinkModel
from fuota.radio import DataRate

_MOST_DEVICES = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMember:
    """One device, or several that are alike (`name`: a DevEUI, or the name of the group).

    How well it hears is either `loss`, the share of downlink frames lost at every data rate, or `cn0_dbhz`, the C/N0 of its
    downlink in dB-Hz, which a LinkModel turns into a loss at each data rate. `burst_frames`: the mean length of a run of
    losses, 1 where frames are lost independently. `lat`, `lng` in degrees, None where unknown.
    Raises ParameterError for a value outside its rule.
    """

    name: str
    devices: int = 1
    loss: float | None = None
    cn0_dbhz: float | None = None
    burst_frames: float = 1.0
    lat: float | None = None
    lng: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.devices <= _MOST_DEVICES:
            nearest = min(max(self.devices, 1), _MOST_DEVICES)
            raise ParameterError(
                f"{self._its('devices', self.devices)}: it is 1 to {_MOST_DEVICES}; the nearest is {nearest}"
            )
        if (self.loss is None) == (self.cn0_dbhz is None):
            given = "neither was" if self.loss is None else "both were"
            raise ParameterError(f"{self.name} needs a loss or a cn0_dbhz, one of them: {given} given")
        if self.loss is not None and not 0 <= self.loss <= 1:
            raise ParameterError(f"{self._its('loss', self.loss)}: it is a share, 0 to 1{_nearest(self.loss)}")
        if self.cn0_dbhz is not None and not math.isfinite(self.cn0_dbhz):
            raise ParameterError(f"{self._its('cn0_dbhz', self.cn0_dbhz)}: it is a finite number of dB-Hz")
        if self.burst_frames != 1:
            self._check_bursts()

    def _check_bursts(self) -> None:
        if not 1 <= self.burst_frames < math.inf:
            raise ParameterError(f"{self._its('burst_frames', self.burst_frames)}: it is 1 or more; the nearest is 1")
        longest = self.burst_frames / (self.burst_frames + 1)
        if self.loss is not None and self.loss > longest:
            raise ParameterError(
                f"{self._its('loss', self.loss)} with bursts of {self.burst_frames} frames: runs of received frames would be"
                f" shorter than one; the nearest is {longest:.3f}"
            )

    def _its(self, what: str, value: float) -> str:
        return f"{what} {value} of {self.name} was given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A device that is not in the fleet, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The devices that a plan is made for, those that were left out, and the model of their links.

    Arrays have one entry for each member, in order. Raises PlanError for a fleet without members, ParameterError for two
    members of one name.
    """

    members: tuple[FleetMember, ...]
    excluded: tuple[Excluded, ...] = ()
    model: LinkModel = field(default_factory=LinkModel)
    counts: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    """How many devices each member stands for."""
    bursts: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    """The mean length of a run of losses of each member, in frames."""
    _given: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _cn0: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.members:
            raise PlanError(f"no device is left to plan for: {_why_none(self.excluded)}")
        names = Counter(member.name for member in self.members)
        if len(names) < len(self.members):
            name, times = names.most_common(1)[0]
            raise ParameterError(f"{times} members are called {name}: each has a name of its own")
        self._keep("counts", np.array([member.devices for member in self.members], np.int64))
        self._keep("bursts", np.array([member.burst_frames for member in self.members], np.float64))
        self._keep("_given", np.array([member.loss for member in self.members], np.float64))  # None becomes nan
        self._keep("_cn0", np.array([member.cn0_dbhz for member in self.members], np.float64))

    @classmethod
    def uniform(cls, devices: int, loss: float, burst_frames: float = 1.0) -> Fleet:
        """So many devices that all lose the same share of frames."""
        return cls(members=(FleetMember(name="fleet", devices=devices, loss=loss, burst_frames=burst_frames),))

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return int(self.counts.sum())

    @property
    def depends_on_data_rate(self) -> bool:
        """Whether some member hears better at one data rate than at another."""
        return bool(np.isnan(self._given).any())

    def losses(self, rate: DataRate, *, gateway_eirp_dbm: float | None = None) -> NDArray[np.float64]:
        """The share of downlink frames that each member loses at a data rate.

        `gateway_eirp_dbm`: the power sent with, where it is not the model's. A loss that was given holds whatever it is.
        Raises ParameterError for LR-FHSS, where a link and no loss was given.
        """
        if not self.depends_on_data_rate:
            return self._given.copy()
        more_db = 0 if gateway_eirp_dbm is None else gateway_eirp_dbm - self.model.gateway_eirp_dbm
        return np.where(np.isnan(self._given), self.model.frame_loss(self._cn0 + more_db, rate), self._given)

    def _keep(self, name: str, array: NDArray[np.generic]) -> None:
        array.flags.writeable = False
        object.__setattr__(self, name, array)


def _nearest(share: float) -> str:
    return "" if math.isnan(share) else f"; the nearest is {1 if share > 1 else 0}"


def _why_none(excluded: tuple[Excluded, ...]) -> str:
    if not excluded:
        return "the fleet has no members"
    reasons = Counter(one.reason for one in excluded).most_common()
    told = "; ".join(f"{count}: {reason}" for reason, count in reasons[:3])
    more = f"; and {len(reasons) - 3} more reasons" if len(reasons) > 3 else ""
    return f"{len(excluded)} were left out ({told}{more})"
