"""One data rate on one channel, and the fragment sizes that it takes: what a plan chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm

from fuota.errors import ParameterError, PlanError
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
from fuota.radio.class_b import BEACON_PERIOD_S, ping_nb
from fuota.radio.frequencies import megahertz_text


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentLayout:
    """An image cut into fragments of one size, and how they follow each other on air."""

    frag_size: int
    nb_frag: int
    padding: int
    time_on_air_us: int
    pace: Pace


@dataclass(frozen=True, kw_only=True, eq=False)
class Link:
    """A data rate on a channel, with what the regulator, the device and the server allow there."""

    inputs: PlanInputs
    rate: DataRate
    frequency_hz: tuple[int, ...]
    channel: int | None
    limits: RadioLimits
    slots: PingSlots | None
    beacon_us: int

    @cached_property
    def model(self) -> CompletionModel:
        """How likely the devices of the fleet complete here."""
        eirp_dbm = self.inputs.fleet.model.gateway_eirp_dbm
        if self.inputs.fleet.depends_on_data_rate and eirp_dbm > self.limits.max_eirp_dbm:
            raise PlanError(
                f"a gateway EIRP of {eirp_dbm:g} dBm is assumed for the fleet: {self.inputs.region.name} allows"
                f" {self.limits.max_eirp_dbm:g} dBm at {self.frequency_hz[0] / 1e6:g} MHz; the nearest is that"
            )
        return CompletionModel(classes=LossClasses.of(self.inputs.fleet, self.rate), profile=self.inputs.profile)

    @property
    def multiple(self) -> int:
        """Fragment sizes are multiples of this."""
        return lcm(self.inputs.recipe.frag_size_multiple or 1, self.inputs.profile.frag_size_multiple)

    @property
    def most_redundant(self) -> float:
        """The largest share of coded fragments that the server takes."""
        return self.inputs.recipe.server.max_redundancy

    def most_coded(self, nb_frag: int) -> int:
        """How many coded fragments the server and N (14 bits, TS004) allow."""
        return int(min(self.most_redundant * nb_frag, MAX_FRAGMENT_NUMBER - nb_frag))

    def largest(self) -> int:
        """The largest fragment size that the frame, the device and the server take. Raises PlanError where none is."""
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
        """The image in fragments of that size. Raises PlanError where they do not fit the frame, the device or the duty cycle."""
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
                asked_ms=recipe.interval_ms,
            ),
        )

    def on_air_us(self, frag_size: int) -> int:
        """Time on air of a frame with one fragment."""
        phy_bytes, rate = fragment_phy_bytes(frag_size), self.rate
        if self.inputs.recipe.server.gateway_adds_crc and rate.sf is not None and rate.bw_hz is not None:
            return time_on_air_us(sf=rate.sf, bw_hz=rate.bw_hz, phy_payload_bytes=phy_bytes, crc=True)
        return rate.time_on_air_us(phy_bytes)

    def _check_size(self, frag_size: int) -> None:
        inputs, recipe = self.inputs, self.inputs.recipe
        check_frag_size(inputs.region, self.rate.index, frag_size, repeater=recipe.repeater, limits=self.limits)
        for who, cap in (
            (inputs.profile.name, inputs.profile.max_frag_size),
            (recipe.server.name, recipe.server.max_frag_size),
        ):
            if frag_size > cap:
                raise PlanError(
                    f"fragments of {frag_size} bytes were asked for: {who} takes {cap} at most; the nearest is {cap}"
                )
        if frag_size % self.multiple:
            nearest = max(frag_size // self.multiple, 1) * self.multiple
            raise PlanError(
                f"fragments of {frag_size} bytes were asked for: it must be a multiple of {self.multiple}; the nearest is {nearest}"
            )

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
            needs = f"fragments of {smallest} bytes or more would do" if fits else "no fragment size here would do"
            raise PlanError(
                f"{size} bytes in fragments of {frag_size} are {nb_frag} fragments: {profile.name} takes {profile.max_nb_frag} at"
                f" most ({profile.max_nb_frag * frag_size} bytes in fragments of this size); {needs}"
            )


def link_of(inputs: PlanInputs, data_rate: int | None) -> Link:
    """The link for a data rate (an index), by default that of RX2.

    Raises PlanError for a data rate that no downlink uses or a channel that is not legal or that the server cannot be told,
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
    index = inputs.region.channel_index(frequency_hz)
    if index is None and (inputs.region.fixed_channels or not inputs.recipe.server.takes_frequency):
        channels = inputs.region.downlink_frequencies_hz
        sayable = channels if len(default) > 1 else (*channels, *default)  # the server's default needs no number
        nearest = min(sayable, key=lambda known: abs(known - frequency_hz))
        rule = (
            "has fixed channels"
            if inputs.region.fixed_channels
            else f"is sent in by {inputs.recipe.server.name}, by number,"
        )
        known = ", ".join(megahertz_text(known) for known in channels[:8])
        raise PlanError(
            f"{megahertz_text(frequency_hz)} MHz is no downlink channel of {inputs.region.name}, which {rule} {known} MHz"
            f"{' and more' if len(channels) > 8 else ''}; the nearest is {nearest} Hz"
        )
    return index


def _slots(inputs: PlanInputs) -> PingSlots:
    recipe = inputs.recipe
    ping_nb(recipe.periodicity)  # raises for one outside 0 to 7
    if recipe.start_gps_s % BEACON_PERIOD_S or not 0 <= recipe.start_gps_s <= LAST_BEACON_S:
        after = min(max(-(-recipe.start_gps_s // BEACON_PERIOD_S), 0) * BEACON_PERIOD_S, LAST_BEACON_S)
        rule = "the nearest after is" if after > recipe.start_gps_s else "GPS time has 32 bits, so the nearest is"
        raise ParameterError(
            f"start_gps_s {recipe.start_gps_s} was given: a beacon comes at multiples of 128 s; {rule} {after}"
        )
    return PingSlots(address=recipe.mc_addr, periodicity=recipe.periodicity, first_beacon_s=recipe.start_gps_s)
