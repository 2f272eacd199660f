"""Simulation of a fleet: every device draws its own losses, and completes or not.

Nothing is approximated: a device is complete if the rows that it received have full rank.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.calls import checked_call, checked_init
from fuota.device import DeviceProfile
from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics.matrix import matrix_columns
from fuota.gf2 import Words, pack_bits, unpack_bits, words_for_bits
from fuota.parallel import run_in_parts
from fuota.planning import Fleet, TransmissionPlan
from fuota.radio import region
from fuota.sim import kernels
from fuota.sim.depth import decode_bytes
from fuota.sim.loss import AnyGateway, FleetLoss, Trace
from fuota.sim.verdict import Ending, SimulatedVerdict

BLOCK_DEVICES = 8_192
"""Number of devices that each thread simulates at a time: a few megabytes, whatever the size of the fleet."""
_LOSS, _UPLINK, _JOIN, _LEAVE, _, _PROFILE = range(6)
"""Purposes of the streams of random numbers; 4 is the shadowing in `loss`."""
_PURPOSES = 16
"""Distance between the streams of several gateways."""

_LONGEST_PERIOD_S = 2**31
_MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnUplinks:
    """Uplinks of the devices, during which they receive nothing. Each device begins at a random time.

    period_s: time between uplinks, 1 s or more. sending_ms: duration of an uplink, above 0 and shorter than the period.
    Raises ParameterError for values out of range.
    """

    period_s: int
    sending_ms: int

    def __post_init__(self) -> None:
        rules.integer("period_s", self.period_s, 1, _LONGEST_PERIOD_S)
        rules.integer("sending_ms", self.sending_ms, 1, 1000 * self.period_s - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Devices that join the session late or leave it early, at a random frame.

    late_share, early_share: shares of the devices, 0 to 1. Raises ParameterError for values out of range.
    """

    late_share: float = 0.0
    early_share: float = 0.0

    def __post_init__(self) -> None:
        rules.probability("late_share", self.late_share)
        rules.probability("early_share", self.early_share)


@checked_init
@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedAir:
    """A fleet and the frames that it receives. The same arguments give the same verdict, with any machine and number of threads.

    devices: number of devices, 1 or more. loss: law of their losses, such as Bernoulli(0.1). fleet: devices with the loss of each,
    instead of `devices` and `loss`. seed: seed of the random numbers, 0 to 2^63 - 1.
    profile: profile of all devices, None for a profile that takes any plan. mix: instead of `profile`, pairs of a weight above 0
    and a profile. uplinks: uplinks of the devices, None for none. absence: devices that join late or leave early.
    depth: "rank" decides by the rank of the rows received; "bytes" by the Python decoder on real payloads, thousands of times
    slower, with the same verdict; "native" by the decoder in C that devices run, which needs a C compiler once.
    Raises ParameterError for values out of range or in conflict.
    """

    devices: int | None = None
    loss: FleetLoss | None = None
    fleet: Fleet | None = None
    seed: int = 0
    profile: DeviceProfile | None = None
    mix: Sequence[tuple[float, DeviceProfile]] = ()
    depth: Literal["rank", "bytes", "native"] = "rank"
    uplinks: OwnUplinks | None = None
    absence: Absence = field(default_factory=Absence)

    def __post_init__(self) -> None:
        rules.one_of("depth", self.depth, ("rank", "bytes", "native"))
        rules.integer("seed", self.seed, 0, _MAX_SEED)
        if not isinstance(self.mix, Sequence):
            rules.refuse("mix", "pairs of a weight and a profile", self.mix)
        for weight, _ in self.mix:
            if not 0 < weight < math.inf:
                rules.refuse("each weight of the mix", "above 0, such as 0.5", weight)
        if self.fleet is not None:
            if self.devices is not None or self.loss is not None:
                raise ParameterError("a fleet and devices or a loss were both given: the fleet has both")
            return
        devices = rules.integer("devices", self.devices, 1)
        if self.loss is None:
            raise ParameterError("loss is missing: give a law of loss, such as Bernoulli(0.1), or a fleet")
        if not hasattr(self.loss, "device_losses"):
            rules.refuse("loss", "a law of loss, such as Bernoulli(0.1)", self.loss)
        if isinstance(self.loss, Trace):
            recorded = len(self.loss.received)
            if devices > recorded:
                rule = f"{recorded} or less, the devices of the trace"
                rules.refuse("devices", rule, devices, nearest=recorded)

    @checked_call
    def transmit(self, plan: TransmissionPlan, *, threads: int | None = None) -> SimulatedVerdict:
        """Return the verdict of sending the plan to the fleet.

        threads: number of threads, None for one for each processor. Raises ParameterError if the trace or the losses do not
        cover the plan.
        """
        rules.optional_integer("threads", threads, 1)
        session = _Session.of(self, plan)
        tally, lock, stopped = session.empty(), threading.Lock(), threading.Event()

        def work(first: int, last: int) -> None:
            nonlocal tally
            try:
                for part in session.parts(first, last):
                    with lock:
                        tally = tally + part
                    if stopped.is_set():
                        return
            except BaseException:  # Ctrl-C too: the other threads must stop
                stopped.set()
                raise

        run_in_parts(work, session.devices, threads=threads, cost_ns=10 * plan.frames)
        return tally


