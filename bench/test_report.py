"""Run the report on small cases. The figures are not checked."""

from __future__ import annotations

from pathlib import Path

import images
import planning
import report
from cases import SMALL_ROW_SIZES, SMALL_SIZES
from markdown import at_least, at_most, markers, write_between_markers
from sections import Scale

SMALL = Scale(
    sizes=SMALL_SIZES[:1],
    row_sizes=SMALL_ROW_SIZES,
    losses=(0.1,),
    growth_nb_frag=(50, 100),
    growth_frag_sizes=(24, 48),
    rounds=1,
)

BEGIN, END = markers("engine")


def test_report_writes_every_table_and_keeps_other_text(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.md"
    numbers.write_text(f"# Numbers\n\nbefore\n\n{BEGIN}\nstale\n{END}\n\nafter\n")
    report.main(numbers, SMALL)
    text = numbers.read_text()
    assert text.startswith(f"# Numbers\n\nbefore\n\n{BEGIN}\n## The engine")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "stale" not in text
    for title in ("Parity rows", "Encode", "Decode", "Two threads", "Memory", "Growth", "The whole command"):
        assert f"\n### {title}\n\n" in text


def test_missing_markers_are_added(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.md"
    for _ in range(2):
        write_between_markers(numbers, "engine", ["text"])
    assert numbers.read_text() == f"# Numbers\n\n{BEGIN}\ntext\n{END}\n"


def test_a_missed_goal_shows_the_difference() -> None:
    assert (at_least(3.0, 3), at_least(2.4, 3)) == ("met", "missed by 20%")
    assert (at_most(2.0, 2), at_most(2.6, 2)) == ("met", "missed by 30%")


def test_the_planning_section_has_a_row_for_each_case() -> None:
    lines = planning.section(devices=500, rounds=1)
    assert [
        line.split("|")[1].strip()
        for line in lines
        if line.startswith("| a plan") or line.startswith("| the Pareto front")
    ] == [what for what, _, _ in planning.cases(Path("unread.csv"))]


def test_the_images_section_has_a_row_for_each_format() -> None:
    lines = images.section(size=20_000, rounds=1)
    names = [line.split("|")[1].rpartition(",")[0].strip() for line in lines if line.endswith("met |")]
    assert names == list(images.images(images.firmware(20_000)))
