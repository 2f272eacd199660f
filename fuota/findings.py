"""Findings about a plan or an image: severity, code, and a message that says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Severity of a finding."""

    NOTE = "note"
    """Information; nothing needs to be done."""
    WARNING = "warning"
    """It may cost devices or time."""
    ERROR = "error"
    """The image must not be sent in this state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An observation about a plan or an image.

    code: stable and documented. message: what was observed and what to do about it, in one or two sentences.
    """

    severity: Severity
    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """Return severity, code and message as a flat JSON object."""
        return {"severity": self.severity.value, "code": self.code, "message": self.message}


def note(code: str, message: str) -> Finding:
    """Return a finding of severity NOTE."""
    return Finding(severity=Severity.NOTE, code=code, message=message)


def warning(code: str, message: str) -> Finding:
    """Return a finding of severity WARNING."""
    return Finding(severity=Severity.WARNING, code=code, message=message)


def error(code: str, message: str) -> Finding:
    """Return a finding of severity ERROR."""
    return Finding(severity=Severity.ERROR, code=code, message=message)


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings in the order in which they were made."""

    items: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no finding is an error, so that the image may be sent."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings of severity ERROR."""
        return tuple(finding for finding in self.items if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings of severity WARNING."""
        return tuple(finding for finding in self.items if finding.severity is Severity.WARNING)

    @property
    def codes(self) -> tuple[str, ...]:
        """The code of each finding."""
        return tuple(finding.code for finding in self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __add__(self, others: Iterable[Finding]) -> Findings:
        return Findings((*self.items, *others))
