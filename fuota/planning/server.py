"""What the network server allows and adds: part of every plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fuota.errors import ParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProfile:
    """The limits of a network server that sends the fragments. Raises ParameterError for limits that no server has.

    The defaults are the SenRa Application API's, mcastTransfer, unless said otherwise.

    - `max_redundancy`: coded fragments as a share of the uncoded ones; `redundancy` is 0 to 1.0. math.inf: no limit.
    - `max_session_s`: `durationSecs` of every multicast group in the reference; also TS005's longest, 2^15 s.
    - `max_frag_size`: `maxFragSize` is 0 to 253, 0 for no limit.
    - `min_interval_ms`, `default_interval_ms`: `millisBetweenPkts`, a positive integer, 5000 where it is not said.
    - `interval_is_gap`: the interval runs from the end of a frame to the start of the next. The reference does not say;
      times are given by the longer reading.
    - `turnaround_ms`: shortest gap that a gateway needs between frames, rounded up: TX_START_DELAY 1.5 ms, TX_JIT_DELAY 40 ms and
      TX_MARGIN_DELAY 1 ms in the packet forwarder's jitqueue.c (Lora-net/sx1302_hal; older forwarders have 30 ms for 40).
    - `gateway_adds_crc`: LoRa frames have a payload CRC of 16 bits. LoRaWAN downlinks have none, but servers differ.
    - `takes_frequency`: the session's frequency can be said in Hz. Here only a channel number can (`txChnl`).
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
        _check("max_redundancy", self.max_redundancy, 0, math.inf)
        _check("max_session_s", self.max_session_s, 1, math.inf)
        _check("max_frag_size", self.max_frag_size, 1, 255)
        _check("min_interval_ms", self.min_interval_ms, 0, math.inf)
        _check("default_interval_ms", self.default_interval_ms, self.min_interval_ms, math.inf)
        _check("turnaround_ms", self.turnaround_ms, 0, math.inf)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        rule = f"{low} or more" if high == math.inf else f"{low} to {high}"
        raise ParameterError(f"{name} {value} was given: it is {rule}; the nearest is {high if value > high else low}")


SENRA = ServerProfile(name="SenRa")
"""Its own file transfer (mcastTransfer): the server fragments."""

APPLICATION_MANAGED = ServerProfile(
    name="SenRa, fragments sent by the application",
    max_redundancy=math.inf,
    max_frag_size=255,
)
"""A multicast group of one's own (mcast/setup, mcast/sendmsg): the application fragments, paces and adds what it likes.

The group lasts 32768 s as the others do (`durationSecs` in the reference's examples), and has a channel number, no frequency.
"""
