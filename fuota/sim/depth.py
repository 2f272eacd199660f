"""The same devices with the decoder that they could run: every payload is made, lost or fed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.fragmentation import FragDecoder, FragmentationSession
from fuota.gf2 import Words, unpack_bits
from fuota.planning import TransmissionPlan


def decode_bytes(plan: TransmissionPlan, lost: Words, most_lost: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """As kernels.decode_fleet: what each device lacks (-1: it gave up), and the number of the fragment that completed it, else 0.

    The image is of random octets: what it says makes no difference to what arrives. A decoder that ends with another one raises
    AssertionError.
    """
    image = np.random.default_rng(0).bytes(plan.image.size)
    session = FragmentationSession.fit(
        image, frag_size=plan.frag_size, redundancy=plan.nb_coded, version=plan.version, variant=plan.variant
    )
    fragments = [(fragment.n, fragment.payload) for fragment in session.fragments()]
    results = [_device(plan, fragments, row, most_lost, image) for row in unpack_bits(lost, plan.frames)]
    missing, complete_at = np.array(results, dtype=np.int32).reshape(-1, 2).T
    return missing, complete_at


def _device(
    plan: TransmissionPlan,
    fragments: list[tuple[int, bytes]],
    lost: NDArray[np.uint8],
    most_lost: int,
    image: bytes,
) -> tuple[int, int]:
    if int(lost[: plan.nb_frag].sum()) > most_lost:
        return -1, 0
    decoder = FragDecoder(
        nb_frag=plan.nb_frag,
        frag_size=plan.frag_size,
        padding=plan.padding,
        version=plan.version,
        variant=plan.variant,
    )
    for (n, payload), gone in zip(fragments, lost, strict=True):
        if not gone and decoder.feed(n, payload):
            if decoder.data() != image:
                raise AssertionError("a decoder ended with another image")
            return 0, n
    return decoder.missing, 0
