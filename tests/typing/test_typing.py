"""The public interface as a user's type checker and a user's mistakes see it."""

import re
from pathlib import Path

import pytest
from mypy import api

import fuota

FOLDER = Path(__file__).parent
ACCEPTED, REJECTED = FOLDER / "accepted.py", FOLDER / "rejected.py"
FIRST_MISTAKE = "# Each line from here on is a mistake.\n"

pytestmark = pytest.mark.slow


def mistakes() -> list[tuple[int, str]]:
    """Return the lines of rejected.py that are mistakes, with their numbers."""
    names, lines = REJECTED.read_text().split(FIRST_MISTAKE)
    first = names.count("\n") + 2
    return [(first + index, line) for index, line in enumerate(lines.splitlines())]


def mypy_output(path: Path) -> str:
    output, errors, _ = api.run(["--strict", "--no-error-summary", "--no-namespace-packages", str(path)])
    assert not errors
    return output


def test_a_users_program_is_accepted():
    assert mypy_output(ACCEPTED) == ""


def test_every_mistake_is_rejected():
    output = mypy_output(REJECTED)
    rejected = {int(number) for number in re.findall(r"rejected\.py:(\d+): error", output)}
    assert rejected == {number for number, _ in mistakes()}


@pytest.mark.parametrize(("number", "line"), mistakes())
def test_every_mistake_raises_our_error(number, line):
    names = {}
    exec(REJECTED.read_text().split(FIRST_MISTAKE)[0], names)
    with pytest.raises(fuota.FuotaError):
        exec(line, names)
