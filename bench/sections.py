"""The tables of the engine section. Each runs its cases side by side and compares them with the goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import jobs
import numpy as np
import ours
from cases import LOSSES, ROW_COUNT, ROW_SIZES, SIZES, VERSIONS, Case, Reception, cases, receive
from jobs import M4RI, ONE_BY_ONE, OURS, PLAIN
from markdown import ABSENT, at_least, at_most, milliseconds, quotient, table, times
from measure import cpu_side_by_side, peak_bytes, wall_side_by_side

TABLES_BYTES = 256 * 1024
"""Memory that decoding may need beside the block and L^2/8. Eight tables of 256 lines of 64 bytes are half of it; the other half
is for the accepted numbers, the pivots, and Python."""

THREADS_PAY_S = 0.005
"""Time with one thread from which a second thread must be faster."""
NOISE = 0.05
"""Share of the time that counts as noise."""

GROWTH_FRAG_SIZE, GROWTH_NB_FRAG = 112, 2000
NAMED = ("block", "fragment", "M", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Extent of the measurements. The default is everything; the tests of this folder use less."""

    sizes: tuple[tuple[int, int], ...] = SIZES
    row_sizes: tuple[int, ...] = ROW_SIZES
    losses: tuple[float, ...] = LOSSES
    growth_nb_frag: tuple[int, ...] = (500, 1000, 2000, 4000, 8000)
    growth_frag_sizes: tuple[int, ...] = (24, 48, 112, 232)
    rounds: int = 15


def rows(scale: Scale) -> list[str]:
    """Compare parity rows with the plain C loop."""
    head = ["M", "version", "plain C", "fuota", "fuota / plain C", "goal"]
    return [
        "### Parity rows",
        "",
        f"The first {ROW_COUNT} rows, in thousands of rows per second. Goal: 3 times the plain C loop.",
        "",
        *table(head, [_rows_line(scale, *sized) for sized in product(scale.row_sizes, VERSIONS)]),
    ]


def _rows_line(scale: Scale, nb_frag: int, version: int) -> list[str]:
    cpu = cpu_side_by_side(jobs.rows(nb_frag, version), scale.rounds)
    gain = quotient(cpu.get(PLAIN), cpu[OURS])
    rates = [f"{ROW_COUNT / cpu[who] / 1000:,.0f}" if who in cpu else ABSENT for who in (PLAIN, OURS)]
    return [f"{nb_frag}", f"{version}", *rates, times(gain), at_least(gain, 3)]


def encode(scale: Scale) -> list[str]:
    """Compare encoding with the multiplication of libm4ri."""
    head = [*NAMED, "libm4ri + plain C rows", "libm4ri", "fuota", "MB/s", "libm4ri / fuota", "goal"]
    return [
        "### Encode",
        "",
        "20 % redundancy; times in ms. fuota: from the bytes of the block to all fragments, with parity rows. libm4ri: only its"
        " multiplication, with given rows; also its sum with the time of the plain C rows. Goal: as fast as the multiplication.",
        "",
        *table(head, [_encode_line(scale, case) for case in cases(scale.sizes)]),
    ]


def _encode_line(scale: Scale, case: Case) -> list[str]:
    with jobs.encode(case) as contenders:
        cpu = cpu_side_by_side(contenders, scale.rounds)
    gain = quotient(cpu.get(M4RI), cpu[OURS])
    complete = cpu[M4RI] + cpu[PLAIN] if M4RI in cpu and PLAIN in cpu else None
    rate = f"{case.block_bytes / cpu[OURS] / 1e6:,.0f}"
    return [
        *_named(case),
        *map(milliseconds, (complete, cpu.get(M4RI), cpu[OURS])),
        rate,
        times(gain),
        at_least(gain, 1),
    ]


def decode(scale: Scale) -> list[str]:
    """Compare decoding, at once and one fragment at a time, with the syndrome and elimination of libm4ri."""
    head = ["loss", "L", "coded", "libm4ri", "batch", "batch / libm4ri", "goal", "one at a time", "/ batch", "goal"]
    receptions = [receive(case, loss) for case, loss in product(cases(scale.sizes), scale.losses)]
    return [
        "### Decode",
        "",
        "Independent losses of uncoded and coded fragments, which are fed in order until completion; times in ms. fuota: a new"
        " decoder, from the fragments to the bytes of the block, with parity rows. libm4ri: syndrome, gathering of the lost"
        " columns, and elimination together with the values, with given rows. Goals: the batch takes at most 2 times as long as"
        " libm4ri; one at a time takes at most 3 times as long as the batch. `all arrive`: no coded fragment is lost,"
        " because the 14 bits of N leave too few of them.",
        "",
        *table([*NAMED, *head], [_decode_line(scale, reception) for reception in receptions]),
    ]


def _decode_line(scale: Scale, reception: Reception) -> list[str]:
    with jobs.decode(reception) as contenders:
        cpu = cpu_side_by_side(contenders, scale.rounds)
    cost, singly = quotient(cpu[OURS], cpu.get(M4RI)), quotient(cpu[ONE_BY_ONE], cpu[OURS])
    coded = f"{reception.nb_coded}{' (all arrive)' if reception.all_coded_arrive else ''}"
    return [
        *_named(reception.case),
        *(f"{reception.loss:.0%}", f"{len(reception.lost)}", coded),
        *map(milliseconds, (cpu.get(M4RI), cpu[OURS])),
        *(times(cost), at_most(cost, 2)),
        *(milliseconds(cpu[ONE_BY_ONE]), times(singly), at_most(singly, 3)),
    ]


