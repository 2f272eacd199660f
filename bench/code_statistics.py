"""What the code of TS004 loses, and what choosing the coded fragments gains: the code section of docs/numbers.md.

`make bench` runs it; it takes about two minutes. Nothing here is timed: the tables are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from markdown import write_between_markers

from fuota.fragmentation.parity import coded_count
from fuota.fragmentation.statistics import (
    DecodingProbability,
    choose_coded,
    column_weights,
    decoding_probability,
    ideal_failure,
    near_copies,
    uncovered,
)

NUMBERS = Path(__file__).parents[1] / "docs" / "numbers.md"
INTRODUCTION = (
    "## The code",
    "",
    "What the code of TS004 repairs, computed by `bench/code_statistics.py` (run by `make bench`) from the real parity matrices.",
    "*Consecutive* sends N = M + 1 and on, as everybody does; *chosen* sends as many, with the numbers of `choose_coded`; the"
    " *ideal code* is the uniformly random one of the usual formula. Losses strike coded and uncoded fragments alike.",
    "",
)
FRAGMENTS = (21, 50, 100, 500)
SHARES = (0.05, 0.10, 0.20, 0.30)
LOSSES = (0.01, 0.02, 0.05, 0.10, 0.20)
VERSIONS = (1, 2)
EFFORT_S = 1.8
CONFIDENCE = 0.999
"""Of each interval: so high because hundreds are compared."""
WORTH_READING = 1e-14
"""Failures below this drown in the rounding of a probability near 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One session over one air: the failure of the ideal code, and each version's (consecutive, chosen)."""

    nb_frag: int
    nb_coded: int
    share: float
    loss: float
    ideal: float
    real: dict[int, tuple[DecodingProbability, DecodingProbability]]


def main() -> None:
    """Write all tables."""
    cases = [case for nb_frag in FRAGMENTS for share in SHARES for case in measure(nb_frag, share)]
    tables = [verdict_table(cases), failure_tables(cases), coverage_table(), published_table(), near_copy_table()]
    write_between_markers(NUMBERS, "code", [*INTRODUCTION, *chain.from_iterable(tables)])


def measure(nb_frag: int, share: float) -> Iterator[Case]:
    """Consecutive and chosen numbers at equal airtime, for each loss."""
    nb_coded = coded_count(nb_frag, share)
    chosen = {version: choose_coded(nb_frag, nb_coded, version) for version in VERSIONS}
    for loss in LOSSES:
        real = {}
        for version in VERSIONS:
            consecutive, better = (
                decoding_probability(
                    nb_frag, coded=coded, loss=loss, version=version, seconds=EFFORT_S, confidence=CONFIDENCE
                )
                for coded in (nb_coded, chosen[version])
            )
            real[version] = consecutive, better
        ideal = ideal_failure(nb_frag, coded=nb_coded, loss=loss)
        yield Case(nb_frag=nb_frag, nb_coded=nb_coded, share=share, loss=loss, ideal=ideal, real=real)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def failure_tables(cases: Sequence[Case]) -> Iterator[str]:
    """Failure of the ideal code, of consecutive numbers and of chosen ones, at equal airtime."""
    head = ("R", "loss", "ideal code", "v1 consecutive", "v1 chosen", "v2 consecutive", "v2 chosen")
    for nb_frag in FRAGMENTS:
        yield f"### M = {nb_frag}: probability that a device does not complete (interval of {CONFIDENCE:.1%}; none where exact)"
        yield ""
        yield from table(head, [failure_row(case) for case in cases if case.nb_frag == nb_frag])


def failure_row(case: Case) -> Sequence[str]:
    """The failures of one case."""
    results = [failure(result) for version in VERSIONS for result in case.real[version]]
    return f"{case.nb_coded} ({case.share:.0%})", f"{case.loss:.0%}", number(case.ideal), *results


