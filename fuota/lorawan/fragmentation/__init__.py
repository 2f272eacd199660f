"""TS004, fragmented data block transport: the commands of each direction and version.

The commands are defined in the modules `downlinks` and `uplinks` of this package and can be imported from here. The version
is a parameter: learn it (from PackageVersionReq, or from the device's profile) before choosing it, because version 2 was
declared incompatible with version 1 and the bytes do not show the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fuota.lorawan.codec import PackageVersionAns, PackageVersionReq, ParsedMessage, Parser, parse, require_version
from fuota.lorawan.fragmentation.downlinks import (
    DataFragment,
    FragDataBlockReceivedAns,
    FragSessionDeleteReq,
    FragSessionSetupReq,
    FragSessionStatusReq,
)
from fuota.lorawan.fragmentation.fields import FPORT, PACKAGE_IDENTIFIER, max_ack_delay_s
from fuota.lorawan.fragmentation.uplinks import (
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionSetupAns,
    FragSessionStatusAns,
)

__all__ = [
    "FPORT",
    "PACKAGE_IDENTIFIER",
    "DataFragment",
    "FragDataBlockReceivedAns",
    "FragDataBlockReceivedReq",
    "FragSessionDeleteAns",
    "FragSessionDeleteReq",
    "FragSessionSetupAns",
    "FragSessionSetupReq",
    "FragSessionStatusAns",
    "FragSessionStatusReq",
    "PackageVersionAns",
    "PackageVersionReq",
    "max_ack_delay_s",
    "parse_downlink",
    "parse_uplink",
]

_REFUSED: Mapping[int, str] = {
    0x80: "it is the CRC exchange of older MultiTech Conduit gateways, not a command of TS004. Such a gateway counts fragments"
    " from 0 and is not supported; update it to a firmware that implements TS004"
}


def parse_downlink(payload: bytes, *, version: int) -> ParsedMessage:
    """Read a message that a server sent on the port of TS004.

    payload: FRMPayload after decryption. version: 1 or 2, of the package. Raises MessageError only for another version. A
    fragment that is complete but impossible (N = 0) ends the message like an unknown command.
    """
    require_version(version)
    parsers: dict[int, Parser] = {
        PackageVersionReq.cid: PackageVersionReq.parse,
        FragSessionStatusReq.cid: FragSessionStatusReq.parse,
        FragSessionSetupReq.cid: partial(FragSessionSetupReq.parse, version=version),
        FragSessionDeleteReq.cid: FragSessionDeleteReq.parse,
        DataFragment.cid: DataFragment.parse,
    }
    if version == 2:
        parsers[FragDataBlockReceivedAns.cid] = FragDataBlockReceivedAns.parse
    return parse(payload, parsers, refused=_REFUSED)


def parse_uplink(payload: bytes, *, version: int, status_layout: int | None = None) -> ParsedMessage:
    """Read a message that a device sent on the port of TS004.

    payload: FRMPayload after decryption. version: 1 or 2, of the package. status_layout: version of the layout of
    FragSessionStatusAns; None means `version`. Devices with ST's stack built for version 2 answer in the layout of version 1
    (status_layout=1); the bytes do not show which layout they have. Raises MessageError only for another version.
    """
    require_version(version)
    layout = version if status_layout is None else status_layout
    require_version(layout)
    parsers: dict[int, Parser] = {
        PackageVersionAns.cid: PackageVersionAns.parse,
        FragSessionStatusAns.cid: partial(FragSessionStatusAns.parse, version=layout),
        FragSessionSetupAns.cid: partial(FragSessionSetupAns.parse, version=version),
        FragSessionDeleteAns.cid: FragSessionDeleteAns.parse,
    }
    if version == 2:
        parsers[FragDataBlockReceivedReq.cid] = FragDataBlockReceivedReq.parse
    return parse(payload, parsers, refused=_REFUSED)
