"""LoRaWAN application packages and MAC frames, as bytes and as frozen values, and their keys. No I/O."""

from fuota.lorawan import clock_sync as clock_sync
from fuota.lorawan import codec as codec
from fuota.lorawan import firmware_management as firmware_management
from fuota.lorawan import fragmentation as fragmentation
from fuota.lorawan import gps_time as gps_time
from fuota.lorawan import keys as keys
from fuota.lorawan import mac as mac
from fuota.lorawan import multi_package as multi_package
from fuota.lorawan import multicast_setup as multicast_setup
from fuota.lorawan import packages as packages
