"""Link of a plan: a data rate on a channel, and the fragment sizes that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm

from fuota import rules
from fuota.errors import PlanError
from fuota.fragmentation import MAX_FRAGMENT_NUMBER
from fuota.planning.completion import CompletionModel, LossClasses
from fuota.planning.recipe import PlanInputs
from fuota.planning.schedule import LAST_BEACON_S, PingSlots
from fuota.planning.timing import Pace, pace_of, shared_beacon_us
from fuota.radio import (
    DataRate,
    RadioLimits,
    check_frag_size,
    fragment_phy_bytes,
    largest_frag_size,
    radio_limits,
    time_on_air_us,
)
from fuota.radio.class_b import BEACON_PERIOD_S, MAX_PERIODICITY
from fuota.radio.frequencies import megahertz_text

_SHOWN_CHANNELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentLayout:
    """An image cut into fragments of one size, and how they follow each other on air.

    frag_size, padding: bytes. nb_frag: number of uncoded fragments. time_on_air_us: of one frame.
    """

    frag_size: int
    nb_frag: int
    padding: int
    time_on_air_us: int
    pace: Pace


@dataclass(frozen=True, kw_only=True, eq=False)
class Link:
    """A data rate on a channel, with what the regulator, the device and the server allow there.

    frequency_hz: one frequency, or the frequencies that the ping slots hop over. channel: number of the frequency at the server,
    None for the server's default. slots: ping slots in class B. beacon_us: time on air of a beacon in the same sub-band, or 0.
    """

    inputs: PlanInputs
    rate: DataRate
    frequency_hz: tuple[int, ...]
    channel: int | None
    limits: RadioLimits
    slots: PingSlots | None
    beacon_us: int

    @cached_property
    def model(self) -> CompletionModel:
        """Probability that the devices of the fleet complete on this link."""
        eirp_dbm, most_dbm = self.inputs.fleet.model.gateway_eirp_dbm, self.limits.max_eirp_dbm
        if self.inputs.fleet.depends_on_data_rate and eirp_dbm > most_dbm:
            rules.refuse(
                "gateway_eirp_dbm of the fleet's link model",
                f"{most_dbm:g} or less at {self.frequency_hz[0] / 1e6:g} MHz in {self.inputs.region.name}",
                eirp_dbm,
                nearest=f"{most_dbm:g}",
                error=PlanError,
            )
        return CompletionModel(classes=LossClasses.of(self.inputs.fleet, self.rate), profile=self.inputs.profile)

    @property
    def multiple(self) -> int:
        """Number of bytes that every fragment size is a multiple of."""
        return lcm(self.inputs.recipe.frag_size_multiple or 1, self.inputs.profile.frag_size_multiple)

    @property
    def most_redundant(self) -> float:
        """Largest share of coded fragments that the server takes."""
        return self.inputs.recipe.server.max_redundancy

    def most_coded(self, nb_frag: int) -> int:
        """Return the largest number of coded fragments that the server and N (14 bits, TS004) allow."""
        return int(min(self.most_redundant * nb_frag, MAX_FRAGMENT_NUMBER - nb_frag))

    def largest(self) -> int:
        """Return the largest fragment size that the frame, the device and the server take. Raises PlanError if there is none."""
        cap = min(self.inputs.profile.max_frag_size, self.inputs.recipe.server.max_frag_size)
        return largest_frag_size(
            self.inputs.region,
            self.rate.index,
            cap,
            self.multiple,
            repeater=self.inputs.recipe.repeater,
            limits=self.limits,
        )

    def layout(self, frag_size: int) -> FragmentLayout:
        """Return the image in fragments of `frag_size` bytes.

        Raises PlanError if the fragments do not fit the frame, the device, the server or the duty cycle.
        """
        self._check_size(frag_size)
        nb_frag = -(-self.inputs.image.size // frag_size)
        self._check_device(nb_frag, frag_size)
        on_air_us = self.on_air_us(frag_size)
        recipe = self.inputs.recipe
        return FragmentLayout(
            frag_size=frag_size,
            nb_frag=nb_frag,
            padding=nb_frag * frag_size - self.inputs.image.size,
            time_on_air_us=on_air_us,
            pace=pace_of(
                on_air_us,
                self.limits,
                self.inputs.profile,
                recipe.server,
                beacon_us=self.beacon_us,
                interval_ms=recipe.interval_ms,
            ),
        )

    def on_air_us(self, frag_size: int) -> int:
        """Return the time on air of a frame with one fragment."""
        phy_bytes, rate = fragment_phy_bytes(frag_size), self.rate
        if self.inputs.recipe.server.gateway_adds_crc and rate.sf is not None and rate.bw_hz is not None:
            return time_on_air_us(sf=rate.sf, bw_hz=rate.bw_hz, phy_payload_bytes=phy_bytes, crc=True)
        return rate.time_on_air_us(phy_bytes)

    def _check_size(self, frag_size: int) -> None:
        inputs, recipe = self.inputs, self.inputs.recipe
        check_frag_size(inputs.region, self.rate.index, frag_size, repeater=recipe.repeater, limits=self.limits)
        caps = ((inputs.profile.name, inputs.profile.max_frag_size), (recipe.server.name, recipe.server.max_frag_size))
        for name, cap in caps:
            if frag_size > cap:
                rule = f"{cap} or less for {name}"
                rules.refuse("frag_size", rule, frag_size, nearest=cap, error=PlanError)
        if frag_size % self.multiple:
            nearest = max(frag_size // self.multiple, 1) * self.multiple
            rule = f"a multiple of {self.multiple}"
            rules.refuse("frag_size", rule, frag_size, nearest=nearest, error=PlanError)

    def _check_device(self, nb_frag: int, frag_size: int) -> None:
        profile, size = self.inputs.profile, self.inputs.image.size
        if size > profile.slot_bytes:
            raise PlanError(
                f"the image has {size} bytes: the slot of {profile.name} takes {profile.slot_bytes}, {size - profile.slot_bytes}"
                " fewer; make the image smaller, or send a delta"
            )
        if nb_frag > profile.max_nb_frag:
            smallest = -(-size // profile.max_nb_frag)
            fits = smallest <= self.largest()
            advice = f"fragments of {smallest} bytes or more fit" if fits else "no fragment size fits here"
            raise PlanError(
                f"{size} bytes in fragments of {frag_size} are {nb_frag} fragments: {profile.name} takes {profile.max_nb_frag} at"
                f" most ({profile.max_nb_frag * frag_size} bytes in fragments of this size); {advice}"
            )


def link_of(inputs: PlanInputs, data_rate: int | None) -> Link:
    """Return the link for a data rate (an index), by default the data rate of RX2.

    Raises PlanError for a data rate that no downlink uses, a channel that is not legal and a channel that the server does not take;
    ParameterError for a data rate that the region does not have.
    """
    recipe, region = inputs.recipe, inputs.region
    rate = region.downlink_rate(region.rx2_data_rate if data_rate is None else data_rate)
    default = region.default_channel(recipe.device_class)
    frequency_hz = default if recipe.frequency_hz is None else (recipe.frequency_hz,)
    limits = radio_limits(
        region,
        frequency_hz[0],
        rate.index,
        duty_cycle=recipe.duty_cycle,
        dwell_ms=recipe.dwell_ms,
        max_eirp_dbm=recipe.max_eirp_dbm,
    )
    class_b = recipe.device_class == "B"
    return Link(
        inputs=inputs,
        rate=rate,
        frequency_hz=frequency_hz,
        channel=None if frequency_hz == default else _channel(inputs, frequency_hz[0], default),
        limits=limits,
        slots=_slots(inputs) if class_b else None,
        beacon_us=shared_beacon_us(region, frequency_hz[0], rate.bandwidth_hz) if class_b else 0,
    )


def _channel(inputs: PlanInputs, frequency_hz: int, default: tuple[int, ...]) -> int | None:
    region, server = inputs.region, inputs.recipe.server
    index = region.channel_index(frequency_hz)
    if index is None and (region.fixed_channels or not server.takes_frequency):
        channels = region.downlink_frequencies_hz
        legal = channels if len(default) > 1 else (*channels, *default)  # the server's default needs no number
        nearest = min(legal, key=lambda channel_hz: abs(channel_hz - frequency_hz))
        shown = ", ".join(megahertz_text(channel_hz) for channel_hz in channels[:_SHOWN_CHANNELS])
        more = " and more" if len(channels) > _SHOWN_CHANNELS else ""
        rule = "it has fixed channels" if region.fixed_channels else f"{server.name} takes a channel number"
        raise PlanError(
            f"the frequency must be a downlink channel of {region.name} ({rule}: {shown} MHz{more}),"
            f" got {megahertz_text(frequency_hz)} MHz (nearest: {nearest} Hz)"
        )
    return index


def _slots(inputs: PlanInputs) -> PingSlots:
    recipe = inputs.recipe
    rules.integer("periodicity", recipe.periodicity, 0, MAX_PERIODICITY)
    start_s = recipe.start_gps_s
    if start_s % BEACON_PERIOD_S or not 0 <= start_s <= LAST_BEACON_S:
        nearest = min(max(-(-start_s // BEACON_PERIOD_S), 0) * BEACON_PERIOD_S, LAST_BEACON_S)
        rule = f"a multiple of {BEACON_PERIOD_S}, 0 to {LAST_BEACON_S}"
        rules.refuse(
            "start_gps_s", rule, start_s, nearest=nearest, why="a beacon comes each 128 s; GPS time has 32 bits"
        )
    return PingSlots(address=recipe.mc_addr, periodicity=recipe.periodicity, first_beacon_s=start_s)
