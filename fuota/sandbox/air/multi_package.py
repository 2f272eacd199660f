"""Messages of several packages in one frame (TS007), on the network's side."""

from __future__ import annotations

from fuota.device.stack.multi_package import commands_by_package
from fuota.lorawan import clock_sync, firmware_management, fragmentation, multi_package, multicast_setup
from fuota.lorawan.codec import Command, encode
from fuota.sandbox.air.downlink import Downlink

TOKEN = 1
"""Token of every message that the network sends."""
PORTS = {
    module.PACKAGE_IDENTIFIER: module.FPORT
    for module in (clock_sync, multicast_setup, fragmentation, firmware_management)
}
"""FPorts of TS003 to TS006 by PackageIdentifier."""


def join(*runs: tuple[int, list[Command]]) -> Downlink:
    """Return one downlink with commands of several packages. runs: (PackageIdentifier, commands) in order."""
    commands = [
        command
        for identifier, run in runs
        for command in multi_package.wrap(identifier, run, token=TOKEN)[:-1]  # without the token at the end
    ]
    return Downlink(port=multi_package.FPORT, payload=encode([*commands, multi_package.Token(token=TOKEN)]))


def split(port: int | None, payload: bytes) -> list[tuple[int | None, bytes]]:
    """Return an uplink as (FPort, payload) of single packages. Only a message on the port of TS007 is split.

    An answer that is longer than one uplink comes in fragments (TS007). These fragments are not joined here.
    """
    if port != multi_package.FPORT:
        return [(port, payload)]
    commands = multi_package.parse_uplink(payload, version=2).commands  # version 2 reads TS005 of version 1 too
    return [
        (PORTS[identifier], encode(run)) for identifier, run in commands_by_package(commands) if identifier in PORTS
    ]
