"""The devices of a plan, and how well each receives."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.errors import ParameterError, PlanError
from fuota.planning.fleet.link_model import LinkModel
from fuota.planning.plan_json import exact_object, text
from fuota.radio import DataRate

_MOST_DEVICES = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMember:
    """A device, or several devices that receive alike. Raises ParameterError for a value out of range.

    name: DevEUI, or name of the group. devices: number of devices.
    loss: share of downlink frames lost at every data rate. cn0_dbhz: C/N0 of the downlink in dB-Hz, which a LinkModel turns into a
    loss at each data rate. Exactly one of `loss` and `cn0_dbhz` is given.
    burst_frames: mean length of a run of losses in frames, 1 if frames are lost independently.
    lat, lng: degrees, None if unknown.
    """

    name: str
    devices: int = 1
    loss: float | None = None
    cn0_dbhz: float | None = None
    burst_frames: float = 1.0
    lat: float | None = None
    lng: float | None = None

    def __post_init__(self) -> None:
        rules.integer(f"devices of {self.name}", self.devices, 1, _MOST_DEVICES)
        if (self.loss is None) == (self.cn0_dbhz is None):
            number = "neither" if self.loss is None else "both"
            raise ParameterError(f"{self.name} must have either a loss or a cn0_dbhz, got {number}")
        if self.loss is not None:
            rules.probability(f"loss of {self.name}", self.loss)
        if self.cn0_dbhz is not None and not math.isfinite(self.cn0_dbhz):
            rules.refuse(f"cn0_dbhz of {self.name}", "a finite number of dB-Hz", self.cn0_dbhz)
        if self.burst_frames != 1:
            self._check_bursts()

    def _check_bursts(self) -> None:
        if math.isinf(rules.real(f"burst_frames of {self.name}", self.burst_frames, 1)):
            rules.refuse(f"burst_frames of {self.name}", "a finite number of frames", self.burst_frames)
        longest = self.burst_frames / (self.burst_frames + 1)
        if self.loss is not None and self.loss > longest:
            rules.refuse(
                f"loss of {self.name}",
                f"{longest:.3f} or less with bursts of {self.burst_frames} frames",
                self.loss,
                nearest=f"{longest:.3f}",
                why="a run of received frames has 1 frame or more",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A device that is not in the fleet, and the reason."""

    name: str
    reason: str

    @classmethod
    def from_json(cls, values: object) -> Excluded:
        """Return the excluded device of a plan file. Raises ParameterError for an object that is not one."""
        parts = exact_object(cls, values, "an excluded device")
        return cls(name=text("name", parts["name"]), reason=text("reason", parts["reason"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The devices that a plan is made for, the devices that were left out, and the model of their links.

    Arrays have one entry for each member, in order. Raises PlanError for a fleet without members, ParameterError if two members
    have the same name.
    """

    members: tuple[FleetMember, ...]
    excluded: tuple[Excluded, ...] = ()
    model: LinkModel = field(default_factory=LinkModel)
    counts: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    """Number of devices of each member."""
    bursts: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    """Mean length of a run of losses of each member, in frames."""
    _losses: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _cn0: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.members:
            raise PlanError(f"no device is left to plan for: {_why_empty(self.excluded)}")
        names = Counter(member.name for member in self.members)
        if len(names) < len(self.members):
            name, times = names.most_common(1)[0]
            raise ParameterError(f"members must have different names, got {name} {times} times")
        self._keep("counts", np.array([member.devices for member in self.members], np.int64))
        self._keep("bursts", np.array([member.burst_frames for member in self.members], np.float64))
        self._keep("_losses", np.array([member.loss for member in self.members], np.float64))  # None becomes nan
        self._keep("_cn0", np.array([member.cn0_dbhz for member in self.members], np.float64))

    @classmethod
    def uniform(cls, devices: int, loss: float, burst_frames: float = 1.0) -> Fleet:
        """Return a fleet of `devices` devices that all lose the same share of frames."""
        return cls(members=(FleetMember(name="fleet", devices=devices, loss=loss, burst_frames=burst_frames),))

    @property
    def devices(self) -> int:
        """Number of devices."""
        return int(self.counts.sum())

    @property
    def depends_on_data_rate(self) -> bool:
        """Whether the loss of any member depends on the data rate."""
        return bool(np.isnan(self._losses).any())

    def losses(self, rate: DataRate, *, gateway_eirp_dbm: float | None = None) -> NDArray[np.float64]:
        """Return the share of downlink frames that each member loses at a data rate, float64 (members,).

        gateway_eirp_dbm: power of the gateway, if it differs from the model's. The loss given for a member holds at any power.
        Raises ParameterError for LR-FHSS if a member has a C/N0.
        """
        if not self.depends_on_data_rate:
            return self._losses.copy()
        more_db = 0 if gateway_eirp_dbm is None else gateway_eirp_dbm - self.model.gateway_eirp_dbm
        return np.where(np.isnan(self._losses), self.model.frame_loss(self._cn0 + more_db, rate), self._losses)

    def _keep(self, name: str, array: NDArray[np.generic]) -> None:
        array.flags.writeable = False
        object.__setattr__(self, name, array)


def _why_empty(excluded: tuple[Excluded, ...]) -> str:
    if not excluded:
        return "the fleet has no members"
    reasons = Counter(device.reason for device in excluded).most_common()
    shown = "; ".join(f"{count}: {reason}" for reason, count in reasons[:3])
    more = f"; and {len(reasons) - 3} more reasons" if len(reasons) > 3 else ""
    return f"{len(excluded)} were left out ({shown}{more})"
