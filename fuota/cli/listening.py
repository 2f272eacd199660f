"""Receiver of the data stream: its address, its token, and its storage of uplinks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fuota.errors import StorageError
from fuota.text import counted, printable

if TYPE_CHECKING:
    from fuota.campaign import Journal
    from fuota.cli.output import Output
    from fuota.network.background import BackgroundServer
    from fuota.network.connections import Connections
    from fuota.network.stream_body import StreamBody
    from fuota.network.webhook import ReceiverCounts

    Store = Callable[[list[StreamBody]], None]

_MAX_KINDS = 20
"""Limit for the kinds of refusals that are shown."""
TOKEN_VARIABLE = "FUOTA_LISTEN_TOKEN"  # noqa: S105 - name of the variable
"""Environment variable with the token that the data stream must send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Receiver of the data stream, and what it counts."""

    server: BackgroundServer
    counts: ReceiverCounts
    connections: Connections

    def summary(self) -> str:
        """Return what was received so far, in words; "" before the first request."""
        counts, closed = self.counts, self.connections.dropped + self.connections.late
        denied = counts.answers[403] + counts.answers[415]
        parts = [
            f"{counted(counts.stored, 'uplink')} stored" if counts.stored else "",
            f"{counts.refused} refused" if counts.refused else "",
            f"{counted(denied, 'request')} denied" if denied else "",
            f"{counted(counts.answers[500], 'request')} not stored" if counts.answers[500] else "",
            f"{counted(closed, 'connection')} without a request closed" if closed else "",
        ]
        return ", ".join(filter(None, parts))


def receiver_at(address: str, store: Store, *, cert: Path | None = None, key: Path | None = None) -> Receiver:
    """Return a receiver, not started, that passes bodies to `store` before it acknowledges them.

    address: HOST:PORT. cert, key: files of the certificate of an HTTPS receiver and of its key; None serves HTTP.
    Raises UsageError for another address, for an address that other machines reach if no token is set, and for a key without a
    certificate; ParameterError for a bad certificate.
    """
    from fuota.network.background import BackgroundServer, ServerCertificate
    from fuota.network.connections import Connections
    from fuota.network.webhook import MAX_HEADER_BYTES, ReceiverCounts, create_receiver

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise click.UsageError(f"--listen must be HOST:PORT, such as 0.0.0.0:8381, got {address}")
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and not _is_loopback(host):
        raise click.UsageError(
            f"--listen {address} is open to other machines: set {TOKEN_VARIABLE}, which the data stream must then send in the"
            " header x-fuota-token, or anybody could report devices as updated"
        )
    if key is not None and cert is None:
        raise click.UsageError("--key needs --cert: the certificate that belongs to the key")
    counts, connections = ReceiverCounts(), Connections()
    server = BackgroundServer(
        create_receiver(store, token=token, counts=counts, connections=connections),
        host=host,
        port=int(port),
        tls=None if cert is None else ServerCertificate(cert=cert, key=key),
        max_header_bytes=MAX_HEADER_BYTES,
        connections=connections,
    )
    return Receiver(server=server, counts=counts, connections=connections)


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Refusals:
    """Stores bodies, keeps the refused notifications in a file, and shows each kind of refusal once.

    count: number of refused notifications so far. path: the file.
    """

    def __init__(self, store: Store, path: Path, out: Output) -> None:
        self._store, self._out, self.path = store, out, path
        self._kinds: set[str] = set()
        self.count = 0

    def store(self, bodies: list[StreamBody]) -> None:
        """Store bodies; only a failure of `store` itself is raised, since the sender would send these bodies again."""
        self._store(bodies)
        if refusals := [refusal for body in bodies for refusal in body.refusals]:
            self.count += len(refusals)
            self._keep(bodies)
            for refusal in refusals:
                self._tell(refusal.reason)

    def _keep(self, bodies: list[StreamBody]) -> None:
        from fuota.campaign import RefusedFile

        try:
            RefusedFile(self.path).store_bodies(bodies)
        except StorageError as error:
            self._tell(str(error))

    def _tell(self, reason: str) -> None:
        kind = re.sub(r"[0-9]+", "", reason.partition(", got")[0])
        if kind not in self._kinds and len(self._kinds) < _MAX_KINDS:
            self._kinds.add(kind)
            self._out.event("refused", reason=reason, path=str(self.path))
            self._out.say(f"a notification cannot be used: {printable(reason)} (kept in {printable(str(self.path))})")


def journal_refusals(journal: Journal, out: Output) -> Refusals:
    """Return the storage of a receiver beside the journal."""
    return Refusals(journal.store_bodies, journal.path.with_name("refused.jsonl"), out)


@contextmanager
def uplink_storage(path: Path | None, state_dir: Path | None, out: Output) -> Iterator[tuple[Refusals, Path]]:
    """Provide a storage for bodies, and the path that it stores uplinks in, while the block lasts.

    path: a file; None is the journal in `state_dir`. Raises StorageError.
    """
    from fuota.campaign import UplinkFile, open_journal

    if path is not None:
        file = UplinkFile(path)
        yield Refusals(file.store_bodies, path.with_name(f"{path.name}.refused"), out), file.path
        return
    with closing(open_journal(state_dir)) as journal:
        yield journal_refusals(journal, out), journal.path
