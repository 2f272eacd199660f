"""LoRaWAN application packages and MAC frames, as bytes and as frozen values, and their keys. No I/O.

codec               parts that all packages share: commands, a parsed message, encoding
fragmentation       TS004, Fragmented Data Block Transport
multicast_setup     TS005, Remote Multicast Setup
clock_sync          TS003, Application Layer Clock Synchronization
firmware_management TS006, Firmware Management Protocol
multi_package       TS007, Multi-Package Access
packages            table of all packages, by name and port
keys, gps_time      key derivation (TS005), GPS seconds
mac                 join procedure, data frames, multicast frames
"""

from __future__ import annotations

from fuota.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "clock_sync": (),
        "codec": (),
        "firmware_management": (),
        "fragmentation": (),
        "gps_time": (),
        "keys": (),
        "mac": (),
        "multi_package": (),
        "multicast_setup": (),
        "packages": (),
    },
)
