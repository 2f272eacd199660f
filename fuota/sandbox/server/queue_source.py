"""The queues of downlinks as something that devices are sent from at their chances."""

from __future__ import annotations

from fuota.sandbox.air.mac import Downlink
from fuota.sandbox.server.downlinks import Downlinks


class QueueSource:
    """See `air.Source`. A confirmed downlink is sent again after `again_us` at the soonest, until it is acknowledged."""

    def __init__(self, downlinks: Downlinks, *, again_us: int) -> None:
        self._downlinks, self._again_us = downlinks, again_us
        self._sent_us: dict[int, int] = {}

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `air.Source`."""
        return self._downlinks.next(dev_eui, now_us) is not None

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `air.Source`."""
        queued = self._downlinks.next(dev_eui, now_us)
        if queued is None or now_us < self._sent_us.get(queued.msg_id, 0) + self._again_us:
            return None
        self._downlinks.sent(queued)
        if queued.confirmed:
            recent = {one: sent_us for one, sent_us in self._sent_us.items() if now_us < sent_us + self._again_us}
            self._sent_us = {**recent, queued.msg_id: now_us}
        pending = not queued.confirmed and self.waits(dev_eui, now_us)
        return Downlink(port=queued.port, payload=queued.pdu, confirmed=queued.confirmed, pending=pending)