def threads(scale: Scale) -> list[str]:
    """Compare the wall time of one thread with the automatic number of threads."""
    head = [*NAMED, "work", "one thread", "automatic", "gain", "at least", "goal"]
    lines = [line for case in cases(scale.sizes) for line in _threads_lines(scale, case)]
    return [
        "### Two threads",
        "",
        "Wall time in ms, minimum of the rounds; two processors. `automatic`: threads=None, which uses a second thread only if"
        " there is enough work. Goal: 1.6 times as fast if one thread takes more than 5 ms, otherwise not slower, with"
        f" {NOISE:.0%} allowed for noise.",
        "",
        *table(head, lines),
    ]


def _threads_lines(scale: Scale, case: Case) -> list[list[str]]:
    arrived = receive(case, 0.1)
    work: dict[str, Callable[..., object]] = {
        "encode": partial(ours.encode, case.session()),
        "decode, 10 % lost": partial(ours.decode_batch, arrived.session, arrived.numbers, arrived.payloads),
    }
    lines = []
    for what, job in work.items():
        pair = {"1": partial(job, threads=1), "2": partial(job, threads=None)}
        wall = wall_side_by_side(pair, scale.rounds)
        goal = 1.6 if wall["1"] > THREADS_PAY_S else 1 - NOISE
        gain = wall["1"] / wall["2"]
        durations = map(milliseconds, wall.values())
        lines.append([*_named(case), what, *durations, times(gain), f"{goal}", at_least(gain, goal)])
    return lines


def memory(scale: Scale) -> list[str]:
    """Measure the peak of the memory."""
    head = ["encode / block", "goal", "L²/8", "batch: beyond", "goal", "one at a time: beyond", "goal"]
    return [
        "### Memory",
        "",
        "Peak of the memory of Python and numpy, in bytes. Goals: encoding needs at most 2 times the block; decoding (20 % lost)"
        f" needs the block, L²/8, and at most {TABLES_BYTES:,} bytes for tables; `beyond` is the memory beyond the block and"
        " L²/8.",
        "",
        *table([*NAMED, *head], [_memory_line(case) for case in cases(scale.sizes)]),
    ]


def _memory_line(case: Case) -> list[str]:
    arrived = receive(case, 0.2)
    session, fragments = arrived.session, arrived.fragments
    equations = len(arrived.lost) ** 2 // 8
    encoding = peak_bytes(partial(ours.encode, case.session())) / case.block_bytes
    peaks = (
        peak_bytes(partial(ours.decode_batch, session, arrived.numbers, arrived.payloads)),
        peak_bytes(partial(ours.decode_one_by_one, session, fragments)),
    )
    beyond = [peak - case.block_bytes - equations for peak in peaks]
    cells = [cell for extra in beyond for cell in (f"{extra:,}", at_most(max(extra, 0), TABLES_BYTES))]
    return [*_named(case), times(encoding), at_most(encoding, 2), f"{equations:,}", *cells]


def growth(scale: Scale) -> list[str]:
    """Measure how the time grows with M and with the fragment size, with the exponents."""
    by_nb_frag = [(nb_frag, GROWTH_FRAG_SIZE) for nb_frag in scale.growth_nb_frag]
    by_frag_size = [(GROWTH_NB_FRAG, frag_size) for frag_size in scale.growth_frag_sizes]
    return [
        "### Growth",
        "",
        "Version 1, 20 % redundancy, 10 % lost; times in ms. The last line is the exponent fitted to the column: 1 means"
        " proportional. R and L grow with M, so that elimination row by row would have an exponent of 3 in M.",
        "",
        *_growth(f"M (fragments of {GROWTH_FRAG_SIZE})", scale.growth_nb_frag, by_nb_frag, scale.rounds),
        *_growth(f"fragment (M = {GROWTH_NB_FRAG})", scale.growth_frag_sizes, by_frag_size, scale.rounds),
    ]


def _growth(title: str, varied: tuple[int, ...], points: list[tuple[int, int]], rounds: int) -> list[str]:
    samples = [_growth_sample(*point, rounds) for point in points]
    lines = [[f"{x}", *map(milliseconds, sample.values())] for x, sample in zip(varied, samples, strict=True)]
    columns = zip(*(sample.values() for sample in samples), strict=True)
    exponents = [times(float(np.polyfit(np.log(varied), np.log(column), 1)[0])) for column in columns]
    return table([title, *samples[0]], [*lines, ["exponent", *exponents]])


def _growth_sample(nb_frag: int, frag_size: int, rounds: int) -> dict[str, float]:
    case = Case(block_bytes=nb_frag * frag_size, frag_size=frag_size, version=1)
    with jobs.encode(case) as encoding, jobs.decode(receive(case, 0.1)) as decoding:
        work = {"encode": encoding, "decode": decoding}
        chosen = {f"{what}, {who}": work[what][who] for what, who in product(work, (OURS, M4RI)) if who in work[what]}
        return cpu_side_by_side(chosen, rounds)


def _named(case: Case) -> list[str]:
    return [f"{case.block_bytes}", f"{case.frag_size}", f"{case.nb_frag}", f"{case.version}"]
