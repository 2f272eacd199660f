"""docs/images.md lists the codes, keys and states that are in the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from fuota.image import ImageRequirements, SignatureState

ROOT = Path(__file__).parents[2]


def codes_in_code() -> set[str]:
    """Return the first argument of every call of note, warning or error, or of an expression that chooses among them."""
    makers, codes = {"note", "warning", "error", "severity"}, set()
    for path in (*ROOT.glob("fuota/image/**/*.py"), ROOT / "fuota/device/image_validation.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and {name.id for name in ast.walk(node.func) if isinstance(name, ast.Name)} & makers
            ):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    codes.add(first.value)
    return codes


def test_documentation_lists_exactly_the_codes():
    table = (ROOT / "docs/images.md").read_text().split("## Findings")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", table, flags=re.MULTILINE)
    assert sorted(listed) == sorted(codes_in_code())


def test_every_code_is_quoted_in_a_test():
    """The code is in quotes or brackets."""
    folders = ("tests/image", "tests/device", "tests/cli")
    tests = "".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("test_*.py"))
    assert [code for code in sorted(codes_in_code()) if not re.search(rf"[\"'(]{code}[\"')]", tests)] == []


def test_documentation_shows_every_key_of_the_image_table():
    text = (ROOT / "docs/images.md").read_text()
    assert all(re.search(rf"^    {name} = ", text, flags=re.MULTILINE) for name in ImageRequirements.__slots__)


def test_documentation_explains_every_state_of_a_signature():
    text = (ROOT / "docs/images.md").read_text()
    assert all(f"| `{state.value}` |" in text for state in SignatureState)
