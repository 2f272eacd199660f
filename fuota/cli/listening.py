"""Where the data stream is received, who may post there, and where uplinks are kept."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fuota.cli.options.server import open_journal
from fuota.errors import StorageError

if TYPE_CHECKING:
    from fuota.network import Uplink
    from fuota.network.webhook import BackgroundServer

    Store = Callable[[list[Uplink]], None]

TOKEN_VARIABLE = "FUOTA_LISTEN_TOKEN"  # noqa: S105 - its name


def receiver_at(address: str, store: Store) -> BackgroundServer:
    """A receiver at HOST:PORT that hands uplinks to `store` before it acknowledges them; not started yet.

    The token is in the environment. Raises click.UsageError for an address, and for one that is open to others without a
    token.
    """
    from fuota.network.webhook import BackgroundServer, create_receiver

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise click.UsageError(f"--listen {address} is not HOST:PORT, such as 0.0.0.0:8381")
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and not _is_loopback(host):
        raise click.UsageError(
            f"--listen {address} is open to others: set {TOKEN_VARIABLE}, which the data stream must then send in the"
            " header x-fuota-token, or anybody could report devices as updated"
        )
    return BackgroundServer(create_receiver(store, token=token), host=host, port=int(port))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def storage(out: Path | None, state_dir: Path | None) -> Iterator[tuple[Store, Path]]:
    """Where uplinks are on disk once `store` returns, and its path: the file `out`, or else the journal."""
    if out is None:
        with closing(open_journal(state_dir)) as journal:
            yield journal.store_uplinks, journal.path
        return
    with _storage_errors(out):
        file = out.open("a+b")
    with file:
        _end_line(file)
        yield lambda uplinks: _append(file, out, uplinks), out


def _end_line(file: IO[bytes]) -> None:
    """After a crash the last line may be cut off: what follows begins a line of its own."""
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")


def _append(file: IO[bytes], path: Path, uplinks: list[Uplink]) -> None:
    lines = "".join(f"{json.dumps(uplink.to_json())}\n" for uplink in uplinks)
    with _storage_errors(path):
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"uplinks cannot be kept in {path}: {error.strerror or error}") from error
