"""TS005, remote multicast setup: the commands of each direction and version. All of them are unicast.

The commands are defined in the modules `downlinks` and `uplinks` of this package and can be imported from here.
"""

from __future__ import annotations

from functools import partial

from fuota.lorawan.codec import PackageVersionAns, PackageVersionReq, ParsedMessage, Parser, parse, require_version
from fuota.lorawan.multicast_setup.downlinks import (
    McClassBSessionReq,
    McClassCSessionReq,
    McGroupDeleteReq,
    McGroupSetupReq,
    McGroupStatusReq,
)
from fuota.lorawan.multicast_setup.uplinks import (
    McClassBSessionAns,
    McClassCSessionAns,
    McGroup,
    McGroupDeleteAns,
    McGroupSetupAns,
    McGroupStatusAns,
)

__all__ = [
    "FPORT",
    "PACKAGE_IDENTIFIER",
    "McClassBSessionAns",
    "McClassBSessionReq",
    "McClassCSessionAns",
    "McClassCSessionReq",
    "McGroup",
    "McGroupDeleteAns",
    "McGroupDeleteReq",
    "McGroupSetupAns",
    "McGroupSetupReq",
    "McGroupStatusAns",
    "McGroupStatusReq",
    "PackageVersionAns",
    "PackageVersionReq",
    "parse_downlink",
    "parse_uplink",
]

PACKAGE_IDENTIFIER = 2
"""PackageIdentifier of remote multicast setup (TS005 PackageVersionAns)."""
FPORT = 200
"""Default port (TS005). A device may use another port."""


def parse_downlink(payload: bytes, *, version: int) -> ParsedMessage:
    """Read a message that a server sent on the port of TS005.

    payload: FRMPayload after decryption. version: 1 or 2, of the package. Raises MessageError only for another version.
    """
    require_version(version)
    parsers: dict[int, Parser] = {
        PackageVersionReq.cid: PackageVersionReq.parse,
        McGroupStatusReq.cid: McGroupStatusReq.parse,
        McGroupSetupReq.cid: McGroupSetupReq.parse,
        McGroupDeleteReq.cid: McGroupDeleteReq.parse,
        McClassCSessionReq.cid: McClassCSessionReq.parse,
        McClassBSessionReq.cid: McClassBSessionReq.parse,
    }
    return parse(payload, parsers, refused={})


def parse_uplink(payload: bytes, *, version: int) -> ParsedMessage:
    """Read a message that a device sent on the port of TS005.

    payload: FRMPayload after decryption. version: 1 or 2, of the package. Raises MessageError only for another version.

    Version 1 ignores bits 7:5 of a session answer. LoRa Basics Modem built for version 1 nevertheless reports a missed start in
    bit 5 and sends no TimeToStart. Read its answers with version=2, which also reads every answer of version 1 whose reserved
    bits are 0, as the specification requires.
    """
    require_version(version)
    parsers: dict[int, Parser] = {
        PackageVersionAns.cid: PackageVersionAns.parse,
        McGroupStatusAns.cid: McGroupStatusAns.parse,
        McGroupSetupAns.cid: McGroupSetupAns.parse,
        McGroupDeleteAns.cid: McGroupDeleteAns.parse,
        McClassCSessionAns.cid: partial(McClassCSessionAns.parse, version=version),
        McClassBSessionAns.cid: partial(McClassBSessionAns.parse, version=version),
    }
    return parse(payload, parsers, refused={})
