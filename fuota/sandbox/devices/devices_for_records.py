"""Records for the devices of the fleet, and devices for the records that onboarding calls have made."""

from __future__ import annotations

import hashlib

import numpy as np

from fuota.radio import Region
from fuota.sandbox.air.mac import session_keys
from fuota.sandbox.devices.fleet import FleetRecipe, virtual_device
from fuota.sandbox.devices.virtual_device import DeviceSession, VirtualDevice
from fuota.sandbox.server.records import Application, DeviceState, RegisteredDevice
from fuota.sim.loss import Bernoulli

FACTORY = b"factory firmware"
"""Image of every device that is registered later."""
_RECIPE = FleetRecipe()


def record_for_device(device: VirtualDevice, application: Application, now_us: int) -> RegisteredDevice:
    """Return the server's record of a device of the fleet, activated and not joined yet."""
    return RegisteredDevice(
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


def device_for_record(record: RegisteredDevice, *, region: Region) -> VirtualDevice | None:
    """Return the device behind a registered record. It loses no frames and runs the factory firmware.

    None for an ABP device without address and keys, since it cannot send anything.
    """
    keys = session_keys(record) if record.activation == "ABP" else None
    session = None
    if keys is not None and record.dev_addr is not None:
        session = DeviceSession(dev_addr=record.dev_addr, keys=keys)
    if record.app_key is None and session is None:
        return None
    return virtual_device(
        dev_eui=record.dev_eui,
        join_eui=record.join_eui,
        app_key=record.app_key or bytes(16),
        loss=Bernoulli(0.0),
        recipe=_RECIPE,
        rng=np.random.default_rng(int(record.dev_eui, 16)),
        running_sha256=hashlib.sha256(FACTORY).digest(),
        region=region,
        session=session,
    )
