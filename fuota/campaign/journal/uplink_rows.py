"""Rows of uplinks: the body of each request as it came, and a narrow row with what a verdict needs of each notification in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fuota.campaign.journal.database import Value
from fuota.campaign.journal.rows import insert, insert_all
from fuota.network import Uplink
from fuota.network.stream_body import StreamBody

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMessage:
    """Uplink of a device, as far as a verdict needs it.

    None stands for a field that the server left out.

    seq: order of arrival, from 1. dev_eui: DevEUI. port: FPort. join_id: number of the join. seqno: number of the uplink.
    sent_us: time of `txtime` since 1970 in us. app_eui: JoinEUI. tags: tags of the device. pdu: payload.
    """

    seq: int
    dev_eui: str
    port: int | None
    join_id: int | None
    seqno: int | None
    sent_us: int | None
    app_eui: str | None
    tags: frozenset[str]
    pdu: bytes


class UplinkWriter:
    """Writes bodies and their notifications in a transaction of `db`.

    known: numbers of devices by DevEUI. Rows of devices are never changed or deleted, so these numbers stay right.
    new: numbers of devices that the transaction adds; they count once it is on disk.
    """

    def __init__(self, db: sqlite3.Connection, known: Mapping[str, int] | None = None) -> None:
        self._db = db
        self._known = {} if known is None else known
        self.new: dict[str, int] = {}

    def write(self, at_ms: int, bodies: Iterable[StreamBody]) -> int:
        """Write the bodies, and return the number of notifications in them. at_ms: local time of the arrival in ms."""
        (first_nr,) = self._db.execute("SELECT COALESCE(MAX(nr), 0) + 1 FROM body").fetchone()
        (first_seq,) = self._db.execute("SELECT COALESCE(MAX(seq), 0) + 1 FROM uplink").fetchone()
        body_rows: list[tuple[Value, ...]] = []
        uplink_rows: list[tuple[Value, ...]] = []
        for nr, body in enumerate(bodies, first_nr):
            body_rows.append((nr, at_ms, body.raw))
            for position, uplink in body.uplinks:
                seq, dev = first_seq + len(uplink_rows), self._number_of(uplink.dev_eui)
                uplink_rows.append((seq, dev, nr, position, *_narrow(uplink)))
        insert_all(self._db, "body", body_rows)
        insert_all(self._db, "uplink", uplink_rows)
        return len(uplink_rows)

    def _number_of(self, dev_eui: str) -> int:
        dev = self._known.get(dev_eui) or self.new.get(dev_eui)
        if dev is None:
            dev = self.new[dev_eui] = self._recorded_number(dev_eui)
        return dev

    def _recorded_number(self, dev_eui: str) -> int:
        row = self._db.execute("SELECT dev FROM device WHERE dev_eui = ?", (dev_eui,)).fetchone()
        if row is not None:
            return int(row[0])
        (dev,) = self._db.execute("SELECT COALESCE(MAX(dev), 0) + 1 FROM device").fetchone()
        insert(self._db, "device", dev, dev_eui)
        return int(dev)


def message_from(row: sqlite3.Row, dev_euis: Mapping[int, str]) -> DeviceMessage:
    """Return the message of a row of `uplink`. dev_euis: DevEUI of each device number. Raises KeyError for an unknown device."""
    return DeviceMessage(
        seq=row["seq"],
        dev_eui=dev_euis[row["dev"]],
        port=row["port"],
        join_id=row["join_id"],
        seqno=row["seqno"],
        sent_us=row["sent_us"],
        app_eui=row["app_eui"],
        tags=frozenset(row["tags"].split(",")) if row["tags"] else frozenset(),
        pdu=row["pdu"],
    )


def _narrow(uplink: Uplink) -> tuple[int | str | bytes | None, ...]:
    sent_us = None if uplink.txtime is None else (uplink.txtime - EPOCH) // _MICROSECOND
    tags = ",".join(uplink.tags) or None
    return (uplink.port, uplink.join_id, uplink.seqno, sent_us, uplink.app_eui, tags, uplink.pdu)