@dataclass(frozen=True, kw_only=True, eq=False)
class _Session:
    """A transmission that is simulated in blocks of devices.

    columns: words (nb_frag, words), the code. starts_us: int64 (frames,). loss, bursts: float64 (members,) for a fleet, else None.
    last: int64 (members,), number of devices up to each member. recipe: SHA-256 of everything that decides the outcome.
    """

    air: SimulatedAir
    plan: TransmissionPlan
    devices: int
    columns: Words
    starts_us: NDArray[np.int64]
    loss: NDArray[np.float64] | None
    bursts: NDArray[np.float64] | None
    last: NDArray[np.int64]
    recipe: str

    @classmethod
    def of(cls, air: SimulatedAir, plan: TransmissionPlan) -> _Session:
        if isinstance(air.loss, Trace) and air.loss.received.shape[1] < plan.frames:
            rules.refuse("frames of the trace", f"{plan.frames} or more, as in the plan", air.loss.received.shape[1])
        code = ParityCode(nb_frag=plan.nb_frag, version=plan.version, variant=plan.variant)
        loss, bursts = _fleet_losses(air, plan)
        return cls(
            air=air,
            plan=plan,
            devices=air.devices or 0 if air.fleet is None else air.fleet.devices,
            columns=matrix_columns(code, code.coded_numbers(plan.nb_coded)),
            starts_us=np.ascontiguousarray(plan.schedule["start_us"]),
            loss=loss,
            bursts=bursts,
            last=np.cumsum(air.fleet.counts if air.fleet is not None else [0]),
            recipe=_recipe(air, plan),
        )

    def parts(self, first: int, last: int) -> Iterator[SimulatedVerdict]:
        """Yield the verdicts of the devices `first` to `last` - 1, block by block."""
        for begin in range(first, last, BLOCK_DEVICES):
            yield self.part(begin, min(begin + BLOCK_DEVICES, last))

    def part(self, first: int, last: int) -> SimulatedVerdict:
        """Return the verdict of one block, added up over the profiles."""
        lost, indexes = self.lost(first, last), self._profile_indexes(first, last)
        total = self.empty()
        for i, profile in enumerate(self.profiles):
            rows = lost if len(self.profiles) == 1 else lost[indexes == i]
            if len(rows):
                total = total + self._of_profile(profile, rows)
        return total

    def _of_profile(self, profile: DeviceProfile, lost: Words) -> SimulatedVerdict:
        plan, devices = self.plan, len(lost)
        same_code = (profile.version, profile.variant) == (plan.version, plan.variant)
        same_descriptor = profile.descriptor is None or profile.descriptor == (plan.descriptor or bytes(4))
        if (
            not same_code
            or not same_descriptor
            or not profile.holds(nb_frag=plan.nb_frag, frag_size=plan.frag_size, padding=plan.padding)
        ):
            return self._verdict(devices, {Ending.REFUSED: devices}, *self._no_devices())
        work_us = 1000 * (profile.frag_write_ms + profile.row_work_ms)
        if not profile.second_buffer and work_us:
            kernels.miss_while_writing(work_us, self.starts_us, plan.time_on_air_us, lost)
        missing, complete_at = self._decoded(profile, lost)
        reported = self._reported_missing(profile, lost, missing)
        complete, gave_up = int((complete_at > 0).sum()), int((missing < 0).sum())
        return self._verdict(
            devices,
            {Ending.COMPLETE: complete, Ending.GAVE_UP: gave_up, Ending.INCOMPLETE: devices - complete - gave_up},
            np.bincount(complete_at[complete_at > 0], minlength=plan.frames + 1),
            np.bincount(reported[reported > 0], minlength=1),
        )

    def _reported_missing(self, profile: DeviceProfile, lost: Words, missing: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return MissingFrag of each device, int64 (devices,), as its profile reports it; for a device that gave up, its losses."""
        gave_up = missing < 0
        if profile.missing_report == "rank" and not gave_up.any():
            return missing.astype(np.int64)
        losses = unpack_bits(lost, self.plan.frames)[:, : self.plan.nb_frag].sum(axis=1, dtype=np.int64)
        if profile.missing_report == "lost":
            return np.asarray(np.maximum(losses, missing))
        lacking = np.where(gave_up, losses, missing)
        return np.asarray(np.where(losses == 0, 1, lacking) if profile.missing_report == "one" else lacking)

    def _decoded(self, profile: DeviceProfile, lost: Words) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the rank that each device lacks, and the fragment that completed it, see kernels.decode_fleet."""
        plan, most = self.plan, profile.max_repairable()
        most = plan.nb_frag if most is None else min(most, plan.nb_frag)
        if self.air.depth != "rank":
            return decode_bytes(plan, lost, most, native=self.air.depth == "native")
        missing, complete_at = (np.empty(len(lost), dtype=np.int32) for _ in range(2))
        kernels.decode_fleet(self.columns, plan.nb_coded, lost, most, missing, complete_at)
        return missing, complete_at

    def _profile_indexes(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the index of each device's profile, int64 (devices,)."""
        bounds = np.cumsum([weight for weight, _ in self.air.mix] or [1.0])
        return np.searchsorted(bounds / bounds[-1], self._uniform(first, last - first, _PROFILE)[:, 0])

    @property
    def profiles(self) -> list[DeviceProfile]:
        """Profiles of the mix, or the single profile."""
        anything = DeviceProfile(version=self.plan.version, variant=self.plan.variant, descriptor=self.plan.descriptor)
        return [profile for _, profile in self.air.mix] or [self.air.profile or anything]

    def lost(self, first: int, last: int) -> Words:
        """Return the frames that each device of a block loses, words (devices, words)."""
        air, plan, count = self.air, self.plan, last - first
        lost = self._missed_on_air(first, count)
        if air.absence.late_share or air.absence.early_share:
            kernels.miss_outside(*self._presence(first, count), plan.frames, lost)
        if air.uplinks is not None:
            phase_us = self._uniform(first, count, _UPLINK)[:, 0] * 1e6 * air.uplinks.period_s
            kernels.miss_while_sending(
                phase_us,
                1_000_000 * air.uplinks.period_s,
                1000 * air.uplinks.sending_ms,
                self.starts_us,
                plan.time_on_air_us,
                lost,
            )
        return lost

    def _missed_on_air(self, first: int, count: int) -> Words:
        loss, frames = self.air.loss, self.plan.frames
        lost = np.zeros((count, words_for_bits(frames)), dtype=np.uint64)
        if isinstance(loss, Trace):
            return pack_bits(~loss.received[first : first + count, :frames])
        laws = loss.laws if isinstance(loss, AnyGateway) else (loss,)
        for i, law in enumerate(laws):
            law_lost = np.empty_like(lost)
            seed, purpose = np.uint64(self.air.seed), _LOSS + _PURPOSES * i
            kernels.draw_losses(seed, first, purpose, *self._device_losses(law, first, count), law_lost)
            lost = law_lost if i == 0 else lost & law_lost
        return lost

    def empty(self) -> SimulatedVerdict:
        """Return the verdict of no device."""
        return self._verdict(0, {}, *self._no_devices())

    def _no_devices(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return np.zeros(self.plan.frames + 1, dtype=np.int64), np.zeros(1, dtype=np.int64)

    def _verdict(
        self, devices: int, counts: dict[Ending, int], completed_at: NDArray[np.int64], missing: NDArray[np.int64]
    ) -> SimulatedVerdict:
        return SimulatedVerdict(
            recipe=self.recipe,
            devices=devices,
            counts={ending: counts.get(ending, 0) for ending in Ending},
            completed_at=completed_at,
            missing=missing,
            starts_ms=self.starts_us // 1000,
            airtime_us=self.plan.airtime_us,
            energy_uj=self.plan.energy_uj,
        )

    def _device_losses(
        self, law: FleetLoss | None, first: int, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.loss is not None and self.bursts is not None:
            member = np.searchsorted(self.last, np.arange(first, first + count), side="right")
            return self.loss[member], self.bursts[member]
        assert law is not None  # noqa: S101 - an air has a fleet or a law
        return law.device_losses(first, count)

    def _presence(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first frame of each device's presence, and the first frame after it, int64 (devices,) each."""
        frames, absence = self.plan.frames, self.air.absence
        late, early = (self._uniform(first, count, purpose) for purpose in (_JOIN, _LEAVE))
        begin = np.where(late[:, 0] <= absence.late_share, late[:, 1] * frames, 0).astype(np.int64)
        end = np.where(early[:, 0] <= absence.early_share, early[:, 1] * frames, frames).astype(np.int64)
        return begin, np.maximum(begin, end)

    def _uniform(self, first: int, count: int, purpose: int) -> NDArray[np.float64]:
        numbers = np.empty((count, 2))
        kernels.uniforms(np.uint64(self.air.seed), first, purpose, numbers)
        return numbers


def _fleet_losses(
    air: SimulatedAir, plan: TransmissionPlan
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return the loss and the mean run of losses of each member of the fleet, float64 (members,); None without a fleet.

    A run is at least as long as the loss makes it.
    """
    if air.fleet is None:
        return None, None
    rate = region(plan.region).data_rate(plan.data_rate)
    loss, bursts = air.fleet.losses(rate), air.fleet.bursts
    shortest = np.where(loss < 1, loss / np.maximum(1 - loss, 1e-12) * (1 + 1e-9), 1)
    return loss, np.where(bursts > 1, np.maximum(bursts, shortest), 0.0)


def _recipe(air: SimulatedAir, plan: TransmissionPlan) -> str:
    """Return the SHA-256 of everything that decides the outcome."""
    parts = {
        "plan": plan.to_json(),
        "devices": air.devices,
        "loss": repr(air.loss),
        "fleet": None if air.fleet is None else [asdict(member) for member in air.fleet.members],
        "seed": air.seed,
        "profiles": repr(tuple(air.mix) or air.profile),
        "uplinks": repr(air.uplinks),
        "absence": repr(air.absence),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()
