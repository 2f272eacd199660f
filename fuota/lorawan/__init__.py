"""LoRaWAN application packages as frozen values and their octets, and the keys they need. No I/O."""

from __future__ import annotations

from fuota.lorawan.codec import Command, ParsedMessage, encode
from fuota.lorawan.fragmentation.messages import (
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
from fuota.lorawan.gps_time import from_gps_seconds, gps_seconds
from fuota.lorawan.keys import (
    MulticastSessionKeys,
    data_block_int_key,
    data_block_mic,
    decrypt_mc_key,
    encrypt_mc_key,
    mc_ke_key,
    mc_root_key,
)
from fuota.lorawan.mac.multicast_frames import MulticastFrame, open_multicast

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
    "MulticastFrame",
    "MulticastSessionKeys",
    "PackageVersionAns",
    "PackageVersionReq",
    "ParsedMessage",
    "data_block_int_key",
    "data_block_mic",
    "decrypt_mc_key",
    "encode",
    "encrypt_mc_key",
    "from_gps_seconds",
    "gps_seconds",
    "max_ack_delay_s",
    "mc_ke_key",
    "mc_root_key",
    "open_multicast",
    "parse_downlink",
    "parse_uplink",
]
