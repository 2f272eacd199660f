"""From a recipe to a plan, or to the reason why there is none.

How the search goes:

1. `recipe.py` checks what was given. PlanInputs looks up the region, reads the fleet and the device profile.
2. `_candidate` chooses the data rate:
   - `optimise` is set: `optimise.best_of` compares all data rates by that cost;
   - a data rate is given: only this data rate;
   - the losses of the fleet depend on the data rate: `best_of` by time;
   - otherwise the data rate of RX2, as the server does; if it has no plan, the slowest faster data rate with a plan.
3. `link.link_of` gives for a data rate a Link: frequency, limits of the regulator, ping slots. `Link.layout` cuts the image into
   fragments of one size and gives the interval between frames (`timing.pace_of`): the largest of what the gateway, the server,
   the device and the duty cycle need.
4. `sizes.cheapest_reaching_goal` chooses the fragment size: the largest size that fits, unless it makes a bad code (fragments that
   no coded fragment contains, or clearly more coded fragments than the ideal code needs). Then smaller sizes are compared by
   airtime.
5. `redundancy.fewest_coded` searches the smallest number of coded fragments that meets the goal, beginning at the number that the
   ideal code needs. `completion.CompletionModel` gives the probability that the devices of each loss class fail: exact if all loss
   patterns can be enumerated, otherwise by drawing patterns. `goal.Goal` decides whether enough devices complete.
6. A Candidate is a Link, a FragmentLayout and a number of coded fragments. It knows duration, airtime and energy.
   `optimise.best_of` sorts the candidates without coded fragments by cost, adds coded fragments to the cheapest first, and stops as
   soon as the next candidate costs more even without any. `optimise.pareto_front` keeps the candidates that no other beats in
   both duration and success.
7. If nothing reaches the goal, `alternatives.why_not_enough` says what would. `_assemble` checks that the session is long
   enough and builds the TransmissionPlan; `advice.findings_of` adds the findings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fuota import rules
from fuota.calls import checked_call
from fuota.device import DeviceProfile
from fuota.errors import PlanError
from fuota.fragmentation.limits import MAX_FRAGMENT_NUMBER, coded_count
from fuota.planning.advice import findings_of
from fuota.planning.alternatives import at_rate, why_not_enough
from fuota.planning.candidate import Candidate
from fuota.planning.fleet.fleet import Fleet
from fuota.planning.image import HoldsData, Image
from fuota.planning.link import Link, link_of
from fuota.planning.optimise import best_of
from fuota.planning.recipe import FrameLossLaw, Objective, PlanInputs, PlanRecipe
from fuota.planning.redundancy import success_of
from fuota.planning.server import SENRA, ServerProfile
from fuota.planning.sizes import cheapest_reaching_goal
from fuota.planning.timing import MAX_TIMEOUT, session_timeout_s
from fuota.planning.transmission_plan import TransmissionPlan
from fuota.radio import DataRate, Region

_EXCHANGES = 3
"""Unicast exchanges that set a device up: McGroupSetup, FragSessionSetup, McClassCSession or McClassBSession."""
_TRIES = 2
"""Tries of each exchange: an answer may be lost once."""
DEFAULT_START_DELAY_S = 300


@checked_call
def plan(  # noqa: PLR0913 - every field of a recipe, so that editors and type checkers see them
    image: bytes | str | Path | HoldsData,
    *,
    region: str | Region,
    device_class: Literal["B", "C"] = "C",
    data_rate: int | None = None,
    frequency_hz: int | None = None,
    repeater: bool = False,
    duty_cycle: float | None = None,
    dwell_ms: int | None = None,
    max_eirp_dbm: float | None = None,
    frag_size: int | None = None,
    frag_size_multiple: int | None = None,
    nb_coded: int | None = None,
    redundancy: float | None = None,
    target: float = 0.99,
    confidence: float = 0.95,
    fleet: Fleet | int | str | Path | None = None,
    loss: float | FrameLossLaw | Sequence[float] | NDArray[np.float64] | None = None,
    profile: DeviceProfile | str | Path | None = None,
    server: ServerProfile = SENRA,
    interval_ms: int | None = None,
    start_delay_s: int | None = None,
    periodicity: int = 3,
    mc_addr: int = 0,
    start_gps_s: int = 0,
    optimise: Objective | None = None,
    name: str | None = None,
) -> TransmissionPlan:
    """Return the plan that sends an image to a fleet. The plan decides what is None.

    Image
      image: bytes, the path of a file, or an open image such as FirmwareImage.
      name: name of the image in the plan; None for the name of the file or of the open image.

    Radio
      region: name such as "EU868", or a Region.
      device_class: class of the session, "B" or "C".
      data_rate: index, 0 to 15; None for the data rate of RX2, or for the fastest good one if the losses depend on the data rate.
      frequency_hz: channel; None for RX2, in class B for the hopping channels if the region has them.
      repeater: whether repeaters may be used, which makes frames shorter.
      duty_cycle: share above 0 to 1 instead of the region's; 1 for no duty cycle.
      dwell_ms: longest frame in ms instead of the region's; 0 for no limit.
      max_eirp_dbm: largest power in dBm instead of the region's.

    Fragments
      frag_size: fragment size in bytes, 1 or more.
      frag_size_multiple: number of bytes that the fragment size must be a multiple of, 1 to 255.
      nb_coded: number of coded fragments. redundancy: the same as a share of the uncoded fragments. Give one of them at most.
      target: share of the fleet that must end complete, above 0 to 1; it decides the coded fragments if their number is not given.
      confidence: least probability that the target is reached, above 0, below 1.

    Devices
      fleet: number of devices, a Fleet, or a TOML or CSV file, see `open_fleet`; None for one device.
      loss: share of frames that each device loses, a law of loss such as Bernoulli or GilbertElliott, or a list with the share of
        each device; None for the losses of the fleet, or 0.1 if nothing is known.
      profile: DeviceProfile, or its name or file; None for a device that takes any session.

    Server and time
      server: limits of the network server.
      interval_ms: time between the starts of frames, 1 or more; None for the shortest legal time.
      start_delay_s: time before the first frame, 1 or more; None for six uplink periods, or 300 s.
      periodicity, mc_addr, start_gps_s: only for class B, the place of the ping slots: periodicity 0 to 7, multicast address, GPS
        time of the first beacon, a multiple of 128.
      optimise: "time", "airtime" or "energy": choose the data rate and the fragment size that need the least of it.

    Raises PlanError or ImageError, with the reason and an alternative, if there is no such plan; ParameterError for a value out of
    range; StorageError or MessageError for a fleet or profile file that cannot be read.
    """
    recipe = PlanRecipe(
        region=region,
        device_class=device_class,
        data_rate=data_rate,
        frequency_hz=frequency_hz,
        repeater=repeater,
        duty_cycle=duty_cycle,
        dwell_ms=dwell_ms,
        max_eirp_dbm=max_eirp_dbm,
        frag_size=frag_size,
        frag_size_multiple=frag_size_multiple,
        nb_coded=nb_coded,
        redundancy=redundancy,
        target=target,
        confidence=confidence,
        fleet=fleet,
        loss=loss,
        profile=profile,
        server=server,
        interval_ms=interval_ms,
        start_delay_s=start_delay_s,
        periodicity=periodicity,
        mc_addr=mc_addr,
        start_gps_s=start_gps_s,
        optimise=optimise,
        name=name,
    )
    return plan_of(PlanInputs.of(Image.of(image, name), recipe))


def plan_of(inputs: PlanInputs) -> TransmissionPlan:
    """Return the plan for looked-up inputs. Raises PlanError as `plan`."""
    return _assemble(_candidate(inputs))


def _candidate(inputs: PlanInputs) -> Candidate:
    """Return the candidate for the recipe. If the losses depend on the data rate and the recipe has none, it is the fastest."""
    recipe = inputs.recipe
    coded_is_fixed = recipe.nb_coded is not None or recipe.redundancy is not None
    if recipe.optimise is not None:
        return best_of(inputs, recipe.optimise)
    if recipe.data_rate is not None:
        return _at(inputs, recipe.data_rate)
    if inputs.fleet.depends_on_data_rate and not coded_is_fixed:
        return best_of(inputs, "time")
    return _at_rx2_or_faster(inputs)


def _at_rx2_or_faster(inputs: PlanInputs) -> Candidate:
    """Return the candidate at the data rate of RX2, as the server does it, or else at the slowest faster one that works."""
    rx2 = inputs.region.rx2_data_rate
    default = _at_or_error(inputs, rx2)
    if isinstance(default, Candidate) and default.session_timeout is not None:
        return default
    for rate in _faster_rates(inputs, inputs.region.data_rate(rx2)):
        candidate = _at_or_error(inputs, rate.index)
        if isinstance(candidate, Candidate) and candidate.session_timeout is not None:
            return candidate
    if isinstance(default, PlanError):
        raise default
    return default


def _faster_rates(inputs: PlanInputs, than: DataRate) -> list[DataRate]:
    """Return the faster data rates of downlinks, slowest first."""
    rates = [rate for rate in inputs.region.downlink_data_rates if rate.bitrate_bps > than.bitrate_bps]
    return sorted(rates, key=lambda rate: rate.bitrate_bps)


def _at_or_error(inputs: PlanInputs, data_rate: int) -> Candidate | PlanError:
    try:
        return _at(inputs, data_rate)
    except PlanError as error:
        return error


def _at(inputs: PlanInputs, data_rate: int) -> Candidate:
    recipe, link = inputs.recipe, link_of(inputs, data_rate)
    layout = link.layout(recipe.frag_size or link.largest())
    if recipe.nb_coded is None and recipe.redundancy is None:
        candidate = cheapest_reaching_goal(link)
        if candidate is None:
            raise PlanError(why_not_enough(link, layout))
        return candidate
    return Candidate(link=link, layout=layout, nb_coded=_fixed_coded(link, layout.nb_frag))


def _fixed_coded(link: Link, nb_frag: int) -> int:
    """Return the number of coded fragments in the recipe. Raises PlanError if N or the server does not allow it."""
    recipe = link.inputs.recipe
    if recipe.nb_coded is not None:
        nb_coded = coded_count(nb_frag, recipe.nb_coded)
    else:
        assert recipe.redundancy is not None  # noqa: S101 - the caller has checked that one of the two is given
        nb_coded = coded_count(nb_frag, float(recipe.redundancy))
    most = link.most_coded(nb_frag)
    if nb_frag + nb_coded > MAX_FRAGMENT_NUMBER:
        why = f"N has 14 bits (TS004, Index&N): {MAX_FRAGMENT_NUMBER} fragments at most"
        rule = f"{most} or less with {nb_frag} uncoded fragments"
        rules.refuse("nb_coded", rule, nb_coded, nearest=most, why=why, error=PlanError)
    if nb_coded > link.most_redundant * nb_frag:
        why = f"{recipe.server.name} takes a redundancy of {link.most_redundant} at most"
        rule = f"{most} or less with {nb_frag} uncoded fragments"
        rules.refuse("nb_coded", rule, nb_coded, nearest=most, why=why, error=PlanError)
    return nb_coded


def _assemble(candidate: Candidate) -> TransmissionPlan:
    link, layout, nb_coded = candidate.link, candidate.layout, candidate.nb_coded
    inputs, recipe = link.inputs, link.inputs.recipe
    timeout = _timeout(candidate)
    plan = TransmissionPlan(
        image=inputs.image,
        region=inputs.region.name,
        device_class=recipe.device_class,
        data_rate=link.rate.index,
        frequency_hz=link.frequency_hz,
        channel=link.channel,
        frag_size=layout.frag_size,
        nb_frag=layout.nb_frag,
        nb_coded=nb_coded,
        padding=layout.padding,
        version=inputs.profile.version,
        variant=inputs.profile.variant,
        descriptor=inputs.profile.descriptor,
        time_on_air_us=layout.time_on_air_us,
        pace=layout.pace,
        slots=link.slots,
        start_delay_s=_start_delay_s(inputs),
        session_timeout=timeout,
        duration_ms=-(-candidate.duration_us // 1000),
        longest_ms=-(-candidate.longest_us // 1000),
        energy_uj=candidate.energy_uj,
        target=recipe.target,
        confidence=recipe.confidence,
        success=success_of(link.model, inputs.goal, layout.nb_frag, nb_coded),
        excluded=inputs.fleet.excluded,
        overridden=link.limits.overridden,
        findings=(),
    )
    return replace(plan, findings=tuple(findings_of(link, plan)))


def _timeout(candidate: Candidate) -> int:
    """Return TimeOut of the session. Raises PlanError if the longest session is too short."""
    timeout = candidate.session_timeout
    if timeout is not None:
        return timeout
    link, recipe = candidate.link, candidate.link.inputs.recipe
    most_s = min(recipe.server.max_session_s, session_timeout_s(MAX_TIMEOUT, recipe.device_class))
    fit = candidate.frames * most_s * 1_000_000 // candidate.duration_us
    raise PlanError(
        f"{candidate.frames} frames take {candidate.duration_us / 3.6e9:.1f} h at DR{link.rate.index} of"
        f" {link.inputs.region.name}, and a session of {recipe.server.name} lasts {most_s} s"
        f" ({most_s / 3600:.1f} h) at most, about {fit} of these frames: {_faster(candidate)}"
    )


def _faster(candidate: Candidate) -> str:
    """Return the slowest data rate at which the goal fits a session, in words."""
    link = candidate.link
    for rate in _faster_rates(link.inputs, link.rate):
        if (faster := at_rate(link, rate.index)) is not None:
            return f"use DR{rate.index}, {faster.frames} frames in {faster.duration_us / 3.6e9:.1f} h"
    return "no data rate is fast enough; take another channel, or a smaller image (a delta)"


def _start_delay_s(inputs: PlanInputs) -> int:
    if inputs.recipe.start_delay_s is not None:
        return inputs.recipe.start_delay_s
    period_s = inputs.profile.uplink_period_s
    return DEFAULT_START_DELAY_S if period_s is None else _EXCHANGES * _TRIES * period_s
