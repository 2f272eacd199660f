"""The calls of fuota that are timed, as a user would make them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from cases import DecoderParameters, SessionParameters
from numpy.typing import NDArray

from fuota.fragmentation import FragDecoder, FragmentationSession
from fuota.fragmentation.parity import ParityCode


def rows(code: ParityCode, numbers: NDArray[np.int64], out: NDArray[np.uint64] | None = None) -> NDArray[np.uint64]:
    """Return parity rows. out: existing memory for them, which the plain C loop has too."""
    return code.rows(numbers, threads=1, out=out)


def encode(session: SessionParameters, threads: int | None = 1) -> NDArray[np.uint8]:
    """Return all fragments of a block. session: parameters of FragmentationSession.fit."""
    return FragmentationSession.fit(**session).encode(threads=threads)


def decode_batch(
    session: DecoderParameters, numbers: NDArray[np.int64], payloads: NDArray[np.uint8], threads: int | None = 1
) -> FragDecoder:
    """Decode all fragments that arrived at once. session: parameters of FragDecoder."""
    decoder = FragDecoder(**session, threads=threads)
    decoder.feed_many(numbers, payloads)
    return decoder


def decode_one_by_one(session: DecoderParameters, fragments: Iterable[tuple[int, bytes]]) -> FragDecoder:
    """Decode the same fragments one by one, as they are received."""
    decoder = FragDecoder(**session, threads=1)
    for n, payload in fragments:
        decoder.feed(n, payload)
    return decoder
