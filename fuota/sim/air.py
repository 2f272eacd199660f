"""A fleet in an air made of random numbers: every device draws its own losses, and ends with the image or does not.

Nothing is approximated: a device is complete when the rank of the rows that it really received says so.
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

from fuota.device import DeviceProfile
from fuota.errors import ParameterError
from fuota.fragmentation.parity import ParityCode
from fuota.fragmentation.statistics.matrix import matrix_columns
from fuota.gf2 import Words, pack_bits, unpack_bits, words_for_bits
from fuota.parallel import run_in_parts
from fuota.planning import Fleet, TransmissionPlan
from fuota.radio import region
from fuota.rules import optional_integer
from fuota.sim import kernels
from fuota.sim.depth import decode_bytes
from fuota.sim.loss import AnyGateway, FleetLoss, Trace
from fuota.sim.verdict import Ending, SimulatedVerdict

BLOCK_DEVICES = 8_192
"""Simulated at a time by each thread: a few megabytes, whatever the size of the fleet."""
_LOSS, _UPLINK, _JOIN, _LEAVE, _, _PROFILE = range(6)
"""What streams of random numbers are for; 4 is the shadowing of `loss`."""
_PURPOSES = 16
"""So far apart are the streams of several gateways."""


_LONGEST_PERIOD_S = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnUplinks:
    """Devices send for `sending_ms` each `period_s`, each from a moment of its own on, and hear nothing meanwhile."""

    period_s: int
    sending_ms: int

    def __post_init__(self) -> None:
        if not 0 < self.sending_ms < 1000 * self.period_s or self.period_s > _LONGEST_PERIOD_S:
            raise ParameterError(
                f"sending_ms {self.sending_ms} each {self.period_s} s was given: it is more than 0 ms and less than the"
                f" period, and that at most {_LONGEST_PERIOD_S} s"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A share of the devices joins the session late, and a share leaves it early, at any frame alike."""

    late_share: float = 0.0
    early_share: float = 0.0

    def __post_init__(self) -> None:
        for name, share in (("late_share", self.late_share), ("early_share", self.early_share)):
            if not 0 <= share <= 1:
                raise ParameterError(f"{name} {share} was given: it is a share, 0 to 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedAir:
    """A fleet and what it hears. Same arguments, same verdict, whatever machine and however many threads.

    `devices` devices that lose frames by the law `loss`; or the devices of a `fleet`, which says how well each hears.
    `profile` of all of them (None: one that takes any plan), or a `mix`, pairs of a weight and a profile; `uplinks` of their own
    and `absence` from the session.
    `depth`: "rank" decides by the rank of the rows received, "bytes" by the Python decoder on real payloads, thousands of times
    slower, with the same verdict; "native" by the decoder in C that devices run (needs a C compiler, once). Raises ParameterError.
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
        if self.fleet is not None and (self.devices is not None or self.loss is not None):
            raise ParameterError("a fleet and devices or a loss were both given: the fleet says both")
        if self.fleet is None and (self.devices is None or isinstance(self.devices, bool) or self.devices < 1):
            raise ParameterError(f"{self.devices} devices were given: there is 1 or more; the nearest is 1")
        if self.depth not in ("rank", "bytes", "native"):
            raise ParameterError(f"depth {self.depth!r} was given: it is 'rank', 'bytes' or 'native'")
        if any(not 0 < weight < math.inf for weight, _ in self.mix):
            raise ParameterError(
                "a mix with a weight that is not above 0 was given: each profile has a weight, such as 0.5"
            )
        if isinstance(self.loss, Trace) and self.devices is not None and self.devices > len(self.loss.received):
            raise ParameterError(
                f"{self.devices} devices were given: the trace has {len(self.loss.received)}; the nearest is that"
            )
        if not 0 <= self.seed < 2**63:
            raise ParameterError(f"seed {self.seed} was given: it is 0 to 2^63 - 1")
        if self.fleet is None and self.loss is None:
            raise ParameterError("no loss was given: say how frames are lost, such as Bernoulli(0.1), or give a fleet")

    def transmit(self, plan: TransmissionPlan, *, threads: int | None = None) -> SimulatedVerdict:
        """Send the plan, and see what each device ends with. `threads`: None for as many as there are processors."""
        optional_integer("threads", threads, 1)
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
            except BaseException:  # Ctrl-C too: the other threads shall not go on to their end
                stopped.set()
                raise

        run_in_parts(work, session.devices, threads=threads, cost_ns=10 * plan.frames)
        return tally


@dataclass(frozen=True, kw_only=True, eq=False)
class _Session:
    """One transmission, ready to be worked off in blocks."""

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
            raise ParameterError(
                f"a trace of {air.loss.received.shape[1]} frames was given: the plan has {plan.frames}; as many are needed"
            )
        code = ParityCode(nb_frag=plan.nb_frag, version=plan.version, variant=plan.variant)
        loss, bursts = _of_fleet(air, plan)
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
        """The verdicts of the devices `first` to `last` - 1, block by block."""
        for begin in range(first, last, BLOCK_DEVICES):
            yield self.part(begin, min(begin + BLOCK_DEVICES, last))

    def part(self, first: int, last: int) -> SimulatedVerdict:
        """The verdict of one block, profile by profile."""
        lost, which = self.lost(first, last), self._which(first, last)
        total = self.empty()
        for i, profile in enumerate(self.profiles):
            rows = lost if len(self.profiles) == 1 else lost[which == i]
            if len(rows):
                total = total + self._of_profile(profile, rows)
        return total

    def _of_profile(self, profile: DeviceProfile, lost: Words) -> SimulatedVerdict:
        plan, devices = self.plan, len(lost)
        speaks = (profile.version, profile.variant) == (plan.version, plan.variant)
        knows = profile.descriptor is None or profile.descriptor == (plan.descriptor or bytes(4))
        if (
            not speaks
            or not knows
            or not profile.holds(nb_frag=plan.nb_frag, frag_size=plan.frag_size, padding=plan.padding)
        ):
            return self._verdict(devices, {Ending.REFUSED: devices}, *self._nobody())
        work_us = 1000 * (profile.frag_write_ms + profile.row_work_ms)
        if not profile.second_buffer and work_us:
            kernels.miss_while_writing(work_us, self.starts_us, plan.time_on_air_us, lost)
        missing, complete_at = self._decoded(profile, lost)
        reported = self._reported(profile, lost, missing)
        complete, gave_up = int((complete_at > 0).sum()), int((missing < 0).sum())
        return self._verdict(
            devices,
            {Ending.COMPLETE: complete, Ending.GAVE_UP: gave_up, Ending.INCOMPLETE: devices - complete - gave_up},
            np.bincount(complete_at[complete_at > 0], minlength=plan.frames + 1),
            np.bincount(reported[reported > 0], minlength=1),
        )

    def _reported(self, profile: DeviceProfile, lost: Words, missing: NDArray[np.int32]) -> NDArray[np.int64]:
        """MissingFrag of each device, as its profile has it; of one that gave up, the fragments that it lost."""
        gave_up = missing < 0
        if profile.missing_report == "rank" and not gave_up.any():
            return missing.astype(np.int64)
        gone = unpack_bits(lost, self.plan.frames)[:, : self.plan.nb_frag].sum(axis=1, dtype=np.int64)
        if profile.missing_report == "lost":
            return np.asarray(np.maximum(gone, missing))
        found = np.where(gave_up, gone, missing)
        return np.asarray(np.where(gone == 0, 1, found) if profile.missing_report == "one" else found)

    def _decoded(self, profile: DeviceProfile, lost: Words) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """What each device lacks, and with which fragment it was complete."""
        plan, most = self.plan, profile.max_repairable()
        most = plan.nb_frag if most is None else min(most, plan.nb_frag)
        if self.air.depth != "rank":
            return decode_bytes(plan, lost, most, native=self.air.depth == "native")
        missing, complete_at = (np.empty(len(lost), dtype=np.int32) for _ in range(2))
        kernels.decode_fleet(self.columns, plan.nb_coded, lost, most, missing, complete_at)
        return missing, complete_at

    def _which(self, first: int, last: int) -> NDArray[np.int64]:
        """The profile of each device, by its number."""
        bounds = np.cumsum([weight for weight, _ in self.air.mix] or [1.0])
        return np.searchsorted(bounds / bounds[-1], self._uniform(first, last - first, _PROFILE)[:, 0])

    @property
    def profiles(self) -> list[DeviceProfile]:
        """Those of the mix, or the one."""
        anything = DeviceProfile(version=self.plan.version, variant=self.plan.variant, descriptor=self.plan.descriptor)
        return [profile for _, profile in self.air.mix] or [self.air.profile or anything]

    def lost(self, first: int, last: int) -> Words:
        """words (devices, words): what each device of a block does not hear."""
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
            drawn = np.empty_like(lost)
            seed, purpose = np.uint64(self.air.seed), _LOSS + _PURPOSES * i
            kernels.draw_losses(seed, first, purpose, *self._channels(law, first, count), drawn)
            lost = drawn if i == 0 else lost & drawn
        return lost

    def empty(self) -> SimulatedVerdict:
        """Of no device."""
        return self._verdict(0, {}, *self._nobody())

    def _nobody(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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

    def _channels(
        self, law: FleetLoss | None, first: int, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.loss is not None and self.bursts is not None:
            member = np.searchsorted(self.last, np.arange(first, first + count), side="right")
            return self.loss[member], self.bursts[member]
        assert law is not None  # noqa: S101 - an air has a fleet or a law
        return law.device_losses(first, count)

    def _presence(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first frame that each device is there for, and the first that it is not there for any more."""
        frames, absence = self.plan.frames, self.air.absence
        late, early = (self._uniform(first, count, purpose) for purpose in (_JOIN, _LEAVE))
        begin = np.where(late[:, 0] <= absence.late_share, late[:, 1] * frames, 0).astype(np.int64)
        end = np.where(early[:, 0] <= absence.early_share, early[:, 1] * frames, frames).astype(np.int64)
        return begin, np.maximum(begin, end)

    def _uniform(self, first: int, count: int, purpose: int) -> NDArray[np.float64]:
        numbers = np.empty((count, 2))
        kernels.uniforms(np.uint64(self.air.seed), first, purpose, numbers)
        return numbers


def _of_fleet(
    air: SimulatedAir, plan: TransmissionPlan
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """The loss and the mean run of losses of each member of a fleet; a run is at least as long as so much loss makes it."""
    if air.fleet is None:
        return None, None
    rate = region(plan.region).data_rate(plan.data_rate)
    loss, bursts = air.fleet.losses(rate), air.fleet.bursts
    shortest = np.where(loss < 1, loss / np.maximum(1 - loss, 1e-12) * (1 + 1e-9), 1)
    return loss, np.where(bursts > 1, np.maximum(bursts, shortest), 0.0)


def _recipe(air: SimulatedAir, plan: TransmissionPlan) -> str:
    """SHA-256 of what decides the outcome."""
    told = {
        "plan": plan.to_json(),
        "devices": air.devices,
        "loss": repr(air.loss),
        "fleet": None if air.fleet is None else [asdict(member) for member in air.fleet.members],
        "seed": air.seed,
        "profiles": repr(tuple(air.mix) or air.profile),
        "uplinks": repr(air.uplinks),
        "absence": repr(air.absence),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=repr).encode()).hexdigest()
