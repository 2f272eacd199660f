"""Candidate of a plan: a link, a layout and a number of coded fragments, with its cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fuota.planning.link import FragmentLayout, Link
from fuota.planning.recipe import Objective
from fuota.planning.timing import Pace, duration_us, longest_interval_us, session_timeout
from fuota.radio.class_b import BEACON_PERIOD_US, SLOT_US, ping_nb


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A way to send the image. It may or may not reach the goal."""

    link: Link
    layout: FragmentLayout
    nb_coded: int

    @property
    def frames(self) -> int:
        """Number of frames: uncoded and coded fragments."""
        return self.layout.nb_frag + self.nb_coded

    @property
    def airtime_us(self) -> int:
        """Time on air of all frames."""
        return self.frames * self.layout.time_on_air_us

    @cached_property
    def duration_us(self) -> int:
        """Time from the start of the session to the end of the last frame."""
        return duration_us(self.frames, self.layout.pace, self.layout.time_on_air_us, self.link.slots)

    @cached_property
    def longest_us(self) -> int:
        """Duration if the server counts its pause as a gap between frames, and in class B takes the first slot after the gap."""
        on_air_us, server = self.layout.time_on_air_us, self.link.inputs.recipe.server
        interval_us = longest_interval_us(self.layout.pace, on_air_us, server)
        slowest = Pace(interval_us=interval_us, reason="", spacing_us=interval_us, frames_per_hour=None)
        return max(self.duration_us, duration_us(self.frames, slowest, on_air_us, self.link.slots))

    @cached_property
    def energy_uj(self) -> int:
        """Energy in microjoules of one device that stays to the end of the session and writes every uncoded fragment once."""
        profile, slots = self.link.inputs.profile, self.link.slots
        flash_us = 1000 * profile.frag_write_ms * self.layout.nb_frag
        if slots is None:
            return profile.energy.class_c_uj(listening_us=self.duration_us, flash_us=flash_us)
        beacons = -(-self.duration_us // BEACON_PERIOD_US)
        awake_us = profile.energy.class_b_awake_us(
            beacons=beacons,
            beacon_us=self.link.inputs.region.beacon.airtime_us,
            empty_slots=beacons * ping_nb(slots.periodicity) - self.frames,
            slot_us=SLOT_US,
            frames_us=self.airtime_us,
        )
        return profile.energy.class_b_uj(session_us=self.duration_us, awake_us=awake_us, flash_us=flash_us)

    @property
    def session_timeout(self) -> int | None:
        """TimeOut of TS005, or None if the longest session is too short."""
        recipe = self.link.inputs.recipe
        if self.duration_us > 1_000_000 * recipe.server.max_session_s:
            return None
        longest = session_timeout(self.longest_us, recipe.device_class)
        return session_timeout(self.duration_us, recipe.device_class) if longest is None else longest

    def cost(self, objective: Objective) -> int:
        """Return the value that the objective makes small, in microseconds or microjoules."""
        return {"time": self.duration_us, "airtime": self.airtime_us, "energy": self.energy_uj}[objective]
