from __future__ import annotations

import hashlib

import numpy as np
import pytest

from fuota.device import DeviceProfile, ImageReport
from fuota.errors import ParameterError
from fuota.fragmentation import FragmentationSession
from fuota.lorawan.fragmentation import FragSessionSetupReq
from fuota.sandbox import FleetRecipe
from fuota.sim.loss import Bernoulli, GilbertElliott

FACTORY = hashlib.sha256(b"factory firmware").digest()


def the_device(**recipe):
    (device,) = FleetRecipe(devices=1, **recipe).make().by_eui.values()
    return device


def random_values(fleet):
    """Return all random values of a fleet."""
    return [(d.loss, d.app_key, [d.hears() for _ in range(20)], d.rng.random()) for d in fleet.by_eui.values()]


def test_devices_have_distinct_locally_administered_euis():
    fleet = FleetRecipe(devices=300).make()
    assert len(set(fleet.dev_euis)) == 300
    assert all(len(eui) == 16 and eui == f"{int(eui, 16):016X}" for eui in fleet.dev_euis)
    assert all(int(eui[:2], 16) & 0x02 for eui in fleet.dev_euis)
    assert [device.dev_eui for device in fleet.by_eui.values()] == list(fleet.dev_euis)


def test_the_same_recipe_makes_the_same_fleet_and_another_seed_another_fleet():
    first, second, other = (random_values(FleetRecipe(devices=20, seed=seed).make()) for seed in (7, 7, 8))
    assert first == second
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_a_larger_fleet_begins_with_the_smaller_one():
    small, large = (random_values(FleetRecipe(devices=count).make()) for count in (5, 9))
    assert large[:5] == small


def test_every_device_has_an_individual_key_and_a_loss_within_the_limits():
    devices = FleetRecipe(devices=200, loss_low=0.1, loss_high=0.4).make().by_eui.values()
    losses = [device.loss.loss for device in devices]
    assert len({device.app_key for device in devices}) == len(set(losses)) == 200
    assert min(losses) >= 0.1
    assert max(losses) <= 0.4
    assert abs(np.mean(losses) - 0.25) < 5 * (0.3 / 12**0.5) / 200**0.5


def test_losses_are_independent_or_in_bursts():
    assert isinstance(the_device(burst_frames=1).loss, Bernoulli)
    assert the_device(loss_low=0.2, loss_high=0.2, burst_frames=4).loss == GilbertElliott(0.2, 4)


@pytest.mark.parametrize(("loss", "low", "high"), [(0.0, 2000, 2000), (1.0, 0, 0), (0.25, 1400, 1600)])
def test_a_device_hears_frames_according_to_its_loss(loss, low, high):
    device = the_device(loss_low=loss, loss_high=loss)
    assert low <= sum(device.hears() for _ in range(2000)) <= high


@pytest.mark.parametrize("profile", [DeviceProfile(), DeviceProfile(version=2)])
def test_a_device_starts_a_whole_image_and_reports_it(profile):
    device = the_device(profile=profile)
    session = FragmentationSession.fit(b"new firmware", frag_size=4, redundancy=0)
    assert ImageReport.parse(device.image_report()).sha256 == FACTORY
    setup = FragSessionSetupReq(
        version=1, frag_index=0, mc_group_bit_mask=1, nb_frag=3, frag_size=4, block_ack_delay=0, padding=0
    )
    for message in [setup.to_bytes(), *(fragment.to_bytes(0) for fragment in session.fragments())]:
        device.install(0)
        assert ImageReport.parse(device.image_report()).sha256 == FACTORY
        device.package.receive(message)
    device.install(0)
    expected = hashlib.sha256(b"new firmware").digest() if profile.version == 1 else FACTORY
    assert ImageReport.parse(device.image_report()).sha256 == expected


def test_all_devices_carry_the_tag():
    fleet = FleetRecipe(devices=4, tag="meters").make()
    assert [device.tag for device in fleet.by_eui.values()] == ["meters"] * 4


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"devices": 0}, "devices must be 1 or more, got 0"),
        ({"seed": -1}, "seed must be 0 or more, got -1 .*nearest: 0"),
        ({"loss_low": -0.1}, "loss_low must be 0 to 0.3, got -0.1 .nearest: 0."),
        ({"loss_high": 1.1}, "loss_high must be 0 to 1, got 1.1 .nearest: 1."),
        ({"loss_low": 0.5, "loss_high": 0.4}, "loss_low must be 0 to 0.4, got 0.5"),
        ({"loss_high": float("nan")}, "loss_high must be 0 to 1"),
        ({"burst_frames": 0.5, "devices": 1}, "1 frame or more"),
        ({"burst_frames": 2, "loss_low": 0.9, "loss_high": 0.9}, "loss must be 0.667 or less"),
    ],
)
def test_invalid_recipes_are_refused(recipe, message):
    with pytest.raises(ParameterError, match=message):
        FleetRecipe(**recipe).make()
