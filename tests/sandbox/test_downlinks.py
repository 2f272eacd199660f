"""Queues of downlinks: three messages at most, their expiry, clearing, sending and acknowledgement."""

from __future__ import annotations

import pytest

from fuota.errors import BadRequestError, ParameterError
from fuota.sandbox.server.downlinks import DownlinkQueues

EUI, OTHER = "02000000F007A001", "02000000F007A002"
NOW = 1_700_000_000_000_000
MINUTE = 60_000_000


def test_downlinks_are_sent_in_order_and_leave_the_queue():
    queues = DownlinkQueues()
    first, second = (queues.queue(EUI, bytes([n]), now_us=NOW, port=7) for n in range(2))
    assert (first, second) == (1, 2)
    head = queues.next(EUI, NOW)
    assert (head.msg_id, head.pdu, head.port, head.confirmed) == (first, b"\0", 7, False)
    assert queues.next(EUI, NOW) == head, "it stays until it is sent"
    queues.mark_sent(head)
    queues.mark_sent(queues.next(EUI, NOW))
    assert queues.next(EUI, NOW) is None
    assert queues.next(OTHER, NOW) is None


def test_a_fourth_downlink_is_refused_and_each_device_has_its_queue():
    queues = DownlinkQueues()
    for _ in range(3):
        queues.queue(EUI, b"", now_us=NOW)
    with pytest.raises(BadRequestError, match=f"3 downlinks are queued for {EUI}"):
        queues.queue(EUI, b"", now_us=NOW)
    queues.queue(OTHER, b"", now_us=NOW)


def test_clear_removes_earlier_downlinks():
    queues = DownlinkQueues()
    for _ in range(3):
        queues.queue(EUI, b"old", now_us=NOW)
    number = queues.queue(EUI, b"new", now_us=NOW, clear=True)
    assert [downlink.msg_id for downlink in queues.queued(EUI, NOW)] == [number]


def test_an_expired_downlink_is_not_sent_and_frees_its_place():
    queues = DownlinkQueues()
    for minutes in (1, 2, 65):
        queues.queue(EUI, b"", now_us=NOW, timeout_minutes=minutes)
    assert len(queues.queued(EUI, NOW + MINUTE - 1)) == 3
    assert len(queues.queued(EUI, NOW + MINUTE)) == 2
    queues.queue(EUI, b"", now_us=NOW + MINUTE)
    assert queues.next(EUI, NOW + MINUTE).msg_id == 2
    assert queues.next(EUI, NOW + 500 * MINUTE) is None


def test_a_timeout_of_zero_is_refused():
    with pytest.raises(ParameterError, match="nearest: 1"):
        DownlinkQueues().queue(EUI, b"", now_us=NOW, timeout_minutes=0)


def test_an_immediate_downlink_is_first_and_expires_before_the_next_uplink():
    queues = DownlinkQueues()
    queues.queue(EUI, b"", now_us=NOW)
    queues.queue(EUI, b"now", now_us=NOW, immediate=True)
    assert queues.next(EUI, NOW + 1_999_999).pdu == b"now"
    assert queues.next(EUI, NOW + 2_000_000).pdu == b""


def test_a_confirmed_downlink_is_sent_again_until_it_is_acknowledged():
    queues = DownlinkQueues()
    number = queues.queue(EUI, b"", now_us=NOW, confirmed=True)
    queues.queue(EUI, b"after", now_us=NOW)
    assert queues.acknowledge(EUI) is None, "nothing has been sent yet"
    for _ in range(2):
        queues.mark_sent(queues.next(EUI, NOW))
        assert queues.next(EUI, NOW).msg_id == number
    assert queues.acknowledge(EUI) == number
    assert queues.acknowledge(EUI) is None
    assert queues.next(EUI, NOW).pdu == b"after"


def test_a_confirmed_downlink_without_acknowledgement_expires():
    queues = DownlinkQueues()
    queues.queue(EUI, b"", now_us=NOW, confirmed=True, timeout_minutes=2)
    queues.mark_sent(queues.next(EUI, NOW))
    assert queues.next(EUI, NOW + 2 * MINUTE) is None


def test_clearing_returns_the_numbers_of_removed_downlinks():
    queues = DownlinkQueues()
    numbers = [queues.queue(EUI, b"", now_us=NOW) for _ in range(3)]
    assert queues.clear(EUI, NOW, msg_id=numbers[1]) == [numbers[1]]
    assert queues.clear(EUI, NOW, msg_id=numbers[1]) == []
    assert queues.clear(EUI, NOW) == [numbers[0], numbers[2]]
    assert queues.clear(EUI, NOW) == []


def test_on_queued_is_called_for_each_queued_downlink():
    queued_euis = []
    queues = DownlinkQueues(on_queued=queued_euis.append)
    queues.queue(EUI, b"", now_us=NOW)
    queues.queue(OTHER, b"", now_us=NOW)
    assert queued_euis == [EUI, OTHER]


def test_a_snapshot_has_the_waiting_downlinks_and_numbers_continue():
    queues = DownlinkQueues()
    queues.queue(EUI, b"a", now_us=NOW, timeout_minutes=1)
    queues.queue(EUI, b"b", now_us=NOW)
    queues.queue(OTHER, b"c", now_us=NOW)
    later = DownlinkQueues(queues.snapshot(NOW + MINUTE), first_msg_id=queues.last_msg_id + 1)
    assert [downlink.pdu for downlink in later.queued(EUI, NOW + MINUTE)] == [b"b"]
    assert later.queue(EUI, b"", now_us=NOW) == 4
