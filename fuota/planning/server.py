"""Limits of the network server: part of every plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fuota import rules
from fuota.calls import checked_init


@checked_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProfile:
    """Limits of a network server that sends the fragments. Raises ParameterError for limits that no server has.

    The defaults come from mcastTransfer in the SenRa Application API, unless another source is named.

    - `name`: name in messages.
    - `max_redundancy`: largest number of coded fragments, as a share of the uncoded fragments; the API's `redundancy` is 0 to 1.0.
      math.inf: no limit.
    - `max_session_s`: longest session in s: `durationSecs` of every multicast group in the reference, and the longest session of
      TS005, 2^15 s.
    - `max_frag_size`: largest fragment in bytes; `maxFragSize` is 0 to 253, 0 for no limit.
    - `min_interval_ms`, `default_interval_ms`: `millisBetweenPkts` in ms, a positive integer, 5000 by default.
    - `interval_is_gap`: whether the interval runs from the end of a frame to the start of the next frame. The reference does not
      say; times are given by the longer reading.
    - `turnaround_ms`: shortest gap that a gateway needs between frames, rounded up: TX_START_DELAY 1.5 ms, TX_JIT_DELAY 40 ms and
      TX_MARGIN_DELAY 1 ms in the packet forwarder's jitqueue.c (Lora-net/sx1302_hal; older forwarders have 30 ms for 40).
    - `gateway_adds_crc`: whether LoRa frames have a payload CRC of 16 bits. LoRaWAN downlinks have none, but servers differ.
    - `takes_frequency`: whether the server accepts the frequency of the session in Hz. This API accepts only a channel number
      (`txChnl`).
    """

    name: str
    max_redundancy: float = 1.0
    max_session_s: int = 32_768
    max_frag_size: int = 253
    min_interval_ms: int = 1
    default_interval_ms: int = 5_000
    interval_is_gap: bool = True
    turnaround_ms: int = 43
    gateway_adds_crc: bool = False
    takes_frequency: bool = False

    def __post_init__(self) -> None:
        if self.max_redundancy != math.inf:
            rules.real("max_redundancy", self.max_redundancy, 0)
        rules.integer("max_session_s", self.max_session_s, 1)
        rules.integer("max_frag_size", self.max_frag_size, 1, 255)
        rules.integer("min_interval_ms", self.min_interval_ms, 0)
        rules.integer("default_interval_ms", self.default_interval_ms, self.min_interval_ms)
        rules.integer("turnaround_ms", self.turnaround_ms, 0)


SENRA = ServerProfile(name="SenRa")
"""File transfer of the server (mcastTransfer): the server makes the fragments."""

APPLICATION_MANAGED = ServerProfile(
    name="SenRa, fragments sent by the application",
    max_redundancy=math.inf,
    max_frag_size=255,
)
"""Multicast group of the application (mcast/setup, mcast/sendmsg): the application makes the fragments and chooses their number
and pace.

The group lasts 32768 s like other groups (`durationSecs` in the reference's examples). It has a channel number and no frequency.
"""
