"""TS004, fragmented data block transport: which commands there are, in either direction and version.

The commands themselves are in `fragmentation_downlinks` and `fragmentation_uplinks`; all are importable from here. A
version is a value: learn it (PackageVersionReq, or the device's profile) before choosing one, since version 2 was declared
incompatible with version 1 and the octets do not tell.
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
    0x80: "it is the CRC exchange of older MultiTech Conduit gateways, not of TS004. Such a gateway counts fragments from 0 and"
    " is not supported; bring it to a firmware that speaks TS004"
}


def parse_downlink(payload: bytes, *, version: int) -> ParsedMessage:
    """Read what a server sent on the port of TS004. Raises MessageError only for a version other than 1 and 2.

    A fragment that is whole but impossible (N = 0) ends the message like an unknown command.
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
    """Read what a device sent on the port of TS004. Raises MessageError only for a version other than 1 and 2.

    `status_layout` is the version whose layout FragSessionStatusAns is read in, `version` where it is None. Devices on ST's
    stack built for version 2 answer in the layout of version 1 (status_layout=1); the octets do not tell the two apart.
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
