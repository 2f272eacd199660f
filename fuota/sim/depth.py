"""Simulation with the decoders of devices: every payload is made, and lost or fed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fuota.device.native import DecoderMemory, NativeDecoder
from fuota.fragmentation import FragDecoder, FragmentationSession
from fuota.gf2 import Words, unpack_bits
from fuota.planning import TransmissionPlan


def decode_bytes(
    plan: TransmissionPlan, lost: Words, most_lost: int, *, native: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the same as kernels.decode_fleet, int32 (devices,) each.

    First the rank that each device lacks, -1 if it gave up; then the number of the fragment that completed it, 0 if none did.
    lost: words (devices, words), the frames that each device loses. most_lost: number of lost fragments that the decoder holds.
    native: use the decoder in C that devices run, with memory for `most_lost`; otherwise the decoder in Python.
    The image is of random bytes, because its content makes no difference. Raises AssertionError if a decoder returns another
    image, StorageError if the C decoder cannot be compiled.
    """
    image = np.random.default_rng(0).bytes(plan.image.size)
    session = FragmentationSession.fit(
        image, frag_size=plan.frag_size, redundancy=plan.nb_coded, version=plan.version, variant=plan.variant
    )
    fragments = [(fragment.n, fragment.payload) for fragment in session.fragments()]
    results = []
    for row in unpack_bits(lost, plan.frames):
        gave_up = int(row[: plan.nb_frag].sum()) > most_lost
        results.append((-1, 0) if gave_up else _device(_decoder(plan, most_lost, native), fragments, row, image))
    missing, complete_at = np.array(results, dtype=np.int32).reshape(-1, 2).T
    return missing, complete_at


def _decoder(plan: TransmissionPlan, most_lost: int, native: bool) -> FragDecoder | NativeDecoder:
    parameters = {
        "nb_frag": plan.nb_frag,
        "frag_size": plan.frag_size,
        "padding": plan.padding,
        "version": plan.version,
    }
    if not native:
        return FragDecoder(**parameters, variant=plan.variant)
    memory = DecoderMemory(capacity=max(1, min(most_lost, plan.nb_frag)))
    return NativeDecoder(**parameters, variant=plan.variant, memory=memory)


def _device(
    decoder: FragDecoder | NativeDecoder, fragments: list[tuple[int, bytes]], lost: NDArray[np.uint8], image: bytes
) -> tuple[int, int]:
    for (n, payload), is_lost in zip(fragments, lost, strict=True):
        if not is_lost and decoder.feed(n, payload):
            if decoder.data() != image:
                raise AssertionError("a decoder returned another image")
            return 0, n
    return decoder.missing, 0
