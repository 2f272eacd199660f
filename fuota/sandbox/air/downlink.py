"""Messages to single devices, and the parts of the server that have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """A message to one device, before it is put into a frame. port: None for a frame without FPort. pending: FPending bit."""

    port: int | None
    payload: bytes
    confirmed: bool = False
    pending: bool = False


class DownlinkSource(Protocol):
    """A part of the network server that has messages for single devices."""

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """Return the message to send to this device now and count it as sent, or None."""
        ...

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """Return whether there is a message for this device, now or soon."""
        ...
