"""A multicast group on a device: its keys, its counters, and its receive window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fuota.device.stack.clock import PackageClock
from fuota.errors import MessageError
from fuota.lorawan.keys import MulticastSessionKeys
from fuota.lorawan.mac.frame_cipher import nearest_f_cnt
from fuota.lorawan.mac.multicast_frames import MulticastFrame, open_multicast
from fuota.radio import Region
from fuota.radio.class_b import beacon_time_of, next_ping_slot_us

_F_CNT_OFFSET = 6  # MHDR, McAddr, FCtrl (TS001-1.0.4, data messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class McWindow:
    """Window in which the device listens for a group.

    start_us, end_us: GPS time in microseconds, by the clock of the device.
    frequency_hz: frequency; 0 means the hopping of the region's ping slots. data_rate: index of the data rate.
    periodicity: periodicity of the ping slots in class B; None for class C.
    """

    start_us: int
    end_us: int
    frequency_hz: int
    data_rate: int
    periodicity: int | None = None


@dataclass(slots=True, kw_only=True)
class McGroupContext:
    """State of a group on a device.

    mc_group_id, mc_addr, keys: identifier, address and session keys of the group.
    next_f_cnt, max_f_cnt: first and last frame counter that the device accepts, 32 bits each.
    window: receive window; None without a session.
    """

    mc_group_id: int
    mc_addr: int
    keys: MulticastSessionKeys
    next_f_cnt: int
    max_f_cnt: int
    window: McWindow | None = None

    def listens(self, clock: PackageClock, region: Region | None, *, frequency_hz: int, data_rate: int) -> bool:
        """Return whether the radio receives a frame that begins now.

        clock: clock of the device. region: region of its radio, for hopping. frequency_hz, data_rate: of the frame.
        """
        window = self.window
        if window is None or window.data_rate != data_rate or not window.start_us <= clock.now_us < window.end_us:
            return False
        if frequency_hz != (window.frequency_hz or self._hop_hz(clock, region)):
            return False
        # Ping slots are counted from the beacon, so they are right even if the clock is wrong.
        return window.periodicity is None or _is_ping_slot(clock.true_us, self.mc_addr, window.periodicity)

    def open(self, phy_payload: bytes) -> MulticastFrame | None:
        """Return the frame and accept its counter; None if the frame is not for this group, or not new."""
        low = int.from_bytes(phy_payload[_F_CNT_OFFSET : _F_CNT_OFFSET + 2], "little")
        f_cnt = nearest_f_cnt(self.next_f_cnt, low)
        if f_cnt > self.max_f_cnt or (frame := _decipher(phy_payload, self.keys, self.mc_addr, f_cnt)) is None:
            return None
        self.next_f_cnt = f_cnt + 1
        return frame

    def _hop_hz(self, clock: PackageClock, region: Region | None) -> int:
        return 0 if region is None else region.ping_slot_hz(self.mc_addr, beacon_time_of(clock.true_us))


@lru_cache(maxsize=64)
def _decipher(phy_payload: bytes, keys: MulticastSessionKeys, mc_addr: int, f_cnt: int) -> MulticastFrame | None:
    """Decipher a frame. The result is cached, because ten thousand devices of one process have the same keys."""
    try:
        return open_multicast(phy_payload, keys, mc_addr=mc_addr, next_f_cnt=f_cnt)
    except MessageError:
        return None


@lru_cache(maxsize=64)
def _is_ping_slot(true_us: int, mc_addr: int, periodicity: int) -> bool:
    return next_ping_slot_us(true_us - 1, mc_addr, periodicity) == true_us
