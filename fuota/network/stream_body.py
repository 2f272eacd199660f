"""Bodies of the data stream, with their usable notifications and the reasons why others are refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fuota.errors import MessageError
from fuota.network.uplinks import Uplink, decode_body, read_notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A notification that cannot be used. position: its place in the batch, from 0. reason: the field and its rule."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBody:
    """Body of one request of the data stream.

    raw: the bytes as they came. uplinks: the usable notifications, each with its place in the batch, from 0.
    refusals: the other notifications; if the body is not JSON, a single refusal at place 0.
    """

    raw: bytes
    uplinks: tuple[tuple[int, Uplink], ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def size(self) -> int:
        """Number of notifications, usable or not."""
        return len(self.uplinks) + len(self.refusals)

    @classmethod
    def of(cls, uplinks: Sequence[Uplink]) -> StreamBody:
        """Return the body of one batch of uplinks."""
        raw = json.dumps([uplink.to_json() for uplink in uplinks]).encode()
        return cls(raw=raw, uplinks=tuple(enumerate(uplinks)))


def read_body(raw: bytes) -> StreamBody:
    """Return a body with its notifications. Never raises: what cannot be used is a refusal."""
    try:
        content = decode_body(raw)
    except MessageError as error:
        return StreamBody(raw=raw, refusals=(Refusal(position=0, reason=str(error)),))
    uplinks, refusals = [], []
    batch = content if isinstance(content, list) else [content]
    for position, item in enumerate(batch):
        try:
            uplinks.append((position, read_notification(item, f"notification {position + 1} of {len(batch)}")))
        except MessageError as error:
            refusals.append(Refusal(position=position, reason=str(error)))
    return StreamBody(raw=raw, uplinks=tuple(uplinks), refusals=tuple(refusals))
