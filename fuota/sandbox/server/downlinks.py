"""Queues of downlinks: three for each device, as sendmsg and clearmsgs use them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fuota import rules
from fuota.errors import BadRequestError
from fuota.sandbox.air.downlink import Downlink

MAX_QUEUED = 3
"""Reference, "Application Payload": "Downlink queues support up to 3 downlinks"."""
DEFAULT_TIMEOUT_MINUTES = 65
IMMEDIATE_US = 2_000_000
"""Lifetime of a downlink for the present uplink, which ends after the second receive window (RECEIVE_DELAY2, TS001-1.0.4)."""
_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedDownlink:
    """A message that waits for one device. dev_class: class in which it is sent ("A", "B", "C"), None for the device's class.

    expires_us: time from which it is no longer sent and its acknowledgement no longer awaited.
    """

    msg_id: int
    dev_eui: str
    pdu: bytes
    port: int
    expires_us: int
    confirmed: bool = False
    dev_class: str | None = None
    immediate: bool = False


class DownlinkQueues:
    """Queues of all devices. Times are virtual, in microseconds since 1970.

    queued: downlinks that wait already, in order. first_msg_id: number of the next message. on_queued: called with the EUI of a
    device when a message is queued for it, since a class C device can receive it at once.

    When a device can hear, `next` returns its message and `mark_sent` takes it out of the queue. A confirmed message stays and is
    sent again each time the device can hear, until `acknowledge` is called or it expires.
    """

    def __init__(
        self,
        queued: Iterable[QueuedDownlink] = (),
        *,
        first_msg_id: int = 1,
        on_queued: Callable[[str], None] | None = None,
    ) -> None:
        self._numbers = itertools.count(first_msg_id)
        self._queues: dict[str, list[QueuedDownlink]] = {}
        for downlink in queued:
            self._queues.setdefault(downlink.dev_eui, []).append(downlink)
        self._unanswered: dict[str, int] = {}
        self._on_queued = on_queued
        self.last_msg_id = first_msg_id - 1

    def new_msg_id(self) -> int:
        """Return the number of a message that is not queued here, such as a message to a multicast group."""
        self.last_msg_id = next(self._numbers)
        return self.last_msg_id

    def queue(  # noqa: PLR0913 - the parameters of the call
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
        """Queue a message (sendmsg) and return its number.

        clear: drop the messages queued before. immediate: send it before the others, within two seconds or never.
        Raises BadRequestError if three messages are queued already, and ParameterError.
        """
        rules.integer("timeoutMinutes", timeout_minutes, 1)
        queue = [] if clear else self.queued(dev_eui, now_us)
        if len(queue) >= MAX_QUEUED:
            raise BadRequestError(f"{MAX_QUEUED} downlinks are queued for {dev_eui}, the maximum: clear them, or wait")
        lifetime_us = IMMEDIATE_US if immediate else timeout_minutes * _MINUTE_US
        downlink = QueuedDownlink(
            msg_id=self.new_msg_id(),
            dev_eui=dev_eui,
            pdu=pdu,
            port=port,
            expires_us=now_us + lifetime_us,
            confirmed=confirmed,
            dev_class=dev_class,
            immediate=immediate,
        )
        queue.insert(0 if immediate else len(queue), downlink)
        self._queues[dev_eui] = queue
        if self._on_queued is not None:
            self._on_queued(dev_eui)
        return downlink.msg_id

    def queued(self, dev_eui: str, now_us: int) -> list[QueuedDownlink]:
        """Return the messages that wait for a device, the next message first."""
        return [downlink for downlink in self._queues.get(dev_eui, ()) if downlink.expires_us > now_us]

    def next(self, dev_eui: str, now_us: int) -> QueuedDownlink | None:
        """Return the message to send to a device that can hear now, or None. It stays queued until `mark_sent`."""
        if dev_eui not in self._queues:
            return None
        waiting = self._queues[dev_eui] = self.queued(dev_eui, now_us)
        if not waiting:
            del self._queues[dev_eui]
            return None
        return waiting[0]

    def mark_sent(self, downlink: QueuedDownlink) -> None:
        """Record that a message was sent, whether or not the device has heard it."""
        if downlink.confirmed:
            self._unanswered[downlink.dev_eui] = downlink.msg_id
        else:
            self._remove(downlink.dev_eui, downlink.msg_id)

    def acknowledge(self, dev_eui: str) -> int | None:
        """Record an acknowledgement of a device. Return the number of the last confirmed message sent, or None."""
        if (msg_id := self._unanswered.pop(dev_eui, None)) is not None:
            self._remove(dev_eui, msg_id)
        return msg_id

    def clear(self, dev_eui: str, now_us: int, *, msg_id: int | None = None) -> list[int]:
        """Remove the queued messages of a device, or only message `msg_id` (clearmsgs). Return the numbers removed."""
        cleared = [downlink.msg_id for downlink in self.queued(dev_eui, now_us) if msg_id in (None, downlink.msg_id)]
        for number in cleared:
            self._remove(dev_eui, number)
        return cleared

    def snapshot(self, now_us: int) -> list[QueuedDownlink]:
        """Return all messages that wait, for a state file."""
        return [downlink for dev_eui in self._queues for downlink in self.queued(dev_eui, now_us)]

    def _remove(self, dev_eui: str, msg_id: int) -> None:
        remaining = [downlink for downlink in self._queues.get(dev_eui, ()) if downlink.msg_id != msg_id]
        if remaining:
            self._queues[dev_eui] = remaining
        else:
            self._queues.pop(dev_eui, None)


class QueueSource:
    """The queues as a `DownlinkSource` of the air.

    resend_us: minimum time before a confirmed downlink that was not acknowledged is sent again.
    """

    def __init__(self, queues: DownlinkQueues, *, resend_us: int) -> None:
        self._queues, self._resend_us = queues, resend_us
        self._sent_us: dict[int, int] = {}

    def waits(self, dev_eui: str, now_us: int) -> bool:
        """See `DownlinkSource`."""
        return self._queues.next(dev_eui, now_us) is not None

    def next(self, dev_eui: str, now_us: int) -> Downlink | None:
        """See `DownlinkSource`."""
        queued = self._queues.next(dev_eui, now_us)
        if queued is None or now_us < self._sent_us.get(queued.msg_id, 0) + self._resend_us:
            return None
        self._queues.mark_sent(queued)
        if queued.confirmed:
            recent = {
                msg_id: sent_us for msg_id, sent_us in self._sent_us.items() if now_us < sent_us + self._resend_us
            }
            self._sent_us = {**recent, queued.msg_id: now_us}
        pending = not queued.confirmed and self.waits(dev_eui, now_us)
        return Downlink(port=queued.port, payload=queued.pdu, confirmed=queued.confirmed, pending=pending)
