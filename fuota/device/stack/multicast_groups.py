"""A multicast group on a device: its keys, its counters, and when its radio listens for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fuota.device.stack.clock import DeviceClock
from fuota.errors import MessageError
from fuota.lorawan.keys import MulticastSessionKeys
from fuota.lorawan.mac.frame_cipher import nearest_f_cnt
from fuota.lorawan.mac.multicast_frames import MulticastFrame, open_multicast
from fuota.radio import Region
from fuota.radio.class_b import beacon_time_of, next_ping_slot_us

_F_CNT_OFFSET = 6  # MHDR, McAddr, FCtrl (TS001-1.0.4, data messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class McWindow:
    """When and where a group is listened for, by the device's own clock (GPS time, microseconds).

    `periodicity`: of class B's ping slots; None is class C. `frequency_hz` 0: the hopping of the region's ping slots.
    """

    start_us: int
    end_us: int
    frequency_hz: int
    data_rate: int
    periodicity: int | None = None


@dataclass(slots=True, kw_only=True)
class McGroupContext:
    """What a device holds of a group. It takes frames with counters from `next_f_cnt` to `max_f_cnt`, 32 bits each."""

    mc_group_id: int
    mc_addr: int
    keys: MulticastSessionKeys
    next_f_cnt: int
    max_f_cnt: int
    window: McWindow | None = None

    def listens(self, clock: DeviceClock, region: Region | None, *, frequency_hz: int, data_rate: int) -> bool:
        """Whether the radio is on for a frame that begins now, at that frequency and data rate."""
        window = self.window
        if window is None or window.data_rate != data_rate or not window.start_us <= clock.now_us < window.end_us:
            return False
        if frequency_hz != (window.frequency_hz or self._hop_hz(clock, region)):
            return False
        # Ping slots are counted from the beacon, so they are right whatever the clock says.
        return window.periodicity is None or _is_ping_slot(clock.true_us, self.mc_addr, window.periodicity)

    def open(self, phy_payload: bytes) -> MulticastFrame | None:
        """The frame, if it is for this group and new; its counter is then used up."""
        low = int.from_bytes(phy_payload[_F_CNT_OFFSET : _F_CNT_OFFSET + 2], "little")
        f_cnt = nearest_f_cnt(self.next_f_cnt, low)
        if f_cnt > self.max_f_cnt or (frame := _opened(phy_payload, self.keys, self.mc_addr, f_cnt)) is None:
            return None
        self.next_f_cnt = f_cnt + 1
        return frame

    def _hop_hz(self, clock: DeviceClock, region: Region | None) -> int:
        return 0 if region is None else region.ping_slot_hz(self.mc_addr, beacon_time_of(clock.true_us))


@lru_cache(maxsize=64)
def _opened(phy_payload: bytes, keys: MulticastSessionKeys, mc_addr: int, f_cnt: int) -> MulticastFrame | None:
    """Devices of one process that hold the same keys share the work: the frame is deciphered once, not ten thousand times."""
    try:
        return open_multicast(phy_payload, keys, mc_addr=mc_addr, next_f_cnt=f_cnt)
    except MessageError:
        return None


@lru_cache(maxsize=64)
def _is_ping_slot(true_us: int, mc_addr: int, periodicity: int) -> bool:
    return next_ping_slot_us(true_us - 1, mc_addr, periodicity) == true_us
