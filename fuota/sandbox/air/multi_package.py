"""Messages of several packages in one (TS007), on the network's side."""

from __future__ import annotations

from fuota.device.stack.multi_package import runs_of
from fuota.lorawan import clock_sync, firmware_management, fragmentation, multi_package, multicast_setup
from fuota.lorawan.codec import Command, encode
from fuota.sandbox.air.mac import Downlink

TOKEN = 1
PORTS = {
    module.PACKAGE_IDENTIFIER: module.FPORT
    for module in (clock_sync, multicast_setup, fragmentation, firmware_management)
}
"""Of TS003 to TS006 by their PackageIdentifier."""


def together(*runs: tuple[int, list[Command]]) -> Downlink:
    """One message with commands of several packages, each run under its PackageIdentifier."""
    commands = [one for index, run in runs for one in multi_package.wrap(index, run, token=TOKEN)[:-1]]
    return Downlink(port=multi_package.FPORT, payload=encode([*commands, multi_package.Token(token=TOKEN)]))


def spoken(port: int | None, payload: bytes) -> list[tuple[int | None, bytes]]:
    """An uplink as messages of single packages, by the ports of these: one of TS007 is taken apart.

    Answers that are longer than an uplink, and come in fragments, are not joined here.
    """
    if port != multi_package.FPORT:
        return [(port, payload)]
    commands = multi_package.parse_uplink(payload, version=2).commands  # which reads TS005 of version 1 too
    return [(PORTS[index], encode(run)) for index, run in runs_of(commands) if index in PORTS]
