"""The jobs of each measurement by name, ready to be timed. Their results are compared before they are returned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import ours
import peers
from cases import ROW_COUNT, Case, Reception
from measure import Job
from numpy.typing import NDArray
from words import pack_bytes

from fuota.fragmentation.parity import ParityCode

OURS, ONE_BY_ONE, PLAIN, M4RI = "fuota", "fuota, one at a time", "plain C rows", "libm4ri"
Jobs = dict[str, Job]


def row_contenders() -> list[str]:
    return [OURS, *([PLAIN] if peers.load().plain_rows else [])]


def encode_contenders() -> list[str]:
    return [OURS, *([PLAIN] if peers.load().plain_rows else []), *([M4RI] if peers.load().m4ri else [])]


def decode_contenders() -> list[str]:
    return [OURS, ONE_BY_ONE, *([M4RI] if peers.load().m4ri else [])]


def rows(nb_frag: int, version: int, count: int = ROW_COUNT) -> Jobs:
    """Return the jobs that make the first `count` parity rows of M = nb_frag."""
    code = ParityCode(nb_frag=nb_frag, version=version)
    numbers = np.arange(nb_frag + 1, nb_frag + count + 1, dtype=np.int64)
    out = ours.rows(code, numbers)
    jobs: Jobs = {OURS: lambda: ours.rows(code, numbers, out)}
    if plain := peers.load().plain_rows:
        jobs[PLAIN], result = plain.job(nb_frag, numbers, version)
        jobs[PLAIN]()
        _same(f"rows, M = {nb_frag}, v{version}", result, ours.rows(code, numbers))
    return jobs


@contextmanager
def encode(case: Case) -> Iterator[Jobs]:
    """Yield the jobs that encode: ours from the bytes to all fragments, the multiplication of libm4ri, and the plain C rows."""
    session = case.session()
    encoded = ours.encode(session)
    nb_coded = len(encoded) - case.nb_frag
    jobs: Jobs = {OURS: lambda: ours.encode(session)}
    if peers.load().plain_rows:
        jobs[PLAIN] = rows(case.nb_frag, case.version, nb_coded)[PLAIN]
    m4ri = peers.load().m4ri
    if not m4ri:
        yield jobs
        return
    block, coded = pack_bytes(encoded[: case.nb_frag]), pack_bytes(encoded[case.nb_frag :])
    with m4ri.encoder(_parity(case, np.arange(case.nb_frag, len(encoded)) + 1), block) as (jobs[M4RI], result):
        jobs[M4RI]()
        _same(f"encode {case.name}", result(), coded)
        yield jobs


@contextmanager
def decode(reception: Reception) -> Iterator[Jobs]:
    """Yield the jobs that decode: ours from the fragments to the bytes of the block, and the solution of libm4ri for given rows."""
    session, case = reception.session, reception.case
    numbers, payloads, fragments = reception.numbers, reception.payloads, reception.fragments
    jobs: Jobs = {
        OURS: lambda: ours.decode_batch(session, numbers, payloads).data(),
        ONE_BY_ONE: lambda: ours.decode_one_by_one(session, fragments).data(),
    }
    for name, job in jobs.items():
        if job() != case.data:
            raise RuntimeError(f"decode {reception.name}: {name} decoded another block than was sent")
    m4ri = peers.load().m4ri
    if not m4ri:
        yield jobs
        return
    parity = _parity(case, numbers[len(numbers) - reception.nb_coded :])
    with m4ri.decoder(parity, reception.coded_words, reception.block_words, reception.lost) as (jobs[M4RI], result):
        jobs[M4RI]()
        _same(f"decode {reception.name}", result(), reception.lost_words)
        yield jobs


def _parity(case: Case, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    return ours.rows(ParityCode(nb_frag=case.nb_frag, version=case.version), numbers)


def _same(what: str, theirs: NDArray[np.uint64], ours_: NDArray[np.uint64]) -> None:
    if not np.array_equal(theirs, ours_):
        raise RuntimeError(
            f"{what}: the results of fuota and of the other program differ; nothing is timed until they agree"
        )
