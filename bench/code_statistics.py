"""Failures of the code of TS004, with consecutive and with chosen coded fragments: the code section of docs/numbers.md.

`make bench` runs it, in about two minutes. Nothing is timed, so that the tables are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from markdown import write_between_markers

from fuota.fragmentation.limits import coded_count
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
    "Failures of the code of TS004, computed by `bench/code_statistics.py` (run by `make bench`) from the real parity matrices.",
    "*Consecutive*: coded fragments N = M + 1 and the following, which all other senders use; *chosen*: as many, with the numbers"
    " of `choose_coded`; *ideal code*: the uniformly random code of the usual formula. Coded and uncoded fragments have the same"
    " loss.",
    "",
)
FRAGMENTS = (21, 50, 100, 500)
SHARES = (0.05, 0.10, 0.20, 0.30)
LOSSES = (0.01, 0.02, 0.05, 0.10, 0.20)
VERSIONS = (1, 2)
EFFORT_S = 1.8
CONFIDENCE = 0.999
"""Confidence of each interval, high because hundreds of intervals are compared."""
RESOLUTION = 1e-14
"""Failures below this are lost in the rounding of a probability near 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A session and a loss: the failure of the ideal code, and the results (consecutive, chosen) of each version."""

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
    """Yield the results of consecutive and chosen numbers at equal air time, for each loss."""
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
    """Yield the lines of a Markdown table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def failure_tables(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the tables of failures with the ideal code, consecutive and chosen numbers, at equal air time."""
    head = ("R", "loss", "ideal code", "v1 consecutive", "v1 chosen", "v2 consecutive", "v2 chosen")
    for nb_frag in FRAGMENTS:
        yield f"### M = {nb_frag}: probability that a device does not complete (interval of {CONFIDENCE:.1%}; none if exact)"
        yield ""
        yield from table(head, [failure_row(case) for case in cases if case.nb_frag == nb_frag])


def failure_row(case: Case) -> Sequence[str]:
    """Return the failures of a case."""
    results = [failure(result) for version in VERSIONS for result in case.real[version]]
    return f"{case.nb_coded} ({case.share:.0%})", f"{case.loss:.0%}", number(case.ideal), *results


def verdict_table(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the table of how often chosen numbers are better, and how often worse, by the intervals."""
    yield f"### Chosen numbers in {len(cases)} cases, compared by intervals of {CONFIDENCE:.1%}"
    yield ""
    rows = []
    for version in VERSIONS:
        pairs = [case.real[version] for case in cases]
        rows.append((f"v{version} consecutive", *verdict([(chosen, other.low, other.high) for other, chosen in pairs])))
        ideals = [(case.real[version][1], 1 - case.ideal, 1 - case.ideal) for case in cases]
        rows.append((f"the ideal code, from v{version}", *verdict(ideals)))
    yield from table(("compared with", "better", "undecided", "worse"), rows)


def verdict(pairs: Sequence[tuple[DecodingProbability, float, float]]) -> Sequence[str]:
    """Return how often a result is above, overlaps, and is below the range low to high, apart from rounding near 1."""
    better = sum(result.low > high + RESOLUTION for result, _, high in pairs)
    worse = sum(result.high < low - RESOLUTION for result, low, _ in pairs)
    return str(better), str(len(pairs) - better - worse), str(worse)


def coverage_table() -> Iterator[str]:
    """Yield the table of uncovered fragments, and of the number of coded fragments that contain the least covered fragment."""
    yield "### Number of fragments that no coded fragment contains, and least number of coded fragments that contain a fragment"
    yield ""
    head = ("M", "R", "v1 consecutive", "v1 chosen", "v2 consecutive", "v2 chosen")
    yield from table(head, coverage_rows())


def coverage_rows() -> Iterator[Sequence[str]]:
    """Yield a row for each M and R."""
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
    """Yield the table of the uncovered fragments in published sessions."""
    yield "### Numbers of the fragments that no coded fragment contains (version 1, consecutive)"
    yield ""
    cases = ((3, 2), (3, 9), (21, 5), (50, 10), (50, 15))
    rows = ((str(m), str(r), ", ".join(map(str, uncovered(m, r)))) for m, r in cases)
    yield from table(("M", "R", "uncovered"), rows)


def near_copy_table() -> Iterator[str]:
    """Yield the table of coded fragments that are near copies of each other for any M."""
    yield "### Near copies among the first 1500 coded fragments (as k, N = M + k): rows that differ in at most M / 8 positions"
    yield ""
    rows = (near_copy_row(nb_frag, version) for nb_frag in (100, 333, 500, 1000) for version in VERSIONS)
    yield from table(("M", "version", "pairs", "nearest: k, k (distance)"), rows)


def near_copy_row(nb_frag: int, version: int) -> Sequence[str]:
    """Return the number of pairs, and the four nearest pairs."""
    pairs = near_copies(nb_frag, 1500, version=version)
    nearest = sorted(pairs, key=lambda pair: pair.distance)[:4]
    names = "; ".join(f"{pair.first - nb_frag}, {pair.second - nb_frag} ({pair.distance})" for pair in nearest)
    return str(nb_frag), str(version), str(len(pairs)), names


def failure(result: DecodingProbability) -> str:
    """Return a failure probability as text, with its interval if it has one."""
    if result.exact:
        return number(1 - result.estimate)
    low, high = number(1 - result.high), number(1 - result.low)
    if 1 - result.low > 100 * (1 - result.estimate):
        return f"< {high}"
    return f"{number(1 - result.estimate)} ({low} to {high})"


def number(value: float) -> str:
    """Return a number as text, with three digits."""
    return f"{value:.3g}" if value > RESOLUTION else f"< {RESOLUTION:g}"


if __name__ == "__main__":
    main()
