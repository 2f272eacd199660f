"""Devices and records made for each other: of the fleet, and of what onboarding calls have let in."""

from __future__ import annotations

import hashlib

import numpy as np

from fuota.radio import Region
from fuota.sandbox.air.mac import session_keys
from fuota.sandbox.devices.fleet import FleetRecipe, virtual_device
from fuota.sandbox.devices.virtual_device import DeviceSession, VirtualDevice
from fuota.sandbox.server.records import Application, DeviceRecord, DeviceState
from fuota.sim import Bernoulli

FACTORY = b"factory firmware"
_RECIPE = FleetRecipe()


def record_of(device: VirtualDevice, application: Application, now_us: int) -> DeviceRecord:
    """A device of the fleet as the server knows it, before it joins."""
    return DeviceRecord(
        dev_eui=device.dev_eui,
        app_eui=application.app_eui,
        join_eui=application.join_eui,
        contract_id=application.contract_id,
        profile_id=application.profile_id,
        state=DeviceState.ACTIVATED,
        app_key=device.app_key,
        tags=(device.tag,),
        registered_us=now_us,
        activated_us=now_us,
    )


def newcomer(record: DeviceRecord, *, region: Region) -> VirtualDevice | None:
    """The device behind a record that somebody registered: it loses nothing, and runs the factory firmware.

    None for one by ABP without address and keys, which nobody can speak for.
    """
    keys = session_keys(record) if record.activation == "ABP" else None
    if record.app_key is None and (keys is None or record.dev_addr is None):
        return None
    device = virtual_device(
        dev_eui=record.dev_eui,
        app_key=record.app_key or bytes(16),
        loss=Bernoulli(0.0),
        recipe=_RECIPE,
        rng=np.random.default_rng(int(record.dev_eui, 16)),
        running_sha256=hashlib.sha256(FACTORY).digest(),
    )
    device.join_eui, device.multicast.region = record.join_eui, region
    if keys is not None and record.dev_addr is not None:
        device.session = DeviceSession(dev_addr=record.dev_addr, keys=keys)
    return device
