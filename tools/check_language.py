"""Check the rules of docs/style.md: docstring openings, phrases, names and the form of messages.

    python tools/check_language.py [--counts] [PATH ...]

Prints one finding per line, `file:line: rule: text`, and exits with 1 if there are any.
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

Finding = tuple[int, str, str]

SKIPPED = {"docs/style.md", "tools/check_language.py", "LICENSE"}

OPENINGS = re.compile(
    r"(What|Who|Whom|Whose|Those|Of|As|One|So|By|Where|How|That|Which|With|Whatever|Whoever|Such|Nor|Neither|Near|Be|But|And|Or)\b"
)
"""First words that begin a docstring without a verb or a noun."""

_ERRORS = r"Raises? [\w, ]*Error\w*"
PHRASES = {
    "where for if": rf"\b(None|nothing|False|True|empty|{_ERRORS}) where\b|\bwhere (it|they|there|none|nothing|None)\b",
    "those, that of": r"\bthose (of|that|which|who|whose|with|in|from)\b|\b(like|is|are|as|than|and|from) that of\b",
    "the one": r"\b(the|each|every|another|such an?|no) ones?\b(?! (of|hundred|byte|bit|second|hour|device|frame))|\bones\b",
    "is no": r"(?<!there )\b(is|are|was|were|be) no (?!(longer|more|less|later|earlier|larger|smaller)\b)[a-z]+",
    "of which": r"\b(of|by|with|for) (which|whom)\b",
    "so many": r"\bso (many|much|long|few|often)\b",
    "of its own": r"\bof (itself|themselves|(its|their|his|one's|our|my|your) own)\b|\banew\b",
    "metaphor": r"\b(mend(s|ed|ing)?|ruin(s|ed)?|luck(y|ily)?|orchestra|newcomers?|house rules?)\b|\b(this|that) room\b",
    "whoever": r"\b(whoever|whomever|whatsoever|be it|to speak of|hither|thither|therein|wherein|nought)\b",
    "octets": r"\boctets?\b(?!-stream)",
    "told": r"\b(is|are|was|were|be) (told|said|heard of)\b|\bit is not known\b",
    "message form": r"\bwas given: |[;,:] the nearest( legal value)? is\b|\bnearest legal value is\b",
}
COMPILED = {rule: re.compile(pattern, re.IGNORECASE) for rule, pattern in PHRASES.items()}

PRONOUN_NAMES = frozenset(
    {"one", "ones", "other_one", "found", "given", "said", "told", "asked", "heard", "wanted", "made", "taken", "gone"}
    | {"seen", "meant", "thing", "things", "so_far", "such", "whom"}
)
FOREIGN_NAMES = frozenset({"data_received"})
"""Methods that a base class of a library names."""
ACTING_PARTICIPLE = re.compile(r"_?([a-z]+_)*(?!need|feed|speed|seed|embed|shed)[a-z]+ed$")
TEST_NAME = re.compile(
    r"test_(of|what|who|whose|where|so|by|as|that|those|one|from|such|which|nor|neither|be|but|and)_"
)


def main(arguments: list[str]) -> int:
    """Check the files below the given paths, or all files that git tracks."""
    paths = [argument for argument in arguments if not argument.startswith("--")]
    findings = [(path, *finding) for path in _files(paths) for finding in check_file(Path(path))]
    if "--counts" in arguments:
        for rule, count in Counter(rule for _, _, rule, _ in findings).most_common():
            print(f"{count:6} {rule}")
    else:
        for path, line, rule, text in findings:
            print(f"{path}:{line}: {rule}: {text}")
    print(f"{len(findings)} findings in the language", file=sys.stderr)
    return 1 if findings else 0


def check_file(path: Path) -> list[Finding]:
    """Return the findings of one file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    if path.suffix in {".py", ".pyi"}:
        return sorted(_python(text))
    if path.suffix in {".c", ".h"}:
        return [f for line, comment in _c_comments(text) for f in _phrases(line, comment)]
    if path.suffix == ".ipynb":
        return [f for line, cell in _cells(text) for f in _phrases(line, cell)]
    return _phrases(1, text)


def _files(paths: list[str]) -> Iterator[str]:
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard", *paths]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - git, on paths of ours
    for name in listed.split("\0"):
        path = Path(name)
        if name in SKIPPED or "vectors" in path.parts or not path.is_file():
            continue
        if path.suffix in {".py", ".pyi", ".c", ".h", ".ipynb", ".md", ".sh", ".toml"} or path.name == "Makefile":
            yield name


def _python(text: str) -> Iterator[Finding]:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        yield from _names(node)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            yield from _opening(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 3:
            yield from _phrases(node.lineno, node.value)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from _phrases(token.start[0], token.string)


def _opening(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) -> Iterator[Finding]:
    docstring = ast.get_docstring(node)
    if docstring and OPENINGS.match(docstring):
        yield node.body[0].lineno, "docstring opening", docstring.splitlines()[0]


def _names(node: ast.AST) -> Iterator[Finding]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.lstrip("_") in PRONOUN_NAMES:
        yield node.lineno, "pronoun as a name", node.id
    elif isinstance(node, ast.arg) and node.arg.lstrip("_") in PRONOUN_NAMES:
        yield node.lineno, "pronoun as a name", node.arg
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if TEST_NAME.match(node.name):
            yield node.lineno, "test name", node.name
        elif _acts(node) and ACTING_PARTICIPLE.match(node.name) and node.name not in FOREIGN_NAMES:
            yield node.lineno, "participle that acts", node.name
        elif node.name.lstrip("_") in PRONOUN_NAMES or "octet" in node.name:
            yield node.lineno, "name", node.name


def _acts(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return isinstance(node.returns, ast.Constant) and node.returns.value is None and not node.name.startswith("test_")


def _phrases(line: int, text: str) -> list[Finding]:
    findings = []
    for rule, pattern in COMPILED.items():
        for match in pattern.finditer(text):
            start, end = max(0, match.start() - 30), match.end() + 30
            findings.append((line + text.count("\n", 0, match.start()), rule, " ".join(text[start:end].split())))
    return findings


def _c_comments(text: str) -> Iterator[tuple[int, str]]:
    for match in re.finditer(r"/\*.*?\*/|//[^\n]*", text, re.DOTALL):
        yield text.count("\n", 0, match.start()) + 1, match.group(0)


def _cells(text: str) -> Iterator[tuple[int, str]]:
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        yield number, "".join(cell["source"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
