"""Receiver of the data stream: its address, its token, and its storage of uplinks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fuota.network import Uplink
    from fuota.network.webhook import BackgroundServer

    Store = Callable[[list[Uplink]], None]

TOKEN_VARIABLE = "FUOTA_LISTEN_TOKEN"  # noqa: S105 - name of the variable
"""Environment variable with the token that the data stream must send."""


def receiver_at(address: str, store: Store) -> BackgroundServer:
    """Return a receiver, not started, that passes uplinks to `store` before it acknowledges them.

    address: HOST:PORT. Raises UsageError for another address, and for an address that other machines reach if no token is set.
    """
    from fuota.network.webhook import BackgroundServer, create_receiver

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise click.UsageError(f"--listen must be HOST:PORT, such as 0.0.0.0:8381, got {address}")
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and not _is_loopback(host):
        raise click.UsageError(
            f"--listen {address} is open to other machines: set {TOKEN_VARIABLE}, which the data stream must then send in the"
            " header x-fuota-token, or anybody could report devices as updated"
        )
    return BackgroundServer(create_receiver(store, token=token), host=host, port=int(port))


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def uplink_storage(path: Path | None, state_dir: Path | None) -> Iterator[tuple[Store, Path]]:
    """Provide a function that stores uplinks on disk, and the path that it stores them in, while the block lasts.

    path: a file; None is the journal in `state_dir`. Raises StorageError.
    """
    from fuota.campaign import UplinkFile, open_journal

    if path is not None:
        file = UplinkFile(path)
        yield file.store, file.path
        return
    with closing(open_journal(state_dir)) as journal:
        yield journal.store_uplinks, journal.path