def verdict_table(cases: Sequence[Case]) -> Iterator[str]:
    """In how many cases the intervals say that chosen numbers are better, and in how many that they are worse."""
    yield f"### Chosen numbers in these {len(cases)} cases, by their intervals of {CONFIDENCE:.1%}"
    yield ""
    rows = []
    for version in VERSIONS:
        pairs = [case.real[version] for case in cases]
        rows.append((f"v{version} consecutive", *verdict([(chosen, other.low, other.high) for other, chosen in pairs])))
        ideals = [(case.real[version][1], 1 - case.ideal, 1 - case.ideal) for case in cases]
        rows.append((f"the ideal code, from v{version}", *verdict(ideals)))
    yield from table(("against", "better", "cannot be told apart", "worse"), rows)


def verdict(pairs: Sequence[tuple[DecodingProbability, float, float]]) -> Sequence[str]:
    """How often a result lies above, across and below low to high (rounding of a probability near 1 aside)."""
    better = sum(result.low > high + WORTH_READING for result, _, high in pairs)
    worse = sum(result.high < low - WORTH_READING for result, low, _ in pairs)
    return str(better), str(len(pairs) - better - worse), str(worse)


def coverage_table() -> Iterator[str]:
    """How many fragments no coded one contains, and how often the least covered one is contained."""
    yield "### Fragments that no coded fragment contains, and in how many the least covered one is"
    yield ""
    head = ("M", "R", "v1 consecutive", "v1 chosen", "v2 consecutive", "v2 chosen")
    yield from table(head, coverage_rows())


def coverage_rows() -> Iterator[Sequence[str]]:
    """One row for each M and R."""
    for nb_frag in FRAGMENTS:
        for share in SHARES:
            nb_coded = coded_count(nb_frag, share)
            cells = []
            for version in VERSIONS:
                for coded in (nb_coded, choose_coded(nb_frag, nb_coded, version)):
                    least = column_weights(nb_frag, coded, version).min()
                    cells.append(f"{len(uncovered(nb_frag, coded, version))} (least {least})")
            yield str(nb_frag), str(nb_coded), *cells


def published_table() -> Iterator[str]:
    """The sessions that were looked at before, by name."""
    yield "### Fragments that no coded fragment contains, named (version 1, consecutive)"
    yield ""
    cases = ((3, 2), (3, 9), (21, 5), (50, 10), (50, 15))
    rows = ((str(m), str(r), ", ".join(map(str, uncovered(m, r)))) for m, r in cases)
    yield from table(("M", "R", "uncovered"), rows)


def near_copy_table() -> Iterator[str]:
    """Pairs of coded fragments that are near copies of one another whatever M is."""
    yield "### Near copies among the first 1500 coded fragments (as k, N = M + k), rows that differ in at most M / 8 positions"
    yield ""
    rows = (near_copy_row(nb_frag, version) for nb_frag in (100, 333, 500, 1000) for version in VERSIONS)
    yield from table(("M", "version", "pairs", "nearest: k, k (distance)"), rows)


def near_copy_row(nb_frag: int, version: int) -> Sequence[str]:
    """How many pairs there are, and the four nearest."""
    pairs = near_copies(nb_frag, 1500, version=version)
    nearest = sorted(pairs, key=lambda pair: pair.distance)[:4]
    named = "; ".join(f"{pair.first - nb_frag}, {pair.second - nb_frag} ({pair.distance})" for pair in nearest)
    return str(nb_frag), str(version), str(len(pairs)), named


def failure(result: DecodingProbability) -> str:
    """A failure probability, with its interval where it has one."""
    if result.exact:
        return number(1 - result.estimate)
    low, high = number(1 - result.high), number(1 - result.low)
    if 1 - result.low > 100 * (1 - result.estimate):
        return f"< {high}"
    return f"{number(1 - result.estimate)} ({low} to {high})"


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if value > WORTH_READING else f"< {WORTH_READING:g}"


if __name__ == "__main__":
    main()
