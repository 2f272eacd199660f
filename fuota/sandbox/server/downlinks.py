"""Downlinks that wait for their devices: queues of three, as sendmsg and clearmsgs have them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from fuota.errors import BadRequestError, ParameterError

MAX_QUEUED = 3
"""Reference, "Application Payload": "Downlink queues support up to 3 downlinks"."""
DEFAULT_TIMEOUT_MINUTES = 65
IMMEDIATE_US = 2_000_000
"""What is meant for the current uplink is pointless after its second receive window (RECEIVE_DELAY2, TS001-1.0.4)."""
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedDownlink:
    """A message to one device. `dev_class`: in which way it is sent ("A", "B", "C"), None for the device's own.

    `expires_us`: from then on it is not sent, nor its acknowledgement waited for.
    """

    msg_id: int
    dev_eui: str
    pdu: bytes
    port: int
    expires_us: int
    confirmed: bool = False
    dev_class: str | None = None
    immediate: bool = False


class Downlinks:
    """The queues of all devices; times are virtual, in microseconds since 1970.

    A device's chance for a downlink: `next` is what to send it, and `sent` tells that it went out, which takes it from the
    queue. A confirmed one stays and is sent again at each chance, until `acknowledged` or its time is over.
    `on_queued`: called with the EUI of a device that something was queued for, which one of class C can have at once.
    """

    def __init__(self, *, first_msg_id: int = 1) -> None:
        self._numbers = itertools.count(first_msg_id)
        self._queues: dict[str, list[QueuedDownlink]] = {}
        self._unanswered: dict[str, int] = {}
        self.on_queued: Callable[[str], None] | None = None
        self.last_msg_id = first_msg_id - 1

    def new_msg_id(self) -> int:
        """A number for a message that is not queued here, such as one to a multicast group."""
        self.last_msg_id = next(self._numbers)
        return self.last_msg_id

    def queue(  # noqa: PLR0913 - the call's own parameters
        self,
        dev_eui: str,
        pdu: bytes,
        *,
        now_us: int,
        port: int = 1,
        confirmed: bool = False,
        timeout_minutes: int = DEFAULT_TIMEOUT_MINUTES,
        clear: bool = False,
        dev_class: str | None = None,
        immediate: bool = False,
    ) -> int:
        """sendmsg; the message's number. Raises BadRequestError where three are queued already, and ParameterError.

        `clear` forgets what was queued before. An `immediate` one goes before the others and waits two seconds at most.
        """
        if timeout_minutes < 1:
            raise ParameterError(f"timeoutMinutes is {timeout_minutes}: it must be 1 or more; the nearest is 1")
        queue = [] if clear else self.queued(dev_eui, now_us)
        if len(queue) >= MAX_QUEUED:
            raise BadRequestError(
                f"{MAX_QUEUED} downlinks are queued for {dev_eui}, the most there can be: clear them, or wait"
            )
        lasts_us = IMMEDIATE_US if immediate else timeout_minutes * _MINUTE_US
        downlink = QueuedDownlink(
            msg_id=self.new_msg_id(),
            dev_eui=dev_eui,
            pdu=pdu,
            port=port,
            expires_us=now_us + lasts_us,
            confirmed=confirmed,
            dev_class=dev_class,
            immediate=immediate,
        )
        queue.insert(0 if immediate else len(queue), downlink)
        self._queues[dev_eui] = queue
        if self.on_queued is not None:
            self.on_queued(dev_eui)
        return downlink.msg_id

    def queued(self, dev_eui: str, now_us: int) -> list[QueuedDownlink]:
        """What waits for a device, the next one first."""
        return [one for one in self._queues.get(dev_eui, ()) if one.expires_us > now_us]

    def next(self, dev_eui: str, now_us: int) -> QueuedDownlink | None:
        """What to send a device that can hear now; it stays queued until it is `sent`."""
        if dev_eui not in self._queues:
            return None
        waiting = self._queues[dev_eui] = self.queued(dev_eui, now_us)
        if not waiting:
            del self._queues[dev_eui]
            return None
        return waiting[0]

    def sent(self, downlink: QueuedDownlink) -> None:
        """It went out, whether or not the device heard it."""
        if downlink.confirmed:
            self._unanswered[downlink.dev_eui] = downlink.msg_id
        else:
            self._take(downlink.dev_eui, downlink.msg_id)

    def acknowledged(self, dev_eui: str) -> int | None:
        """The device has acknowledged a confirmed downlink; the number of the last one sent, None where there was none."""
        if (msg_id := self._unanswered.pop(dev_eui, None)) is not None:
            self._take(dev_eui, msg_id)
        return msg_id

    def clear(self, dev_eui: str, now_us: int, *, msg_id: int | None = None) -> list[int]:
        """clearmsgs; the numbers of what was queued and is no longer."""
        cleared = [one.msg_id for one in self.queued(dev_eui, now_us) if msg_id in (None, one.msg_id)]
        for number in cleared:
            self._take(dev_eui, number)
        return cleared

    def snapshot(self, now_us: int) -> list[QueuedDownlink]:
        """All that waits, for a state file."""
        return [one for dev_eui in self._queues for one in self.queued(dev_eui, now_us)]

    def restore(self, downlinks: list[QueuedDownlink]) -> None:
        """What waited when the state was saved."""
        for downlink in downlinks:
            self._queues.setdefault(downlink.dev_eui, []).append(downlink)

    def _take(self, dev_eui: str, msg_id: int) -> None:
        left = [one for one in self._queues.get(dev_eui, ()) if one.msg_id != msg_id]
        if left:
            self._queues[dev_eui] = left
        else:
            self._queues.pop(dev_eui, None)
