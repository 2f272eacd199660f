"""LoRaWAN application packages as frozen values and their octets, and the keys they need. No I/O."""

from __future__ import annotations

from fuota.lorawan.codec import Command, ParsedMessage, encode
from fuota.lorawan.fragmentation_messages import (
    FPORT,
    PACKAGE_IDENTIFIER,
    DataFragment,
    FragDataBlockReceivedAns,
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    PackageVersionAns,
    PackageVersionReq,
    max_ack_delay_s,
    parse_downlink,
    parse_uplink,
)
from fuota.lorawan.keys import data_block_int_key, data_block_mic

__all__ = [
    "FPORT",
    "PACKAGE_IDENTIFIER",
    "Command",
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
    "ParsedMessage",
    "data_block_int_key",
    "data_block_mic",
    "encode",
    "max_ack_delay_s",
    "parse_downlink",
    "parse_uplink",
]
